//! Documents, versions, mistakes and changes on the wire.

use qingting_index::Publication;
use qingting_pipeline::pipeline::Stale;
use qingting_pipeline::score::{CallChange, CodeChange, FindingExample, ScoreChange};
use qingting_proto::v1;

use crate::documents::{Change, Document, Draft, ItemChange, Kind, MAX_DRAFTS, Mistake, Source, Trial};
use crate::server::calls::resource;
use crate::server::convert::Invalid;

/// Collection in resource names.
const COLLECTION: &str = "documents/";

/// The name of a document out of a resource name.
pub(super) fn name(field: &str, name: &str) -> Result<String, Invalid> {
    let wrong = |message: String| Invalid::field(field, message);
    let document =
        name.strip_prefix(COLLECTION).ok_or_else(|| wrong("must be documents/{folder}/{file}".to_owned()))?;
    Kind::of(document).map_err(wrong)?;
    Ok(document.to_owned())
}

/// A version's number.
pub(super) fn version(field: &str, version: i32) -> Result<u32, Invalid> {
    u32::try_from(version).map_err(|_| Invalid::field(field, "must not be negative"))
}

/// Drafts, each with the version that its document is thought to have.
pub(super) fn drafts(drafts: Vec<v1::Draft>) -> Result<Vec<(Draft, u32)>, Invalid> {
    if drafts.is_empty() || drafts.len() > MAX_DRAFTS {
        return Err(Invalid::field("drafts", format!("must be 1 to {MAX_DRAFTS}")));
    }
    let mut invalid = Invalid::default();
    let mut read = Vec::with_capacity(drafts.len());
    for (i, draft) in drafts.into_iter().enumerate() {
        let name = name(&format!("drafts[{i}].name"), &draft.name);
        let expected = version(&format!("drafts[{i}].expected_version"), draft.expected_version);
        match (name, expected) {
            (Ok(name), Ok(expected)) => read.push((Draft { name, text: Some(draft.text) }, expected)),
            (name, expected) => {
                let wrong = name.err().into_iter().chain(expected.err());
                invalid.violations.extend(wrong.flat_map(|wrong| wrong.violations));
            }
        }
    }
    invalid.or(read)
}

/// Kinds that are asked for.
pub(super) fn kinds(kinds: &[i32]) -> Result<Vec<Kind>, Invalid> {
    let kind = |(i, &value): (usize, &i32)| {
        let known = Kind::ALL.into_iter().find(|kind| kind_to_wire(*kind) as i32 == value);
        known.ok_or_else(|| Invalid::field(format!("kinds[{i}]"), format!("unknown value {value}")))
    };
    kinds.iter().enumerate().map(kind).collect()
}

fn kind_to_wire(kind: Kind) -> v1::DocumentKind {
    match kind {
        Kind::Rules => v1::DocumentKind::Rules,
        Kind::Scorecard => v1::DocumentKind::Scorecard,
        Kind::Phrases => v1::DocumentKind::Phrases,
        Kind::Lexicon => v1::DocumentKind::Lexicon,
        Kind::Dictionary => v1::DocumentKind::Dictionary,
        Kind::Synonyms => v1::DocumentKind::Synonyms,
        Kind::Taxonomy => v1::DocumentKind::Taxonomy,
        Kind::Indicators => v1::DocumentKind::Indicators,
    }
}

/// A document without its text.
pub(super) fn document(document: &Document) -> v1::Document {
    let source = match document.source {
        Source::Program => v1::DocumentSource::Program,
        Source::Folder => v1::DocumentSource::Config,
        Source::Published => v1::DocumentSource::Published,
    };
    v1::Document {
        name: format!("{COLLECTION}{}", document.name),
        kind: kind_to_wire(document.kind).into(),
        source: source.into(),
        version: signed(document.version()),
        sha256: document.sha256(),
        newest: document.newest.as_ref().map(|newest| published(newest, document.version())),
        text: String::new(),
        indexed: document.kind.is_indexed(),
    }
}

