//! The trained linear models that ship inside the program, by name, and their stored form.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::text::TextModel;
use crate::{Error, Result};

static EMBEDDED: &[u8] = include_bytes!("../artifacts/heads.bin");
static EMBEDDED_CATEGORIES: &[u8] = include_bytes!("../artifacts/category.bin");
static EMBEDDED_EMOTION: &[u8] = include_bytes!("../artifacts/emotion.bin");
/// Changes whenever the stored form does.
const VERSION: u32 = 2;
/// zstd level: written once, read at every start.
const LEVEL: i32 = 19;

/// Text models by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shelf {
    models: BTreeMap<String, TextModel>,
    fingerprint: String,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    models: BTreeMap<String, TextModel>,
}

impl Shelf {
    /// The models that ship inside the program.
    ///
    /// # Errors
    /// When they are not of this version.
    pub fn embedded() -> Result<Self> {
        Self::from_bytes(EMBEDDED).map_err(Error::Setting)
    }

    /// The model of emotions that ships inside the program.
    ///
    /// # Errors
    /// When it is not of this version.
    pub fn embedded_emotion() -> Result<Self> {
        Self::from_bytes(EMBEDDED_EMOTION).map_err(Error::Setting)
    }

    /// The models of categories that ship inside the program, by the name of their tree.
    ///
    /// # Errors
    /// When they are not of this version.
    pub fn embedded_categories() -> Result<Self> {
        Self::from_bytes(EMBEDDED_CATEGORIES).map_err(Error::Setting)
    }

    /// Models just trained.
    pub fn new(models: BTreeMap<String, TextModel>) -> Result<Self> {
        let mut shelf = Self { models, fingerprint: String::new() };
        shelf.fingerprint = digest(&shelf.to_bytes()?);
        Ok(shelf)
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read or is not of this version.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes).map_err(|reason| Error::Format { path: path.to_owned(), reason })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let plain = zstd::decode_all(bytes).map_err(|e| e.to_string())?;
        let stored: Stored = postcard::from_bytes(&plain).map_err(|e| format!("not a file of text models: {e}"))?;
        if stored.version != VERSION {
            return Err(format!("version {} of the format, this program reads {VERSION}", stored.version));
        }
        Ok(Self { models: stored.models, fingerprint: digest(bytes) })
    }

    /// The stored form.
    ///
    /// # Errors
    /// When it cannot be compressed.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let stored = Stored { version: VERSION, models: self.models.clone() };
        let plain = postcard::to_allocvec(&stored).map_err(|e| Error::Engine(e.to_string()))?;
        zstd::encode_all(plain.as_slice(), LEVEL).map_err(|e| Error::Engine(e.to_string()))
    }

    /// One model.
    pub fn get(&self, name: &str) -> Option<&TextModel> {
        self.models.get(name)
    }

    /// Every model, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TextModel)> {
        self.models.iter().map(|(name, model)| (name.as_str(), model))
    }

    /// SHA-256 over the stored form, first 16 hex digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_shelf_is_refused_with_a_reason() {
        assert!(Shelf::from_bytes(b"nothing").is_err());
        let other = postcard::to_allocvec(&Stored { version: 99, models: BTreeMap::new() }).unwrap();
        let error = Shelf::from_bytes(&zstd::encode_all(other.as_slice(), 1).unwrap()).unwrap_err();
        assert!(error.contains("version 99"), "{error}");
    }

    #[test]
    fn the_embedded_models_can_be_stored_and_read_again() {
        let shelf = Shelf::embedded().unwrap();
        assert!(shelf.iter().count() >= 3);
        assert_eq!(Shelf::from_bytes(&shelf.to_bytes().unwrap()).unwrap().models, shelf.models);
    }
}
