//! The transformer as the crate's [`Encoder`]: one vector a text.

use std::path::Path;

use super::folder::Folder;
use super::network::{Network, rows};
use super::pool::Pool;
use crate::{Encoder, Error, Result};

/// Most tokens in a batch, padding counted: enough for full-speed matrix products, small enough
/// to stay near the processor.
const BATCH_TOKENS: usize = 1024;
/// Most texts in a batch.
const BATCH_TEXTS: usize = 64;

/// A BERT-type checkpoint from a local folder; mean over all tokens, unit length.
#[derive(Debug)]
pub struct BertEncoder {
    folder: Folder,
    pool: Pool<Network>,
}

impl BertEncoder {
    /// Loads the folder (`config.json`, `tokenizer.json`, `model.safetensors`, and optionally
    /// `manifest.json`) on `threads` threads.
    ///
    /// # Errors
    /// When a file is missing, differs from the manifest, or does not fit the others.
    pub fn open(dir: &Path, threads: usize) -> Result<Self> {
        Self::new(Folder::open(dir)?, threads)
    }

    /// From a folder that is already read.
    ///
    /// # Errors
    /// When the files do not fit each other.
    pub fn new(folder: Folder, threads: usize) -> Result<Self> {
        let build = folder.clone();
        let pool = Pool::start(threads, move || Network::new(&build))?;
        Ok(Self { folder, pool })
    }

    /// The folder's files.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Tokens of a text with prefix and special tokens, cut to what the model can take.
    fn tokens(&self, prefix: &str, text: &str) -> Result<Vec<u32>> {
        let text = format!("{prefix}{text}");
        let encoding =
            self.folder.tokenizer.encode_fast(text, true).map_err(|error| Error::Engine(error.to_string()))?;
        let mut ids = encoding.get_ids().to_vec();
        let most = self.folder.max_tokens();
        if ids.len() > most {
            // The last token closes the input and stays.
            let last = ids.pop();
            ids.truncate(most - 1);
            ids.extend(last);
        }
        Ok(ids)
    }
}

impl Encoder for BertEncoder {
    fn name(&self) -> &str {
        &self.folder.manifest.name
    }

    fn dimensions(&self) -> usize {
        self.folder.dimensions()
    }

    fn fingerprint(&self) -> &str {
        &self.folder.fingerprint
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        self.encode_with(&self.folder.manifest.prefix, texts)
    }

    fn encode_passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        self.encode_with(self.folder.manifest.passage_prefix(), texts)
    }
}

impl BertEncoder {
    /// Vectors of texts that are read after `prefix`.
    fn encode_with(&self, prefix: &str, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut inputs = Vec::with_capacity(texts.len());
        for (i, text) in texts.iter().enumerate().filter(|(_, text)| text.chars().any(char::is_alphanumeric)) {
            inputs.push((i, self.tokens(prefix, text)?));
        }
        inputs.sort_by_key(|(_, ids)| ids.len());
        let mut vectors = vec![vec![0.0; self.dimensions()]; texts.len()];
        let encoded = self.pool.map(batches(inputs), |network, batch: Vec<(usize, Vec<u32>)>| {
            let ids: Vec<&[u32]> = batch.iter().map(|(_, ids)| ids.as_slice()).collect();
            let pooled = rows(&network.pooled(&ids)?);
            Ok(batch.into_iter().map(|(i, _)| i).zip(pooled).collect::<Vec<_>>())
        })?;
        for (i, vector) in encoded.into_iter().flatten() {
            if let Some(place) = vectors.get_mut(i) {
                *place = vector;
            }
        }
        Ok(vectors)
    }
}

/// Groups inputs, which come sorted by length, into batches.
pub(super) fn batches<T>(inputs: Vec<(T, Vec<u32>)>) -> Vec<Vec<(T, Vec<u32>)>> {
    let mut batches: Vec<Vec<(T, Vec<u32>)>> = Vec::new();
    for input in inputs {
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_TEXTS && (batch.len() + 1) * input.1.len() <= BATCH_TOKENS => {
                batch.push(input);
            }
            _ => batches.push(vec![input]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_no_more_than_they_may() {
        let inputs: Vec<(usize, Vec<u32>)> = (0..300).map(|i| (i, vec![0; 1 + i])).collect();
        let batches = batches(inputs);
        assert!(batches.iter().all(|b| b.len() <= BATCH_TEXTS));
        assert!(batches.iter().all(|b| b.len() == 1 || b.len() * b[b.len() - 1].1.len() <= BATCH_TOKENS));
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 300);
    }
}
