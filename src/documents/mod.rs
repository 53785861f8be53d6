//! Rules, scorecards, dictionaries, phrase lists, synonyms and indicator sets as data: which documents there are and where each comes
//! from, whether drafts can be used, what they change, and the versions that are published. What a document means is its
//! stage's business, where versions are kept the ledger's.
//!
//! A document is a file of `config/` in one of the folders of [`Kind`]. Of a document counts, from least to most: the file
//! inside the program, that of the user's folder, the newest published version. A version can also say that the files
//! count again.

mod check;
mod difference;
mod publish;
mod shelf;
mod trial;

#[cfg(test)]
mod tests;

pub use check::{Checked, Mistake, check};
pub use difference::{Change, ItemChange, items, unified};
pub use publish::{Author, Prepared, Refusal, prepare, roll_back};
pub use shelf::{Document, Draft, Shelf, Source, sha256 as digest};
pub use trial::{Trial, trial};

/// Longest text of a document, bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Most drafts that are looked at together.
pub const MAX_DRAFTS: usize = 64;
/// Longest note of a version, characters.
pub const MAX_NOTE: usize = 1000;
/// Longest name of a file, bytes.
const MAX_NAME: usize = 120;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Declarative rules, `rules/*.toml`.
    Rules,
    /// A scorecard, `scorecards/*.toml`.
    Scorecard,
    /// Phrase lists, `lexicon/cues/*.toml`.
    Phrases,
    /// A lexicon that a stage reads by its name, `lexicon/*`.
    Lexicon,
    /// Words of the domain, `dict/*.txt`.
    Dictionary,
    /// Words that searches take for each other, `synonyms/*.txt`.
    Synonyms,
    /// A tree of categories, `taxonomy/*.toml`.
    Taxonomy,
    /// A set of indicators, `indicators/*.toml`.
    Indicators,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Rules,
        Self::Scorecard,
        Self::Phrases,
        Self::Lexicon,
        Self::Dictionary,
        Self::Synonyms,
        Self::Taxonomy,
        Self::Indicators,
    ];

    /// What it is called in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Scorecard => "scorecard",
            Self::Phrases => "phrases",
            Self::Lexicon => "lexicon",
            Self::Dictionary => "dictionary",
            Self::Synonyms => "synonyms",
            Self::Taxonomy => "taxonomy",
            Self::Indicators => "indicators",
        }
    }

    /// Its folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Scorecard => "scorecards",
            Self::Phrases => "lexicon/cues",
            Self::Lexicon => "lexicon",
            Self::Dictionary => "dict",
            Self::Synonyms => "synonyms",
            Self::Taxonomy => "taxonomy",
            Self::Indicators => "indicators",
        }
    }

    /// The extensions of its files.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Dictionary | Self::Synonyms => &["txt"],
            Self::Lexicon => &["toml", "txt"],
            Self::Rules | Self::Scorecard | Self::Phrases | Self::Taxonomy | Self::Indicators => &["toml"],
        }
    }

    /// Whether whatever lies in the folder is read, so that there can be new ones.
    pub fn may_be_new(self) -> bool {
        !matches!(self, Self::Lexicon | Self::Taxonomy)
    }

    /// Whether the search indexes hold what it says, so that a change needs them to be built anew.
    pub fn is_indexed(self) -> bool {
        self == Self::Dictionary
    }

    /// The kind of a document, by its name.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn of(name: &str) -> Result<Self, String> {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let Some(kind) = Self::ALL.into_iter().find(|kind| kind.folder() == folder) else {
            let folders: Vec<&str> = Self::ALL.into_iter().map(Self::folder).collect();
            return Err(format!("must be FOLDER/FILE with one of the folders {}", folders.join(", ")));
        };
        let (stem, extension) = file.rsplit_once('.').unwrap_or((file, ""));
        if !kind.extensions().contains(&extension) {
            return Err(format!("a file of {folder}/ ends in .{}", kind.extensions().join(" or .")));
        }
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        if stem.is_empty() || stem.starts_with('.') || !stem.chars().all(fits) || file.len() > MAX_NAME {
            return Err(format!("the file has up to {MAX_NAME} bytes: letters, digits, `_`, `-` and `.`"));
        }
        Ok(kind)
    }
}
