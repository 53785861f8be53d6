//! The judgements over heads, detectors and context, each trained on margins of heads that had
//! not seen the call. Owns what is trained in which order; thresholds are chosen elsewhere.

use std::collections::BTreeMap;

use qingting_models::deep::DeepScores;
use qingting_models::{Judge, JudgeThreshold, Logistic};
use qingting_pipeline::Pipeline;
use qingting_pipeline::fact::{appeal_features, class_name, outcome_features};
use qingting_pipeline::finding::{
    CALL_FEATURES, CodeInfo, DEEP_FEATURES, TURN_FEATURES, TurnCode, deep_features, judge_name,
};
use qingting_pipeline::learned::TurnModel;
use qingting_pipeline::pipeline::Observation;
use qingting_pipeline::record::{Act, CallMargins, Margins, SentimentLabel};
use qingting_pipeline::signal::{
    ACT_FEATURES, DEEP_SENTIMENT_FEATURES, SENTIMENT_FEATURES, act_name, deep_name, deep_sentiment_features,
    sentiment_name,
};
use rayon::prelude::*;

use super::figures::{Tally, average_precision};
use super::heads::{APPEAL_TYPES, OUTCOMES};
use super::thresholds::{Judged, choose};
use super::{Data, Error, Options, thresholds};

/// Calls with what heads say of them that have not seen them.
#[derive(Clone, Copy)]
pub(super) struct HeldOut<'a> {
    pub(super) data: &'a Data,
    pub(super) folds: &'a [usize],
    pub(super) margins: &'a [CallMargins],
    /// What the transformer says of the calls that were held out of its training, by call.
    pub(super) deep: &'a BTreeMap<String, Vec<DeepScores>>,
    pub(super) options: &'a Options,
}

/// Features of the detectors. Their lists were written looking at these very calls, so that they look
/// better here than elsewhere: each row is also learnt from, at this weight, as if they had missed it.
const LISTS: &str = "detector";
const UNLISTED: f32 = 0.5;

/// Fewest turns with a code for a judgement with the transformer to be trained.
const FEWEST: usize = 8;

