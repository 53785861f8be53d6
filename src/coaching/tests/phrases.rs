//! The phrase library: complete, well-formed, and never a fault in what it tells to say.

use std::collections::{BTreeMap, BTreeSet};

use qingting_pipeline::assets::Asset;
use qingting_pipeline::finding::CodeInfo;

use super::*;
use crate::coaching::phrases::{FEWEST, Phrase, Sector};

fn parse(text: &str) -> Result<Phrases, qingting_pipeline::Error> {
    let mut phrases = Phrases::default();
    phrases.add(&Asset { origin: "p.toml".into(), text: text.to_owned().into() }, catalog())?;
    Ok(phrases)
}

const ONE: &str = r#"
[[phrase]]
id = "a"
code = "impatience"
situation = "问"
said = "快说"
instead = "您慢慢说"
why = "因为"
"#;

#[test]
fn every_fault_of_an_agent_has_phrases_of_every_sector() {
    let phrases = library_of_phrases();
    for info in catalog().iter().filter(|info| info.is_fault()) {
        let found: Vec<&Phrase> = phrases.of(Some(&info.code), None).collect();
        assert!(found.len() >= FEWEST, "{}: {} phrases", info.code, found.len());
        let sectors: BTreeSet<Sector> = found.iter().filter_map(|phrase| phrase.sector).collect();
        assert_eq!(sectors.len(), Sector::ALL.len(), "{}: {sectors:?}", info.code);
        let said: BTreeSet<&str> = found.iter().map(|phrase| phrase.instead.as_str()).collect();
        assert_eq!(said.len(), found.len(), "{}: one thing is told twice", info.code);
    }
}

#[test]
fn mistakes_are_refused_with_their_line() {
    assert_eq!(parse(ONE).unwrap().iter().count(), 1);
    for (text, wanted) in [
        (format!("{ONE}tone = 1\n"), "tone"),
        (ONE.replace("impatience", "impatient"), "no fault of an agent"),
        (ONE.replace("impatience", "crisis"), "no fault of an agent"),
        (ONE.replace("您慢慢说", " "), "instead is empty"),
        (ONE.replace("快说", &"快".repeat(401)), "said is longer"),
        (format!("{ONE}{ONE}"), "the id is taken"),
        (ONE.replace("why = \"因为\"", ""), "why"),
        (ONE.replace("code =", "sector = \"church\"\ncode ="), "church"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains("p.toml") && error.contains(wanted), "{wanted}: {error}");
    }
}

#[test]
fn a_folder_of_the_users_goes_over_the_embedded_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("phrases")).unwrap();
    std::fs::write(dir.path().join("phrases/ours.toml"), ONE).unwrap();
    let assets = Assets::with_overlay(dir.path()).unwrap();
    let more = Phrases::load(&assets, catalog()).unwrap();
    assert_eq!(more.iter().count(), library_of_phrases().iter().count() + 1);
}

#[test]
fn what_is_suggested_is_of_the_sector_and_like_what_was_heard() {
    let phrases = library_of_phrases();
    let first = |sector, quote: &str| phrases.suggest("impatience", sector, &[quote], 2)[0].id.clone();
    assert_eq!(first(Sector::Bank, ""), "impatience-bank");
    assert_eq!(first(Sector::Telecom, ""), "impatience-telecom");
    let ids: Vec<&str> = phrases
        .suggest("impatience", Sector::Bank, &["随便您吧"], 9)
        .iter()
        .map(|phrase| phrase.id.as_str())
        .collect();
    assert_eq!(ids[..2], ["impatience-bank", "impatience-any"], "the sector's, then what is for any");
    let rest = phrases.suggest("impatience", Sector::Bank, &["我不是跟您说过了吗"], 3);
    assert_eq!(rest[2].id, "impatience-government", "then the most alike: {rest:?}");
}

/// A neutral call around one turn of the agent, at an easy pace.
fn around(phrase: Option<(&Phrase, &str)>) -> CallRecord {
    let mut at = 0;
    let mut turns = Vec::new();
    let mut say = |role, text: &str| {
        let length = text.chars().count() as u64 * 250 + 500;
        turns.push(Turn::timed(role, at, at + length, text));
        at += length + 400;
    };
    let (caller, agent) = match phrase {
        Some((phrase, said)) => (phrase.caller.as_deref().unwrap_or("我想问一下我家的事情。"), said),
        None => ("我想问一下我家的事情。", "好的，您请说，我在听。"),
    };
    say(Role::Agent, "您好，服务热线，请问有什么可以帮您？");
    say(Role::Caller, "你好，我有一件事情想问一下。");
    say(Role::Agent, "好的，请问是什么时候的事情？具体是怎么样的情况？");
    say(Role::Caller, caller);
    say(Role::Agent, agent);
    say(Role::Caller, "好的，我知道了。");
    say(
        Role::Agent,
        "我跟您核对一下，您要问的就是这件事，对吗？我帮您登记下来，三个工作日内会有工作人员给您回电，谢谢您的配合。",
    );
    say(Role::Caller, "对的。");
    say(Role::Agent, "请问您还有其他需要吗？感谢您的来电，再见。");
    say(Role::Caller, "没有了，再见。");
    CallRecord { answered: Some(true), turns, ..CallRecord::new("p") }
}

/// The turn of [`around`].
const TURN: u32 = 4;

fn faults(call: &Analyzed, uncertain: bool) -> BTreeSet<(String, Option<u32>)> {
    let found = call.analysis.findings.iter().chain(call.analysis.uncertain.iter().filter(|_| uncertain));
    let faults = found.filter(|finding| catalog().get(&finding.code).is_some_and(CodeInfo::is_fault));
    faults.map(|finding| (finding.code.clone(), finding.turn)).collect()
}

#[test]
fn nothing_that_could_be_said_is_a_fault() {
    let phrases = library_of_phrases();
    let neutral = faults(&pipeline().analyze(&around(None)), false);
    let mut wrong = Vec::new();
    for phrase in phrases.iter() {
        let call = pipeline().analyze(&around(Some((phrase, &phrase.instead))));
        let new: Vec<_> = faults(&call, false).difference(&neutral).cloned().collect();
        if !new.is_empty() {
            wrong.push(format!("{}: {} -> {new:?}", phrase.id, phrase.instead));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), phrases.iter().count(), wrong.join("\n"));
}

/// How many of what was said are found as their code, of the codes that one turn can show. The floor is what was measured less
/// some: a detector that goes blind, or a library that drifts away from what is detected, shows.
#[test]
fn much_of_what_was_said_is_found_as_its_fault() {
    let phrases = library_of_phrases();
    let mut by_code: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for phrase in phrases.iter() {
        let turn_level = catalog().get(&phrase.code).unwrap().level == qingting_pipeline::finding::Level::Turn;
        if !turn_level {
            continue;
        }
        let call = pipeline().analyze(&around(Some((phrase, &phrase.said))));
        let has = |uncertain| faults(&call, uncertain).contains(&(phrase.code.clone(), Some(TURN)));
        let entry = by_code.entry(&phrase.code).or_default();
        entry.0 += 1;
        entry.1 += usize::from(has(false));
        entry.2 += usize::from(has(true));
    }
    let sum = by_code.values().fold((0, 0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2));
    println!("{by_code:#?}\n{sum:?}");
    assert!(sum.1 * 100 >= sum.0 * 40, "{by_code:?}");
}
