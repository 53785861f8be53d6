//! The programme, told from what happened in it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::event::{Event, Matter, Plan, Recorded, Submitted};
use super::rules::Rules;
use super::state::{Step, TaskState};

/// What an officer is called who was forgotten.
const GONE: &str = "已退出";

/// An officer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officer {
    /// Id in the programme.
    pub id: String,
    /// Pseudonym in everything else.
    pub code: String,
    /// Name.
    pub name: String,
    /// What the structure is told by.
    pub attributes: BTreeMap<String, String>,
    /// First day of the term.
    pub since: NaiveDate,
    /// Last day of the term.
    pub until: NaiveDate,
    /// When the term ended before its time, and why.
    pub retired: Option<(DateTime<Utc>, String)>,
    /// How many things happened to them.
    pub version: u32,
}

impl Officer {
    /// Whether they serve on a day.
    pub fn serves(&self, day: NaiveDate) -> bool {
        let has_ended = self.retired.as_ref().is_some_and(|(at, _)| at.date_naive() <= day);
        !has_ended && self.since <= day && day <= self.until
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Id in the programme.
    pub id: String,
    /// What is to be done.
    pub plan: Plan,
    /// Where it stands.
    pub state: TaskState,
    /// Pseudonym of who does it.
    pub officer: Option<String>,
    /// When the officer's answer is due, while it is waited for.
    pub answer_by: Option<DateTime<Utc>>,
    /// When the report is to be checked, while that is waited for.
    pub check_by: Option<DateTime<Utc>>,
    /// The report that counts.
    pub report: Option<String>,
    /// How many things happened in it.
    pub version: u32,
    /// Everything that happened, oldest first.
    pub history: Vec<Recorded>,
}

impl Task {
    /// When the report is due: the end of its last day.
    pub fn due(&self, rules: &Rules) -> DateTime<Utc> {
        rules.calendar.period(self.plan.due, self.plan.due).end
    }

    /// Whether something in it is late.
    pub fn is_overdue(&self, rules: &Rules, now: DateTime<Utc>) -> bool {
        match self.state {
            state if state.waits_for_report() => {
                now >= self.due(rules) || self.answer_by.is_some_and(|answer_by| now > answer_by)
            }
            TaskState::Reported => self.check_by.is_some_and(|check_by| now > check_by),
            _ => false,
        }
    }

    /// Where it stood at a moment; `None`: it was not there yet.
    pub fn state_at(&self, at: DateTime<Utc>) -> Option<TaskState> {
        let before = self.history.iter().take_while(|row| row.at < at);
        before.fold(None, |_, row| Some(after(&row.event)))
    }

    fn add(&mut self, row: Recorded) {
        self.state = after(&row.event);
        (self.answer_by, self.check_by) = (None, None);
        match &row.event {
            Event::Assigned(assignment) => {
                self.officer = Some(assignment.officer.clone());
                self.answer_by = Some(assignment.answer_by);
            }
            Event::Stepped { step: Step::Decline, .. } => self.officer = None,
            Event::Reported { report, check_by } => {
                self.report = Some(report.clone());
                self.check_by = Some(*check_by);
            }
            _ => {}
        }
        self.version = row.version;
        self.history.push(row);
    }
}

/// Where a task stands after something.
pub(super) fn after(event: &Event) -> TaskState {
    match event {
        Event::Checked { passed: true, .. } => TaskState::Checked,
        Event::Checked { passed: false, .. } => TaskState::UnderWay,
        other => match other.step() {
            None | Some(Step::Check) => TaskState::Planned,
            Some(Step::Assign) => TaskState::Assigned,
            Some(Step::Accept) => TaskState::Accepted,
            Some(Step::Decline) => TaskState::Declined,
            Some(Step::Start) => TaskState::UnderWay,
            Some(Step::Report) => TaskState::Reported,
            Some(Step::Close) => TaskState::Closed,
            Some(Step::Cancel) => TaskState::Cancelled,
            Some(Step::Expire) => TaskState::Expired,
        },
    }
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Id in the programme.
    pub id: String,
    /// Pseudonym of who reports.
    pub officer: String,
    /// When it came in.
    pub at: DateTime<Utc>,
    /// The call that it became.
    pub call_id: String,
    /// What it says, but in words.
    pub submitted: Submitted,
}

/// A discussion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discussion {
    /// Id in the programme.
    pub id: String,
    /// What about.
    pub title: String,
    /// The topic.
    pub topic: Option<String>,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// When it was closed, and what came of it.
    pub ended: Option<(DateTime<Utc>, String)>,
}

/// An opinion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// Id in the programme.
    pub id: String,
    /// The discussion.
    pub discussion: String,
    /// Pseudonym of who said it.
    pub officer: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The call that it became.
    pub call_id: String,
}

/// A vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// Pseudonym of who voted.
    pub officer: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What was chosen, from 1, ascending.
    pub choices: Vec<u32>,
}

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Id in the programme.
    pub id: String,
    /// The discussion that it belongs to.
    pub discussion: Option<String>,
    /// The question.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
    /// Several may be chosen.
    pub multiple: bool,
    /// Nobody is told who chose what.
    pub secret: bool,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// Until when.
    pub closes_at: DateTime<Utc>,
    /// When it was ended before that.
    pub ended: Option<(DateTime<Utc>, String)>,
    /// Pseudonyms of who is asked.
    pub asked: BTreeSet<String>,
    /// The votes, in the order in which they came.
    pub votes: Vec<Vote>,
}

