//! Fine-tuning on labelled calls: the lower layers are run once and kept, the upper ones and the
//! head are trained on all labels together. Deterministic for a seed, on one core.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::nn;
use tch::nn::OptimizerConfig;

use super::delta::Delta;
use super::folder::Folder;
use super::labels::{Labels, Target, TurnScores};
use super::loss::Loss;
use super::network::{Network, guarded};
use super::pool::Pool;
use super::upper::{HEAD_GROUP, Stack, Upper};
use super::windows::{Cutter, Window, WindowOptions};
use crate::dialogue::Dialogue;
use crate::{Error, Result};

/// Batches from which mean and spread of turn vectors are taken.
const CALIBRATION: usize = 48;
/// Most tokens in a batch, padding counted, while the lower layers are run.
const PREPARE_TOKENS: usize = 1024;

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOptions {
    /// Upper layers that change.
    pub layers: usize,
    /// Passes over the data.
    pub epochs: usize,
    /// Highest learning rate of the layers.
    pub layer_rate: f64,
    /// Highest learning rate of the head.
    pub head_rate: f64,
    /// Share of the steps in which the rates rise; they fall to zero in the others.
    pub warm_up: f64,
    /// Weight decay (AdamW).
    pub decay: f64,
    /// Tokens in a batch, padding counted.
    pub batch_tokens: usize,
    /// Most that a rare label's turns weigh, as a multiple of the others.
    pub rare_weight: f64,
    /// What acts and emotions weigh beside codes and sentiment.
    pub side_weight: f64,
    /// Seed of everything random.
    pub seed: u32,
    /// Threads that run the lower layers; training itself takes one.
    pub threads: usize,
    /// How calls are cut.
    pub windows: WindowOptions,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            layers: 4,
            epochs: 4,
            layer_rate: 3e-4,
            head_rate: 2e-3,
            warm_up: 0.1,
            decay: 0.01,
            batch_tokens: 1024,
            rare_weight: 4.0,
            side_weight: 0.5,
            seed: 1,
            threads: 1,
            windows: WindowOptions::default(),
        }
    }
}

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// The lower layers are being run.
    Prepared {
        /// Windows done.
        done: usize,
        /// Windows in all.
        of: usize,
    },
    /// The upper layers are being trained.
    Trained {
        /// Fold that is left out, when folds are trained.
        fold: Option<usize>,
        /// Steps done.
        step: usize,
        /// Steps in all.
        of: usize,
        /// Running mean of the loss.
        loss: f64,
        /// Tokens trained on a second, without padding.
        tokens_per_second: f64,
    },
}

/// A window and what the lower layers made of it.
struct Kept {
    dialogue: usize,
    window: Window,
    /// 16-bit vectors, one a token.
    vectors: Vec<u8>,
    /// Targets of the own turns.
    targets: Vec<Option<Target>>,
}

/// Labelled calls as they come out of the lower layers, from which any number of models can be trained.
pub struct Trainer<'a> {
    folder: Folder,
    dialogues: &'a [Dialogue],
    options: TrainOptions,
    labels: Labels,
    first: usize,
    /// All windows with a labelled turn.
    windows: Vec<Kept>,
}

impl std::fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("windows", &self.windows.len()).finish_non_exhaustive()
    }
}

