//! An input file as a stream of UTF-8 bytes: decompression with a bomb guard, byte order
//! marks, GB18030 and UTF-16, and lines with a limit. Knows nothing of formats.
//!
//! What a whole-file transcoder cannot decode it passes on as the byte `0xFF`, which is valid
//! nowhere: the line that holds it is refused below, and the lines around it are not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{Decoder, DecoderResult, Encoding, GB18030, UTF_16BE, UTF_16LE};

use super::{Fault, ImportOptions, Rejected, SourceRef};
use crate::{Error, Result};

/// How much of a file the detection looks at.
const HEAD_BYTES: usize = 256 << 10;
/// Length of a line below which the compression ratio says nothing.
const RATIO_FLOOR: u64 = 4 << 20;
/// Said of every record that was in another encoding.
const FROM_GB18030: &str = "decoded from GB18030";
const FROM_UTF16: &str = "decoded from UTF-16";

/// An opened input.
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// The path without `.gz` or `.zst`.
    pub(super) name: PathBuf,
    /// The first bytes, decompressed and in UTF-8. `reader` gives them again.
    pub(super) head: Vec<u8>,
    /// Whether `head` is the whole file.
    pub(super) head_complete: bool,
    reader: Box<dyn BufRead + Send>,
    note: Option<&'static str>,
    max_line: usize,
    max_document: usize,
}

impl Source {
    /// Opens a file and looks at its first bytes.
    ///
    /// # Errors
    /// When the file cannot be opened or its first bytes cannot be read.
    pub(super) fn open(path: &Path, options: &ImportOptions) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        if file.metadata().is_ok_and(|m| m.is_dir()) {
            return Err(Error::io(path, io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let mut file = BufReader::new(file);
        let magic = file.fill_buf().map_err(|e| Error::io(path, e))?;
        let (gzip, zstd) = (magic.starts_with(&[0x1f, 0x8b]), magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
        let (inner, name): (Box<dyn Read + Send>, PathBuf) = if gzip || zstd {
            let taken = Arc::new(AtomicU64::new(0));
            let counted = BufReader::new(Counted { inner: file, taken: Arc::clone(&taken) });
            let decoder: Box<dyn Read + Send> = if gzip {
                Box::new(flate2::bufread::MultiGzDecoder::new(counted))
            } else {
                Box::new(zstd::stream::read::Decoder::with_buffer(counted).map_err(|e| Error::io(path, e))?)
            };
            (Box::new(Guarded { inner: decoder, taken, run: 0, ratio: options.max_ratio }), without_packing(path))
        } else {
            (Box::new(file), path.to_owned())
        };
        let limited = Limited { inner, left: options.max_file_bytes };
        let mut source = Self::of(path.to_owned(), name, Box::new(limited));
        source.max_line = options.max_line_bytes;
        source.max_document = options.max_document_bytes;
        Ok(source)
    }

    /// Decides on the encoding from the first bytes.
    pub(super) fn of(path: PathBuf, name: PathBuf, inner: Box<dyn Read + Send>) -> Self {
        let (raw, complete, mut reader) = peek(inner);
        let (encoding, note): (Option<&'static Encoding>, _) = if raw.starts_with(&[0xff, 0xfe]) {
            (Some(UTF_16LE), Some(FROM_UTF16))
        } else if raw.starts_with(&[0xfe, 0xff]) {
            (Some(UTF_16BE), Some(FROM_UTF16))
        } else if !utf8_so_far(&raw) && is_gb18030(&raw, complete) {
            (Some(GB18030), Some(FROM_GB18030))
        } else {
            (None, None)
        };
        let (head, head_complete) = match encoding {
            Some(encoding) => {
                let (head, complete, transcoded) = peek(Box::new(Transcoder::new(reader, encoding.new_decoder())));
                reader = transcoded;
                (head, complete)
            }
            None if raw.starts_with(b"\xef\xbb\xbf") => {
                reader.consume(3);
                (raw[3..].to_vec(), complete)
            }
            None => (raw, complete),
        };
        Self {
            path,
            name,
            head,
            head_complete,
            reader,
            note,
            max_line: usize::MAX,
            max_document: usize::MAX,
        }
    }

    /// The file's name without folder and without any ending.
    pub(super) fn stem(&self) -> String {
        self.name.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The ending of the name, lower case, without `.gz` or `.zst`.
    pub(super) fn extension(&self) -> String {
        self.name.extension().unwrap_or_default().to_string_lossy().to_lowercase()
    }

    /// The first bytes as text.
    pub(super) fn head_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.head)
    }

    /// The lines, blank ones left out.
    pub(super) fn lines(self) -> Lines {
        Lines {
            path: self.path,
            reader: self.reader,
            note: self.note,
            max: self.max_line,
            number: 0,
            failed: false,
            blank: false,
        }
    }

    /// All lines, blank ones too.
    pub(super) fn all_lines(self) -> Lines {
        Lines { blank: true, ..self.lines() }
    }

    /// The whole file as text, with what was changed to read it.
    ///
    /// # Errors
    /// When it is too long, breaks off, or cannot be decoded.
    pub(super) fn document(mut self) -> Result<Text, Box<Rejected>> {
        let source = SourceRef { file: self.path.clone(), line: None };
        let mut bytes = Vec::new();
        let result = (&mut self.reader).take((self.max_document as u64).saturating_add(1)).read_to_end(&mut bytes);
        let too_long = bytes.len() > self.max_document;
        if too_long {
            bytes.truncate(self.max_document);
        }
        let fault = match result {
            _ if too_long => {
                Fault::new(format!("longer than the limit of {} bytes for one document", self.max_document))
            }
            Err(error) => Fault::broken(&error),
            Ok(_) => match decode(&bytes) {
                Ok((text, note)) => return Ok(Text { text, warnings: warnings(self.note, note) }),
                Err(fault) => fault,
            },
        };
        Err(fault.reject(source, None, Some(super::json::readable_in(&lossy(&bytes)))))
    }

    /// The stream itself, for formats that split it in their own way.
    pub(super) fn into_stream(self) -> Stream {
        Stream { reader: self.reader, note: self.note, max: self.max_line, path: self.path }
    }
}

/// The bytes of a file with what is known of them.
pub(super) struct Stream {
    pub(super) reader: Box<dyn BufRead + Send>,
    pub(super) note: Option<&'static str>,
    pub(super) max: usize,
    pub(super) path: PathBuf,
}

/// Decoded text, with what was changed to decode it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) warnings: Vec<String>,
}

/// A line with its number, from 1.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) text: Text,
}

