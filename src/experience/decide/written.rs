//! What officers write: reports and opinions; and the discussions that opinions belong to.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::super::entry::{Closing, DiscussionEntry, Evidence, OpinionEntry, ReportEntry};
use super::super::event::{Event, Matter, Recorded, Submitted};
use super::super::record::{call_id, parts};
use super::super::{LONGEST_NAME, LONGEST_TEXT, Refusal, id, text};
use super::{Desk, MOST_PARTS, not_now, wrong};

impl Desk<'_> {
    pub(super) fn report(&self, entry: &ReportEntry) -> Result<Vec<Recorded>, Refusal> {
        id("id", &entry.id)?;
        if self.programme.reports.contains_key(&entry.id) {
            return Err(Refusal::Exists(format!("experienceReports/{}", entry.id)));
        }
        let came = self.came(entry.at)?;
        let officer = self.serving(&entry.officer, entry.at.to_utc())?;
        stars("rating", entry.rating)?;
        text("way", &entry.way, LONGEST_NAME, true)?;
        text("place", &entry.place, LONGEST_NAME, false)?;
        for (field, written) in [
            ("good", &entry.good),
            ("problems", &entry.problems),
            ("suggestion", &entry.suggestion),
        ] {
            text(field, written, LONGEST_TEXT, false)?;
        }
        for (id, answer) in &entry.steps {
            stars(&format!("steps.{id}.rating"), answer.rating)?;
            text(&format!("steps.{id}.remark"), &answer.remark, LONGEST_TEXT, false)?;
            if answer.rating == 1 && answer.remark.trim().is_empty() {
                return wrong(&format!("steps.{id}.remark"), "required with a rating of 1: say what happened");
            }
        }
        if entry.waiting_minutes.is_some_and(|minutes| minutes > 24 * 60) {
            return wrong("waiting_minutes", "longer than a day: give minutes");
        }
        let evidence = evidence(&entry.evidence)?;
        let parts = parts(entry);
        if parts.is_empty() {
            return wrong("good", "say in words what went well, what did not, what to do, or something on a step");
        }
        if entry.rating <= 2 && entry.problems.trim().is_empty() {
            return wrong("problems", "required with a rating of 1 or 2: say what went wrong");
        }
        let task_rows = match entry.task.as_str() {
            "" if !entry.steps.is_empty() => return wrong("steps", "only of a task"),
            "" => Vec::new(),
            _ => self.reported(entry, officer, came)?,
        };
        let submitted = Submitted {
            task: Some(entry.task.clone()).filter(|task| !task.is_empty()),
            experienced_at: entry.at.to_utc(),
            waiting_minutes: entry.waiting_minutes,
            ratings: entry.steps.iter().map(|(id, answer)| (id.clone(), answer.rating)).collect(),
            parts: parts.into_iter().map(|(part, _)| part).collect(),
            evidence,
            rating: entry.rating,
        };
        let mut row = self.row(Matter::Report, &entry.id, 1, came, Event::Submitted(submitted));
        row.officer = Some(officer.code.clone());
        row.call_id = Some(call_id(Matter::Report, &entry.id));
        Ok(std::iter::once(row).chain(task_rows).collect())
    }

    pub(super) fn discussion(&self, entry: &DiscussionEntry) -> Result<Vec<Recorded>, Refusal> {
        id("id", &entry.id)?;
        if self.programme.discussions.contains_key(&entry.id) {
            return Err(Refusal::Exists(format!("discussions/{}", entry.id)));
        }
        let title = text("title", &entry.title, LONGEST_NAME, true)?;
        let topic = text("topic", &entry.topic, LONGEST_NAME, false)?;
        let event = Event::Opened { title, topic: Some(topic).filter(|topic| !topic.is_empty()) };
        let at = self.moment(entry.at, DateTime::<Utc>::MIN_UTC)?;
        Ok(vec![self.row(Matter::Discussion, &entry.id, 1, at, event)])
    }

    pub(super) fn opinion(&self, entry: &OpinionEntry) -> Result<Vec<Recorded>, Refusal> {
        id("id", &entry.id)?;
        if self.programme.opinions.contains_key(&entry.id) {
            return Err(Refusal::Exists(format!("opinions/{}", entry.id)));
        }
        let came = self.came(entry.at)?;
        let discussion = self.programme.discussions.get(&entry.discussion);
        let discussion = discussion.ok_or_else(|| Refusal::Unknown(format!("discussions/{}", entry.discussion)))?;
        if discussion.ended.is_some() {
            return not_now(format!("discussions/{} is closed", discussion.id));
        }
        let officer = self.serving(&entry.officer, entry.at.to_utc())?;
        text("text", &entry.text, LONGEST_TEXT, true)?;
        let event = Event::Said { discussion: discussion.id.clone() };
        let mut row = self.row(Matter::Opinion, &entry.id, 1, came, event);
        row.officer = Some(officer.code.clone());
        row.call_id = Some(call_id(Matter::Opinion, &entry.id));
        Ok(vec![row])
    }

    pub(super) fn end_discussion(&self, entry: &Closing) -> Result<Vec<Recorded>, Refusal> {
        let known = self.programme.discussions.get(&entry.id);
        match known.ok_or_else(|| Refusal::Unknown(format!("discussions/{}", entry.id)))?.ended {
            Some(_) => not_now(format!("discussions/{} is closed already", entry.id)),
            None => self.ended(Matter::Discussion, entry),
        }
    }
}

fn stars(field: &str, rating: u8) -> Result<(), Refusal> {
    match rating {
        1..=5 => Ok(()),
        _ => wrong(field, "1 (very bad) to 5 (very good)"),
    }
}

fn evidence(all: &[Evidence]) -> Result<Vec<Evidence>, Refusal> {
    if all.len() > MOST_PARTS {
        return wrong("evidence", format!("at most {MOST_PARTS} pieces"));
    }
    let mut seen = BTreeSet::new();
    for (nth, piece) in all.iter().enumerate() {
        let is_hash = piece.sha256.len() == 64 && piece.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        let is_file = piece.call.is_empty() && !piece.name.trim().is_empty() && is_hash;
        let is_call = !piece.call.is_empty() && piece.name.is_empty() && piece.sha256.is_empty();
        let is_short = piece.call.chars().count() <= LONGEST_NAME && piece.name.chars().count() <= LONGEST_NAME;
        if !(is_file || is_call) || !is_short {
            let message = "the id of a call, or the name of a file with its SHA-256 of 64 hex digits";
            return wrong(&format!("evidence[{nth}]"), message);
        }
        if !seen.insert((&piece.call, &piece.sha256)) {
            return wrong(&format!("evidence[{nth}]"), "is there twice");
        }
    }
    Ok(all.to_vec())
}
