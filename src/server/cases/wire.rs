//! Cases as they travel, and what comes in read into what happens.

use chrono::{DateTime, NaiveDate, Utc};
use qingting_pipeline::record::Severity;
use qingting_proto::v1;

use super::super::calls::resource;
use super::super::convert::Invalid;
use super::CASES;
use crate::case::{Case, Cause, Channel, Counts, Event, Kind, Recorded, Reminder, Rules, State, Step};
use crate::experience;

/// The number in a resource name.
pub(super) fn number(name: &str) -> Result<i64, Invalid> {
    let number = name.strip_prefix(CASES).and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| Invalid::field("name", "must be cases/ and a number"))
}

/// The version that a step is taken on.
pub(super) fn version(expected: i32) -> Result<u32, Invalid> {
    let version = u32::try_from(expected).ok().filter(|version| *version > 0);
    version.ok_or_else(|| Invalid::field("expected_version", "required: the version of the case that you have seen"))
}

/// A moment of a request.
pub(super) fn moment(field: &str, text: &str) -> Result<DateTime<Utc>, Invalid> {
    let read = DateTime::parse_from_rfc3339(text);
    read.map(|at| at.to_utc()).map_err(|_| Invalid::field(field, "must be a time in RFC 3339"))
}

/// A day of a request; `None`: not said.
pub(super) fn day(field: &str, text: &str) -> Result<Option<NaiveDate>, Invalid> {
    match text {
        "" => Ok(None),
        day => day.parse().map(Some).map_err(|_| Invalid::field(field, "must be YYYY-MM-DD")),
    }
}

pub(super) fn severity(wire: i32) -> Result<Option<Severity>, Invalid> {
    match v1::Severity::try_from(wire) {
        Ok(v1::Severity::Unspecified) => Ok(None),
        Ok(v1::Severity::Minor) => Ok(Some(Severity::Minor)),
        Ok(v1::Severity::Major) => Ok(Some(Severity::Major)),
        Ok(v1::Severity::Fatal) => Ok(Some(Severity::Fatal)),
        Err(_) => Err(Invalid::field("severity", format!("{wire} is not known"))),
    }
}

fn severity_to(severity: Severity) -> v1::Severity {
    match severity {
        Severity::Minor => v1::Severity::Minor,
        Severity::Major => v1::Severity::Major,
        Severity::Fatal => v1::Severity::Fatal,
    }
}

pub(super) fn cause_from(wire: i32) -> Result<Option<Cause>, Invalid> {
    Ok(match v1::CaseCause::try_from(wire) {
        Ok(v1::CaseCause::Unspecified) => None,
        Ok(v1::CaseCause::Rating) => Some(Cause::Rating),
        Ok(v1::CaseCause::Finding) => Some(Cause::Finding),
        Ok(v1::CaseCause::Crisis) => Some(Cause::Crisis),
        Ok(v1::CaseCause::Alert) => Some(Cause::Alert),
        Ok(v1::CaseCause::Review) => Some(Cause::Review),
        Ok(v1::CaseCause::Hand) => Some(Cause::Hand),
        Ok(v1::CaseCause::Experience) => Some(Cause::Experience),
        Err(_) => return Err(Invalid::field("cause", format!("{wire} is not known"))),
    })
}

fn cause(cause: Cause) -> v1::CaseCause {
    match cause {
        Cause::Rating => v1::CaseCause::Rating,
        Cause::Finding => v1::CaseCause::Finding,
        Cause::Crisis => v1::CaseCause::Crisis,
        Cause::Alert => v1::CaseCause::Alert,
        Cause::Review => v1::CaseCause::Review,
        Cause::Hand => v1::CaseCause::Hand,
        Cause::Experience => v1::CaseCause::Experience,
    }
}

fn state(state: State) -> v1::CaseState {
    match state {
        State::Opened => v1::CaseState::Opened,
        State::Confirmed => v1::CaseState::Confirmed,
        State::Unfounded => v1::CaseState::Unfounded,
        State::Assigned => v1::CaseState::Assigned,
        State::Rectified => v1::CaseState::Rectified,
        State::Replied => v1::CaseState::Replied,
        State::Rechecked => v1::CaseState::Rechecked,
        State::Contested => v1::CaseState::Contested,
        State::Closed => v1::CaseState::Closed,
        State::Excluded => v1::CaseState::Excluded,
    }
}

pub(super) fn state_from(wire: i32) -> Result<State, Invalid> {
    let known = State::ALL.iter().copied().find(|known| state(*known) as i32 == wire);
    known.ok_or_else(|| Invalid::field("states", format!("{wire} is not known")))
}

fn step(step: Step) -> v1::CaseStep {
    match step {
        Step::Verify => v1::CaseStep::Verify,
        Step::Assign => v1::CaseStep::Assign,
        Step::Rectify => v1::CaseStep::Rectify,
        Step::Reply => v1::CaseStep::Reply,
        Step::Recheck => v1::CaseStep::Recheck,
        Step::Close => v1::CaseStep::Close,
        Step::Contest => v1::CaseStep::Contest,
        Step::Decide => v1::CaseStep::Decide,
        Step::Reopen => v1::CaseStep::Reopen,
    }
}