/// Call and turn of each row; `usize::MAX` for the whole call.
type Places = Vec<(usize, usize)>;
type New = Vec<(String, Judge)>;
type Step = fn(&Pipeline, &HeldOut<'_>) -> Result<New, Error>;

/// The steps, in an order in which each may read what the ones before it judge.
pub(super) const STEPS: [(&str, Step); 4] = [
    ("sentiment and acts", feelings),
    ("codes", codes),
    ("appeal type and outcome", facts),
    ("judgements with the transformer", deep),
];

/// Rows of one judgement.
#[derive(Default)]
struct Rows {
    features: Vec<Vec<f32>>,
    labels: Vec<bool>,
    folds: Vec<usize>,
    weights: Vec<f32>,
    /// Whether the detectors among the features go by lists of phrases.
    listed: bool,
}

impl Rows {
    fn push(&mut self, features: Vec<f32>, label: bool, fold: usize, weight: f32) {
        self.features.push(features);
        self.labels.push(label);
        self.folds.push(fold);
        self.weights.push(weight);
    }

    fn fit(&self, names: &[&str], wanted: impl Fn(usize) -> bool, ridge: f32) -> Logistic {
        let chosen: Vec<usize> = (0..self.labels.len()).filter(|&i| wanted(self.folds[i])).collect();
        let mut rows: Vec<Vec<f32>> = chosen.iter().map(|&i| self.features[i].clone()).collect();
        let mut labels: Vec<bool> = chosen.iter().map(|&i| self.labels[i]).collect();
        let mut costs: Vec<f32> = chosen.iter().map(|&i| self.weights[i]).collect();
        if self.listed {
            for &i in &chosen {
                let pairs = self.features[i].iter().zip(names);
                rows.push(pairs.map(|(&x, name)| if name.starts_with(LISTS) { 0.0 } else { x }).collect());
                labels.push(self.labels[i]);
                costs.push(self.weights[i] * UNLISTED);
            }
        }
        Logistic::train(names, &rows, &labels, &|i| costs[i], ridge)
    }

    /// The judgement on all rows, and the probability of each row by one that was fitted without its
    /// fold.
    fn judge(&self, names: &[&str], options: &Options) -> Result<(Logistic, Vec<f32>), Error> {
        let fitted: Vec<_> = (0..options.folds)
            .into_par_iter()
            .map(|fold| self.fit(names, |f| f != fold, options.ridge).aligned(names))
            .collect::<Result<_, _>>()?;
        let held = |i: usize| fitted[self.folds[i]].probability(&self.features[i]);
        Ok((self.fit(names, |_| true, options.ridge), (0..self.labels.len()).map(held).collect()))
    }
}

fn observe(pipeline: &Pipeline, held: &HeldOut<'_>) -> Vec<Observation> {
    held.data
        .samples
        .par_iter()
        .zip(held.margins)
        .map(|(s, margins)| pipeline.observe(&s.record, margins))
        .collect()
}

fn feelings(pipeline: &Pipeline, held: &HeldOut<'_>) -> Result<New, Error> {
    let mut sentiment: BTreeMap<(TurnModel, &str), (SentimentLabel, Rows)> = BTreeMap::new();
    let mut acts: BTreeMap<Act, Rows> = BTreeMap::new();
    for (index, (sample, observed)) in held.data.samples.iter().zip(observe(pipeline, held)).enumerate() {
        let weight = if sample.whole { 1.0 } else { held.options.single_weight };
        for labels in &sample.labels.turns {
            let turn = labels.turn as usize;
            let (Some(features), Some(recorded)) = (observed.turns.get(turn), sample.record.turns.get(turn)) else {
                continue;
            };
            let Some(model) = TurnModel::of(recorded.role) else {
                continue;
            };
            if let Some(gold) = labels.sentiment.filter(|_| sample.whole) {
                for label in [SentimentLabel::Pos, SentimentLabel::Neg] {
                    let (_, rows) =
                        sentiment.entry((model, label.as_str())).or_insert_with(|| (label, Rows::default()));
                    rows.push(features.sentiment.clone(), gold == label, held.folds[index], weight);
                }
            }
            if let Some(gold) = &labels.acts {
                for (act, numbers) in &features.acts {
                    acts.entry(*act).or_default().push(numbers.clone(), gold.contains(act), held.folds[index], weight);
                }
            }
        }
    }
    let mut new = New::new();
    let mut pending = Vec::new();
    for ((model, _), (label, rows)) in &sentiment {
        let (logistic, held_out) = rows.judge(SENTIMENT_FEATURES, held.options)?;
        pending.push((*model, *label, logistic, rows, held_out));
    }
    for model in TurnModel::ALL {
        let of: Vec<_> = pending.iter().filter(|p| p.0 == model).collect();
        let [first, second] = of.as_slice() else { continue };
        let chosen = thresholds::pair((&first.4, &first.3.labels), (&second.4, &second.3.labels));
        for (entry, assert) in [(first, chosen.0), (second, chosen.1)] {
            let scored: Vec<(f32, bool)> = entry.4.iter().copied().zip(entry.3.labels.iter().copied()).collect();
            let threshold = JudgeThreshold { assert, review: assert };
            new.push((sentiment_name(model, entry.1), judge(entry.2.clone(), threshold, &scored)));
        }
    }
    for (act, rows) in &acts {
        if rows.labels.iter().filter(|gold| **gold).count() < held.options.folds {
            continue;
        }
        let (logistic, held_out) = rows.judge(ACT_FEATURES, held.options)?;
        let scored: Vec<(f32, bool)> = held_out.into_iter().zip(rows.labels.iter().copied()).collect();
        let assert = thresholds::best(&scored, 1.0);
        new.push((act_name(*act), judge(logistic, JudgeThreshold { assert, review: assert }, &scored)));
    }
    Ok(new)
}

fn judge(logistic: Logistic, threshold: JudgeThreshold, scored: &[(f32, bool)]) -> Judge {
    let tally = Tally::at(scored.iter().copied(), threshold.assert);
    let metrics = [
        ("average_precision", average_precision(scored)),
        ("precision", tally.precision()),
        ("recall", tally.recall()),
        ("f1", tally.f1()),
        ("positives", (tally.right + tally.missed) as f64),
    ];
    Judge {
        logistic,
        threshold: Some(threshold),
        metrics: metrics.into_iter().map(|(name, x)| (name.to_owned(), rounded(x))).collect(),
    }
}

fn rounded(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

fn codes(pipeline: &Pipeline, held: &HeldOut<'_>) -> Result<New, Error> {
    let mut on_turns: BTreeMap<&str, (Rows, Places)> = BTreeMap::new();
    let mut on_calls: BTreeMap<String, (Rows, Places)> = BTreeMap::new();
    for (index, (sample, observed)) in held.data.samples.iter().zip(observe(pipeline, held)).enumerate() {
        if !sample.whole {
            continue;
        }
        let gold = |code: &str, turn: usize| {
            sample.labels.turns.iter().any(|t| t.turn as usize == turn && t.codes.iter().any(|c| c == code))
        };
        for TurnCode { code, turn, numbers, .. } in observed.codes.turns {
            let (rows, places) = on_turns.entry(code).or_default();
            rows.listed = true;
            rows.push(numbers, gold(code, turn), held.folds[index], 1.0);
            places.push((index, turn));
        }
        for (code, features) in observed.codes.call {
            let gold = sample.labels.call.contains(&code);
            let (rows, places) = on_calls.entry(code).or_default();
            rows.push(features, gold, held.folds[index], 1.0);
            places.push((index, usize::MAX));
        }
    }
    let mut judged = Vec::new();
    let turns = on_turns.into_iter().map(|(code, entry)| (code.to_owned(), TURN_FEATURES, entry));
    let calls = on_calls.into_iter().map(|(code, entry)| (code, CALL_FEATURES, entry));
    for (code, names, (rows, places)) in turns.chain(calls) {
        if rows.labels.iter().filter(|gold| **gold).count() < held.options.folds {
            continue;
        }
        let (logistic, probabilities) = rows.judge(names, held.options)?;
        let fault = pipeline.finder().catalog().get(&code).is_some_and(CodeInfo::is_fault);
        judged.push((logistic, Judged::new(code, fault, places, probabilities, rows.labels, held.data, |_| true)));
    }
    Ok(with_thresholds(judged, held, |_| true, judge_name))
}

/// Judgements with the thresholds that are best for the calls `wanted`.
fn with_thresholds(
    judged: Vec<(Logistic, Judged)>,
    held: &HeldOut<'_>,
    wanted: impl Fn(usize) -> bool,
    name: impl Fn(&str) -> String,
) -> New {
    let (logistics, judged): (Vec<_>, Vec<_>) = judged.into_iter().unzip();
    let (chosen, accused) = choose(&judged, held.data, wanted, held.options.caution);
    let mut new = New::new();
    for ((logistic, judged), threshold) in logistics.into_iter().zip(&judged).zip(chosen) {
        let mut judge = judge(logistic, threshold, &judged.scored());
        let on_calls = judged.on_calls(threshold.assert);
        for (name, x) in [
            ("call_precision", on_calls.precision()),
            ("call_recall", on_calls.recall()),
            ("call_f1", on_calls.f1()),
            ("faultless_calls_accused", accused),
        ] {
            judge.metrics.insert(name.to_owned(), rounded(x));
        }
        new.push((name(&judged.code), judge));
    }
    new
}

/// Sentiment and codes on turns as they are judged where the transformer was asked, on the calls
/// that it was not trained on.
fn deep(pipeline: &Pipeline, held: &HeldOut<'_>) -> Result<New, Error> {
    let scores: Vec<BTreeMap<usize, Margins>> = held
        .data
        .samples
        .iter()
        .map(|sample| {
            let turns = held.deep.get(&sample.record.call_id).filter(|_| sample.whole);
            let read = |scores: &DeepScores| {
                let (names, values): (Vec<String>, Vec<f32>) =
                    scores.logits.iter().map(|(name, logit)| (name.clone(), *logit)).unzip();
                (scores.turn, Margins::new(names.into(), values))
            };
            turns.map_or_else(BTreeMap::new, |turns| turns.iter().map(read).collect())
        })
        .collect();
    if scores.iter().all(BTreeMap::is_empty) {
        return Ok(New::new());
    }
    let mut on_turns: BTreeMap<&str, (Rows, Places)> = BTreeMap::new();
    let mut feelings: BTreeMap<TurnModel, [Rows; 2]> = BTreeMap::new();
    let labels = [SentimentLabel::Pos, SentimentLabel::Neg];
    for (index, (sample, observed)) in held.data.samples.iter().zip(observe(pipeline, held)).enumerate() {
        for TurnCode { code, turn, probability, .. } in observed.codes.turns {
            let (Some(read), Some(without)) = (scores[index].get(&turn), probability) else {
                continue;
            };
            let gold = sample.labels.turns.iter().any(|t| t.turn as usize == turn && t.codes.iter().any(|c| c == code));
            let (rows, places) = on_turns.entry(code).or_default();
            rows.push(deep_features(without, read, code).to_vec(), gold, held.folds[index], 1.0);
            places.push((index, turn));
        }
        for turn in &sample.labels.turns {
            let at = turn.turn as usize;
            let (Some(read), Some(gold)) = (scores[index].get(&at), turn.sentiment) else {
                continue;
            };
            let Some(model) = sample.record.turns.get(at).and_then(|t| TurnModel::of(t.role)) else {
                continue;
            };
            for (label, rows) in labels.iter().zip(feelings.entry(model).or_default()) {
                let features = deep_sentiment_features(observed.turns[at].chances, read).to_vec();
                rows.push(features, gold == *label, held.folds[index], 1.0);
            }
        }
    }
    let mut judged = Vec::new();
    for (code, (rows, places)) in on_turns {
        if rows.labels.iter().filter(|gold| **gold).count() < FEWEST {
            continue;
        }
        let (logistic, probabilities) = rows.judge(DEEP_FEATURES, held.options)?;
        let fault = pipeline.finder().catalog().get(code).is_some_and(CodeInfo::is_fault);
        judged.push((
            logistic,
            Judged::new(code.to_owned(), fault, places, probabilities, rows.labels, held.data, |call| {
                !scores[call].is_empty()
            }),
        ));
    }
    let mut new = with_thresholds(judged, held, |call| !scores[call].is_empty(), |code| deep_name(&judge_name(code)));
    for (model, [positive, negative]) in &feelings {
        let (p, n) = (
            positive.judge(DEEP_SENTIMENT_FEATURES, held.options)?,
            negative.judge(DEEP_SENTIMENT_FEATURES, held.options)?,
        );
        let chosen = thresholds::pair((&p.1, &positive.labels), (&n.1, &negative.labels));
        for (label, rows, (logistic, held_out), assert) in
            [(labels[0], positive, p, chosen.0), (labels[1], negative, n, chosen.1)]
        {
            let scored: Vec<(f32, bool)> = held_out.into_iter().zip(rows.labels.iter().copied()).collect();
            let threshold = JudgeThreshold { assert, review: assert };
            new.push((deep_name(&sentiment_name(*model, label)), judge(logistic, threshold, &scored)));
        }
    }
    Ok(new)
}

fn facts(pipeline: &Pipeline, held: &HeldOut<'_>) -> Result<New, Error> {
    let observed = observe(pipeline, held);
    let mut new = New::new();
    for (kind, classes, names) in [
        ("appeal", &APPEAL_TYPES[..], appeal_features()),
        ("outcome", &OUTCOMES[..], outcome_features()),
    ] {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let calls = || held.data.samples.iter().zip(&observed).enumerate().filter(|(_, (sample, _))| sample.whole);
        for class in classes {
            let mut rows = Rows::default();
            for (index, (sample, observed)) in calls() {
                let (gold, features) = if kind == "appeal" {
                    (&sample.labels.appeal_type, &observed.facts.appeal)
                } else {
                    (&sample.labels.outcome, &observed.facts.outcome)
                };
                if let Some(gold) = gold {
                    rows.push(features.clone(), gold == class, held.folds[index], 1.0);
                }
            }
            let (logistic, held_out) = rows.judge(&names, held.options)?;
            let scored: Vec<(f32, bool)> = held_out.into_iter().zip(rows.labels.iter().copied()).collect();
            let threshold = JudgeThreshold { assert: 0.5, review: 0.5 };
            new.push((class_name(kind, class), Judge { threshold: None, ..judge(logistic, threshold, &scored) }));
        }
    }
    Ok(new)
}
