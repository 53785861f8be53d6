//! What a bad record means for whoever has to mend it: which file and line, why, and what to do, in Chinese. Owns the
//! words; the reasons are those of the importer.

use qingting_pipeline::import::Rejected;

/// Where a reason begins so (or, for the first character `*`, has this in it), why it is and what helps. `{}` is the field.
const KINDS: &[(&str, &str, &str)] = &[
    (
        "truncated JSON",
        "记录只有一半，可能文件还没有写完，或写入时中断",
        "文件写完后再运行一次即可，会自动重读；若已写完，请从源系统重新导出这条记录",
    ),
    ("malformed JSON", "不是合法的 JSON", "请检查导出程序，改正这一行后再运行一次"),
    ("lone surrogate", "含有不成对的转义字符（\\ud83d 之类）", "请让导出程序输出完整的 UTF-8，再运行一次"),
    ("neither UTF-8 nor GB18030", "文字编码无法识别", "请以 UTF-8 或 GB18030 重新导出，再运行一次"),
    ("*longer than", "超过长度上限", "请把它拆开，或在配置 [import] max_line_mib 中放宽上限，再运行一次"),
    (
        "the compressed file breaks off",
        "压缩文件不完整，可能还没有传完",
        "传完后再运行一次即可，会自动重读",
    ),
    ("*more than 200 times", "压缩比异常，疑似解压炸弹", "请确认来源可信，解压后再交给本程序"),
    (
        "reading stopped",
        "读到一半时系统报错，后面的记录还没有读",
        "请检查磁盘、网络或权限，再运行一次，会自动重读整个文件",
    ),
    ("the recogniser reports", "识别引擎报告任务没有成功", "请重新提交这通电话的识别"),
    ("missing", "缺少 {}", "请在记录里补上（通话时间也可用 --meta 表或 --date 给出），再运行一次"),
    ("negative", "{} 是负数", "请检查识别结果的时间，改正后再运行一次"),
    ("before", "{} 早于开始时间", "请检查识别结果的时间单位和先后，改正后再运行一次"),
    ("no RFC 3339", "{} 不是带时区的时间", "请写成 2026-03-02T09:15:00+08:00 这样，再运行一次"),
    ("expected", "{} 的类型不对", "请对照 docs/call.schema.json 改正，再运行一次"),
    ("unknown", "{} 是不认识的字段或取值", "请改正它，或去掉 --strict 再运行一次"),
    ("not one of 1 to 5", "评分不在 1 到 5 之间", "请改正评分后再运行一次"),
    ("a number that is not exact", "{} 是太大的数字，已经不准", "请让导出程序把编号写成字符串"),
    ("too large", "{} 太大", "请检查时间单位，改正后再运行一次"),
];

/// One sentence or two about a bad record.
pub(super) fn explain(rejected: &Rejected) -> String {
    let reason = rejected.reason.as_str();
    let kind = KINDS.iter().find(|(sign, ..)| match sign.strip_prefix('*') {
        Some(inside) => reason.contains(inside),
        None => reason.starts_with(sign),
    });
    let file = rejected.source.file.display();
    let place = rejected.source.line.map_or(String::new(), |line| format!("第 {line} 行"));
    let field = rejected.field.as_deref().unwrap_or("字段");
    match kind {
        Some((_, why, todo)) => format!("{file} {place}：{}。{todo}。", why.replace("{}", field)),
        None => {
            format!("{file} {place}：无法读取（{reason}）。请对照 docs/formats.md 检查这条记录，改正后再运行一次。")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qingting_pipeline::import::{ImportOptions, Imported, Importer};

    /// The words follow the reasons that the importer gives today.
    #[test]
    fn every_kind_of_bad_record_is_explained_and_says_what_to_do() {
        let turns = r#""turns": [{"role": "caller", "text": "停水"}]"#;
        let lines: Vec<(Vec<u8>, &str)> = vec![
            (b"{\"call_id\": \"x\", \"turns\": [{\"text\": \"\xff\xfe\xff".to_vec(), "编码"),
            (br#"{"call_id": "x", "turns": [{"text": "a""#.to_vec(), "只有一半"),
            (br#"{"call_id": "x", turns}"#.to_vec(), "不是合法的 JSON"),
            (br#"{"call_id": "s", "turns": [{"role": "caller", "text": "\ud800"}]}"#.to_vec(), "转义字符"),
            (format!("{{{turns}}}").into_bytes(), "缺少 call_id"),
            (format!(r#"{{"call_id": "a", "started_at": "昨天", {turns}}}"#).into_bytes(), "带时区"),
            (format!(r#"{{"call_id": "a", "rating": 9, {turns}}}"#).into_bytes(), "评分"),
            (format!(r#"{{"call_id": "a", "wait_ms": -1, {turns}}}"#).into_bytes(), "wait_ms 是负数"),
            (format!(r#"{{"call_id": "a", "wait_ms": 1e17, {turns}}}"#).into_bytes(), "wait_ms 太大"),
            (format!(r#"{{"call_id": 1e30, {turns}}}"#).into_bytes(), "太大的数字"),
            (br#"{"call_id": "a", "turns": 7}"#.to_vec(), "类型不对"),
            (
                br#"{"call_id": "a", "turns": [{"role": "caller", "text": "x", "start_ms": 9, "end_ms": 1}]}"#.to_vec(),
                "早于开始",
            ),
            (format!(r#"{{"call_id": "{}"}}"#, "x".repeat(600)).into_bytes(), "长度上限"),
        ];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("calls.jsonl");
        let text: Vec<u8> = lines.iter().flat_map(|(line, _)| [line.as_slice(), b"\n"].concat()).collect();
        std::fs::write(&path, text).unwrap();
        let options =
            ImportOptions { from: Some("native".to_owned()), max_line_bytes: 500, ..ImportOptions::default() };
        let records = Importer::new(options).unwrap().open(&path).unwrap();
        let mut seen = 0;
        for ((number, (_, says)), record) in (1..).zip(&lines).zip(records) {
            let Imported::Rejected(rejected) = record else {
                panic!("line {number} was read")
            };
            let text = explain(&rejected);
            assert!(text.contains(says), "{number}: {text} ({})", rejected.reason);
            assert!(text.contains(&format!("calls.jsonl 第 {number} 行：")) && text.ends_with('。'), "{text}");
            assert!(!text.contains("无法读取"), "a kind of its own: {text}");
            seen += 1;
        }
        assert_eq!(seen, lines.len());
    }
}
