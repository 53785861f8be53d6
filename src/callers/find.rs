//! Cards and lists out of a data folder, for whoever owns it; the server asks its readers, which know who may see what.

use std::collections::HashSet;

use chrono::{DateTime, Days, Utc};
use qingting_index::calls::{CallQuery, Lookup};
use qingting_index::{CaseQuery, DataDir, Depth, Result};
use qingting_pipeline::topic::view::{Item, TopicView};

use super::affected::{AffectedList, in_danger};
use super::card::{CONTACTS, Known};
use super::{Affected, Card, TopicNames};
use crate::case::cases;
use crate::report::selection::Selection;

fn names(view: Option<&TopicView>, wanted: &HashSet<&str>) -> TopicNames {
    let Some(view) = view else { return TopicNames::new() };
    let found = view.calls.iter().enumerate().filter(|(_, call)| wanted.contains(call.call_id.as_str()));
    let named = found.filter_map(|(at, call)| Some((call.call_id.clone(), view.topic(at)?)));
    named.map(|(call, topic)| (call, (topic.id.clone(), topic.label.clone()))).collect()
}

/// The card of a caller, by number, id or pseudonym.
///
/// # Errors
/// When the data folder cannot be read.
pub fn card(data: &DataDir, view: Option<&TopicView>, caller: &str, days: u16, now: DateTime<Utc>) -> Result<Card> {
    let today = now.date_naive();
    let pseudonyms = data.caller_pseudonyms(caller)?;
    let calls = data.calls_of(&pseudonyms, today.checked_sub_days(Days::new(days.into())), CONTACTS + 1)?;
    let topics = names(view, &calls.iter().map(|call| call.record.call_id.as_str()).collect());
    let mut found = Vec::new();
    for call in calls.iter().take(CONTACTS) {
        let query = CaseQuery { call_id: Some(call.record.call_id.clone()), ..CaseQuery::default() };
        found.extend(cases(data, &query)?);
    }
    Ok(Card::new(&calls, &Known { pseudonyms: &pseudonyms, topics: &topics, cases: &found, days, now }))
}

/// What the calls of a list have in common. All that is given has to hold.
pub struct Matching<'a> {
    /// Items; none narrow nothing.
    pub items: &'a [Item],
    /// A search; `None` narrows nothing.
    pub query: Option<CallQuery>,
    /// Days, teams, queues and agents.
    pub selection: &'a Selection,
    /// Also read the numbers, where they are kept.
    pub numbers: bool,
}

/// The callers of the calls that match.
///
/// # Errors
/// When the data folder cannot be read.
pub fn affected(
    data: &DataDir,
    view: Option<&TopicView>,
    lookup: &dyn Lookup,
    matching: Matching<'_>,
) -> Result<AffectedList> {
    let range = matching.selection.period.range();
    let mut wanted: Option<HashSet<String>> = None;
    if let Some(view) = view.filter(|_| !matching.items.is_empty()) {
        wanted = Some(view.ids(&view.select(matching.items, range.since, range.until)).into_iter().collect());
    }
    if let Some(mut query) = matching.query {
        (query.since, query.until) = (range.since, range.until);
        let mut found = HashSet::new();
        loop {
            let page = data.search(&query, lookup)?;
            found.extend(page.hits.into_iter().map(|hit| hit.call_id));
            if page.next.is_none() {
                break;
            }
            query.page_token = page.next;
        }
        wanted = Some(match wanted {
            Some(items) => items.intersection(&found).cloned().collect(),
            None => found,
        });
    }
    let wanted = wanted.unwrap_or_default();
    let topics = names(view, &wanted.iter().map(String::as_str).collect());
    let mut affected = Affected::new(in_danger(data)?);
    for call in data.scan_to(range, Depth::Outline)? {
        let call = call?;
        if wanted.contains(&call.record.call_id) && matching.selection.is_of(&call.record) {
            affected.add(&call.record, &call.analysis, &topics);
        }
    }
    let mut list = affected.finish();
    if matching.numbers {
        for row in &mut list.callers {
            let kept = data.particulars(&row.last_call)?;
            row.number = kept.and_then(|kept| kept.caller).and_then(|caller| caller.number);
        }
    }
    Ok(list)
}
