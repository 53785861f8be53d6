//! Calls as an Arrow IPC stream. Each piece is made on the compute pool when the client has taken the one before, so that
//! a slow client holds up nothing but itself, and one that has gone ends the work.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use qingting_index as index;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::backend::Writer;
use super::super::convert::Invalid;
use super::super::readers::patient;
use super::super::shared::{Shared, principal};
use super::super::status::Failure;
use super::selection::Wanted;
use crate::export::{Export, Table};

/// The action in the audit trail.
const EXPORTED: &str = "calls exported";

pub(super) async fn export(
    shared: &Arc<Shared>,
    request: Request<v1::ExportRequest>,
) -> Result<BoxStream<'static, Result<v1::ExportResponse, Status>>, Status> {
    let who = principal(request.extensions())?;
    let v1::ExportRequest { table, selection, include_texts } = request.into_inner();
    let table = match v1::ExportTable::try_from(table) {
        Ok(v1::ExportTable::Calls) => Table::Calls,
        Ok(v1::ExportTable::Analyses) => Table::Analyses,
        Ok(v1::ExportTable::Findings) => Table::Findings,
        Ok(v1::ExportTable::Unspecified) => return Err(Invalid::field("table", "required").into()),
        Err(_) => return Err(Invalid::field("table", format!("unknown value {table}")).into()),
    };
    let wanted = Wanted::parse(selection)?;
    let depth = if include_texts {
        index::Depth::Whole
    } else {
        index::Depth::Outline
    };
    let (ready, permit) = shared.stream(&who)?;
    // What leaves the service is out of its hands: who took it is written down before anything goes.
    let (by, what) = (who.to_string(), if include_texts { "with texts" } else { "without texts" });
    let detail = format!("{what}, {wanted}");
    let table_name = table.name();
    let noted = move |writer: &mut dyn Writer| writer.audit(&by, EXPORTED, table_name, &detail);
    shared.writes(&who)?.change(noted).await?;
    let opened = shared
        .compute
        .run(move || {
            let selection = wanted.resolve(&*ready.reader)?;
            let calls = ready.reader.scan(selection.period.range(), depth)?;
            let catalog = ready.judging.pipeline.finder().catalog().clone();
            let export = Export::new(calls, selection, table, include_texts, catalog).map_err(index::Error::from)?;
            Ok::<_, Failure>(export)
        })
        .await??;
    let limit = shared.config.slow_reader();
    let shared = shared.clone();
    let stream = async_stream::try_stream! {
        let _permit = permit;
        let mut export = opened;
        let mut rows = 0;
        loop {
            if shared.stopping.is_cancelled() {
                Err(Failure::ShuttingDown)?;
            }
            let (next, rest) = shared
                .compute
                .run(move || {
                    let next = export.next_piece();
                    (next, export)
                })
                .await?;
            export = rest;
            let Some(piece) = next.map_err(Failure::from)? else { break };
            rows = piece.rows;
            if !piece.data.is_empty() {
                yield v1::ExportResponse { data: piece.data, row_count: i64::try_from(piece.rows).unwrap_or(i64::MAX) };
            }
        }
        tracing::info!(who = who.id, ?table, include_texts, rows, "exported");
    };
    Ok(patient(stream.boxed(), limit))
}
