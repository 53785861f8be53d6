//! The files of `config/`: embedded in the binary, overlaid by a folder of the user's.
//! This module finds and reads them; what they mean is their stage's business.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../config");

/// The embedded configuration files and, over them, those of one folder of the same layout.
/// A file of the same relative name replaces the embedded one; others are added.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    overlay: Option<PathBuf>,
}

/// One configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Where a user finds it: `config/...` when embedded, else the path of the file.
    pub origin: String,
    /// Its text.
    pub text: Cow<'static, str>,
}

impl Assets {
    /// The embedded files alone.
    pub fn embedded() -> Self {
        Self::default()
    }

    /// The embedded files, overlaid by those under `dir`.
    ///
    /// # Errors
    /// When `dir` is not a folder.
    pub fn with_overlay(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        match std::fs::metadata(&dir) {
            Ok(meta) if meta.is_dir() => Ok(Self { overlay: Some(dir) }),
            Ok(_) => Err(Error::io(dir, std::io::Error::from(std::io::ErrorKind::NotADirectory))),
            Err(source) => Err(Error::io(dir, source)),
        }
    }

    /// Reads one file by its name relative to `config/`, such as `lexicon/cues.toml`.
    ///
    /// # Errors
    /// When it is in neither place, or cannot be read as UTF-8.
    pub fn read(&self, name: &str) -> Result<Asset> {
        if let Some(path) = self.overlay.as_ref().map(|dir| dir.join(name))
            && path.is_file()
        {
            let text = std::fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
            return Ok(Asset { origin: path.display().to_string(), text: Cow::Owned(text) });
        }
        let file = EMBEDDED.get_file(name).ok_or_else(|| Error::MissingAsset(name.to_owned()))?;
        let text = file.contents_utf8().ok_or_else(|| Error::MissingAsset(name.to_owned()))?;
        Ok(Asset { origin: format!("config/{name}"), text: Cow::Borrowed(text) })
    }

    /// Reads every file of one folder with that extension, sorted by name.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn read_dir(&self, folder: &str, extension: &str) -> Result<Vec<Asset>> {
        let mut names = BTreeMap::new();
        let wanted = |path: &Path| path.extension().is_some_and(|e| e == extension);
        if let Some(dir) = EMBEDDED.get_dir(folder) {
            for file in dir.files().filter(|f| wanted(f.path())) {
                names.insert(file.path().to_string_lossy().into_owned(), ());
            }
        }
        if let Some(dir) = self.overlay.as_ref().map(|d| d.join(folder)).filter(|d| d.is_dir()) {
            for entry in std::fs::read_dir(&dir).map_err(|e| Error::io(&dir, e))? {
                let path = entry.map_err(|e| Error::io(&dir, e))?.path();
                if wanted(&path)
                    && let Some(name) = path.file_name()
                {
                    names.insert(format!("{folder}/{}", name.to_string_lossy()), ());
                }
            }
        }
        names.keys().map(|name| self.read(name)).collect()
    }

    /// SHA-256 over the names and contents of the given folders' files, first 16 hex digits.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn fingerprint(&self, folders: &[(&str, &str)]) -> Result<String> {
        let mut hash = Sha256::new();
        for (folder, extension) in folders {
            for asset in self.read_dir(folder, extension)? {
                hash.update(folder.as_bytes());
                hash.update((asset.text.len() as u64).to_le_bytes());
                hash.update(asset.text.as_bytes());
            }
        }
        Ok(short_hex(&hash.finalize()))
    }
}

/// The first 16 hex digits of a digest: the form in which fingerprints are shown and kept.
pub fn short_hex(digest: &[u8]) -> String {
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Parses a TOML asset; mistakes carry the file and the line.
///
/// # Errors
/// [`Error::Config`] for anything that is not TOML of the shape `T`.
pub fn parse_toml<T: serde::de::DeserializeOwned>(asset: &Asset) -> Result<T> {
    toml::from_str(&asset.text).map_err(|error| Error::Config {
        file: asset.origin.clone(),
        line: error.span().map_or(1, |span| line_of(&asset.text, span.start)),
        message: error.message().to_owned(),
    })
}

/// The line, from 1, on which a byte of a text lies.
pub fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes()[..byte.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_replaces_and_adds() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dict")).unwrap();
        std::fs::write(dir.path().join("dict/zz_user.txt"), "新词\n").unwrap();
        let assets = Assets::with_overlay(dir.path()).unwrap();
        let embedded = Assets::embedded().read_dir("dict", "txt").unwrap().len();
        let overlaid = assets.read_dir("dict", "txt").unwrap();
        assert_eq!(overlaid.len(), embedded + 1);
        assert_eq!(overlaid.last().unwrap().text, "新词\n");
        assert_ne!(
            assets.fingerprint(&[("dict", "txt")]).unwrap(),
            Assets::embedded().fingerprint(&[("dict", "txt")]).unwrap()
        );
    }

    #[test]
    fn mistakes_in_toml_name_file_and_line() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Shape {
            #[allow(dead_code)]
            known: i32,
        }
        let asset = Asset { origin: "config/x.toml".into(), text: "known = 1\n\nunknown = 2\n".into() };
        let error = parse_toml::<Shape>(&asset).unwrap_err().to_string();
        assert!(error.starts_with("config/x.toml:3: unknown field `unknown`"), "{error}");
    }
}
