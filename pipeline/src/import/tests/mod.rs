//! What every format makes of its sample in `tests/fixtures/asr`, what bad input gets, and
//! that no input makes an importer panic.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::*;
use crate::record::{Party, Role, Turn};

mod battery;
mod vendors;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/asr").join(name)
}

fn read_with(path: &Path, options: ImportOptions) -> Vec<Imported> {
    Importer::new(options).unwrap().open(path).unwrap().collect()
}

fn read(name: &str) -> Vec<Imported> {
    read_with(&fixture(name), ImportOptions::default())
}

fn calls(imported: Vec<Imported>) -> Vec<(CallRecord, Vec<String>)> {
    let one = |item| match item {
        Imported::Call { record, warnings, .. } => (*record, warnings),
        Imported::Rejected(rejected) => panic!("rejected: {rejected:?}"),
    };
    imported.into_iter().map(one).collect()
}

fn call(name: &str) -> CallRecord {
    let mut calls = calls(read(name));
    assert_eq!(calls.len(), 1, "{name}");
    calls.remove(0).0
}

fn rejected(imported: Vec<Imported>) -> Vec<Rejected> {
    imported
        .into_iter()
        .filter_map(|item| match item {
            Imported::Rejected(rejected) => Some(rejected),
            Imported::Call { .. } => None,
        })
        .collect()
}

/// Role and times and text of every turn, one line a turn.
fn script(call: &CallRecord) -> Vec<String> {
    let ms = |t: Option<u64>| t.map_or("-".to_owned(), |t| t.to_string());
    let line = |t: &Turn| format!("{} {} {} {}", t.role.as_str(), ms(t.start_ms), ms(t.end_ms), t.text);
    call.turns.iter().map(line).collect()
}

fn attribute<'a>(call: &'a CallRecord, name: &str) -> &'a str {
    call.attributes.get(name).map_or("", String::as_str)
}

fn map(text: &str) -> ImportOptions {
    let pair = |pair: &str| pair.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    ImportOptions { map: text.split(',').map(pair).collect(), ..ImportOptions::default() }
}

/// A file of these bytes in a folder of its own.
fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn read_bytes(name: &str, bytes: &[u8]) -> Vec<Imported> {
    let (_folder, path) = file(name, bytes);
    read_with(&path, ImportOptions::default())
}

#[test]
fn every_sample_is_detected() {
    let importer = Importer::new(ImportOptions::default()).unwrap();
    for (name, format) in [
        ("native.jsonl", "native"),
        ("native_bad.jsonl", "native"),
        ("native_gb18030.jsonl", "native"),
        ("aws_call_analytics.json", "aws-call-analytics"),
        ("aws_bda.json", "aws-bda"),
        ("aliyun_nls_poll.json", "aliyun-nls"),
        ("aliyun_nls_callback.json", "aliyun-nls"),
        ("aliyun_nls_string_result.json", "aliyun-nls"),
        ("aliyun_nls_silent.json", "aliyun-nls"),
        ("dashscope_paraformer.json", "dashscope-paraformer"),
        ("tencent_detail.json", "tencent-asr"),
        ("tencent_plain.json", "tencent-asr"),
        ("tencent_lines.txt", "tencent-asr"),
        ("iflytek_lattice_object.json", "iflytek-lfasr"),
        ("iflytek_lattice_string.json", "iflytek-lfasr"),
        ("iflytek_onebest.json", "iflytek-lfasr"),
        ("iflytek_two_calls.json", "iflytek-lfasr"),
        ("volcengine.json", "volcengine"),
        ("funasr.json", "funasr"),
        ("funasr_sensevoice.json", "funasr"),
        ("whisperx_diarized.json", "whisperx"),
        ("whisper_mono.json", "whisperx"),
        ("voices.vtt", "webvtt"),
        ("names.srt", "srt"),
        ("plain.srt", "srt"),
        ("long.TextGrid", "textgrid"),
        ("short_utf16.TextGrid", "textgrid"),
        ("timeline.rttm", "rttm"),
        ("words.rttm", "rttm"),
        ("timeline.json", "diarization"),
        ("timeline_two.json", "diarization"),
        ("timeline_lines.jsonl", "diarization"),
    ] {
        assert_eq!(importer.detect(&fixture(name)).unwrap(), Some(format), "{name}");
    }
    let (_folder, path) = file("odd.json", b"{\"weather\": \"fine\"}");
    let error = importer.open(&path).err().unwrap().to_string();
    assert!(error.contains("format not recognised") && error.contains("aliyun-nls"), "{error}");
}

