//! Running a search: query, page, facets, and the turns that a hit shows.

use tantivy::TantivyDocument;
use tantivy::query::{AllQuery, BooleanQuery, ConstScoreQuery, Occur, Query, TermSetQuery};
use tantivy::schema::Value;
use tantivy::{Searcher, Term};

use super::CallIndex;
use super::aggregate::{self, By, Tally};
use super::collect::{Cursor, Entry, PageCollector};
use super::document::{StoredCall, cut, speaker};
use super::filter::Filter;
use super::query::{CallHit, CallPage, CallQuery, Sort, TurnHit};
use super::text::TextQuery;
use crate::highlight::{Needles, slice, window};
use crate::{Error, Result};

/// Largest page.
const LARGEST_PAGE: usize = 1_000;

impl CallIndex {
    /// Finds calls.
    ///
    /// # Errors
    /// [`crate::Error::InvalidQuery`] for a page token of another query or a facet that cannot be counted;
    /// otherwise when the index cannot be read.
    pub fn search(&self, query: &CallQuery) -> Result<CallPage> {
        let (tantivy_query, text) = build(self, query)?;
        let has_words = text.as_ref().is_some_and(|t| !t.needles().is_empty());
        let sort = query.sort.unwrap_or(if has_words { Sort::RELEVANCE } else { Sort::NEWEST });
        let limit = query.limit.clamp(1, LARGEST_PAGE);
        let identity = identity(query, sort);
        let after = query.page_token.as_deref().map(|token| Cursor::read(token, &identity)).transpose()?;
        let by: Result<Vec<By>> = query.facets.iter().map(|facet| By::field(&facet.field)).collect();
        let by = by?;

        let searcher = self.reader.searcher();
        let page = PageCollector { sort, limit: limit + 1, after };
        let (mut collected, counts) = if by.is_empty() {
            (searcher.search(&tantivy_query, &page)?, Vec::new())
        } else {
            searcher.search(&tantivy_query, &(page, Tally { by, detailed: false }))?
        };
        let more = collected.entries.len() > limit;
        collected.entries.truncate(limit);
        let next = collected.entries.last().filter(|_| more).map(|last| Cursor::of(last).token(&identity));
        let needles = text.as_ref().filter(|_| query.turns_per_call > 0).map(TextQuery::needles).unwrap_or_default();
        let hits: Result<Vec<CallHit>> =
            collected.entries.iter().map(|entry| self.hit(&searcher, entry, query, &needles)).collect();
        Ok(CallPage {
            total: collected.total,
            hits: hits?,
            next,
            facets: query
                .facets
                .iter()
                .zip(counts)
                .map(|(request, counts)| aggregate::facet(request, counts))
                .collect(),
            warnings: text.map(|t| t.warnings).unwrap_or_default(),
        })
    }

    fn hit(&self, searcher: &Searcher, entry: &Entry, query: &CallQuery, needles: &Needles) -> Result<CallHit> {
        let document: TantivyDocument = searcher.doc(entry.address)?;
        let bytes = document.get_first(self.fields.stored).and_then(|value| value.as_bytes()).unwrap_or_default();
        let call: StoredCall = serde_json::from_slice(bytes).map_err(|e| Error::json("an indexed call", e))?;
        let turns = self.turn_hits(&call, query, needles);
        Ok(CallHit {
            call_id: call.call_id,
            relevance: entry.relevance,
            started_at: call.started_at,
            agent: call.agent,
            queue: call.queue,
            appeal_type: call.appeal_type,
            outcome: call.outcome,
            score: call.score,
            duration_ms: call.duration_ms,
            codes: call.codes,
            turns,
        })
    }

    /// The turns with the most different needles, the earlier ones first among equals.
    fn turn_hits(&self, call: &StoredCall, query: &CallQuery, needles: &Needles) -> Vec<TurnHit> {
        if needles.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<_> = call
            .turns
            .iter()
            .enumerate()
            .filter(|(_, turn)| query.spoken_by.is_none_or(|wanted| wanted == speaker(turn.0)))
            .map(|(index, turn)| (index, turn, needles.find(&self.analyzer.fold(&turn.3))))
            .filter(|(_, _, found)| found.distinct > 0)
            .collect();
        found.sort_by_key(|(index, _, found)| (std::cmp::Reverse(found.distinct), *index));
        found.truncate(query.turns_per_call);
        found.sort_by_key(|(index, ..)| *index);
        found
            .into_iter()
            .map(|(index, turn, found)| {
                let shown = window(turn.3.chars().count() as u32, &found.spans, query.snippet_chars.max(1));
                TurnHit {
                    turn: index as u32,
                    role: turn.0,
                    start_ms: turn.1,
                    end_ms: turn.2,
                    snippet: slice(&turn.3, shown).to_owned(),
                    snippet_start: shown.start,
                    highlights: found.spans,
                }
            })
            .collect()
    }
}

/// The tantivy query of everything that decides which calls match.
pub(super) fn build(index: &CallIndex, query: &CallQuery) -> Result<(Box<dyn Query>, Option<TextQuery>)> {
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    let fields = &index.fields;
    let text = query.text.as_deref().map(|text| index.parse(text));
    if let Some(text) = &text {
        let searched = match query.spoken_by {
            Some(speaker) => &fields.texts[speaker as usize..=speaker as usize],
            None => &fields.texts[..],
        };
        clauses.push((Occur::Must, text.build(searched)));
    }
    let mut conditions: Vec<Box<dyn Query>> = Vec::new();
    if let Some(filter) = &query.filter {
        conditions.push(filter.build(fields)?);
    }
    if query.since.is_some() || query.until.is_some() {
        conditions.push(Filter::days(query.since, query.until).build(fields)?);
    }
    if let Some(ids) = &query.call_ids {
        let terms = ids.iter().map(|id| Term::from_field_text(fields.call_id, cut(id)));
        conditions.push(Box::new(TermSetQuery::new(terms)));
    }
    // Conditions decide which calls match, not how well.
    clauses.extend(
        conditions
            .into_iter()
            .map(|q| (Occur::Must, Box::new(ConstScoreQuery::new(q, 0.0)) as Box<dyn Query>)),
    );
    if clauses.is_empty() {
        clauses.push((Occur::Must, Box::new(AllQuery)));
    }
    Ok((Box::new(BooleanQuery::new(clauses)), text))
}

/// What a page token belongs to: everything but the page, its size and what is shown of a hit.
fn identity(query: &CallQuery, sort: Sort) -> String {
    let CallQuery { text, spoken_by, filter, call_ids, since, until, .. } = query;
    format!("{:?}", (text, spoken_by, filter, call_ids, since, until, sort))
}
