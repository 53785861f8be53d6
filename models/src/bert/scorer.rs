//! The fine-tuned transformer at work: scores of the turns that somebody wants to know about.

use std::path::Path;

use super::delta::Delta;
use super::encoder::batches;
use super::folder::{Folder, sha256};
use super::labels::{Labels, TurnScores};
use super::network::Network;
use super::pool::Pool;
use super::upper::{Stack, Upper};
use super::windows::{Cutter, Window};
use crate::Result;
use crate::dialogue::Utterance;

/// Scores turns in their calls, on threads of its own.
#[derive(Debug)]
pub struct Scorer {
    cutter: Cutter,
    labels: Labels,
    fingerprint: String,
    pool: Pool<(Network, Upper)>,
}

impl Scorer {
    /// Loads the checkpoint of `dir` with the changes of `delta` on `threads` threads.
    ///
    /// # Errors
    /// When the folder cannot be read or the delta belongs to another one.
    pub fn new(dir: &Path, delta: Delta, threads: usize) -> Result<Self> {
        Self::of(Folder::open(dir)?, delta, threads)
    }

    /// From a folder that is already read.
    ///
    /// # Errors
    /// When the delta belongs to another one.
    pub fn of(folder: Folder, delta: Delta, threads: usize) -> Result<Self> {
        let cutter = Cutter::new(&folder, delta.windows())?;
        let labels = delta.labels().clone();
        let fingerprint = sha256(format!("{} {}", folder.fingerprint(), delta.fingerprint()?).as_bytes());
        let pool = Pool::start(threads, move || {
            let upper = delta.apply(&folder)?;
            Ok((Network::lower(&folder, upper.first)?, upper))
        })?;
        Ok(Self { cutter, labels, fingerprint: fingerprint.chars().take(16).collect(), pool })
    }

    /// The labels that it scores.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Changes whenever a score might.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Scores of the turns `wanted` of a call, in order; only the windows around them are computed.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn score(&self, turns: &[Utterance], wanted: &[usize]) -> Result<Vec<TurnScores>> {
        Ok(self.score_calls(&[(turns, wanted)])?.pop().unwrap_or_default())
    }

    /// [`Self::score`] for several calls, which fill batches together.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn score_calls(&self, calls: &[(&[Utterance], &[usize])]) -> Result<Vec<Vec<TurnScores>>> {
        let mut inputs = Vec::new();
        for (call, (turns, wanted)) in calls.iter().enumerate() {
            for window in self.cutter.cut(turns, Some(wanted))? {
                inputs.push(((call, window.owned), window.ids));
            }
        }
        inputs.sort_by_key(|(_, ids)| ids.len());
        let rows = self.pool.map(batches(inputs), |(network, upper), batch| {
            let (calls, windows): (Vec<usize>, Vec<Window>) =
                batch.into_iter().map(|((call, owned), ids)| (call, Window { ids, owned })).unzip();
            let windows: Vec<&Window> = windows.iter().collect();
            let rows = upper.scores(&Stack::compute(network, &windows, upper.first)?, &windows);
            let turns = calls
                .iter()
                .zip(&windows)
                .flat_map(|(&call, window)| window.owned.iter().map(move |own| (call, own.turn)));
            Ok(turns.zip(rows).collect::<Vec<_>>())
        })?;
        let mut scores: Vec<Vec<TurnScores>> = calls.iter().map(|_| Vec::new()).collect();
        for ((call, turn), row) in rows.into_iter().flatten() {
            let Some((turns, wanted)) = calls.get(call) else {
                continue;
            };
            if let (true, Some(said), Some(place)) = (wanted.contains(&turn), turns.get(turn), scores.get_mut(call)) {
                place.push(self.labels.name(turn, said.speaker, &row));
            }
        }
        for turns in &mut scores {
            turns.sort_by_key(|turn| turn.turn);
        }
        Ok(scores)
    }
}
