//! Curves, steps and means by hand, and the regression against data whose effects are known.

use proptest::prelude::*;
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::record::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::curve::{CLEAR, GRID};
use super::drivers::{Collector, Kind, LEAST_CALLS, PER_FACTOR, Target};
use super::mean::band;
use super::regression::{Fit, LEAST_CLUSTERS, logistic};
use super::*;
use crate::testing::plain_analysis;

/// A call out of turns: who, what the words express, what the turn does. Ten seconds each.
pub(crate) fn made(id: &str, turns: &[(Role, f32, &[Act])]) -> Analyzed {
    let mut record = CallRecord::new(id);
    record.turns = (0..turns.len() as u64)
        .map(|nth| Turn::timed(turns[nth as usize].0, nth * 10_000, nth * 10_000 + 9_000, "话"))
        .collect();
    let analysed = turns.iter().zip(0..).map(|((_, score, acts), turn)| TurnAnalysis {
        turn,
        text: format!("第{turn}句"),
        sentiment: Sentiment { label: SentimentLabel::Neu, score: *score },
        emotion: None,
        acts: acts.to_vec(),
    });
    let turns: Vec<TurnAnalysis> = analysed.collect();
    let curve = qingting_pipeline::signal::smooth(
        record
            .turns
            .iter()
            .zip(&turns)
            .filter(|(of, _)| of.role == Role::Caller)
            .map(|(_, turn)| turn.sentiment.score),
    );
    let plain = plain_analysis(id);
    let analysis = Analysis {
        facts: Facts {
            appeal_type: "投诉".into(),
            outcome: "resolved".into(),
            satisfaction: 4.0,
            category: vec!["城乡建设".into(), "供热".into()],
            category_confidence: 1.0,
            ..plain.facts
        },
        signals: SignalReport {
            duration_ms: Some(record.turns.len() as u64 * 10_000 - 1_000),
            peak: curve.iter().fold(0.0, |peak: f32, &at| if at.abs() >= peak.abs() { at } else { peak }),
            end: curve.last().copied().unwrap_or_default(),
            sentiment_curve: curve,
            ..SignalReport::default()
        },
        turns,
        ..plain
    };
    Analyzed::new(record, analysis)
}

use Role::{Agent as A, Caller as C};

fn angry_then_calm() -> Analyzed {
    made(
        "c1",
        &[
            (A, 0.0, &[Act::Greeting]),
            (C, -0.2, &[Act::Complain]),
            (A, 0.0, &[Act::Probe]),
            (C, -0.9, &[Act::Complain]),
            (A, 0.3, &[Act::Empathy]),
            (C, -0.1, &[Act::Inform]),
            (A, 0.1, &[Act::NextStep]),
            (C, 0.4, &[Act::Agree]),
            (A, 0.1, &[Act::Recap]),
            (C, 0.6, &[Act::Thank, Act::Close]),
            (A, 0.2, &[Act::Closing]),
        ],
    )
}

#[test]
fn a_call_has_its_peaks_its_end_and_what_became_of_it() {
    let call = angry_then_calm();
    let journey = Journey::of(&call.record, &call.analysis).unwrap();
    let levels: Vec<f32> = journey.caller.iter().map(|point| point.level).collect();
    // By hand: −0.2; −0.2 + 0.6 × −0.7 = −0.62; −0.62 + 0.6 × 0.52 = −0.308; 0.117; 0.407.
    for (level, wanted) in levels.iter().zip([-0.2, -0.62, -0.308, 0.117, 0.407]) {
        assert!((level - wanted).abs() < 0.001, "{levels:?}");
    }
    let (lowest, highest) = (journey.lowest.clone().unwrap(), journey.highest.clone().unwrap());
    assert_eq!((lowest.turn, lowest.score, lowest.quote.as_str()), (3, -0.9, "第3句"));
    assert_eq!((highest.turn, highest.start_ms), (9, Some(90_000)));
    assert!((journey.peak + 0.62).abs() < 0.001 && (journey.end - 0.407).abs() < 0.001);
    assert!((journey.peak_end + 0.1065).abs() < 0.001, "{}", journey.peak_end);
    assert_eq!((journey.course, journey.start), (Course::Recovered, -0.2));
    assert!((journey.caller[0].at - 10.0 / 109.0).abs() < 1e-9);
    assert_eq!(Course::of(0.0, -0.8, -0.8), Course::Worsened);
    assert_eq!(Course::of(-0.8, -0.8, -0.7), Course::Steady);
    assert_eq!(Course::of(0.1, -CLEAR, 0.0), Course::Recovered);
    let silent = made("s", &[(A, 0.0, &[Act::Greeting])]);
    assert_eq!(Journey::of(&silent.record, &silent.analysis), None);
}

