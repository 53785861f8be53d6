//! What was decided, read from wherever it is kept.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use qingting_index::{DataDir, Error, Result, ReviewEntry, ReviewKind, ReviewQuery};
use qingting_pipeline::Analyzed;
use qingting_pipeline::finding::Catalog;

use super::case::Case;
use super::event::{Event, Recorded};
use super::export::training_record;
use super::verdict::Review;

/// What cases are made of.
const DECISIONS: [ReviewKind; 5] = [
    ReviewKind::Reviewed,
    ReviewKind::Appealed,
    ReviewKind::Decided,
    ReviewKind::Contested,
    ReviewKind::Judged,
];
/// Reviews that agreement is told from: the last ones.
const REVIEWS_READ: u32 = 20_000;

/// Whoever can be asked what was decided.
pub trait Log {
    /// The rows that are asked for.
    ///
    /// # Errors
    /// When they cannot be read.
    fn rows(&self, query: &ReviewQuery) -> Result<Vec<ReviewEntry>>;
}

impl Log for DataDir {
    fn rows(&self, query: &ReviewQuery) -> Result<Vec<ReviewEntry>> {
        self.reviews(query)
    }
}

/// What happened, as far as it is asked for.
///
/// # Errors
/// When it cannot be read, or a row is not of the form.
pub fn events(log: &(impl Log + ?Sized), query: &ReviewQuery) -> Result<Vec<Recorded>> {
    log.rows(query)?.into_iter().map(Recorded::of).collect()
}

/// Everything that was decided on a call.
///
/// # Errors
/// When it cannot be read.
pub fn case(log: &(impl Log + ?Sized), call_id: &str) -> Result<Case> {
    let query = ReviewQuery { call_id: Some(call_id.to_owned()), ..ReviewQuery::of(&DECISIONS) };
    Ok(Case::of(events(log, &query)?))
}

/// Whether a call belongs to a calibration that is open.
///
/// # Errors
/// When it cannot be read.
pub fn is_blind(log: &(impl Log + ?Sized), call_id: &str) -> Result<bool> {
    let included = ReviewQuery { call_id: Some(call_id.to_owned()), ..ReviewQuery::of(&[ReviewKind::Included]) };
    for row in log.rows(&included)? {
        let closed = ReviewQuery { under: row.under, limit: 1, ..ReviewQuery::of(&[ReviewKind::Closed]) };
        if log.rows(&closed)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Every call of an open calibration.
///
/// # Errors
/// When it cannot be read.
pub fn blind_calls(log: &(impl Log + ?Sized)) -> Result<BTreeSet<String>> {
    let closed = log.rows(&ReviewQuery::of(&[ReviewKind::Closed]))?;
    let closed: BTreeSet<Option<i64>> = closed.into_iter().map(|row| row.under).collect();
    let included = log.rows(&ReviewQuery::of(&[ReviewKind::Included]))?.into_iter();
    Ok(included.filter(|row| !closed.contains(&row.under)).filter_map(|row| row.call_id).collect())
}

/// The last reviews with their times, oldest first: what agreement is told from.
///
/// # Errors
/// When they cannot be read.
pub fn last_reviews(log: &(impl Log + ?Sized)) -> Result<Vec<(DateTime<Utc>, Review)>> {
    let query = ReviewQuery {
        newest_first: true,
        limit: REVIEWS_READ,
        ..ReviewQuery::of(&[ReviewKind::Reviewed])
    };
    let reviews = events(log, &query)?.into_iter().rev().filter_map(|row| match row.event {
        Event::Reviewed(review) => Some((row.at, review)),
        _ => None,
    });
    Ok(reviews.collect())
}

/// Every call on which something was decided, by id.
///
/// # Errors
/// When it cannot be read.
pub fn decided(log: &(impl Log + ?Sized)) -> Result<Vec<String>> {
    let query = ReviewQuery::of(&[ReviewKind::Reviewed, ReviewKind::Decided, ReviewKind::Judged]);
    let calls: BTreeSet<String> = log.rows(&query)?.into_iter().filter_map(|row| row.call_id).collect();
    Ok(calls.into_iter().collect())
}

/// A call as a line of training data, without the line's end. `None` where nothing stands by people, or nothing since then;
/// while an appeal is under way or a calibration with the call is open; where the call is gone or says something else by now.
///
/// # Errors
/// When the log or the call cannot be read.
pub fn training_line(
    log: &(impl Log + ?Sized),
    get_call: impl FnOnce() -> Result<Option<Analyzed>>,
    call_id: &str,
    codes: &Catalog,
    since: DateTime<Utc>,
) -> Result<Option<String>> {
    let case = case(log, call_id)?;
    let Some((standing, _, at)) = case.standing().filter(|_| case.is_settled()) else {
        return Ok(None);
    };
    if at < since || is_blind(log, call_id)? {
        return Ok(None);
    }
    let record = get_call()?.and_then(|call| training_record(&call.record, standing, codes));
    let line = record.map(|record| serde_json::to_string(&record)).transpose();
    line.map_err(|e| Error::Refused { what: format!("call {call_id}"), message: e.to_string() })
}