#[test]
fn native_records_keep_everything() {
    let calls = calls(read("native.jsonl"));
    let (first, warnings) = &calls[0];
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(first.agent.as_ref().unwrap().id, "3306");
    assert_eq!(first.ticket.as_ref().unwrap().id, "77001");
    assert_eq!((first.rating, first.hangup_by, first.wait_ms), (Some(4), Some(Party::Caller), Some(4200)));
    assert_eq!(first.turns[1].emotion.as_deref(), Some("焦急"));
    assert_eq!(first.turns[1].energy_db, Some(61.5));
    assert_eq!(first.turns[2].text, "到现在也没人说一声😟");
    assert_eq!(first.turns[3].words[0].end_ms, 8100);
    assert_eq!(attribute(first, "shift"), "早班");
    assert_eq!(attribute(first, "agent.skill"), "民生");
    assert_eq!(attribute(first, "turns.confidence"), r#"{"2":0.82}"#);
    assert_eq!((attribute(first, "line"), attribute(first, "pilot")), ("2", "true"));
    assert_eq!(first.labels, Some(serde_json::json!({"type": "求助"})));
    assert_eq!(calls[1].0.call_id, "1002");
    assert!(calls[1].0.unanswered() && calls[1].1.is_empty());
    let roles: Vec<Role> = calls[2].0.turns.iter().map(|t| t.role).collect();
    assert_eq!(roles, [Role::Agent, Role::Caller, Role::Other]);
    assert_eq!(calls[2].1.len(), 3);
}

#[test]
fn strict_refuses_unknown_fields() {
    let options = ImportOptions { strict: true, ..ImportOptions::default() };
    let rejected = rejected(read_with(&fixture("native.jsonl"), options));
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].field.as_deref(), Some("agent.skill"));
}

#[test]
fn every_kind_of_bad_record_has_line_field_and_reason() {
    let all = read("native_bad.jsonl");
    assert!(matches!(all.last(), Some(Imported::Call { record, .. }) if record.call_id == "GOOD"));
    let bad = rejected(all);
    let told: Vec<(u64, Option<&str>, Option<&str>)> =
        bad.iter().map(|r| (r.source.line.unwrap(), r.call_id.as_deref(), r.field.as_deref())).collect();
    assert_eq!(
        told,
        [
            (1, Some("B-1"), None),
            (2, None, None),
            (3, None, Some("call_id")),
            (4, Some("B-4"), Some("turns")),
            (5, Some("B-5"), Some("turns[1].text")),
            (6, Some("B-6"), Some("turns[0].start_ms")),
            (7, Some("B-7"), Some("turns[0].end_ms")),
            (8, Some("B-8"), None),
            (9, Some("B-9"), Some("started_at")),
            (10, Some("B-10"), Some("rating")),
            (11, Some("B-11"), Some("turns[0].words[0].end_ms")),
            (12, Some("B-12"), Some("agent.id")),
            (13, None, None),
        ]
    );
    assert!(bad[0].reason.starts_with("truncated JSON"), "{}", bad[0].reason);
    assert_eq!(bad[0].readable.as_deref(), Some("水管爆了\n"));
    assert!(bad[1].reason.starts_with("malformed JSON"), "{}", bad[1].reason);
    assert!(bad[5].reason.starts_with("negative"), "{}", bad[5].reason);
    assert!(bad[6].reason.starts_with("before start_ms"), "{}", bad[6].reason);
    assert!(bad[7].reason.starts_with("lone surrogate"), "{}", bad[7].reason);
    assert_eq!(bad[7].readable.as_deref(), Some("坏字符在这里\n"));
}

