//! Which calls of an agent are worth listening to, by code: those that show a fault best, and the best without it. Only
//! their ids are held; what is quoted of them is read when it is shown.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::record::{Analysis, CallRecord, Severity};

use super::top::Top;

/// Calls that show a fault.
const WORST: usize = 3;
/// Best-scored calls that are held: those without a fault are told from them.
const BEST: usize = 12;
/// Calls without a fault that are shown.
const SHOWN: usize = 2;

/// Gravest and surest first, then by id.
type Shows = (Reverse<Severity>, Reverse<u32>, String);

/// The calls of an agent.
#[derive(Debug, Clone)]
pub struct Listening {
    worst: BTreeMap<String, Top<Shows, ()>>,
    best: Top<(Reverse<u64>, String), BTreeSet<String>>,
}

impl Default for Listening {
    fn default() -> Self {
        Self { worst: BTreeMap::new(), best: Top::new(BEST) }
    }
}

impl Listening {
    /// Takes a scored call in.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis, faults: &BTreeSet<&str>) {
        let Some(score) = &analysis.score else { return };
        let best = (Reverse(super::examples::order(score.total)), record.call_id.clone());
        self.best.offer(best, || faults.iter().map(|&code| code.to_owned()).collect());
        for &code in faults {
            let found = analysis.findings.iter().filter(|finding| finding.code == code);
            let gravest = found.map(|finding| (finding.severity, (finding.confidence * 1e6) as u32)).max();
            let Some((severity, confidence)) = gravest else {
                continue;
            };
            let shows = (Reverse(severity), Reverse(confidence), record.call_id.clone());
            self.worst.entry(code.to_owned()).or_insert_with(|| Top::new(WORST)).offer(shows, || ());
        }
    }

    /// Ids of the calls that show a fault, the gravest and surest first.
    pub fn worst(&self, code: &str) -> Vec<&str> {
        self.worst.get(code).map_or_else(Vec::new, |top| top.keys().map(|(.., id)| id.as_str()).collect())
    }

    /// Ids of the best-scored calls without a fault, the best first.
    pub fn best(&self, code: &str) -> Vec<&str> {
        let without = self.best.iter().filter(|(_, faults)| !faults.contains(code));
        without.map(|((_, id), _)| id.as_str()).take(SHOWN).collect()
    }
}