#[test]
fn a_call_goes_through_its_steps_in_order() {
    let call = angry_then_calm();
    let found = step::steps(&call.record, &call.analysis);
    use CallStep::*;
    let wanted = [
        Opening, Listening, Listening, Listening, Listening, Listening, Solution, Confirming, Confirming, Closing,
        Closing,
    ];
    // The question of turn 2 lies between two complaints: one act does not outweigh the two.
    assert_eq!(found, wanted.map(Some));
    let journey = Journey::of(&call.record, &call.analysis).unwrap();
    assert_eq!(journey.steps[1], (Listening, 1, 5));
    assert!((journey.in_step(Listening).unwrap() + 0.4).abs() < 1e-6);
    assert_eq!(journey.in_step(Solution), None);
    // A voice bot is in no step.
    let bot = made(
        "b",
        &[
            (Role::Bot, 0.0, &[Act::Greeting]),
            (A, 0.0, &[Act::Greeting]),
            (C, 0.0, &[]),
        ],
    );
    assert_eq!(step::steps(&bot.record, &bot.analysis), [None, Some(Opening), Some(Listening)]);
}

#[test]
fn means_have_their_interval_and_their_groups() {
    let mut means = Means::new(Some(GroupBy::Outcome));
    for (nth, end) in [-0.5_f32, 0.0, 0.5].into_iter().enumerate() {
        let mut call = made(&format!("c{nth}"), &[(A, 0.0, &[Act::Greeting]), (C, end, &[Act::Complain])]);
        if nth == 2 {
            call.analysis.facts.outcome = "unresolved".into();
        }
        means.add(&call, &Topics::default());
    }
    means.add(&made("n", &[(A, 0.0, &[])]), &Topics::default());
    let (overall, groups, small) = means.finish(2);
    let last = band(&overall.caller[GRID - 1]).unwrap();
    // By hand: −0.5, 0, 0.5 have mean 0 and deviation 0.5; t(2) is 4.3027, so ± 1.242, cut at 1.
    assert_eq!((last.value, last.low, last.high, last.calls), (0.0, Some(-1.0), Some(1.0), 3));
    assert_eq!((overall.calls, overall.without), (3, 1));
    assert_eq!((groups.len(), groups[0].id.as_str(), groups[0].label.as_str(), small), (1, "resolved", "已解决", 1));
    assert_eq!(overall.steps.map(|mean| mean.count()), [0, 3, 0, 0, 0, 0]);
    let narrow = Narrowing {
        category: Some("供热".into()),
        outcome: Some("resolved".into()),
        ..Narrowing::default()
    };
    assert!(narrow.has(&angry_then_calm(), &Topics::default()));
    assert!(!Narrowing { topic: Some("t1".into()), ..narrow }.has(&angry_then_calm(), &Topics::default()));
}

fn calls() -> impl Strategy<Value = Analyzed> {
    let turn = (any::<bool>(), -1.0f32..1.0, prop::sample::subsequence(Act::ALL.to_vec(), 0..3));
    prop::collection::vec(turn, 1..20).prop_map(|turns| {
        let roles: Vec<(Role, f32, Vec<Act>)> =
            turns.into_iter().map(|(caller, score, acts)| (if caller { C } else { A }, score, acts)).collect();
        let borrowed: Vec<(Role, f32, &[Act])> = roles.iter().map(|(r, s, a)| (*r, *s, a.as_slice())).collect();
        made("p", &borrowed)
    })
}

