//! The chain of the stages, spelled out once. It owns the order in which they run and
//! the provenance of the result; it judges nothing itself.

mod renew;
mod rescore;

use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::assets::{Assets, short_hex};
use crate::config::{PipelineConfig, ScoreConfig};
use crate::fact::{FactFeatures, FactFinder};
use crate::finding::rules::ExampleFailure;
use crate::finding::{CodeFeatures, Finder};
use crate::learned::{Deep, DeepReport, Learned};
use crate::normalize::Normalizer;
use crate::record::{
    Analysis, CallContext, CallMargins, CallRecord, CallSignals, Finding, NormalizedTurn, Particulars, Provenance,
    Score, Token, TurnAnalysis,
};
use crate::score::Scorer;
use crate::segment::Segmenter;
use crate::signal::{Signaler, TurnFeatures};
use crate::synonyms::Synonyms;
use crate::{Result, signal};

pub use rescore::{Compared, Missing, Stale, compare, same_judgement};

/// Every stage, loaded and checked. Cheap to share between threads.
#[derive(Debug)]
pub struct Pipeline {
    normalizer: Arc<Normalizer>,
    segmenter: Arc<Segmenter>,
    signaler: Signaler,
    finder: Finder,
    facts: FactFinder,
    scorer: Scorer,
    learned: Learned,
    synonyms: Arc<Synonyms>,
    /// Fingerprint of the files that the words come from.
    dictionaries: String,
    provenance: Provenance,
}

/// A call after analysis: what may be kept of it, and what was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Analyzed {
    /// The call with its personal data masked.
    pub record: CallRecord,
    /// The analysis.
    pub analysis: Analysis,
    /// What masking took out of the record. In clear: whoever keeps it has to seal it.
    pub particulars: Particulars,
}

impl Analyzed {
    /// A call whose particulars nobody asks for.
    pub fn new(record: CallRecord, analysis: Analysis) -> Self {
        Self { record, analysis, particulars: Particulars::default() }
    }
}

/// A part of the analysis of a call, for measuring what each costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Cleaning, folding and masking.
    Normalize,
    /// Words.
    Segment,
    /// The margins of every head on every turn and on the call.
    Heads,
    /// Cues, sentiment, emotions, acts and times.
    Signal,
    /// The constructions of every turn.
    Constructions,
    /// Detectors.
    Detectors,
    /// The trained judgements of the codes.
    Judgements,
    /// Declarative rules, and candidates into findings.
    Rules,
    /// Facts of the call, with its conduct.
    Facts,
    /// The score.
    Score,
    /// What is handed out: the masked record and the report.
    Output,
}

impl Stage {
    /// Every part, in the order in which they run.
    pub const ALL: [Self; 11] = [
        Self::Normalize,
        Self::Segment,
        Self::Heads,
        Self::Signal,
        Self::Constructions,
        Self::Detectors,
        Self::Judgements,
        Self::Rules,
        Self::Facts,
        Self::Score,
        Self::Output,
    ];
}

/// The numbers behind the trained judgements on one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Sentiment and acts of every turn.
    pub turns: Vec<TurnFeatures>,
    /// Codes.
    pub codes: CodeFeatures,
    /// Facts.
    pub facts: FactFeatures,
}

impl Pipeline {
    /// Loads models, dictionaries, lexicons, rules and scorecards.
    ///
    /// # Errors
    /// When a configuration file is missing or wrong; the error names file and line.
    pub fn new(config: &PipelineConfig, assets: &Assets) -> Result<Self> {
        Self::with_learned(config, assets, Learned::load(&config.models)?)
    }

