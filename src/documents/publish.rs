//! Publishing: what has to hold before drafts become versions. Who may publish is decided elsewhere, and so is where
//! versions are kept.

use chrono::Utc;
use qingting_index::Publication;
use qingting_pipeline::Pipeline;
use qingting_pipeline::config::PipelineConfig;

use super::shelf::sha256;
use super::{Checked, Draft, Kind, MAX_NOTE, Mistake, Shelf, check};

/// Who publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// By id.
    pub id: String,
    /// As people call them.
    pub name: String,
}

/// Why nothing is published.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The drafts cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Mistakes(Vec<Mistake>),
    /// Somebody has published since.
    #[error("{document} is at version {current}, not {expected}")]
    Conflict {
        /// The document.
        document: String,
        /// The version that it was thought to have.
        expected: u32,
        /// The version that it has.
        current: u32,
    },
    /// The document says that already.
    #[error("{0} says that already: nothing would change")]
    Same(String),
    /// The search indexes would be of other words than the calls that are added to them.
    #[error(
        "the dictionary changes: stop the server, publish with `qingting rules publish --reindex` (or `rollback`), and \
         start it again"
    )]
    NewWords,
    /// There is no such document, or no such version of it.
    #[error("{0} is not there")]
    Unknown(String),
    /// A note is missing or too long.
    #[error("note: {0}")]
    Note(String),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] qingting_pipeline::Error),
}

/// Versions that can be kept, and what works with them.
#[derive(Debug)]
pub struct Prepared {
    /// What is to be kept; their numbers are given by the ledger.
    pub versions: Vec<Publication>,
    /// The pipeline over them, and what is worth knowing.
    pub checked: Checked,
}

impl Prepared {
    /// The documents with the versions, once these have their numbers.
    #[must_use]
    pub fn shelved(&self, shelf: &Shelf, numbers: &[i64]) -> Shelf {
        let numbered = self.versions.iter().zip(numbers);
        shelf.with_versions(numbered.map(|(version, &number)| Publication { number, ..version.clone() }))
    }
}

/// Makes the next versions out of drafts, each with the version that its document is thought to have.
///
/// # Errors
/// When one of them cannot be used, changes nothing, or is not of the newest version.
pub fn prepare(
    current: &Pipeline,
    config: &PipelineConfig,
    shelf: &Shelf,
    drafts: &[(Draft, u32)],
    restores: Option<u32>,
    (author, note): (&Author, &str),
) -> Result<Prepared, Refusal> {
    let note = note.trim();
    if note.is_empty() || note.chars().count() > MAX_NOTE {
        return Err(Refusal::Note(format!("say why, in up to {MAX_NOTE} characters")));
    }
    for (draft, expected) in drafts {
        let (expected, version) = (*expected, shelf.version(&draft.name));
        if expected != version {
            return Err(Refusal::Conflict { document: draft.name.clone(), expected, current: version });
        }
        let before = shelf.get(&draft.name)?;
        let published = before.as_ref().is_some_and(|document| document.source == super::Source::Published);
        let same = match &draft.text {
            Some(text) => before.is_some_and(|document| document.text == *text),
            None => !published,
        };
        if same {
            return Err(Refusal::Same(draft.name.clone()));
        }
    }
    let drafts: Vec<Draft> = drafts.iter().map(|(draft, _)| draft.clone()).collect();
    if drafts.is_empty() {
        return Err(Refusal::Mistakes(vec![Mistake::of("", "there is nothing to publish")]));
    }
    let checked = check(current, config, shelf, &drafts).map_err(Refusal::Mistakes)?;
    let versions = drafts.into_iter().map(|draft| Publication {
        number: 0,
        version: shelf.version(&draft.name) + 1,
        document: draft.name,
        at: Utc::now().to_rfc3339(),
        who: author.id.clone(),
        name: author.name.clone(),
        note: note.to_owned(),
        sha256: draft.text.as_deref().map_or_else(String::new, sha256),
        content: draft.text,
        restores,
        fingerprint: checked.pipeline.provenance().config_fingerprint.clone(),
    });
    Ok(Prepared { versions: versions.collect(), checked })
}

/// The draft that restores a version; `old` is that version, or `None` for 0, that of the files.
///
/// # Errors
/// When there is no such document or version.
pub fn roll_back(shelf: &Shelf, name: &str, version: u32, old: Option<Publication>) -> Result<Draft, Refusal> {
    let unknown = || Refusal::Unknown(format!("version {version} of {name}"));
    if Kind::of(name).is_err() || shelf.version(name) == 0 {
        return Err(unknown());
    }
    let text = match (version, old) {
        (0, _) => None,
        (_, Some(old)) if old.version == version && old.document == name => old.content,
        _ => return Err(unknown()),
    };
    Ok(Draft { name: name.to_owned(), text })
}
