//! What officers write, as calls: one turn of the caller for each answer of a report or paragraph of an opinion, as written messages
//! are. Who wrote it is not in it.

use qingting_pipeline::record::{CallRecord, Role, Turn};

use super::entry::{Entry, OpinionEntry, ReportEntry};
use super::event::{Matter, Part};

/// The channel of these calls.
pub const CHANNEL: &str = "experience";
/// Attribute with the rating of a report, 1 to 5. Not the rating of a caller, which counts as such.
pub const RATING: &str = "experience.rating";
/// Attribute with the lowest rating of its steps.
pub const LOWEST: &str = "experience.lowest";
/// Prefixes of the ids of these calls.
const REPORT: &str = "experience-report-";
const OPINION: &str = "experience-opinion-";

/// The id of the call that a report or opinion becomes.
pub(super) fn call_id(matter: Matter, id: &str) -> String {
    match matter {
        Matter::Opinion => format!("{OPINION}{id}"),
        _ => format!("{REPORT}{id}"),
    }
}

/// The report that a call was; `None` for other calls.
pub fn report_of_call(call_id: &str) -> Option<&str> {
    call_id.strip_prefix(REPORT)
}

/// What a report says in words, in the order of its turns.
pub(super) fn parts(entry: &ReportEntry) -> Vec<(Part, &str)> {
    let steps = entry.steps.iter().map(|(id, answer)| (Part::Step(id.clone()), answer.remark.trim()));
    let rest = [
        (Part::Good, entry.good.trim()),
        (Part::Problems, entry.problems.trim()),
        (Part::Suggestion, entry.suggestion.trim()),
    ];
    steps.chain(rest).filter(|(_, text)| !text.is_empty()).collect()
}

fn report(entry: &ReportEntry) -> CallRecord {
    let mut record = CallRecord::new(call_id(Matter::Report, &entry.id));
    record.started_at = Some(entry.at);
    record.channel = CHANNEL.to_owned();
    record.turns = parts(entry).into_iter().map(|(_, text)| Turn::new(Role::Caller, text)).collect();
    let mut note = |name: &str, value: String| {
        if !value.is_empty() {
            record.attributes.insert(name.to_owned(), value);
        }
    };
    note("experience.kind", "report".to_owned());
    note("experience.task", entry.task.clone());
    note("experience.way", entry.way.trim().to_owned());
    note("experience.place", entry.place.trim().to_owned());
    note(RATING, entry.rating.to_string());
    let lowest = entry.steps.values().map(|answer| answer.rating).min();
    note(LOWEST, lowest.map_or_else(String::new, |rating| rating.to_string()));
    record
}

fn opinion(entry: &OpinionEntry) -> CallRecord {
    let mut record = CallRecord::new(call_id(Matter::Opinion, &entry.id));
    record.started_at = Some(entry.at);
    record.channel = CHANNEL.to_owned();
    let paragraphs = entry.text.lines().map(str::trim).filter(|line| !line.is_empty());
    record.turns = paragraphs.map(|line| Turn::new(Role::Caller, line)).collect();
    for (name, value) in [
        ("experience.kind", "opinion"),
        ("experience.discussion", &entry.discussion),
    ] {
        record.attributes.insert(name.to_owned(), value.to_owned());
    }
    record
}

/// The call that something becomes that is handed in; `None` where it says nothing in an officer's words.
pub fn call_of(entry: &Entry) -> Option<CallRecord> {
    match entry {
        Entry::Report(entry) => Some(report(entry)),
        Entry::Opinion(entry) => Some(opinion(entry)),
        _ => None,
    }
}
