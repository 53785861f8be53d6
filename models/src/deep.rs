//! Turns judged in their call by a transformer, whichever engine runs it. Owns the seam and
//! the stored form of scores on held-out calls, from which judgements are trained without the
//! engine.

use std::collections::BTreeMap;
use std::path::Path;
#[cfg(not(feature = "bert"))]
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dialogue::Utterance;
use crate::{Error, Result};

/// Scores turns in the light of what was said around them.
pub trait TurnScorer: Send + Sync + std::fmt::Debug {
    /// Scores of the turns `wanted` of a call, in order; turns that it cannot judge are left out.
    ///
    /// # Errors
    /// When the engine fails.
    fn score(&self, turns: &[Utterance], wanted: &[usize]) -> Result<Vec<DeepScores>>;

    /// Changes whenever a score might.
    fn fingerprint(&self) -> &str;
}

/// Logits of one turn, by name of the head: a code, `sentiment.neg`, `act.probe`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeepScores {
    /// Index of the turn in its call.
    pub turn: usize,
    /// Logit by head.
    pub logits: BTreeMap<String, f32>,
}

/// Scores of a call by a model that had not seen it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOutCall {
    /// Id of the call.
    pub id: String,
    /// Its turns.
    pub turns: Vec<DeepScores>,
}

impl HeldOutCall {
    /// Scores to be kept: two decimals are enough for training.
    pub fn new(id: String, mut turns: Vec<DeepScores>) -> Self {
        for logit in turns.iter_mut().flat_map(|turn| turn.logits.values_mut()) {
            *logit = (*logit * 100.0).round() / 100.0;
        }
        Self { id, turns }
    }

    /// Reads a file with one call a line, by id.
    ///
    /// # Errors
    /// When it cannot be read or a line is not of the form.
    pub fn read(path: &Path) -> Result<BTreeMap<String, Vec<DeepScores>>> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let bad = |reason: String| Error::Format { path: path.to_owned(), reason };
        text.lines()
            .enumerate()
            .map(|(i, line)| match serde_json::from_str::<Self>(line) {
                Ok(call) => Ok((call.id, call.turns)),
                Err(error) => Err(bad(format!("line {}: {error}", i + 1))),
            })
            .collect()
    }
}

/// The fine-tuned transformer of a folder on `threads` threads (0: one a core). `None` stands for the
/// usual folder and for the changes that ship with the program.
///
/// # Errors
/// When this build has no engine, or a file is missing or does not fit.
#[cfg(not(feature = "bert"))]
pub fn open(_: Option<&Path>, _: Option<&Path>, _: usize) -> Result<Arc<dyn TurnScorer>> {
    Err(Error::Unavailable("bert".to_owned(), "static"))
}

#[cfg(feature = "bert")]
pub use scorer::open;

#[cfg(feature = "bert")]
mod scorer {
    use std::path::Path;
    use std::sync::Arc;

    use super::{DeepScores, TurnScorer};
    use crate::bert::{Delta, Scorer, TurnScores, default_folder};
    use crate::dialogue::Utterance;
    use crate::{Error, Result};

    static EMBEDDED: &[u8] = include_bytes!("../artifacts/delta.bin");

    /// The fine-tuned transformer of a folder on `threads` threads (0: one a core). `None` stands for
    /// the usual folder and for the changes that ship with the program.
    ///
    /// # Errors
    /// When a file is missing or does not fit.
    pub fn open(encoder: Option<&Path>, delta: Option<&Path>, threads: usize) -> Result<Arc<dyn TurnScorer>> {
        let delta = match delta {
            Some(path) => Delta::load(path)?,
            None => Delta::parse(EMBEDDED)?,
        };
        let usual = || default_folder().ok_or_else(|| Error::Setting("no folder for models: set HOME".to_owned()));
        let folder = encoder.map_or_else(usual, |dir| Ok(dir.to_owned()))?;
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        Ok(Arc::new(Scorer::new(&folder, delta, threads)?))
    }

    impl From<TurnScores> for DeepScores {
        fn from(scores: TurnScores) -> Self {
            let named = |prefix: &'static str, logits: std::collections::BTreeMap<String, f32>| {
                logits.into_iter().map(move |(name, logit)| (format!("{prefix}{name}"), logit))
            };
            let logits = named("", scores.codes)
                .chain(named("act.", scores.acts))
                .chain(named("sentiment.", scores.sentiments))
                .chain(named("emotion.", scores.emotions));
            Self { turn: scores.turn, logits: logits.collect() }
        }
    }

    impl TurnScorer for Scorer {
        fn score(&self, turns: &[Utterance], wanted: &[usize]) -> Result<Vec<DeepScores>> {
            Ok(Scorer::score(self, turns, wanted)?.into_iter().map(Into::into).collect())
        }

        fn fingerprint(&self) -> &str {
            Scorer::fingerprint(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_out_scores_are_read_by_call() {
        let dir = std::env::temp_dir().join(format!("held-out-{}", std::process::id()));
        let scores = DeepScores { turn: 2, logits: [("crisis".to_owned(), -1.234)].into() };
        let call = HeldOutCall::new("a".to_owned(), vec![scores]);
        std::fs::write(&dir, serde_json::to_string(&call).unwrap()).unwrap();
        let read = HeldOutCall::read(&dir).unwrap();
        assert_eq!(read["a"][0].logits["crisis"], -1.23);
        std::fs::write(&dir, "{}").unwrap();
        assert!(HeldOutCall::read(&dir).unwrap_err().to_string().len() > 5);
        std::fs::remove_file(&dir).unwrap();
    }
}
