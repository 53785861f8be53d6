//! The query text that people type into one box: what was said ([`TextQuery`]) and conditions on the
//! fields, side by side: `停水 坐席:A04 分数<60 -队列:银行 OR (停电 date:2026-03)`.
//!
//! Nothing is an error. What cannot be meant as a condition is looked for as words, and a condition
//! with a value that its field cannot have is left out; either is said in a warning. Strict filters
//! are [`Filter::parse`]'s; how words are looked for is [`super::text`]'s.

mod names;
mod parse;

use tantivy::query::{AllQuery, BooleanQuery, ConstScoreQuery, EmptyQuery, Occur, Query};
use tantivy::{Searcher, Term};

use super::document::cut;
use super::filter::{Filter, Lookup};
use super::schema::{Fields, field_info};
use super::spoken::Scope;
use super::steady::steady;
use super::text::{Reading, TextQuery};
use crate::Result;
use crate::highlight::Needles;

/// Warnings beyond this number are not told.
const MOST_WARNINGS: usize = 8;

/// A query text as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What has to hold; nothing holds without it.
    root: Option<Node>,
    /// What was understood otherwise than written, for the person who wrote it.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(TextQuery),
    Condition(Filter),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

impl Expression {
    /// Reads a text; see the module's own description of the language.
    pub fn parse(text: &str, reading: Reading<'_>) -> Self {
        parse::parse(text, reading)
    }

    /// Whether words are looked for, by which hits can be ranked.
    pub fn has_words(&self) -> bool {
        !self.needles().is_empty()
    }

    /// What to highlight in the turns.
    pub fn needles(&self) -> Needles {
        let mut texts = Vec::new();
        if let Some(root) = &self.root {
            root.texts(false, &mut texts);
        }
        Needles::joined(texts.into_iter().map(TextQuery::needles))
    }

    /// What to highlight in calls that only sound like the words.
    pub(super) fn heard_needles(&self) -> Needles {
        let mut texts = Vec::new();
        if let Some(root) = &self.root {
            root.texts(false, &mut texts);
        }
        Needles::joined(texts.into_iter().map(TextQuery::heard_needles))
    }

    /// The query for calls that only sound like the words, and meet the conditions; `None` where nothing can
    /// be heard.
    ///
    /// # Errors
    /// When a condition was not settled.
    pub(super) fn build_heard(&self, fields: &Fields, scope: Scope) -> Result<Option<Box<dyn Query>>> {
        let Some(root) = &self.root else { return Ok(None) };
        let Some(heard) = root.heard(fields, scope)? else {
            return Ok(None);
        };
        let clauses = vec![
            (Occur::Must, heard),
            (Occur::MustNot, steady(root.build(fields, scope)?)),
        ];
        Ok(Some(Box::new(BooleanQuery::new(clauses))))
    }

    /// Brings the conditions into line with what is there: sets that are kept elsewhere are put in
    /// their place, and a value that no call has is taken in capitals or small letters if some call has
    /// it so.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(super) fn settle(
        &mut self,
        fields: &Fields,
        searcher: &Searcher,
        reading: Reading<'_>,
        lookup: &dyn Lookup,
    ) -> Result<()> {
        let mut settling = Settling { fields, searcher, reading, lookup, warnings: &mut self.warnings };
        if let Some(root) = &mut self.root {
            settling.node(root)?;
        }
        tidy(&mut self.warnings);
        Ok(())
    }

    /// The query over the turns that are looked at.
    ///
    /// # Errors
    /// When a condition was not settled.
    pub(super) fn build(&self, fields: &Fields, scope: Scope) -> Result<Box<dyn Query>> {
        self.root
            .as_ref()
            .map_or_else(|| Ok(Box::new(EmptyQuery) as Box<dyn Query>), |root| root.build(fields, scope))
    }
}

