//! Calls that the machine proposes for the case library. It proposes and people nominate: nothing is kept. Good ones are the
//! best-scored without a fault, whose agent did something that can be quoted; those that people have reviewed and found faultless
//! come first. Bad ones are faults with which people agree: a machine's word alone holds nobody up as a bad example.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::{Catalog, CodeInfo};
use serde::Serialize;

use super::reviewed::Reviewed;
use crate::report::examples::{self, BestKey, Example};
use crate::report::faults::faults_of;

/// Proposals of a kind that are kept.
const MOST: usize = 100;

/// A call that is proposed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// The call, with what is to be seen in it; without its agent.
    pub example: Example,
    /// A good one.
    pub good: bool,
    /// The behaviour; empty of a good one.
    pub code: String,
    /// Whether people have reviewed it.
    pub reviewed: bool,
    /// Why, a sentence.
    pub reason: String,
}

/// Calls on their way into proposals.
pub struct Proposals<'a> {
    catalog: &'a Catalog,
    reviewed: &'a Reviewed,
    good: BTreeMap<(Reverse<bool>, BestKey), Proposal>,
    bad: BTreeMap<(Reverse<u32>, String, String), Proposal>,
}

impl<'a> Proposals<'a> {
    /// Nothing counted yet.
    pub fn new(catalog: &'a Catalog, reviewed: &'a Reviewed) -> Self {
        Self { catalog, reviewed, good: BTreeMap::new(), bad: BTreeMap::new() }
    }

    /// Looks at a call, whole.
    pub fn add(&mut self, mut call: Analyzed) {
        let call_id = call.record.call_id.clone();
        if !self.reviewed.apply(&mut call, self.catalog) {
            return;
        }
        let (record, analysis) = (&call.record, &call.analysis);
        let anonymous = |example: Example| Example { agent: None, ..example };
        if let Some(key) = examples::best_key(record, analysis, self.catalog) {
            // Whatever waits for a person to look at is no model yet.
            let doubtful = analysis.uncertain.iter().any(|f| self.catalog.get(&f.code).is_some_and(CodeInfo::is_fault));
            if !doubtful {
                let reviewed = self.reviewed.is_faultless(&call_id, self.catalog);
                let score = analysis.score.as_ref().map_or(0.0, |score| score.total);
                let by = if reviewed {
                    "，人工复核也没有发现问题"
                } else {
                    ""
                };
                let proposal = Proposal {
                    example: anonymous(examples::best(record, analysis)),
                    good: true,
                    code: String::new(),
                    reviewed,
                    reason: format!("{score:.0} 分，没有服务问题{by}。"),
                };
                self.good.insert((Reverse(reviewed), key), proposal);
                if self.good.len() > MOST {
                    self.good.pop_last();
                }
            }
        }
        for code in faults_of(analysis, self.catalog) {
            let agreed = analysis.findings.iter().any(|f| f.code == code && self.reviewed.agrees(&call_id, f));
            let Some(info) = self.catalog.get(code).filter(|_| agreed) else {
                continue;
            };
            let proposal = Proposal {
                example: anonymous(examples::of_code(record, analysis, code, self.catalog)),
                good: false,
                code: code.to_owned(),
                reviewed: true,
                reason: format!("人工复核认定“{}”。", info.title),
            };
            self.bad.insert((Reverse(info.severity as u32), code.to_owned(), call_id.clone()), proposal);
            if self.bad.len() > MOST {
                self.bad.pop_last();
            }
        }
    }

    /// The proposals, good ones first; without calls that are `known` to the library.
    pub fn finish(self, known: impl Fn(&str) -> bool, most: usize) -> Vec<Proposal> {
        let all = self.good.into_values().chain(self.bad.into_values());
        let fresh = |proposal: &Proposal| !known(&proposal.example.call_id);
        let (good, bad): (Vec<_>, Vec<_>) = all.filter(fresh).partition(|proposal| proposal.good);
        // Bad ones are fewer: half of the places is theirs, if there are so many.
        let of_bad = bad.len().min(most / 2).max(most.saturating_sub(good.len()));
        let of_good = most - of_bad.min(bad.len()).min(most);
        good.into_iter().take(of_good).chain(bad.into_iter().take(of_bad)).collect()
    }
}
