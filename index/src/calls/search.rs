//! Running a search: query, page, facets, and the turns that a hit shows.

use std::cmp::Reverse;

use qingting_pipeline::record::CallRecord;
use tantivy::Searcher;
use tantivy::query::{AllQuery, BooleanQuery, ConstScoreQuery, Occur, Query};

use super::CallIndex;
use super::aggregate::{self, By, Tally};
use super::collect::{Cursor, PageCollector};
use super::columns::Columns;
use super::document::speaker;
use super::filter::{Filter, Lookup};
use super::language::Expression;
use super::like::likeness;
use super::pins::Snapshot;
use super::query::{CallPage, CallQuery, Sort, SortBy, TurnHit};
use super::spoken::Scope;
use super::transcripts::Transcripts;
use crate::Result;
use crate::analyzer::content;
use crate::highlight::{Needles, slice, window};

/// Largest page.
const LARGEST_PAGE: usize = 1_000;

/// Told with a page whose state of the index is gone, where that matters.
const SHIFTED: &str = "翻页期间通话有更新，相关度已重新计算：个别通话可能重复或遗漏，需要完整结果请从第一页重新查询";

/// Said when nothing matches as it is written.
const ONLY_HEARD: &str = "没有逐字匹配，以下按读音匹配";

/// Said when little matches as it is written.
const ALSO_HEARD: &str = "逐字匹配的通话较少，其后为按读音匹配";

/// Where fewer calls than this match, calls that only sound like the text are looked for.
const FEW: u64 = 10;

