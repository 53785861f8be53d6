//! The calls behind a figure: what a filter such as `figure:"kpi.connected/yes/2026-03-01/2026-03-31"` selects. Each call is counted
//! by itself by what counts all of them, so that the calls are those of the number.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use qingting_index::calls::Filter;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::{Analysis, CallRecord};

use super::names::Names;
use super::scope::Scope;
use super::tally::{Datum, Rules, Tally, Unit};
use crate::report::Period;
use crate::report::contacts::Contacts;
use crate::report::kpis::taken;
use crate::report::tickets::Tickets;

/// The field of filters.
pub const FIELD: &str = "figure";
/// Most figures of a filter: each reads the calls of its period.
pub const MOST_FIGURES: usize = 4;
/// Most days that are read for a filter.
pub const MOST_DAYS: u64 = 366;

/// Which of the calls of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those that fulfil a share: its numerator.
    Yes,
    /// Those that do not.
    No,
    /// Those that it is over: its denominator.
    Of,
    /// Those that it is about and that do not carry what it needs.
    Missing,
    /// Those that it is about.
    About,
}

impl Part {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Yes, "yes"),
        (Self::No, "no"),
        (Self::Of, "of"),
        (Self::Missing, "missing"),
        (Self::About, "about"),
    ];

    /// As filters write it.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(part, _)| *part == self).map_or("of", |(_, text)| text)
    }
}

/// What a filter asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the figure in formulas.
    pub figure: String,
    /// Which of its calls.
    pub part: Part,
    /// The days.
    pub period: Period,
}

impl Wanted {
    /// Reads the value of a filter, `FIGURE/PART/SINCE/UNTIL`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, names: &Names) -> Result<Self, String> {
        let mut parts = text.split('/');
        let (figure, part) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let day = |text: Option<&str>| text.and_then(|text| text.parse::<NaiveDate>().ok());
        let (since, until) = (day(parts.next()), day(parts.next()));
        if names.get(figure).is_none() {
            return Err(format!("no figure {figure:?}: docs/indicators.md tells which there are"));
        }
        if figure.starts_with("case.") {
            return Err(format!("{figure} counts cases, which no filter of calls selects"));
        }
        let Some((part, _)) = Part::ALL.into_iter().find(|(_, text)| *text == part) else {
            return Err("after the figure there is /yes, /no, /of, /missing or /about".to_owned());
        };
        let period = since.zip(until).and_then(|(since, until)| Period::new(since, until));
        let Some(period) = period.filter(|_| parts.next().is_none()) else {
            return Err("must be FIGURE/PART/YYYY-MM-DD/YYYY-MM-DD".to_owned());
        };
        if period.length() > MOST_DAYS {
            return Err(format!("must be {MOST_DAYS} days at most"));
        }
        Ok(Self { figure: figure.to_owned(), part, period })
    }
}

/// The filter that selects calls of a figure; `None` where none does.
pub fn filter(figure: &str, datum: &Datum, part: Part, scope: &Scope) -> Option<String> {
    if figure.starts_with("case.") {
        return None;
    }
    let has_parts = datum.numerator.is_some();
    let part = match part {
        Part::Missing if datum.missing == 0 => return None,
        // A figure that is told of nobody lacks what it needs in all the calls that it is about.
        Part::Missing if datum.denominator == Some(0) => Part::About,
        Part::Of | Part::Yes | Part::No if datum.denominator == Some(0) => return None,
        Part::Yes | Part::No if !has_parts => return None,
        Part::Of if datum.unit == Unit::Calls => Part::About,
        part => part,
    };
    let period = scope.period();
    let (since, until) = (period.from(), period.to());
    Some(format!("{FIELD}:\"{figure}/{}/{since}/{until}\"{}", part.as_str(), scope.conditions()?))
}

/// The figures that a filter names.
pub fn figures_of(filter: &mut Filter) -> Vec<&mut Filter> {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => filters.iter_mut().flat_map(figures_of).collect(),
        Filter::Not(filter) => figures_of(filter),
        Filter::Elsewhere { field, .. } if *field == FIELD => vec![filter],
        _ => Vec::new(),
    }
}

/// Calls on their way into those of a figure, in the order of time, with those of the days around.
pub struct Tracing<'a> {
    wanted: &'a Wanted,
    catalog: &'a Catalog,
    rules: Rules,
    found: BTreeSet<String>,
    contacts: Contacts,
    tickets: Tickets,
}

