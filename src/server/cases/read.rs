//! Lists of cases, a case, reminders and counts.

use chrono::{DateTime, TimeDelta, Utc};
use qingting_index::CaseQuery;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::calls::call_id;
use super::super::convert::{Invalid, finding_to_wire};
use super::super::paging;
use super::super::shared::{Ready, Shared};
use super::wire;
use crate::case::{Case, Cause, GroupBy, State, cases, counts, of_period, reminders};

/// Days of counts when the request says none.
const DAYS: i64 = 30;
/// Farthest moment that reminders are told of, days.
const FARTHEST: i64 = 366;

/// In which order cases are listed.
#[derive(Clone, Copy)]
enum Order {
    Opened,
    Newest,
    Due,
    Gravest,
}

impl Order {
    fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(match text {
            "" | "open_time" => Self::Opened,
            "open_time desc" => Self::Newest,
            "due_time" => Self::Due,
            "severity desc" => Self::Gravest,
            _ => {
                let orders = "must be open_time, open_time desc, due_time or severity desc";
                return Err(Invalid::field("order_by", orders));
            }
        })
    }

    /// Where a case comes, with its number behind. What is over is due last.
    fn key(self, case: &Case) -> i64 {
        match self {
            Self::Opened => case.opened_at.timestamp_micros(),
            Self::Newest => -case.opened_at.timestamp_micros(),
            Self::Due if case.state.is_open() => case.first_due().timestamp_micros(),
            Self::Due => i64::MAX,
            Self::Gravest => -(case.openings.severity as i64),
        }
    }
}

/// What is asked of a list.
struct Wanted {
    query: CaseQuery,
    states: Vec<State>,
    open_only: bool,
    overdue_only: bool,
    due_before: Option<DateTime<Utc>>,
}

impl Wanted {
    fn of(request: &v1::ListCasesRequest) -> Result<Self, Invalid> {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let call = some(&request.call).map(|call| call_id(&call, "call").map(str::to_owned)).transpose()?;
        let states = request.states.iter().map(|state| wire::state_from(*state)).collect::<Result<_, _>>()?;
        Ok(Self {
            query: CaseQuery {
                case: None,
                call_id: call,
                cause: wire::cause_from(request.cause)?.map(|cause: Cause| cause.as_str().to_owned()),
                agent: some(&request.agent_id),
                teams: some(&request.team).map(|team| vec![team]),
            },
            states,
            open_only: request.open_only,
            overdue_only: request.overdue_only,
            due_before: some(&request.due_before).map(|at| wire::moment("due_before", &at)).transpose()?,
        })
    }

    fn takes(&self, case: &Case, now: DateTime<Utc>) -> bool {
        let is_open = case.state.is_open();
        (self.states.is_empty() || self.states.contains(&case.state))
            && (!self.open_only || is_open)
            && (!self.overdue_only || case.is_overdue(now))
            && self.due_before.is_none_or(|before| is_open && case.first_due() < before)
    }
}

/// Behind which case a page begins.
fn behind(token: &str, owner: u64) -> Result<Option<(i64, i64)>, Invalid> {
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = || Invalid::field("page_token", "not a token that this server gave out");
    let parts: Vec<&str> = token.split('.').collect();
    let [key, number, of] = parts[..] else {
        return Err(wrong());
    };
    if u64::from_str_radix(of, 16).map_err(|_| wrong())? != owner {
        return Err(Invalid::field("page_token", "belongs to a request with other fields"));
    }
    Ok(Some((key.parse().map_err(|_| wrong())?, number.parse().map_err(|_| wrong())?)))
}

