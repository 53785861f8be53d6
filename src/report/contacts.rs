//! First contact resolution and repeats by who calls: what of a contact can only be told from the contacts before and
//! after it. Owns what a repeat is; the definitions are in docs/kpi.md.
//!
//! Contacts come in the order of time. What is held is one entry of some 100 bytes for each contact within the window, so it
//! grows with the calls of a window and not with those of the period.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use qingting_pipeline::record::{Analysis, CallRecord, Direction};

use super::figures::Share;
use super::kpis::taken;
use super::period::Period;

/// What makes another contact of the same caller a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The same work order or the same narrow category.
    Matter,
    /// Any contact.
    Caller,
}

/// What a repeat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatRule {
    /// Days within which it comes.
    pub days: u16,
    /// What it has in common with the contact before.
    pub basis: Basis,
}

impl RepeatRule {
    /// The days that have to be read to tell the repeats of a period.
    pub fn around(&self, period: &Period) -> Period {
        let window = Days::new(self.days.into());
        let from = period.from().checked_sub_days(window).unwrap_or(period.from());
        let to = period.to().checked_add_days(window).unwrap_or(period.to());
        Period::new(from, to).unwrap_or(*period)
    }
}

/// Repeats among the contacts of a set of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RepeatFigures {
    /// Calls taken: the contacts that the figures are about.
    pub contacts: u64,
    /// Repeats, of those with a known caller and matter whose window before lies within the data.
    pub repeats: Share,
    /// First contacts after which the caller did not come again, of those whose window after lies within the data too.
    pub not_again: Share,
    /// Of the same those that also were settled in the call: first contact resolution.
    pub resolved: Share,
}

impl RepeatFigures {
    /// Both sets of contacts together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            contacts: self.contacts + other.contacts,
            repeats: self.repeats.with(other.repeats),
            not_again: self.not_again.with(other.not_again),
            resolved: self.resolved.with(other.resolved),
        }
    }
}

/// How one contact counts into the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The call.
    pub call_id: String,
    /// Whether it is a repeat; `None` where that cannot be told.
    pub repeat: Option<bool>,
    /// Of a first contact whose window is over: whether the caller did not come again.
    pub not_again: Option<bool>,
    /// Of the same: whether it also was settled in the call.
    pub resolved: Option<bool>,
}

struct Open {
    /// Empty where nobody wants to know which calls they are.
    call_id: String,
    at: NaiveDateTime,
    keys: [Option<u64>; 2],
    /// Which set it counts into; `None` for contacts that only show that another one was not the last.
    of: Option<usize>,
    is_repeat: bool,
    again: bool,
    resolved: bool,
}

/// Contacts on their way into the figures.
pub struct Contacts {
    rule: RepeatRule,
    window: TimeDelta,
    /// First moment and the moment after the last that the data hold.
    known: Option<(NaiveDateTime, NaiveDateTime)>,
    open: VecDeque<Open>,
    /// Number of the first that is open.
    first: u64,
    /// Number of the last contact by caller and matter.
    latest: HashMap<u64, u64>,
    sets: Vec<RepeatFigures>,
    /// How each of the counted contacts counts, where that is wanted.
    traced: Option<Vec<Counted>>,
}

impl Contacts {
    /// `days` are the first and the last day with calls.
    pub fn new(rule: RepeatRule, days: Option<(NaiveDate, NaiveDate)>) -> Self {
        let ends = |(first, last): (NaiveDate, NaiveDate)| {
            let after = last.succ_opt().unwrap_or(last);
            (first.and_time(NaiveTime::MIN), after.and_time(NaiveTime::MIN))
        };
        Self {
            rule,
            window: TimeDelta::days(rule.days.into()),
            known: days.map(ends),
            open: VecDeque::new(),
            first: 0,
            latest: HashMap::new(),
            sets: Vec::new(),
            traced: None,
        }
    }

    /// Also notes how each contact counts: what is held then grows with the calls that count.
    #[must_use]
    pub fn traced(self) -> Self {
        Self { traced: Some(Vec::new()), ..self }
    }

