//! Whether drafts can be used: every mistake with its place, and what else somebody should know before they are published.

use std::collections::BTreeSet;
use std::sync::Arc;

use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::pipeline::Stale;
use qingting_pipeline::{Error, Pipeline};

use super::difference::{Change, items};
use super::{Draft, Kind, MAX_BYTES, MAX_DRAFTS, Shelf};
use crate::indicator::{self, Names};

/// Something that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The document; as the pipeline calls the file where it is none, such as a folder that cannot be read.
    pub document: String,
    /// The line, from 1; 0 where there is none.
    pub line: usize,
    /// The character of the line, from 1, where it is known.
    pub column: Option<usize>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Mistake {
    /// About a document as a whole.
    pub(super) fn of(document: &str, message: impl Into<String>) -> Self {
        Self { document: document.to_owned(), line: 0, column: None, message: message.into() }
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.document)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Drafts that can be used.
#[derive(Debug)]
pub struct Checked {
    /// The pipeline over them.
    pub pipeline: Arc<Pipeline>,
    /// What somebody should know.
    pub warnings: Vec<Mistake>,
    /// What of an analysis depends on what changes.
    pub affected: Stale,
    /// Whether the search indexes have to be built anew.
    pub needs_reindex: bool,
}

/// Builds the pipeline over drafts, runs the examples of its rules, and tells what is wrong with the drafts or with
/// what there is once they are used.
///
/// # Errors
/// All mistakes.
pub fn check(
    current: &Pipeline,
    config: &PipelineConfig,
    shelf: &Shelf,
    drafts: &[Draft],
) -> Result<Checked, Vec<Mistake>> {
    let mistakes = outside(shelf, drafts);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let assets = shelf.with(drafts);
    let renewed = current.renewed(config, &assets);
    let pipeline =
        renewed.map_err(|errors| errors.iter().map(|error| told(shelf, drafts, error)).collect::<Vec<_>>())?;
    let (mut mistakes, mut warnings) = (Vec::new(), Vec::new());
    for failure in pipeline.check_rule_examples() {
        let message = format!("rule `{}`: {}", failure.rule, failure.message);
        let mistake = Mistake {
            document: named(shelf, drafts, &failure.file),
            line: failure.line,
            column: None,
            message,
        };
        // An example that did not hold before is no fault of the drafts, unless they touch its rules.
        if drafts.iter().any(|draft| draft.name == mistake.document) {
            mistakes.push(mistake);
        } else {
            warnings.push(mistake);
        }
    }
    // Sets of indicators name codes and items, which other documents define.
    let sets = indicator::load(&assets, &Names::of(&pipeline));
    mistakes.extend(sets.err().iter().flatten().map(|error| told(shelf, drafts, error)));
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    warnings.extend(drafts.iter().flat_map(|draft| not_counted_up(shelf, draft)));
    let affected = pipeline.stale(current.provenance());
    let words = |pipeline: &Pipeline| pipeline.segmenter().fingerprint().to_owned();
    let needs_reindex = words(&pipeline) != words(current);
    if needs_reindex {
        let of = drafts.iter().filter(|draft| Kind::of(&draft.name).is_ok_and(Kind::is_indexed));
        warnings.extend(of.map(|draft| {
            Mistake::of(
                &draft.name,
                "other words: the search indexes have to be built anew, so it is published with the server stopped \
                 (`qingting rules publish --reindex`)",
            )
        }));
    }
    Ok(Checked { pipeline: Arc::new(pipeline), warnings, affected, needs_reindex })
}

/// What is wrong with drafts whatever they say.
fn outside(shelf: &Shelf, drafts: &[Draft]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    if drafts.len() > MAX_DRAFTS {
        mistakes.push(Mistake::of("", format!("more than {MAX_DRAFTS} drafts at once")));
    }
    let mut seen = BTreeSet::new();
    for draft in drafts.iter().take(MAX_DRAFTS) {
        let mut wrong = |message: String| mistakes.push(Mistake::of(&draft.name, message));
        let kind = match Kind::of(&draft.name) {
            Ok(kind) => kind,
            Err(message) => {
                wrong(message);
                continue;
            }
        };
        if !seen.insert(&draft.name) {
            wrong("is given twice".to_owned());
        }
        if draft.text.as_ref().is_some_and(|text| text.len() > MAX_BYTES) {
            wrong(format!("is longer than {MAX_BYTES} bytes"));
        }
        if !kind.may_be_new() && !matches!(shelf.in_files(&draft.name), Ok(Some(_))) {
            wrong(format!("nothing reads a new file in {}/; those that are there can be changed", kind.folder()));
        }
    }
    mistakes
}

fn told(shelf: &Shelf, drafts: &[Draft], error: &Error) -> Mistake {
    match error {
        Error::Config { file, line, column, message } => Mistake {
            document: named(shelf, drafts, file),
            line: *line,
            column: *column,
            message: message.clone(),
        },
        other => Mistake::of("", other.to_string()),
    }
}

/// The document that the pipeline calls by its file.
fn named(shelf: &Shelf, drafts: &[Draft], file: &str) -> String {
    if drafts.iter().any(|draft| draft.name == file) {
        return file.to_owned();
    }
    shelf.name_of(file).unwrap_or_else(|| file.to_owned())
}

/// Rules, scorecards and sets of indicators that change and keep their version, by which findings, scores and totals could
/// not be told apart.
fn not_counted_up(shelf: &Shelf, draft: &Draft) -> Vec<Mistake> {
    let kind = Kind::of(&draft.name);
    let (Ok(kind @ (Kind::Rules | Kind::Scorecard | Kind::Indicators)), Some(new)) = (kind, &draft.text) else {
        return Vec::new();
    };
    let Ok(Some(old)) = shelf.get(&draft.name) else {
        return Vec::new();
    };
    let changes = items(kind, &old.text, new);
    let warn = |what: String| Mistake::of(&draft.name, format!("{what} changes and its `version` does not"));
    if kind != Kind::Rules {
        let counted = changes.is_empty() || changes.iter().any(|change| change.item == "version");
        let what = if kind == Kind::Scorecard {
            "the scorecard"
        } else {
            "the set"
        };
        return if counted {
            Vec::new()
        } else {
            vec![warn(what.to_owned())]
        };
    }
    let changed = changes.iter().filter(|change| change.change == Change::Changed && change.item.starts_with("rule:"));
    let kept = changed.filter(|change| !change.fields.iter().any(|field| field == "version"));
    kept.map(|change| warn(format!("rule `{}`", change.item.trim_start_matches("rule:")))).collect()
}
