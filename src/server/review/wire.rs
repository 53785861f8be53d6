//! Reviews, appeals, plans and calibrations as they travel, and what comes in read into opinions.

use chrono::{DateTime, Utc};
use qingting_pipeline::record::Provenance;
use qingting_proto::v1;

use super::super::calls::resource;
use super::super::convert::{Invalid, finding_to_wire, provenance_to_wire};
use super::super::status::Failure;
use super::decide::APPEALS;
use super::plans::PLANS;
use crate::review::{
    Appeal, CodeAgreement, Decision, Event, Kind, Label, Method, Opinion, Pair, Recorded, Review, Source, Stage,
    Verdict, Who,
};

/// The number in a resource name.
pub(super) fn number(name: &str, collection: &str, field: &str) -> Result<i64, Invalid> {
    let number = name.strip_prefix(collection).and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| Invalid::field(field, format!("must be {collection} and a number")))
}

/// The number behind which a page begins.
pub(super) fn page(token: &str) -> Result<Option<i64>, Invalid> {
    match token {
        "" => Ok(None),
        token => match token.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Invalid::field("page_token", "not a token that this server gave out")),
        },
    }
}

/// One more than a page, to tell whether there is a next one.
pub(super) fn one_more(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX).saturating_add(1)
}

/// A page of rows, and the token of the next one.
pub(super) fn cut(mut rows: Vec<Recorded>, size: usize) -> (Vec<Recorded>, String) {
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|row| row.number.to_string());
    (rows, next.unwrap_or_default())
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339()
}

pub(super) fn reviewer(who: Who) -> v1::Reviewer {
    v1::Reviewer { id: who.id, display_name: who.name }
}

pub(super) fn method(method: v1::SamplingMethod) -> Result<Method, Invalid> {
    match method {
        v1::SamplingMethod::Random => Ok(Method::Random),
        v1::SamplingMethod::ByAgent => Ok(Method::ByAgent),
        v1::SamplingMethod::ByUncertainty => Ok(Method::ByUncertainty),
        v1::SamplingMethod::Unspecified => Err(Invalid::field("method", "required")),
    }
}

/// A plan, of the event that set it up.
pub(super) fn plan(planned: Recorded, drawn: u64, open: u64) -> Option<v1::ReviewPlan> {
    let Event::Planned(plan) = planned.event else {
        return None;
    };
    let method = match plan.method {
        Method::Random => v1::SamplingMethod::Random,
        Method::ByAgent => v1::SamplingMethod::ByAgent,
        Method::ByUncertainty => v1::SamplingMethod::ByUncertainty,
    };
    Some(v1::ReviewPlan {
        name: format!("{PLANS}{}", planned.number),
        display_name: plan.display_name,
        method: method.into(),
        filter: plan.filter,
        sample_size: i32::try_from(plan.size).unwrap_or(i32::MAX),
        seed: plan.seed,
        creator: Some(reviewer(planned.who)),
        create_time: time(planned.at),
        drawn_count: drawn as i64,
        open_count: open as i64,
    })
}

/// A call of the queue.
pub(super) fn item(drawn: Recorded, lease: Option<(Who, DateTime<Utc>)>) -> v1::QueueItem {
    let (leased_to, until) = lease.unzip();
    v1::QueueItem {
        number: drawn.number,
        call: resource(drawn.call_id.as_deref().unwrap_or_default()),
        plan: drawn.under.map_or_else(String::new, |plan| format!("{PLANS}{plan}")),
        agent_id: drawn.agent.unwrap_or_default(),
        draw_time: time(drawn.at),
        leased_to: leased_to.map(reviewer),
        lease_end_time: until.map_or_else(String::new, time),
    }
}

/// A label of a request.
pub(super) fn label_from(wire: v1::FindingLabel, field: &str) -> Result<Label, Invalid> {
    let turn = wire.turn.map(u32::try_from).transpose();
    let turn = turn.map_err(|_| Invalid::field(format!("{field}.turn"), "must not be negative"))?;
    Ok(Label { code: wire.code, turn })
}

pub(super) fn label(label: Label) -> v1::FindingLabel {
    v1::FindingLabel {
        code: label.code,
        turn: label.turn.map(|turn| i32::try_from(turn).unwrap_or(i32::MAX)),
    }
}

/// The verdicts of a request.
pub(super) fn opinions(verdicts: Vec<v1::VerdictInput>) -> Result<Vec<Opinion>, Failure> {
    let opinion = |(i, verdict): (usize, v1::VerdictInput)| {
        let field = |name: &str| format!("verdicts[{i}].{name}");
        let kind = match verdict.kind() {
            v1::VerdictKind::Agree => Kind::Agree,
            v1::VerdictKind::Overrule => Kind::Overrule,
            v1::VerdictKind::Edit => Kind::Edit,
            v1::VerdictKind::Add => Kind::Add,
            v1::VerdictKind::Unspecified => return Err(Invalid::field(field("kind"), "required")),
        };
        let finding = verdict.finding.ok_or_else(|| Invalid::field(field("finding"), "required"))?;
        let correct = verdict.correct.map(|correct| label_from(correct, &field("correct"))).transpose()?;
        Ok(Opinion {
            kind,
            finding: label_from(finding, &field("finding"))?,
            correct,
            reason: verdict.reason,
        })
    };
    Ok(verdicts.into_iter().enumerate().map(opinion).collect::<Result<_, _>>()?)
}

