//! Calibration: several reviewers label the same calls, none of them seeing what the others or the machine say until it is
//! closed. The unit of agreement is a call and a code: whether the code is anywhere in the call.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::CallRecord;

use super::Refusal;
use super::event::{Event, Recorded, Who};
use super::kappa::{Kappa, kappa};
use super::verdict::{Label, checked_text};

/// In place of a reviewer: all others.
pub const OTHERS: &str = "others";
/// In place of a reviewer: the machine.
pub const MACHINE: &str = "machine";

/// Labels of a call by one reviewer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub who: Who,
    /// What is there.
    pub labels: Vec<Label>,
    /// Anything else.
    pub note: String,
}

/// A calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its number.
    pub number: i64,
    /// When it was opened.
    pub at: DateTime<Utc>,
    /// By whom.
    pub who: Who,
    /// What people call it.
    pub display_name: String,
    /// What to look for.
    pub codes: Vec<String>,
    /// The calls, with the answers of each.
    pub calls: BTreeMap<String, Vec<Answer>>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// What the machine had asserted then, by call.
    pub machine: BTreeMap<String, Vec<Label>>,
}

impl Session {
    /// Puts the events of one session together, oldest first; `None` when the first does not open one.
    pub fn of(events: impl IntoIterator<Item = Recorded>) -> Option<Self> {
        let mut events = events.into_iter();
        let Recorded { number, at, who, event: Event::Opened { display_name, codes }, .. } = events.next()? else {
            return None;
        };
        let mut session = Self {
            number,
            at,
            who,
            display_name,
            codes,
            calls: BTreeMap::new(),
            closed_at: None,
            machine: BTreeMap::new(),
        };
        for recorded in events.filter(|recorded| recorded.under == Some(number)) {
            let Recorded { at, who, call_id, event, .. } = recorded;
            match (event, call_id) {
                (Event::Included, Some(call)) => {
                    session.calls.entry(call).or_default();
                }
                (Event::Answered { labels, note }, Some(call)) => {
                    session.calls.entry(call).or_default().push(Answer { at, who, labels, note });
                }
                (Event::Compared { labels }, Some(call)) => {
                    session.machine.insert(call, labels);
                }
                (Event::Closed, None) => session.closed_at = Some(at),
                _ => {}
            }
        }
        Some(session)
    }

    /// Whether somebody may answer so; the event that does.
    ///
    /// # Errors
    /// When it is closed, the call is none of it, they have answered, or a label cannot be.
    pub fn may_answer(
        &self,
        who: &Who,
        call: &CallRecord,
        codes: &Catalog,
        labels: Vec<Label>,
        note: &str,
    ) -> Result<Event, Refusal> {
        if self.closed_at.is_some() {
            return Err(Refusal::NotNow("the calibration is closed"));
        }
        let Some(answers) = self.calls.get(&call.call_id) else {
            return Err(Refusal::Unknown(format!("calls/{} of the calibration", call.call_id)));
        };
        if answers.iter().any(|answer| answer.who.id == who.id) {
            return Err(Refusal::NotNow("you have labelled this call"));
        }
        for (i, label) in labels.iter().enumerate() {
            if !self.codes.contains(&label.code) {
                return Err(Refusal::wrong(format!("labels[{i}].code"), "none of the codes of the calibration"));
            }
            label.check(call, codes).map_err(|message| Refusal::wrong(format!("labels[{i}]"), message))?;
        }
        checked_text("note", note, false)?;
        Ok(Event::Answered { labels, note: note.trim().to_owned() })
    }

    /// Whether somebody may close it.
    ///
    /// # Errors
    /// When it is closed.
    pub fn may_close(&self) -> Result<(), Refusal> {
        match self.closed_at {
            Some(_) => Err(Refusal::NotNow("the calibration is closed already")),
            None => Ok(()),
        }
    }
}

/// κ of two sides on a code.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The code.
    pub code: String,
    /// One side: the id of a reviewer.
    pub one: String,
    /// The other: another reviewer, [`OTHERS`] or [`MACHINE`].
    pub other: String,
    /// Their agreement.
    pub kappa: Kappa,
}

/// Every agreement of a closed session, code by code: every two reviewers on the calls that both have labelled; each
/// reviewer with all others, a decision for every answer of another to the same call; each reviewer with the machine. An
/// open session tells nothing.
pub fn kappas(session: &Session) -> Vec<Pair> {
    if session.closed_at.is_none() {
        return Vec::new();
    }
    let reviewers: BTreeSet<&str> = session.calls.values().flatten().map(|answer| answer.who.id.as_str()).collect();
    let mut pairs = Vec::new();
    for code in &session.codes {
        let has = |labels: &[Label]| labels.iter().any(|label| label.code == *code);
        let by = |answers: &[Answer], who: &str| {
            answers.iter().find(|answer| answer.who.id == who).map(|answer| has(&answer.labels))
        };
        let mut add = |one: &str, other: &str, decisions: Vec<(bool, bool)>| {
            let pair = Pair {
                code: code.clone(),
                one: one.into(),
                other: other.into(),
                kappa: kappa(decisions),
            };
            pairs.push(pair);
        };
        for one in &reviewers {
            for other in reviewers.range::<str, _>((std::ops::Bound::Excluded(*one), std::ops::Bound::Unbounded)) {
                let both = session.calls.values().filter_map(|answers| Some((by(answers, one)?, by(answers, other)?)));
                add(one, other, both.collect());
            }
        }
        for one in &reviewers {
            let others = session.calls.values().filter_map(|answers| Some((by(answers, one)?, answers)));
            let others = others.flat_map(|(own, answers)| {
                answers.iter().filter(|answer| answer.who.id != *one).map(move |answer| (own, has(&answer.labels)))
            });
            add(one, OTHERS, others.collect());
            let machine = session
                .calls
                .iter()
                .filter_map(|(call, answers)| Some((by(answers, one)?, has(session.machine.get(call)?))));
            add(one, MACHINE, machine.collect());
        }
    }
    pairs
}
