//! Declarative rules, their expressions, and scorecards: compiled, and used on calls.

use std::fs;
use std::sync::Arc;

use qingting_models::{Encoder, StaticVectors};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::ScoreConfig;
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::finding::rules::RuleSet;
use qingting_pipeline::record::{Analysis, CallContext, CallRecord, CallSignals, NormalizedTurn, Token};
use qingting_pipeline::score::Scorer;
use qingting_pipeline::signal::CueLists;
use tempfile::TempDir;

use super::{Run, demo_calls, fixtures, invariants, pipeline};
use crate::worker::files;

pub(super) const WORDS: &[&str] = &[
    "[[rule]]",
    "[[code]]",
    "id",
    "version",
    "title",
    "doc",
    "code",
    "confidence",
    "when",
    "on",
    "explanation",
    "severity",
    "enabled",
    "[rule.condition.a]",
    "[[rule.example]]",
    "hit",
    "turns",
    "role",
    "keywords",
    "any",
    "at_least",
    "all",
    "none",
    "regex",
    "pattern",
    "exclude",
    "similar",
    "to",
    "mask",
    "act",
    "sentiment",
    "label",
    "below",
    "above",
    "overlap",
    "over_ms",
    "with",
    "delay_ms",
    "silence",
    "next",
    "rate",
    "over",
    "under",
    "average",
    "repeats",
    "nth",
    "within",
    "min_chars",
    "except",
    "call",
    "queue",
    "hangup_by",
    "attributes",
    "anchor",
    "where",
    "after",
    "before",
    "around",
    "current",
    "ms",
    "unless",
    "condition",
    "first_turns",
    "last_turns",
    "first_ms",
    "percent",
    "min_hits",
    "\"every\"",
    "\"@act.apology\"",
    "{quote}",
    "{seconds}",
    "[[section]]",
    "[[section.item]]",
    "points",
    "cap",
    "deduct",
    "codes",
    "na",
    "appeal_types",
    "outcomes",
    "reason",
    "fatal",
    "bonus",
    "acts",
    "weight",
    "applies_to",
    "queues",
    "channels",
    "\"forbidden_phrase\"",
    "\"impatience\"",
    "inf",
    "nan",
    "1e300",
];

/// A call that was taken through the stages before the findings.
struct Prepared {
    record: CallRecord,
    turns: Vec<NormalizedTurn>,
    tokens: Vec<Vec<Token>>,
    signals: CallSignals,
}

impl Prepared {
    fn context(&self) -> CallContext<'_> {
        CallContext {
            record: &self.record,
            turns: &self.turns,
            tokens: &self.tokens,
            signals: &self.signals,
        }
    }
}

struct Rules {
    /// Only the rules of the input: the shipped files are covered by empty ones.
    folder: TempDir,
    cues: CueLists,
    encoder: Arc<dyn Encoder>,
    pipeline: Arc<Pipeline>,
    calls: Vec<Prepared>,
    /// Written around the input.
    frame: (&'static str, &'static str),
}

const WHEN: (&str, &str) = (
    "[[rule]]\nid = \"x\"\nversion = 1\ntitle = \"x\"\ndoc = \"x\"\ncode = \"impatience\"\nconfidence = 0.5\non = \"asked\"\n\
     explanation = \"{quote}\"\nwhen = '''",
    "'''\n[rule.condition.asked]\nrole = \"agent\"\nkeywords = { any = [\"请问\"] }\n[rule.condition.told]\n\
     regex = { pattern = '[0-9]+' }\n[rule.condition.late]\nsilence = { over_ms = 5000, next = \"agent\" }\n",
);

