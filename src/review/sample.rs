//! Which calls are drawn. Deterministic: a call's place in the draw is the SHA-256 of seed and id, so that with the same
//! seed the same calls are drawn out of the same ones, in whatever order they come and on every machine. The calls with the
//! lowest places are a simple random sample without replacement.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::record::{Analysis, Finding};
use sha2::{Digest, Sha256};

use super::event::Method;

/// A call that can be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The call.
    pub call_id: String,
    /// Whose it is; calls that do not say are a group of their own.
    pub agent: Option<String>,
    /// [`uncertainty`] of its analysis; read for draws by uncertainty alone.
    pub uncertainty: f64,
}

/// Draws at most `size` of the candidates, none twice. `reviewed` says how many calls of an agent were reviewed so far.
///
/// - [`Method::Random`]: the first by place.
/// - [`Method::ByAgent`]: one of each agent in turn, those reviewed least first, until enough are drawn. So shares differ by at most
///   one, except where an agent has no more calls; the remainder goes to those reviewed least.
/// - [`Method::ByUncertainty`]: the most uncertain first, by place where they are as uncertain.
pub fn draw(
    method: Method,
    candidates: &[Candidate],
    size: usize,
    seed: i64,
    reviewed: &BTreeMap<String, u64>,
) -> Vec<String> {
    let distinct: BTreeMap<&str, &Candidate> = candidates.iter().map(|c| (c.call_id.as_str(), c)).collect();
    let mut order: Vec<_> =
        distinct.into_values().map(|candidate| (place(seed, &candidate.call_id), candidate)).collect();
    order.sort_by_key(|(place, _)| *place);
    let drawn: Vec<&Candidate> = match method {
        Method::Random => order.into_iter().map(|(_, candidate)| candidate).collect(),
        Method::ByUncertainty => {
            // Stable: equals stay in the order of their places.
            order.sort_by(|a, b| b.1.uncertainty.total_cmp(&a.1.uncertainty));
            order.into_iter().map(|(_, candidate)| candidate).collect()
        }
        Method::ByAgent => by_agent(order.into_iter().map(|(_, candidate)| candidate), seed, reviewed),
    };
    drawn.into_iter().take(size).map(|candidate| candidate.call_id.clone()).collect()
}

/// One of each agent in turn.
fn by_agent<'a>(
    order: impl Iterator<Item = &'a Candidate>,
    seed: i64,
    reviewed: &BTreeMap<String, u64>,
) -> Vec<&'a Candidate> {
    let mut calls: BTreeMap<&str, Vec<&Candidate>> = BTreeMap::new();
    for candidate in order {
        calls.entry(candidate.agent.as_deref().unwrap_or_default()).or_default().push(candidate);
    }
    let mut agents: Vec<_> = calls.into_iter().collect();
    agents.sort_by_cached_key(|(agent, _)| (reviewed.get(*agent).copied().unwrap_or(0), place(seed, agent)));
    let rounds = agents.iter().map(|(_, calls)| calls.len()).max().unwrap_or(0);
    (0..rounds)
        .flat_map(|round| agents.iter().filter_map(move |(_, calls)| calls.get(round).copied()))
        .collect()
}

fn place(seed: i64, id: &str) -> [u8; 32] {
    Sha256::new().chain_update(seed.to_le_bytes()).chain_update(id).finalize().into()
}

/// How unsure the machine is of a call, 0 to 2: one for a finding that it has left to people, and the nearness of the
/// probability nearest to the threshold of its code, `1 - |probability - threshold| / max(threshold, 1 - threshold)`.
pub fn uncertainty(analysis: &Analysis, threshold: impl Fn(&str) -> f32) -> f64 {
    let nearness = |finding: &Finding| {
        let threshold = f64::from(threshold(&finding.code)).clamp(0.0, 1.0);
        let distance = (f64::from(finding.confidence) - threshold).abs() / threshold.max(1.0 - threshold);
        (1.0 - distance).clamp(0.0, 1.0)
    };
    let all = analysis.findings.iter().chain(&analysis.uncertain);
    let nearest = all.map(nearness).fold(0.0, f64::max);
    nearest + if analysis.uncertain.is_empty() { 0.0 } else { 1.0 }
}

/// Of many calls those that are read for their uncertainty: the first by place, those with findings left to people before
/// the others.
pub(crate) fn shortlist(
    candidates: Vec<Candidate>,
    unsure: &BTreeSet<String>,
    seed: i64,
    most: usize,
) -> Vec<Candidate> {
    let mut order = candidates;
    order.sort_by_cached_key(|c| (Reverse(unsure.contains(&c.call_id)), place(seed, &c.call_id)));
    order.truncate(most);
    order
}