impl<'a> Trainer<'a> {
    /// Runs the lower layers over all labelled calls.
    ///
    /// # Errors
    /// When the folder cannot be read, a setting is out of range, or nothing is labelled.
    pub fn new(
        encoder: &Path,
        dialogues: &'a [Dialogue],
        options: &TrainOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        let folder = Folder::open(encoder)?;
        if options.layers == 0 || options.layers > folder.layers() || options.epochs == 0 || options.batch_tokens == 0 {
            return Err(Error::Setting(format!(
                "training {} of {} layers for {} epochs is not possible",
                options.layers,
                folder.layers(),
                options.epochs
            )));
        }
        let labels = Labels::of(dialogues);
        if labels.width() == 0 {
            return Err(Error::Setting("nothing is labelled".to_owned()));
        }
        let first = folder.layers() - options.layers;
        let cutter = Cutter::new(&folder, &options.windows)?;
        let mut windows = Vec::new();
        for (dialogue, call) in dialogues.iter().enumerate() {
            for window in cutter.cut(&call.turns, None)? {
                let targets: Vec<Option<Target>> = window
                    .owned
                    .iter()
                    .map(|own| call.turns.get(own.turn).and_then(|turn| labels.target(turn)))
                    .collect();
                if targets.iter().any(Option::is_some) {
                    windows.push(Kept { dialogue, window, vectors: Vec::new(), targets });
                }
            }
        }

        let lengths: Vec<usize> = windows.iter().map(|kept| kept.window.ids.len()).collect();
        let batches = group(by_length(&lengths), &lengths, PREPARE_TOKENS);
        let build = folder.clone();
        let pool = Pool::start(options.threads, move || Network::new(&build))?;
        let mut done = 0;
        // A few batches at a time, so that progress can be told.
        for several in batches.chunks(4 * options.threads.max(1)) {
            let work: Vec<Vec<Window>> = several
                .iter()
                .map(|batch| batch.iter().filter_map(|&i| windows.get(i)).map(|kept| kept.window.clone()).collect())
                .collect();
            let kept = pool.map(work, move |network, windows: Vec<Window>| {
                let windows: Vec<&Window> = windows.iter().collect();
                Ok(Stack::compute(network, &windows, first)?.keep(&windows))
            })?;
            for (&i, vectors) in several.iter().flatten().zip(kept.into_iter().flatten()) {
                if let Some(window) = windows.get_mut(i) {
                    window.vectors = vectors;
                    done += 1;
                }
            }
            progress(Progress::Prepared { done, of: lengths.len() });
        }
        Ok(Self { folder, dialogues, options: options.clone(), labels, first, windows })
    }

    /// Trains with other settings from now on.
    ///
    /// # Errors
    /// When they ask for other layers or windows than were prepared.
    pub fn set_options(&mut self, options: &TrainOptions) -> Result<()> {
        if options.layers != self.options.layers || options.windows != self.options.windows || options.epochs == 0 {
            return Err(Error::Setting("other layers and windows need another preparation".to_owned()));
        }
        self.options = options.clone();
        Ok(())
    }