#[test]
fn native_objects_and_arrays_are_read() {
    let one = r#"{"call_id": "x", "turns": [{"role": "agent", "text": "您好"}]}"#;
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(one).unwrap()).unwrap();
    assert_eq!(calls(read_bytes("a.json", pretty.as_bytes())).len(), 1);
    let array = format!("[\n{one},\n{{\"call_id\": \"y\", \"turns\": 3}},\n{}\n]", one.replace("\"x\"", "\"z\""));
    let imported = read_bytes("a.json", array.as_bytes());
    assert_eq!(imported.len(), 3);
    let bad = rejected(imported);
    assert_eq!((bad[0].source.line, bad[0].field.as_deref()), (Some(3), Some("turns")));
}

#[test]
fn turns_without_roles_or_with_some_times() {
    let text = r#"{"call_id": "x", "turns": [{"text": "您好，请问有什么可以帮您？", "start_ms": 0, "end_ms": 5}, {"text": "我家停电了"}]}"#;
    let (record, warnings) = calls(read_bytes("a.jsonl", text.as_bytes())).remove(0);
    assert_eq!(script(&record), ["agent 0 5 您好，请问有什么可以帮您？", "caller - - 我家停电了"]);
    assert_eq!(attribute(&record, "roles"), "inferred");
    assert_eq!(warnings, ["turns: 1 of 2 have times; timing needs them all"]);
}

#[test]
fn changed_input_is_read_with_a_warning() {
    let (record, warnings) = calls(read("native_gb18030.jsonl")).remove(0);
    assert_eq!(record.turns[1].text, "我想咨询医保报销的问题");
    assert_eq!(warnings, ["decoded from GB18030"]);
    let good = r#"{"call_id": "x", "turns": [{"role": "agent", "text": "您好"}]}"#;
    let (record, _) = calls(read_bytes("a.jsonl", format!("\u{feff}{good}\r\n").as_bytes())).remove(0);
    assert_eq!(record.call_id, "x");
    let (record, warnings) =
        calls(read_bytes("a.jsonl", good.replace("您好", "您\u{1}好\\u0007").as_bytes())).remove(0);
    assert_eq!(record.turns[0].text, "您 好");
    assert_eq!(warnings.len(), 2);
    let future = good.replace("\"turns\"", "\"started_at\": \"2999-01-01T00:00:00+08:00\", \"turns\"");
    let (_, warnings) = calls(read_bytes("a.jsonl", future.as_bytes())).remove(0);
    assert_eq!(warnings, ["started_at: in the future"]);
}

#[test]
fn undecodable_and_overlong_lines_cost_only_themselves() {
    let good = r#"{"call_id": "x", "turns": [{"role": "agent", "text": "您好，这里是热线"}]}"#;
    let mut bytes = format!("{good}\n").into_bytes();
    bytes.extend_from_slice(
        b"{\"call_id\": \"u\", \"turns\": [{\"role\": \"caller\", \"text\": \"\xe6\x88\x91\xff\xfe\"}]}\n",
    );
    bytes.extend_from_slice(format!("{}\n{good}\n", good.replace("您好", &"很长".repeat(300))).as_bytes());
    let (_folder, path) = file("a.jsonl", &bytes);
    let imported = read_with(&path, ImportOptions { max_line_bytes: 500, ..ImportOptions::default() });
    assert_eq!(imported.len(), 4);
    let bad = rejected(imported);
    assert_eq!((bad[0].source.line, bad[0].call_id.as_deref()), (Some(2), Some("u")));
    assert!(bad[0].reason.contains("undecodable"), "{}", bad[0].reason);
    assert!(bad[0].readable.as_deref().unwrap().starts_with('我'));
    assert_eq!(bad[1].source.line, Some(3));
    assert!(bad[1].reason.contains("limit of 500 bytes"), "{}", bad[1].reason);
    assert!(bad[1].readable.as_deref().unwrap().contains("很长很长"));
}

#[test]
fn a_gb18030_line_in_a_utf8_file_is_read() {
    let line = r#"{"call_id": "g", "turns": [{"role": "caller", "text": "我们小区的路灯坏了"}]}"#;
    let mut bytes = format!("{}\n", line.replace("\"g\"", "\"u\"")).into_bytes();
    bytes.extend_from_slice(&encoding_rs::GB18030.encode(line).0);
    let calls = calls(read_bytes("a.jsonl", &bytes));
    assert_eq!(calls[1].0.turns[0].text, calls[0].0.turns[0].text);
    assert_eq!(calls[1].1, ["decoded from GB18030"]);
}