proptest! {
    #[test]
    fn curves_stay_within_feelings_and_steps_never_go_back(call in calls()) {
        let steps = step::steps(&call.record, &call.analysis);
        let order: Vec<CallStep> = steps.iter().copied().flatten().collect();
        prop_assert!(order.is_sorted() && order.len() == call.record.turns.len());
        let spoken = call.record.turns.iter().any(|turn| turn.role == C);
        let journey = Journey::of(&call.record, &call.analysis);
        prop_assert_eq!(journey.is_some(), spoken);
        if let Some(journey) = journey {
            let values = journey.sampled();
            prop_assert!(values.iter().all(|value| (-1.0..=1.0).contains(value)), "{:?}", values);
            prop_assert!(journey.caller.iter().all(|point| (0.0..=1.0).contains(&point.at)));
            prop_assert!((-1.0..=1.0).contains(&journey.peak_end));
            // The mean of one call is that call.
            let mut mean = MeanJourney::default();
            mean.add(&call);
            let means: Vec<f64> = mean.caller.iter().map(|mean| mean.value().unwrap()).collect();
            prop_assert_eq!(means, values.to_vec());
        }
    }
}

/// By hand: 20 of 100 without, 40 of 100 with. The odds ratio is (40/60) ÷ (20/80) = 8/3, its error
/// √(1/20 + 1/80 + 1/40 + 1/60) = 0.32275 (Woolf 1955), and half of each of both outcomes is 0.5, the deviation.
#[test]
fn one_factor_has_the_odds_ratio_of_its_table() {
    let mut rows = Vec::new();
    let mut outcome = Vec::new();
    for (with, of) in [(0.0, 20), (1.0, 40)] {
        for nth in 0..100 {
            rows.push(vec![with]);
            outcome.push(nth < of);
        }
    }
    let fit = logistic(&rows, &outcome, None, 1e-9).unwrap();
    let only = &fit.coefficients[0];
    assert!((only.value / only.deviation - (8.0f64 / 3.0).ln()).abs() < 1e-6, "{only:?}");
    let error = (only.high - only.low) / 2.0 / 1.959_964 / only.deviation;
    assert!((error - 0.322_749).abs() < 1e-5, "{error}");
    assert!((only.inflation - 1.0).abs() < 1e-9 && fit.determined.is_empty());
    // (40·80 + (40·20 + 60·80... ties count half: U = 40·80 + ½ (40·60 + 20·80) = 5200 of 60 · 140.
    assert!((fit.discrimination - 5200.0 / 8400.0).abs() < 1e-9, "{}", fit.discrimination);
}

