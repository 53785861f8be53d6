//! That an analysis made again is the one that the input gives.

use std::path::Path;

use super::*;
use crate::assets::Assets;
use crate::config::PipelineConfig;
use crate::import::{ImportOptions, Imported, Importer};
use crate::record::{Role, Turn};

/// The calls that the program ships, and some with what they lack: personal data, an agent that says nothing, no times,
/// nobody there.
fn calls() -> Vec<CallRecord> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    std::fs::write(&path, &*Assets::embedded().read("demo/calls.jsonl").unwrap().text).unwrap();
    let read = Importer::new(ImportOptions::default()).unwrap().open(&path).unwrap();
    let mut calls: Vec<CallRecord> = read
        .filter_map(|imported| match imported {
            Imported::Call { record, .. } => Some(*record),
            Imported::Rejected(_) => None,
        })
        .collect();
    let mut masked = CallRecord::new("masked");
    masked.turns = vec![
        Turn::timed(Role::Agent, 0, 3000, "您好，请问有什么可以帮您？留个电话吧。"),
        Turn::timed(Role::Caller, 2500, 9000, "我的电话是13800138000，身份证11010119900307803X，车牌京A12345。"),
        Turn::timed(Role::Agent, 16_000, 19_000, "好的，13800138000，您别急，马上给您查。"),
        Turn::timed(Role::Caller, 19_500, 22_000, "都打了三回了，没人管！"),
        Turn::timed(Role::Agent, 22_500, 24_000, "那你等着吧，再见。"),
    ];
    masked.attributes.insert("手机".to_owned(), "13800138000".to_owned());
    masked.attributes.insert("shift".to_owned(), "night".to_owned());
    let mut silent = CallRecord::new("silent");
    silent.turns = vec![
        Turn::new(Role::Agent, "\u{200b}"),
        Turn::new(Role::Caller, "喂？请问有人吗？"),
    ];
    let mut untimed = masked.clone();
    untimed.call_id = "untimed".to_owned();
    for turn in &mut untimed.turns {
        (turn.start_ms, turn.end_ms) = (None, None);
    }
    let mut unanswered = CallRecord::new("unanswered");
    unanswered.answered = Some(false);
    calls.extend([masked, silent, untimed, unanswered]);
    calls
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn with(files: &[(&str, &str)]) -> Pipeline {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(folder.path(), name, text);
    }
    Pipeline::new(&PipelineConfig::default(), &Assets::with_overlay(folder.path()).unwrap()).unwrap()
}

fn rule(id: &str, code: &str, confidence: f32, conditions: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nversion = 1\ntitle = \"x\"\ndoc = \"x\"\ncode = \"{code}\"\nconfidence = {confidence}\n\
         explanation = \"说了“{{quote}}”。\"\n{conditions}\n"
    )
}

const CODES: &str = "[[code]]\ncode = \"own_turn\"\ntitle = \"x\"\nlevel = \"turn\"\nrole = \"agent\"\n\
                     [[code]]\ncode = \"own_call\"\ntitle = \"x\"\nlevel = \"call\"\nrole = \"caller\"\n";

/// Rules with every operator but those that need what is not kept.
fn rules() -> String {
    let rule = |id: &str, code: &str, conditions: &str| rule(id, code, 0.8, conditions);
    let conditions = [
        "[rule.condition.a]\nrole = \"agent\"\nkeywords = { any = [\"您好\", \"@act.apology\"] }\nfirst_turns = 3",
        "[rule.condition.a]\nrole = \"agent\"\nact = { any = [\"probe\", \"next_step\"] }\nmin_chars = 6",
        "[rule.condition.a]\nrole = \"agent\"\nsentiment = { label = [\"neu\", \"neg\"], below = 0.2 }\nlast_turns = 2",
        "[rule.condition.a]\nrole = \"agent\"\noverlap = { over_ms = 100 }",
        "[rule.condition.a]\nrole = \"agent\"\nrepeats = { at_least = 0.3, min_chars = 4 }",
        "[rule.condition.a]\nrole = \"agent\"\nsimilar = { to = [\"请问您在哪里\"], at_least = 0.5 }",
        "[rule.condition.a]\nrole = \"agent\"\nregex = { pattern = '[一二三四五六七八九十]+' }",
        "[rule.condition.a]\nrole = \"agent\"\nmask = \"phone\"",
    ];
    let mut text = CODES.to_owned();
    for (at, condition) in conditions.iter().enumerate() {
        text += &rule(&format!("t{at}"), "own_turn", condition);
    }
    let silence = "on = \"a\"\nwhen = \"a && b\"\n[rule.condition.a]\nsilence = { over_ms = 2000 }\n\
                   [rule.condition.b]\ncall = { duration_over_ms = 1000, attributes = { shift = \"*\" } }";
    text + &rule("c", "own_call", silence)
}

