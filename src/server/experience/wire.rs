//! The programme as it travels, and what comes in read into what is handed in.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use qingting_pipeline::Analyzed;
use qingting_proto::v1;

use super::super::calls::resource;
use super::super::convert::Invalid;
use crate::experience::{
    Discussion, Evidence, Mode, Officer, OfficerEntry, Opinion, Part, Poll, Programme, Question, Recorded, Reminder,
    Report, Results, Row, Rules, Step, StepAnswer, Task, TaskState,
};

pub(super) const OFFICERS: &str = "officers/";
pub(super) const TASKS: &str = "experienceTasks/";
pub(super) const REPORTS: &str = "experienceReports/";
pub(super) const DISCUSSIONS: &str = "discussions/";
pub(super) const OPINIONS: &str = "opinions/";
pub(super) const POLLS: &str = "polls/";

/// The id in a resource name.
pub(super) fn id(field: &str, collection: &str, name: &str) -> Result<String, Invalid> {
    let id = name.strip_prefix(collection).filter(|id| !id.is_empty());
    id.map(str::to_owned)
        .ok_or_else(|| Invalid::field(field, format!("must be {collection} and an id")))
}

/// The same, where nothing has to be said.
pub(super) fn id_or_none(field: &str, collection: &str, name: &str) -> Result<String, Invalid> {
    match name {
        "" => Ok(String::new()),
        name => id(field, collection, name),
    }
}

pub(super) fn version(expected: i32) -> Result<Option<u32>, Invalid> {
    let version = u32::try_from(expected).ok().filter(|version| *version > 0);
    match version {
        None => Err(Invalid::field("expected_version", "required: the version that you have seen")),
        some => Ok(some),
    }
}

pub(super) fn moment(field: &str, text: &str) -> Result<DateTime<FixedOffset>, Invalid> {
    DateTime::parse_from_rfc3339(text).map_err(|_| Invalid::field(field, "must be a time in RFC 3339"))
}

pub(super) fn day(field: &str, text: &str) -> Result<NaiveDate, Invalid> {
    text.parse().map_err(|_| Invalid::field(field, "must be YYYY-MM-DD"))
}

/// A rating; what none can be stays one that none can be.
pub(super) fn rating(wire: i32) -> u8 {
    u8::try_from(wire).unwrap_or(u8::MAX)
}

fn count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339()
}

fn time_or_none(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, time)
}

pub(super) fn particulars(id: String, wire: Option<v1::OfficerParticulars>) -> Result<OfficerEntry, Invalid> {
    let wire = wire.ok_or_else(|| Invalid::field("particulars", "required"))?;
    let age = match wire.age {
        0 => None,
        age => Some(u16::try_from(age).map_err(|_| Invalid::field("particulars.age", "must be in years"))?),
    };
    Ok(OfficerEntry {
        id,
        name: wire.display_name,
        age,
        employee: wire.employee,
        attributes: wire.attributes.into_iter().collect(),
        since: day("particulars.since", &wire.since)?,
    })
}

pub(super) fn officer(officer: &Officer, today: NaiveDate) -> v1::Officer {
    v1::Officer {
        name: format!("{OFFICERS}{}", officer.id),
        version: count(officer.version),
        display_name: officer.name.clone(),
        attributes: officer.attributes.clone().into_iter().collect(),
        since: officer.since.to_string(),
        until: officer.until.to_string(),
        retire_time: time_or_none(officer.retired.as_ref().map(|(at, _)| *at)),
        serving: officer.serves(today),
    }
}

pub(super) fn structure_row(row: Row) -> v1::RosterRow {
    v1::RosterRow {
        wanted_count: row.wanted.map(count),
        have_count: count(row.have),
        missing_count: count(row.missing()),
        attribute: row.attribute,
        title: row.title,
        value: row.value,
    }
}

pub(super) fn mode_from(wire: i32) -> Result<Mode, Invalid> {
    match v1::ExperienceMode::try_from(wire) {
        Ok(v1::ExperienceMode::Alone) => Ok(Mode::Alone),
        Ok(v1::ExperienceMode::Accompanied) => Ok(Mode::Accompanied),
        _ => Err(Invalid::field("mode", "required: alone or accompanied")),
    }
}

fn mode(mode: Mode) -> v1::ExperienceMode {
    match mode {
        Mode::Alone => v1::ExperienceMode::Alone,
        Mode::Accompanied => v1::ExperienceMode::Accompanied,
    }
}

fn state(state: TaskState) -> v1::ExperienceTaskState {
    use v1::ExperienceTaskState as Wire;
    match state {
        TaskState::Planned => Wire::Planned,
        TaskState::Assigned => Wire::Assigned,
        TaskState::Declined => Wire::Declined,
        TaskState::Accepted => Wire::Accepted,
        TaskState::UnderWay => Wire::UnderWay,
        TaskState::Reported => Wire::Reported,
        TaskState::Checked => Wire::Checked,
        TaskState::Closed => Wire::Closed,
        TaskState::Cancelled => Wire::Cancelled,
        TaskState::Expired => Wire::Expired,
    }
}

