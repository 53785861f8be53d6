//! Whom a matter concerns.

use std::collections::HashSet;

use qingting_index::Depth;
use qingting_index::calls::{CallQuery, Filter};
use qingting_pipeline::topic::view::Item;
use qingting_proto::v1;
use tonic::Status;

use super::super::backend::Writer;
use super::super::calls::{check_topics, filter, resource};
use super::super::convert::{Invalid, time_to_wire};
use super::super::indicators::resolve;
use super::super::reports::each;
use super::super::reports::selection::Wanted;
use super::super::reports::wire::count;
use super::super::shared::{Ask, Ready, Shared, Waiting};
use super::super::status::Failure;
use super::super::unmask::{UNMASKED, reason};
use crate::access::{Denied, Permission};
use crate::callers::affected::AffectedList;
use crate::callers::{Affected, AffectedCaller, LISTED, TopicNames, table};

/// Most items.
const MOST_ITEMS: usize = 20;
/// Most callers whose numbers are shown at once.
const MOST_NUMBERS: usize = 1000;
/// Calls of a page of a search.
const PAGE: usize = 1000;

/// A request that was understood.
struct Asked {
    items: Vec<Item>,
    query: Option<String>,
    filter: Option<Filter>,
    wanted: Wanted,
    numbers: bool,
}

/// What is listed, and what the audit trail says of it.
struct Listed {
    list: AffectedList,
    since: String,
    until: String,
    subject: String,
}

fn asked(request: &v1::ListAffectedCallersRequest) -> Result<Asked, Failure> {
    if request.items.len() > MOST_ITEMS {
        return Err(Invalid::field("items", format!("must be {MOST_ITEMS} at most")).into());
    }
    let items = request.items.iter().map(|text| Item::parse(text).map_err(|wrong| Invalid::field("items", wrong)));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let some = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
    let (query, conditions) = (some(&request.query), some(&request.filter));
    if items.is_empty() && query.is_none() && conditions.is_none() {
        return Err(Invalid::field("items", "items, a query or a filter is required").into());
    }
    Ok(Asked {
        items,
        query,
        filter: conditions.map(|conditions| filter(&conditions)).transpose()?,
        wanted: Wanted::parse(request.selection.clone())?,
        numbers: request.include_numbers,
    })
}

pub(super) async fn affected(
    shared: &Shared,
    ask: &Ask,
    request: v1::ListAffectedCallersRequest,
) -> Result<v1::ListAffectedCallersResponse, Status> {
    let purpose = reason(&request.purpose).map_err(|message| Invalid::field("purpose", message))?;
    let format = v1::CallerListFormat::try_from(request.format)
        .map_err(|_| Invalid::field("format", format!("unknown value {}", request.format)))?;
    if request.include_numbers && !ask.who.may(Permission::Unmask) {
        let denied = Denied::Forbidden { role: ask.who.role, permission: Permission::Unmask };
        return Err(Failure::Denied(denied).into());
    }
    let (asked, numbers) = (asked(&request)?, request.include_numbers);
    let listed = shared.count(ask, move |ready, waiting| look(asked, ready, waiting)).await?;
    let Listed { list, since, until, subject } = listed;
    // What leaves the service is out of its hands: who took it, and why, is written down before anything goes.
    let by = ask.who.to_string();
    let with = if numbers { "with numbers" } else { "without numbers" };
    let detail = format!("{purpose} ({} callers, {with}, {since} to {until})", list.callers.len());
    let shown: Vec<String> =
        list.callers.iter().filter(|row| row.number.is_some()).map(|row| resource(&row.last_call)).collect();
    let noted = move |writer: &mut dyn Writer| {
        writer.audit(&by, LISTED, &subject, &detail)?;
        shown.iter().try_for_each(|call| writer.audit(&by, UNMASKED, call, &purpose))
    };
    shared.writes(&ask.who)?.change(noted).await?;
    let arrow = |error| Failure::Index(qingting_index::Error::from(error));
    let data = match format {
        v1::CallerListFormat::Unspecified => Vec::new(),
        v1::CallerListFormat::Arrow => table::arrow(&list.callers, numbers).map_err(arrow)?,
        v1::CallerListFormat::Csv => {
            let failed = |error| Failure::Index(qingting_index::Error::io("affected.csv", error));
            table::csv(&list.callers, numbers).map_err(failed)?
        }
    };
    let rows = match format {
        v1::CallerListFormat::Unspecified => list.callers.into_iter().map(row).collect(),
        _ => Vec::new(),
    };
    Ok(v1::ListAffectedCallersResponse {
        since,
        until,
        callers: rows,
        total_size: i64::try_from(list.total).unwrap_or(i64::MAX),
        call_count: count(list.calls),
        unknown_caller_count: count(list.unknown),
        excluded_count: i64::try_from(list.excluded).unwrap_or(i64::MAX),
        data,
    })
}