    /// Takes a contact in; `of` is the set that it counts into, if it counts.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis, of: Option<usize>) {
        let Some(at) = record.started_at.map(|at| at.naive_local()) else {
            return;
        };
        let of = of.filter(|_| taken(record));
        if let Some(set) = of {
            if self.sets.len() <= set {
                self.sets.resize(set + 1, RepeatFigures::default());
            }
            self.sets[set].contacts += 1;
        }
        // Of these nobody can tell whether they are repeats.
        let untold = |contacts: &mut Self| {
            if let Some(traced) = contacts.traced.as_mut().filter(|_| of.is_some()) {
                let call_id = record.call_id.clone();
                traced.push(Counted { call_id, repeat: None, not_again: None, resolved: None });
            }
        };
        // Nobody knows what an unanswered call was about, and a call of the hotline is no contact of the caller.
        if record.direction != Direction::Inbound || record.turns.is_empty() {
            untold(self);
            return;
        }
        self.close(at);
        let keys = self.keys(record, analysis);
        if keys == [None, None] {
            untold(self);
            return;
        }
        let number = self.first + self.open.len() as u64;
        let mut is_repeat = false;
        for key in keys.into_iter().flatten() {
            if let Some(before) = self.latest.insert(key, number)
                && let Some(open) = before.checked_sub(self.first).and_then(|nth| self.open.get_mut(nth as usize))
                && at.signed_duration_since(open.at) <= self.window
            {
                open.again = true;
                is_repeat = true;
            }
        }
        let resolved = analysis.facts.outcome == "resolved";
        let call_id = if self.traced.is_some() {
            record.call_id.clone()
        } else {
            String::new()
        };
        self.open.push_back(Open { call_id, at, keys, of, is_repeat, again: false, resolved });
    }

    /// The figures of so many sets.
    pub fn finish(mut self, sets: usize) -> Vec<RepeatFigures> {
        self.close_all();
        self.sets.resize(sets, RepeatFigures::default());
        self.sets
    }

    /// How each contact that counts does, of those that are traced.
    pub fn finish_traced(mut self) -> Vec<Counted> {
        self.close_all();
        self.traced.unwrap_or_default()
    }

    fn close_all(&mut self) {
        while let Some(open) = self.open.pop_front() {
            self.count(&open);
        }
    }

    /// Counts the contacts whose window has passed.
    fn close(&mut self, now: NaiveDateTime) {
        // Calls come by date and time at their own offsets, which may differ by up to a day.
        let passed = self.window + TimeDelta::days(1);
        while self.open.front().is_some_and(|open| now.signed_duration_since(open.at) > passed) {
            let Some(open) = self.open.pop_front() else { return };
            for key in open.keys.into_iter().flatten() {
                if self.latest.get(&key) == Some(&self.first) {
                    self.latest.remove(&key);
                }
            }
            self.first += 1;
            self.count(&open);
        }
    }

    fn count(&mut self, open: &Open) {
        let Some(of) = open.of else { return };
        let (repeat, last) = match self.known {
            Some((first, _)) if open.at.signed_duration_since(first) < self.window => (None, None),
            Some((_, end)) => {
                let over = !open.is_repeat && end.signed_duration_since(open.at) >= self.window;
                (Some(open.is_repeat), over.then_some(!open.again))
            }
            None => (None, None),
        };
        let resolved = last.map(|last| last && open.resolved);
        if let Some(set) = self.sets.get_mut(of) {
            repeat.into_iter().for_each(|yes| set.repeats.add(yes));
            last.into_iter().for_each(|yes| set.not_again.add(yes));
            resolved.into_iter().for_each(|yes| set.resolved.add(yes));
        }
        if let Some(traced) = &mut self.traced {
            traced.push(Counted { call_id: open.call_id.clone(), repeat, not_again: last, resolved });
        }
    }

    /// What a contact has in common with others that are about the same.
    fn keys(&self, record: &CallRecord, analysis: &Analysis) -> [Option<u64>; 2] {
        let caller = record.caller.as_ref().and_then(|caller| caller.id.as_deref().or(caller.number.as_deref()));
        let Some(caller) = caller else { return [None, None] };
        let key = |what: &str, parts: &[String]| {
            let mut hash = DefaultHasher::new();
            (caller, what, parts).hash(&mut hash);
            hash.finish()
        };
        match self.rule.basis {
            Basis::Caller => [Some(key("caller", &[])), None],
            Basis::Matter => {
                let ticket = record.ticket.as_ref().map(|ticket| key("ticket", std::slice::from_ref(&ticket.id)));
                // The broadest level alone is no matter: half of a hotline's calls share it.
                let category = &analysis.facts.category;
                [ticket, (category.len() > 1).then(|| key("category", category))]
            }
        }
    }

    /// Contacts that are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.open.len(), self.latest.len())
    }
}
