//! Where things are handed in: analysed on the compute pool, decided and kept on the thread that writes.

use std::sync::Arc;

use chrono::Utc;
use qingting_index as index;
use qingting_index::ExperienceEntry;
use tokio::sync::oneshot;
use tonic::Status;

use super::super::acting::actor;
use super::super::backend::{Reader, Writer};
use super::super::shared::Shared;
use super::super::status::Failure;
use crate::access::Principal;
use crate::experience::{Entry, Log, Outcome, Prepared, Refusal, digest, keep, load, prepare};

impl Log for dyn Reader {
    fn experience_rows(&self) -> index::Result<Vec<ExperienceEntry>> {
        self.experience()
    }
}

impl Log for dyn Writer + '_ {
    fn experience_rows(&self) -> index::Result<Vec<ExperienceEntry>> {
        self.experience()
    }
}

/// What became of each thing that was handed in.
type Outcomes = Vec<Result<Outcome, Refusal>>;

/// Hands things in, with nobody else handing in meanwhile; everything that is kept is on disk on return. With a version that is
/// expected, other than 0, which is that of what is not there yet, they are changes, which may come again; else the same again is known.
pub(super) async fn hand_in(
    shared: &Arc<Shared>,
    principal: &Principal,
    named: &str,
    entries: Vec<Entry>,
    expected: Option<u32>,
    catching_up: bool,
) -> Result<Outcomes, Status> {
    let ready = shared.ready(principal)?;
    let who = actor(principal, named)?;
    let (pipeline, hub) = (ready.judging.pipeline.clone(), shared.clone());
    let analyze = move || -> Vec<Prepared> {
        let ready = entries.into_iter().map(|entry| {
            let digest = digest(&entry).filter(|_| expected.is_none_or(|version| version == 0));
            let prepared = prepare(entry, digest, &pipeline);
            // A life in danger waits neither for the disk nor for whoever has to mend the rest.
            prepared.call.iter().for_each(|call| hub.alerts.ended(call));
            prepared
        });
        ready.collect()
    };
    let prepared = shared.compute.run(analyze).await?;
    let rules = ready.experience.clone();
    let (tell, told) = oneshot::channel();
    let change = move |writer: &mut dyn Writer| {
        let decided = load(&*writer)
            .and_then(|mut programme| keep(&mut programme, prepared, &who, Utc::now(), expected, catching_up, &rules));
        let kept = match decided {
            Ok(kept) => kept,
            // What could not be kept ends the writer; what could not be read does not.
            Err(error) => {
                drop(tell.send(Err(Failure::Index(error))));
                return Ok(());
            }
        };
        if !kept.calls.is_empty() {
            writer.ingest(kept.calls)?;
        }
        if !kept.rows.is_empty() {
            writer.add_experience(&kept.rows)?;
        }
        drop(tell.send(Ok(kept.outcomes)));
        Ok(())
    };
    ready.writes.change_calls(change).await?;
    Ok(told.await.map_err(|_| Failure::Panicked)??)
}

/// Hands one thing in.
pub(super) async fn hand_in_one(
    shared: &Arc<Shared>,
    principal: &Principal,
    named: &str,
    entry: Entry,
    expected: Option<u32>,
) -> Result<(), Status> {
    let outcomes = hand_in(shared, principal, named, vec![entry], expected, false).await?;
    match outcomes.into_iter().next() {
        Some(Err(refusal)) => Err(Failure::Experience(refusal).into()),
        Some(Ok(_)) => Ok(()),
        None => Err(Failure::Panicked.into()),
    }
}
