//! What is handed in, request by request, and many things at once.

use std::sync::Arc;

use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::convert::Invalid;
use super::super::shared::{Ask, Ready, Shared};
use super::super::status::Failure;
use super::desk::{hand_in, hand_in_one};
use super::{read, wire};
use crate::experience::{
    Closing, DiscussionEntry, Entry, OpinionEntry, Outcome, PollEntry, ReportEntry, Retirement, StepEntry, TaskEntry,
    VoteEntry,
};
use crate::insight;

/// Most things that are taken in at once.
const MOST: usize = 500;
/// The version of what is not there yet.
const NEW: u32 = 0;

/// Hands something in and shows what it is then.
async fn hand_in_and_show<T: Send + 'static>(
    shared: &Arc<Shared>,
    ask: &Ask,
    named: &str,
    entry: Entry,
    expected: Option<u32>,
    show: impl FnOnce(&Ready) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Status> {
    hand_in_one(shared, &ask.who, named, entry, expected).await?;
    Ok(shared.read(ask, show).await?)
}

pub(super) async fn enrol_officer(
    shared: &Arc<Shared>,
    request: Request<v1::EnrolOfficerRequest>,
) -> Result<v1::Officer, Status> {
    let ask = shared.ask(&request)?;
    let v1::EnrolOfficerRequest { officer_id, particulars, actor } = request.into_inner();
    let officer = wire::particulars(officer_id, particulars)?;
    let id = officer.id.clone();
    let entry = Entry::Officer(officer);
    hand_in_and_show(shared, &ask, &actor, entry, Some(NEW), move |ready| read::officer(ready, &id)).await
}

pub(super) async fn update_officer(
    shared: &Arc<Shared>,
    request: Request<v1::UpdateOfficerRequest>,
) -> Result<v1::Officer, Status> {
    let ask = shared.ask(&request)?;
    let v1::UpdateOfficerRequest { name, expected_version, particulars, actor } = request.into_inner();
    let id = wire::id("name", wire::OFFICERS, &name)?;
    let expected = wire::version(expected_version)?;
    let entry = Entry::Officer(wire::particulars(id.clone(), particulars)?);
    hand_in_and_show(shared, &ask, &actor, entry, expected, move |ready| read::officer(ready, &id)).await
}

pub(super) async fn retire_officer(
    shared: &Arc<Shared>,
    request: Request<v1::RetireOfficerRequest>,
) -> Result<v1::Officer, Status> {
    let ask = shared.ask(&request)?;
    let v1::RetireOfficerRequest { name, expected_version, reason, actor } = request.into_inner();
    let id = wire::id("name", wire::OFFICERS, &name)?;
    let expected = wire::version(expected_version)?;
    let entry = Entry::Retirement(Retirement { officer: id.clone(), reason });
    hand_in_and_show(shared, &ask, &actor, entry, expected, move |ready| read::officer(ready, &id)).await
}

pub(super) async fn plan_task(
    shared: &Arc<Shared>,
    request: Request<v1::PlanTaskRequest>,
) -> Result<v1::ExperienceTask, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    let id = request.task_id.clone();
    let entry = Entry::Task(TaskEntry {
        id: request.task_id,
        theme: request.theme,
        mode: wire::mode_from(request.mode)?,
        companion: request.companion,
        steps: wire::questions(request.questions),
        from: wire::day("start_date", &request.start_date)?,
        due: wire::day("due_date", &request.due_date)?,
        officer: wire::id_or_none("officer", wire::OFFICERS, &request.officer)?,
    });
    hand_in_and_show(shared, &ask, &request.actor, entry, None, move |ready| read::task(ready, &id)).await
}

