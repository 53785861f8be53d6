//! Lists, single things, what is due, and what came of polls.

use chrono::{TimeDelta, Utc};
use qingting_index::CaseQuery;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::convert::Invalid;
use super::super::shared::{Ready, Shared};
use super::super::status::Failure;
use super::wire;
use crate::case::cases;
use crate::experience::{Programme, Refusal, Report, TaskState, load, reminders, results, structure};
use crate::insight;

/// Farthest moment that reminders are told of, days.
const FARTHEST: i64 = 366;

/// The programme as it stands.
pub(super) fn programme(ready: &Ready) -> Result<Programme, Failure> {
    Ok(load(&*ready.reader)?)
}

/// Something that has to be there.
pub(super) fn found<'a, T>(
    all: &'a std::collections::BTreeMap<String, T>,
    collection: &str,
    id: &str,
) -> Result<&'a T, Failure> {
    all.get(id).ok_or_else(|| Refusal::Unknown(format!("{collection}{id}")).into())
}

/// The topic of a call, as the last refresh left it.
fn topics_of(ready: &Ready, call_ids: &[&str]) -> Result<Vec<Vec<String>>, Failure> {
    let view = match ready.reader.topics() {
        Ok(view) => view,
        Err(insight::Error::NoTopics) => return Ok(vec![Vec::new(); call_ids.len()]),
        Err(error) => return Err(error.into()),
    };
    let by_call = view.topics.by_call();
    let topic = |id: &&str| by_call.get(id).and_then(|at| view.topics.topics.get(*at));
    Ok(call_ids
        .iter()
        .map(|id| topic(id).map(|topic| format!("topics/{}", topic.id)).into_iter().collect())
        .collect())
}