impl<'a> Tracing<'a> {
    /// Nothing found yet; `days` are the first and the last day with calls.
    pub fn new(wanted: &'a Wanted, catalog: &'a Catalog, rules: Rules, days: Option<(NaiveDate, NaiveDate)>) -> Self {
        Self {
            wanted,
            catalog,
            rules,
            found: BTreeSet::new(),
            contacts: Contacts::new(rules.repeat, days).traced(),
            tickets: Tickets::new(days).traced(),
        }
    }

    /// The days that have to be read.
    pub fn days(&self) -> Period {
        match self.kind() {
            Kind::Contacts => self.rules.repeat.around(&self.wanted.period),
            Kind::Tickets | Kind::Single => self.wanted.period,
        }
    }

    fn kind(&self) -> Kind {
        match self.wanted.figure.as_str() {
            "kpi.repeat_contact" | "kpi.not_again" | "kpi.fcr" => Kind::Contacts,
            figure if figure.starts_with("kpi.ticket") => Kind::Tickets,
            _ => Kind::Single,
        }
    }

    /// Takes a call in.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis) {
        let has = record.started_at.is_some_and(|at| self.wanted.period.contains(at.date_naive()));
        match self.kind() {
            Kind::Contacts => self.contacts.add(record, analysis, has.then_some(0)),
            Kind::Tickets if has => self.tickets.add(record, Some(0)),
            Kind::Single if has => {
                let mut tally = Tally::default();
                tally.add(record, analysis, self.catalog, &self.rules);
                let told = single(&self.wanted.figure, &tally, record, self.catalog);
                if told.is_some_and(|told| is_of(told, self.wanted.part)) {
                    self.found.insert(record.call_id.clone());
                }
            }
            Kind::Tickets | Kind::Single => {}
        }
    }

    /// The ids of the calls.
    pub fn finish(self) -> BTreeSet<String> {
        let (kind, part) = (self.kind(), self.wanted.part);
        let mut found = self.found;
        match kind {
            Kind::Single => {}
            Kind::Contacts => {
                for contact in self.contacts.finish_traced() {
                    let told = match self.wanted.figure.as_str() {
                        "kpi.repeat_contact" => contact.repeat,
                        // Repeats are no first contacts.
                        _ if contact.repeat == Some(true) => continue,
                        "kpi.not_again" => contact.not_again,
                        _ => contact.resolved,
                    };
                    if is_of(told, part) {
                        found.insert(contact.call_id);
                    }
                }
            }
            Kind::Tickets => {
                for (call_id, state) in self.tickets.finish_traced() {
                    let told = match self.wanted.figure.as_str() {
                        "kpi.ticket_closed" => state.closed,
                        "kpi.ticket_on_time" => state.on_time,
                        "kpi.ticket_responded" => state.responded,
                        _ => Some(true),
                    };
                    if is_of(told, part) {
                        found.insert(call_id);
                    }
                }
            }
        }
        found
    }
}

/// What has to be known to tell whether a call is behind a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The call.
    Single,
    /// The contacts around it.
    Contacts,
    /// The other calls of its work order.
    Tickets,
}

/// Whether what is told of a call belongs to a part; `None` is a call that lacks what is needed.
fn is_of(told: Option<bool>, part: Part) -> bool {
    match part {
        Part::Yes => told == Some(true),
        Part::No => told == Some(false),
        Part::Of => told.is_some(),
        Part::Missing => told.is_none(),
        Part::About => true,
    }
}

/// What a call by itself is to a figure, by what it counts into it: outer `None` where the figure is not about it.
fn single(figure: &str, tally: &Tally, record: &CallRecord, catalog: &Catalog) -> Option<Option<bool>> {
    // Without a single rating a share of rated calls is not told; of a call alone that says nothing.
    if figure == "kpi.rated" {
        return taken(record).then_some(Some(tally.kpis.rated.part > 0));
    }
    let datum = tally.datum(figure, catalog)?;
    match datum.denominator {
        None => (datum.value? > 0.0).then_some(Some(true)),
        Some(0) => (datum.missing > 0).then_some(None),
        Some(_) => Some(Some(datum.numerator.is_none_or(|part| part > 0))),
    }
}
