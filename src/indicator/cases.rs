//! Figures of cases (案件) on their way into indicators: what has to be known of them, and from whom. Cases themselves are kept
//! elsewhere; without a source nothing is known of them.

use super::scope::Scope;
use super::tally::{Datum, Unit};
use crate::report::figures::Share;

/// Figures of the cases of a period and scope; what is `None` is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaseFigures {
    /// Cases opened; one whose rating was found false is none.
    pub opened: Option<u64>,
    /// Closed by the end of the period, of the opened.
    pub closed: Option<Share>,
    /// Closed by the time they were due, of those that are closed or overdue.
    pub on_time: Option<Share>,
    /// Open and past their due time at the end of the period, of the opened.
    pub overdue: Option<Share>,
    /// Contested, of the opened and those whose rating was found false.
    pub contested: Option<Share>,
}

/// Name, title, unit and value of a figure.
type Listed = (&'static str, &'static str, Unit, Option<Share>);

impl CaseFigures {
    /// Every share, and the number first.
    pub(super) fn listed(&self) -> [Listed; 5] {
        let opened = self.opened.map(|opened| Share::new(opened, opened));
        [
            ("opened", "立案量", Unit::Calls, opened),
            ("closed", "案件办结率", Unit::Share, self.closed),
            ("on_time", "案件按时办结率", Unit::Share, self.on_time),
            ("overdue", "案件超期率", Unit::Share, self.overdue),
            ("contested", "案件异议率", Unit::Share, self.contested),
        ]
    }

    /// The same for formulas.
    pub(super) fn data(&self) -> impl Iterator<Item = (String, Datum)> {
        self.listed().into_iter().map(|(id, title, unit, share)| {
            let share = share.unwrap_or_default();
            let datum = match unit {
                Unit::Calls => Datum::count(title, self.opened),
                _ => Datum::share(title, share, share.of),
            };
            (format!("case.{id}"), datum)
        })
    }
}

/// Who knows cases.
pub trait CaseSource {
    /// The figures of the cases of a period and scope.
    fn figures(&self, scope: &Scope) -> CaseFigures;
}

/// Nobody knows any.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCases;

impl CaseSource for NoCases {
    fn figures(&self, _scope: &Scope) -> CaseFigures {
        CaseFigures::default()
    }
}