#[test]
fn compressed_files_are_read_and_bombs_are_not() {
    let good = b"{\"call_id\": \"x\", \"turns\": [{\"role\": \"agent\", \"text\": \"hello\"}]}\n".repeat(3);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(calls(read_bytes("a.jsonl.gz", &gzip(&good))).len(), 3);
    assert_eq!(calls(read_bytes("a.jsonl.zst", &zstd::encode_all(&good[..], 3).unwrap())).len(), 3);
    // What resembles itself line by line is no bomb.
    let alike = zstd::encode_all(&good.repeat(40_000)[..], 3).unwrap();
    assert_eq!(read_bytes("a.jsonl.zst", &alike).len(), 120_000);
    let mut bomb = good;
    bomb.extend(std::iter::repeat_n(b'a', 12 << 20));
    let imported = read_bytes("a.jsonl.gz", &gzip(&bomb));
    assert_eq!(imported.len(), 4);
    assert!(rejected(imported)[0].reason.contains("decompression bomb"));
    let whole = gzip(&fs::read(fixture("native.jsonl")).unwrap());
    let imported = read_bytes("a.jsonl.gz", &whole[..whole.len() - 40]);
    assert!(rejected(imported).last().unwrap().reason.contains("breaks off"));
}

#[test]
fn ten_thousand_turns_are_read() {
    let turn = |i: u64| serde_json::json!({"role": "caller", "start_ms": i * 10, "end_ms": i * 10 + 15, "text": "嗯"});
    let call = serde_json::json!({"call_id": "long", "turns": (0..10_000).map(turn).collect::<Vec<_>>()});
    assert_eq!(calls(read_bytes("a.jsonl", call.to_string().as_bytes()))[0].0.turns.len(), 10_000);
}

/// Gives some bytes, then an error of the system.
struct Fails(std::io::Cursor<Vec<u8>>);

impl std::io::Read for Fails {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::Error::from_raw_os_error(5)),
            read => Ok(read),
        }
    }
}

/// Taken for the end of the file, it counted as read: the calls behind it were never asked for again.
#[test]
fn what_the_system_did_not_give_was_taken_for_the_end() {
    let text = b"{\"call_id\": \"a\", \"turns\": []}\n{\"call_id\": \"b\"".to_vec();
    let broken = |text: Vec<u8>| {
        let inner = Box::new(Fails(std::io::Cursor::new(text)));
        super::source::Source::of("x.jsonl".into(), "x.jsonl".into(), inner)
    };
    let lines: Vec<_> = broken(text.clone()).lines().collect();
    assert!(lines[0].is_ok() && lines.len() == 2);
    assert!(lines[1].as_ref().unwrap_err().passing);
    assert!(broken(text).document().unwrap_err().passing);
    let elements: Vec<_> = super::json::documents(broken(b"[{\"call_id\": \"a\"}, {".to_vec()), true).collect();
    assert!(elements[0].is_ok() && elements[1].as_ref().unwrap_err().passing);
    let halved = Fault::broken(&std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
    assert!(!halved.passing, "half of a compressed file stays so until it changes");
}

/// A control character in an id made two calls of one: exported messages and speaker turns kept it, native records did not.
#[test]
fn an_id_is_the_same_whichever_format_tells_of_it() {
    let (_dir, path) = file("messages.csv", "id,time,text\n\0M\u{7}-1 ,2026-03-02 09:00:00,停水了\n".as_bytes());
    let options = ImportOptions { from: Some("messages".to_owned()), ..map("call_id=id,started_at=time,text=text") };
    let messages = calls(read_with(&path, options));
    assert_eq!(messages[0].0.call_id, "M-1");
    let turns = calls(read_bytes(
        "turns.rttm",
        b"SPEAKER \x18R-1 1 0 1 <NA> <NA> A <NA> <NA>\nSPEAKER R-2 1 0 1 <NA> <NA> A <NA> <NA>\n",
    ));
    assert_eq!(turns.iter().map(|(call, _)| call.call_id.as_str()).collect::<Vec<_>>(), ["R-1", "R-2"]);
}
