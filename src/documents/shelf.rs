//! Which documents there are and what each says: the program's files, the user's over them, published versions over
//! both.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use qingting_index as index;
use qingting_index::Publication;
use qingting_pipeline as pipeline;
use qingting_pipeline::assets::{Asset, Assets, hex};
use sha2::{Digest, Sha256};

use super::Kind;

/// Where the text that counts comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It is inside the program.
    Program,
    /// It is in the user's folder (`--config`).
    Folder,
    /// It was published.
    Published,
}

impl Source {
    /// What it is called in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Folder => "config",
            Self::Published => "published",
        }
    }
}

/// A document as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Such as `rules/handling.toml`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where its text comes from.
    pub source: Source,
    /// The newest version; `None` where nothing was ever published.
    pub newest: Option<Publication>,
    /// What it says.
    pub text: String,
}

impl Document {
    /// The number of the newest version; 0 where nothing was ever published.
    pub fn version(&self) -> u32 {
        self.newest.as_ref().map_or(0, |newest| newest.version)
    }

    /// SHA-256 of its text, hexadecimal.
    pub fn sha256(&self) -> String {
        sha256(&self.text)
    }
}

/// A document that somebody would like to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Such as `rules/handling.toml`.
    pub name: String,
    /// What it is to say; `None` for what the files say.
    pub text: Option<String>,
}

/// SHA-256 of a text, hexadecimal.
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// All documents. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shelf {
    files: Assets,
    newest: Arc<BTreeMap<String, Publication>>,
    assets: Assets,
}

impl Shelf {
    /// The files, and over them the newest versions.
    pub fn new(files: Assets, newest: impl IntoIterator<Item = Publication>) -> Self {
        let newest: BTreeMap<_, _> = newest.into_iter().map(|version| (version.document.clone(), version)).collect();
        let mut shelf = Self { assets: files.clone(), files, newest: Arc::new(newest) };
        shelf.assets = shelf.with(&[]);
        shelf
    }

    /// The files, and over them what is published in a data folder; nothing where there is none.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn of_folder(files: Assets, data: &Path) -> index::Result<Self> {
        Ok(Self::new(files, index::newest_publications(data)?))
    }

    /// With versions published since.
    #[must_use]
    pub fn with_versions(&self, published: impl IntoIterator<Item = Publication>) -> Self {
        Self::new(self.files.clone(), self.newest.values().cloned().chain(published))
    }

    /// The number of the last publication that it knows; 0 for none.
    pub fn number(&self) -> i64 {
        self.newest.values().map(|newest| newest.number).max().unwrap_or(0)
    }

    /// What the pipeline reads.
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The files without what was published.
    pub fn files(&self) -> &Assets {
        &self.files
    }

    /// What the pipeline would read with some drafts in place of what there is. Mistakes in a draft are told by its name.
    pub fn with(&self, drafts: &[Draft]) -> Assets {
        let mut over = BTreeMap::new();
        for (name, newest) in self.newest.iter() {
            if let Some(text) = &newest.content {
                let origin = format!("published {name}@{}", newest.version);
                over.insert(name.clone(), Asset { origin, text: text.clone().into() });
            }
        }
        for draft in drafts {
            match &draft.text {
                None => drop(over.remove(&draft.name)),
                Some(text) => {
                    let asset = Asset { origin: draft.name.clone(), text: text.clone().into() };
                    over.insert(draft.name.clone(), asset);
                }
            }
        }
        self.files.with_files(over)
    }

    /// The number of the newest version of a document; 0 where nothing was ever published.
    pub fn version(&self, name: &str) -> u32 {
        self.newest.get(name).map_or(0, |newest| newest.version)
    }

    /// Whether somebody published a text for a document and it counts.
    fn is_published(&self, name: &str) -> bool {
        self.newest.get(name).is_some_and(|newest| newest.content.is_some())
    }

    /// What the files say of a document, if it is in one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn in_files(&self, name: &str) -> pipeline::Result<Option<String>> {
        if !Assets::is_embedded(name) && !self.files.is_overlaid(name) {
            return Ok(None);
        }
        Ok(Some(self.files.read(name)?.text.into_owned()))
    }

    /// A document, if it is there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, name: &str) -> pipeline::Result<Option<Document>> {
        let Ok(kind) = Kind::of(name) else {
            return Ok(None);
        };
        let source = match () {
            () if self.is_published(name) => Source::Published,
            () if self.files.is_overlaid(name) => Source::Folder,
            () if Assets::is_embedded(name) => Source::Program,
            () => return Ok(None),
        };
        let text = self.assets.read(name)?.text.into_owned();
        Ok(Some(Document {
            name: name.to_owned(),
            kind,
            source,
            newest: self.newest.get(name).cloned(),
            text,
        }))
    }

    /// A document that was published and is in no file now that its newest version leaves it to the files; empty.
    pub fn withdrawn(&self, name: &str) -> Option<Document> {
        let (kind, newest) = (Kind::of(name).ok()?, self.newest.get(name)?.clone());
        let (source, text) = (Source::Published, String::new());
        Some(Document { name: name.to_owned(), kind, source, newest: Some(newest), text })
    }

    /// Every document of some kinds, by kind and name.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn list(&self, kinds: &[Kind]) -> pipeline::Result<Vec<Document>> {
        let mut documents = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|kind| kinds.is_empty() || kinds.contains(kind)) {
            for extension in kind.extensions() {
                for name in self.assets.names(kind.folder(), extension)? {
                    documents.extend(self.get(&name)?);
                }
            }
        }
        Ok(documents)
    }

    /// The document in which a mistake is, by what the pipeline calls its file.
    pub(super) fn name_of(&self, origin: &str) -> Option<String> {
        let documents = self.list(&[]).ok()?;
        let mut names = documents.into_iter().map(|document| document.name);
        names.find(|name| self.assets.read(name).is_ok_and(|asset| asset.origin == origin))
    }
}
