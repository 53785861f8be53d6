//! The part of the network that fine-tuning changes: its upper layers, and on top of them one
//! linear head with a column a label. Owns their forward pass; where a window's lower layers were
//! computed (just now, or once for all epochs) makes no difference to it.

use rust_bert::bert::{BertConfig, BertLayer};
use tch::nn::{self, Module};
use tch::{Device, Kind, Tensor};

use super::folder::Folder;
use super::network::{Network, load, rows};
use super::windows::Window;
use crate::Result;

/// Where the head's variables are.
pub(super) const HEAD: &str = "head";
/// Group of the head's variables in the optimizer; the layers' is 0.
pub(super) const HEAD_GROUP: usize = 1;

/// Upper layers and head.
pub(super) struct Upper {
    pub(super) store: nn::VarStore,
    /// Index of the first layer.
    pub(super) first: usize,
    layers: Vec<BertLayer>,
    head: nn::Linear,
    /// Mean and spread of turn vectors, by dimension: a transformer's vectors have most in common,
    /// and the head learns from what they have not.
    centre: Tensor,
    spread: Tensor,
    dropout: f64,
}

/// Vectors of windows, padded to the longest.
pub(super) struct Stack {
    /// Shape (windows, longest, hidden).
    pub(super) vectors: Tensor,
    /// What is added to attention scores, shape (windows, 1, 1, longest).
    pub(super) attention: Tensor,
}

impl Upper {
    /// The checkpoint's layers from `first` on, and a head of `width` columns, all zero.
    pub(super) fn new(folder: &Folder, first: usize, width: usize) -> Result<Self> {
        let store = nn::VarStore::new(Device::Cpu);
        // Dropping attention weights draws a random number for each pair of tokens, which takes as
        // long as all matrix products together; hidden units are dropped as in the checkpoint.
        let config = &BertConfig { attention_probs_dropout_prob: 0.0, ..folder.config.clone() };
        let root = store.root();
        let stack = &root / "encoder" / "layer";
        let layers = (first..folder.layers()).map(|i| BertLayer::new(&stack / i as i64, config)).collect();
        let top = root.set_group(HEAD_GROUP) / HEAD;
        let zeros = nn::Init::Const(0.0);
        let init = nn::LinearConfig { ws_init: zeros, bs_init: Some(zeros), bias: true };
        let upper = Self {
            first,
            layers,
            head: nn::linear(&top, config.hidden_size, width as i64, init),
            centre: top.zeros_no_train("centre", &[config.hidden_size]),
            spread: top.ones_no_train("spread", &[config.hidden_size]),
            dropout: config.hidden_dropout_prob,
            store,
        };
        let _no_grad = tch::no_grad_guard();
        for (name, mut variable) in upper.store.variables() {
            if !name.starts_with(HEAD) {
                variable.copy_(&load(&folder.weights, &name)?);
            }
        }
        Ok(upper)
    }

    /// Logits of the windows' own turns, in their order; shape (turns, columns).
    pub(super) fn logits(&self, stack: &Stack, windows: &[&Window], train: bool) -> Tensor {
        let vectors = (self.vectors(stack, windows, train) - &self.centre) / &self.spread;
        self.head.forward(&vectors.dropout(self.dropout, train))
    }

    /// Mean of each own turn's tokens in the last layer; shape (turns, hidden).
    fn vectors(&self, stack: &Stack, windows: &[&Window], train: bool) -> Tensor {
        let last = self.layers.iter().fold(stack.vectors.shallow_clone(), |x, layer| {
            layer.forward_t(&x, Some(&stack.attention), None, None, train).hidden_state
        });
        turn_vectors(&last, windows)
    }