#[test]
fn what_other_columns_determine_is_told_and_not_guessed() {
    let mut rng = StdRng::seed_from_u64(3);
    let rows: Vec<Vec<f64>> = (0..300)
        .map(|_| {
            let (a, b) = (rng.random::<f64>(), rng.random::<f64>());
            vec![a, b, a + b, 1.0, a + 0.3 * rng.random::<f64>()]
        })
        .collect();
    let outcome: Vec<bool> = rows.iter().map(|row| row[0] + rng.random::<f64>() > 1.0).collect();
    let fit = logistic(&rows, &outcome, None, 1.0).unwrap();
    assert_eq!(fit.determined, [2, 3]);
    let used: Vec<usize> = fit.coefficients.iter().map(|of| of.column).collect();
    assert_eq!(used, [0, 1, 4]);
    assert!(fit.coefficients[0].inflation > 5.0 && fit.coefficients[1].inflation < 1.5);
    assert_eq!(logistic(&rows, &[true; 300], None, 1.0), None);
    assert_eq!(logistic(&[], &[], None, 1.0), None);
    // Parted completely: still a fit.
    let parted: Vec<bool> = rows.iter().map(|row| row[0] > 0.5).collect();
    assert!(logistic(&rows, &parted, None, 1.0).unwrap().coefficients[0].value.is_finite());
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// How many of the intervals of many simulated data sets hold the effects that these were made with.
fn covered(runs: u64, fit: impl Fn(&mut StdRng, [f64; 3]) -> Fit) -> f64 {
    let truth = [0.8, -0.5, 0.0];
    let mut held = 0;
    for seed in 0..runs {
        let mut rng = StdRng::seed_from_u64(seed);
        let fit = fit(&mut rng, truth);
        for (of, truth) in fit.coefficients.iter().zip(truth) {
            held += usize::from((of.low..=of.high).contains(&(truth * of.deviation)));
        }
    }
    held as f64 / (3 * runs) as f64
}

fn draw(rng: &mut StdRng) -> Vec<f64> {
    let normal = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    vec![
        f64::from(u8::from(rng.random_bool(0.3))),
        normal,
        0.5 * normal + rng.random::<f64>(),
    ]
}

/// 900 intervals at 95%: 0.95 ± 0.0145 is two standard errors.
#[test]
fn intervals_hold_the_true_effects_in_95_of_100_simulations() {
    let held = covered(300, |rng, truth| {
        let rows: Vec<Vec<f64>> = (0..600).map(|_| draw(rng)).collect();
        let outcome: Vec<bool> = rows
            .iter()
            .map(|row| {
                let sum: f64 = -1.0 + row.iter().zip(truth).map(|(x, w)| x * w).sum::<f64>();
                rng.random_bool(sigmoid(sum))
            })
            .collect();
        logistic(&rows, &outcome, None, 1.0).unwrap()
    });
    assert!((0.93..=0.97).contains(&held), "{held}");
}

/// Calls of one agent alike: each agent has a level of its own for the first column and for the outcome.
#[test]
fn calls_of_one_agent_do_not_count_as_if_they_were_unrelated() {
    let agents = 2 * LEAST_CLUSTERS;
    let simulated = |rng: &mut StdRng, truth: [f64; 3], told: bool| {
        let (mut rows, mut outcome, mut of) = (Vec::new(), Vec::new(), Vec::new());
        for agent in 0..agents {
            // Effects are told at a given level of the agent, which shrinks them little at this spread.
            let (level, habit) = (1.2 * (rng.random::<f64>() - 0.5), rng.random_bool(0.3));
            for _ in 0..20 {
                let mut row = draw(rng);
                row[0] = f64::from(u8::from(habit));
                let sum = -1.0 + level + row.iter().zip(truth).map(|(x, w)| x * w).sum::<f64>();
                outcome.push(rng.random_bool(sigmoid(sum)));
                rows.push(row);
                of.push(agent);
            }
        }
        logistic(&rows, &outcome, told.then_some(&of[..]), 1.0).unwrap()
    };
    let fit = simulated(&mut StdRng::seed_from_u64(1), [0.8, -0.5, 0.0], true);
    assert!(fit.clustered);
    let (naive, robust) = (
        covered(150, |rng, truth| simulated(rng, truth, false)),
        covered(150, |rng, truth| simulated(rng, truth, true)),
    );
    assert!(robust > naive && (0.91..=0.98).contains(&robust), "{naive} {robust}");
    let few = logistic(&[vec![1.0], vec![0.0], vec![1.0]], &[true, false, false], Some(&[0, 1, 2]), 1.0).unwrap();
    assert!(!few.clustered);
}

/// Calls in which impatience makes dissatisfaction likely and empathy unlikely.
fn rated(count: usize, seed: u64) -> Vec<Analyzed> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count)
        .map(|nth| {
            let (impatient, kind) = (rng.random_bool(0.3), rng.random_bool(0.5));
            let acts: &[Act] = if kind { &[Act::Empathy] } else { &[Act::Explain] };
            let mut call =
                made(&format!("c{nth}"), &[(A, 0.0, &[Act::Greeting]), (C, -0.1, &[Act::Complain]), (A, 0.0, acts)]);
            let bad = rng.random_bool(sigmoid(-1.0 + 1.5 * f64::from(u8::from(impatient)) - f64::from(u8::from(kind))));
            call.record.rating = Some(if bad { 1 } else { 5 });
            call.record.agent = Some(Agent { id: format!("A{}", nth % 5), ..Agent::default() });
            if impatient {
                call.analysis.findings.push(Finding {
                    code: "impatience".into(),
                    turn: Some(2),
                    role: A,
                    severity: Severity::Major,
                    confidence: 0.5 + nth as f32 / (2 * count) as f32,
                    taboo: None,
                    evidence: vec![Evidence {
                        turn: 2,
                        start_ms: None,
                        end_ms: None,
                        start_char: 0,
                        end_char: 3,
                        quote: "快点说".into(),
                    }],
                    rule: "t".into(),
                    explanation: "不耐烦。".into(),
                });
            }
            call
        })
        .collect()
}

