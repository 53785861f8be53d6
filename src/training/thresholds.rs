//! Thresholds, chosen on whole calls from probabilities of judgements that had not seen them:
//! as high a mean F1 as can be had, less what accusing faultless calls costs.

use std::collections::BTreeMap;

use qingting_models::JudgeThreshold;

use super::Data;
use super::figures::Tally;

/// Thresholds that are tried.
const GRID: std::ops::RangeInclusive<usize> = 2..=38;
const GRID_STEP: f32 = 0.025;
/// Passes over the codes until nothing changes, at most.
const PASSES: usize = 6;
/// What recall weighs beside precision where somebody's life is at stake.
const CRISIS_BETA: f64 = 2.0;
/// The code of which this is so.
const CRISIS: &str = "crisis";
/// Share of the asserting threshold from which a person should look.
const REVIEW: f32 = 0.5;

/// Held-out probabilities of one code.
pub(super) struct Judged {
    pub(super) code: String,
    fault: bool,
    /// Call, probability, label.
    rows: Vec<(usize, f32, bool)>,
    /// Call, highest probability in it, whether it has the label anywhere.
    calls: Vec<(usize, f32, bool)>,
    call_level: bool,
}

impl Judged {
    pub(super) fn new(
        code: String,
        fault: bool,
        places: Vec<(usize, usize)>,
        probabilities: Vec<f32>,
        labels: Vec<bool>,
        data: &Data,
        covers: impl Fn(usize) -> bool,
    ) -> Self {
        let call_level = places.first().is_some_and(|(_, turn)| *turn == usize::MAX);
        let rows: Vec<_> =
            places.into_iter().zip(probabilities).zip(labels).map(|(((call, _), p), y)| (call, p, y)).collect();
        let mut calls: BTreeMap<usize, (f32, bool)> = BTreeMap::new();
        for &(call, p, y) in &rows {
            let slot = calls.entry(call).or_default();
            *slot = (slot.0.max(p), slot.1 || y);
        }
        // A label on a turn that no judgement looks at is missed at every threshold.
        for (index, sample) in data.samples.iter().enumerate().filter(|(i, s)| s.whole && covers(*i)) {
            if sample.labels.turns.iter().any(|t| t.codes.contains(&code)) {
                calls.entry(index).or_default().1 = true;
            }
        }
        let calls = calls.into_iter().map(|(call, (p, y))| (call, p, y)).collect();
        Self { code, fault, rows, calls, call_level }
    }

    pub(super) fn scored(&self) -> Vec<(f32, bool)> {
        self.rows.iter().map(|(_, p, y)| (*p, *y)).collect()
    }

    pub(super) fn on_calls(&self, threshold: f32) -> Tally {
        Tally::at(self.calls.iter().map(|(_, p, y)| (*p, *y)), threshold)
    }

    fn worth(&self, threshold: f32) -> f64 {
        let calls = self.on_calls(threshold);
        if self.code == CRISIS {
            return calls.f(CRISIS_BETA);
        }
        if self.call_level {
            return calls.f1();
        }
        let turns = Tally::at(self.rows.iter().map(|(_, p, y)| (*p, *y)), threshold);
        (turns.f1() + calls.f1()) / 2.0
    }
}

/// The threshold with the highest F of a list.
pub(super) fn best(scored: &[(f32, bool)], beta: f64) -> f32 {
    let worth = |step: &usize| Tally::at(scored.iter().copied(), at(*step)).f(beta);
    at(GRID.max_by(|a, b| worth(a).total_cmp(&worth(b))).unwrap_or(*GRID.end()))
}

fn at(step: usize) -> f32 {
    step as f32 * GRID_STEP
}

