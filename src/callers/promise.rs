//! What was promised to a caller, and whether anything shows that it was kept.
//!
//! A promise is a contact that ended with something to follow (outcome `follow_up`). It was kept where its work order was
//! closed by the time it was due, a source says that the caller was answered (`ticket_responded`), or the hotline called the
//! caller afterwards; late where the work order was closed after that; broken where a source says that nobody answered, or
//! the caller came back about the same matter, after the due time if there is one, before anything of these. Else nobody
//! knows: what became of a work order is known only once a record with it is taken in.

use chrono::{DateTime, FixedOffset, Utc};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{Act, Direction, Role, Ticket};
use serde::Serialize;

use crate::report::tickets::RESPONDED;

/// What became of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Kept.
    Kept,
    /// Kept, after it was due.
    Late,
    /// Not kept as far as can be seen.
    Broken,
    /// Nobody knows.
    Unknown,
}

impl Kept {
    /// The name in JSON and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Late => "late",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
        }
    }
}

/// A promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Promise {
    /// The agent's turn that makes it, where one does.
    pub turn: Option<u32>,
    /// What was said there, masked.
    pub quote: String,
    /// What became of it.
    pub kept: Kept,
    /// Why, in Chinese.
    pub why: String,
}

fn day(at: &DateTime<FixedOffset>) -> String {
    at.format("%-m月%-d日").to_string()
}

/// The promise of a contact, if it ended with one. `later` are the contacts after it, `about` whether one of these is about the
/// same matter.
pub(super) fn promise<'a>(
    call: &'a Analyzed,
    later: impl Iterator<Item = &'a Analyzed> + Clone,
    about: impl Fn(&Analyzed) -> bool,
    now: DateTime<Utc>,
) -> Option<Promise> {
    if call.analysis.facts.outcome != "follow_up" {
        return None;
    }
    let turns = call.record.turns.iter().zip(&call.analysis.turns);
    let mut agents = turns.filter(|(turn, _)| turn.role == Role::Agent).map(|(_, analysed)| analysed);
    let said = agents.rfind(|turn| turn.acts.contains(&Act::NextStep));
    // The newest record tells most of a work order.
    let own = call.record.ticket.as_ref();
    let same = |ticket: &&Ticket| own.is_some_and(|own| own.id == ticket.id);
    let newest = later.clone().filter_map(|call| call.record.ticket.as_ref()).filter(same).last().or(own);
    let due = newest.and_then(|ticket| ticket.due_at);
    let answered = std::iter::once(call)
        .chain(later.clone().filter(|later| later.record.ticket.as_ref().is_some_and(|ticket| same(&ticket))))
        .filter_map(|call| call.record.attributes.get(RESPONDED))
        .last();
    let called = later
        .clone()
        .filter(|call| call.record.direction == Direction::Outbound && !call.record.unanswered())
        .find_map(|call| call.record.started_at);
    let again = later
        .filter(|call| call.record.direction == Direction::Inbound && about(call))
        .filter_map(|call| call.record.started_at)
        .find(|at| due.is_none_or(|due| *at > due));
    let (kept, why) = match (newest.and_then(|ticket| ticket.closed_at), answered.map(String::as_str), called, again) {
        (Some(closed), ..) if due.is_some_and(|due| closed > due) => {
            (Kept::Late, format!("工单 {} 逾期办结", day(&closed)))
        }
        (Some(closed), ..) => (Kept::Kept, format!("工单 {} 办结", day(&closed))),
        (_, Some("true"), ..) => (Kept::Kept, "承办单位已答复".to_owned()),
        (_, Some("false"), ..) => (Kept::Broken, "承办单位未答复".to_owned()),
        (.., Some(called), again) if again.is_none_or(|again| called < again) => {
            (Kept::Kept, format!("{} 已回拨", day(&called)))
        }
        (.., Some(again)) => (Kept::Broken, format!("未见答复，{} 再次来电", day(&again))),
        _ => match due {
            Some(due) if due < now => (Kept::Unknown, format!("{} 到期，未见办结记录", day(&due))),
            Some(due) => (Kept::Unknown, format!("{} 到期", day(&due))),
            None => (Kept::Unknown, "没有办结记录".to_owned()),
        },
    };
    Some(Promise {
        turn: said.map(|turn| turn.turn),
        quote: said.map_or_else(String::new, |turn| super::short(&turn.text, 60)),
        kept,
        why,
    })
}
