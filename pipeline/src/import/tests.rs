//! What every format makes of its sample in `tests/fixtures/asr`, what bad input gets, and
//! that no input makes an importer panic.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::record::{Party, Role, Turn};

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
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
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

#[test]
fn aws() {
    let call = call("aws_call_analytics.json");
    assert_eq!(
        script(&call),
        [
            "agent 120 2100 您好，很高兴为您服务。",
            "caller 2300 4800 我家水表转得特别快。"
        ]
    );
    assert_eq!(call.call_id, "aws_call_analytics");
    assert_eq!(call.turns[0].energy_db, Some(72.0));
    assert_eq!(call.turns[1].emotion.as_deref(), Some("NEGATIVE"));
    assert_eq!(call.turns[0].words.len(), 2);
    assert!(attribute(&call, "vendor.interruptions").starts_with(r#"{"TotalCount":1"#));
    assert_eq!(attribute(&call, "roles"), "");
    let call = self::call("aws_bda.json");
    assert_eq!(call.turns.iter().map(|t| t.role).collect::<Vec<_>>(), [Role::Agent, Role::Caller, Role::Agent]);
    assert_eq!((attribute(&call, "roles"), call.language.as_deref()), ("inferred", Some("zh")));
    assert_eq!(call.turns[1].words.len(), 2);
}

#[test]
fn aliyun() {
    let call = call("aliyun_nls_poll.json");
    assert_eq!(
        script(&call),
        [
            "agent 300 2400 您好，请问有什么可以帮您？",
            "caller 2600 5200 我想问一下，公交卡丢了怎么补？",
            "agent 5400 7800 您带上身份证到服务点补办就可以。",
            "caller 8000 8900 行，谢谢啊。",
        ]
    );
    assert_eq!(call.turns[1].words.len(), 2);
    assert_eq!(call.turns[0].energy_db, Some(65.0));
    assert_eq!(attribute(&call, "vendor.speech_rate"), "[240,210,210,210]");
    assert_eq!(attribute(&call, "vendor.speakers"), r#"{"0":"caller","1":"agent"}"#);
    // One channel for both: told apart by what they say.
    let call = self::call("aliyun_nls_callback.json");
    assert_eq!(call.turns.iter().map(|t| t.role).collect::<Vec<_>>(), [Role::Agent, Role::Caller]);
    assert_eq!(call.turns[1].energy_db, None);
    assert_eq!(self::call("aliyun_nls_string_result.json").turns[0].text, "喂，在吗？");
    let (silent, warnings) = calls(read("aliyun_nls_silent.json")).remove(0);
    assert!(silent.turns.is_empty() && warnings == ["no speech in it"]);
    let failed = rejected(read("aliyun_nls_failed.json"));
    assert_eq!(failed[0].reason, "the recogniser reports FILE_DOWNLOAD_FAILED");
}

#[test]
fn dashscope_tags_become_emotion_and_channels_roles() {
    let call = call("dashscope_paraformer.json");
    assert_eq!(
        script(&call),
        [
            "agent 150 2300 您好，燃气客服，工号一零二为您服务。",
            "caller 2500 4400 我家厨房有股煤气味。",
            "agent 4600 6900 请您先关闭阀门，我马上派人上门。",
        ]
    );
    assert_eq!(call.turns[1].emotion.as_deref(), Some("FEARFUL"));
    assert_eq!(call.turns[0].words[0].text, "您好，");
}

#[test]
fn tencent() {
    let call = call("tencent_detail.json");
    assert_eq!(
        script(&call),
        [
            "agent 100 2100 您好，社保服务，请讲。",
            "caller 2400 5200 我的卡刷不了，都跑三趟了！"
        ]
    );
    // Offsets of words count from the start of their sentence.
    assert_eq!((call.turns[0].words[1].start_ms, call.turns[0].words[1].end_ms), (700, 1500));
    assert_eq!((call.turns[0].energy_db, call.turns[1].energy_db), (Some(62.0), None));
    assert_eq!(call.turns[0].emotion.as_deref(), Some("neutral"));
    assert_eq!(attribute(&call, "vendor.duration_ms"), "6400");
    let call = self::call("tencent_plain.json");
    assert_eq!(
        script(&call),
        [
            "agent 20 2380 您好，请问需要什么帮助？",
            "caller 2900 6100 我想投诉楼上半夜装修。",
            "agent 62500 65000 我帮您登记一下，请问是哪个小区？",
        ]
    );
    assert_eq!(
        script(&self::call("tencent_lines.txt")),
        [
            "agent 300 2100 您好，很高兴为您服务。",
            "caller 2400 4000 我的快递三天没动了。"
        ]
    );
    assert!(rejected(read("tencent_failed.json"))[0].reason.contains("audio download failed"));
}

#[test]
fn iflytek() {
    for name in ["iflytek_lattice_object.json", "iflytek_lattice_string.json"] {
        let call = call(name);
        assert_eq!(
            script(&call),
            [
                "agent 200 2100 您好，请问有什么可以帮您？",
                "caller 2400 4800 我们小区停电了。"
            ],
            "{name}"
        );
        let word = &call.turns[1].words[1];
        assert_eq!((word.text.as_str(), word.start_ms, word.end_ms), ("小区", 2810, 3300));
        assert_eq!(call.turns[0].words.len(), 3);
    }
    let call = call("iflytek_onebest.json");
    assert_eq!(
        script(&call),
        [
            "agent 120 2200 您好，请问有什么可以帮您？",
            "caller 2500 5100 门口的路灯坏了一个星期。"
        ]
    );
    assert_eq!(attribute(&call, "vendor.speech_rate"), r#"[null,"5.1"]"#);
    let calls = calls(read("iflytek_two_calls.json"));
    assert_eq!(calls.iter().map(|c| c.0.call_id.as_str()).collect::<Vec<_>>(), ["early", "late"]);
    assert_eq!(script(&calls[0].0), ["agent - - 您好", "caller - - 你好，我想问退税。"]);
}

#[test]
fn volcengine_keeps_its_additions() {
    let call = call("volcengine.json");
    assert_eq!(
        script(&call),
        [
            "agent 300 2500 您好，请问有什么可以帮您？",
            "caller 2900 6800 我这个月的电费怎么翻倍了？"
        ]
    );
    assert_eq!((call.turns[0].energy_db, call.turns[1].emotion.as_deref()), (Some(58.2), Some("angry")));
    assert_eq!(call.turns[0].words.len(), 1);
    assert_eq!(attribute(&call, "vendor.speech_rate"), r#"["5.6",null]"#);
}

#[test]
fn funasr_times_belong_to_characters_and_words() {
    let call = call("funasr.json");
    assert_eq!(script(&call), ["agent 100 1500 您好，AI客服。", "caller 1800 3300 我不要机器人！"]);
    let words: Vec<&str> = call.turns[0].words.iter().map(|w| w.text.as_str()).collect();
    assert_eq!(words, ["您", "好", "AI", "客", "服"]);
    assert!(call.turns[1].words.is_empty());
    let call = self::call("funasr_sensevoice.json");
    assert_eq!(
        (call.turns[0].text.as_str(), call.turns[0].emotion.as_deref()),
        ("你们什么时候来修电梯？", Some("ANGRY"))
    );
    assert_eq!(call.language.as_deref(), Some("zh"));
}

#[test]
fn whisperx() {
    let call = call("whisperx_diarized.json");
    assert_eq!(
        script(&call),
        [
            "agent 200 2400 您好,请问有什么可以帮您?",
            "caller 2600 5000 我要投诉3路车"
        ]
    );
    let word = &call.turns[1].words[2];
    assert_eq!((word.text.as_str(), word.start_ms, word.end_ms), ("3", 3600, 4000));
    let call = self::call("whisper_mono.json");
    assert_eq!(call.turns.iter().map(|t| t.role).collect::<Vec<_>>(), [Role::Agent, Role::Caller, Role::Agent]);
    assert_eq!(attribute(&call, "roles"), "inferred");
}

#[test]
fn subtitles() {
    assert_eq!(
        script(&call("voices.vtt")),
        [
            "agent 200 2000 您好，请问有什么可以帮您？",
            "caller 2300 5000 水费 <三倍> 了！",
            "agent 2300 5000 您别急。",
        ]
    );
    assert_eq!(
        script(&call("names.srt")),
        [
            "agent 200 2400 您好，请问有什么可以帮您？",
            "caller 2700 5900 我约的时间：明天上午，可是没人联系我。",
            "agent 6000 7000 我查一下。",
            "agent 7500 8000 119",
        ]
    );
    // A colon alone makes no name.
    let plain = call("plain.srt");
    assert_eq!(plain.turns[1].text, "时间：明天，地点：社区，我想问要带什么。");
    assert_eq!((plain.turns[1].role, attribute(&plain, "roles")), (Role::Caller, "inferred"));
}

#[test]
fn textgrid_forms_and_tiers() {
    let (long, warnings) = calls(read("long.TextGrid")).remove(0);
    assert_eq!(
        script(&long),
        [
            "agent 0 2500 您好，这里是\"便民\"热线。",
            "caller 2400 6200 井盖 3 天没人修",
            "agent 6000 9000 好的，马上登记。",
        ]
    );
    assert_eq!(warnings, ["tiers left out: words"]);
    let (short, warnings) = calls(read("short_utf16.TextGrid")).remove(0);
    assert_eq!(script(&short), ["agent 0 1500 您好"]);
    assert_eq!(warnings, ["decoded from UTF-16", "tiers left out: 事件"]);
}

#[test]
fn rttm_and_its_companions() {
    assert_eq!(
        script(&call("timeline.rttm")),
        [
            "agent 300 2500 您好，请问有什么可以帮您？",
            "caller 2700 5800 我家门口的树倒了，",
            "agent 5900 6900 我帮您登记。",
        ]
    );
    let calls = calls(read("words.rttm"));
    assert_eq!(calls.iter().map(|c| c.0.call_id.as_str()).collect::<Vec<_>>(), ["r1", "r2"]);
    assert_eq!(calls[0].0.turns[0].text, "您好请讲");
    assert_eq!(calls[0].0.turns[0].words.len(), 2);
    let alone = call("alone.rttm");
    assert_eq!(script(&alone), ["agent 300 2500 ", "caller 2600 3600 "]);
    assert_eq!(rejected(read("mismatch.rttm"))[0].reason, "2 lines for 1 segments");
}

#[test]
fn timelines() {
    assert_eq!(
        script(&call("timeline.json")),
        [
            "agent 500 2000 您好，哪里不舒服？",
            "caller 1800 4000 头晕。",
            "agent 3000 3300 ",
        ]
    );
    let calls = calls(read("timeline_two.json"));
    assert_eq!(
        calls.iter().map(|c| (c.0.call_id.as_str(), c.0.turns.len())).collect::<Vec<_>>(),
        [("rec_a", 1), ("rec_b", 2)]
    );
    assert_eq!(script(&call("timeline_lines.jsonl")), ["agent 100 1000 您好", "caller 1200 2000 喂"]);
}

#[test]
fn seconds_in_a_format_of_milliseconds_are_noticed() {
    let (call, warnings) = calls(read("seconds_as_ms.json")).remove(0);
    assert_eq!(call.turns[1].times(), Some((2700, 5100)));
    assert!(warnings.iter().any(|w| w.starts_with("times read as seconds")), "{warnings:?}");
}

#[test]
fn bad_times_of_a_vendor_have_a_path_and_readable_speech() {
    let bad = rejected(read("inverted.json"));
    assert_eq!(bad[0].field.as_deref(), Some("Result.Sentences[1].end"));
    assert_eq!(bad[0].call_id.as_deref(), Some("inverted"));
    assert!(bad[0].readable.as_deref().unwrap().contains("有人要跳楼"));
}

#[test]
fn meta_and_date_supply_what_files_lack() {
    let options = ImportOptions { meta: Some(fixture("meta.csv")), ..ImportOptions::default() };
    let (call, _) = calls(read_with(&fixture("aliyun_nls_poll.json"), options)).remove(0);
    assert_eq!(call.call_id, "M-7");
    assert_eq!(call.started_at.unwrap().to_rfc3339(), "2026-03-02T09:00:00+08:00");
    assert_eq!((call.agent.as_ref().unwrap().id.as_str(), call.queue.as_deref()), ("8801", Some("公交")));
    assert_eq!(attribute(&call, "分中心"), "一号");
    // The table says who the agent is, whatever they say.
    assert_eq!(attribute(&call, "vendor.speakers"), r#"{"0":"agent","1":"caller"}"#);
    assert_eq!(attribute(&call, "roles"), "");
    let date = chrono::NaiveDate::from_ymd_opt(2026, 3, 5);
    let options = ImportOptions { date, ..ImportOptions::default() };
    let (call, _) = calls(read_with(&fixture("voices.vtt"), options)).remove(0);
    assert_eq!(call.started_at.unwrap().to_rfc3339(), "2026-03-05T00:00:00+08:00");
}

fn map(text: &str) -> ImportOptions {
    let pair = |pair: &str| pair.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    ImportOptions { map: text.split(',').map(pair).collect(), ..ImportOptions::default() }
}

#[test]
fn messages_of_json_lines() {
    let all =
        read_with(&fixture("messages.jsonl"), map("call_id=id,started_at=time,title=title,text=text,caller.id=user"));
    let bad = rejected(all.clone());
    let good: Vec<_> = all.into_iter().filter(|i| matches!(i, Imported::Call { .. })).collect();
    let good = calls(good);
    let first = &good[0].0;
    assert_eq!(first.turns[0].text, "路灯不亮\n东街三盏路灯坏了。\n请尽快维修。");
    assert_eq!(
        (first.call_id.as_str(), first.channel.as_str(), first.turns[0].role),
        ("501", "letter", Role::Caller)
    );
    assert_eq!(first.started_at.unwrap().to_rfc3339(), "2026-03-02T08:05:09+08:00");
    assert_eq!((attribute(first, "title"), attribute(first, "likes")), ("路灯不亮", "3"));
    assert_eq!(first.caller.as_ref().unwrap().id.as_deref(), Some("U77"));
    assert!(!first.timed());
    assert_eq!((good[1].0.turns[0].text.as_str(), good[1].1.len()), ("建议加一个垃圾桶。", 1));
    assert_eq!((good[2].0.turns[0].text.as_str(), good[2].0.started_at), ("只有标题", None));
    assert_eq!(bad.iter().map(|r| r.field.as_deref().unwrap()).collect::<Vec<_>>(), ["started_at", "call_id"]);
    assert!(bad[0].readable.as_deref().unwrap().contains("活不下去"));
}

#[test]
fn messages_of_csv() {
    let all = read_with(&fixture("messages_gb18030.csv"), map("call_id=编号,started_at=时间,title=标题,text=内容"));
    let bad = rejected(all.clone());
    let good = calls(all.into_iter().filter(|i| matches!(i, Imported::Call { .. })).collect());
    let told: Vec<_> = good.iter().map(|c| (c.0.call_id.as_str(), c.0.turns[0].text.as_str())).collect();
    assert_eq!(
        told,
        [
            ("601", "噪音\n楼下烧烤店\n到半夜，还\"唱歌\""),
            ("602", "公交\n等车太久"),
            ("604", "水质\n水发黄")
        ]
    );
    assert_eq!(attribute(&good[0].0, "区县"), "东区");
    assert_eq!((bad.len(), bad[0].source.line), (1, Some(5)));
}

#[test]
fn wrong_options_are_refused_at_once() {
    let error = |options: ImportOptions| Importer::new(options).unwrap_err().to_string();
    assert!(error(map("call_id=id,body=text")).contains("unknown field \"body\""));
    assert!(error(map("text=text")).contains("call_id"));
    assert!(error(ImportOptions { from: Some("mp3".into()), ..ImportOptions::default() }).contains("known formats"));
    assert!(error(ImportOptions { from: Some("messages".into()), ..ImportOptions::default() }).contains("need a map"));
    assert!(error(ImportOptions { from: Some("srt".into()), ..map("call_id=id,text=text") }).contains("not with srt"));
    let importer = Importer::new(map("call_id=id,text=text")).unwrap();
    let error = importer.open(&fixture("messages_gb18030.csv")).err().unwrap().to_string();
    assert!(error.contains("no column \"id\""), "{error}");
    assert!(importer.open(Path::new("/nonexistent/file.jsonl")).is_err());
}

#[test]
fn parquet_gives_back_what_was_written() {
    let records: Vec<CallRecord> = calls(read("native.jsonl")).into_iter().map(|c| c.0).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.parquet");
    let mut writer = crate::columnar::CallWriter::new(fs::File::create(&path).unwrap()).unwrap();
    writer.write(&records).unwrap();
    writer.finish().unwrap();
    let back: Vec<CallRecord> = calls(read_with(&path, ImportOptions::default())).into_iter().map(|c| c.0).collect();
    assert_eq!(back, records);
}

/// Reads bytes as every format there is; what comes out is only looked at for panics and for
/// what every importer promises.
fn battery(bytes: &[u8], name: &str) {
    let (_folder, path) = file(name, bytes);
    let options = |from: &str| match from {
        messages::NAME => ImportOptions { from: Some(from.to_owned()), ..map("call_id=id,text=text,title=a.b[0]") },
        _ => ImportOptions { from: Some(from.to_owned()), ..ImportOptions::default() },
    };
    for format in formats() {
        let Ok(records) = Importer::new(options(format.name)).unwrap().open(&path) else {
            continue;
        };
        for imported in records {
            match imported {
                Imported::Call { record, .. } => {
                    assert!(!record.call_id.is_empty());
                    for turn in &record.turns {
                        assert!(turn.times().is_none_or(|(start, end)| start <= end), "{}: {turn:?}", format.name);
                        assert!(!turn.text.contains('\0'));
                    }
                }
                Imported::Rejected(rejected) => assert!(!rejected.reason.is_empty()),
            }
        }
    }
    let importer = Importer::new(ImportOptions::default()).unwrap();
    let _ = importer.open(&path).map(Iterator::count);
}

#[test]
fn no_importer_panics_on_a_sample_of_another_cut_anywhere() {
    for entry in fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        battery(&bytes, &name);
        for part in [bytes.len() / 3, bytes.len() * 2 / 3, bytes.len().saturating_sub(3)] {
            battery(&bytes[..part], &name);
        }
    }
}

/// JSON with the keys that importers look for and values that they do not expect.
fn odd_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e15..1e15f64).prop_map(Into::into),
        "[\\PC\u{0}\\n\"\\\\]{0,12}".prop_map(Into::into),
        Just("[0:1.0,0:2.0] 您好".into()),
        Just("{\"st\":{\"bg\":\"1\"}}".into()),
    ];
    let key = prop::sample::select(vec![
        "call_id",
        "turns",
        "text",
        "role",
        "start_ms",
        "end_ms",
        "words",
        "answered",
        "Result",
        "Sentences",
        "BeginTime",
        "EndTime",
        "Text",
        "transcripts",
        "sentences",
        "Response",
        "Data",
        "ResultDetail",
        "StartMs",
        "Words",
        "lattice",
        "json_1best",
        "st",
        "bg",
        "ed",
        "rt",
        "ws",
        "cw",
        "onebest",
        "utterances",
        "additions",
        "start_time",
        "end_time",
        "sentence_info",
        "timestamp",
        "key",
        "segments",
        "start",
        "end",
        "speaker",
        "Transcript",
        "BeginOffsetMillis",
        "audio_segments",
        "audio_item_indices",
        "id",
        "a",
        "b",
        "title",
        "rating",
        "agent",
        "ticket",
        "labels",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::Array),
            prop::collection::vec((key.clone().prop_map(str::to_owned), inner), 0..6)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_importer_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        battery(&bytes, "any.bin");
    }

    #[test]
    fn no_importer_panics_on_any_text(text in "(WEBVTT\\n|\\[0:1,0:2\\] |1\\n00:00:01,0 --> 00:00:02,0\\n|SPEAKER a 1 0 1 x x s x\\n|ooTextFile TextGrid |<v A|&amp;|\"|[0-9:,.>-]|\\PC|\\n){0,60}") {
        battery(text.as_bytes(), "any.txt");
    }

    #[test]
    fn no_importer_panics_on_any_json(value in odd_json()) {
        battery(value.to_string().as_bytes(), "any.json");
    }
}
