//! Sheets, phrases, bulletins and examples as they go over the wire.

use qingting_pipeline::record::Role;
use qingting_proto::v1;

use super::super::calls::resource;
use super::super::convert::Invalid;
use super::super::reports::wire::{count, difference, example as example_call, interval, measured};
use crate::coaching::bulletin::{Behaviour, Bulletin, Quality};
use crate::coaching::example::{CaseStudy, State};
use crate::coaching::phrases::{Phrase, Sector};
use crate::coaching::propose::Proposal;
use crate::coaching::rates::Beside;
use crate::coaching::sheet::{Habit, Practice, Sheet, Strength};
use crate::coaching::sheet_text;
use crate::report::figures::Share;
use crate::report::listed::Measured;

/// Collection in resource names.
const EXAMPLES: &str = "examples/";

pub(super) fn size(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn name(number: i64) -> String {
    format!("{EXAMPLES}{number}")
}

pub(super) fn number(name: &str) -> Result<i64, Invalid> {
    let number = name.strip_prefix(EXAMPLES).and_then(|number| number.parse().ok());
    number
        .filter(|number| *number > 0)
        .ok_or_else(|| Invalid::field("name", "must be examples/{example}"))
}

/// A sector of a request; `None` where it says none.
pub(super) fn sector(field: &str, value: i32) -> Result<Option<Sector>, Invalid> {
    match v1::Sector::try_from(value) {
        Ok(v1::Sector::Unspecified) => Ok(None),
        Ok(v1::Sector::Government) => Ok(Some(Sector::Government)),
        Ok(v1::Sector::Bank) => Ok(Some(Sector::Bank)),
        Ok(v1::Sector::Utility) => Ok(Some(Sector::Utility)),
        Ok(v1::Sector::Telecom) => Ok(Some(Sector::Telecom)),
        Err(_) => Err(Invalid::field(field, format!("unknown value {value}"))),
    }
}

fn sector_to_wire(sector: Option<Sector>) -> i32 {
    let sector = match sector {
        None => v1::Sector::Unspecified,
        Some(Sector::Government) => v1::Sector::Government,
        Some(Sector::Bank) => v1::Sector::Bank,
        Some(Sector::Utility) => v1::Sector::Utility,
        Some(Sector::Telecom) => v1::Sector::Telecom,
    };
    sector.into()
}

fn beside(beside: Beside) -> i32 {
    let beside = match beside {
        Beside::Unknown => v1::Beside::Unspecified,
        Beside::Fewer => v1::Beside::Fewer,
        Beside::Alike => v1::Beside::Alike,
        Beside::More => v1::Beside::More,
    };
    beside.into()
}

fn share(id: &str, title: &str, share: Share) -> v1::Figure {
    measured(id, title, &Measured::Share(share))
}

pub(super) fn phrase(phrase: &Phrase) -> v1::Phrase {
    v1::Phrase {
        id: phrase.id.clone(),
        code: phrase.code.clone(),
        sector: sector_to_wire(phrase.sector),
        situation: phrase.situation.clone(),
        caller: phrase.caller.clone(),
        said: phrase.said.clone(),
        instead: phrase.instead.clone(),
        why: phrase.why.clone(),
    }
}

pub(super) fn sheet(sheet: Sheet) -> v1::CoachingSheet {
    let markdown = sheet_text::markdown(&sheet);
    let named: Vec<(String, String)> =
        sheet.habits.iter().map(|habit| (habit.code.clone(), habit.title.clone())).collect();
    let trend = sheet.trend.into_iter().map(|point| v1::CoachingPoint {
        since: point.since.to_string(),
        until: point.until.to_string(),
        scored_count: count(point.score.calls),
        score: point.score.mean,
        faults: named.iter().zip(point.faults).map(|((code, title), of)| share(code, title, of)).collect(),
    });
    v1::CoachingSheet {
        trend: trend.collect(),
        agent_id: sheet.agent,
        display_name: sheet.name,
        team: sheet.team,
        since: sheet.since.to_string(),
        until: sheet.until.to_string(),
        before_since: sheet.before_since.to_string(),
        before_until: sheet.before_until.to_string(),
        scored_count: count(sheet.score.calls),
        min_calls: i64::from(sheet.least),
        enough: sheet.is_enough,
        contested_count: count(sheet.contested),
        score: sheet.score.mean,
        team_score: sheet.team_score.and_then(|score| score.mean),
        score_difference: sheet.score_difference.map(difference),
        before_score: sheet.before_score.mean,
        score_change: sheet.score_change.map(difference),
        sector: sector_to_wire(Some(sheet.sector)),
        praise: sheet.praise.into_iter().map(strength).collect(),
        best: sheet.best.into_iter().map(example_call).collect(),
        habits: sheet.habits.into_iter().map(habit).collect(),
        practice: sheet.practice.iter().map(practice).collect(),
        markdown,
    }
}

fn strength(of: Strength) -> v1::Strength {
    v1::Strength {
        own: Some(share(&of.id, &of.title, of.own)),
        team: of.team.map(|team| share(&of.id, &of.title, team)),
        beside_team: beside(of.beside_team),
        absence: of.is_absence,
        id: of.id,
        title: of.title,
    }
}

fn habit(of: Habit) -> v1::Habit {
    let figure = |of_calls: Share| share(&of.code, &of.title, of_calls);
    let rate = of.rate.interval().map(|told| v1::HourlyRate {
        event_count: count(of.rate.events),
        hours: of.rate.hours,
        value: told.value,
        interval: Some(interval(told)),
    });
    v1::Habit {
        own: Some(figure(of.own)),
        rate,
        team: of.team.map(figure),
        beside_team: beside(of.beside_team),
        difference: of.difference.map(difference),
        before: Some(figure(of.before)),
        beside_before: beside(of.beside_before),
        change: of.change.map(difference),
        worst: of.worst.into_iter().map(example_call).collect(),
        best: of.best.into_iter().map(example_call).collect(),
        code: of.code,
        title: of.title,
    }
}

fn practice(of: &Practice) -> v1::Practice {
    v1::Practice {
        code: of.code.clone(),
        title: of.title.clone(),
        reason: of.reason.clone(),
        phrases: of.phrases.iter().map(phrase).collect(),
    }
}

fn behaviour(of: Behaviour) -> v1::BulletinFigure {
    v1::BulletinFigure {
        now: Some(share(&of.id, &of.title, of.now)),
        before: Some(share(&of.id, &of.title, of.before)),
        change: of.change.map(difference),
        beside: beside(of.beside),
        id: of.id,
        title: of.title,
    }
}

fn quality(of: Quality) -> v1::BulletinQuality {
    v1::BulletinQuality {
        scored_count: count(of.score.calls),
        score: of.score.mean,
        before_score: of.before.mean,
        change: of.change.map(difference),
        faultless: Some(behaviour(of.faultless)),
        faults: of.faults.into_iter().map(behaviour).collect(),
        steps: of.steps.into_iter().map(behaviour).collect(),
        best: of.best.into_iter().map(example_call).collect(),
        agent_count: count(of.agents),
        compared_count: count(of.compared),
        above_count: count(of.above),
        below_count: count(of.below),
        praised: of.praised,
        coached: of.coached,
    }
}

pub(super) fn bulletin(of: Bulletin) -> v1::Bulletin {
    let cases = of.cases.map(|cases| v1::BulletinCases {
        opened_count: count(cases.opened),
        closed_count: count(cases.closed),
        closed_on_time_count: count(cases.closed_on_time),
        open_count: count(cases.open),
        overdue_count: count(cases.overdue),
        closed_before_count: count(cases.closed_before),
        overdue_before_count: count(cases.overdue_before),
    });
    let topics_known = of.risen.is_some();
    let risen = of.risen.unwrap_or_default().into_iter().map(|topic| v1::RisenTopic {
        label: topic.label,
        call_count: count(topic.calls as u64),
        before_count: count(topic.before as u64),
    });
    v1::Bulletin {
        title: of.title,
        team: of.team,
        since: of.since.to_string(),
        until: of.until.to_string(),
        before_since: of.before_since.to_string(),
        before_until: of.before_until.to_string(),
        offered_count: count(of.offered),
        offered_before_count: count(of.offered_before),
        conversation_count: count(of.conversations),
        connected: Some(share("connected", "接通率", of.connected)),
        satisfied: Some(behaviour(of.satisfied)),
        quality: of.quality.map(quality),
        min_group: i32::try_from(of.min_group).unwrap_or(i32::MAX),
        topics_known,
        risen: risen.collect(),
        cases,
        examples: of.studies.iter().map(|study| example(study, false)).collect(),
        text: String::new(),
    }
}

pub(super) fn state(field: &str, value: i32) -> Result<State, Invalid> {
    match v1::ExampleState::try_from(value) {
        Ok(v1::ExampleState::Nominated) => Ok(State::Nominated),
        Ok(v1::ExampleState::Approved) => Ok(State::Approved),
        Ok(v1::ExampleState::Rejected) => Ok(State::Rejected),
        Ok(v1::ExampleState::Withdrawn) => Ok(State::Withdrawn),
        Ok(v1::ExampleState::Unspecified) | Err(_) => Err(Invalid::field(field, format!("unknown value {value}"))),
    }
}

/// An example. Who nominated and decided is told to those alone who decide, and see the call.
pub(super) fn example(study: &CaseStudy, decides: bool) -> v1::Example {
    let nomination = &study.nomination;
    let turn = |turn: u32| i32::try_from(turn).unwrap_or(i32::MAX);
    let state = match study.state {
        State::Nominated => v1::ExampleState::Nominated,
        State::Approved => v1::ExampleState::Approved,
        State::Rejected => v1::ExampleState::Rejected,
        State::Withdrawn => v1::ExampleState::Withdrawn,
    };
    let inside = decides && !study.call_id.is_empty();
    let told = |text: &String| if inside { text.clone() } else { String::new() };
    v1::Example {
        name: name(study.number),
        call: if study.call_id.is_empty() {
            String::new()
        } else {
            resource(&study.call_id)
        },
        title: nomination.title.clone(),
        lesson: nomination.lesson.clone(),
        note: nomination.note.clone(),
        code: nomination.code.clone(),
        good: nomination.good,
        first_turn: turn(nomination.first),
        last_turn: turn(nomination.last),
        lines: nomination
            .lines
            .iter()
            .map(|line| v1::ExampleLine { role: role(line.role), text: line.text.clone() })
            .collect(),
        state: state.into(),
        shared: study.shared,
        nominated_by: told(&study.by),
        nominate_time: study.at.to_rfc3339(),
        decided_by: told(&study.decided_by),
        decision: told(&study.decision),
        approve_time: study.approved_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
    }
}

fn role(role: Role) -> i32 {
    super::super::convert::role_to_wire(role).into()
}

pub(super) fn proposal(of: Proposal) -> v1::ExampleProposal {
    v1::ExampleProposal {
        example: Some(example_call(of.example)),
        good: of.good,
        code: of.code,
        reviewed: of.reviewed,
        reason: of.reason,
    }
}
