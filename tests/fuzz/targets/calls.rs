//! The whole analysis of whatever an importer lets through.

use std::fs;
use std::sync::Arc;

use qingting_pipeline::Pipeline;
use qingting_pipeline::import::{ImportOptions, Imported, Importer};
use tempfile::TempDir;

use super::{Run, demo_calls, invariants, pipeline};

pub(super) const WORDS: &[&str] = &[
    "agent",
    "caller",
    "bot",
    "ivr",
    "other",
    "role",
    "start_ms",
    "end_ms",
    "words",
    "text",
    "phone",
    "letter",
    "transferred",
    "hangup_by",
    "您好",
    "不知道",
    "你有病吧",
    "我不想活了",
    "着火了",
    "对不起",
    "谢谢",
    "请稍等",
    "嗯嗯嗯嗯",
    "身份证号",
    "我叫张三丰",
    "幸福路三十八号楼二单元五零一",
    "一三八零零一三八零零零",
    "１３８ ００１３ ８０００",
    "京Ａ·１２３４５",
    "三百五十块六毛",
    "百分之一百二十",
    "十万零五",
    "這個電話沒人接",
    "ＡＢＣ",
    "……",
    "？？？",
    "\u{3000}",
];

/// Calls of an input that are analysed, and their turns together.
const CALLS: usize = 3;
const TURNS: usize = 600;

struct Calls {
    folder: TempDir,
    importer: Importer,
    pipeline: Arc<Pipeline>,
}

pub(super) fn open() -> Box<dyn Run> {
    Box::new(Calls {
        folder: tempfile::tempdir().unwrap(),
        importer: Importer::new(ImportOptions::default()).unwrap(),
        pipeline: pipeline(),
    })
}

impl Run for Calls {
    fn seeds(&self) -> Vec<Vec<u8>> {
        demo_calls(12).iter().map(|call| serde_json::to_vec(call).unwrap()).collect()
    }

    fn run(&mut self, input: &[u8]) -> String {
        let path = self.folder.path().join("call.jsonl");
        fs::write(&path, input).unwrap();
        let records = match self.importer.open(&path) {
            Ok(records) => records,
            Err(error) => return error.to_string(),
        };
        let mut shapes = Vec::new();
        for imported in records.take(CALLS) {
            let Imported::Call { record, .. } = imported else {
                continue;
            };
            if record.turns.len() > TURNS {
                continue;
            }
            let analyzed = self.pipeline.analyze(&record);
            invariants::analysis(&analyzed.record, &analyzed.analysis);
            let mut codes: Vec<_> = analyzed.analysis.findings.iter().map(|found| found.code.as_str()).collect();
            codes.sort_unstable();
            codes.dedup();
            shapes.push(format!("{} {} {}", codes.join(","), analyzed.analysis.facts.language, record.channel));
        }
        shapes.join("|")
    }
}
