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
use super::schema::TextFields;
use super::text::TextQuery;
use crate::highlight::{Needles, slice, window};
use crate::{Error, Result};

/// Largest page.
const LARGEST_PAGE: usize = 1_000;

/// Said when nothing matches as it is written.
const ONLY_HEARD: &str = "没有逐字匹配，以下按读音匹配";

/// Said when little matches as it is written.
const ALSO_HEARD: &str = "逐字匹配的通话较少，其后为按读音匹配";

/// Where fewer calls than this match, calls that only sound like the text are looked for.
const FEW: u64 = 10;

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
        let heard_identity = format!("{identity} by sound");
        // A page that ended among the calls that only sound alike goes on there.
        let (after, among_heard) = match query.page_token.as_deref() {
            None => (None, false),
            Some(token) => match Cursor::read(token, &heard_identity) {
                Ok(cursor) => (Some(cursor), true),
                Err(_) => (Some(Cursor::read(token, &identity)?), false),
            },
        };
        let by: Result<Vec<By>> = query.facets.iter().map(|facet| By::field(&facet.field)).collect();
        let by = by?;

        let searcher = self.reader.searcher();
        let (after, heard_after) = if among_heard { (None, after) } else { (after, None) };
        let wanted = if among_heard { 0 } else { limit + 1 };
        let page = PageCollector { sort, limit: wanted, after };
        let (mut collected, mut counts) = if by.is_empty() {
            (searcher.search(&tantivy_query, &page)?, Vec::new())
        } else {
            searcher.search(&tantivy_query, &(page, Tally { by: by.clone(), detailed: false }))?
        };
        let exact = collected.entries.len();
        let mut warnings = text.as_ref().map(|t| t.warnings.clone()).unwrap_or_default();
        let heard = match &text {
            Some(text) if query.by_sound && (among_heard || collected.total < FEW) => build_heard(self, query, text)?,
            _ => None,
        };
        if let Some(heard) = heard {
            let page = PageCollector { sort, limit: limit + 1 - exact, after: heard_after };
            let more = searcher.search(&heard, &page)?;
            if more.total > 0 {
                let none = collected.total == 0;
                warnings.push(if none { ONLY_HEARD } else { ALSO_HEARD }.to_owned());
                if !by.is_empty() {
                    let either = BooleanQuery::union(vec![tantivy_query, heard]);
                    counts = searcher.search(&either, &Tally { by, detailed: false })?;
                }
            }
            collected.total += more.total;
            collected.entries.extend(more.entries);
        }
        let more = collected.entries.len() > limit;
        collected.entries.truncate(limit);
        let next = collected.entries.last().filter(|_| more).map(|last| {
            let among_heard = collected.entries.len() > exact;
            Cursor::of(last).token(if among_heard { &heard_identity } else { &identity })
        });
        let shows_turns = query.turns_per_call > 0;
        let needles = text.as_ref().filter(|_| shows_turns).map(TextQuery::needles).unwrap_or_default();
        let heard_needles = text
            .as_ref()
            .filter(|_| shows_turns && collected.entries.len() > exact)
            .map(TextQuery::heard_needles)
            .unwrap_or_default();
        let hits: Result<Vec<CallHit>> = collected
            .entries
            .iter()
            .enumerate()
            .map(|(at, entry)| {
                let by_sound = at >= exact;
                let hit = self.hit(&searcher, entry, query, if by_sound { &heard_needles } else { &needles })?;
                Ok(CallHit { by_sound, ..hit })
            })
            .collect();
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
            warnings,
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
            by_sound: false,
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
                    by_sound: found.by_sound,
                }
            })
            .collect()
    }
}

/// The tantivy query of everything that decides which calls match.
pub(super) fn build(index: &CallIndex, query: &CallQuery) -> Result<(Box<dyn Query>, Option<TextQuery>)> {
    let text = query.text.as_deref().map(|text| index.parse(text));
    let texts = text.as_ref().map(|text| text.build(searched(index, query)));
    Ok((restricted(index, query, texts)?, text))
}

/// The same for calls that only sound like the text.
fn build_heard(index: &CallIndex, query: &CallQuery, text: &TextQuery) -> Result<Option<Box<dyn Query>>> {
    match text.build_heard(searched(index, query))? {
        Some(heard) => Ok(Some(restricted(index, query, Some(heard))?)),
        None => Ok(None),
    }
}

/// The text fields of those speakers whose turns are looked at.
fn searched<'a>(index: &'a CallIndex, query: &CallQuery) -> &'a [TextFields] {
    let texts = &index.fields.texts;
    match query.spoken_by {
        Some(speaker) => &texts[speaker as usize..=speaker as usize],
        None => &texts[..],
    }
}

/// The query of a text together with everything else that has to hold.
fn restricted(index: &CallIndex, query: &CallQuery, text: Option<Box<dyn Query>>) -> Result<Box<dyn Query>> {
    let fields = &index.fields;
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = text.into_iter().map(|text| (Occur::Must, text)).collect();
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
    Ok(Box::new(BooleanQuery::new(clauses)))
}

/// What a page token belongs to: everything but the page, its size and what is shown of a hit.
fn identity(query: &CallQuery, sort: Sort) -> String {
    let CallQuery { text, spoken_by, filter, call_ids, since, until, by_sound, .. } = query;
    format!("{:?}", (text, spoken_by, filter, call_ids, since, until, by_sound, sort))
}