impl Poll {
    /// Whether votes are taken no more.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.ended.is_some() || now >= self.closes_at
    }
}

/// Everything, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Programme {
    /// By id.
    pub officers: BTreeMap<String, Officer>,
    /// By id.
    pub tasks: BTreeMap<String, Task>,
    /// By id.
    pub reports: BTreeMap<String, Report>,
    /// By id.
    pub discussions: BTreeMap<String, Discussion>,
    /// By id.
    pub opinions: BTreeMap<String, Opinion>,
    /// By id.
    pub polls: BTreeMap<String, Poll>,
    /// Ids of officers by their pseudonyms.
    codes: BTreeMap<String, String>,
    /// What was imported.
    pub(super) digests: BTreeSet<String>,
}

impl Programme {
    /// Who a pseudonym stands for, unless they were forgotten.
    pub fn officer_of(&self, code: &str) -> Option<&Officer> {
        self.codes.get(code).and_then(|id| self.officers.get(id))
    }

    /// The id of who a pseudonym stands for, or that they are gone.
    pub fn label(&self, code: &str) -> &str {
        self.officer_of(code).map_or(GONE, |officer| officer.id.as_str())
    }

    /// Takes in something that happened. What it is about and is not there any more was erased.
    pub fn add(&mut self, row: Recorded) {
        if let Some(digest) = &row.digest {
            self.digests.insert(digest.clone());
        }
        match row.matter {
            Matter::Officer => self.add_officer(row),
            Matter::Task => match (self.tasks.get_mut(&row.id), &row.event) {
                (Some(task), _) => task.add(row),
                (None, Event::Planned(plan)) => {
                    let task = Task {
                        id: row.id.clone(),
                        plan: plan.clone(),
                        state: TaskState::Planned,
                        officer: None,
                        answer_by: None,
                        check_by: None,
                        report: None,
                        version: row.version,
                        history: vec![row.clone()],
                    };
                    self.tasks.insert(row.id, task);
                }
                (None, _) => {}
            },
            Matter::Report => {
                if let (Event::Submitted(submitted), Some(officer), Some(call_id)) =
                    (row.event, row.officer, row.call_id)
                {
                    let report = Report { id: row.id.clone(), officer, at: row.at, call_id, submitted };
                    self.reports.insert(row.id, report);
                }
            }
            Matter::Opinion => {
                if let (Event::Said { discussion }, Some(officer), Some(call_id)) =
                    (row.event, row.officer, row.call_id)
                {
                    let opinion = Opinion { id: row.id.clone(), discussion, officer, at: row.at, call_id };
                    self.opinions.insert(row.id, opinion);
                }
            }
            Matter::Discussion | Matter::Poll | Matter::Vote => self.add_talk(row),
        }
    }

    fn add_officer(&mut self, row: Recorded) {
        match row.event {
            Event::Enrolled { name, attributes, since, until } => {
                let Some(code) = row.officer else { return };
                self.codes.insert(code.clone(), row.id.clone());
                let retired = self.officers.get(&row.id).and_then(|known| known.retired.clone());
                let (id, version) = (row.id, row.version);
                let officer = Officer { id: id.clone(), code, name, attributes, since, until, retired, version };
                self.officers.insert(id, officer);
            }
            Event::Retired { reason } => {
                if let Some(officer) = self.officers.get_mut(&row.id) {
                    officer.retired = Some((row.at, reason));
                    officer.version = row.version;
                }
            }
            _ => {}
        }
    }

    fn add_talk(&mut self, row: Recorded) {
        match row.event {
            Event::Opened { title, topic } => {
                let discussion = Discussion { id: row.id.clone(), title, topic, opened_at: row.at, ended: None };
                self.discussions.insert(row.id, discussion);
            }
            Event::Asked { discussion, question, options, multiple, secret, closes_at, asked } => {
                let poll = Poll {
                    id: row.id.clone(),
                    discussion,
                    question,
                    options,
                    multiple,
                    secret,
                    opened_at: row.at,
                    closes_at,
                    ended: None,
                    asked: asked.into_iter().collect(),
                    votes: Vec::new(),
                };
                self.polls.insert(row.id, poll);
            }
            Event::Ended { result } if row.matter == Matter::Poll => {
                if let Some(poll) = self.polls.get_mut(&row.id) {
                    poll.ended = Some((row.at, result));
                }
            }
            Event::Ended { result } => {
                if let Some(discussion) = self.discussions.get_mut(&row.id) {
                    discussion.ended = Some((row.at, result));
                }
            }
            Event::Voted { poll, choices } => {
                if let (Some(poll), Some(officer)) = (self.polls.get_mut(&poll), row.officer) {
                    poll.votes.push(Vote { officer, at: row.at, choices });
                }
            }
            _ => {}
        }
    }
}
