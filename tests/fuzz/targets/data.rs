//! The data folder: queries and filters over calls, the log of live calls, backups.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Arc;

use qingting_index::calls::{CallQuery, Expression, FacetRequest, Filter, NoLookup, Sort};
use qingting_index::{Context, DataDir, DateRange, restore};
use qingting_pipeline::Pipeline;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::write::FileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Run, demo_calls, few, pipeline, sections};

pub(super) const WORDS: &[&str] = &[
    "AND",
    "OR",
    "NOT",
    "或",
    "或者",
    "-",
    "－",
    "\"",
    "“",
    "”",
    "(",
    ")",
    "（",
    "）",
    "排除:",
    "队列:12345",
    "坐席:A01",
    "日期:2026-11",
    "日期:2026-11-20..2026-11-25",
    "时段>=20",
    "得分<60",
    "score:0..100",
    "team:一组",
    "crisis:true",
    "code:impatience",
    "started_at>2026-11-23",
    "duration:~5分",
    "主题:停水",
    "!=",
    ">=",
    "<=",
    "..",
    "~",
    "*",
    ",",
    "三百块",
    "叁佰",
    "12号楼",
    "停水",
    "物业费",
    "幺二三四五",
    "started_at",
    "-score",
    "relevance",
    "newest",
    "query",
    "filter",
    "order_by",
    "page_size",
    "page_token",
    "facets",
    "group_by",
    "name",
    "calls/demo-001",
    "since",
    "until",
];

pub(super) const LOG_WORDS: &[&str] = &[
    "seq",
    "record",
    "analysis",
    "call_id",
    "started_at",
    "turns",
    "source",
    "path",
    "bytes",
    "sha256",
    "format",
    "data_format",
    "files",
    "backup.json",
    "ledger.sqlite",
    "manifest.json",
    "wal/000000000001.wal",
    "keys/caller.key",
    "/etc/passwd",
    "../outside",
    "a/../../outside",
    "C:\\outside",
    "..\\outside",
    "",
    ".",
    "index/calls",
];

fn filled(folder: &Path, pipeline: &Pipeline, calls: usize) -> DataDir {
    let data = DataDir::open_writer(folder, Context::new(pipeline), "fuzz").unwrap();
    let mut session = data.ingest().unwrap();
    let calls = demo_calls(calls).iter().map(|call| pipeline.analyze(call)).collect();
    session.put_batch(calls, "demo").unwrap();
    session.finish().unwrap();
    data
}

/// Sections: text, filter, order, facets a line each, page token.
struct Query {
    data: DataDir,
    _folder: TempDir,
}

pub(super) fn open_query() -> Box<dyn Run> {
    let folder = tempfile::tempdir().unwrap();
    Box::new(Query { data: filled(folder.path(), &pipeline(), 16), _folder: folder })
}

impl Run for Query {
    fn run(&mut self, input: &[u8]) -> String {
        let text = String::from_utf8_lossy(input);
        let parts: Vec<_> = sections(text.as_bytes()).into_iter().map(String::from_utf8_lossy).collect();
        let part = |at: usize| parts.get(at).map_or("", |part| part.as_ref());
        let calls = self.data.calls().unwrap();
        let read: Expression = calls.parse(part(0));
        let mut query = CallQuery { limit: 5, ..CallQuery::text(part(0)) };
        let mut wrong = Vec::new();
        match Some(part(1)).filter(|filter| !filter.is_empty()).map(Filter::parse) {
            Some(Ok(filter)) => query.filter = Some(filter),
            Some(Err(error)) => wrong.push(error.to_string()),
            None => {}
        }
        match Some(part(2)).filter(|order| !order.is_empty()).map(Sort::parse) {
            Some(Ok(sort)) => query.sort = Some(sort),
            Some(Err(error)) => wrong.push(error.to_string()),
            None => {}
        }
        let facets = part(3).lines().take(4);
        query.facets = facets.map(|field| FacetRequest { field: field.to_owned(), limit: 5 }).collect();
        query.page_token = Some(part(4).to_owned()).filter(|token| !token.is_empty());
        let page = match self.data.search(&query, &NoLookup) {
            Ok(page) => page,
            Err(error) => return format!("{} {error} {}", wrong.join(";"), read.warnings.join(";")),
        };
        assert!(page.hits.len() <= query.limit && page.hits.len() as u64 <= page.total, "{} hits", page.hits.len());
        for turn in page.hits.iter().flat_map(|hit| &hit.turns) {
            let length = turn.snippet.chars().count() as u32;
            for span in &turn.highlights {
                let inside = span.start < span.end && span.start >= turn.snippet_start;
                assert!(inside && span.end <= turn.snippet_start + length, "{turn:?}");
            }
        }
        // What denies a text and what does not are all calls, so nothing is found by both.
        let groups = self.data.aggregate(&query, None, &NoLookup).map(|groups| groups.len());
        format!("{} {} {groups:?} {}", wrong.join(";"), few(page.total as usize), page.warnings.join(";"))
    }
}