pub(super) async fn list_officers(
    shared: &Shared,
    request: Request<v1::ListOfficersRequest>,
) -> Result<v1::ListOfficersResponse, Status> {
    let ask = shared.ask(&request)?;
    let serving_only = request.into_inner().serving_only;
    let work = move |ready: &Ready| {
        let today = ready.experience.calendar.day(Utc::now());
        let programme = programme(ready)?;
        let officers = programme.officers.values().filter(|officer| !serving_only || officer.serves(today));
        Ok(v1::ListOfficersResponse { officers: officers.map(|officer| wire::officer(officer, today)).collect() })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) fn officer(ready: &Ready, id: &str) -> Result<v1::Officer, Failure> {
    let today = ready.experience.calendar.day(Utc::now());
    Ok(wire::officer(found(&programme(ready)?.officers, wire::OFFICERS, id)?, today))
}

pub(super) async fn get_officer(
    shared: &Shared,
    request: Request<v1::GetOfficerRequest>,
) -> Result<v1::Officer, Status> {
    let ask = shared.ask(&request)?;
    let id = wire::id("name", wire::OFFICERS, &request.into_inner().name)?;
    Ok(shared.read(&ask, move |ready| officer(ready, &id)).await?)
}

pub(super) async fn get_roster_structure(
    shared: &Shared,
    request: Request<v1::GetRosterStructureRequest>,
) -> Result<v1::RosterStructure, Status> {
    let ask = shared.ask(&request)?;
    let date = request.into_inner().date;
    let date = Some(date).filter(|date| !date.is_empty()).map(|date| wire::day("date", &date)).transpose()?;
    let work = move |ready: &Ready| {
        let day = date.unwrap_or_else(|| ready.experience.calendar.day(Utc::now()));
        let rows = structure(&programme(ready)?, &ready.experience, day);
        Ok(v1::RosterStructure { rows: rows.into_iter().map(wire::structure_row).collect(), date: day.to_string() })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn list_tasks(
    shared: &Shared,
    request: Request<v1::ListTasksRequest>,
) -> Result<v1::ListTasksResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::ListTasksRequest { states, officer, open_only, overdue_only } = request.into_inner();
    let states = states.into_iter().map(wire::state_from).collect::<Result<Vec<TaskState>, Invalid>>()?;
    let officer = wire::id_or_none("officer", wire::OFFICERS, &officer)?;
    let work = move |ready: &Ready| {
        let (programme, rules, now) = (programme(ready)?, &ready.experience, Utc::now());
        let mut tasks: Vec<_> = programme.tasks.values().collect();
        tasks.retain(|task| {
            (states.is_empty() || states.contains(&task.state))
                && (officer.is_empty() || task.officer.as_ref().is_some_and(|code| programme.label(code) == officer))
                && (!open_only || task.state.is_open())
                && (!overdue_only || task.is_overdue(rules, now))
        });
        tasks.sort_by_key(|task| (task.plan.due, &task.id));
        let tasks = tasks.into_iter().map(|task| wire::task(&programme, task, rules, now)).collect();
        Ok(v1::ListTasksResponse { tasks })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) fn task(ready: &Ready, id: &str) -> Result<v1::ExperienceTask, Failure> {
    let programme = programme(ready)?;
    let task = found(&programme.tasks, wire::TASKS, id)?;
    Ok(wire::whole_task(&programme, task, &ready.experience, Utc::now()))
}

pub(super) async fn get_task(
    shared: &Shared,
    request: Request<v1::GetTaskRequest>,
) -> Result<v1::ExperienceTask, Status> {
    let ask = shared.ask(&request)?;
    let id = wire::id("name", wire::TASKS, &request.into_inner().name)?;
    Ok(shared.read(&ask, move |ready| task(ready, &id)).await?)
}

pub(super) async fn list_due_experience(
    shared: &Shared,
    request: Request<v1::ListDueExperienceRequest>,
) -> Result<v1::ListDueExperienceResponse, Status> {
    let ask = shared.ask(&request)?;
    let at = request.into_inner().at_time;
    let at = Some(at).filter(|at| !at.is_empty()).map(|at| wire::moment("at_time", &at)).transpose()?;
    let work = move |ready: &Ready| {
        let today = Utc::now();
        let now = at.map_or(today, |at| at.to_utc());
        // Working time is counted day by day.
        if (now - today).abs() > TimeDelta::days(FARTHEST) {
            return Err(Invalid::field("at_time", format!("must be within {FARTHEST} days of now")).into());
        }
        let due = reminders(&programme(ready)?, &ready.experience, now);
        Ok(v1::ListDueExperienceResponse { reminders: due.into_iter().map(wire::reminder).collect() })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn list_experience_reports(
    shared: &Shared,
    request: Request<v1::ListExperienceReportsRequest>,
) -> Result<v1::ListExperienceReportsResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::ListExperienceReportsRequest { task, officer, rating_at_most } = request.into_inner();
    let task = wire::id_or_none("task", wire::TASKS, &task)?;
    let officer = wire::id_or_none("officer", wire::OFFICERS, &officer)?;
    if !(0..=5).contains(&rating_at_most) {
        return Err(Invalid::field("rating_at_most", "must be 1 to 5").into());
    }
    let work = move |ready: &Ready| {
        let programme = programme(ready)?;
        let mut reports: Vec<&Report> = programme.reports.values().collect();
        reports.retain(|report| {
            (task.is_empty() || report.submitted.task.as_ref() == Some(&task))
                && (officer.is_empty() || programme.label(&report.officer) == officer)
                && (rating_at_most == 0 || i32::from(report.submitted.rating) <= rating_at_most)
        });
        reports.sort_by_key(|report| (std::cmp::Reverse(report.submitted.experienced_at), &report.id));
        let reports = reports.into_iter().map(|report| wire::report(&programme, report)).collect();
        Ok(v1::ListExperienceReportsResponse { reports })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) fn report(ready: &Ready, id: &str) -> Result<v1::ExperienceReport, Failure> {
    let programme = programme(ready)?;
    let report = found(&programme.reports, wire::REPORTS, id)?;
    // Erased meanwhile.
    let call = ready.reader.get_call(&report.call_id)?;
    let call = call.ok_or_else(|| Refusal::Unknown(format!("{}{id}", wire::REPORTS)))?;
    let mut shown = wire::whole_report(&programme, report, &call);
    shown.topics = topics_of(ready, &[&report.call_id])?.pop().unwrap_or_default();
    let query = CaseQuery { call_id: Some(report.call_id.clone()), ..CaseQuery::default() };
    shown.cases = cases(&*ready.reader, &query)?.iter().map(|case| format!("cases/{}", case.number)).collect();
    Ok(shown)
}

pub(super) async fn get_experience_report(
    shared: &Shared,
    request: Request<v1::GetExperienceReportRequest>,
) -> Result<v1::ExperienceReport, Status> {
    let ask = shared.ask(&request)?;
    let id = wire::id("name", wire::REPORTS, &request.into_inner().name)?;
    Ok(shared.read(&ask, move |ready| report(ready, &id)).await?)
}

pub(super) async fn list_discussions(
    shared: &Shared,
    request: Request<v1::ListDiscussionsRequest>,
) -> Result<v1::ListDiscussionsResponse, Status> {
    let ask = shared.ask(&request)?;
    let open_only = request.into_inner().open_only;
    let work = move |ready: &Ready| {
        let programme = programme(ready)?;
        let mut all: Vec<_> = programme.discussions.values().collect();
        all.retain(|discussion| !open_only || discussion.ended.is_none());
        all.sort_by_key(|discussion| (std::cmp::Reverse(discussion.opened_at), &discussion.id));
        let discussions = all.into_iter().map(|discussion| wire::discussion(&programme, discussion)).collect();
        Ok(v1::ListDiscussionsResponse { discussions })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) fn discussion(ready: &Ready, id: &str) -> Result<v1::Discussion, Failure> {
    let programme = programme(ready)?;
    let shown = wire::discussion(&programme, found(&programme.discussions, wire::DISCUSSIONS, id)?);
    let mut said: Vec<_> = programme.opinions.values().filter(|opinion| opinion.discussion == id).collect();
    said.sort_by_key(|opinion| (opinion.at, &opinion.id));
    let topics = topics_of(ready, &said.iter().map(|opinion| opinion.call_id.as_str()).collect::<Vec<_>>())?;
    let mut opinions = Vec::with_capacity(said.len());
    for (opinion, topics) in said.into_iter().zip(topics) {
        if let Some(call) = ready.reader.get_call(&opinion.call_id)? {
            opinions.push(v1::Opinion { topics, ..wire::opinion(&programme, opinion, &call) });
        }
    }
    Ok(v1::Discussion { opinions, ..shown })
}

pub(super) async fn get_discussion(
    shared: &Shared,
    request: Request<v1::GetDiscussionRequest>,
) -> Result<v1::Discussion, Status> {
    let ask = shared.ask(&request)?;
    let id = wire::id("name", wire::DISCUSSIONS, &request.into_inner().name)?;
    Ok(shared.read(&ask, move |ready| discussion(ready, &id)).await?)
}

pub(super) fn opinion(ready: &Ready, id: &str) -> Result<v1::Opinion, Failure> {
    let programme = programme(ready)?;
    let opinion = found(&programme.opinions, wire::OPINIONS, id)?;
    let call = ready.reader.get_call(&opinion.call_id)?;
    let call = call.ok_or_else(|| Refusal::Unknown(format!("{}{id}", wire::OPINIONS)))?;
    let topics = topics_of(ready, &[&opinion.call_id])?.pop().unwrap_or_default();
    Ok(v1::Opinion { topics, ..wire::opinion(&programme, opinion, &call) })
}

pub(super) async fn list_polls(
    shared: &Shared,
    request: Request<v1::ListPollsRequest>,
) -> Result<v1::ListPollsResponse, Status> {
    let ask = shared.ask(&request)?;
    let open_only = request.into_inner().open_only;
    let work = move |ready: &Ready| {
        let (programme, now) = (programme(ready)?, Utc::now());
        let mut all: Vec<_> = programme.polls.values().filter(|poll| !open_only || !poll.is_over(now)).collect();
        all.sort_by_key(|poll| (std::cmp::Reverse(poll.opened_at), &poll.id));
        Ok(v1::ListPollsResponse { polls: all.into_iter().map(|poll| wire::poll(poll, now)).collect() })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) fn poll(ready: &Ready, id: &str) -> Result<v1::Poll, Failure> {
    Ok(wire::poll(found(&programme(ready)?.polls, wire::POLLS, id)?, Utc::now()))
}

pub(super) async fn get_poll_results(
    shared: &Shared,
    request: Request<v1::GetPollResultsRequest>,
) -> Result<v1::PollResults, Status> {
    let ask = shared.ask(&request)?;
    let id = wire::id("name", wire::POLLS, &request.into_inner().name)?;
    let work = move |ready: &Ready| {
        let (programme, now) = (programme(ready)?, Utc::now());
        let poll = found(&programme.polls, wire::POLLS, &id)?;
        let came = results(&programme, poll, &ready.experience, now);
        Ok(wire::results(&programme, poll, came, now))
    };
    Ok(shared.read(&ask, work).await?)
}
