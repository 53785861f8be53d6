//! The transformer itself: rust-bert's embeddings and layers, with the word embeddings kept out
//! of them. The table of words is nine tenths of a multilingual model and only ever looked up,
//! so all threads share the bytes of the file and a network owns its layers alone.
//!
//! Everything here may panic where libtorch refuses (shapes, memory); [`guarded`] is the border
//! at which that becomes an error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rust_bert::bert::{BertConfig, BertEmbedding, BertEmbeddings, BertLayer};
use safetensors::tensor::Dtype;
use tch::{Device, Kind, Tensor, nn};

use super::folder::{Folder, Weights};
use crate::{Error, Result};

const WORDS: &str = "embeddings.word_embeddings.weight";

/// One network, owned by one thread.
pub(super) struct Network {
    embeddings: BertEmbeddings,
    layers: Vec<BertLayer>,
    words: Words,
}

/// A padded batch of inputs.
pub(super) struct Batch {
    /// Vectors of the tokens, shape (inputs, longest, hidden).
    pub(super) vectors: Tensor,
    /// 1 for a token and 0 for padding, shape (inputs, longest).
    pub(super) mask: Tensor,
}

impl Batch {
    /// What is added to attention scores: 0, or a large negative number for padding;
    /// shape (inputs, 1, 1, longest).
    pub(super) fn attention(&self) -> Tensor {
        (self.mask.ones_like() - &self.mask).unsqueeze(1).unsqueeze(1) * -10_000.0
    }
}

impl Network {
    /// Builds the network and copies the folder's weights into it.
    pub(super) fn new(folder: &Folder) -> Result<Self> {
        Self::lower(folder, folder.layers())
    }

    /// The network without its layers from `end` on.
    pub(super) fn lower(folder: &Folder, end: usize) -> Result<Self> {
        guarded(|| {
            tch::set_num_threads(1);
            let _no_grad = tch::no_grad_guard();
            let words = Words::new(&folder.weights, &folder.config)?;
            // The layers never see this one row: their input is looked up by us.
            let config = BertConfig { vocab_size: 1, ..folder.config.clone() };
            let store = nn::VarStore::new(Device::Cpu);
            let root = store.root();
            let embeddings = BertEmbeddings::new(&root / "embeddings", &config);
            let stack = &root / "encoder" / "layer";
            let layers = (0..end as i64).map(|i| BertLayer::new(&stack / i, &config)).collect();
            for (name, mut variable) in store.variables() {
                if name == WORDS {
                    continue;
                }
                let tensor = load(&folder.weights, &name)?;
                if tensor.size() != variable.size() {
                    return Err(Error::Engine(format!(
                        "tensor {name} has shape {:?}, not {:?}",
                        tensor.size(),
                        variable.size()
                    )));
                }
                variable.copy_(&tensor);
            }
            Ok(Self { embeddings, layers, words })
        })
    }

    /// Looks the inputs' words up and adds positions and types: the input of layer 0.
    pub(super) fn embed(&self, inputs: &[&[u32]]) -> Result<Batch> {
        let longest = inputs.iter().map(|ids| ids.len()).max().unwrap_or(0).max(1);
        let words = self.words.look_up(inputs, longest)?;
        let mut mask = vec![0.0f32; inputs.len() * longest];
        for (row, ids) in mask.chunks_mut(longest).zip(inputs) {
            row.iter_mut().take(ids.len()).for_each(|x| *x = 1.0);
        }
        let mask = Tensor::of_slice(&mask).view([inputs.len() as i64, longest as i64]);
        let vectors = self
            .embeddings
            .forward_t(None, None, None, Some(&words), false)
            .map_err(|error| Error::Engine(error.to_string()))?;
        Ok(Batch { vectors, mask })
    }

    /// Runs the first `count` layers over a batch's vectors.
    pub(super) fn run(&self, vectors: &Tensor, attention: &Tensor, count: usize) -> Tensor {
        let layers = self.layers.iter().take(count);
        layers.fold(vectors.shallow_clone(), |x, layer| {
            layer.forward_t(&x, Some(attention), None, None, false).hidden_state
        })
    }

