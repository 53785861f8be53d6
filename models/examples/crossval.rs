//! How well fine-tuning carries to sets of calls that it has not seen.
//!
//! `cargo run --release -p qingting-models --features bert --example crossval -- OPTIONS.json FOLDS FILES...`
//!
//! `OPTIONS.json` holds a list of `TrainOptions` (`[{}]` for the default ones), tried one after the
//! other; layers and windows must be the same in all. `FOLDS` says which of three
//! folds to leave out, e.g. `0,1,2`. `*.jsonl` files are labelled calls, a set a file; `*.tsv` files
//! are single turns (role, what the other said before, text, codes, acts, sentiment), always
//! trained on and never measured.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use qingting_models::bert::{Progress, TrainOptions, Trainer, TurnScores, default_folder};
use qingting_models::dialogue::{Dialogue, Speaker, TurnLabels, Utterance};
use serde_json::Value;

/// Fold of what is always trained on.
const ALWAYS: usize = usize::MAX;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [options, only, files @ ..] = arguments.as_slice() else {
        return Err("OPTIONS.json FOLDS FILES...".into());
    };
    let options: Vec<TrainOptions> = serde_json::from_str(&std::fs::read_to_string(options)?)?;
    let only: Vec<usize> = only.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let (mut dialogues, mut folds, mut sets) = (Vec::new(), Vec::new(), 0);
    for file in files {
        let text = std::fs::read_to_string(file)?;
        let name = Path::new(file).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if file.ends_with(".tsv") {
            let turns: Vec<Dialogue> =
                text.lines().enumerate().filter_map(|(i, line)| single(&name, i, line)).collect();
            folds.extend(turns.iter().map(|_| ALWAYS));
            dialogues.extend(turns);
        } else {
            for line in text.lines() {
                dialogues.push(call(&name, &serde_json::from_str(line)?).ok_or("not a labelled call")?);
                folds.push(sets % 3);
            }
            sets += 1;
        }
    }
    eprintln!("{} dialogues", dialogues.len());
    let dir = default_folder().ok_or("no folder for models")?;
    let started = std::time::Instant::now();
    let mut tell = |progress: Progress| match progress {
        Progress::Prepared { done, of } if done == of => eprintln!("{:.0?} prepared {of} windows", started.elapsed()),
        Progress::Trained { fold, step, of, loss, tokens_per_second } if step % 50 == 0 || step == of => {
            eprintln!(
                "{:.0?} fold {fold:?} step {step}/{of} loss {loss:.3} {tokens_per_second:.0} tokens/s",
                started.elapsed()
            );
        }
        _ => {}
    };
    let first = options.first().ok_or("no options")?;
    let mut trainer = Trainer::new(&dir, &dialogues, first, &mut tell)?;
    for options in &options {
        trainer.set_options(options)?;
        let scores = trainer.out_of_fold(&folds, Some(&only), &mut tell)?;
        println!("{options:?}");
        report(&dialogues, &folds, &scores);
    }
    Ok(())
}

