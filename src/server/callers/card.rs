//! The history card of a caller.

use chrono::{Days, Utc};
use qingting_index::CaseQuery;
use qingting_proto::v1;
use tonic::Status;

use super::super::calls::resource;
use super::super::convert::{Invalid, time_to_wire};
use super::super::shared::{Ask, Ready, Shared};
use super::super::status::Failure;
use crate::callers::card::{CONTACTS, Helped, Known, OpenCase, RepeatMatter};
use crate::callers::{CARD_SHOWN, Card, Contact, Promise};
use crate::case::cases;

/// Longest of what names a caller, characters.
const LONGEST: usize = 200;
/// Most days that are looked back.
const MOST_DAYS: i32 = 3660;

pub(super) async fn card(
    shared: &Shared,
    ask: &Ask,
    request: v1::GetCallerCardRequest,
) -> Result<v1::CallerCard, Status> {
    let caller = request.caller.trim().to_owned();
    if caller.is_empty() || caller.chars().count() > LONGEST {
        return Err(Invalid::field("caller", format!("required, {LONGEST} characters at most")).into());
    }
    let days = match u16::try_from(request.days) {
        Ok(0) => None,
        Ok(days) if request.days <= MOST_DAYS => Some(days),
        _ => return Err(Invalid::field("days", format!("must be 0 to {MOST_DAYS}")).into()),
    };
    let card = shared.read(ask, move |ready: &Ready| look(ready, &caller, days)).await?;
    // Shown once it is written down. What was looked for without being found was looked for too.
    let (by, subject) = (ask.who.to_string(), format!("caller {}", card.pseudonyms.join(" or ")));
    let detail = format!("{} contacts within {} days", card.contacts.len(), card.days);
    let noted = move |writer: &mut dyn super::super::backend::Writer| writer.audit(&by, CARD_SHOWN, &subject, &detail);
    shared.writes(&ask.who)?.change(noted).await?;
    Ok(to_wire(card))
}

fn look(ready: &Ready, caller: &str, days: Option<u16>) -> Result<Card, Failure> {
    let reader = &*ready.reader;
    let days = days.unwrap_or(ready.insight.callers.card_days);
    let now = Utc::now();
    let today = now.date_naive();
    let since = today.checked_sub_days(Days::new(days.into())).unwrap_or(today);
    let pseudonyms = reader.pseudonyms(caller)?;
    let calls = reader.history(&pseudonyms, since, CONTACTS + 1)?;
    let ids: Vec<&str> = calls.iter().map(|call| call.record.call_id.as_str()).collect();
    let topics = reader.topics_of(&ids)?;
    let mut found = Vec::new();
    for id in ids.iter().take(CONTACTS) {
        found.extend(cases(reader, &CaseQuery { call_id: Some((*id).to_owned()), ..CaseQuery::default() })?);
    }
    Ok(Card::new(&calls, &Known { pseudonyms: &pseudonyms, topics: &topics, cases: &found, days, now }))
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn turn(turn: u32) -> i32 {
    i32::try_from(turn).unwrap_or(i32::MAX)
}

/// A card as it goes over the wire.
pub(crate) fn to_wire(card: Card) -> v1::CallerCard {
    v1::CallerCard {
        pseudonyms: card.pseudonyms,
        headline: card.headline,
        lines: card.lines,
        crisis: card.crisis,
        days: card.days.into(),
        contacts: card.contacts.into_iter().map(contact).collect(),
        more_contacts: card.more,
        repeat: card.repeat.map(|RepeatMatter { matter, contacts, unresolved }| v1::RepeatMatter {
            matter,
            contact_count: count(contacts),
            unresolved_count: count(unresolved),
        }),
        helped: card.helped.map(helped),
        cases: card.cases.into_iter().map(case).collect(),
        style: card.style.map_or_else(String::new, |style| style.as_str().to_owned()),
        language: card.language.unwrap_or_default(),
    }
}

fn contact(contact: Contact) -> v1::CallerContact {
    let promise = |promise: Promise| v1::CallerPromise {
        turn: promise.turn.map(turn),
        quote: promise.quote,
        kept: promise.kept.as_str().to_owned(),
        reason: promise.why,
    };
    v1::CallerContact {
        call: resource(&contact.call_id),
        started_at: contact.at.as_ref().map(time_to_wire).unwrap_or_default(),
        outbound: contact.outbound,
        channel: contact.channel,
        matter: contact.matter.unwrap_or_default(),
        topic: contact.topic.map_or_else(String::new, |id| format!("topics/{id}")),
        category: contact.category,
        appeal_type: contact.appeal_type,
        outcome: contact.outcome,
        rating: contact.rating.map(i32::from),
        satisfaction: contact.satisfaction,
        ticket: contact.ticket.unwrap_or_default(),
        ticket_open: contact.ticket_open,
        ticket_due: contact.ticket_due.as_ref().map(time_to_wire).unwrap_or_default(),
        crisis: contact.crisis,
        promise: contact.promise.map(promise),
    }
}

fn helped(helped: Helped) -> v1::HelpfulAnswer {
    v1::HelpfulAnswer {
        call: resource(&helped.call_id),
        turn: turn(helped.turn),
        quote: helped.quote,
        matter: helped.matter.unwrap_or_default(),
        started_at: helped.at.as_ref().map(time_to_wire).unwrap_or_default(),
        rating: helped.rating.map(i32::from),
    }
}

fn case(case: OpenCase) -> v1::OpenCallerCase {
    v1::OpenCallerCase {
        name: format!("cases/{}", case.number),
        call: resource(&case.call_id),
        cause: case.cause,
        state: case.state,
        due_time: case.due.to_rfc3339(),
    }
}
