//! The cases that a log knows, as a source of figures. Counted are the cases that were opened in the period, by what had
//! become of them at its end; one whose rating was found false counts among the contested alone.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{DateTime, Utc};
use qingting_index::{CaseQuery, Result};

use super::cases::{CaseFigures, CaseSource};
use super::scope::Scope;
use crate::case::{Calendar, Log, Outline, cases};
use crate::report::Period;
use crate::report::figures::Share;

/// All cases of a log.
#[derive(Debug, Clone)]
pub struct KnownCases {
    cases: Vec<Outline>,
    calendar: Calendar,
}

impl KnownCases {
    /// Reads the cases of a log, whose days are those of `calendar`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(log: &(impl Log + ?Sized), calendar: &Calendar) -> Result<Self> {
        let cases = cases(log, &CaseQuery::default())?.iter().map(Outline::of).collect();
        Ok(Self { cases, calendar: calendar.clone() })
    }

    fn range(&self, period: Period) -> Range<DateTime<Utc>> {
        self.calendar.period(period.from(), period.to())
    }
}

impl CaseSource for KnownCases {
    fn figures(&self, scope: &Scope) -> CaseFigures {
        let selection = &scope.selection;
        // A case does not say of which queue or region its call was; and where there never was one, nobody keeps any.
        if self.cases.is_empty() || !selection.queues.is_empty() || !scope.regions.is_empty() {
            return CaseFigures::default();
        }
        let period = self.range(scope.period());
        let within = |set: &BTreeSet<String>, value: &Option<String>| {
            set.is_empty() || value.as_ref().is_some_and(|value| set.contains(value))
        };
        let of_scope = self.cases.iter().filter(|case| {
            period.contains(&case.opened_at)
                && within(&selection.teams, &case.team)
                && within(&selection.agents, &case.agent)
        });
        let (mut all, mut opened, mut closed, mut on_time, mut late, mut contested) = (0, 0, 0, 0, 0, 0);
        for case in of_scope {
            all += 1;
            contested += u64::from(case.contested);
            if case.excluded {
                continue;
            }
            opened += 1;
            match case.closed_at.filter(|at| *at < period.end) {
                Some(_) => {
                    closed += 1;
                    on_time += u64::from(case.on_time == Some(true));
                }
                None => late += u64::from(case.total_due < period.end),
            }
        }
        CaseFigures {
            opened: Some(opened),
            closed: Some(Share::new(closed, opened)),
            on_time: Some(Share::new(on_time, closed + late)),
            overdue: Some(Share::new(late, opened)),
            contested: Some(Share::new(contested, all)),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use qingting_pipeline::assets::Assets;

    use super::*;
    use crate::case::{Cause, Rules, State};
    use crate::indicator::By;

    fn at(day: u32, hour: u32) -> DateTime<Utc> {
        NaiveDate::from_ymd_opt(2026, 3, day).unwrap().and_hms_opt(hour, 0, 0).unwrap().and_utc()
    }

    /// Opened, due and closed on these days of March.
    fn case(number: i64, team: &str, opened: u32, due: u32, closed: Option<u32>) -> Outline {
        let closed_at = closed.map(|day| at(day, 3));
        Outline {
            number,
            call_id: format!("c-{number}"),
            cause: Cause::Rating,
            rating: Some(1),
            agent: None,
            team: Some(team.to_owned()),
            state: State::Closed,
            opened_at: at(opened, 2),
            closed_at,
            total_due: at(due, 9),
            on_time: closed_at.map(|closed_at| closed_at <= at(due, 9)),
            contested: false,
            excluded: false,
            reopened: 0,
            replied: false,
        }
    }

    fn march(from: u32, to: u32) -> Scope {
        let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        Scope::all(Period::new(day(from), day(to)).unwrap())
    }

    #[test]
    fn cases_count_by_when_they_were_opened_and_what_had_become_of_them() {
        let known = KnownCases {
            cases: vec![
                case(1, "一组", 2, 5, Some(4)),
                case(2, "一组", 2, 5, Some(8)),
                case(3, "一组", 3, 5, None),
                // Closed after the period: overdue at its end.
                case(4, "二组", 3, 6, Some(20)),
                case(5, "二组", 9, 30, None),
                Outline { contested: true, excluded: true, ..case(6, "二组", 9, 12, Some(10)) },
                // Of another period.
                case(7, "一组", 11, 14, Some(12)),
            ],
            calendar: Rules::load(&Assets::embedded()).unwrap().calendar,
        };
        let share = |part, of| Some(Share::new(part, of));
        let all = known.figures(&march(1, 10));
        let expected = CaseFigures {
            opened: Some(5),
            closed: share(2, 5),
            on_time: share(1, 4),
            overdue: share(2, 5),
            contested: share(1, 6),
        };
        assert_eq!(all, expected);
        let team = known.figures(&march(1, 10).of(By::Team, "二组"));
        assert_eq!((team.opened, team.closed, team.overdue), (Some(2), share(0, 2), share(1, 2)));
        assert_eq!(known.figures(&march(15, 16)).opened, Some(0), "none is a figure");
        for unknown in [march(1, 10).of(By::Region, "海淀"), march(1, 10).of(By::Queue, "热线")] {
            assert_eq!(known.figures(&unknown), CaseFigures::default());
        }
        let none = KnownCases { cases: Vec::new(), ..known };
        assert_eq!(none.figures(&march(1, 10)), CaseFigures::default());
    }
}
