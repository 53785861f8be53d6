//! Who is to be reminded of what, as of a moment: what is due soon, and what is overdue. A list; nothing is sent to anybody.

use chrono::{DateTime, TimeDelta, Utc};

use super::programme::{Poll, Programme, Task};
use super::rules::Rules;
use super::state::TaskState;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// An officer's answer whether they take a task.
    Answer,
    /// A report.
    Report,
    /// The check of a report.
    Check,
    /// The votes in a poll.
    Vote,
    /// The end of a term.
    Term,
}

impl Due {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Report => "report",
            Self::Check => "check",
            Self::Vote => "vote",
            Self::Term => "term",
        }
    }
}

/// What a reminder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The due date is near.
    Warning,
    /// It is past.
    Overdue,
}

/// A reminder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// What it is.
    pub kind: Kind,
    /// What is due.
    pub due: Due,
    /// When it is, or was.
    pub at: DateTime<Utc>,
    /// Resource name of the task, poll or officer.
    pub about: String,
    /// Ids of the officers who are to do something; none: whoever runs the programme is.
    pub officers: Vec<String>,
    /// All of it in a sentence, in Chinese.
    pub text: String,
}

struct Calendar<'a> {
    rules: &'a Rules,
    now: DateTime<Utc>,
}

impl Calendar<'_> {
    /// Whether something is to be reminded of.
    fn kind(&self, at: DateTime<Utc>, before: crate::case::Limit) -> Option<Kind> {
        let calendar = &self.rules.calendar;
        if self.now >= at {
            return Some(Kind::Overdue);
        }
        // Not counted day by day up to the end of a term that is years away; no holidays are as long as this.
        let end = calendar.after_work(self.now, calendar.work_of(before));
        let until = end.checked_add_signed(TimeDelta::days(31)).map_or(at, |last| last.min(at));
        (calendar.between(end, until) == TimeDelta::zero()).then_some(Kind::Warning)
    }

    fn local(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.rules.calendar.zone()).format("%Y-%m-%d %H:%M").to_string()
    }

    fn task(&self, programme: &Programme, task: &Task) -> Option<Reminder> {
        let last = task.due(self.rules);
        let (due, at) = match task.state {
            TaskState::Assigned => match task.answer_by {
                Some(answer_by) if answer_by < last => (Due::Answer, answer_by),
                _ => (Due::Report, last),
            },
            TaskState::Reported => (Due::Check, task.check_by?),
            state if state.waits_for_report() => (Due::Report, last),
            _ => return None,
        };
        let kind = self.kind(at, self.rules.remind.before)?;
        let officers: Vec<String> = match due {
            Due::Check => Vec::new(),
            _ => task.officer.iter().map(|code| programme.label(code).to_owned()).collect(),
        };
        let what = match (due, task.state) {
            (Due::Answer, _) => "答复是否接受",
            (Due::Check, _) => "审核报告",
            (_, TaskState::Planned | TaskState::Declined) => "派发并完成体验",
            _ => "提交报告",
        };
        let whose = officers.first().map_or_else(String::new, |id| format!("（体验官 {id}）"));
        let when = match kind {
            Kind::Warning => format!("即将到期，限 {}", self.local(at)),
            Kind::Overdue => format!("已逾期，应于 {}", self.local(at)),
        };
        let text = format!("任务 {}“{}”{whose}：{what}{when}", task.id, task.plan.theme);
        Some(Reminder { kind, due, at, about: format!("experienceTasks/{}", task.id), officers, text })
    }

    fn poll(&self, programme: &Programme, poll: &Poll) -> Option<Reminder> {
        if poll.is_over(self.now) {
            return None;
        }
        let kind = self.kind(poll.closes_at, self.rules.remind.before)?;
        let has_voted = |code: &String| poll.votes.iter().any(|vote| vote.officer == *code);
        let left = poll.asked.iter().filter(|code| !has_voted(code)).filter_map(|code| programme.officer_of(code));
        let officers: Vec<String> = left.map(|officer| officer.id.clone()).collect();
        if officers.is_empty() {
            return None;
        }
        let text = format!(
            "投票 {}“{}”将于 {} 截止，还有 {} 人未投",
            poll.id,
            poll.question,
            self.local(poll.closes_at),
            officers.len()
        );
        Some(Reminder {
            kind,
            due: Due::Vote,
            at: poll.closes_at,
            about: format!("polls/{}", poll.id),
            officers,
            text,
        })
    }
}

/// The reminders of a moment, the longest overdue first.
pub fn reminders(programme: &Programme, rules: &Rules, now: DateTime<Utc>) -> Vec<Reminder> {
    let at = Calendar { rules, now };
    let mut found: Vec<Reminder> = programme.tasks.values().filter_map(|task| at.task(programme, task)).collect();
    found.extend(programme.polls.values().filter_map(|poll| at.poll(programme, poll)));
    let day = rules.calendar.day(now);
    for officer in programme.officers.values().filter(|officer| officer.serves(day)) {
        let ends = rules.calendar.period(officer.until, officer.until).end;
        if let Some(kind) = at.kind(ends, rules.remind.term_before) {
            found.push(Reminder {
                kind,
                due: Due::Term,
                at: ends,
                about: format!("officers/{}", officer.id),
                officers: vec![officer.id.clone()],
                text: format!("体验官 {} 的任期将于 {} 届满", officer.id, officer.until),
            });
        }
    }
    found.sort_by(|a, b| (a.at, &a.about).cmp(&(b.at, &b.about)));
    found
}
