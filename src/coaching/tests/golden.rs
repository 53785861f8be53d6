//! What the demo's calls come to, word for word. After a change that is meant, `QINGTING_GOLDEN=write cargo test golden` writes the
//! files anew; the difference is to be read.

use std::path::PathBuf;

use qingting_pipeline::import::{ImportOptions, Imported, Importer};

use super::*;
use crate::coaching::sheet::{Counting, Making};
use crate::coaching::{CoachingConfig, bulletin, bulletin_page, sheet_text};
use crate::report::trend::Interval;
use crate::report::{Period, ReportConfig};

fn demo() -> Vec<Analyzed> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    std::fs::write(&path, &*Assets::embedded().read("demo/calls.jsonl").unwrap().text).unwrap();
    let records = Importer::new(ImportOptions::default()).unwrap().open(&path).unwrap();
    let calls = records.filter_map(|imported| match imported {
        Imported::Call { record, .. } => Some(pipeline().analyze(&record)),
        Imported::Rejected(_) => None,
    });
    calls.collect()
}

fn period() -> Period {
    Period::new("2026-11-23".parse().unwrap(), "2026-11-27".parse().unwrap()).unwrap()
}

fn compare(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/coaching/tests/golden").join(name);
    if std::env::var("QINGTING_GOLDEN").as_deref() == Ok("write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, wanted, "{name} differs");
}

#[test]
fn the_sheet_of_a_demo_agent_reads_so() {
    let (report, coaching, phrases) = (
        ReportConfig { min_agent_calls: 3, ..ReportConfig::default() },
        CoachingConfig::default(),
        library_of_phrases(),
    );
    let reviewed = Reviewed::default();
    let making = Making {
        catalog: catalog(),
        report: &report,
        coaching: &coaching,
        phrases: &phrases,
        reviewed: &reviewed,
    };
    let calls = demo();
    let mut counting = Counting::new(making, "A02", period(), Interval::Day);
    calls.iter().for_each(|call| counting.add(call.clone()));
    let fetch = |id: &str| Ok::<_, ()>(calls.iter().find(|call| call.record.call_id == id).cloned());
    compare("sheet.md", &sheet_text::markdown(&counting.finish(1, None, fetch).unwrap().unwrap()));
}

#[test]
fn the_bulletin_of_the_demo_reads_so() {
    let (report, reviewed) = (ReportConfig::default(), Reviewed::default());
    let config = CoachingConfig { min_group: 3, ..CoachingConfig::default() };
    let mut counting =
        bulletin::Counting::new(period(), None, Default::default(), &report, &config, catalog(), &reviewed);
    demo().into_iter().for_each(|call| counting.add(call));
    compare("bulletin.md", &bulletin_page::markdown(&counting.finish()));
}