fn report(dialogues: &[Dialogue], folds: &[usize], scores: &[Vec<TurnScores>]) {
    let mut codes: BTreeMap<&str, Vec<(f32, bool)>> = BTreeMap::new();
    let mut confusion: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for ((dialogue, turns), _) in dialogues.iter().zip(scores).zip(folds).filter(|(_, fold)| **fold != ALWAYS) {
        for turn in turns {
            let Some(labels) = &dialogue.turns[turn.turn].labels else {
                continue;
            };
            for (code, &logit) in &turn.codes {
                codes.entry(code).or_default().push((logit, labels.codes.contains(code)));
            }
            let best = turn.sentiments.iter().max_by(|a, b| a.1.total_cmp(b.1));
            if let (Some((best, _)), Some(gold)) = (best, &labels.sentiment) {
                *confusion.entry((gold, best)).or_default() += 1;
            }
        }
    }
    let (mut sum_ap, mut sum_f1, mut n) = (0.0, 0.0, 0.0);
    for (code, pairs) in codes {
        let (ap, f1, at) = quality(pairs.clone());
        let positives = pairs.iter().filter(|p| p.1).count();
        println!("{code:24} {positives:5} AP {ap:.3} best F1 {f1:.3} at logit {at:.2}");
        if positives > 0 && code != "interruption" {
            (sum_ap, sum_f1, n) = (sum_ap + ap, sum_f1 + f1, n + 1.0);
        }
    }
    println!("mean without interruption: AP {:.4} best F1 {:.4}", sum_ap / n, sum_f1 / n);
    let names: BTreeSet<&str> = confusion.keys().flat_map(|&(a, b)| [a, b]).collect();
    let count = |keep: &dyn Fn(&str, &str) -> bool| -> f64 {
        confusion.iter().filter(|((a, b), _)| keep(a, b)).map(|(_, &n)| n as f64).sum()
    };
    let f1 = |name: &str| {
        2.0 * count(&|a, b| a == name && b == name) / (count(&|a, _| a == name) + count(&|_, b| b == name)).max(1.0)
    };
    let all: Vec<f64> = names.iter().map(|name| f1(name)).collect();
    println!("sentiment {names:?} F1 {all:.3?} macro {:.4}", all.iter().sum::<f64>() / all.len().max(1) as f64);
}

/// Average precision, best F1, and the logit at which it is reached.
fn quality(mut pairs: Vec<(f32, bool)>) -> (f64, f64, f32) {
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = pairs.iter().filter(|p| p.1).count() as f64;
    let (mut hits, mut ap, mut best) = (0.0, 0.0, (0.0, f32::NAN));
    for (rank, (logit, positive)) in pairs.iter().enumerate() {
        if *positive {
            hits += 1.0;
            ap += hits / (rank + 1) as f64 / positives;
        }
        let f1 = 2.0 * hits / ((rank + 1) as f64 + positives);
        if f1 > best.0 {
            best = (f1, *logit);
        }
    }
    (ap, best.0, best.1)
}

fn speaker(role: &str) -> Speaker {
    match role {
        "A" | "agent" => Speaker::Agent,
        "C" | "caller" => Speaker::Caller,
        _ => Speaker::Other,
    }
}

fn call(set: &str, call: &Value) -> Option<Dialogue> {
    let labels = call["labels"]["turns"].as_array()?;
    let turns = call["turns"].as_array()?.iter().enumerate().map(|(i, turn)| {
        let labels = labels.iter().find(|label| label["turn"].as_u64() == Some(i as u64))?;
        let codes = labels["codes"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let sentiment = labels["sentiment"].as_str().map(str::to_owned);
        Some(Utterance {
            speaker: speaker(turn["role"].as_str()?),
            text: turn["text"].as_str()?.to_owned(),
            labels: Some(TurnLabels { codes, sentiment, ..TurnLabels::default() }),
        })
    });
    Some(Dialogue {
        id: call["call_id"].as_str()?.to_owned(),
        set: set.to_owned(),
        turns: turns.collect::<Option<_>>()?,
    })
}

fn single(set: &str, number: usize, line: &str) -> Option<Dialogue> {
    let [role, before, text, codes, acts, sentiment] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
    let names = |list: &str| list.split(',').filter(|name| *name != "-").map(|name| name.trim().to_owned()).collect();
    let speaker = speaker(role);
    let other = if speaker == Speaker::Agent {
        Speaker::Caller
    } else {
        Speaker::Agent
    };
    let labels = TurnLabels {
        codes: names(codes),
        acts: Some(names(acts)),
        sentiment: Some(sentiment.trim().to_owned()),
        emotion: None,
    };
    let mut turns = vec![Utterance { speaker, text: text.to_owned(), labels: Some(labels) }];
    if before != "-" {
        turns.insert(0, Utterance { speaker: other, text: before.to_owned(), labels: None });
    }
    Some(Dialogue { id: format!("{set}-{number}"), set: set.to_owned(), turns })
}