fn new(frame: (&'static str, &'static str)) -> Box<dyn Run> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    for entry in fs::read_dir(fixtures("../config/rules")).unwrap() {
        fs::write(folder.path().join("rules").join(entry.unwrap().file_name()), "").unwrap();
    }
    let pipeline = pipeline();
    let prepare = |record: CallRecord| {
        let (turns, tokens, signals) =
            pipeline.with_context(&record, |c| (c.turns.to_vec(), c.tokens.to_vec(), c.signals.clone()));
        Prepared { record, turns, tokens, signals }
    };
    let calls = demo_calls(6).into_iter().map(prepare).collect();
    Box::new(Rules {
        folder,
        cues: CueLists::load(&Assets::embedded()).unwrap(),
        encoder: StaticVectors::embedded().unwrap(),
        calls,
        pipeline,
        frame,
    })
}

pub(super) fn open() -> Box<dyn Run> {
    new(("", ""))
}

pub(super) fn open_when() -> Box<dyn Run> {
    new(WHEN)
}

impl Run for Rules {
    fn seeds(&self) -> Vec<Vec<u8>> {
        if self.frame.0.is_empty() {
            files(&fixtures("../config/rules"))
        } else {
            Vec::new()
        }
    }

    fn run(&mut self, input: &[u8]) -> String {
        let file = [self.frame.0.as_bytes(), input, self.frame.1.as_bytes()].concat();
        fs::write(self.folder.path().join("rules/a-fuzz.toml"), file).unwrap();
        let assets = Assets::with_overlay(self.folder.path()).unwrap();
        let mut catalog = Catalog::guide();
        let rules = match RuleSet::load(&assets, &self.cues, Arc::clone(&self.encoder), &mut catalog) {
            Ok(rules) => rules,
            Err(error) => return error.to_string(),
        };
        let mut found = Vec::new();
        for call in &self.calls {
            rules.run(&call.context(), &mut found);
            for candidate in found.drain(..) {
                assert!((0.0..=1.0).contains(&candidate.confidence), "{candidate:?}");
                assert!(catalog.get(&candidate.code).is_some(), "{candidate:?}");
                for (turn, span) in &candidate.evidence {
                    let length = call.turns[*turn].text.chars().count() as u32;
                    assert!(span.start <= span.end && span.end <= length, "{candidate:?} of {length}");
                }
            }
        }
        // Examples are calls of their own; a few of them are enough to know that they can be run.
        if rules.iter().map(|rule| rule.positive_examples + rule.negative_examples).sum::<usize>() < 3 {
            let run = |record: &CallRecord, visit: &mut dyn FnMut(&CallContext<'_>)| {
                self.pipeline.with_context(record, |context| visit(context));
            };
            let failures = rules.check_examples(&run);
            return format!("right, {} examples fail", failures.len());
        }
        "right".to_owned()
    }
}

struct Scorecards {
    folder: TempDir,
    catalog: Catalog,
    calls: Vec<(CallRecord, Analysis)>,
}

pub(super) fn open_scorecards() -> Box<dyn Run> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("scorecards")).unwrap();
    let pipeline = pipeline();
    let calls = demo_calls(6).into_iter().map(|call| pipeline.analyze(&call));
    let calls = calls.map(|analyzed| (analyzed.record, analyzed.analysis)).collect();
    Box::new(Scorecards { folder, catalog: Catalog::guide(), calls })
}

impl Run for Scorecards {
    fn seeds(&self) -> Vec<Vec<u8>> {
        files(&fixtures("../config/scorecards"))
    }

    fn run(&mut self, input: &[u8]) -> String {
        // Of the shipped scorecards' names one may be taken: then it is replaced.
        fs::write(self.folder.path().join("scorecards/a-fuzz.toml"), input).unwrap();
        let assets = Assets::with_overlay(self.folder.path()).unwrap();
        let scorer = match Scorer::new(&ScoreConfig::default(), &assets, &self.catalog) {
            Ok(scorer) => scorer,
            Err(error) => return error.to_string(),
        };
        for (record, analysis) in &self.calls {
            let score = scorer.rescore(record, analysis);
            invariants::analysis(record, &Analysis { score, ..analysis.clone() });
        }
        "right".to_owned()
    }
}