    /// Mean over the tokens of the last layer, scaled to unit length; shape (inputs, hidden).
    pub(super) fn pooled(&self, inputs: &[&[u32]]) -> Result<Tensor> {
        let batch = self.embed(inputs)?;
        let last = self.run(&batch.vectors, &batch.attention(), self.layers.len());
        let mask = batch.mask.unsqueeze(-1);
        let mean = (last * &mask).sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
            / mask.sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
        let norm = mean.norm_scalaropt_dim(2.0, &[1i64], true).clamp_min(1e-12);
        Ok(mean / norm)
    }
}

/// The table of word embeddings, shared.
struct Words {
    weights: Arc<Weights>,
    kind: Kind,
    row: usize,
    rows: usize,
    hidden: i64,
}

impl Words {
    fn new(weights: &Arc<Weights>, config: &BertConfig) -> Result<Self> {
        let (stored, bytes) = weights.get(WORDS).ok_or_else(|| missing(WORDS))?;
        let (kind, rows) = (kind(stored.dtype)?, stored.shape.first().copied().unwrap_or(0));
        let row = bytes.len() / rows.max(1);
        if rows as i64 != config.vocab_size || stored.shape.last().map(|&n| n as i64) != Some(config.hidden_size) {
            return Err(Error::Engine(format!("tensor {WORDS} has shape {:?}", stored.shape)));
        }
        Ok(Self { weights: Arc::clone(weights), kind, row, rows, hidden: config.hidden_size })
    }

    /// Shape (inputs, longest, hidden); rows of zeros for padding.
    fn look_up(&self, inputs: &[&[u32]], longest: usize) -> Result<Tensor> {
        let (_, table) = self.weights.get(WORDS).ok_or_else(|| missing(WORDS))?;
        let mut bytes = vec![0u8; inputs.len() * longest * self.row];
        for (input, ids) in bytes.chunks_mut(longest * self.row).zip(inputs) {
            for (place, &id) in input.chunks_mut(self.row).zip(ids.iter()) {
                let row = table
                    .chunks_exact(self.row)
                    .nth(id as usize)
                    .ok_or_else(|| Error::Engine(format!("token {id} is not among the {} of the model", self.rows)))?;
                place.copy_from_slice(row);
            }
        }
        let shape = [inputs.len() as i64, longest as i64, self.hidden];
        Ok(Tensor::of_data_size(&bytes, &shape, self.kind).to_kind(Kind::Float))
    }
}

pub(super) fn load(weights: &Weights, name: &str) -> Result<Tensor> {
    let (stored, bytes) = weights.get(name).ok_or_else(|| missing(name))?;
    let shape: Vec<i64> = stored.shape.iter().map(|&n| n as i64).collect();
    Ok(Tensor::of_data_size(bytes, &shape, kind(stored.dtype)?).to_kind(Kind::Float))
}

fn missing(name: &str) -> Error {
    Error::Engine(format!("the weights have no tensor {name}"))
}

fn kind(dtype: Dtype) -> Result<Kind> {
    match dtype {
        Dtype::F16 => Ok(Kind::Half),
        Dtype::BF16 => Ok(Kind::BFloat16),
        Dtype::F32 => Ok(Kind::Float),
        other => Err(Error::Engine(format!("weights of type {other:?} are not supported"))),
    }
}

/// Runs what may panic inside libtorch's wrapper and gives an error instead.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown reason");
        Err(Error::Engine(format!("libtorch: {}", reason.lines().next().unwrap_or(reason))))
    })
}

/// A matrix's numbers, row by row.
pub(super) fn rows(tensor: &Tensor) -> Vec<Vec<f32>> {
    let width = tensor.size().last().copied().unwrap_or(1).max(1) as usize;
    let mut flat = vec![0.0f32; tensor.numel()];
    tensor.to_kind(Kind::Float).contiguous().copy_data(&mut flat, tensor.numel());
    flat.chunks(width).map(<[f32]>::to_vec).collect()
}