#[test]
fn what_makes_and_what_breaks_a_call_is_told_with_a_place_to_listen_to() {
    let catalog = Catalog::guide();
    let mut collector = Collector::default();
    let calls = rated(600, 5);
    calls.iter().for_each(|call| collector.add(call, &catalog));
    let found = collector.finish(None, true, &catalog).unwrap();
    assert_eq!((found.target, found.calls, found.thinned, found.clustered), (Target::Rating, 600, 1, false));
    assert_eq!(found.effective, found.dissatisfied);
    let first = &found.drivers[0];
    assert_eq!((first.id.as_str(), first.kind, first.clear), ("impatience", Kind::Fault, true));
    assert!(
        first.odds.low > 1.5 && first.odds.high < 12.0 && first.zh().contains("有“语气随意或不耐烦”的通话"),
        "{}",
        first.zh()
    );
    let example = first.example.clone().unwrap();
    let there = calls.iter().find(|call| call.record.call_id == example.call_id).unwrap();
    assert_eq!((there.record.rating, example.turn, example.quote.as_str()), (Some(1), 2, "快点说"));
    let kind = found.drivers.iter().find(|driver| driver.id == "empathy").unwrap();
    assert!(kind.effect.high < 0.0 && kind.example.is_some());
    // Neither waits nor outcomes that do not vary are guessed at.
    assert!(found.left_out.contains(&"排队等待".to_owned()) && found.left_out.contains(&"事情未解决".to_owned()));
    assert!(found.basis().contains("600 通"));
    let svg = chart::standalone(chart::drivers(&found));
    assert!(svg.starts_with("<?xml") && svg.contains("xmlns=") && svg.contains("共情"));
}

#[test]
fn too_few_calls_tell_nothing() {
    let catalog = Catalog::guide();
    let collect = |calls: Vec<Analyzed>| {
        let mut collector = Collector::default();
        calls.iter().for_each(|call| collector.add(call, &catalog));
        collector.finish(Some(Target::Rating), true, &catalog)
    };
    let few = collect(rated(LEAST_CALLS - 1, 1)).unwrap_err();
    assert_eq!((few.calls, few.needed), (LEAST_CALLS - 1, 2 * PER_FACTOR));
    assert!(few.zh().contains("99 通"));
    let mut content = rated(300, 1);
    content.iter_mut().for_each(|call| call.record.rating = Some(5));
    assert_eq!(collect(content).unwrap_err().effective, 0);
}

#[test]
fn a_sample_of_many_calls_does_not_depend_on_their_order() {
    let catalog = Catalog::guide();
    let mut calls = rated(900, 9);
    let run = |calls: &[Analyzed]| {
        let mut collector = Collector::holding(500);
        calls.iter().for_each(|call| collector.add(call, &catalog));
        collector.finish(None, true, &catalog).unwrap()
    };
    let one = run(&calls);
    calls.reverse();
    let other = run(&calls);
    assert_eq!(one.thinned, 2);
    assert!(one.calls <= 500 && one.calls > 350, "{}", one.calls);
    let told = |of: &Drivers| of.drivers.iter().map(|d| (d.id.clone(), d.effect)).collect::<Vec<_>>();
    assert_eq!((one.calls, told(&one)), (other.calls, told(&other)));
}

#[test]
fn pictures_say_what_they_show() {
    let call = angry_then_calm();
    let journey = Journey::of(&call.record, &call.analysis).unwrap();
    let svg = chart::call(&journey).into_string();
    for said in ["情绪曲线：c1", "最低 -0.90", "倾听诉求", "走势：回升", "来电人", "坐席"] {
        assert!(svg.contains(said), "{said}: {svg}");
    }
    let mut mean = MeanJourney::default();
    mean.put(&journey);
    let svg = chart::mean("m", "平均曲线", &mean).into_string();
    assert!(svg.contains("1 通；平均峰值 -0.62") && !svg.contains("<polygon"), "{svg}");
    mean.put(&journey);
    assert!(chart::mean("m", "平均曲线", &mean).into_string().contains("<polygon"));
}
