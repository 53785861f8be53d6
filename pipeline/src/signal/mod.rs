//! Measurements on words and times. Owns rates, overlaps, silences, sentiment, acts and
//! cue hits; whether any of it is good or bad is the finding stage's business.

mod acts;
mod cue;
mod emotion;
mod feeling;
mod report;
mod sentiment;
pub(crate) mod shape;
mod timing;

use serde::{Deserialize, Serialize};

pub use cue::CueLists;
pub use emotion::{EMOTIONS, EmotionReader, emotion_head, is_named};
pub use feeling::{
    ACT_FEATURES, DEEP_SENTIMENT_FEATURES, SENTIMENT_FEATURES, act_name, deep_name, deep_sentiment_features, log_odds,
    sentiment_name,
};
pub use report::{interruptions, report, smooth};

use self::feeling::{Feeling, Read};
use self::sentiment::SentimentLexicon;
use crate::Result;
use crate::assets::Assets;
use crate::learned::Learned;
use crate::record::{
    Act, CallMargins, CallRecord, CallSignals, CueHit, Margins, NormalizedTurn, Sentiment, TurnAnalysis, TurnSignals,
};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignalConfig {
    /// Shortest stretch without speech that is listed as a silence, milliseconds.
    pub silence_ms: u64,
    /// Fewest spoken units of a turn whose rate is measured.
    pub rate_min_units: u32,
}

impl Default for SignalConfig {
    fn default() -> Self {
        Self { silence_ms: 2_000, rate_min_units: 6 }
    }
}

/// The stage.
#[derive(Debug)]
pub struct Signaler {
    config: SignalConfig,
    cues: CueLists,
    lexicon: SentimentLexicon,
    feeling: Feeling,
    emotions: EmotionReader,
}

/// The numbers behind the judgements on one turn, for training them.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnFeatures {
    /// In the order of [`SENTIMENT_FEATURES`].
    pub sentiment: Vec<f32>,
    /// Probabilities of a positive and of a negative feeling without the transformer; 0 while nothing is
    /// trained.
    pub chances: [f32; 2],
    /// For every act of the speaker, in the order of [`ACT_FEATURES`].
    pub acts: Vec<(Act, Vec<f32>)>,
}

/// Everything of a call that needs no judgement.
struct Measured {
    cues: Vec<Vec<CueHit>>,
    lexicon: Vec<Sentiment>,
    acts: Vec<Vec<Act>>,
}

impl Signaler {
    /// Loads the lexicons.
    ///
    /// # Errors
    /// When a lexicon is wrong, or a judgement does not fit this version.
    pub fn new(config: &SignalConfig, assets: &Assets, learned: &Learned) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            cues: CueLists::load(assets)?,
            lexicon: SentimentLexicon::load(assets)?,
            feeling: Feeling::new(learned)?,
            emotions: EmotionReader::new(learned.emotion().map_or(&[], |model| model.heads())),
        })
    }

    fn measure(&self, record: &CallRecord, turns: &[NormalizedTurn]) -> Measured {
        let cues: Vec<_> = turns.iter().map(|turn| self.cues.find(&turn.fold)).collect();
        let lexicon = self.lexicon.call(record, turns);
        let acts = acts::label(record, turns, &cues, &lexicon);
        Measured { cues, lexicon, acts }
    }

    /// Measures one call. `turns` and `margins` have one entry for every turn of the call.
    pub fn run(&self, record: &CallRecord, turns: &[NormalizedTurn], margins: CallMargins) -> CallSignals {
        let Measured { cues, lexicon, acts } = self.measure(record, turns);
        let read = Read {
            record,
            margins: &margins.turns,
            lexicon: &lexicon,
            rules: &acts,
            deep: &margins.deep,
        };
        let judged: Vec<_> = (0..turns.len())
            .map(|i| {
                let sentiment = self.feeling.sentiment(read, i).sentiment;
                // What the recogniser heard in the voice comes first.
                let emotion = record.turns[i].emotion.clone();
                let margins = margins.emotions.get(i).map_or(&[][..], Margins::values);
                let emotion = emotion.or_else(|| self.emotions.choose(margins, sentiment.label).map(str::to_owned));
                (sentiment, emotion, self.feeling.acts(read, i))
            })
            .collect();
        let deep = margins.deep.into_iter().chain(std::iter::repeat(None));
        let heard = judged.into_iter().zip(margins.turns.into_iter().zip(deep));
        let measured = record.turns.iter().zip(turns).zip(cues).zip(heard).map(
            |(((recorded, turn), cues), ((sentiment, emotion, acts), (margins, deep)))| TurnSignals {
                rate: timing::turn_rate(&self.config, recorded.times(), turn.spoken_units),
                sentiment,
                emotion,
                acts,
                cues,
                margins,
                deep,
            },
        );
        CallSignals {
            turns: measured.collect(),
            timing: timing::measure(&self.config, record, turns),
            margins: margins.call,
        }
    }

    /// The measurements of a call as far as they follow from what is kept of it: sentiment, emotion and acts as they were
    /// judged, cues and times found anew, no margins. Rates of masked turns are not those of what was said.
    pub fn stored(&self, record: &CallRecord, turns: &[NormalizedTurn], judged: &[TurnAnalysis]) -> CallSignals {
        let measured = record.turns.iter().zip(turns).zip(judged).map(|((recorded, turn), judged)| TurnSignals {
            rate: timing::turn_rate(&self.config, recorded.times(), turn.spoken_units),
            sentiment: judged.sentiment,
            emotion: judged.emotion.clone(),
            acts: judged.acts.clone(),
            cues: self.cues.find(&turn.fold),
            margins: Margins::default(),
            deep: None,
        });
        CallSignals {
            turns: measured.collect(),
            timing: timing::measure(&self.config, record, turns),
            margins: Margins::default(),
        }
    }

    /// The probabilities of a positive and of a negative feeling, for every turn.
    pub fn chances(&self, record: &CallRecord, turns: &[NormalizedTurn], margins: &CallMargins) -> Vec<[f32; 2]> {
        let Measured { lexicon, acts, .. } = self.measure(record, turns);
        let read = Read { record, margins: &margins.turns, lexicon: &lexicon, rules: &acts, deep: &[] };
        (0..turns.len()).map(|i| self.feeling.sentiment(read, i).chances).collect()
    }

    /// The numbers behind the judgements on every turn of a party.
    pub fn features(&self, record: &CallRecord, turns: &[NormalizedTurn], margins: &CallMargins) -> Vec<TurnFeatures> {
        let Measured { lexicon, acts, .. } = self.measure(record, turns);
        let read = Read { record, margins: &margins.turns, lexicon: &lexicon, rules: &acts, deep: &[] };
        let of = |turn: usize| TurnFeatures {
            sentiment: feeling::sentiment_features(read, turn),
            chances: self.feeling.sentiment(read, turn).chances,
            acts: Act::ALL
                .iter()
                .filter(|act| act.role() == record.turns[turn].role)
                .map(|&act| (act, feeling::act_features(read, turn, act)))
                .collect(),
        };
        (0..turns.len()).map(of).collect()
    }
}
