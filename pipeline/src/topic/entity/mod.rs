//! The places, organisations and services that a text names, each under one name however it is written.
//! Owns finding and naming them; which of them belong to a hot spot is not decided here.
//!
//! A name is known as a whole (`config/lexicon/entities.toml`, tagged words of `config/dict/`) or it is
//! pieced together backwards from what ends it (路, 小区, 有限公司), word by word, until a word that a
//! name cannot have ([`names`]). What is left is one name or, where it is too common, none.

mod lexicon;
mod names;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::lexicon::{Lexicon, Meaning};
use self::names::{Reader, Text};
use crate::Result;
use crate::assets::Assets;
use crate::record::Span;
use crate::segment::Segmenter;

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A place: road, estate, village, district, station, park; an organisation where one is (育英小学门口).
    Place,
    /// A company, bureau, bank, school, hospital, committee.
    Organisation,
    /// What is asked for or goes wrong: 居住证, 垃圾清运, 宽带.
    Service,
}

impl EntityKind {
    /// The name that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Organisation => "organisation",
            Self::Service => "service",
        }
    }

    /// The name that supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Place => "地点",
            Self::Organisation => "单位",
            Self::Service => "事项",
        }
    }
}

/// One mention of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// Its canonical name: the same for all ways in which it is written.
    pub name: String,
    /// Where it is mentioned, in characters of the text.
    pub span: Span,
}

/// Finds entities.
#[derive(Debug)]
pub struct EntityFinder {
    lexicon: Lexicon,
    segmenter: Arc<Segmenter>,
}

/// An entity that was read; a longer or earlier one may yet take its place.
#[derive(Debug, Clone)]
struct Candidate {
    kind: EntityKind,
    /// Folded, as the canonical name begins when it is part of a longer one.
    name: String,
    /// In characters.
    start: usize,
    end: usize,
    /// The ending that it was read from; `None` for a name known as a whole.
    suffix: Option<usize>,
}

impl EntityFinder {
    /// Loads `lexicon/entities.toml` and takes the words tagged `ns`, `nt` or `service` in `dict/*.txt`.
    ///
    /// # Errors
    /// When the file is missing or has a mistake in it; the error names the line.
    pub fn new(assets: &Assets, segmenter: Arc<Segmenter>) -> Result<Self> {
        Ok(Self { lexicon: Lexicon::load(assets, &segmenter)?, segmenter })
    }

    /// The entities of a normalized and masked text, ordered by start and kind. Those of one kind do not
    /// overlap. Costs about one cut into words.
    pub fn find(&self, text: &str) -> Vec<Entity> {
        let text = Text::new(text, &self.segmenter);
        let mut matches: Vec<(usize, usize, usize)> = self
            .lexicon
            .automaton
            .find_overlapping_iter(&text.fold)
            .map(|found| (found.end(), found.start(), found.pattern().as_usize()))
            .collect();
        // By end, the longest first: what a longer ending reads, a shorter one need not.
        matches.sort_unstable();
        let mut reader = Reader::new(&self.lexicon, &self.segmenter, &text);
        for (end, start, pattern) in matches {
            let (Some(start), Some(end)) = (text.char_at(start), text.char_at(end)) else {
                continue;
            };
            for meaning in &self.lexicon.meanings[pattern] {
                match meaning {
                    Meaning::Name { kind, canonical } => reader.known(*kind, canonical, start, end),
                    Meaning::Ending(suffix) => reader.ending(*suffix, start, end),
                }
            }
        }
        reader.cities();
        let candidates = settle(reader.into_candidates());
        let mut entities: Vec<Entity> =
            candidates.into_iter().filter_map(|candidate| self.entity(&text, candidate)).collect();
        entities.sort_by_key(|entity| (entity.span, entity.kind));
        entities
    }

    fn entity(&self, text: &Text, candidate: Candidate) -> Option<Entity> {
        let Candidate { kind, name, start, end, suffix } = candidate;
        if suffix.is_some() && self.lexicon.is_generic(&name) {
            return None;
        }
        let name = self.lexicon.canonical(kind, &name);
        // What happens in front of a school is no matter of the school's.
        let located = kind == EntityKind::Organisation
            && self.lexicon.locatives.iter().any(|word| text.chars[end..].starts_with(word));
        let kind = if located { EntityKind::Place } else { kind };
        Some(Entity { kind, name, span: Span::new(start as u32, end as u32) })
    }
}

/// Of candidates that share characters keeps the longest of a kind, and no place or service inside an
/// organisation, no service inside a place: 公积金中心 is no 公积金.
fn settle(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let rank = |kind| match kind {
        EntityKind::Organisation => 0,
        EntityKind::Place => 1,
        EntityKind::Service => 2,
    };
    candidates.sort_by_key(|c| (std::cmp::Reverse(c.end - c.start), rank(c.kind), c.start));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if !kept.iter().any(|other| other.start < candidate.end && candidate.start < other.end) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests;