    /// The same with models that were just trained.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_learned(config: &PipelineConfig, assets: &Assets, learned: Learned) -> Result<Self> {
        let segmenter = Arc::new(Segmenter::new(&config.segment, assets)?);
        Self::with_segmenter(config, assets, learned, segmenter)
    }

    fn with_segmenter(
        config: &PipelineConfig,
        assets: &Assets,
        learned: Learned,
        segmenter: Arc<Segmenter>,
    ) -> Result<Self> {
        let finder = Finder::new(&config.finding, assets, &learned)?;
        let scorer = Scorer::new(&config.score, assets, finder.catalog())?;
        let before_rules = assets.fingerprint(&[
            ("lexicon", "toml"),
            ("lexicon/cues", "toml"),
            ("dict", "txt"),
            ("taxonomy", "toml"),
        ])?;
        let stages = PipelineConfig { score: ScoreConfig::default(), ..config.clone() };
        let fingerprint = [
            hash(&stages, &before_rules),
            hash(&(), &assets.fingerprint(&[("rules", "toml")])?),
            hash(&config.score, &assets.fingerprint(&[("scorecards", "toml")])?),
        ];
        let provenance = Provenance {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config_fingerprint: fingerprint.join("-"),
            rules_version: assets.fingerprint(&[("rules", "toml"), ("lexicon", "toml"), ("lexicon/cues", "toml")])?,
            scorecard_version: String::new(),
            models: learned.provenance(),
            dictionary_fingerprint: segmenter.fingerprint().to_owned(),
        };
        Ok(Self {
            normalizer: Arc::new(Normalizer::new(&config.normalize, assets)?),
            signaler: Signaler::new(&config.signal, assets, &learned)?,
            facts: FactFinder::new(&config.fact, assets, &learned, &segmenter)?,
            segmenter,
            finder,
            scorer,
            learned,
            synonyms: Arc::new(Synonyms::load(assets)?),
            dictionaries: assets.fingerprint(&[renew::DICTIONARIES])?,
            provenance,
        })
    }

    /// The segmenter, for the index to use the same words.
    pub fn segmenter(&self) -> &Arc<Segmenter> {
        &self.segmenter
    }

    /// The detectors and rules.
    pub fn finder(&self) -> &Finder {
        &self.finder
    }

    /// The normalizer, for queries to be folded like documents.
    pub fn normalizer(&self) -> &Arc<Normalizer> {
        &self.normalizer
    }

    /// The words that searches take for each other.
    pub fn synonyms(&self) -> &Arc<Synonyms> {
        &self.synonyms
    }

    /// The scorecards.
    pub fn scorer(&self) -> &Scorer {
        &self.scorer
    }

    /// What every analysis of this pipeline carries, but for its scorecard.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Takes a call through the stages before the findings and hands the result to `visit`.
    pub fn with_context<R>(&self, record: &CallRecord, visit: impl FnOnce(&CallContext<'_>) -> R) -> R {
        let turns = self.normalizer.call(record);
        let tokens: Vec<_> = turns.iter().map(|turn| self.segmenter.cut(&turn.fold)).collect();
        let signals = self.signals(record, &turns, &tokens, &mut |_| ());
        visit(&CallContext { record, turns: &turns, tokens: &tokens, signals: &signals })
    }

    /// The numbers behind every trained judgement on one call, given what the heads say of it.
    pub fn observe(&self, record: &CallRecord, margins: &CallMargins) -> Observation {
        let turns = self.normalizer.call(record);
        let tokens: Vec<_> = turns.iter().map(|turn| self.segmenter.cut(&turn.fold)).collect();
        let signals = self.signaler.run(record, &turns, margins.clone());
        let context = CallContext { record, turns: &turns, tokens: &tokens, signals: &signals };
        Observation {
            turns: self.signaler.features(record, &turns, margins),
            codes: self.finder.features(&context),
            facts: self.facts.features(&context, &self.finder.run(&context).findings),
        }
    }

    /// Runs the examples of every declarative rule.
    pub fn check_rule_examples(&self) -> Vec<ExampleFailure> {
        self.finder
            .rules()
            .check_examples(&|record, visit| self.with_context(record, |context| visit(context)))
    }

    /// The signals of a call; where the transformer is to be asked, with what it says of the turns that
    /// the static models leave open.
    fn signals(
        &self,
        record: &CallRecord,
        turns: &[NormalizedTurn],
        tokens: &[Vec<Token>],
        done: &mut impl FnMut(Stage),
    ) -> CallSignals {
        let mut margins = self.learned.read(record, turns);
        done(Stage::Heads);
        let Some(deep) = self.learned.deep() else {
            return self.signaler.run(record, turns, margins);
        };
        let signals = self.signaler.run(record, turns, margins.clone());
        let context = CallContext { record, turns, tokens, signals: &signals };
        let mut wanted = self.finder.unsure(&context, |probability| deep.wants(probability));
        for (turn, chances) in self.signaler.chances(record, turns, &margins).into_iter().enumerate() {
            if chances.into_iter().any(|probability| deep.wants(probability)) && !wanted.contains(&turn) {
                wanted.push(turn);
            }
        }
        wanted.sort_unstable();
        margins.deep = deep.read(record, turns, &wanted);
        self.signaler.run(record, turns, margins)
    }

    /// What the transformer was asked so far; `None` where it is not used.
    pub fn deep_report(&self) -> Option<DeepReport> {
        self.learned.deep().map(Deep::report)
    }

    /// Analyses one call.
    pub fn analyze(&self, record: &CallRecord) -> Analyzed {
        self.run(record, |_| (), &mut |_| ()).0
    }

    /// Analyses one call and tells after each part that it is done.
    pub fn analyze_watched(&self, record: &CallRecord, mut done: impl FnMut(Stage)) -> Analyzed {
        self.run(record, |_| (), &mut done).0
    }

    /// Analyses a call that is still running, and tells what the detectors alone assert of a code so
    /// far; see [`Finder::detected`].
    pub fn analyze_running(&self, record: &CallRecord, code: &str) -> (Analyzed, Vec<Finding>) {
        self.run(record, |context| self.finder.detected(context, code), &mut |_| ())
    }

    /// Analyses one call, lets somebody look at it before the findings, and tells of every part that is done.
    fn run<R>(
        &self,
        record: &CallRecord,
        look: impl FnOnce(&CallContext<'_>) -> R,
        done: &mut impl FnMut(Stage),
    ) -> (Analyzed, R) {
        let turns = self.normalizer.call(record);
        done(Stage::Normalize);
        let tokens: Vec<_> = turns.iter().map(|turn| self.segmenter.cut(&turn.fold)).collect();
        done(Stage::Segment);
        let signals = self.signals(record, &turns, &tokens, done);
        done(Stage::Signal);
        let context = CallContext { record, turns: &turns, tokens: &tokens, signals: &signals };
        let seen = look(&context);
        let found = self.finder.run_watched(&context, done);
        let facts = self.facts.run(&context, &found.findings);
        let conduct = self.facts.conduct(&context, &found.findings, &facts);
        done(Stage::Facts);
        let score = self.scorer.run(&context, &found.findings, &facts);
        done(Stage::Score);
        let report = signal::report(&context, &found.findings);
        let provenance = scored_by(&self.scorer, &self.provenance, score.as_ref());
        let turn_analyses = turns
            .iter()
            .zip(&signals.turns)
            .enumerate()
            .map(|(i, (turn, signal))| TurnAnalysis {
                turn: i as u32,
                text: turn.text.clone(),
                sentiment: signal.sentiment,
                emotion: signal.emotion.clone(),
                acts: signal.acts.clone(),
            })
            .collect();
        let masked = self.normalizer.masked_record(record, &turns);
        let analyzed = Analyzed {
            particulars: Particulars::of(record, &turns, &masked),
            record: masked,
            analysis: Analysis {
                call_id: record.call_id.clone(),
                turns: turn_analyses,
                signals: report,
                findings: found.findings,
                uncertain: found.uncertain,
                facts,
                conduct,
                score,
                provenance,
            },
        };
        done(Stage::Output);
        (analyzed, seen)
    }

    /// Analyses many calls on the current rayon pool. The output is in input order and does not
    /// depend on the number of threads.
    pub fn analyze_batch(&self, records: &[CallRecord]) -> Vec<Analyzed> {
        records.par_iter().map(|record| self.analyze(record)).collect()
    }
}

/// Settings and files, 16 hex digits.
fn hash(settings: &impl serde::Serialize, files: &str) -> String {
    let settings = serde_json::to_vec(settings).unwrap_or_default();
    short_hex(&Sha256::new().chain_update(settings).chain_update(files).finalize())
}

/// The provenance of an analysis with that score.
fn scored_by(scorer: &Scorer, pipeline: &Provenance, score: Option<&Score>) -> Provenance {
    Provenance {
        scorecard_version: score.map_or_else(String::new, |s| scorer.version_of(&s.scorecard)),
        ..pipeline.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Role, Turn};

    /// Where the caller speaks once, as in a written message, there are no other turns to compare with.
    #[test]
    fn a_single_turn_of_the_caller_was_taken_for_a_crisis() {
        let pipeline = Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap();
        for text in [
            "小区门口的路灯坏了半个月，麻烦派人修一下。",
            "我想问下居住证怎么办",
            "楼上天天装修，吵得没法休息。",
        ] {
            let mut record = CallRecord::new("message");
            record.turns = vec![Turn::new(Role::Caller, text)];
            let found = pipeline.analyze(&record).analysis;
            assert!(!found.facts.crisis, "{text}: {:?}", found.findings);
        }
    }

    /// Of the calm turn and of the danger after it the judgement of the call makes nothing yet.
    #[test]
    fn a_running_call_is_given_the_same_analysis_and_what_detectors_hear() {
        let pipeline = Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap();
        let mut record = CallRecord::new("running");
        assert_eq!(pipeline.analyze_running(&record, "crisis"), (pipeline.analyze(&record), Vec::new()));
        record.turns = vec![
            Turn::new(Role::Agent, "您好，请讲。"),
            Turn::new(Role::Caller, "我想问一下，我家的低保申请办得怎么样了？"),
        ];
        assert_eq!(pipeline.analyze_running(&record, "crisis"), (pipeline.analyze(&record), Vec::new()));
        record.turns.push(Turn::new(Role::Caller, "着火了，楼道里全是浓烟，孩子还在屋里！"));
        let (analyzed, heard) = pipeline.analyze_running(&record, "crisis");
        assert_eq!(analyzed, pipeline.analyze(&record));
        assert_eq!(heard.iter().map(|f| (f.code.as_str(), f.turn)).collect::<Vec<_>>(), [("crisis", Some(2))]);
        assert!(heard[0].confidence >= 0.55 && heard[0].evidence[0].quote.contains("着火"), "{heard:?}");
    }

    /// The line goes dead on the cry, or after one more word: nothing more will be said that could weigh.
    #[test]
    fn a_call_that_ends_on_a_danger_is_a_crisis() {
        let pipeline = Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap();
        let mut record = CallRecord::new("cut-off");
        record.turns = vec![
            Turn::new(Role::Agent, "您好，请讲。"),
            Turn::new(Role::Caller, "我想问一下，我家的低保申请办得怎么样了？"),
        ];
        assert!(!pipeline.analyze(&record).analysis.facts.crisis);
        record.turns.push(Turn::new(Role::Caller, "着火了，楼道里全是浓烟，孩子还在屋里！"));
        assert!(pipeline.analyze(&record).analysis.facts.crisis);
        record.turns.push(Turn::new(Role::Agent, "您说什么？"));
        assert!(pipeline.analyze(&record).analysis.facts.crisis);
    }
}
