//! What each recogniser's format, the messages and the tables beside them give.

use super::*;

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
