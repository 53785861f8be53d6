//! Calls as tables for analysts: an Arrow IPC stream, made piece by piece. Owns the columns ([`tables`], documented in
//! docs/kpi.md) and how much is in memory at once; which calls these are is the business of whoever hands them in.

mod tables;
#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow_ipc::writer::StreamWriter;
use qingting_index as index;
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::Catalog;

use crate::report::selection::Selection;

pub use tables::schema;

/// Largest piece, bytes.
pub const PIECE_BYTES: usize = 1 << 20;
/// Most calls that are encoded together.
const BATCH_CALLS: usize = 256;
/// Characters of text after which a batch ends, whatever its number of calls.
const BATCH_CHARACTERS: usize = 1 << 20;
/// Calls that are looked at before whoever asks is asked whether to go on.
const LOOK: usize = 1024;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Table {
    /// A call, as the source gave it
    Calls,
    /// A call, as the machine judged it
    Analyses,
    /// A finding
    Findings,
}

impl Table {
    /// The name on the command line and in the audit trail.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Analyses => "analyses",
            Self::Findings => "findings",
        }
    }
}

/// The next bytes of a stream, perhaps none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Bytes; the pieces one after the other are the stream.
    pub data: Vec<u8>,
    /// Rows that are complete with them, since the beginning.
    pub rows: u64,
}

/// A table on its way out. Memory is one batch of calls and its bytes, beside what the scan holds.
pub struct Export<I> {
    calls: I,
    selection: Selection,
    table: Table,
    texts: bool,
    catalog: Catalog,
    schema: SchemaRef,
    /// `None` once the end is written.
    writer: Option<StreamWriter<Vec<u8>>>,
    /// Bytes that are written and not handed out, and how many of them are.
    pending: (Vec<u8>, usize),
    rows: u64,
    /// Rows that are complete with what was handed out.
    told: u64,
}

impl<I: Iterator<Item = index::Result<Analyzed>>> Export<I> {
    /// A table of those of `calls` that are selected; with what was said, masked, if `texts` is set.
    ///
    /// # Errors
    /// When the head cannot be encoded.
    pub fn new(
        calls: I,
        selection: Selection,
        table: Table,
        texts: bool,
        catalog: Catalog,
    ) -> Result<Self, ArrowError> {
        let schema = schema(table, texts)?;
        let writer = Some(StreamWriter::try_new(Vec::new(), &schema)?);
        let pending = (Vec::new(), 0);
        Ok(Self {
            calls,
            selection,
            table,
            texts,
            catalog,
            schema,
            writer,
            pending,
            rows: 0,
            told: 0,
        })
    }

    /// The next piece, `None` at the end. A piece may be empty: so many calls were looked at and not selected.
    ///
    /// # Errors
    /// When a call cannot be read or encoded.
    pub fn next_piece(&mut self) -> index::Result<Option<Piece>> {
        if self.pending.1 >= self.pending.0.len() {
            if self.writer.is_none() {
                return Ok(None);
            }
            self.encode()?;
        }
        let (bytes, from) = (&self.pending.0, self.pending.1);
        let to = bytes.len().min(from + PIECE_BYTES);
        let data = bytes[from..to].to_vec();
        self.pending.1 = to;
        if to == bytes.len() {
            self.told = self.rows;
        }
        Ok(Some(Piece { data, rows: self.told }))
    }

    /// Encodes the next batch; the end after the last.
    fn encode(&mut self) -> index::Result<()> {
        let (batch, more) = self.batch()?;
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if !batch.is_empty() {
            let rows = tables::batch(self.table, self.texts, &batch, &self.catalog, &self.schema)?;
            if rows.num_rows() > 0 {
                writer.write(&rows)?;
                self.rows += rows.num_rows() as u64;
            }
        }
        if !more {
            writer.finish()?;
        }
        self.pending = (std::mem::take(writer.get_mut()), 0);
        if !more {
            self.writer = None;
        }
        Ok(())
    }

    fn batch(&mut self) -> index::Result<(Vec<Analyzed>, bool)> {
        let (mut batch, mut characters) = (Vec::new(), 0);
        for _ in 0..LOOK {
            let Some(call) = self.calls.next() else {
                return Ok((batch, false));
            };
            let call = call?;
            if !self.selection.has(&call.record) {
                continue;
            }
            characters += call.analysis.turns.iter().map(|turn| turn.text.len()).sum::<usize>();
            batch.push(call);
            if batch.len() == BATCH_CALLS || characters >= BATCH_CHARACTERS {
                break;
            }
        }
        Ok((batch, true))
    }
}
