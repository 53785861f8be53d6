//! The figures of the quarter, counted from what was drawn and not from what was kept: call by call, contact against contact, with
//! integers, by the definitions of `docs/kpi.md`. Nothing of the program that is tested counts here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, TimeDelta, Utc};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{Need, Role};

use super::hotline::{Made, days, last_day};
use super::mirror::{Mirror, Place};

const WINDOW: TimeDelta = TimeDelta::days(7);

/// A figure: of a share, `part` of `of`; of a mean, the sum and what it is over.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figure {
    pub(crate) part: f64,
    pub(crate) of: u64,
    /// Calls by which it counts, of a share.
    pub(crate) yes: BTreeSet<String>,
}

impl Figure {
    fn share(&mut self, call_id: &str, yes: bool) {
        self.of += 1;
        if yes {
            self.part += 1.0;
            self.yes.insert(call_id.to_owned());
        }
    }

    fn mean(&mut self, value: f64) {
        self.of += 1;
        self.part += value;
    }

    pub(crate) fn value(&self) -> Option<f64> {
        (self.of > 0).then(|| self.part / self.of as f64)
    }
}

pub(crate) type Figures = BTreeMap<String, Figure>;

/// What there is to count.
pub(crate) struct Quarter<'a> {
    pub(crate) made: &'a [Made],
    /// What the analysis says of each conversation.
    pub(crate) verdicts: &'a [Analyzed],
    pub(crate) cases: &'a [&'a Mirror],
}

impl Quarter<'_> {
    /// The figures of a team, or of all.
    pub(crate) fn figures(&self, team: Option<&str>) -> Figures {
        let mut figures = Figures::new();
        let of_team = |made: &Made| {
            let own = made.record.agent.as_ref().and_then(|agent| agent.team.as_deref());
            team.is_none_or(|team| own == Some(team))
        };
        let made: Vec<&Made> = self.made.iter().filter(|made| of_team(made)).collect();
        for call in &made {
            answering(&mut figures, call);
            if let Some(said) = call.said {
                self.conversation(&mut figures, call, &self.verdicts[said]);
            }
        }
        self.contacts(&mut figures, &of_team);
        self.work_orders(&mut figures, &of_team);
        self.of_cases(&mut figures, team);
        figures
    }

    fn conversation(&self, figures: &mut Figures, call: &Made, verdict: &Analyzed) {
        let (record, analysis) = (&call.record, &verdict.analysis);
        let id = &record.call_id;
        let mut add = |name: &str, yes: bool| figures.entry(name.to_owned()).or_default().share(id, yes);
        let facts = &analysis.facts;
        add("kpi.resolved", facts.outcome == "resolved");
        for (name, need) in [
            ("need.emotional", facts.needs.emotional),
            ("need.factual", facts.needs.factual),
        ] {
            if need != Need::None {
                add(name, need == Need::Met);
            }
        }
        for code in [
            "missing_greeting",
            "missing_closing",
            "fast_speech",
            "verbal_tic",
            "interruption",
            "impatience",
            "dismissive",
            "deflection",
            "overpromise",
            "forbidden_phrase",
        ] {
            add(&format!("finding.{code}"), analysis.findings.iter().any(|finding| finding.code == code));
        }
        add("kpi.faultless", !analysis.findings.iter().any(|finding| finding.role == Role::Agent));
        let score = analysis.score.as_ref().unwrap();
        add("kpi.fatal", !score.fatal.is_empty());
        figures.entry("kpi.score".to_owned()).or_default().mean(score.total);
    }

    /// Every contact against every other one of the caller.
    fn contacts(&self, figures: &mut Figures, of_team: &dyn Fn(&Made) -> bool) {
        let mut callers: BTreeMap<&str, Vec<(NaiveDateTime, &Made)>> = BTreeMap::new();
        for made in self.made.iter().filter(|made| made.said.is_some()) {
            let caller = made.record.caller.as_ref().and_then(|caller| caller.number.as_deref()).unwrap();
            callers.entry(caller).or_default().push((made.record.started_at.unwrap().naive_local(), made));
        }
        let start = days().0.and_hms_opt(0, 0, 0).unwrap();
        let end = last_day().succ_opt().unwrap().and_hms_opt(0, 0, 0).unwrap();
        for contacts in callers.values() {
            for (at, made) in contacts.iter().filter(|(_, made)| of_team(made)) {
                let others = contacts
                    .iter()
                    .filter(|(_, other)| other.record.call_id != made.record.call_id && self.is_same(made, other));
                let gaps: Vec<TimeDelta> = others.map(|(then, _)| *then - *at).collect();
                let is_repeat = gaps.iter().any(|gap| *gap < TimeDelta::zero() && -*gap <= WINDOW);
                let comes_again = gaps.iter().any(|gap| *gap > TimeDelta::zero() && *gap <= WINDOW);
                let id = &made.record.call_id;
                let mut add = |name: &str, yes: bool| figures.entry(name.to_owned()).or_default().share(id, yes);
                // A contact about nothing that can be told is no contact.
                if made.record.ticket.is_none() && self.category(made).len() < 2 || *at - start < WINDOW {
                    continue;
                }
                add("kpi.repeat_contact", is_repeat);
                if !is_repeat && end - *at >= WINDOW {
                    add("kpi.not_again", !comes_again);
                    add("kpi.fcr", !comes_again && self.outcome(made) == "resolved");
                }
            }
        }
    }

    fn category(&self, made: &Made) -> &[String] {
        made.said.map_or(&[], |said| &self.verdicts[said].analysis.facts.category)
    }

    fn outcome(&self, made: &Made) -> &str {
        made.said.map_or("", |said| &self.verdicts[said].analysis.facts.outcome)
    }

    /// The same work order, or the same narrow category.
    fn is_same(&self, one: &Made, other: &Made) -> bool {
        let ticket = |made: &Made| made.record.ticket.as_ref().map(|ticket| ticket.id.clone());
        let category = self.category(one);
        (ticket(one).is_some() && ticket(one) == ticket(other))
            || (category.len() > 1 && category == self.category(other))
    }

    /// Each work order once, as its last call tells it.
    fn work_orders(&self, figures: &mut Figures, of_team: &dyn Fn(&Made) -> bool) {
        let mut last: BTreeMap<&str, &Made> = BTreeMap::new();
        for made in self.made {
            if let Some(ticket) = &made.record.ticket {
                last.insert(&ticket.id, made);
            }
        }
        for made in last.values().filter(|made| of_team(made)) {
            let ticket = made.record.ticket.as_ref().unwrap();
            let id = &made.record.call_id;
            let mut add = |name: &str, yes: bool| figures.entry(name.to_owned()).or_default().share(id, yes);
            add("kpi.ticket_closed", ticket.closed_at.is_some());
            let due = ticket.due_at.unwrap();
            match ticket.closed_at {
                Some(closed) => add("kpi.ticket_on_time", closed <= due),
                None if due.date_naive() <= last_day() => add("kpi.ticket_on_time", false),
                None => {}
            }
            if let Some(answered) = made.record.attributes.get("ticket_responded") {
                add("kpi.ticket_responded", answered == "true");
            }
        }
    }

    /// The cases that were opened in the quarter; those of its last night come after it.
    fn of_cases(&self, figures: &mut Figures, team: Option<&str>) {
        let end = (last_day().succ_opt().unwrap().and_hms_opt(0, 0, 0).unwrap() - TimeDelta::hours(8))
            .and_local_timezone(Utc);
        let contested = figures.entry("case.contested".to_owned()).or_default();
        for case in self.cases.iter().filter(|case| case.opened_at < end.unwrap()) {
            if team.is_none_or(|team| case.team == team) {
                contested.share(&case.call_id, case.was_contested);
            }
        }
        assert!(self.cases.iter().all(|case| case.place != Place::Excluded || case.was_contested));
    }
}