    /// Trains on all calls and returns what changed.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn finetune(&self, progress: &mut dyn FnMut(Progress)) -> Result<Delta> {
        self.train(&self.windows.iter().collect::<Vec<_>>(), None, progress)
    }

    /// Trains without the dialogues that `held` names, and returns what changed with the scores of
    /// their labelled turns, one entry for every dialogue.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn hold_out(
        &self,
        held: impl Fn(usize) -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Delta, Vec<Vec<TurnScores>>)> {
        self.without(held, None, progress)
    }

    /// Scores of every labelled turn by a model that was trained without its fold: for each
    /// dialogue the scores of its labelled turns. `folds` gives the fold of each dialogue; with
    /// `only`, just these folds are held out.
    ///
    /// # Errors
    /// When `folds` is not as long as the dialogues, or the engine fails.
    pub fn out_of_fold(
        &self,
        folds: &[usize],
        only: Option<&[usize]>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Vec<TurnScores>>> {
        if folds.len() != self.dialogues.len() {
            return Err(Error::Setting(format!("{} folds for {} dialogues", folds.len(), self.dialogues.len())));
        }
        let mut scores: Vec<Vec<TurnScores>> = self.dialogues.iter().map(|_| Vec::new()).collect();
        let distinct: BTreeSet<usize> = folds.iter().copied().collect();
        for fold in distinct.into_iter().filter(|fold| only.is_none_or(|only| only.contains(fold))) {
            let (_, held) = self.without(|dialogue| folds.get(dialogue) == Some(&fold), Some(fold), progress)?;
            scores.iter_mut().zip(held).for_each(|(all, held)| all.extend(held));
        }
        Ok(scores)
    }

    fn without(
        &self,
        held: impl Fn(usize) -> bool,
        fold: Option<usize>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Delta, Vec<Vec<TurnScores>>)> {
        let (out, rest): (Vec<&Kept>, Vec<&Kept>) = self.windows.iter().partition(|kept| held(kept.dialogue));
        let delta = self.train(&rest, fold, progress)?;
        let mut scores: Vec<Vec<TurnScores>> = self.dialogues.iter().map(|_| Vec::new()).collect();
        for (dialogue, turn) in self.score(&delta, &out)? {
            if let Some(place) = scores.get_mut(dialogue) {
                place.push(turn);
            }
        }
        for turns in &mut scores {
            turns.sort_by_key(|turn| turn.turn);
        }
        Ok((delta, scores))
    }

    fn train(&self, kept: &[&Kept], fold: Option<usize>, progress: &mut dyn FnMut(Progress)) -> Result<Delta> {
        guarded(|| {
            tch::set_num_threads(1);
            tch::manual_seed(i64::from(self.options.seed));
            let mut random = Random(u64::from(self.options.seed));
            let mut upper = Upper::new(&self.folder, self.first, self.labels.width())?;
            let mut optimizer = nn::AdamW { wd: self.options.decay, ..nn::AdamW::default() }
                .build(&upper.store, self.options.layer_rate)
                .map_err(|error| Error::Engine(error.to_string()))?;
            let targets: Vec<&Target> = kept.iter().flat_map(|kept| kept.targets.iter().flatten()).collect();
            let loss = Loss::new(&targets, &self.labels, &self.options);
            let lengths: Vec<usize> = kept.iter().map(|kept| kept.window.ids.len()).collect();
            let plan: Vec<Vec<Vec<usize>>> =
                (0..self.options.epochs).map(|_| random.batches(&lengths, self.options.batch_tokens)).collect();
            let some: Vec<_> = plan
                .iter()
                .flatten()
                .take(CALIBRATION)
                .map(|batch| self.stack(&batch.iter().filter_map(|&i| kept.get(i).copied()).collect::<Vec<_>>()))
                .collect();
            upper.calibrate(&some, &loss.biases);
            drop(some);
            let of = plan.iter().map(Vec::len).sum::<usize>();
            let (started, mut tokens, mut running) = (Instant::now(), 0, None);
            for (step, batch) in plan.iter().flatten().enumerate() {
                let batch: Vec<&Kept> = batch.iter().filter_map(|&i| kept.get(i).copied()).collect();
                let rate = rate_at(step, of, self.options.warm_up);
                optimizer.set_lr_group(0, rate * self.options.layer_rate);
                optimizer.set_lr_group(HEAD_GROUP, rate * self.options.head_rate);
                let (stack, windows) = self.stack(&batch);
                let targets = batch.iter().flat_map(|kept| &kept.targets);
                let value = loss.of(&upper.logits(&stack, &windows, true), targets);
                optimizer.backward_step_clip_norm(&value, 1.0);
                let value = f64::from(value);
                running = Some(running.map_or(value, |mean: f64| mean * 0.95 + value * 0.05));
                tokens += windows.iter().map(|window| window.ids.len()).sum::<usize>();
                let tokens_per_second = tokens as f64 / started.elapsed().as_secs_f64().max(1e-9);
                progress(Progress::Trained {
                    fold,
                    step: step + 1,
                    of,
                    loss: running.unwrap_or(value),
                    tokens_per_second,
                });
            }
            let _no_grad = tch::no_grad_guard();
            Delta::of(&upper, &self.folder, &self.labels, &self.options.windows)
        })
    }

    /// Scores of the labelled turns of `kept`, with their dialogues.
    fn score(&self, delta: &Delta, kept: &[&Kept]) -> Result<Vec<(usize, TurnScores)>> {
        guarded(|| {
            tch::set_num_threads(1);
            let _no_grad = tch::no_grad_guard();
            let upper = delta.apply(&self.folder)?;
            let lengths: Vec<usize> = kept.iter().map(|kept| kept.window.ids.len()).collect();
            let mut scores = Vec::new();
            for batch in group(by_length(&lengths), &lengths, PREPARE_TOKENS) {
                let batch: Vec<&Kept> = batch.iter().filter_map(|&i| kept.get(i).copied()).collect();
                let (stack, windows) = self.stack(&batch);
                let turns = batch.iter().flat_map(|kept| {
                    kept.window
                        .owned
                        .iter()
                        .zip(&kept.targets)
                        .map(|(own, target)| (kept.dialogue, own.turn, target.is_some()))
                });
                for ((dialogue, turn, labelled), row) in turns.zip(upper.scores(&stack, &windows)) {
                    let said = self.dialogues.get(dialogue).and_then(|dialogue| dialogue.turns.get(turn));
                    if let Some(said) = said.filter(|_| labelled) {
                        scores.push((dialogue, self.labels.name(turn, said.speaker, &row)));
                    }
                }
            }
            Ok(scores)
        })
    }

    fn stack<'b>(&self, batch: &[&'b Kept]) -> (Stack, Vec<&'b Window>) {
        let windows: Vec<&Window> = batch.iter().map(|kept| &kept.window).collect();
        let vectors: Vec<&[u8]> = batch.iter().map(|kept| kept.vectors.as_slice()).collect();
        (Stack::of_kept(&vectors, &windows, self.folder.config.hidden_size), windows)
    }
}

