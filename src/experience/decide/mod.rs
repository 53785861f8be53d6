//! Whether something that is handed in may happen as things stand, and what is kept of it then.

mod officers;
mod polls;
mod tasks;
mod written;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Utc};

use super::entry::{Closing, Entry};
use super::event::{Event, Matter, Recorded};
use super::programme::{Officer, Programme};
use super::rules::Rules;
use super::{LONGEST_TEXT, Refusal, text};
use crate::case::Who;

/// Most things that an officer is to look at in a task, options of a poll, and pieces of evidence.
const MOST_PARTS: usize = 50;

/// By whom, when and how something is handed in.
#[derive(Debug, Clone)]
pub struct Given {
    /// Who notes it.
    pub who: Who,
    /// Now.
    pub now: DateTime<Utc>,
    /// The version that the one who hands it in has seen, where that is asked for; 0: it is to be new.
    pub expected: Option<u32>,
    /// By which it is known when it comes again.
    pub digest: Option<String>,
    /// Pseudonym of an officer who is new.
    pub code: String,
    /// What is past is told: things carry their own times, and a report tells that its task was accepted and begun.
    pub catching_up: bool,
}

/// What is decided about one thing that is handed in.
struct Desk<'a> {
    programme: &'a Programme,
    given: &'a Given,
    rules: &'a Rules,
}

fn wrong<T>(field: &str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::wrong(field, message))
}

fn not_now<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::NotNow(message.into()))
}

/// Checks that a year is one of a programme like this; times of others cannot be written into the ledger as it reads them.
fn plausible(field: &str, day: NaiveDate) -> Result<(), Refusal> {
    match day.year() {
        2000..=2199 => Ok(()),
        _ => wrong(field, "a year from 2000 to 2199"),
    }
}

impl Programme {
    /// What is kept of something that is handed in; nothing where it was handed in before.
    ///
    /// # Errors
    /// When it is not of the form, what it speaks of is not there, or it may not come next.
    pub fn decide(&self, entry: &Entry, given: &Given, rules: &Rules) -> Result<Vec<Recorded>, Refusal> {
        if given.digest.as_ref().is_some_and(|digest| self.digests.contains(digest)) {
            return Ok(Vec::new());
        }
        let desk = Desk { programme: self, given, rules };
        let mut rows = match entry {
            Entry::Officer(officer) => desk.officer(officer),
            Entry::Retirement(retirement) => desk.retire(retirement),
            Entry::Task(task) => desk.task(task),
            Entry::Step(step) => desk.step(step),
            Entry::Report(report) => desk.report(report),
            Entry::Discussion(discussion) => desk.discussion(discussion),
            Entry::Opinion(opinion) => desk.opinion(opinion),
            Entry::DiscussionEnd(end) => desk.end_discussion(end),
            Entry::Poll(poll) => desk.poll(poll),
            Entry::Vote(vote) => desk.vote(vote),
            Entry::PollEnd(end) => desk.end_poll(end),
        }?;
        if let Some(first) = rows.first_mut() {
            first.digest.clone_from(&given.digest);
        }
        Ok(rows)
    }
}

impl Desk<'_> {
    fn row(&self, matter: Matter, id: &str, version: u32, at: DateTime<Utc>, event: Event) -> Recorded {
        Recorded {
            number: 0,
            at,
            who: self.given.who.clone(),
            matter,
            id: id.to_owned(),
            version,
            officer: None,
            call_id: None,
            digest: None,
            event,
        }
    }

    /// When something happened: not in the future, and not before what happened last.
    fn moment(&self, at: Option<DateTime<FixedOffset>>, last: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
        if let Some(at) = at {
            plausible("at", at.date_naive())?;
        }
        match at.map(|at| at.to_utc()) {
            Some(at) if at > self.given.now => wrong("at", "must not be in the future"),
            Some(at) if at < last => {
                wrong("at", format!("must not be before what happened last, {}", last.to_rfc3339()))
            }
            Some(at) => Ok(at),
            // Clocks may be set back; what happened stays in its order.
            None => Ok(self.given.now.max(last)),
        }
    }

    fn expect(&self, what: &str, is: u32) -> Result<(), Refusal> {
        match self.given.expected {
            Some(expected) if expected != is => Err(Refusal::Conflict { what: what.to_owned(), expected, is }),
            _ => Ok(()),
        }
    }

    fn known(&self, id: &str) -> Result<&Officer, Refusal> {
        self.programme.officers.get(id).ok_or_else(|| Refusal::Unknown(format!("officers/{id}")))
    }

    /// An officer who serves on the day of a moment.
    fn serving(&self, id: &str, at: DateTime<Utc>) -> Result<&Officer, Refusal> {
        if id.is_empty() {
            return wrong("officer", "required: the id of an officer");
        }
        let officer = self.known(id)?;
        let day = self.rules.calendar.day(at);
        match officer.serves(day) {
            true => Ok(officer),
            false => not_now(format!(
                "officers/{id} does not serve on {day}: the term is {} to {}",
                officer.since, officer.until
            )),
        }
    }

    /// When something that an officer wrote came in.
    fn came(&self, at: DateTime<FixedOffset>) -> Result<DateTime<Utc>, Refusal> {
        plausible("at", at.date_naive())?;
        let at = at.to_utc();
        if at > self.given.now {
            return wrong("at", "must not be in the future");
        }
        Ok(if self.given.catching_up { at } else { self.given.now })
    }

    fn ended(&self, matter: Matter, entry: &Closing) -> Result<Vec<Recorded>, Refusal> {
        let event = Event::Ended { result: text("result", &entry.result, LONGEST_TEXT, false)? };
        Ok(vec![self.row(matter, &entry.id, 2, self.given.now, event)])
    }
}
