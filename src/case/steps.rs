//! A case, told from what happened in it, and whether a step may be taken next.
//!
//! ```text
//! opened ─ verified ─┬─ confirmed ─ assigned ─ rectified ─ replied ─ rechecked ─ closed ─ (reopened: verified anew)
//!                    │                  └────────── not passed ─────────┘          │
//!                    └─ unfounded ─────────────────────────────────────────────────┘
//! beside them, of ratings: contested ─┬─ upheld: excluded
//!                                     └─ dismissed: as before
//! ```

use chrono::{DateTime, Utc};

use super::event::{Event, Openings, Recorded, Who};
use super::rules::Rules;
use super::state::{Cause, State, Step};
use super::{Refusal, text};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its number.
    pub number: i64,
    /// How many things happened in it.
    pub version: u32,
    /// The call.
    pub call_id: String,
    /// Whose call it was; nobody's where the cause is not theirs.
    pub agent: Option<String>,
    /// Of which team.
    pub team: Option<String>,
    /// Why it was opened.
    pub cause: Cause,
    /// What it was opened with.
    pub openings: Openings,
    /// Where it stands.
    pub state: State,
    /// Who is to mend it, once it is assigned.
    pub assignee: Option<String>,
    /// When it was opened for the first time.
    pub opened_at: DateTime<Utc>,
    /// When it was closed or excluded, unless it is open.
    pub closed_at: Option<DateTime<Utc>>,
    /// When the next step is due; `None`: none is.
    pub due: Option<DateTime<Utc>>,
    /// When it is, or was, to be closed; from the last opening.
    pub total_due: DateTime<Utc>,
    /// How often it was opened again.
    pub reopened: u32,
    /// How often a recheck sent it back.
    pub returned: u32,
    /// Whether its rating was called false, in whatever round.
    pub contested: bool,
    /// Everything that happened, oldest first.
    pub history: Vec<Recorded>,
    /// Where it stood when its rating was contested.
    before_contest: State,
    /// Where in the history the last opening is.
    round: usize,
}

impl Case {
    /// Puts the rows of one case together, oldest first; `None` where they do not begin with its opening.
    pub fn of(rows: impl IntoIterator<Item = Recorded>) -> Option<Self> {
        let mut rows = rows.into_iter();
        let first = rows.next()?;
        let Event::Opened(openings) = &first.event else {
            return None;
        };
        let mut case = Self {
            number: first.number,
            version: first.version,
            call_id: first.call_id.clone(),
            agent: first.agent.clone(),
            team: first.team.clone(),
            cause: first.cause,
            openings: openings.clone(),
            state: State::Opened,
            assignee: None,
            opened_at: first.at,
            closed_at: None,
            due: first.due,
            total_due: first.total_due,
            reopened: 0,
            returned: 0,
            contested: false,
            history: Vec::new(),
            before_contest: State::Opened,
            round: 0,
        };
        case.history.push(first);
        rows.for_each(|row| case.add(row));
        Some(case)
    }

    /// One more thing that happened.
    pub fn add(&mut self, row: Recorded) {
        let next = self.after(&row.event);
        match &row.event {
            Event::Assigned { to, .. } => self.assignee = Some(to.clone()),
            Event::Rechecked { passed: false, .. } => self.returned += 1,
            Event::Contested { .. } => {
                self.before_contest = self.state;
                self.contested = true;
            }
            Event::Reopened { .. } => {
                self.reopened += 1;
                self.assignee = None;
                self.round = self.history.len();
            }
            _ => {}
        }
        self.state = next;
        self.closed_at = (!next.is_open()).then_some(row.at);
        (self.version, self.due, self.total_due) = (row.version, row.due, row.total_due);
        self.history.push(row);
    }

    /// Where it stands after something.
    fn after(&self, event: &Event) -> State {
        match event {
            Event::Opened(_) | Event::Reopened { .. } => State::Opened,
            Event::Verified { confirmed: true, .. } => State::Confirmed,
            Event::Verified { confirmed: false, .. } => State::Unfounded,
            Event::Assigned { .. } | Event::Rechecked { passed: false, .. } => State::Assigned,
            Event::Rectified { .. } => State::Rectified,
            Event::Replied { .. } => State::Replied,
            Event::Rechecked { passed: true, .. } => State::Rechecked,
            Event::Closed { .. } => State::Closed,
            Event::Contested { .. } => State::Contested,
            Event::Decided { upheld: true, .. } => State::Excluded,
            Event::Decided { upheld: false, .. } => self.before_contest,
        }
    }

    /// What happened since it was opened last.
    fn this_round(&self) -> &[Recorded] {
        self.history.get(self.round..).unwrap_or_default()
    }

    /// The steps that may come next.
    pub fn next(&self) -> Vec<Step> {
        let mut steps = self.state.steps().to_vec();
        let was_contested = self.this_round().iter().any(|row| matches!(row.event, Event::Contested { .. }));
        let is_under_way = self.state.is_open() && self.state != State::Contested;
        if self.cause == Cause::Rating && is_under_way && !was_contested {
            steps.push(Step::Contest);
        }
        steps
    }