pub(super) fn state_from(wire: i32) -> Result<TaskState, Invalid> {
    let known = TaskState::ALL.iter().copied().find(|known| state(*known) as i32 == wire);
    known.ok_or_else(|| Invalid::field("states", format!("{wire} is not known")))
}

fn step(step: Step) -> v1::ExperienceStep {
    use v1::ExperienceStep as Wire;
    match step {
        Step::Assign => Wire::Assign,
        Step::Accept => Wire::Accept,
        Step::Decline => Wire::Decline,
        Step::Start => Wire::Start,
        Step::Report => Wire::Report,
        Step::Check => Wire::Check,
        Step::Close => Wire::Close,
        Step::Cancel => Wire::Cancel,
        Step::Expire => Wire::Expire,
    }
}

pub(super) fn step_from(wire: i32) -> Result<Step, Invalid> {
    let known = Step::ALL.iter().copied().find(|known| step(*known) as i32 == wire);
    known.ok_or_else(|| Invalid::field("step", "required"))
}

pub(super) fn questions(wire: Vec<v1::ExperienceQuestion>) -> Vec<Question> {
    wire.into_iter().map(|question| Question { id: question.id, text: question.text }).collect()
}

/// A task without its history.
pub(super) fn task(programme: &Programme, task: &Task, rules: &Rules, now: DateTime<Utc>) -> v1::ExperienceTask {
    let plan = &task.plan;
    let named = |code: &String| format!("{OFFICERS}{}", programme.label(code));
    v1::ExperienceTask {
        name: format!("{TASKS}{}", task.id),
        version: count(task.version),
        theme: plan.theme.clone(),
        mode: mode(plan.mode).into(),
        companion: plan.companion.clone(),
        questions: plan
            .steps
            .iter()
            .map(|step| v1::ExperienceQuestion { id: step.id.clone(), text: step.text.clone() })
            .collect(),
        start_date: plan.from.to_string(),
        due_date: plan.due.to_string(),
        state: state(task.state).into(),
        state_label: task.state.zh().to_owned(),
        officer: task.officer.as_ref().map_or_else(String::new, named),
        answer_due_time: time_or_none(task.answer_by),
        report_due_time: time(task.due(rules)),
        check_due_time: time_or_none(task.check_by),
        overdue: task.is_overdue(rules, now),
        report: task.report.as_ref().map_or_else(String::new, |id| format!("{REPORTS}{id}")),
        next_steps: task.state.steps().iter().map(|next| step(*next).into()).collect(),
        history: Vec::new(),
    }
}

fn task_event(row: &Recorded) -> v1::ExperienceTaskEvent {
    v1::ExperienceTaskEvent {
        create_time: time(row.at),
        actor: row.who.name.clone(),
        step: row.event.step().map_or(v1::ExperienceStep::Unspecified, step).into(),
        text: row.event.zh(),
    }
}

/// A task with its history.
pub(super) fn whole_task(programme: &Programme, of: &Task, rules: &Rules, now: DateTime<Utc>) -> v1::ExperienceTask {
    v1::ExperienceTask {
        history: of.history.iter().map(task_event).collect(),
        ..task(programme, of, rules, now)
    }
}

pub(super) fn reminder(reminder: Reminder) -> v1::DueExperience {
    v1::DueExperience {
        about: reminder.about,
        due: reminder.due.as_str().to_owned(),
        due_time: time(reminder.at),
        overdue: reminder.kind == crate::experience::Kind::Overdue,
        officers: reminder.officers.into_iter().map(|id| format!("{OFFICERS}{id}")).collect(),
        text: reminder.text,
    }
}

/// The answers of a request, by question.
pub(super) fn answers(wire: Vec<v1::ExperienceAnswer>) -> Result<BTreeMap<String, StepAnswer>, Invalid> {
    let mut answers = BTreeMap::new();
    for answer in wire {
        let field = format!("answers.{}", answer.question);
        let read = StepAnswer { rating: rating(answer.rating), remark: answer.remark };
        if answers.insert(answer.question, read).is_some() {
            return Err(Invalid::field(field, "is there twice"));
        }
    }
    Ok(answers)
}

pub(super) fn evidence(wire: Vec<v1::ExperienceEvidence>) -> Result<Vec<Evidence>, Invalid> {
    let piece = |piece: v1::ExperienceEvidence| {
        let call = match piece.call.as_str() {
            "" => String::new(),
            call => super::super::calls::call_id(call, "evidence.call")?.to_owned(),
        };
        Ok(Evidence { call, name: piece.file, sha256: piece.sha256 })
    };
    wire.into_iter().map(piece).collect()
}

