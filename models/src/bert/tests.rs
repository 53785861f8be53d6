//! The parts together, on the toy model.

use std::collections::BTreeSet;

use tch::Tensor;

use super::network::{Network, load, rows};
use super::testing::{Toy, whole};
use super::windows::Cutter;
use super::*;
use crate::dialogue::{Dialogue, Speaker, TurnLabels, Utterance};
use crate::{Encoder, cosine};

fn turn(speaker: Speaker, text: &str, code: Option<&str>) -> Utterance {
    let codes: BTreeSet<String> = code.map(str::to_owned).into_iter().collect();
    let sentiment = Some(if text.contains('快') { "neg" } else { "neu" }.to_owned());
    Utterance {
        speaker,
        text: text.to_owned(),
        labels: Some(TurnLabels { codes, sentiment, ..TurnLabels::default() }),
    }
}

/// Agents who say 快 are rude when the caller has just asked for patience.
fn calls() -> Vec<Dialogue> {
    let (rude, ask) = (Some("rude"), Some("ask"));
    (0..24)
        .map(|i| {
            let (said, code) = if i % 2 == 0 {
                ("别急别急", rude)
            } else {
                ("谢谢", None)
            };
            Dialogue {
                id: i.to_string(),
                set: "toy".to_owned(),
                turns: vec![
                    turn(Speaker::Agent, "您好请说", None),
                    turn(Speaker::Caller, if i % 3 == 0 { "怎么办" } else { "不知道" }, None),
                    turn(Speaker::Caller, "再讲一遍", ask),
                    turn(Speaker::Caller, said, None),
                    turn(Speaker::Agent, "快说快说", code),
                ],
            }
        })
        .collect()
}

fn options() -> TrainOptions {
    TrainOptions {
        layers: 1,
        epochs: 60,
        layer_rate: 3e-3,
        head_rate: 1e-2,
        batch_tokens: 256,
        windows: WindowOptions { window: 64, before: 12, after: 8, turn: 16 },
        ..TrainOptions::default()
    }
}

#[test]
fn the_forward_pass_is_that_of_rust_bert() {
    let toy = Toy::new("forward");
    let folder = Folder::open(&toy.dir).unwrap();
    let network = Network::new(&folder).unwrap();
    let (store, model) = whole(&toy.dir);
    let _no_grad = tch::no_grad_guard();
    for (name, mut variable) in store.variables() {
        variable.copy_(&load(&folder.weights, &name).unwrap());
    }
    let ids = [0u32, 5, 6, 7, 8, 2];
    let input = Tensor::of_slice(&ids.map(i64::from)).view([1, 6]);
    let theirs = model.forward_t(Some(&input), None, None, None, None, None, None, false).unwrap().hidden_state;
    let mean = theirs.mean_dim(Some([1i64].as_slice()), false, tch::Kind::Float);
    let theirs = &rows(&(&mean / mean.norm()))[0];
    // In a batch with a longer input, so that padding is under test as well.
    let ours = &rows(&network.pooled(&[&ids, &[0, 5, 9, 10, 11, 12, 13, 14, 2]]).unwrap())[0];
    assert!(ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-5), "{ours:?} {theirs:?}");
}

#[test]
fn vectors_do_not_depend_on_batch_or_threads() {
    let toy = Toy::new("encode");
    let texts = ["您好", "请稍等", "怎么办怎么办", "", "快说"];
    let one = BertEncoder::open(&toy.dir, 1).unwrap().encode(&texts).unwrap();
    let two = BertEncoder::open(&toy.dir, 2).unwrap();
    assert_eq!(one, two.encode(&texts).unwrap());
    for (text, vector) in texts.iter().zip(&one).filter(|(text, _)| !text.is_empty()) {
        assert!(cosine(&two.encode(&[text]).unwrap()[0], vector) > 0.99999);
    }
    assert!(one[3].iter().all(|&x| x == 0.0));
    assert!(two.encode(&[&"好".repeat(500)]).is_ok());
}