    /// Whether it counts: not where its rating was found false.
    pub fn counts(&self) -> bool {
        self.state != State::Excluded
    }

    /// Whether it was closed by the time at which it was to be; `None` while it is open or where it does not count.
    pub fn on_time(&self) -> Option<bool> {
        let closed_at = self.closed_at.filter(|_| self.counts())?;
        Some(closed_at <= self.total_due)
    }

    /// Whether something in it is late: the next step, or the whole.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.state.is_open() && now > self.first_due()
    }

    /// What is due first: the next step, or the whole.
    pub fn first_due(&self) -> DateTime<Utc> {
        self.due.map_or(self.total_due, |due| due.min(self.total_due))
    }

    /// Who was the last in this round to do something of a kind.
    fn last_by(&self, step: Step) -> Option<&Who> {
        let last = self.this_round().iter().rev().find(|row| row.event.step() == Some(step));
        last.map(|row| &row.who)
    }

    /// A step, as it is kept if it may be taken.
    ///
    /// # Errors
    /// When the case has moved on since `expected`, the step may not come next, a text is missing or too long, or somebody would
    /// decide about what they have done themselves.
    pub fn take(
        &self,
        event: Event,
        who: &Who,
        now: DateTime<Utc>,
        expected: u32,
        rules: &Rules,
    ) -> Result<Recorded, Refusal> {
        if expected != self.version {
            return Err(Refusal::Conflict { expected, is: self.version });
        }
        let Some(step) = event.step().filter(|step| self.next().contains(step)) else {
            let what = event.step().map_or("立案", Step::zh);
            return Err(Refusal::NotNow(format!("the case stands at {}: {what} does not come next", self.state.zh())));
        };
        // Clocks may be set back; what happened stays in its order.
        let at = self.history.last().map_or(now, |last| last.at.max(now));
        let event = self.checked(event, at)?;
        self.not_own(step, who)?;
        let state = self.after(&event);
        let limits = &self.openings.limits;
        let calendar = &rules.calendar;
        let due = match event {
            // Whoever gets it later has no more time than who had it before.
            Event::Assigned { .. } if self.state == State::Assigned => self.due,
            _ => limits.of(state).map(|limit| calendar.after(at, limit)),
        };
        let total_due = match event {
            Event::Reopened { .. } => calendar.after(at, limits.total),
            Event::Decided { upheld: false, .. } => {
                // Nobody could work on it meanwhile.
                let since = self.history.last().map_or(at, |contest| contest.at);
                calendar.after_work(self.total_due, calendar.between(since, at))
            }
            _ => self.total_due,
        };
        Ok(Recorded {
            number: 0,
            at,
            who: who.clone(),
            case: self.number,
            version: self.version + 1,
            call_id: self.call_id.clone(),
            agent: self.agent.clone(),
            team: self.team.clone(),
            cause: self.cause,
            event,
            due,
            total_due,
        })
    }

    fn not_own(&self, step: Step, who: &Who) -> Result<(), Refusal> {
        let is_by = |step: Step| self.last_by(step).is_some_and(|by| by.id == who.id);
        match step {
            Step::Recheck if is_by(Step::Rectify) => {
                Err(Refusal::OwnDecision("nobody rechecks what they have rectified"))
            }
            Step::Decide if is_by(Step::Contest) || is_by(Step::Verify) => {
                Err(Refusal::OwnDecision("nobody decides on a rating that they have contested or verified"))
            }
            _ => Ok(()),
        }
    }

    /// The same with its texts trimmed.
    fn checked(&self, event: Event, at: DateTime<Utc>) -> Result<Event, Refusal> {
        Ok(match event {
            Event::Opened(openings) => Event::Opened(openings),
            Event::Verified { confirmed, note } => Event::Verified { confirmed, note: text("note", &note, true)? },
            Event::Assigned { to, note } => {
                let (to, note) = (text("assignee", &to, true)?, text("note", &note, false)?);
                Event::Assigned { to, note }
            }
            Event::Rectified { measures } => Event::Rectified { measures: text("measures", &measures, true)? },
            Event::Replied { channel, at: replied, reached, told, answer, satisfied } => {
                if replied > at {
                    return Err(Refusal::wrong("reply_time", "must not be in the future"));
                }
                if replied < self.opened_at {
                    return Err(Refusal::wrong("reply_time", "must not be before the case was opened"));
                }
                if !reached && satisfied.is_some() {
                    return Err(Refusal::wrong("satisfied", "only of callers who could be reached"));
                }
                let (told, answer) = (text("told", &told, true)?, text("answer", &answer, reached)?);
                Event::Replied { channel, at: replied, reached, told, answer, satisfied }
            }
            Event::Rechecked { passed, note } => Event::Rechecked { passed, note: text("note", &note, true)? },
            Event::Closed { result } => Event::Closed { result: text("result", &result, true)? },
            Event::Contested { reason } => Event::Contested { reason: text("reason", &reason, true)? },
            Event::Decided { upheld, reason } => Event::Decided { upheld, reason: text("reason", &reason, true)? },
            Event::Reopened { reason } => Event::Reopened { reason: text("reason", &reason, true)? },
        })
    }
}