/// A log of live calls whose frames hold the lines of the input; behind a line `====` bytes as they are.
struct Log {
    folder: TempDir,
    pipeline: Arc<Pipeline>,
}

pub(super) fn open_log() -> Box<dyn Run> {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pipeline();
    filled(folder.path(), &pipeline, 2).close().unwrap();
    Box::new(Log { folder, pipeline })
}

fn frames(input: &[u8]) -> Vec<u8> {
    let parts = sections(input);
    let mut log = Vec::new();
    for line in parts[0].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let mut crc = flate2::Crc::new();
        crc.update(line);
        log.extend((line.len() as u32).to_le_bytes());
        log.extend(crc.sum().to_le_bytes());
        log.extend(line);
    }
    log.extend(parts[1..].concat());
    log
}

impl Run for Log {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let row = |(seq, call)| {
            let analyzed = self.pipeline.analyze(call);
            serde_json::json!({ "seq": seq, "source": "x", "record": analyzed.record, "analysis": analyzed.analysis })
        };
        let calls = demo_calls(2);
        let rows: Vec<Value> = (90_u64..).zip(&calls).map(row).collect();
        vec![rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n").into_bytes()]
    }

    fn run(&mut self, input: &[u8]) -> String {
        let log = self.folder.path().join("wal");
        fs::create_dir_all(&log).unwrap();
        fs::write(log.join("000000000007.wal"), frames(input)).unwrap();
        let data = match DataDir::open_reader(self.folder.path(), Context::new(&self.pipeline)) {
            Ok(data) => data,
            Err(error) => return error.to_string(),
        };
        let mut shapes = Vec::new();
        match data.scan(DateRange::ALL) {
            Ok(scan) => {
                for call in scan {
                    shapes.push(call.map_or_else(|error| error.to_string(), |_| "call".to_owned()));
                }
            }
            Err(error) => shapes.push(error.to_string()),
        }
        shapes.join("|")
    }
}

/// A backup: `{"list": …, "files": {name: content}}` is made one whose sums are right; anything else is the archive.
struct Restore(TempDir);

pub(super) fn open_restore() -> Box<dyn Run> {
    Box::new(Restore(tempfile::tempdir().unwrap()))
}

fn archive(input: &[u8]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(input).ok()?;
    let files = value.get_mut("files")?.take();
    let files = files.as_object()?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = FileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut listed = Vec::new();
    for (name, content) in files {
        let content = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
        let sum = Sha256::digest(content.as_bytes());
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        listed.push(serde_json::json!({ "path": name, "bytes": content.len(), "sha256": sum }));
        zip.start_file(name.as_str(), options).ok()?;
        zip.write_all(content.as_bytes()).ok()?;
    }
    let list = value.get_mut("list")?;
    if let Some(list) = list.as_object_mut() {
        list.entry("files").or_insert(listed.into());
    }
    zip.start_file("backup.json", options).ok()?;
    zip.write_all(list.to_string().as_bytes()).ok()?;
    Some(zip.finish().ok()?.into_inner())
}

impl Run for Restore {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let list = r#"{"list": {"format": 1, "data_format": 1, "created_at": "", "written_by": ""}, "files": {"#;
        let whole = format!(r#"{list} "manifest.json": "{{}}", "wal/1.wal": "x", "keys/caller.key": "k"}}}}"#);
        let seeds = [
            whole.clone(),
            format!(r#"{list} "../outside": "x", "/tmp/outside": "y", "": "z"}}}}"#),
        ];
        let zipped = archive(whole.as_bytes());
        seeds.into_iter().map(String::into_bytes).chain(zipped).collect()
    }

    fn run(&mut self, input: &[u8]) -> String {
        let outside = self.0.path().join("outer");
        let backup = self.0.path().join("backup.zip");
        fs::create_dir_all(outside.join("inner")).unwrap();
        fs::write(&backup, archive(input).as_deref().unwrap_or(input)).unwrap();
        let restored = restore(&backup, &outside.join("inner/data"));
        let mut names = Vec::new();
        for folder in [&outside, &outside.join("inner")] {
            names.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()));
        }
        names.retain(|name| name != "inner" && !(restored.is_ok() && name == "data"));
        assert!(names.is_empty(), "left behind: {names:?}");
        fs::remove_dir_all(&outside).unwrap();
        restored.map_or_else(|error| error.to_string(), |_| "right".to_owned())
    }
}
