//! A model in a local folder: Hugging Face's `config.json`, `tokenizer.json` and
//! `model.safetensors`, and our manifest beside them. Owns reading and checking; knows no engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rust_bert::bert::BertConfig;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokenizers::Tokenizer;

use crate::{Error, Result};

pub(super) const CONFIG: &str = "config.json";
pub(super) const TOKENIZER: &str = "tokenizer.json";
pub(super) const WEIGHTS: &str = "model.safetensors";
pub(super) const MANIFEST: &str = "manifest.json";

/// What the folder holds and where it comes from. A folder without one works too: it has no
/// prefix, and its files are not checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manifest {
    /// Name of the model.
    pub name: String,
    /// What every text starts with, e.g. `query: `.
    pub prefix: String,
    /// Longest input in tokens, with the special ones; longer texts are cut.
    pub max_tokens: usize,
    /// Packages that the files were made from.
    pub sources: Vec<Source>,
    /// SHA-256 of each file.
    pub files: BTreeMap<String, String>,
}

/// A package that a folder was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Name and version.
    pub package: String,
    /// SHA-256 of the wheel.
    pub sha256: String,
    /// Its licence.
    pub licence: String,
}

impl Manifest {
    /// What a passage starts with that is to be found by questions. Models that were trained with `query: ` before
    /// questions were trained with `passage: ` before what answers them (Wang et al. 2022, "Text embeddings by
    /// weakly-supervised contrastive pre-training"); others read both alike.
    pub fn passage_prefix(&self) -> &str {
        if self.prefix == "query: " {
            "passage: "
        } else {
            &self.prefix
        }
    }
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            name: String::new(),
            prefix: String::new(),
            max_tokens: 512,
            sources: Vec::new(),
            files: BTreeMap::new(),
        }
    }
}

/// A model's files, read and checked, to be shared by the threads that compute with it.
#[derive(Debug, Clone)]
pub struct Folder {
    pub(super) manifest: Manifest,
    pub(super) config: BertConfig,
    pub(super) tokenizer: Tokenizer,
    pub(super) weights: Arc<Weights>,
    pub(super) fingerprint: String,
}

/// The part of `config.json` that `BertConfig` has no field for.
#[derive(Deserialize)]
struct Rest {
    #[serde(default)]
    model_type: Option<String>,
    #[serde(default)]
    layer_norm_eps: Option<f64>,
}

impl Folder {
    /// Reads the model in `dir` and checks its files against the manifest.
    ///
    /// # Errors
    /// When a file is missing, differs from the manifest, or is of a kind that is not supported.
    pub fn open(dir: &Path) -> Result<Self> {
        let mut digests = BTreeMap::new();
        let mut read = |name: &str| -> Result<(PathBuf, Vec<u8>)> {
            let path = dir.join(name);
            let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
            digests.insert(name.to_owned(), sha256(&bytes));
            Ok((path, bytes))
        };
        let (config_path, config) = read(CONFIG)?;
        let (tokenizer_path, tokenizer) = read(TOKENIZER)?;
        let (weights_path, weights) = read(WEIGHTS)?;
        let manifest = Self::manifest(dir)?;
        for (name, expected) in &manifest.files {
            if digests.get(name) != Some(expected) {
                return Err(Error::Format {
                    path: dir.join(name),
                    reason: "differs from the manifest; set the model up again".to_owned(),
                });
            }
        }

        let rest: Rest = serde_json::from_slice(&config).map_err(Error::format(&config_path))?;
        let refuse = |reason: String| Err(Error::Format { path: config_path.clone(), reason });
        if let Some(kind) = rest.model_type.filter(|kind| kind != "bert") {
            return refuse(format!("model_type is {kind}; only bert is supported"));
        }
        if let Some(eps) = rest.layer_norm_eps.filter(|&eps| eps > 1e-11) {
            return refuse(format!("layer_norm_eps is {eps}; only 1e-12 is supported"));
        }
        let config: BertConfig = serde_json::from_slice(&config).map_err(Error::format(&config_path))?;
        let mut tokenizer = Tokenizer::from_bytes(tokenizer).map_err(Error::format(&tokenizer_path))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(Error::format(&tokenizer_path))?;
        let weights = Weights::parse(weights).map_err(|reason| Error::Format { path: weights_path, reason })?;

        let mut hash = Sha256::new();
        hash.update(format!("{}\0{}\0{}", manifest.name, manifest.prefix, manifest.max_tokens));
        for (name, digest) in &digests {
            hash.update(format!("\0{name}\0{digest}"));
        }
        let fingerprint = hex(&hash.finalize()[..8]);
        Ok(Self { manifest, config, tokenizer, weights: Arc::new(weights), fingerprint })
    }

    /// The manifest alone, or the default one when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn manifest(dir: &Path) -> Result<Manifest> {
        let path = dir.join(MANIFEST);
        let mut manifest = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(Error::format(&path))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Manifest::default(),
            Err(error) => return Err(Error::io(&path)(error)),
        };
        if manifest.name.is_empty() {
            manifest.name =
                dir.file_name().map_or_else(|| "bert".to_owned(), |name| name.to_string_lossy().into_owned());
        }
        Ok(manifest)
    }

    /// Manifest of the folder.
    pub fn about(&self) -> &Manifest {
        &self.manifest
    }

    /// Changes whenever an output might.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Layers of the transformer.
    pub fn layers(&self) -> usize {
        usize::try_from(self.config.num_hidden_layers).unwrap_or(0)
    }

    /// Length of its vectors.
    pub fn dimensions(&self) -> usize {
        usize::try_from(self.config.hidden_size).unwrap_or(0)
    }

    /// Longest input in tokens that the manifest and the positions allow.
    pub(super) fn max_tokens(&self) -> usize {
        self.manifest
            .max_tokens
            .min(usize::try_from(self.config.max_position_embeddings).unwrap_or(0))
            .max(3)
    }
}

/// The tensors of a safetensors file, by name, as they lie in the file.
#[derive(Debug)]
pub(super) struct Weights {
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Stored>,
}

/// Where a tensor lies.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    start: usize,
    end: usize,
}

impl Weights {
    fn parse(bytes: Vec<u8>) -> std::result::Result<Self, String> {
        let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| format!("{error:?}"))?;
        let data = header + 8;
        let tensors: BTreeMap<String, Stored> = metadata
            .tensors()
            .into_iter()
            .map(|(name, info)| {
                let (start, end) = info.data_offsets;
                let stored = Stored {
                    dtype: info.dtype,
                    shape: info.shape.clone(),
                    start: data + start,
                    end: data + end,
                };
                (plain_name(&name), stored)
            })
            .collect();
        if tensors.values().any(|tensor| tensor.end > bytes.len()) {
            return Err("cut off".to_owned());
        }
        Ok(Self { bytes, tensors })
    }

    /// Place and bytes of a tensor.
    pub(super) fn get(&self, name: &str) -> Option<(&Stored, &[u8])> {
        let stored = self.tensors.get(name)?;
        Some((stored, self.bytes.get(stored.start..stored.end)?))
    }
}

/// A tensor's name without the prefix of checkpoints with a task head, and with today's names of
/// the parameters of a layer norm.
fn plain_name(name: &str) -> String {
    name.strip_prefix("bert.")
        .unwrap_or(name)
        .replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias")
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