fn look(mut asked: Asked, ready: &Ready, waiting: &Waiting) -> Result<Listed, Failure> {
    let reader = &*ready.reader;
    let selection = asked.wanted.clone().resolve(reader)?;
    let range = selection.period.range();
    let mut matching: Option<HashSet<String>> = None;
    if !asked.items.is_empty() {
        let view = reader.topics()?;
        let calls = view.select(&asked.items, range.since, range.until);
        matching = Some(view.ids(&calls).into_iter().collect());
    }
    if asked.query.is_some() || asked.filter.is_some() {
        resolve(asked.filter.as_mut(), ready, waiting, None)?;
        check_topics(reader, asked.filter.as_ref())?;
        let mut query = CallQuery {
            text: asked.query.clone(),
            filter: asked.filter.take(),
            since: range.since,
            until: range.until,
            limit: PAGE,
            turns_per_call: 0,
            // What only sounds like it concerns nobody.
            by_sound: false,
            ..CallQuery::default()
        };
        let mut found = HashSet::new();
        loop {
            waiting.check()?;
            let page = reader.search_calls(&query).map_err(|error| Failure::in_field("query", error))?;
            found.extend(page.hits.into_iter().map(|hit| hit.call_id));
            if page.next.is_none() {
                break;
            }
            query.page_token = page.next;
        }
        matching = Some(match matching {
            Some(items) => items.intersection(&found).cloned().collect(),
            None => found,
        });
    }
    let matching = matching.unwrap_or_default();
    let ids: Vec<&str> = matching.iter().map(String::as_str).collect();
    let topics: TopicNames = reader.topics_of(&ids)?;
    let mut affected = Affected::new(reader.callers_in_danger()?);
    each(reader.scan(range, Depth::Outline)?, waiting, |call| {
        if matching.contains(&call.record.call_id) && selection.is_of(&call.record) {
            affected.add(&call.record, &call.analysis, &topics);
        }
    })?;
    let mut list = affected.finish();
    if asked.numbers {
        if list.callers.len() > MOST_NUMBERS {
            let message = format!("{} callers: numbers are shown of {MOST_NUMBERS} at most", list.callers.len());
            return Err(Invalid::field("include_numbers", message).into());
        }
        for row in &mut list.callers {
            waiting.check()?;
            let kept = reader.particulars(&row.last_call)?;
            row.number = kept.and_then(|kept| kept.caller).and_then(|caller| caller.number);
        }
    }
    let items = asked.items.iter().map(Item::to_string);
    // A name or number that somebody searched for must not stay in the trail.
    let said = asked.query.map(|query| ready.judging.pipeline.normalizer().text(&query).text);
    let mut subject = items.chain(said).collect::<Vec<_>>().join(" ");
    if subject.is_empty() {
        subject = "calls by a filter".to_owned();
    }
    Ok(Listed {
        list,
        since: selection.period.from().to_string(),
        until: selection.period.to().to_string(),
        subject,
    })
}

/// A row of a list.
pub(crate) fn row(row: AffectedCaller) -> v1::AffectedCaller {
    v1::AffectedCaller {
        caller: row.caller,
        call_count: count(row.calls),
        last_call: resource(&row.last_call),
        last_started_at: row.last.as_ref().map(time_to_wire).unwrap_or_default(),
        region: row.region.unwrap_or_default(),
        matter: row.matter.unwrap_or_default(),
        open: row.open,
        number: row.number.unwrap_or_default(),
    }
}
