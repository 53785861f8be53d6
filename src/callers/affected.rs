//! Whom an alert or a change of policy concerns: the callers of the calls that match, each once. Owns who is on the list. It is
//! for people who decide whom to call; nothing sends anything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset};
use qingting_index::calls::{CallQuery, Filter, NoLookup};
use qingting_index::{DataDir, Result};
use qingting_pipeline::record::{Analysis, CallRecord};
use serde::Serialize;

use super::{TopicNames, matter, pseudonym};
use crate::journey::mean::outcome_zh;

/// Most callers of one list.
pub const MOST: usize = 10_000;

/// A caller.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AffectedCaller {
    /// The pseudonym: of the caller's id, else of the number.
    pub caller: String,
    /// Calls that match.
    pub calls: u64,
    /// The newest of them.
    pub last_call: String,
    /// When it began.
    pub last: Option<DateTime<FixedOffset>>,
    /// Region of the matter, of the newest call that says.
    pub region: Option<String>,
    /// What the newest call was about.
    pub matter: Option<String>,
    /// What is left open of it, in Chinese; empty where nothing is.
    pub open: String,
    /// The caller's number as it was recorded: where it is kept, and was asked for by somebody who may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
}

/// Callers that are being put together.
#[derive(Debug, Default)]
pub struct Affected {
    in_danger: BTreeSet<String>,
    callers: BTreeMap<String, AffectedCaller>,
    calls: u64,
    unknown: u64,
    excluded: BTreeSet<String>,
}

/// The list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AffectedList {
    /// Those whose last call is newest first; at most [`MOST`].
    pub callers: Vec<AffectedCaller>,
    /// All of them.
    pub total: usize,
    /// Calls that match, those of nobody known and of excluded callers among them.
    pub calls: u64,
    /// Calls whose caller is not known.
    pub unknown: u64,
    /// Callers who were in danger once: somebody has to think before they are called, so they are not on the list.
    pub excluded: usize,
}

/// The pseudonyms of all callers of whom a life was in danger.
///
/// # Errors
/// When the index or the store cannot be read.
pub fn in_danger(data: &DataDir) -> Result<BTreeSet<String>> {
    let filter = Some(Filter::parse("crisis:true")?);
    let mut query = CallQuery { filter, limit: 1000, turns_per_call: 0, ..CallQuery::default() };
    let mut callers = BTreeSet::new();
    loop {
        let page = data.search(&query, &NoLookup)?;
        for hit in page.hits {
            let caller = data.get_call(&hit.call_id)?.and_then(|call| call.record.caller).unwrap_or_default();
            callers.extend([caller.id, caller.number].into_iter().flatten());
        }
        if page.next.is_none() {
            return Ok(callers);
        }
        query.page_token = page.next;
    }
}

impl Affected {
    /// Nobody yet. `in_danger` are the pseudonyms of callers with a crisis.
    pub fn new(in_danger: BTreeSet<String>) -> Self {
        Self { in_danger, ..Self::default() }
    }

    /// Adds a call that matches.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis, topics: &TopicNames) {
        self.calls += 1;
        let Some(name) = pseudonym(record) else {
            self.unknown += 1;
            return;
        };
        let caller = record.caller.as_ref();
        let mut names = caller.into_iter().flat_map(|caller| [&caller.id, &caller.number]).flatten();
        if analysis.facts.crisis || names.any(|name| self.in_danger.contains(name)) {
            self.excluded.insert(name.to_owned());
            self.callers.remove(name);
            return;
        }
        if self.excluded.contains(name) {
            return;
        }
        let new = || AffectedCaller {
            caller: name.to_owned(),
            calls: 0,
            last_call: String::new(),
            last: None,
            region: None,
            matter: None,
            open: String::new(),
            number: None,
        };
        let row = self.callers.entry(name.to_owned()).or_insert_with(new);
        row.calls += 1;
        if row.last_call.is_empty() || (record.started_at, &record.call_id) > (row.last, &row.last_call) {
            row.last_call.clone_from(&record.call_id);
            row.last = record.started_at;
            row.matter = matter(record, &analysis.facts, topics);
            row.open = open(record, &analysis.facts.outcome);
            if record.region.is_some() {
                row.region.clone_from(&record.region);
            }
        }
        if row.region.is_none() {
            row.region.clone_from(&record.region);
        }
    }

    /// The list.
    pub fn finish(self) -> AffectedList {
        let total = self.callers.len();
        let mut callers: Vec<AffectedCaller> = self.callers.into_values().collect();
        callers.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.caller.cmp(&b.caller)));
        callers.truncate(MOST);
        AffectedList {
            callers,
            total,
            calls: self.calls,
            unknown: self.unknown,
            excluded: self.excluded.len(),
        }
    }
}

fn open(record: &CallRecord, outcome: &str) -> String {
    match &record.ticket {
        Some(ticket) if ticket.closed_at.is_some() => String::new(),
        Some(ticket) if ticket.opened_at.is_some() || ticket.due_at.is_some() => format!("工单 {} 未办结", ticket.id),
        _ if outcome == "resolved" => String::new(),
        _ => outcome_zh(outcome).to_owned(),
    }
}
