//! Where steps are taken: on the thread that writes, on cases that the one who takes them may see.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use qingting_index as index;
use qingting_index::{CaseEntry, CaseQuery};
use qingting_proto::v1;
use tonic::Status;

use super::super::acting::{Acted, act, actor};
use super::super::backend::{Reader, Writer};
use super::super::calls::missing;
use super::super::shared::Shared;
use super::super::status::Failure;
use super::{CASES, wire};
use crate::access::Principal;
use crate::case::{Case, Event, Log, Recorded, Refusal, Rules, Who, case};

impl Log for dyn Reader {
    fn case_rows(&self, query: &CaseQuery) -> index::Result<Vec<CaseEntry>> {
        self.cases(query)
    }
}

impl Log for dyn Writer + '_ {
    fn case_rows(&self, query: &CaseQuery) -> index::Result<Vec<CaseEntry>> {
        self.cases(query)
    }
}

/// Somebody at work.
pub(super) struct Desk<'a> {
    writer: &'a mut dyn Writer,
    /// Shows what they may see.
    pub(super) reader: Arc<dyn Reader>,
    pub(super) rules: Arc<Rules>,
    pub(super) who: Who,
    pub(super) now: DateTime<Utc>,
    /// Nobody knows what was kept.
    broken: bool,
}

impl Desk<'_> {
    /// What is kept of everything, whoever may see it.
    pub(super) fn all(&self) -> &dyn Writer {
        &*self.writer
    }

    /// Keeps it; on disk on return. Returns the number of the last row.
    pub(super) fn keep(&mut self, row: &Recorded) -> Result<i64, Failure> {
        let kept = self.writer.add_cases(&[row.to_entry()?]);
        self.broken = kept.is_err();
        kept?.pop().ok_or(Failure::Panicked)
    }
}

/// A case that is seen through a reader.
pub(super) fn seen(reader: &dyn Reader, number: i64) -> Result<Case, Failure> {
    let found = case(reader, number)?;
    found.ok_or_else(|| Refusal::Unknown(format!("{CASES}{number}")).into())
}

/// Has somebody act, with nobody else acting meanwhile; the case afterwards.
pub(super) async fn at_desk(
    shared: &Shared,
    principal: &Principal,
    named: &str,
    work: impl FnOnce(&mut Desk<'_>) -> Result<i64, Failure> + Send + 'static,
) -> Result<v1::Case, Status> {
    let ready = shared.blinded(principal)?;
    let who = actor(principal, named)?;
    let (reader, rules) = (ready.reader.clone(), ready.cases.clone());
    let acting = move |writer: &mut dyn Writer| {
        let mut desk = Desk { writer, reader, rules, who, now: Utc::now(), broken: false };
        let result = work(&mut desk);
        let result = result.and_then(|number| Ok(wire::whole(&seen(&*desk.reader, number)?, desk.now)));
        Acted { result, broken: desk.broken }
    };
    act(&ready, acting).await
}

/// Takes a step in a case that is seen, on the version that was seen.
pub(super) async fn step(
    shared: &Shared,
    principal: &Principal,
    name: &str,
    expected: i32,
    named: &str,
    event: Event,
) -> Result<v1::Case, Status> {
    let number = wire::number(name)?;
    let expected = wire::version(expected)?;
    let work = move |desk: &mut Desk<'_>| {
        let case = seen(&*desk.reader, number)?;
        // Whoever does not see the call any more does not work on it.
        desk.reader.get_call(&case.call_id)?.ok_or_else(|| missing(&case.call_id))?;
        let row = case.take(event, &desk.who, desk.now, expected, &desk.rules)?;
        desk.keep(&row)?;
        Ok(number)
    };
    at_desk(shared, principal, named, work).await
}
