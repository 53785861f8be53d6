//! Paths through cases, calendars hour by hour, opening by rule.

mod calendars;
mod figures;
mod opening;
mod paths;

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::record::Agent;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// The rules and the calendar that are shipped.
fn rules() -> Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| Rules::load(&Assets::embedded()).unwrap()).clone()
}

fn who(id: &str) -> Who {
    Who { id: id.into(), name: id.into() }
}

fn agent() -> Agent {
    Agent { id: "A01".into(), team: Some("一组".into()), ..Agent::default() }
}

/// A case about a rating, opened at a moment.
fn opened(cause: Cause, now: DateTime<Utc>) -> Case {
    let rules = rules();
    let mut reason = Reason::by_hand(&rules, "来电人评价“不满意”", None).unwrap();
    reason.cause = cause;
    reason.openings.limits = rules.of_cause(cause).limits;
    let row = Recorded {
        number: 1,
        case: 1,
        ..reason.open("c-1", Some(&agent()), &Who::rule(), now, &rules)
    };
    Case::of([row]).unwrap()
}

/// One of each thing that can be done, with everything that it needs.
fn events(now: DateTime<Utc>) -> Vec<Event> {
    let text = || "说明".to_owned();
    vec![
        Event::Verified { confirmed: true, note: text() },
        Event::Verified { confirmed: false, note: text() },
        Event::Assigned { to: "一组".into(), note: String::new() },
        Event::Rectified { measures: text() },
        Event::Replied {
            channel: Channel::Phone,
            at: now,
            reached: true,
            told: text(),
            answer: text(),
            satisfied: Some(true),
        },
        Event::Rechecked { passed: true, note: text() },
        Event::Rechecked { passed: false, note: text() },
        Event::Closed { result: text() },
        Event::Contested { reason: text() },
        Event::Decided { upheld: true, reason: text() },
        Event::Decided { upheld: false, reason: text() },
        Event::Reopened { reason: text() },
    ]
}

/// Takes a step and adds it.
fn taken(case: &mut Case, event: Event, by: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
    let row = case.take(event, &who(by), now, case.version, &rules())?;
    let number = case.history.last().map_or(1, |row| row.number + 1);
    case.add(Recorded { number, ..row });
    Ok(())
}