/// A version of a document whose newest is `newest`.
pub(super) fn published(version: &Publication, newest: u32) -> v1::DocumentVersion {
    let author = v1::DocumentAuthor { id: version.who.clone(), display_name: version.name.clone() };
    v1::DocumentVersion {
        version: signed(version.version),
        author: Some(author),
        publish_time: version.at.clone(),
        note: version.note.clone(),
        sha256: version.sha256.clone(),
        restores: version.restores.map(signed),
        config_fingerprint: version.fingerprint.clone(),
        active: version.version == newest,
    }
}

/// Mistakes and warnings.
pub(super) fn mistakes(mistakes: Vec<Mistake>) -> Vec<v1::DocumentMistake> {
    let mistake = |mistake: Mistake| v1::DocumentMistake {
        document: match Kind::of(&mistake.document) {
            Ok(_) => format!("{COLLECTION}{}", mistake.document),
            Err(_) => mistake.document,
        },
        line: counted(mistake.line),
        column: mistake.column.map_or(0, counted),
        message: mistake.message,
    };
    mistakes.into_iter().map(mistake).collect()
}

/// What of an analysis changes.
pub(super) fn affected(stale: Stale) -> v1::AffectedStages {
    match stale {
        Stale::Nothing => v1::AffectedStages::None,
        Stale::Score => v1::AffectedStages::Score,
        Stale::Rules => v1::AffectedStages::Rules,
        Stale::Everything => v1::AffectedStages::All,
    }
}

/// An item that changes.
pub(super) fn change(change: ItemChange) -> v1::DocumentChange {
    use v1::document_change::Kind as K;
    let kind = match change.change {
        Change::Added => K::Added,
        Change::Removed => K::Removed,
        Change::Changed => K::Changed,
    };
    v1::DocumentChange { item: change.item, kind: kind.into(), fields: change.fields }
}

/// What a dry run found.
pub(super) fn result(trial: Trial, truncated: bool, warnings: Vec<Mistake>) -> v1::DryRunResult {
    let Trial { comparison, analyzed_afresh } = trial;
    v1::DryRunResult {
        call_count: count(comparison.calls),
        changed_count: count(comparison.changed),
        afresh_count: count(analyzed_afresh),
        truncated,
        codes: comparison.codes.into_iter().map(code).collect(),
        scores: Some(scores(&comparison.scores)),
        top_calls: comparison.top.into_iter().map(call).collect(),
        warnings: mistakes(warnings),
    }
}

fn code(change: CodeChange) -> v1::CodeChange {
    v1::CodeChange {
        code: change.code,
        before_count: count(change.before),
        after_count: count(change.after),
        gained_count: count(change.gained),
        lost_count: count(change.lost),
        gained_examples: change.gained_examples.into_iter().map(example).collect(),
        lost_examples: change.lost_examples.into_iter().map(example).collect(),
    }
}

fn example(example: FindingExample) -> v1::FindingExample {
    v1::FindingExample {
        call: resource(&example.call_id),
        code: example.code,
        turn: example.turn.map(signed),
        quote: example.quote,
        rule: example.rule,
        explanation: example.explanation,
    }
}

fn scores(change: &ScoreChange) -> v1::ScoreChange {
    v1::ScoreChange {
        scored_count: count(change.scored),
        appeared_count: count(change.appeared),
        disappeared_count: count(change.disappeared),
        mean_before: change.mean_before,
        mean_after: change.mean_after,
        raised_count: count(change.raised),
        lowered_count: count(change.lowered),
        failed_now_count: count(change.failed_now),
        failed_before_count: count(change.failed_before),
    }
}

fn call(change: CallChange) -> v1::CallChange {
    v1::CallChange {
        call: resource(&change.call_id),
        score_before: change.score_before,
        score_after: change.score_after,
        gained: change.gained.into_iter().map(example).collect(),
        lost: change.lost.into_iter().map(example).collect(),
    }
}

pub(super) fn signed(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn counted(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