/// A report without words, topics and cases.
pub(super) fn report(programme: &Programme, report: &Report) -> v1::ExperienceReport {
    let submitted = &report.submitted;
    let answer = |(question, rating): (&String, &u8)| v1::ExperienceAnswer {
        question: question.clone(),
        rating: i32::from(*rating),
        remark: String::new(),
    };
    let piece = |piece: &Evidence| v1::ExperienceEvidence {
        call: if piece.call.is_empty() {
            String::new()
        } else {
            resource(&piece.call)
        },
        file: piece.name.clone(),
        sha256: piece.sha256.clone(),
    };
    v1::ExperienceReport {
        name: format!("{REPORTS}{}", report.id),
        call: resource(&report.call_id),
        task: submitted.task.as_ref().map_or_else(String::new, |task| format!("{TASKS}{task}")),
        officer: format!("{OFFICERS}{}", programme.label(&report.officer)),
        experience_time: time(submitted.experienced_at),
        create_time: time(report.at),
        way: String::new(),
        place: String::new(),
        waiting_minutes: submitted.waiting_minutes.map(count),
        answers: submitted.ratings.iter().map(answer).collect(),
        good: String::new(),
        problems: String::new(),
        suggestion: String::new(),
        evidence: submitted.evidence.iter().map(piece).collect(),
        rating: i32::from(submitted.rating),
        topics: Vec::new(),
        cases: Vec::new(),
    }
}

/// A report with the words of its call.
pub(super) fn whole_report(programme: &Programme, of: &Report, call: &Analyzed) -> v1::ExperienceReport {
    let mut wire = report(programme, of);
    let attribute = |name: &str| call.record.attributes.get(name).cloned().unwrap_or_default();
    (wire.way, wire.place) = (attribute("experience.way"), attribute("experience.place"));
    for (part, turn) in of.submitted.parts.iter().zip(&call.record.turns) {
        let text = turn.text.clone();
        match part {
            Part::Good => wire.good = text,
            Part::Problems => wire.problems = text,
            Part::Suggestion => wire.suggestion = text,
            Part::Step(id) => {
                if let Some(answer) = wire.answers.iter_mut().find(|answer| answer.question == *id) {
                    answer.remark = text;
                }
            }
        }
    }
    wire
}

/// A discussion without what was said in it.
pub(super) fn discussion(programme: &Programme, discussion: &Discussion) -> v1::Discussion {
    let said = programme.opinions.values().filter(|opinion| opinion.discussion == discussion.id).count();
    v1::Discussion {
        name: format!("{DISCUSSIONS}{}", discussion.id),
        title: discussion.title.clone(),
        topic: discussion.topic.as_ref().map_or_else(String::new, |topic| format!("topics/{topic}")),
        open_time: time(discussion.opened_at),
        close_time: time_or_none(discussion.ended.as_ref().map(|(at, _)| *at)),
        result: discussion.ended.as_ref().map_or_else(String::new, |(_, result)| result.clone()),
        opinion_count: count(said),
        opinions: Vec::new(),
    }
}

/// An opinion with the words of its call.
pub(super) fn opinion(programme: &Programme, opinion: &Opinion, call: &Analyzed) -> v1::Opinion {
    let text: Vec<&str> = call.record.turns.iter().map(|turn| turn.text.as_str()).collect();
    v1::Opinion {
        name: format!("{OPINIONS}{}", opinion.id),
        discussion: format!("{DISCUSSIONS}{}", opinion.discussion),
        officer: format!("{OFFICERS}{}", programme.label(&opinion.officer)),
        create_time: time(opinion.at),
        call: resource(&opinion.call_id),
        text: text.join("\n"),
        topics: Vec::new(),
    }
}

pub(super) fn poll(poll: &Poll, now: DateTime<Utc>) -> v1::Poll {
    v1::Poll {
        name: format!("{POLLS}{}", poll.id),
        discussion: poll.discussion.as_ref().map_or_else(String::new, |id| format!("{DISCUSSIONS}{id}")),
        question: poll.question.clone(),
        options: poll.options.clone(),
        multiple: poll.multiple,
        secret: poll.secret,
        open_time: time(poll.opened_at),
        close_time: time(poll.ended.as_ref().map_or(poll.closes_at, |(at, _)| *at)),
        closed: poll.is_over(now),
        asked_count: count(poll.asked.len()),
        voted_count: count(poll.votes.len()),
    }
}

pub(super) fn results(programme: &Programme, of: &Poll, results: Results, now: DateTime<Utc>) -> v1::PollResults {
    let participation = results.participation();
    let answers = results.answers.into_iter().map(|answer| v1::PollAnswer {
        option: answer.option,
        vote_count: count(answer.votes),
        share: answer.share,
        officers: answer.officers.iter().map(|code| format!("{OFFICERS}{}", programme.label(code))).collect(),
    });
    let groups = results.groups.into_iter().map(|group| v1::PollGroup {
        attribute: group.attribute,
        value: group.value,
        voted_count: count(group.voted),
        vote_counts: group.votes.into_iter().map(count).collect(),
    });
    v1::PollResults {
        poll: Some(poll(of, now)),
        participation,
        answers: answers.collect(),
        groups: groups.collect(),
    }
}