fn verdict(verdict: Verdict) -> v1::Verdict {
    let kind = match verdict.kind {
        Kind::Agree => v1::VerdictKind::Agree,
        Kind::Overrule => v1::VerdictKind::Overrule,
        Kind::Edit => v1::VerdictKind::Edit,
        Kind::Add => v1::VerdictKind::Add,
    };
    v1::Verdict {
        kind: kind.into(),
        asserted: verdict.machine.as_ref().is_some_and(|machine| machine.asserted),
        machine: verdict.machine.map(|machine| finding_to_wire(machine.finding)),
        correct: verdict.correct.map(label),
        reason: verdict.reason,
    }
}

pub(super) fn review(kept: &Recorded, review: Review) -> v1::Review {
    let provenance: Provenance = review.provenance;
    v1::Review {
        name: review_name(kept.number),
        call: resource(kept.call_id.as_deref().unwrap_or_default()),
        reviewer: Some(reviewer(kept.who.clone())),
        create_time: time(kept.at),
        verdicts: review.verdicts.into_iter().map(verdict).collect(),
        note: review.note,
        provenance: Some(provenance_to_wire(provenance)),
    }
}

fn review_name(number: i64) -> String {
    format!("reviews/{number}")
}

/// A stage of a request; `None`: any.
pub(super) fn stage(stage: i32) -> Result<Option<Stage>, Invalid> {
    match v1::AppealStage::try_from(stage) {
        Ok(v1::AppealStage::Unspecified) => Ok(None),
        Ok(v1::AppealStage::Open) => Ok(Some(Stage::Open)),
        Ok(v1::AppealStage::Decided) => Ok(Some(Stage::Decided)),
        Ok(v1::AppealStage::Contested) => Ok(Some(Stage::Contested)),
        Ok(v1::AppealStage::Judged) => Ok(Some(Stage::Judged)),
        Err(_) => Err(Invalid::field("stage", format!("{stage} is not known"))),
    }
}

pub(super) fn appeal(appeal: Appeal, call_id: &str) -> v1::Appeal {
    let stage = match appeal.stage() {
        Stage::Open => v1::AppealStage::Open,
        Stage::Decided => v1::AppealStage::Decided,
        Stage::Contested => v1::AppealStage::Contested,
        Stage::Judged => v1::AppealStage::Judged,
    };
    v1::Appeal {
        name: format!("{APPEALS}{}", appeal.number),
        call: resource(call_id),
        agent_id: appeal.agent.unwrap_or_default(),
        appellant: Some(reviewer(appeal.who)),
        create_time: time(appeal.at),
        text: appeal.text,
        review: appeal.against.map(review_name).unwrap_or_default(),
        stage: stage.into(),
        decision: appeal.decision.map(decision),
        contest_text: appeal.contest.unwrap_or_default(),
        judgement: appeal.judgement.map(decision),
    }
}

fn decision(decision: Decision) -> v1::AppealDecision {
    let verdicts = decision.ruling.review.into_iter().flat_map(|review| review.verdicts).map(verdict);
    v1::AppealDecision {
        reviewer: Some(reviewer(decision.who)),
        create_time: time(decision.at),
        granted: decision.ruling.granted,
        verdicts: verdicts.collect(),
        reason: decision.ruling.reason,
    }
}

pub(super) fn source(source: Source) -> v1::VerdictSource {
    match source {
        Source::Machine => v1::VerdictSource::Machine,
        Source::Review => v1::VerdictSource::Review,
        Source::Appeal => v1::VerdictSource::Appeal,
        Source::Judgement => v1::VerdictSource::Judgement,
    }
}

pub(super) fn kappa(pair: Pair) -> v1::Kappa {
    v1::Kappa {
        code: pair.code,
        one: pair.one,
        other: pair.other,
        decisions: pair.kappa.decisions as i64,
        observed: pair.kappa.observed,
        expected: pair.kappa.expected,
        kappa: pair.kappa.value,
        too_few: pair.kappa.too_few(),
    }
}

pub(super) fn agreement(code: CodeAgreement, title: &str) -> v1::CodeAgreement {
    let months = code.months.into_iter().map(|(month, (decided, agreed))| v1::MonthAgreement {
        month,
        decided_count: decided as i64,
        agreed_count: agreed as i64,
    });
    let alarm = code.drift.map(|drift| v1::DriftAlarm {
        explanation: drift.explanation(title),
        recent_count: drift.recent.0 as i64,
        recent_agreed_count: drift.recent.1 as i64,
        before_count: drift.before.0 as i64,
        before_agreed_count: drift.before.1 as i64,
        p_value: drift.p,
    });
    v1::CodeAgreement {
        code: code.code,
        decided_count: code.decided as i64,
        agreed_count: code.agreed as i64,
        missed_count: code.missed as i64,
        months: months.collect(),
        alarm,
    }
}