const CARD: &str = "id = \"hotline-12345\"\nversion = 9\ntitle = \"x\"\ndoc = \"x\"\n[[section]]\nid = \"s\"\ntitle = \"x\"\n\
                    [[section.item]]\nid = \"i\"\ntitle = \"x\"\npoints = 10\n\
                    deduct = [{ codes = [\"impatience\", \"no_recap\"], points = 3 }]\n";

/// Every call by both pipelines, and the first analysis made again by the second.
fn remade(old: &Pipeline, new: &Pipeline, mut look: impl FnMut(&Analysis, &Analysis, Result<Analysis, Missing>)) {
    for call in calls() {
        let before = old.analyze(&call);
        let afresh = new.analyze(&call).analysis;
        let made = new.remake(&before.record, &before.analysis);
        look(&before.analysis, &afresh, made);
    }
}

/// Byte for byte what the input gives, and not what it was before.
fn same_as_afresh(old: &Pipeline, new: &Pipeline) {
    let mut changed = 0;
    remade(old, new, |before, afresh, made| {
        let json = |analysis| serde_json::to_string(analysis).unwrap();
        assert_eq!(json(&made.unwrap()), json(afresh));
        changed += usize::from(!same_judgement(before, afresh));
    });
    assert!(changed > 10, "the change does nothing");
}

#[test]
fn another_scorecard_other_rules_or_both_give_what_the_input_gives() {
    let old = with(&[]);
    let (rules, card) = (rules(), ("scorecards/hotline-12345.toml", CARD));
    let cards = with(&[card]);
    assert_eq!(cards.stale(old.provenance()), Stale::Score);
    same_as_afresh(&old, &cards);
    // Rules that come and rules that go.
    let other = with(&[("rules/own.toml", &rules), ("rules/handling.toml", "")]);
    assert_eq!(other.stale(old.provenance()), Stale::Rules);
    same_as_afresh(&old, &other);
    same_as_afresh(&other, &old);
    same_as_afresh(&old, &with(&[("rules/own.toml", &rules), card]));
    assert_eq!(old.stale(old.provenance()), Stale::Nothing);
}

/// A rule for what the heads and detectors find too, surer or less sure than they are.
#[test]
fn a_rule_for_a_code_of_the_detectors_gives_what_the_input_gives() {
    let old = with(&[]);
    for confidence in [0.3617, 0.5813, 0.9931] {
        let asks = "[rule.condition.a]\nrole = \"agent\"\nkeywords = { any = [\"您\", \"你\", \"没\"] }";
        let text = ["impatience", "deflection", "fast_speech"]
            .map(|code| rule(&format!("own-{code}"), code, confidence, asks))
            .concat();
        let new = with(&[("rules/own.toml", &text)]);
        same_as_afresh(&old, &new);
        // Back again nobody knows what the detectors would have said where the rule was surer.
        remade(&new, &old, |before, afresh, made| match made {
            Ok(made) => assert_eq!(made, *afresh),
            Err(missing) => {
                assert_eq!(missing, Missing::Hidden);
                let ours = |finding: &crate::record::Finding| finding.rule.starts_with("own-");
                assert!(before.findings.iter().chain(&before.uncertain).any(ours));
            }
        });
    }
}

#[test]
fn what_was_not_kept_is_asked_of_the_input() {
    let old = with(&[]);
    let rate = rule("r", "own_turn", 0.8, "[rule.condition.a]\nrole = \"agent\"\nrate = { over = 2.0 }");
    let rate = with(&[("rules/own.toml", &(CODES.to_owned() + &rate))]);
    let mut missing = 0;
    remade(&old, &rate, |before, afresh, made| match made {
        Ok(made) => assert_eq!(made, *afresh),
        Err(Missing::Rate) => missing += usize::from(before.call_id == "masked"),
        Err(other) => panic!("{other}"),
    });
    assert_eq!(missing, 1, "the rate of the masked call alone is unknown among those");
    let phone = "[rule.condition.a]\nrole = \"agent\"\nkeywords = { any = [\"您\"] }\ncall = { attributes = { \"手机\" = \"138*\" } }";
    let attribute = with(&[("rules/own.toml", &(CODES.to_owned() + &rule("a", "own_turn", 0.8, phone)))]);
    remade(&old, &attribute, |before, afresh, made| match made {
        Ok(made) => assert_eq!(made, *afresh),
        Err(missing) => {
            assert_eq!(missing, Missing::Attribute);
            assert!(["masked", "untimed"].contains(&before.call_id.as_str()));
        }
    });
    let mut config = PipelineConfig::default();
    config.finding.assert = 0.9;
    let thresholds = Pipeline::new(&config, &Assets::embedded()).unwrap();
    remade(&old, &thresholds, |_, _, made| assert_eq!(made, Err(Missing::Stages)));
}

#[test]
fn an_analysis_of_a_version_that_noted_no_stages_is_stale_as_a_whole() {
    let pipeline = with(&[]);
    let before = Provenance {
        config_fingerprint: "0123456789abcdef".to_owned(),
        ..pipeline.provenance().clone()
    };
    assert_eq!(pipeline.stale(&before), Stale::Everything);
}