impl CallIndex {
    /// Finds calls. All pages of a search are of one state of the index as long as it is kept: each hit is
    /// on one page, whatever is written in between. A search by relevance whose state is gone goes on in the
    /// current one with a warning; in other orders only a call whose value has changed can be missed
    /// or repeated then.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a page token of another query, a facet that cannot be counted, or a
    /// filter with a set that is not there; [`Error::NotFound`] without the call that others are to be
    /// like; otherwise when the index or `calls` cannot be read.
    pub fn search(&self, query: &CallQuery, lookup: &dyn Lookup, calls: &dyn Transcripts) -> Result<CallPage> {
        let by: Result<Vec<By>> = query.facets.iter().map(|facet| By::field(&facet.field)).collect();
        let by = by?;
        let text = query.text.as_deref().map(|text| self.parse(text));
        let ranked = query.like.is_some() || text.as_ref().is_some_and(Expression::has_words);
        let sort = query.sort.unwrap_or(if ranked { Sort::RELEVANCE } else { Sort::NEWEST });
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
        let (after, wanted) = after.unzip();
        let (searcher, snapshot) = self.state(wanted);
        let mut parts = build(self, query, text, &searcher, lookup, calls)?;

        let (after, heard_after) = if among_heard { (None, after) } else { (after, None) };
        let page = PageCollector { sort, limit: if among_heard { 0 } else { limit + 1 }, after };
        let (mut collected, mut counts) = if by.is_empty() {
            (searcher.search(&parts.query, &page)?, Vec::new())
        } else {
            searcher.search(&parts.query, &(page, Tally { by: by.clone(), detailed: false }))?
        };
        let exact = collected.entries.len();
        let listens = query.by_sound && (among_heard || collected.total < FEW);
        let heard = if listens { parts.heard(self, query)? } else { None };
        if let Some(heard) = heard {
            let page = PageCollector { sort, limit: limit + 1 - exact, after: heard_after };
            let more = searcher.search(&heard, &page)?;
            if more.total > 0 {
                let none = collected.total == 0;
                parts.warnings.push(if none { ONLY_HEARD } else { ALSO_HEARD }.to_owned());
                if !by.is_empty() {
                    let either = BooleanQuery::union(vec![parts.query.box_clone(), heard]);
                    counts = searcher.search(&either, &Tally { by, detailed: false })?;
                }
            }
            collected.total += more.total;
            collected.entries.extend(more.entries);
        }
        let more = collected.entries.len() > limit;
        collected.entries.truncate(limit);
        let among_heard = collected.entries.len() > exact;
        let next = collected
            .entries
            .last()
            .filter(|_| more)
            .map(|last| Cursor::of(last).token(if among_heard { &heard_identity } else { &identity }, snapshot));
        if next.is_some() {
            self.pins.keep(snapshot, &searcher);
        }
        let shows_turns = query.turns_per_call > 0;
        let needles = if shows_turns {
            parts.needles()
        } else {
            Needles::default()
        };
        let heard_needles = if shows_turns && among_heard {
            parts.heard_needles()
        } else {
            Needles::default()
        };
        let ids: Vec<&str> = collected.entries.iter().map(|entry| entry.call_id.as_str()).collect();
        let mut columns = Columns::new(&searcher);
        let mut hits = Vec::with_capacity(ids.len());
        for ((at, entry), call) in collected.entries.iter().enumerate().zip(calls.transcripts(&ids)?) {
            let by_sound = at >= exact;
            let mut hit = columns.hit(entry)?;
            hit.by_sound = by_sound;
            // A call can be gone from the store while this state of the index still has it.
            if let Some(call) = call {
                hit.started_at = call.started_at.map(|at| at.to_rfc3339());
                hit.shared_words = self.shared(&call, &parts.words);
                hit.turns = self.turn_hits(&call, query, if by_sound { &heard_needles } else { &needles });
            }
            hits.push(hit);
        }
        let mut warnings = parts.warnings;
        if sort.by == SortBy::Relevance && wanted.is_some_and(|wanted| wanted != snapshot) {
            warnings.push(SHIFTED.to_owned());
        }
        Ok(CallPage {
            total: collected.total,
            hits,
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

    /// The state of the index that a page is of, or the current one.
    fn state(&self, wanted: Option<Snapshot>) -> (Searcher, Snapshot) {
        if let Some(wanted) = wanted
            && let Some(searcher) = self.pins.find(wanted)
        {
            return (searcher, wanted);
        }
        let searcher = self.reader.searcher();
        let snapshot = Snapshot::of(&searcher);
        (searcher, snapshot)
    }

    /// Those of some words that were said in a call.
    fn shared(&self, call: &CallRecord, words: &[String]) -> Vec<String> {
        if words.is_empty() {
            return Vec::new();
        }
        let said: Vec<String> = call.turns.iter().map(|turn| content(&self.analyzer.fold(&turn.text))).collect();
        words.iter().filter(|word| said.iter().any(|turn| turn.contains(*word))).cloned().collect()
    }

    /// The turns with the most different needles, the earlier ones first among equals.
    fn turn_hits(&self, call: &CallRecord, query: &CallQuery, needles: &Needles) -> Vec<TurnHit> {
        if needles.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<_> = call
            .turns
            .iter()
            .enumerate()
            .filter(|(_, turn)| query.spoken_by.is_none_or(|wanted| wanted == speaker(turn.role)))
            .map(|(index, turn)| (index, turn, needles.find(&self.analyzer.fold(&turn.text))))
            .filter(|(.., found)| found.distinct > 0)
            .collect();
        found.sort_by_key(|(index, .., found)| (Reverse(found.distinct), *index));
        found.truncate(query.turns_per_call);
        found.sort_by_key(|(index, ..)| *index);
        found
            .into_iter()
            .map(|(index, turn, found)| {
                let shown = window(turn.text.chars().count() as u32, &found.spans, query.snippet_chars.max(1));
                TurnHit {
                    turn: index as u32,
                    role: turn.role,
                    start_ms: turn.start_ms,
                    end_ms: turn.end_ms,
                    snippet: slice(&turn.text, shown).to_owned(),
                    snippet_start: shown.start,
                    highlights: found.spans,
                    by_sound: found.by_sound,
                }
            })
            .collect()
    }
}

/// A query as it is run.
pub(super) struct Built {
    pub(super) query: Box<dyn Query>,
    text: Option<Expression>,
    /// Everything but the text.
    rest: Vec<Box<dyn Query>>,
    /// Words by which calls are like a given one.
    words: Vec<String>,
    warnings: Vec<String>,
}

impl Built {
    fn needles(&self) -> Needles {
        let text = self.text.as_ref().map(Expression::needles).unwrap_or_default();
        Needles::joined([text, Needles::new(&self.words)])
    }

    /// What to highlight in calls that only sound like the text.
    fn heard_needles(&self) -> Needles {
        self.text.as_ref().map(Expression::heard_needles).unwrap_or_default()
    }

    /// The same query for calls that only sound like the text; `None` where nothing can be heard.
    fn heard(&self, index: &CallIndex, query: &CallQuery) -> Result<Option<Box<dyn Query>>> {
        let Some(text) = &self.text else { return Ok(None) };
        let heard = text.build_heard(&index.fields, scope(index, query))?;
        Ok(heard.map(|heard| all_of(Some(heard), &self.rest)))
    }
}

/// The turns that are looked at.
fn scope(index: &CallIndex, query: &CallQuery) -> Scope {
    Scope { text: index.fields.text, by: query.spoken_by }
}

fn all_of(text: Option<Box<dyn Query>>, rest: &[Box<dyn Query>]) -> Box<dyn Query> {
    let all = text.into_iter().chain(rest.iter().map(|query| query.box_clone()));
    let clauses: Vec<(Occur, Box<dyn Query>)> = all.map(|query| (Occur::Must, query)).collect();
    if clauses.is_empty() {
        return Box::new(AllQuery);
    }
    Box::new(BooleanQuery::new(clauses))
}

/// The tantivy query of everything that decides which calls match.
pub(super) fn build(
    index: &CallIndex,
    query: &CallQuery,
    text: Option<Expression>,
    searcher: &Searcher,
    lookup: &dyn Lookup,
    calls: &dyn Transcripts,
) -> Result<Built> {
    let fields = &index.fields;
    let (mut rest, mut words, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let (mut texts, mut settled) = (None, None);
    if let Some(mut text) = text {
        text.settle(fields, searcher, index.reading(&index.synonyms()), lookup)?;
        texts = Some(text.build(fields, scope(index, query))?);
        warnings.clone_from(&text.warnings);
        settled = Some(text);
    }
    if let Some(call_id) = &query.like {
        let likeness = likeness(index, searcher, call_id, calls)?;
        if likeness.words.is_empty() {
            warnings.push(format!("通话 {call_id} 没有与其他通话相同的特征词，因此没有相似通话"));
        }
        rest.push(likeness.query);
        words = likeness.words;
    }
    let mut conditions: Vec<Box<dyn Query>> = Vec::new();
    if let Some(filter) = &query.filter {
        let mut filter = filter.clone();
        filter.resolve(lookup)?;
        conditions.push(filter.build(fields)?);
    }
    if query.since.is_some() || query.until.is_some() {
        conditions.push(Filter::days(query.since, query.until).build(fields)?);
    }
    if let Some(ids) = &query.call_ids {
        conditions.push(Filter::Calls(ids.clone()).build(fields)?);
    }
    // Conditions decide which calls match, not how well.
    rest.extend(conditions.into_iter().map(|q| Box::new(ConstScoreQuery::new(q, 0.0)) as Box<dyn Query>));
    Ok(Built { query: all_of(texts, &rest), text: settled, rest, words, warnings })
}

/// What a page token belongs to: everything but the page, its size and what is shown of a hit.
fn identity(query: &CallQuery, sort: Sort) -> String {
    let CallQuery { text, like, spoken_by, filter, call_ids, since, until, by_sound, .. } = query;
    format!("{:?}", (text, like, spoken_by, filter, call_ids, since, until, by_sound, sort))
}