pub(super) async fn take_task_step(
    shared: &Arc<Shared>,
    request: Request<v1::TakeTaskStepRequest>,
) -> Result<v1::ExperienceTask, Status> {
    let ask = shared.ask(&request)?;
    let v1::TakeTaskStepRequest { name, expected_version, step, officer, passed, note, actor } = request.into_inner();
    let id = wire::id("name", wire::TASKS, &name)?;
    let expected = wire::version(expected_version)?;
    let entry = Entry::Step(StepEntry {
        task: id.clone(),
        step: wire::step_from(step)?,
        officer: wire::id_or_none("officer", wire::OFFICERS, &officer)?,
        passed,
        note,
        at: None,
    });
    hand_in_and_show(shared, &ask, &actor, entry, expected, move |ready| read::task(ready, &id)).await
}

pub(super) async fn submit_experience_report(
    shared: &Arc<Shared>,
    request: Request<v1::SubmitExperienceReportRequest>,
) -> Result<v1::ExperienceReport, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    let id = request.report_id.clone();
    let waiting = request.waiting_minutes.map(u32::try_from).transpose();
    let entry = Entry::Report(ReportEntry {
        id: request.report_id,
        task: wire::id_or_none("task", wire::TASKS, &request.task)?,
        officer: wire::id("officer", wire::OFFICERS, &request.officer)?,
        at: wire::moment("experience_time", &request.experience_time)?,
        way: request.way,
        place: request.place,
        waiting_minutes: waiting.map_err(|_| Invalid::field("waiting_minutes", "must not be negative"))?,
        steps: wire::answers(request.answers)?,
        good: request.good,
        problems: request.problems,
        suggestion: request.suggestion,
        evidence: wire::evidence(request.evidence)?,
        rating: wire::rating(request.rating),
    });
    hand_in_and_show(shared, &ask, &request.actor, entry, None, move |ready| read::report(ready, &id)).await
}

pub(super) async fn open_discussion(
    shared: &Arc<Shared>,
    request: Request<v1::OpenDiscussionRequest>,
) -> Result<v1::Discussion, Status> {
    let ask = shared.ask(&request)?;
    let v1::OpenDiscussionRequest { discussion_id: id, title, topic, actor } = request.into_inner();
    let topic = wire::id_or_none("topic", "topics/", &topic)?;
    if !topic.is_empty() {
        let wanted = topic.clone();
        let is_there = move |ready: &Ready| match ready.reader.topics() {
            Ok(view) => Ok(view.topics.get(&wanted).map(drop).map_err(insight::Error::from)?),
            Err(error) => Err(error.into()),
        };
        shared.read(&ask, is_there).await?;
    }
    let entry = Entry::Discussion(DiscussionEntry { id: id.clone(), title, topic, at: None });
    hand_in_and_show(shared, &ask, &actor, entry, None, move |ready| read::discussion(ready, &id)).await
}

pub(super) async fn submit_opinion(
    shared: &Arc<Shared>,
    request: Request<v1::SubmitOpinionRequest>,
) -> Result<v1::Opinion, Status> {
    let ask = shared.ask(&request)?;
    let v1::SubmitOpinionRequest { opinion_id: id, discussion, officer, create_time, text, actor } =
        request.into_inner();
    let at = match create_time.as_str() {
        "" => {
            let zone = |ready: &Ready| Ok(ready.experience.calendar.zone());
            chrono::Utc::now().with_timezone(&shared.read(&ask, zone).await?).fixed_offset()
        }
        time => wire::moment("create_time", time)?,
    };
    let entry = Entry::Opinion(OpinionEntry {
        id: id.clone(),
        discussion: wire::id("discussion", wire::DISCUSSIONS, &discussion)?,
        officer: wire::id("officer", wire::OFFICERS, &officer)?,
        at,
        text,
    });
    hand_in_and_show(shared, &ask, &actor, entry, None, move |ready| read::opinion(ready, &id)).await
}

