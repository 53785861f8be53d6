//! Cases for people, and as JSON.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::case::{Case, Cause, Counts, Event, Kind, Recorded, Reminder, Rules};

fn local(at: DateTime<Utc>, rules: &Rules) -> String {
    at.with_timezone(&rules.calendar.zone()).format("%Y-%m-%d %H:%M").to_string()
}

/// A case in a line.
pub(super) fn line(case: &Case, rules: &Rules, now: DateTime<Utc>) -> String {
    let whose = [case.team.as_deref(), case.agent.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("/");
    let until = match case.closed_at {
        Some(at) => format!("{} 办结", local(at, rules)),
        None if case.is_overdue(now) => format!("{} 已逾期", local(case.first_due(), rules)),
        None => format!("{} 到期", local(case.first_due(), rules)),
    };
    format!(
        "{:>5}  {}  {}  {}  {until}  {}  {}",
        case.number,
        case.state.zh(),
        case.cause.zh(),
        case.call_id,
        if whose.is_empty() { "—" } else { &whose },
        case.openings.reason
    )
}

/// A case with its history.
pub(super) fn print(case: &Case, rules: &Rules, as_json: bool) {
    let now = Utc::now();
    if as_json {
        println!("{}", json(case, now, true));
        return;
    }
    println!("{}", line(case, rules, now));
    println!("总时限 {}  版本 {}", local(case.total_due, rules), case.version);
    for row in &case.history {
        println!("  {}  {}  {}", local(row.at, rules), row.who.name, row.event.zh());
    }
    let next: Vec<&str> = case.next().into_iter().map(crate::case::Step::zh).collect();
    println!("下一步：{}", next.join("、"));
    if case.state.is_open() && !rules.calendar.covers(case.total_due) {
        println!("提示：日历“{}”不含总时限那天的节假日，只按周末计算。", rules.calendar.title());
    }
}

fn row(row: &Recorded) -> Value {
    json!({
        "number": row.number,
        "version": row.version,
        "at": row.at.to_rfc3339(),
        "who": row.who.id,
        "name": row.who.name,
        "event": serde_json::to_value(&row.event).unwrap_or_default(),
        "text": row.event.zh(),
        "due": row.due.map(|at| at.to_rfc3339()),
    })
}

/// A case as JSON, with its history or without.
pub(super) fn json(case: &Case, now: DateTime<Utc>, history: bool) -> Value {
    let mut value = json!({
        "number": case.number,
        "version": case.version,
        "call_id": case.call_id,
        "agent": case.agent,
        "team": case.team,
        "cause": case.cause.as_str(),
        "reason": case.openings.reason,
        "severity": case.openings.severity,
        "rating": case.openings.rating,
        "codes": case.openings.codes,
        "state": case.state.as_str(),
        "state_label": case.state.zh(),
        "assignee": case.assignee,
        "opened_at": case.opened_at.to_rfc3339(),
        "closed_at": case.closed_at.map(|at| at.to_rfc3339()),
        "due": case.due.map(|at| at.to_rfc3339()),
        "total_due": case.total_due.to_rfc3339(),
        "overdue": case.is_overdue(now),
        "on_time": case.on_time(),
        "reopened": case.reopened,
        "returned": case.returned,
        "contested": case.contested,
        "next": case.next().into_iter().map(crate::case::Step::as_str).collect::<Vec<_>>(),
    });
    if history {
        value["history"] = case.history.iter().map(row).collect();
    }
    value
}

/// A reminder as JSON.
pub(super) fn reminder(reminder: &Reminder, rules: &Rules) -> Value {
    let (kind, level) = match reminder.kind {
        Kind::Warning => ("warning", 0),
        Kind::Overdue(level) => ("overdue", level),
    };
    json!({
        "case": reminder.case.number,
        "kind": kind,
        "level": level,
        "to": reminder.to,
        "step": reminder.step.map(crate::case::Step::as_str),
        "due": reminder.due.to_rfc3339(),
        "text": reminder.zh(rules),
    })
}

/// Counts of a group; `None`: of the whole.
pub(super) fn counts(name: Option<&str>, counts: &Counts, as_json: bool) -> String {
    if as_json {
        let value = json!({
            "group": name,
            "opened": counts.opened,
            "closed": counts.closed,
            "closed_on_time": counts.closed_on_time,
            "on_time_rate": counts.on_time_rate(),
            "open": counts.open,
            "overdue": counts.overdue,
            "contested": counts.contested,
            "excluded": counts.excluded,
            "replied": counts.replied,
        });
        return value.to_string();
    }
    let label = match name {
        None => "合计",
        Some("") => "不详",
        Some(name) => match Cause::parse(name) {
            Some(cause) => cause.zh(),
            None => name,
        },
    };
    let rate = counts.on_time_rate().map_or_else(|| "—".to_owned(), |rate| format!("{:.1}%", rate * 100.0));
    format!(
        "{label}：立案 {}，办结 {}，按期办结率 {rate}，未办结 {}（逾期 {}），误评申诉 {}，认定误评 {}",
        counts.opened, counts.closed, counts.open, counts.overdue, counts.contested, counts.excluded
    )
}

/// What happened, in a line for whoever did it.
pub(super) fn done(case: &Case, event: &Event, rules: &Rules) -> String {
    let due = case.due.map_or_else(String::new, |due| format!("，限 {}", local(due, rules)));
    format!("{} 号 {}；现为{}{due}", case.number, event.zh(), case.state.zh())
}