    /// Takes mean and spread from some batches, and the head's constants from `biases`.
    pub(super) fn calibrate(&mut self, batches: &[(Stack, Vec<&Window>)], biases: &[f32]) {
        let _no_grad = tch::no_grad_guard();
        let vectors: Vec<Tensor> = batches.iter().map(|(stack, windows)| self.vectors(stack, windows, false)).collect();
        let vectors = Tensor::cat(&vectors, 0);
        self.centre.copy_(&vectors.mean_dim(Some([0i64].as_slice()), false, Kind::Float));
        self.spread.copy_(&vectors.std_dim(Some([0i64].as_slice()), false, false).clamp_min(1e-4));
        if let Some(constants) = &mut self.head.bs {
            constants.copy_(&Tensor::of_slice(biases));
        }
    }

    /// [`Self::logits`] of a pass without training, as numbers.
    pub(super) fn scores(&self, stack: &Stack, windows: &[&Window]) -> Vec<Vec<f32>> {
        rows(&self.logits(stack, windows, false))
    }
}

impl Stack {
    /// The windows' vectors as they come out of the layers below `first`.
    pub(super) fn compute(network: &Network, windows: &[&Window], first: usize) -> Result<Self> {
        let ids: Vec<&[u32]> = windows.iter().map(|window| window.ids.as_slice()).collect();
        let batch = network.embed(&ids)?;
        let attention = batch.attention();
        Ok(Self { vectors: network.run(&batch.vectors, &attention, first), attention })
    }

    /// From 16-bit vectors kept for each window.
    pub(super) fn of_kept(kept: &[&[u8]], windows: &[&Window], hidden: i64) -> Self {
        let longest = windows.iter().map(|window| window.ids.len()).max().unwrap_or(1);
        let row = hidden as usize * 2;
        let mut bytes = vec![0u8; windows.len() * longest * row];
        let mut hide = vec![-10_000.0f32; windows.len() * longest];
        for (i, kept) in kept.iter().enumerate() {
            bytes.iter_mut().skip(i * longest * row).zip(*kept).for_each(|(to, from)| *to = *from);
            hide.iter_mut().skip(i * longest).take(kept.len() / row).for_each(|x| *x = 0.0);
        }
        let (n, longest) = (windows.len() as i64, longest as i64);
        Self {
            vectors: Tensor::of_data_size(&bytes, &[n, longest, hidden], Kind::Half).to_kind(Kind::Float),
            attention: Tensor::of_slice(&hide).view([n, 1, 1, longest]),
        }
    }

    /// Each window's vectors in 16 bits, without the padding.
    pub(super) fn keep(&self, windows: &[&Window]) -> Vec<Vec<u8>> {
        let half = self.vectors.to_kind(Kind::Half);
        windows
            .iter()
            .zip(0i64..)
            .map(|(window, i)| {
                let own = half.select(0, i).narrow(0, 0, window.ids.len() as i64).contiguous();
                let mut bytes = vec![0u8; own.numel() * 2];
                own.copy_data_u8(&mut bytes, own.numel());
                bytes
            })
            .collect()
    }
}

/// Mean of each own turn's tokens; shape (turns, hidden).
fn turn_vectors(last: &Tensor, windows: &[&Window]) -> Tensor {
    let (&[n, longest, hidden], turns) = (
        last.size().as_slice().first_chunk::<3>().unwrap_or(&[0, 0, 0]),
        windows.iter().map(|window| window.owned.len()).sum::<usize>(),
    );
    let columns = (n * longest) as usize;
    let mut mean = vec![0.0f32; turns * columns];
    let owned = windows.iter().enumerate().flat_map(|(w, window)| window.owned.iter().map(move |own| (w, own)));
    for (row, (w, own)) in mean.chunks_mut(columns.max(1)).zip(owned) {
        let (at, length) = (w * longest as usize + own.tokens.start, own.tokens.len());
        row.iter_mut().skip(at).take(length).for_each(|x| *x = 1.0 / length as f32);
    }
    Tensor::of_slice(&mean)
        .view([turns as i64, n * longest])
        .matmul(&last.reshape(&[n * longest, hidden]))
}