impl Node {
    /// The texts that calls have to contain.
    fn texts<'a>(&'a self, denied: bool, into: &mut Vec<&'a TextQuery>) {
        match self {
            Self::Text(text) if !denied => into.push(text),
            Self::Text(_) | Self::Condition(_) => {}
            Self::Not(node) => node.texts(!denied, into),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.texts(denied, into)),
        }
    }

    fn build(&self, fields: &Fields, scope: Scope) -> Result<Box<dyn Query>> {
        Ok(match self {
            Self::Text(text) => text.build(scope),
            // Conditions decide which calls match, not how well.
            Self::Condition(filter) => Box::new(ConstScoreQuery::new(filter.build(fields)?, 0.0)),
            Self::Not(_) => Self::all(std::slice::from_ref(self), fields, scope)?,
            Self::All(nodes) => Self::all(nodes, fields, scope)?,
            Self::Any(nodes) => {
                let queries: Result<Vec<_>> = nodes.iter().map(|node| node.build(fields, scope)).collect();
                Box::new(BooleanQuery::union(queries?))
            }
        })
    }

    /// Calls in which at least one of the texts is only heard, and everything else is as it has to be.
    fn heard(&self, fields: &Fields, scope: Scope) -> Result<Option<Box<dyn Query>>> {
        let ways: Vec<Box<dyn Query>> = match self {
            Self::Text(text) => text.build_heard(scope)?.into_iter().collect(),
            Self::Condition(_) | Self::Not(_) => Vec::new(),
            Self::Any(nodes) => {
                let heard: Result<Vec<_>> = nodes.iter().map(|node| node.heard(fields, scope)).collect();
                heard?.into_iter().flatten().collect()
            }
            Self::All(nodes) => {
                let mut ways: Vec<Box<dyn Query>> = Vec::new();
                for (at, node) in nodes.iter().enumerate() {
                    let Some(heard) = node.heard(fields, scope)? else {
                        continue;
                    };
                    let others = [&nodes[..at], &nodes[at + 1..]].concat();
                    ways.push(if others.is_empty() {
                        heard
                    } else {
                        let others = Self::all(&others, fields, scope)?;
                        Box::new(BooleanQuery::new(vec![(Occur::Must, heard), (Occur::Must, others)]))
                    });
                }
                ways
            }
        };
        Ok(match ways.len() {
            0 => None,
            1 => ways.into_iter().next(),
            _ => Some(Box::new(BooleanQuery::union(ways))),
        })
    }

    fn all(nodes: &[Self], fields: &Fields, scope: Scope) -> Result<Box<dyn Query>> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::with_capacity(nodes.len() + 1);
        for node in nodes {
            clauses.push(match node {
                Self::Not(denied) => (Occur::MustNot, steady(denied.build(fields, scope)?)),
                other => (Occur::Must, other.build(fields, scope)?),
            });
        }
        if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0))));
        }
        Ok(Box::new(BooleanQuery::new(clauses)))
    }
}

/// What bringing conditions into line needs.
struct Settling<'a> {
    fields: &'a Fields,
    searcher: &'a Searcher,
    reading: Reading<'a>,
    lookup: &'a dyn Lookup,
    warnings: &'a mut Vec<String>,
}

impl Settling<'_> {
    fn node(&mut self, node: &mut Node) -> Result<()> {
        match node {
            Node::Text(_) => Ok(()),
            Node::Not(node) => self.node(node),
            Node::All(nodes) | Node::Any(nodes) => nodes.iter_mut().try_for_each(|node| self.node(node)),
            Node::Condition(filter) => {
                if let Some(words) = self.filter(filter)? {
                    let found = std::mem::replace(filter, Filter::Any(Vec::new()));
                    *node = match found {
                        Filter::Any(found) if !found.is_empty() => {
                            Node::Any(vec![Node::Condition(Filter::Any(found)), Node::Text(words)])
                        }
                        _ => Node::Text(words),
                    };
                }
                Ok(())
            }
        }
    }

    /// Words to look for in place of the sets that are not there.
    fn filter(&mut self, filter: &mut Filter) -> Result<Option<TextQuery>> {
        match filter {
            Filter::Any(filters) => {
                let mut words: Option<TextQuery> = None;
                let mut kept = Vec::with_capacity(filters.len());
                for mut filter in std::mem::take(filters) {
                    match self.filter(&mut filter)? {
                        None => kept.push(filter),
                        Some(more) => words.get_or_insert_default().any.extend(more.any),
                    }
                }
                *filters = kept;
                Ok(words)
            }
            Filter::Elsewhere { field, value, .. } => match self.lookup.calls(field, value) {
                Ok(calls) => {
                    *filter = Filter::Calls(calls);
                    Ok(None)
                }
                Err(missing) => {
                    self.warnings.push(format!("{}；已按文字“{value}”查找", missing.zh));
                    Ok(Some(TextQuery::parse(&format!("\"{value}\""), self.reading)))
                }
            },
            Filter::Is { field, value } => {
                self.value(field, value)?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn value(&mut self, field: &'static str, value: &mut String) -> Result<()> {
        let handle = self.fields.get(field)?;
        let known = |value: &str| self.searcher.doc_freq(&Term::from_field_text(handle, cut(value)));
        // The levels of categories are in a field of their own.
        if field == "category" || known(value)? > 0 {
            return Ok(());
        }
        let name = field_info(field).map_or(field, |info| info.zh());
        for other in [value.to_uppercase(), value.to_lowercase()] {
            if other != *value && known(&other)? > 0 {
                self.warnings.push(format!("没有{name}是“{value}”的通话，已按“{other}”查找"));
                *value = other;
                return Ok(());
            }
        }
        self.warnings.push(format!("没有{name}是“{value}”的通话；要查找这些文字，请给它们加上引号"));
        Ok(())
    }
}

/// Each warning once, and not too many.
fn tidy(warnings: &mut Vec<String>) {
    let mut seen = std::collections::BTreeSet::new();
    warnings.retain(|warning| seen.insert(warning.clone()));
    warnings.truncate(MOST_WARNINGS);
}
