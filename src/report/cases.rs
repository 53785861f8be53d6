//! What was done about calls: cases of the period and of the one before, whole, by cause and by team.

use std::ops::Range;

use chrono::{DateTime, Utc};
use qingting_index::{CaseQuery, Result};

use crate::case::{Counts, Group, GroupBy, Log, counts, of_period};

/// Counts of cases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseFigures {
    /// Of the period.
    pub now: Counts,
    /// Of the period before.
    pub before: Counts,
    /// By cause.
    pub causes: Vec<(Group, Counts)>,
    /// By team of the call; the name is empty where nobody knows it.
    pub teams: Vec<(Group, Counts)>,
}

impl CaseFigures {
    /// Counts the cases of two periods.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(log: &(impl Log + ?Sized), now: &Range<DateTime<Utc>>, before: &Range<DateTime<Utc>>) -> Result<Self> {
        let all = CaseQuery::default();
        let (current, earlier) = (of_period(log, now, &all)?, of_period(log, before, &all)?);
        let by = |field: GroupBy| -> Vec<(Group, Counts)> {
            let before = counts(&earlier, before, Some(field)).1;
            let same = |group: &Group| before.iter().find(|other| other.name == group.name);
            let groups = counts(&current, now, Some(field)).1.into_iter();
            groups
                .map(|group| {
                    let before = same(&group).map_or_else(Counts::default, |other| other.counts);
                    (group, before)
                })
                .collect()
        };
        Ok(Self {
            now: counts(&current, now, None).0,
            before: counts(&earlier, before, None).0,
            causes: by(GroupBy::Cause),
            teams: by(GroupBy::Team),
        })
    }

    /// All of it in rows: kind of group, its name, the counts of both periods.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, String, Counts, Counts)> + '_ {
        let whole = std::iter::once(("all", String::new(), self.now, self.before));
        let of = |kind: &'static str, groups: &'_ [(Group, Counts)]| {
            groups
                .iter()
                .map(|(group, before)| (kind, group.name.clone(), group.counts, *before))
                .collect::<Vec<_>>()
        };
        whole.chain(of("cause", &self.causes)).chain(of("team", &self.teams))
    }
}