/// What the switch tells.
fn answering(figures: &mut Figures, call: &Made) {
    let record = &call.record;
    let answered = record.answered.unwrap();
    let mut add = |name: &str, yes: bool| figures.entry(name.to_owned()).or_default().share(&record.call_id, yes);
    add("kpi.connected", answered);
    if !answered || record.wait_ms.is_some() {
        let within = |limit: u64| answered && record.wait_ms.is_some_and(|wait| wait <= limit);
        add("kpi.service_level_15", within(15_000));
        add("kpi.service_level_20", within(20_000));
    }
    if !answered {
        return;
    }
    if let Some(transferred) = record.transferred {
        add("kpi.transferred", transferred);
    }
    add("kpi.rated", record.rating.is_some());
    if let Some(rating) = record.rating {
        add("kpi.satisfied", rating >= 4);
    }
    let mut mean = |name: &str, ms: Option<u64>| {
        if let Some(ms) = ms {
            figures.entry(name.to_owned()).or_default().mean(ms as f64 / 1000.0);
        }
    };
    let spoken = record.turns.iter().filter_map(|turn| turn.end_ms).max().and_then(|end| {
        let start = record.turns.iter().filter_map(|turn| turn.start_ms).min()?;
        Some(end - start)
    });
    let after: Option<u64> = record.attributes.get("after_call_ms").map(|ms| ms.parse().unwrap());
    mean("kpi.asa_s", record.wait_ms);
    mean("kpi.hold_s", record.hold_ms);
    mean("kpi.talk_s", spoken);
    mean("kpi.aht_s", spoken.zip(after).map(|(spoken, after)| spoken + after));
}
