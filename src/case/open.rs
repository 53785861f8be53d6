//! What opens a case: of a call, what the rules say about it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::{Catalog, CodeInfo};
use qingting_pipeline::record::{Agent, Analysis, CallRecord, Severity};

use super::event::{Event, Openings, Recorded, Who};
use super::rules::Rules;
use super::state::Cause;
use super::{Refusal, text};
use crate::experience;
use crate::review::Label;

/// A reason to open a case about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Why.
    pub cause: Cause,
    /// With what.
    pub openings: Openings,
}

/// The five levels of 好差评, 1 to 5.
fn rating_zh(rating: u8) -> &'static str {
    match rating {
        1 => "非常不满意",
        2 => "不满意",
        3 => "基本满意",
        4 => "满意",
        _ => "非常满意",
    }
}

/// Codes of the agent's faults at least so grave, of some labels.
fn faults<'a>(
    labels: impl IntoIterator<Item = (&'a str, Option<Severity>)>,
    least: Severity,
    catalog: &Catalog,
) -> Vec<&'a str> {
    let grave = labels.into_iter().filter(|(code, severity)| {
        let info = catalog.get(code).filter(|info| info.is_fault());
        info.is_some_and(|info| severity.unwrap_or(info.severity) >= least)
    });
    let codes: BTreeSet<&str> = grave.map(|(code, _)| code).collect();
    codes.into_iter().collect()
}

fn titles(codes: &[&str], catalog: &Catalog) -> String {
    let title =
        |code: &&str| catalog.get(code).map_or_else(|| (*code).to_owned(), |info: &CodeInfo| info.title.clone());
    codes.iter().map(title).collect::<Vec<_>>().join("、")
}

/// What the rules open a case about a call for. `standing` is what stands on it by people's decision, where there is one; then
/// it counts in the place of what the machine asserts.
pub fn reasons(
    rules: &Rules,
    record: &CallRecord,
    analysis: &Analysis,
    standing: Option<&BTreeSet<Label>>,
    catalog: &Catalog,
) -> Vec<Reason> {
    let mut found = Vec::new();
    let mut add = |cause: Cause, reason: String, rating: Option<u8>, codes: &[&str]| {
        let rule = rules.of_cause(cause);
        let codes = codes.iter().map(|code| (*code).to_owned()).collect();
        let (severity, limits) = (rule.severity, rule.limits);
        found.push(Reason {
            cause,
            openings: Openings { reason, severity, limits, rating, codes, topic: None },
        });
    };
    let is_on = |cause: Cause| rules.of_cause(cause).enabled;
    if record.channel == experience::CHANNEL && is_on(Cause::Experience) {
        let rule = rules.of_cause(Cause::Experience);
        let rated = |name: &str| record.attributes.get(name).and_then(|rating| rating.parse::<u8>().ok());
        let whole = rated(experience::RATING).filter(|rating| *rating <= rule.at_most);
        let step = rated(experience::LOWEST).filter(|rating| *rating <= rule.step_at_most);
        let reason = match (whole, step) {
            (Some(rating), _) => Some(format!("体验官总体评价 {rating} 分")),
            (None, Some(rating)) => Some(format!("体验官对其中一步评价 {rating} 分")),
            (None, None) => None,
        };
        if let Some(reason) = reason {
            add(Cause::Experience, reason, None, &[]);
        }
    }
    if let Some(rating) = record.rating
        && is_on(Cause::Rating)
        && rating <= rules.of_cause(Cause::Rating).at_most
    {
        add(Cause::Rating, format!("来电人评价“{}”", rating_zh(rating)), Some(rating), &[]);
    }
    let stands = |code: &str, turn: Option<u32>| {
        standing.is_none_or(|labels| labels.contains(&Label { code: code.to_owned(), turn }))
    };
    let asserted = analysis.findings.iter().filter(|finding| stands(&finding.code, finding.turn));
    let asserted: Vec<_> = asserted.map(|f| (f.code.as_str(), Some(f.severity))).collect();
    let grave = faults(asserted, rules.of_cause(Cause::Finding).findings, catalog);
    let is_finding = is_on(Cause::Finding) && !grave.is_empty();
    if is_finding {
        add(Cause::Finding, format!("机器判定：{}", titles(&grave, catalog)), None, &grave);
    }
    if analysis.facts.crisis && is_on(Cause::Crisis) {
        add(Cause::Crisis, "通话中可能有生命危险".to_owned(), None, &[]);
    }
    // What people have upheld is the same matter where a case is opened for it already.
    if let Some(labels) = standing
        && is_on(Cause::Review)
        && !is_finding
    {
        let labels = labels.iter().map(|label| (label.code.as_str(), None));
        let upheld = faults(labels, rules.of_cause(Cause::Review).findings, catalog);
        if !upheld.is_empty() {
            add(Cause::Review, format!("复核成立：{}", titles(&upheld, catalog)), None, &upheld);
        }
    }
    found
}

/// The openings that do not wait for the night: those about calls with a life in danger, and about what experience officers report.
pub fn at_once<'a>(
    rules: &Rules,
    calls: impl IntoIterator<Item = &'a Analyzed>,
    catalog: &Catalog,
    now: DateTime<Utc>,
) -> Vec<Recorded> {
    let who = Who::rule();
    let mut openings = Vec::new();
    for Analyzed { record, analysis, .. } in calls {
        // Of most calls nothing has to be put together.
        if !analysis.facts.crisis && record.channel != experience::CHANNEL {
            continue;
        }
        let reasons = reasons(rules, record, analysis, None, catalog).into_iter();
        let urgent = reasons.filter(|reason| matches!(reason.cause, Cause::Crisis | Cause::Experience));
        openings.extend(urgent.map(|reason| reason.open(&record.call_id, record.agent.as_ref(), &who, now, rules)));
    }
    openings
}

impl Reason {
    /// A reason that somebody gives.
    ///
    /// # Errors
    /// When the text is missing or too long.
    pub fn by_hand(rules: &Rules, reason: &str, severity: Option<Severity>) -> Result<Self, Refusal> {
        let rule = rules.of_cause(Cause::Hand);
        let openings = Openings {
            reason: text("reason", reason, true)?,
            severity: severity.unwrap_or(rule.severity),
            limits: rule.limits,
            rating: None,
            codes: Vec::new(),
            topic: None,
        };
        Ok(Self { cause: Cause::Hand, openings })
    }

    /// The opening of a case about a call.
    pub fn open(self, call_id: &str, agent: Option<&Agent>, who: &Who, now: DateTime<Utc>, rules: &Rules) -> Recorded {
        let limits = self.openings.limits;
        // A burst is nobody's fault, and what an officer reports is of no agent's call.
        let agent = agent.filter(|_| !matches!(self.cause, Cause::Alert | Cause::Experience));
        Recorded {
            number: 0,
            at: now,
            who: who.clone(),
            case: 0,
            version: 1,
            call_id: call_id.to_owned(),
            agent: agent.map(|agent| agent.id.clone()),
            team: agent.and_then(|agent| agent.team.clone()),
            cause: self.cause,
            due: Some(rules.calendar.after(now, limits.verify)),
            total_due: rules.calendar.after(now, limits.total),
            event: Event::Opened(self.openings),
        }
    }
}