/// Indices sorted by length.
fn by_length(lengths: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| lengths.get(i));
    order
}

/// Cuts an order of inputs, which should be alike in length from one to the next, into batches of
/// at most `tokens` with the padding.
fn group(order: Vec<usize>, lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let (mut batches, mut longest): (Vec<Vec<usize>>, usize) = (Vec::new(), 0);
    for i in order {
        let length = lengths.get(i).copied().unwrap_or(0);
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * longest.max(length) <= tokens => {
                batch.push(i);
                longest = longest.max(length);
            }
            _ => {
                batches.push(vec![i]);
                longest = length;
            }
        }
    }
    batches
}

/// Share of the highest rate at a step: up to it in a line, and down to zero in a line.
fn rate_at(step: usize, of: usize, warm_up: f64) -> f64 {
    let (at, rise) = (step as f64 + 1.0, (of as f64 * warm_up).max(1.0));
    if at <= rise {
        at / rise
    } else {
        (of as f64 - at + 1.0) / (of as f64 - rise).max(1.0)
    }
}

/// SplitMix64: the same numbers in every version of every dependency.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, (self.next() % (i as u64 + 1)) as usize);
        }
    }

    /// Batches of inputs of about the same length, in random order.
    fn batches(&mut self, lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        self.shuffle(&mut order);
        // Lengths in steps of an eighth, so that who meets whom changes from epoch to epoch.
        order.sort_by_key(|&i| lengths.get(i).map(|&n| ((n.max(1) as f64).log2() * 8.0) as usize));
        let mut batches = group(order, lengths, tokens);
        self.shuffle(&mut batches);
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_and_fall_to_almost_nothing() {
        let rates: Vec<f64> = (0..100).map(|step| rate_at(step, 100, 0.1)).collect();
        assert!((rates[9] - 1.0).abs() < 1e-9 && rates[0] > 0.0 && rates[99] > 0.0 && rates[99] < 0.02);
        assert!(rates[..10].is_sorted() && rates[10..].is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn batches_hold_every_input_once_and_keep_the_limit() {
        let lengths: Vec<usize> = (0..200).map(|i| 3 + i * 7 % 90).collect();
        let batches = Random(5).batches(&lengths, 256);
        let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..200).collect::<Vec<_>>());
        for batch in &batches {
            let longest = batch.iter().map(|&i| lengths[i]).max().unwrap();
            assert!(batch.len() == 1 || longest * batch.len() <= 256);
        }
        assert_eq!(batches, Random(5).batches(&lengths, 256));
    }
}
