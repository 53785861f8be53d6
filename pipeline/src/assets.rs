//! The files of `config/`: embedded in the binary, overlaid by a folder of the user's.
//! This module finds and reads them; what they mean is their stage's business.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../config");

/// The embedded configuration files and, over them, those of one folder of the same layout.
/// A file of the same relative name replaces the embedded one; others are added.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    overlay: Option<PathBuf>,
    /// Over both, by name.
    over: Arc<BTreeMap<String, Asset>>,
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
            Ok(meta) if meta.is_dir() => Ok(Self { overlay: Some(dir), ..Self::default() }),
            Ok(_) => Err(Error::io(dir, std::io::Error::from(std::io::ErrorKind::NotADirectory))),
            Err(source) => Err(Error::io(dir, source)),
        }
    }

    /// The same, with some files over whatever there was: they replace those of the same name, others are added.
    #[must_use]
    pub fn with_files(&self, files: impl IntoIterator<Item = (String, Asset)>) -> Self {
        let mut over = (*self.over).clone();
        over.extend(files);
        Self { overlay: self.overlay.clone(), over: Arc::new(over) }
    }

    /// Whether the program has a file of that name of its own.
    pub fn is_embedded(name: &str) -> bool {
        EMBEDDED.get_file(name).is_some()
    }

    /// Whether the user's folder has a file of that name.
    pub fn is_overlaid(&self, name: &str) -> bool {
        self.overlay.as_ref().is_some_and(|dir| dir.join(name).is_file())
    }

    /// Reads one file by its name relative to `config/`, such as `lexicon/cues.toml`.
    ///
    /// # Errors
    /// When it is in neither place, or cannot be read as UTF-8.
    pub fn read(&self, name: &str) -> Result<Asset> {
        if let Some(asset) = self.over.get(name) {
            return Ok(asset.clone());
        }
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
        self.names(folder, extension)?.iter().map(|name| self.read(name)).collect()
    }

    /// The names of every file of one folder with that extension, sorted.
    ///
    /// # Errors
    /// When the user's folder cannot be read.
    pub fn names(&self, folder: &str, extension: &str) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        let wanted = |path: &Path| path.extension().is_some_and(|e| e == extension);
        if let Some(dir) = EMBEDDED.get_dir(folder) {
            for file in dir.files().filter(|f| wanted(f.path())) {
                names.insert(file.path().to_string_lossy().into_owned());
            }
        }
        if let Some(dir) = self.overlay.as_ref().map(|d| d.join(folder)).filter(|d| d.is_dir()) {
            for entry in std::fs::read_dir(&dir).map_err(|e| Error::io(&dir, e))? {
                let path = entry.map_err(|e| Error::io(&dir, e))?.path();
                if wanted(&path)
                    && let Some(name) = path.file_name()
                {
                    names.insert(format!("{folder}/{}", name.to_string_lossy()));
                }
            }
        }
        let beneath = |name: &&String| Path::new(name.as_str()).parent() == Some(Path::new(folder));
        names.extend(self.over.keys().filter(beneath).filter(|name| wanted(Path::new(name))).cloned());
        Ok(names)
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
    hex(&digest[..digest.len().min(8)])
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Parses a TOML asset; mistakes carry the file and the line.
///
/// # Errors
/// [`Error::Config`] for anything that is not TOML of the shape `T`.
pub fn parse_toml<T: serde::de::DeserializeOwned>(asset: &Asset) -> Result<T> {
    toml::from_str(&asset.text).map_err(|error| match error.span() {
        Some(span) => Error::at(asset, span.start, error.message()),
        None => Error::in_line(asset, 1, error.message()),
    })
}

/// The line, from 1, on which a byte of a text lies.
pub fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes()[..byte.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1
}

/// The character of its line, from 1, at which a byte of a text lies.
pub fn column_of(text: &str, byte: usize) -> usize {
    let before = &text[..text.floor_char_boundary(byte)];
    before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_over_the_overlay_and_over_what_is_embedded() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dict")).unwrap();
        std::fs::write(dir.path().join("dict/zz_user.txt"), "新词\n").unwrap();
        let assets = Assets::with_overlay(dir.path()).unwrap();
        let file = |text: &'static str| Asset { origin: "published".into(), text: text.into() };
        let over = assets.with_files([
            ("dict/zz_user.txt".to_owned(), file("词\n")),
            ("dict/30_city.txt".to_owned(), file("城\n")),
            ("dict/zzz.txt".to_owned(), file("末\n")),
        ]);
        assert_eq!(over.read("dict/30_city.txt").unwrap().text, "城\n");
        let texts: Vec<_> = over.read_dir("dict", "txt").unwrap().into_iter().map(|asset| asset.text).collect();
        assert_eq!(texts.len(), assets.read_dir("dict", "txt").unwrap().len() + 1);
        assert_eq!(texts[texts.len() - 2..], ["词\n", "末\n"]);
        assert!(over.is_overlaid("dict/zz_user.txt") && !over.is_overlaid("dict/zzz.txt"));
        let same = assets.with_files([("dict/zz_user.txt".to_owned(), file("新词\n"))]);
        let folders = [("dict", "txt")];
        assert_eq!(
            same.fingerprint(&folders).unwrap(),
            assets.fingerprint(&folders).unwrap(),
            "what counts is the text"
        );
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!([0, 3, 4, 7].map(|byte| column_of("词\n居住证", byte)), [1, 2, 1, 2]);
    }

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