pub(super) async fn close_discussion(
    shared: &Arc<Shared>,
    request: Request<v1::CloseDiscussionRequest>,
) -> Result<v1::Discussion, Status> {
    let ask = shared.ask(&request)?;
    let v1::CloseDiscussionRequest { name, result, actor } = request.into_inner();
    let id = wire::id("name", wire::DISCUSSIONS, &name)?;
    let entry = Entry::DiscussionEnd(Closing { id: id.clone(), result });
    hand_in_and_show(shared, &ask, &actor, entry, None, move |ready| read::discussion(ready, &id)).await
}

pub(super) async fn open_poll(shared: &Arc<Shared>, request: Request<v1::OpenPollRequest>) -> Result<v1::Poll, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    let id = request.poll_id.clone();
    let asked = request.asked.iter().map(|name| wire::id("asked", wire::OFFICERS, name));
    let entry = Entry::Poll(PollEntry {
        id: request.poll_id,
        discussion: wire::id_or_none("discussion", wire::DISCUSSIONS, &request.discussion)?,
        question: request.question,
        options: request.options,
        multiple: request.multiple,
        secret: request.secret,
        closes_at: wire::moment("close_time", &request.close_time)?,
        asked: asked.collect::<Result<_, _>>()?,
        at: None,
    });
    hand_in_and_show(shared, &ask, &request.actor, entry, None, move |ready| read::poll(ready, &id)).await
}

pub(super) async fn cast_vote(shared: &Arc<Shared>, request: Request<v1::CastVoteRequest>) -> Result<v1::Poll, Status> {
    let ask = shared.ask(&request)?;
    let v1::CastVoteRequest { name, officer, choices, actor } = request.into_inner();
    let id = wire::id("name", wire::POLLS, &name)?;
    let choices = choices.into_iter().map(u32::try_from).collect::<Result<_, _>>();
    let entry = Entry::Vote(VoteEntry {
        poll: id.clone(),
        officer: wire::id("officer", wire::OFFICERS, &officer)?,
        choices: choices.map_err(|_| Invalid::field("choices", "must be numbers of options, from 1"))?,
        at: None,
    });
    hand_in_and_show(shared, &ask, &actor, entry, None, move |ready| read::poll(ready, &id)).await
}

pub(super) async fn close_poll(
    shared: &Arc<Shared>,
    request: Request<v1::ClosePollRequest>,
) -> Result<v1::Poll, Status> {
    let ask = shared.ask(&request)?;
    let v1::ClosePollRequest { name, result, actor } = request.into_inner();
    let id = wire::id("name", wire::POLLS, &name)?;
    let entry = Entry::PollEnd(Closing { id: id.clone(), result });
    hand_in_and_show(shared, &ask, &actor, entry, None, move |ready| read::poll(ready, &id)).await
}

pub(super) async fn import_experience(
    shared: &Arc<Shared>,
    request: Request<v1::ImportExperienceRequest>,
) -> Result<v1::ImportExperienceResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::ImportExperienceRequest { entries, actor } = request.into_inner();
    if entries.len() > MOST {
        return Err(Invalid::field("entries", format!("at most {MOST} at once")).into());
    }
    let refused = |refusal: String| v1::ImportedExperience { created: false, refusal };
    let (mut results, mut places, mut good) = (Vec::with_capacity(entries.len()), Vec::new(), Vec::new());
    for entry in &entries {
        match serde_json::from_str::<Entry>(entry) {
            Ok(entry) => {
                places.push(results.len());
                good.push(entry);
                results.push(refused(String::new()));
            }
            Err(error) => results.push(refused(error.to_string())),
        }
    }
    let outcomes = hand_in(shared, &ask.who, &actor, good, None, true).await?;
    for (place, outcome) in places.into_iter().zip(outcomes) {
        results[place] = match outcome {
            Ok(outcome) => v1::ImportedExperience { created: outcome == Outcome::New, refusal: String::new() },
            Err(refusal) => refused(refusal.to_string()),
        };
    }
    Ok(v1::ImportExperienceResponse { results })
}
