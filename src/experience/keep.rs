//! From what is handed in to what is kept: calls are analysed first, by whoever has the time, and what may be kept is decided where it
//! is written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use qingting_index::{DataDir, ExperienceEntry, Result};
use qingting_pipeline::assets::hex;
use qingting_pipeline::{Analyzed, Pipeline};
use rand::RngCore;
use sha2::{Digest, Sha256};

use super::Refusal;
use super::decide::Given;
use super::entry::Entry;
use super::event::Recorded;
use super::programme::Programme;
use super::record::call_of;
use super::rules::Rules;
use crate::case::Who;

/// Whoever can be asked what happened.
pub trait Log {
    /// Every row, in its order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn experience_rows(&self) -> Result<Vec<ExperienceEntry>>;
}

impl Log for DataDir {
    fn experience_rows(&self) -> Result<Vec<ExperienceEntry>> {
        self.experience()
    }
}

/// The programme as it stands.
///
/// # Errors
/// When it cannot be read, or a row is not of the form.
pub fn load(log: &(impl Log + ?Sized)) -> Result<Programme> {
    let mut programme = Programme::default();
    for row in log.experience_rows()? {
        programme.add(Recorded::of(row)?);
    }
    Ok(programme)
}

/// Something that is handed in, made ready to be decided about.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What, with what people noted about officers masked.
    pub entry: Entry,
    /// By which it is known when it comes again.
    pub digest: Option<String>,
    /// The call that it becomes.
    pub call: Option<Analyzed>,
    /// Pseudonym of an officer who is new.
    code: String,
}

/// By which something is known when it comes again.
pub fn digest(entry: &Entry) -> Option<String> {
    let bytes = serde_json::to_vec(entry).ok()?;
    Some(hex(&Sha256::digest(bytes)))
}

/// Analyses what an officer wrote, and masks what was noted.
pub fn prepare(mut entry: Entry, digest: Option<String>, pipeline: &Pipeline) -> Prepared {
    let call = call_of(&entry).map(|record| pipeline.analyze(&record));
    let mask = |text: &mut String| *text = pipeline.normalizer().text(text).text;
    match &mut entry {
        Entry::Retirement(retirement) => mask(&mut retirement.reason),
        Entry::Step(step) => mask(&mut step.note),
        Entry::DiscussionEnd(end) | Entry::PollEnd(end) => mask(&mut end.result),
        Entry::Report(report) => report.evidence.iter_mut().for_each(|piece| mask(&mut piece.name)),
        _ => {}
    }
    let mut code = [0; 8];
    rand::rng().fill_bytes(&mut code);
    Prepared { entry, digest, call, code: format!("p{}", hex(&code)) }
}

/// What became of something that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    New,
    /// It was there already.
    Known,
}

/// What is to be kept: the calls first, so that no row tells of a call that is not there.
#[derive(Debug, Default)]
pub struct Kept {
    /// What became of each, in order.
    pub outcomes: Vec<std::result::Result<Outcome, Refusal>>,
    /// Calls.
    pub calls: Vec<Analyzed>,
    /// Rows.
    pub rows: Vec<ExperienceEntry>,
}

/// Decides about some things, each as it stands after those before it, which the programme takes in.
///
/// # Errors
/// When something cannot be written down.
pub fn keep(
    programme: &mut Programme,
    all: Vec<Prepared>,
    who: &Who,
    now: DateTime<Utc>,
    expected: Option<u32>,
    catching_up: bool,
    rules: &Rules,
) -> Result<Kept> {
    let mut kept = Kept::default();
    // Of a call that comes twice the last one would count; a report that is there is refused before it comes to that.
    let mut calls = BTreeMap::new();
    for Prepared { entry, digest, call, code } in all {
        let given = Given { who: who.clone(), now, expected, digest, code, catching_up };
        let outcome = match programme.decide(&entry, &given, rules) {
            Err(refusal) => Err(refusal),
            Ok(rows) if rows.is_empty() => Ok(Outcome::Known),
            Ok(rows) => {
                for row in rows {
                    kept.rows.push(row.to_entry()?);
                    programme.add(row);
                }
                if let Some(call) = call {
                    calls.insert(call.record.call_id.clone(), call);
                }
                Ok(Outcome::New)
            }
        };
        kept.outcomes.push(outcome);
    }
    kept.calls = calls.into_values().collect();
    Ok(kept)
}
