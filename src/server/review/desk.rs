//! Where decisions are made: on the thread that writes, with what was decided before and the calls that the one who
//! decides may see.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use qingting_index as index;
use qingting_index::{ReviewEntry, ReviewKind, ReviewQuery};
use qingting_pipeline::finding::Catalog;
use qingting_pipeline::{Analyzed, Pipeline};
use tonic::Status;

use super::super::acting::{Acted, act};
use super::super::backend::{Reader, Writer};
use super::super::calls::missing;
use super::super::shared::Shared;
use super::super::status::Failure;
use crate::access::Principal;
use crate::review::{Event, Log, Recorded, Refusal, Session, Who, events};

impl Log for dyn Reader {
    fn rows(&self, query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>> {
        self.reviews(query)
    }
}

impl Log for Desk<'_> {
    fn rows(&self, query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>> {
        self.writer.reviews(query)
    }
}

/// One thing that happened, by its number.
pub(super) fn event(log: &(impl Log + ?Sized), kind: ReviewKind, number: i64, name: &str) -> Result<Recorded, Failure> {
    let query = ReviewQuery { number: Some(number), ..ReviewQuery::of(&[kind]) };
    let found = events(log, &query)?.into_iter().next();
    found.ok_or_else(|| Refusal::Unknown(name.to_owned()).into())
}

/// A calibration with what is seen of it.
pub(super) fn session(log: &(impl Log + ?Sized), number: i64, name: &str) -> Result<Session, Failure> {
    let opened = event(log, ReviewKind::Opened, number, name)?;
    let rest = events(log, &ReviewQuery { under: Some(number), ..ReviewQuery::default() })?;
    let session = Session::of(std::iter::once(opened).chain(rest));
    session.ok_or_else(|| Refusal::Unknown(name.to_owned()).into())
}

/// Who has a call at the moment, and until when.
pub(super) fn lease(
    log: &(impl Log + ?Sized),
    call_id: &str,
    now: DateTime<Utc>,
) -> Result<Option<(Who, DateTime<Utc>)>, Failure> {
    let query = ReviewQuery {
        call_id: Some(call_id.to_owned()),
        newest_first: true,
        limit: 1,
        unreviewed: true,
        ..ReviewQuery::of(&[ReviewKind::Leased])
    };
    let last = events(log, &query)?.into_iter().next();
    Ok(last.and_then(|leased| match leased.event {
        Event::Leased { until } if until > now => Some((leased.who, until)),
        _ => None,
    }))
}

/// Somebody at work.
pub(super) struct Desk<'a> {
    writer: &'a mut dyn Writer,
    /// Shows what they may see.
    pub(super) reader: Arc<dyn Reader>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) who: Who,
    pub(super) now: DateTime<Utc>,
    /// Nobody knows what was kept.
    broken: bool,
}

impl Desk<'_> {
    /// The codes that there are.
    pub(super) fn codes(&self) -> &Catalog {
        self.pipeline.finder().catalog()
    }

    /// A call that they may see.
    pub(super) fn call(&self, call_id: &str) -> Result<Analyzed, Failure> {
        self.reader.get_call(call_id)?.ok_or_else(|| missing(call_id))
    }

    /// Something that they do.
    pub(super) fn act(&self, under: Option<i64>, event: Event) -> Recorded {
        Recorded::new(&self.who, self.now, under, event)
    }

    /// Something that they do about a call.
    pub(super) fn act_on(&self, call: &Analyzed, under: Option<i64>, event: Event) -> Recorded {
        self.act(under, event).on(&call.record.call_id, call.record.agent.as_ref())
    }

    /// Keeps it; on disk on return.
    pub(super) fn keep(&mut self, events: Vec<Recorded>) -> Result<Vec<Recorded>, Failure> {
        let entries = events.iter().map(Recorded::to_entry).collect::<index::Result<Vec<_>>>()?;
        let kept = self.writer.add_reviews(&entries);
        self.broken = kept.is_err();
        let numbers = kept?;
        Ok(events.into_iter().zip(numbers).map(|(event, number)| Recorded { number, ..event }).collect())
    }
}

/// Has somebody decide, with nobody else deciding meanwhile.
pub(super) async fn at_desk<T: Send + 'static>(
    shared: &Shared,
    principal: &Principal,
    work: impl FnOnce(&mut Desk<'_>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Status> {
    let ready = shared.ready(principal)?;
    let who = who(principal);
    let (reader, pipeline) = (ready.reader.clone(), ready.judging.pipeline.clone());
    let acting = move |writer: &mut dyn Writer| {
        let mut desk = Desk { writer, reader, pipeline, who, now: Utc::now(), broken: false };
        let result = work(&mut desk);
        Acted { result, broken: desk.broken }
    };
    act(&ready, acting).await
}

/// Somebody as they are noted beside what they decide.
pub(super) fn who(principal: &Principal) -> Who {
    Who { id: principal.id.clone(), name: principal.name.clone() }
}