/// Thresholds of two labels that exclude each other, by the highest mean F1 of the two and of the
/// rest. The larger share of its threshold wins.
pub(super) fn pair(first: (&[f32], &[bool]), second: (&[f32], &[bool])) -> (f32, f32) {
    let mut best = (f64::NEG_INFINITY, 0.5, 0.5);
    for a in GRID {
        for b in GRID {
            let (a, b) = (at(a), at(b));
            let mut tallies = [Tally::default(); 3];
            let pairs = first.0.iter().zip(first.1).zip(second.0.iter().zip(second.1));
            for ((p, is_first), (q, is_second)) in pairs {
                let (p, q) = (p / a, q / b);
                let found = if p.max(q) < 1.0 { 2 } else { usize::from(p <= q) };
                let gold = if *is_first {
                    0
                } else if *is_second {
                    1
                } else {
                    2
                };
                if found == gold {
                    tallies[gold].right += 1;
                } else {
                    tallies[found].wrong += 1;
                    tallies[gold].missed += 1;
                }
            }
            let mean = tallies.iter().map(|t| t.f1()).sum::<f64>() / 3.0;
            if mean > best.0 {
                best = (mean, a, b);
            }
        }
    }
    (best.1, best.2)
}

/// One threshold for each code, found by coordinate ascent, and the share of the faultless calls that
/// is accused with them.
pub(super) fn choose(
    judged: &[Judged],
    data: &Data,
    wanted: impl Fn(usize) -> bool,
    caution: f64,
) -> (Vec<JudgeThreshold>, f64) {
    let fault_codes: Vec<&str> = judged.iter().filter(|j| j.fault).map(|j| j.code.as_str()).collect();
    let faultless = |index: usize| {
        let labels = &data.samples[index].labels;
        let mut codes = labels.call.iter().chain(labels.turns.iter().flat_map(|t| &t.codes));
        data.samples[index].whole && wanted(index) && !codes.any(|c| fault_codes.contains(&c.as_str()))
    };
    let clean: Vec<usize> = (0..data.samples.len()).filter(|&i| faultless(i)).collect();
    let place: BTreeMap<usize, usize> = clean.iter().enumerate().map(|(at, &i)| (i, at)).collect();
    // How many codes accuse each faultless call.
    let mut accusers = vec![0i32; clean.len()];
    let accuse = |accusers: &mut [i32], code: &Judged, threshold: f32, by: i32| {
        for (call, p, _) in code.calls.iter().filter(|_| code.fault) {
            if let Some(&at) = place.get(call).filter(|_| *p >= threshold) {
                accusers[at] += by;
            }
        }
    };
    let mut chosen: Vec<f32> = judged
        .iter()
        .map(|code| at(GRID.max_by(|a, b| code.worth(at(*a)).total_cmp(&code.worth(at(*b)))).unwrap_or(20)))
        .collect();
    for (code, &threshold) in judged.iter().zip(&chosen) {
        accuse(&mut accusers, code, threshold, 1);
    }
    let codes = judged.len().max(1) as f64;
    for _ in 0..PASSES {
        let before = chosen.clone();
        for (code, threshold) in judged.iter().zip(&mut chosen) {
            accuse(&mut accusers, code, *threshold, -1);
            let mut best = (f64::NEG_INFINITY, *threshold);
            for step in GRID {
                let mut trial = accusers.clone();
                accuse(&mut trial, code, at(step), 1);
                let accused = trial.iter().filter(|n| **n > 0).count() as f64 / clean.len().max(1) as f64;
                let worth = code.worth(at(step)) / codes - caution * accused;
                if worth > best.0 {
                    best = (worth, at(step));
                }
            }
            *threshold = best.1;
            accuse(&mut accusers, code, *threshold, 1);
        }
        if chosen == before {
            break;
        }
    }
    let accused = accusers.iter().filter(|n| **n > 0).count() as f64 / clean.len().max(1) as f64;
    let thresholds = chosen.into_iter().map(|assert| JudgeThreshold { assert, review: assert * REVIEW }).collect();
    (thresholds, accused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_parts_what_can_be_parted() {
        let chosen = best(&[(0.9, true), (0.6, true), (0.3, false), (0.1, false)], 1.0);
        assert!(chosen > 0.3 && chosen <= 0.6, "{chosen}");
        let positive = ([0.8, 0.1, 0.2].as_slice(), [true, false, false].as_slice());
        let negative = ([0.1, 0.7, 0.3].as_slice(), [false, true, false].as_slice());
        let (p, n) = pair(positive, negative);
        assert!(p > 0.2 && p <= 0.8 && n > 0.3 && n <= 0.7, "{p} {n}");
    }
}