pub(super) async fn list_cases(
    shared: &Shared,
    request: Request<v1::ListCasesRequest>,
) -> Result<v1::ListCasesResponse, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    let size = paging::size(&shared.config, request.page_size)?;
    let (wanted, order) = (Wanted::of(&request)?, Order::parse(&request.order_by)?);
    let token = request.page_token.clone();
    let same = v1::ListCasesRequest { page_size: 0, page_token: String::new(), ..request };
    let owner = paging::owner([format!("{same:?}").as_str()]);
    let start = behind(&token, owner)?;
    let work = move |ready: &Ready| {
        let now = Utc::now();
        let mut found = cases(&*ready.reader, &wanted.query)?;
        found.retain(|case| wanted.takes(case, now));
        let total_size = found.len() as i64;
        let mut found: Vec<(i64, Case)> = found.into_iter().map(|case| (order.key(&case), case)).collect();
        found.sort_by_key(|(key, case)| (*key, case.number));
        found.retain(|(key, case)| start.is_none_or(|start| (*key, case.number) > start));
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next = last.map(|(key, case)| format!("{key}.{}.{owner:016x}", case.number));
        Ok(v1::ListCasesResponse {
            cases: found.into_iter().map(|(_, case)| wire::brief(&case, now)).collect(),
            next_page_token: next.unwrap_or_default(),
            total_size,
        })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn get_case(shared: &Shared, request: Request<v1::GetCaseRequest>) -> Result<v1::Case, Status> {
    let ask = shared.ask(&request)?;
    let number = wire::number(&request.into_inner().name)?;
    let work = move |ready: &Ready| {
        let case = super::desk::seen(&*ready.reader, number)?;
        // Of a call that somebody does not see any more there is nothing to be shown.
        let findings = ready.reader.get_call(&case.call_id)?.map(|call| call.analysis.findings);
        let shown = wire::whole(&case, Utc::now());
        let findings = findings.into_iter().flatten().map(finding_to_wire).collect();
        Ok(v1::Case { findings, ..shown })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn list_reminders(
    shared: &Shared,
    request: Request<v1::ListRemindersRequest>,
) -> Result<v1::ListRemindersResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::ListRemindersRequest { at_time, team } = request.into_inner();
    let at = Some(at_time).filter(|at| !at.is_empty()).map(|at| wire::moment("at_time", &at)).transpose()?;
    let query = CaseQuery {
        teams: Some(team).filter(|team| !team.is_empty()).map(|team| vec![team]),
        ..CaseQuery::default()
    };
    let work = move |ready: &Ready| {
        let today = Utc::now();
        let now = at.unwrap_or(today);
        // Working time is counted day by day.
        if (now - today).abs() > TimeDelta::days(FARTHEST) {
            return Err(Invalid::field("at_time", format!("must be within {FARTHEST} days of now")).into());
        }
        let found = reminders(cases(&*ready.reader, &query)?, &ready.cases, now).into_iter();
        let reminders = found.map(|reminder| wire::reminder(reminder, &ready.cases, now)).collect();
        Ok(v1::ListRemindersResponse { reminders })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn get_case_counts(
    shared: &Shared,
    request: Request<v1::GetCaseCountsRequest>,
) -> Result<v1::CaseCounts, Status> {
    let ask = shared.ask(&request)?;
    let v1::GetCaseCountsRequest { since, until, group_by } = request.into_inner();
    let by = match group_by.as_str() {
        "" => None,
        "cause" => Some(GroupBy::Cause),
        "team" => Some(GroupBy::Team),
        "agent" => Some(GroupBy::Agent),
        _ => return Err(Invalid::field("group_by", "must be cause, team or agent").into()),
    };
    let (since, until) = (wire::day("since", &since)?, wire::day("until", &until)?);
    let work = move |ready: &Ready| {
        let calendar = &ready.cases.calendar;
        let until = until.unwrap_or_else(|| calendar.day(Utc::now()));
        let since = since.or_else(|| until.checked_sub_signed(TimeDelta::days(DAYS - 1))).unwrap_or(until);
        if since > until {
            return Err(Invalid::field("until", "must not be before since").into());
        }
        let period = calendar.period(since, until);
        let found = of_period(&*ready.reader, &period, &CaseQuery::default())?;
        let (total, groups) = counts(&found, &period, by);
        Ok(v1::CaseCounts {
            total: Some(wire::figures(total)),
            groups: groups
                .into_iter()
                .map(|group| v1::CaseGroup { name: group.name, figures: Some(wire::figures(group.counts)) })
                .collect(),
            since: since.to_string(),
            until: until.to_string(),
        })
    };
    Ok(shared.read(&ask, work).await?)
}