#[test]
fn a_changed_file_is_refused() {
    let toy = Toy::new("changed");
    std::fs::write(toy.dir.join("manifest.json"), r#"{"name":"toy","files":{"config.json":"00"}}"#).unwrap();
    let error = Folder::open(&toy.dir).unwrap_err().to_string();
    assert!(error.contains("config.json: differs from the manifest"), "{error}");
    std::fs::write(toy.dir.join("manifest.json"), r#"{"name":"toy"}"#).unwrap();
    std::fs::write(toy.dir.join("config.json"), r#"{"model_type":"roberta"}"#).unwrap();
    assert!(Folder::open(&toy.dir).unwrap_err().to_string().contains("roberta"));
}

#[test]
fn every_turn_is_owned_by_one_window_and_sees_its_neighbours() {
    let toy = Toy::new("windows");
    let cutter = Cutter::new(&Folder::open(&toy.dir).unwrap(), &options().windows).unwrap();
    let turns: Vec<Utterance> = (0..40)
        .map(|i| turn([Speaker::Agent, Speaker::Caller][i % 2], &"好".repeat(1 + i % 30), None))
        .collect();
    let windows = cutter.cut(&turns, None).unwrap();
    assert!(windows.len() > 5 && windows.iter().all(|window| window.ids.len() <= 64));
    let owned: Vec<usize> = windows.iter().flat_map(|w| w.owned.iter().map(|own| own.turn)).collect();
    assert_eq!(owned, (0..40).collect::<Vec<_>>());
    assert!(windows.iter().skip(1).all(|w| w.owned[0].tokens.start > 1), "no context before");
    let end = |w: &super::windows::Window| w.owned[w.owned.len() - 1].tokens.end + 1;
    assert!(windows.iter().rev().skip(1).all(|w| w.ids.len() > end(w)), "no context after");
    for window in &windows {
        for own in &window.owned {
            // Three tokens of the mark, then the text; the middle of a long turn is left out.
            assert_eq!(own.tokens.len(), (3 + 1 + own.turn % 30).min(15));
            assert_eq!(window.ids[own.tokens.end], 2);
        }
    }
    let some = cutter.cut(&turns, Some(&[0, 39])).unwrap();
    assert_eq!(some, [windows[0].clone(), windows[windows.len() - 1].clone()]);
    assert!(cutter.cut(&[], None).unwrap().is_empty());
    let narrow = WindowOptions { window: 20, ..options().windows };
    assert!(Cutter::new(&Folder::open(&toy.dir).unwrap(), &narrow).is_err());
}

#[test]
fn fine_tuning_learns_what_context_decides_and_survives_its_file() {
    let toy = Toy::new("finetune");
    let calls = calls();
    let trained = |progress: &mut dyn FnMut(Progress)| {
        Trainer::new(&toy.dir, &calls, &options(), progress).unwrap().finetune(progress).unwrap()
    };
    let mut last = None;
    let delta = trained(&mut |progress| last = Some(progress));
    assert!(matches!(last, Some(Progress::Trained { step, of, .. }) if step == of));
    let again = trained(&mut |_| {});
    assert!(delta == again, "not deterministic");

    let file = toy.dir.join("delta");
    delta.save(&file).unwrap();
    assert!(Delta::load(&file).unwrap() == delta);
    assert!(Delta::load(&toy.dir.join("config.json")).is_err());

    let scorer = Scorer::new(&toy.dir, delta, 1).unwrap();
    let wanted = [4, 2];
    let inputs: Vec<(&[Utterance], &[usize])> =
        calls.iter().map(|call| (call.turns.as_slice(), wanted.as_slice())).collect();
    for (i, scores) in scorer.score_calls(&inputs).unwrap().iter().enumerate() {
        assert_eq!(scores.iter().map(|turn| turn.turn).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(scores[1].codes["rude"] > 0.0, i % 2 == 0, "call {i}");
        assert!(scores[0].codes["ask"] > 0.0 && !scores[0].codes.contains_key("rude"));
        assert!(scores[1].sentiments["neg"] > scores[1].sentiments["neu"]);
    }
    let alone = scorer.score(&calls[0].turns, &[4]).unwrap();
    assert!((alone[0].codes["rude"] - scorer.score_calls(&inputs).unwrap()[0][1].codes["rude"]).abs() < 1e-3);
}

#[test]
fn a_held_out_fold_is_scored_by_a_model_that_has_not_seen_it() {
    let toy = Toy::new("folds");
    let mut calls = calls();
    let folds: Vec<usize> = (0..calls.len()).map(|i| usize::from(i >= 20)).collect();
    // A label that occurs in the held-out fold only cannot be learnt.
    for call in calls.iter_mut().skip(20) {
        call.turns[0].labels.as_mut().unwrap().codes.insert("secret".to_owned());
    }
    let trainer = Trainer::new(&toy.dir, &calls, &options(), &mut |_| {}).unwrap();
    let scores = trainer.out_of_fold(&folds, Some(&[1]), &mut |_| {}).unwrap();
    assert!(scores[..20].iter().all(Vec::is_empty));
    for (i, turns) in scores.iter().enumerate().skip(20) {
        assert_eq!(turns.len(), 5);
        assert_eq!(turns[4].codes["rude"] > 0.0, i % 2 == 0);
        assert!(turns[0].codes["secret"] < 0.0);
    }
    assert!(trainer.out_of_fold(&[0], None, &mut |_| {}).is_err());
}