/// The lines of a file that are not blank; those that cannot be read are rejected one by one.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    note: Option<&'static str>,
    max: usize,
    number: u64,
    failed: bool,
    /// Whether blank lines are given too.
    blank: bool,
}

impl Lines {
    fn reject(&self, fault: Fault, bytes: &[u8]) -> Box<Rejected> {
        let source = SourceRef { file: self.path.clone(), line: Some(self.number) };
        let text = lossy(bytes);
        fault.reject(source, super::json::call_id_in(&text), Some(super::json::readable_in(&text)))
    }
}

impl Iterator for Lines {
    type Item = Result<Line, Box<Rejected>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.failed {
                return None;
            }
            let mut bytes = Vec::new();
            self.number += 1;
            match read_line(&mut *self.reader, self.max, &mut bytes) {
                Err(error) => {
                    self.failed = true;
                    return Some(Err(self.reject(Fault::broken(&error), &bytes)));
                }
                Ok(Fill::End) => return None,
                Ok(Fill::Line) if !self.blank && bytes.trim_ascii().is_empty() => {}
                Ok(Fill::Line) => {
                    return Some(match decode(&bytes) {
                        Ok((text, note)) => {
                            let text = Text { text, warnings: warnings(self.note, note) };
                            Ok(Line { number: self.number, text })
                        }
                        Err(fault) => Err(self.reject(fault, &bytes)),
                    });
                }
                Ok(Fill::TooLong) => {
                    let reason = format!("line longer than the limit of {} bytes", self.max);
                    return Some(Err(self.reject(Fault::new(reason), &bytes)));
                }
            }
        }
    }
}

/// What [`read_line`] met.
pub(super) enum Fill {
    /// The end of the file.
    End,
    /// A line, without its line feed.
    Line,
    /// A line over the limit: its beginning is given, its rest was skipped.
    TooLong,
}

/// Reads one line of at most `max` bytes.
pub(super) fn read_line(reader: &mut dyn BufRead, max: usize, line: &mut Vec<u8>) -> io::Result<Fill> {
    let (mut too_long, mut any) = (false, false);
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if buffer.is_empty() {
            return Ok(match (any, too_long) {
                (_, true) => Fill::TooLong,
                (true, _) => Fill::Line,
                (false, _) => Fill::End,
            });
        }
        any = true;
        let newline = buffer.iter().position(|&b| b == b'\n');
        let part = &buffer[..newline.unwrap_or(buffer.len())];
        let room = max.saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        too_long |= part.len() > room;
        let used = newline.map_or(buffer.len(), |at| at + 1);
        reader.consume(used);
        if newline.is_some() {
            return Ok(if too_long { Fill::TooLong } else { Fill::Line });
        }
    }
}

/// Text out of the bytes of one line or file: UTF-8, else GB18030 where that makes sense.
pub(super) fn decode(bytes: &[u8]) -> Result<(String, Option<&'static str>), Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((text.to_owned(), None)),
        Err(error) => match GB18030.decode_without_bom_handling_and_without_replacement(bytes) {
            Some(text) if is_gb18030(bytes, true) => Ok((text.into_owned(), Some(FROM_GB18030))),
            _ => Err(Fault::new(format!(
                "neither UTF-8 nor GB18030: undecodable byte at position {}",
                error.valid_up_to()
            ))),
        },
    }
}

