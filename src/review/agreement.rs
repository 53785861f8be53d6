//! How often people agree with the machine, code by code, and where that has fallen.
//!
//! A decision is a verdict of a review on a finding that the machine had asserted; it agrees, or it does not (overruled
//! or edited). So agreement estimates the precision of the machine on the calls that were drawn, by people who see
//! its answer; what it misses is counted beside.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use statrs::distribution::{DiscreteCDF, Hypergeometric};

use super::verdict::{Kind, Review};

/// Decisions that are compared with all before, when nobody says.
pub const DEFAULT_WINDOW: usize = 50;
/// Fewest decisions on either side of a comparison.
pub const FEWEST: usize = 20;
/// Level of the test: how often, at most, a code whose agreement has not fallen raises an alarm at one look.
const LEVEL: f64 = 0.01;

/// Agreement has fallen.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// The last decisions, and how many of them agree.
    pub recent: (u64, u64),
    /// All before, and how many of them agree.
    pub before: (u64, u64),
    /// Fisher's exact test, one-sided: probability of as few agreements among the last decisions, or fewer, given
    /// all agreements and if it were chance which decisions they are.
    pub p: f64,
}

/// Agreement on a code.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CodeAgreement {
    /// The code.
    pub code: String,
    /// Decisions.
    pub decided: u64,
    /// Of these, agreements.
    pub agreed: u64,
    /// What people found and the machine had not asserted.
    pub missed: u64,
    /// Decisions and agreements by month, `YYYY-MM` in UTC.
    pub months: BTreeMap<String, (u64, u64)>,
    /// Set where agreement has fallen.
    pub drift: Option<Drift>,
}

/// Agreement over reviews, oldest first, by code; those that have fallen first.
pub fn agreement<'a>(
    reviews: impl IntoIterator<Item = (DateTime<Utc>, &'a Review)>,
    window: usize,
) -> Vec<CodeAgreement> {
    let mut codes: BTreeMap<String, (CodeAgreement, Vec<bool>)> = BTreeMap::new();
    for (at, review) in reviews {
        let month = at.format("%Y-%m").to_string();
        for verdict in &review.verdicts {
            let asserted = verdict.machine.as_ref().filter(|machine| machine.asserted);
            if let Some(machine) = asserted {
                let (code, decisions) = codes.entry(machine.finding.code.clone()).or_default();
                let agrees = verdict.kind == Kind::Agree;
                decisions.push(agrees);
                code.decided += 1;
                code.agreed += u64::from(agrees);
                let of_month = code.months.entry(month.clone()).or_default();
                of_month.0 += 1;
                of_month.1 += u64::from(agrees);
            } else if let Some(found) = &verdict.correct {
                codes.entry(found.code.clone()).or_default().0.missed += 1;
            }
        }
    }
    let mut all: Vec<CodeAgreement> = codes
        .into_iter()
        .map(|(code, (agreement, decisions))| CodeAgreement { code, drift: drift(&decisions, window), ..agreement })
        .collect();
    all.sort_by_key(|code| code.drift.is_none());
    all
}

/// Whether the last `window` decisions agree less often than those before; `None` where they do not, or where there are too
/// few to tell.
fn drift(decisions: &[bool], window: usize) -> Option<Drift> {
    let cut = decisions.len().checked_sub(window.max(FEWEST))?;
    let (before, recent) = decisions.split_at(cut);
    if before.len() < FEWEST {
        return None;
    }
    let count = |part: &[bool]| (part.len() as u64, part.iter().filter(|agrees| **agrees).count() as u64);
    let (recent, before) = (count(recent), count(before));
    let chance = Hypergeometric::new(recent.0 + before.0, recent.1 + before.1, recent.0).ok()?;
    let p = chance.cdf(recent.1);
    (p <= LEVEL).then_some(Drift { recent, before, p })
}

impl Drift {
    /// What supervisors read, with the code's title.
    pub fn explanation(&self, title: &str) -> String {
        let percent = |(all, agreed): (u64, u64)| format!("{:.0}%", agreed as f64 * 100.0 / all as f64);
        format!(
            "“{title}”最近 {} 次复核中，人工同意机器判断 {} 次（{}），此前为 {} 次中的 {} 次（{}）；一致率明显下降（单侧 Fisher 检验 \
             p={:.4}），请抽查近期改判的通话，核对规则或模型是否失准。",
            self.recent.0,
            self.recent.1,
            percent(self.recent),
            self.before.0,
            self.before.1,
            percent(self.before),
            self.p,
        )
    }
}
