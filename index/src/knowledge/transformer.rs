//! The transformer's vectors of a knowledge base, which lie beside the static ones: who made them, and what their
//! cosines mean. What they weigh belongs to `fusion`.
//!
//! The static vectors are always there, so that a program without the transformer, or with another one, still searches
//! a knowledge base that has its vectors; it only may not add articles, which would then lack them.

use std::path::Path;
use std::sync::Arc;

use qingting_models::Encoder;
use serde::{Deserialize, Serialize};
use tantivy::Index;

use super::vectors::VectorCache;
use crate::{Error, Result, files};

const FILE: &str = "transformer.json";

/// The cosine of multilingual-e5-small that counts nothing. Its vectors lie in a narrow cone, since it was trained with
/// the cosine over a temperature of 0.01 (Wang et al. 2022): texts that have nothing to do with each other have a cosine of
/// about 0.85. Chosen with the questions that the thresholds of static vectors were chosen on, so that as many of them
/// are answered.
const NOTHING: f32 = 0.8;

/// A cosine of the transformer on the scale of static vectors: what is worth a certain confidence by the ones is worth
/// it by the others.
pub(super) fn rescaled(cosine: f32) -> f32 {
    ((cosine - NOTHING) / (1.0 - NOTHING)).clamp(0.0, 1.0)
}

/// A transformer by whose vectors passages are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transformer {
    /// Name of the model.
    pub name: String,
    /// Changes whenever a vector might.
    pub fingerprint: String,
}

impl Transformer {
    fn of(encoder: &dyn Encoder) -> Self {
        Self { name: encoder.name().to_owned(), fingerprint: encoder.fingerprint().to_owned() }
    }
}

/// What the articles of a knowledge base are encoded with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoded {
    /// There is no article, so it can be begun with anything.
    Nothing,
    /// Static vectors only.
    Static,
    /// Static vectors and those of a transformer.
    Transformer(Transformer),
}

/// Looks at the knowledge base in a folder, whatever dictionary or model it was built with.
///
/// # Errors
/// When there is an index that cannot be read.
pub(super) fn encoded(dir: &Path) -> Result<Encoded> {
    if !dir.join("meta.json").exists() || Index::open_in_dir(dir)?.reader()?.searcher().num_docs() == 0 {
        return Ok(Encoded::Nothing);
    }
    Ok(read(dir)?.map_or(Encoded::Static, Encoded::Transformer))
}

fn read(dir: &Path) -> Result<Option<Transformer>> {
    let path = dir.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::json("transformer.json", e)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path, error)),
    }
}

/// The transformer that an index was opened with.
pub(super) struct Deep {
    pub(super) encoder: Arc<dyn Encoder>,
    pub(super) vectors: VectorCache,
}

/// What an index has of a transformer.
pub(super) enum Side {
    /// Nothing.
    None,
    /// The vectors of one that is at hand.
    Open(Deep),
    /// The vectors of one that is not, and that are left alone.
    Closed(Transformer),
}

impl Side {
    /// Compares what is wanted with what there is.
    ///
    /// # Errors
    /// [`Error::Stale`] when a transformer is wanted whose vectors the articles do not have.
    pub(super) fn new(dir: &Path, wanted: Option<Arc<dyn Encoder>>, empty: bool) -> Result<Self> {
        let there = if empty { None } else { read(dir)? };
        let stale = |why: String| Err(Error::Stale { why, fix: "run `qingting kb reindex --models bert`".to_owned() });
        let Some(encoder) = wanted else {
            return Ok(there.map_or(Self::None, Self::Closed));
        };
        let is = Transformer::of(&*encoder);
        match there {
            Some(was) if was != is => stale(format!(
                "the articles are encoded by {} ({}), and the transformer here is {} ({})",
                was.name, was.fingerprint, is.name, is.fingerprint
            )),
            None if !empty => stale(format!("the articles are not encoded by {}", is.name)),
            _ => Ok(Self::Open(Deep { encoder, vectors: VectorCache::default() })),
        }
    }

    /// Notes who makes the vectors of a knowledge base before it gets its first article.
    pub(super) fn record(&self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        match self {
            Self::Open(deep) => {
                let made_by = Transformer::of(&*deep.encoder);
                let bytes = serde_json::to_vec(&made_by).map_err(|e| Error::json("transformer.json", e))?;
                files::write_atomically(&path, &bytes)
            }
            Self::None | Self::Closed(_) => files::remove(&path),
        }
    }

    /// # Errors
    /// [`Error::Stale`] when articles would lack the vectors that the others have.
    pub(super) fn check_writable(&self) -> Result<()> {
        match self {
            Self::Closed(transformer) => Err(Error::Stale {
                why: format!("the articles are also encoded by {}, which is not at hand", transformer.name),
                fix: "import with a build and a machine that have it, or drop its vectors with \
                      `qingting kb reindex --models static`"
                    .to_owned(),
            }),
            Self::None | Self::Open(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescaling_spreads_the_cone_over_the_scale_of_static_vectors() {
        assert_eq!([rescaled(-1.0), rescaled(NOTHING), rescaled(1.0), rescaled(1.1)], [0.0, 0.0, 1.0, 1.0]);
        assert!((rescaled(0.9) - 0.5).abs() < 1e-5);
    }
}
