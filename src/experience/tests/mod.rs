//! Tests of the programme, and what they share.

mod files;
mod paths;
mod polls;
mod roster;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use chrono::{DateTime, NaiveDate, Utc};
use qingting_pipeline::assets::Assets;

use super::*;
use crate::case::Who;

pub(super) fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| Rules::load(&Assets::embedded()).unwrap())
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn given(now: DateTime<Utc>) -> Given {
    Given {
        who: Who { id: "key:1".into(), name: "体验官办公室".into() },
        now,
        expected: None,
        digest: None,
        code: format!("p{now:?}"),
        catching_up: false,
    }
}

/// Hands something in, and takes in what comes of it.
pub(super) fn give(programme: &mut Programme, entry: &Entry, given: &Given) -> Result<usize, Refusal> {
    let rows = programme.decide(entry, given, rules())?;
    let count = rows.len();
    for row in rows {
        // As the ledger gives it back.
        let again = Recorded::of(row.to_entry().unwrap()).unwrap();
        assert_eq!(again, row);
        programme.add(again);
    }
    Ok(count)
}

pub(super) fn officer(id: &str, age: u16, district: &str) -> Entry {
    let attributes = [("occupation", "退休"), ("district", district)];
    Entry::Officer(OfficerEntry {
        id: id.into(),
        name: "青杏".into(),
        age: Some(age),
        employee: false,
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect(),
        since: day("2026-01-05"),
    })
}

/// A programme with some officers.
pub(super) fn with_officers(count: usize, now: DateTime<Utc>) -> Programme {
    let mut programme = Programme::default();
    for nth in 0..count {
        let (age, district) = ([20, 40, 70][nth % 3], ["中心城区", "近郊"][nth % 2]);
        let code = Given { code: format!("p{nth}"), ..given(now) };
        give(&mut programme, &officer(&format!("o{nth}"), age, district), &code).unwrap();
    }
    programme
}

pub(super) fn task(id: &str, officer: &str) -> Entry {
    Entry::Task(TaskEntry {
        id: id.into(),
        theme: "夜里拨打热线".into(),
        mode: Mode::Alone,
        companion: String::new(),
        steps: vec![Question { id: "wait".into(), text: "等候".into() }],
        from: day("2026-03-02"),
        due: day("2026-03-13"),
        officer: officer.into(),
    })
}

pub(super) fn step(task: &str, step: Step) -> StepEntry {
    StepEntry {
        task: task.into(),
        step,
        officer: String::new(),
        passed: None,
        note: "原因".into(),
        at: None,
    }
}

pub(super) fn report(id: &str, task: &str, officer: &str, experienced: DateTime<Utc>) -> ReportEntry {
    let answer = StepAnswer { rating: 4, remark: "响了三声就接了".into() };
    ReportEntry {
        id: id.into(),
        task: task.into(),
        officer: officer.into(),
        at: experienced.fixed_offset(),
        way: "12345电话".into(),
        place: String::new(),
        waiting_minutes: Some(1),
        steps: if task.is_empty() {
            BTreeMap::new()
        } else {
            [("wait".to_owned(), answer)].into_iter().collect()
        },
        good: "很耐心".into(),
        problems: String::new(),
        suggestion: String::new(),
        evidence: Vec::new(),
        rating: 4,
    }
}