/// As much of undecodable bytes as can be read.
pub(super) fn lossy(bytes: &[u8]) -> String {
    let utf8 = String::from_utf8_lossy(bytes);
    let (gb, _) = GB18030.decode_without_bom_handling(bytes);
    let bad = |text: &str| text.chars().filter(|&c| c == '\u{fffd}').count();
    // Mojibake has few undecodable bytes too: GB18030 must look like Chinese to be preferred.
    let text = if bad(&utf8) > 0 && bad(&gb) < bad(&utf8) && common_share(bytes) >= COMMON {
        gb
    } else {
        utf8
    };
    text.replace('\u{fffd}', " ")
}

fn warnings(file: Option<&'static str>, line: Option<&'static str>) -> Vec<String> {
    file.or(line).map(str::to_owned).into_iter().collect()
}

pub(super) fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the compressed file breaks off".to_owned(),
        _ => format!("reading stopped: {error}"),
    }
}

fn without_packing(path: &Path) -> PathBuf {
    match path.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
        Some("gz" | "zst" | "zstd") => path.with_extension(""),
        _ => path.to_owned(),
    }
}

/// Share of two-byte characters that must be common ones.
const COMMON: f64 = 0.7;

/// Whether the bytes are Chinese in GB18030. UTF-8 read as GB18030 often decodes without an
/// error, but into rare characters: more than two thirds must be punctuation or the common
/// characters of GB 2312 level 1.
fn is_gb18030(bytes: &[u8], complete: bool) -> bool {
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(bytes.len() * 2);
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, &mut text, complete);
    !matches!(result, DecoderResult::Malformed(..)) && common_share(bytes) >= COMMON
}

fn common_share(bytes: &[u8]) -> f64 {
    let (mut pairs, mut common, mut i) = (0u32, 0u32, 0);
    while let Some(&lead) = bytes.get(i) {
        if lead < 0x80 {
            i += 1;
            continue;
        }
        pairs += 1;
        let trail = bytes.get(i + 1).copied().unwrap_or(0);
        common += u32::from(matches!(lead, 0xa1..=0xa9 | 0xb0..=0xd7) && trail >= 0xa1);
        i += if trail.is_ascii_digit() { 4 } else { 2 };
    }
    if pairs == 0 {
        0.0
    } else {
        f64::from(common) / f64::from(pairs)
    }
}

/// Whether bytes are UTF-8 apart from a character that the end cuts through.
fn utf8_so_far(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).map_or_else(|e| e.error_len().is_none(), |_| true)
}

/// The first bytes of a stream, whether that was all, and the stream from its start.
fn peek(mut reader: Box<dyn Read + Send>) -> (Vec<u8>, bool, Box<dyn BufRead + Send>) {
    let mut head = Vec::new();
    let failure = (&mut reader).take(HEAD_BYTES as u64).read_to_end(&mut head).err();
    let complete = failure.is_none() && head.len() < HEAD_BYTES;
    let rest: Box<dyn Read + Send> = match failure {
        Some(error) => Box::new(Failing(Some(error))),
        None => reader,
    };
    (head.clone(), complete, Box::new(BufReader::with_capacity(64 << 10, Cursor::new(head).chain(rest))))
}

/// Gives an error that happened earlier, then the end.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Counts what is taken out of a compressed file.
struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Stops a decompression that gives far more than it takes within one line. Many lines that
/// resemble each other may shrink as far as they like: they are read one by one.
struct Guarded {
    inner: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
    /// What was given since the last line that says something, to the grain of one read.
    run: u64,
    ratio: u64,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.run += n as u64;
        let got = &buffer[..n];
        if got.contains(&b'\n') && !got.iter().all(u8::is_ascii_whitespace) {
            self.run = 0;
        }
        let taken = self.taken.load(Ordering::Relaxed).max(1);
        if self.run > RATIO_FLOOR && self.run / taken > self.ratio {
            let message = format!("decompression bomb: {} bytes out of {taken}, over {} times", self.run, self.ratio);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(n)
    }
}

/// Stops at the limit for one file.
struct Limited {
    inner: Box<dyn Read + Send>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "the file is longer than the limit for one file")
        })?;
        Ok(n)
    }
}

/// Another encoding into UTF-8.
struct Transcoder {
    inner: Box<dyn BufRead + Send>,
    decoder: Decoder,
    ready: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Transcoder {
    fn new(inner: Box<dyn BufRead + Send>, decoder: Decoder) -> Self {
        Self { inner, decoder, ready: Vec::new(), at: 0, ended: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        let input = self.inner.fill_buf()?;
        let last = input.is_empty();
        let room = self.decoder.max_utf8_buffer_length_without_replacement(input.len()).unwrap_or(64 << 10) + 4;
        self.ready.resize(room, 0);
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(input, &mut self.ready, last);
        self.ready.truncate(written);
        self.at = 0;
        if matches!(result, DecoderResult::Malformed(..)) {
            self.ready.push(0xff);
        } else {
            self.ended = last;
        }
        self.inner.consume(read);
        Ok(())
    }
}

impl Read for Transcoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            if self.ended {
                return Ok(0);
            }
            self.refill()?;
        }
        let n = (self.ready.len() - self.at).min(buffer.len());
        buffer[..n].copy_from_slice(&self.ready[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
