//! The programme for people, and as JSON.

use chrono::{DateTime, NaiveDate, Utc};
use qingting_pipeline::Analyzed;
use serde_json::json;

use crate::experience::{Kind, Officer, Part, Poll, Programme, Reminder, Report, Row, Rules, Task, results};

pub(super) fn officer(officer: &Officer, today: NaiveDate, as_json: bool) -> String {
    let serves = officer.serves(today);
    if as_json {
        return json!({
            "id": officer.id,
            "version": officer.version,
            "name": officer.name,
            "attributes": officer.attributes,
            "since": officer.since.to_string(),
            "until": officer.until.to_string(),
            "retired_at": officer.retired.as_ref().map(|(at, _)| at.to_rfc3339()),
            "serving": serves,
        })
        .to_string();
    }
    let attributes: Vec<&str> = officer.attributes.values().map(String::as_str).collect();
    let state = match (&officer.retired, serves) {
        (Some(_), _) => "已退出",
        (None, true) => "在任",
        (None, false) => "不在任期",
    };
    let Officer { id, name, since, until, .. } = officer;
    format!("{id}  {name}  {state}  {since} 至 {until}  {}", attributes.join("、"))
}

pub(super) fn row(row: &Row, as_json: bool) -> String {
    if as_json {
        return json!({
            "attribute": row.attribute,
            "value": row.value,
            "wanted": row.wanted,
            "have": row.have,
            "missing": row.missing(),
        })
        .to_string();
    }
    let value = match (row.attribute.as_str(), row.value.as_str()) {
        ("", _) => row.title.clone(),
        (_, "") => format!("{}：未填", row.title),
        (_, value) => format!("{}：{value}", row.title),
    };
    match row.wanted {
        Some(wanted) => format!("{value}  目标 {wanted}，现有 {}，缺 {}", row.have, row.missing()),
        None => format!("{value}  现有 {}", row.have),
    }
}

pub(super) fn task(programme: &Programme, task: &Task, rules: &Rules, now: DateTime<Utc>, as_json: bool) -> String {
    let officer = task.officer.as_deref().map(|code| programme.label(code));
    let overdue = task.is_overdue(rules, now);
    if as_json {
        return json!({
            "id": task.id,
            "version": task.version,
            "theme": task.plan.theme,
            "mode": task.plan.mode.as_str(),
            "officer": officer,
            "from": task.plan.from.to_string(),
            "due": task.plan.due.to_string(),
            "state": task.state.as_str(),
            "state_label": task.state.zh(),
            "overdue": overdue,
            "report": task.report,
            "next": task.state.steps().iter().map(|step| step.as_str()).collect::<Vec<_>>(),
        })
        .to_string();
    }
    let late = if overdue { "  已逾期" } else { "" };
    format!(
        "{}  {}  {}  {}  限 {}{late}  {}",
        task.id,
        task.state.zh(),
        task.plan.mode.zh(),
        officer.unwrap_or("—"),
        task.plan.due,
        task.plan.theme
    )
}

pub(super) fn reminder(reminder: &Reminder, as_json: bool) -> String {
    match as_json {
        true => json!({
            "about": reminder.about,
            "due": reminder.due.as_str(),
            "at": reminder.at.to_rfc3339(),
            "overdue": reminder.kind == Kind::Overdue,
            "officers": reminder.officers,
            "text": reminder.text,
        })
        .to_string(),
        false => reminder.text.clone(),
    }
}

pub(super) fn report(programme: &Programme, report: &Report, call: Option<&Analyzed>, as_json: bool) -> String {
    let submitted = &report.submitted;
    let said = |wanted: &Part| {
        let at = submitted.parts.iter().position(|part| part == wanted)?;
        call?.record.turns.get(at).map(|turn| turn.text.as_str())
    };
    if as_json {
        return json!({
            "id": report.id,
            "call_id": report.call_id,
            "task": submitted.task,
            "officer": programme.label(&report.officer),
            "experienced_at": submitted.experienced_at.to_rfc3339(),
            "rating": submitted.rating,
            "ratings": submitted.ratings,
            "waiting_minutes": submitted.waiting_minutes,
            "good": said(&Part::Good),
            "problems": said(&Part::Problems),
            "suggestion": said(&Part::Suggestion),
            "evidence": submitted.evidence,
        })
        .to_string();
    }
    let problems =
        said(&Part::Problems).map_or_else(String::new, |text| format!("  问题：{}", text.replace('\n', " ")));
    format!(
        "{}  {}  {} 分  {}  {}{problems}",
        report.id,
        submitted.experienced_at.date_naive(),
        submitted.rating,
        programme.label(&report.officer),
        submitted.task.as_deref().unwrap_or("—"),
    )
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "—".to_owned(), |share| format!("{:.1}%", share * 100.0))
}

pub(super) fn poll(programme: &Programme, poll: &Poll, rules: &Rules, now: DateTime<Utc>, as_json: bool) -> String {
    let came = results(programme, poll, rules, now);
    if as_json {
        let answers = came.answers.iter().map(|answer| {
            let officers: Vec<&str> = answer.officers.iter().map(|code| programme.label(code)).collect();
            json!({"option": answer.option, "votes": answer.votes, "share": answer.share, "officers": officers})
        });
        let groups = came.groups.iter().map(|group| {
            json!({"attribute": group.attribute, "value": group.value, "voted": group.voted, "votes": group.votes})
        });
        return json!({
            "id": poll.id,
            "question": poll.question,
            "options": poll.options,
            "multiple": poll.multiple,
            "secret": poll.secret,
            "closes_at": poll.closes_at.to_rfc3339(),
            "over": came.is_over,
            "asked": came.asked,
            "voted": came.voted,
            "participation": came.participation(),
            "answers": answers.collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(),
        })
        .to_string();
    }
    let state = if came.is_over { "已截止" } else { "投票中" };
    let answers: Vec<String> = came
        .answers
        .iter()
        .map(|answer| format!("{} {} 票（{}）", answer.option, answer.votes, percent(answer.share)))
        .collect();
    let shown = match answers.is_empty() {
        true => "无记名投票，结果待截止且票数足够后显示".to_owned(),
        false => answers.join("，"),
    };
    format!(
        "{}  {state}  {}  {} 人中 {} 人投票（{}）：{shown}",
        poll.id,
        poll.question,
        came.asked,
        came.voted,
        percent(came.participation())
    )
}