impl From<Channel> for v1::ReplyChannel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Phone => Self::Phone,
            Channel::Message => Self::Message,
            Channel::Letter => Self::Letter,
            Channel::Platform => Self::Platform,
            Channel::Visit => Self::Visit,
            Channel::Other => Self::Other,
        }
    }
}

/// A reply of a request.
pub(super) fn reply(reply: Option<v1::CallerReply>) -> Result<Event, Invalid> {
    let reply = reply.ok_or_else(|| Invalid::field("reply", "required"))?;
    let known = Channel::ALL.into_iter().find(|known| v1::ReplyChannel::from(*known) as i32 == reply.channel);
    Ok(Event::Replied {
        channel: known.ok_or_else(|| Invalid::field("reply.channel", "required"))?,
        at: moment("reply.reply_time", &reply.reply_time)?,
        reached: reply.reached,
        told: reply.told,
        answer: reply.answer,
        satisfied: reply.satisfied,
    })
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339()
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A case without its history.
pub(super) fn brief(case: &Case, now: DateTime<Utc>) -> v1::Case {
    v1::Case {
        name: format!("{CASES}{}", case.number),
        version: count(case.version),
        call: resource(&case.call_id),
        agent_id: case.agent.clone().unwrap_or_default(),
        team: case.team.clone().unwrap_or_default(),
        cause: cause(case.cause).into(),
        reason: case.openings.reason.clone(),
        severity: severity_to(case.openings.severity).into(),
        rating: i32::from(case.openings.rating.unwrap_or_default()),
        codes: case.openings.codes.clone(),
        state: state(case.state).into(),
        state_label: case.state.zh().to_owned(),
        assignee: case.assignee.clone().unwrap_or_default(),
        open_time: time(case.opened_at),
        close_time: case.closed_at.map_or_else(String::new, time),
        due_time: case.due.map_or_else(String::new, time),
        total_due_time: time(case.total_due),
        overdue: case.is_overdue(now),
        on_time: case.on_time(),
        reopen_count: count(case.reopened),
        return_count: count(case.returned),
        contested: case.contested,
        next_steps: case.next().into_iter().map(|next| step(next).into()).collect(),
        history: Vec::new(),
        findings: Vec::new(),
        experience_report: experience::report_of_call(&case.call_id)
            .map_or_else(String::new, |id| format!("experienceReports/{id}")),
    }
}

/// A case with its history.
pub(super) fn whole(case: &Case, now: DateTime<Utc>) -> v1::Case {
    let before = std::iter::once(None).chain(case.history.iter().map(|row| row.due));
    let rows = case.history.iter().zip(before).map(|(row, due)| event(row, due)).collect();
    v1::Case { history: rows, ..brief(case, now) }
}

fn event(row: &Recorded, was_due: Option<DateTime<Utc>>) -> v1::CaseEvent {
    let outcome = match &row.event {
        Event::Verified { confirmed, .. } => Some(*confirmed),
        Event::Rechecked { passed, .. } => Some(*passed),
        Event::Decided { upheld, .. } => Some(*upheld),
        _ => None,
    };
    let reply = match &row.event {
        Event::Replied { channel: by, at, reached, told, answer, satisfied } => Some(v1::CallerReply {
            channel: v1::ReplyChannel::from(*by).into(),
            reply_time: time(*at),
            reached: *reached,
            told: told.clone(),
            answer: answer.clone(),
            satisfied: *satisfied,
        }),
        _ => None,
    };
    v1::CaseEvent {
        number: row.number,
        create_time: time(row.at),
        actor: Some(v1::CaseActor { id: row.who.id.clone(), display_name: row.who.name.clone() }),
        step: row.event.step().map_or(v1::CaseStep::Unspecified, step).into(),
        text: row.event.zh(),
        outcome,
        due_time: row.due.map_or_else(String::new, time),
        reply,
        // Nobody has to contest, and a case that is over waits for nothing.
        late: was_due.is_some_and(|due| row.at > due) && !matches!(row.event, Event::Contested { .. }),
    }
}

/// A reminder.
pub(super) fn reminder(reminder: Reminder, rules: &Rules, now: DateTime<Utc>) -> v1::Reminder {
    let text = reminder.zh(rules);
    let (kind, level) = match reminder.kind {
        Kind::Warning => (v1::ReminderKind::Warning, 0),
        Kind::Overdue(level) => (v1::ReminderKind::Overdue, level),
    };
    v1::Reminder {
        kind: kind.into(),
        step: reminder.step.map_or(v1::CaseStep::Unspecified, step).into(),
        due_time: time(reminder.due),
        level: count(level),
        escalate_to: reminder.to.unwrap_or_default(),
        text,
        case: Some(brief(&reminder.case, now)),
    }
}

/// Counts.
pub(super) fn figures(counts: Counts) -> v1::CaseFigures {
    let wire = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    v1::CaseFigures {
        opened_count: wire(counts.opened),
        closed_count: wire(counts.closed),
        closed_on_time_count: wire(counts.closed_on_time),
        open_count: wire(counts.open),
        overdue_count: wire(counts.overdue),
        contested_count: wire(counts.contested),
        excluded_count: wire(counts.excluded),
        replied_count: wire(counts.replied),
        on_time_rate: counts.on_time_rate(),
    }
}
