//! Who is to be reminded of what: warnings before a due date, escalations after it, as of a moment.

use chrono::{DateTime, Utc};

use super::rules::Rules;
use super::state::Step;
use super::steps::Case;

/// What a reminder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The due date is near.
    Warning,
    /// It is past; the level of escalation, from 1. 0: nobody is told beside who is to do it.
    Overdue(u32),
}

/// A reminder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// The case.
    pub case: Case,
    /// What it is.
    pub kind: Kind,
    /// The step that is due; `None`: the whole case.
    pub step: Option<Step>,
    /// When it is, or was, due.
    pub due: DateTime<Utc>,
    /// Whom it is escalated to.
    pub to: Option<String>,
}

impl Reminder {
    /// What supervisors read: one line in Chinese.
    pub fn zh(&self, rules: &Rules) -> String {
        let at = self.due.with_timezone(&rules.calendar.zone()).format("%Y-%m-%d %H:%M");
        let what = self.step.map_or("办结全案", Step::zh);
        let Case { number, cause, .. } = &self.case;
        let cause = cause.zh();
        match (self.kind, &self.to) {
            (Kind::Warning, _) => format!("{number} 号（{cause}）即将到期：{what}，限 {at}"),
            (Kind::Overdue(_), Some(to)) => format!("{number} 号（{cause}）已逾期：{what}，应于 {at}；请{to}督办"),
            (Kind::Overdue(_), None) => format!("{number} 号（{cause}）已逾期：{what}，应于 {at}"),
        }
    }
}

/// The reminders of a moment, the longest overdue first. A case has one at most: about what is due first.
pub fn reminders(cases: impl IntoIterator<Item = Case>, rules: &Rules, now: DateTime<Utc>) -> Vec<Reminder> {
    let calendar = &rules.calendar;
    let mut found: Vec<Reminder> = cases
        .into_iter()
        .filter(|case| case.state.is_open())
        .filter_map(|case| {
            let due = case.first_due();
            let is_step = case.due == Some(due);
            let step = case.state.steps().first().copied().filter(|_| is_step);
            if now <= due {
                let is_near = calendar.between(now, due) <= calendar.work_of(rules.remind_before);
                return is_near.then_some(Reminder { case, kind: Kind::Warning, step, due, to: None });
            }
            let late = calendar.between(due, now);
            let reached = rules.escalate.iter().take_while(|level| calendar.work_of(level.after) <= late).count();
            let to = reached.checked_sub(1).and_then(|last| rules.escalate.get(last)).map(|level| level.to.clone());
            Some(Reminder { case, kind: Kind::Overdue(reached as u32), step, due, to })
        })
        .collect();
    found.sort_by_key(|reminder| (reminder.due, reminder.case.number));
    found
}
