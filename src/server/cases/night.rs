//! Opening by rule: the calls are read on the compute pool, and what of it is new is decided on the thread that writes.

use std::sync::Arc;

use chrono::{NaiveDate, Utc};
use qingting_index as index;
use qingting_index::{DateRange, Depth};
use qingting_proto::v1;
use tokio::sync::oneshot;
use tonic::{Request, Status};

use super::super::backend::Writer;
use super::super::convert::Invalid;
use super::super::shared::{Ready, Shared, principal};
use super::super::status::Failure;
use super::CASES;
use crate::case::{Burst, Night, Recorded, fresh};
use crate::insight;

pub(super) async fn open_cases_by_rules(
    shared: &Shared,
    request: Request<v1::OpenCasesByRulesRequest>,
) -> Result<v1::OpenCasesByRulesResponse, Status> {
    // As long as it takes: it counts as a stream, and no deadline but the client's own ends it.
    let who = principal(request.extensions())?;
    let (ready, _permit) = shared.stream(&who)?;
    let since = request.into_inner().since;
    let since = match since.as_str() {
        "" => None,
        day => Some(day.parse().map_err(|_| Invalid::field("since", "must be YYYY-MM-DD"))?),
    };
    let numbers = open_by_rules(shared, &ready, since).await?;
    Ok(v1::OpenCasesByRulesResponse { cases: numbers.iter().map(|number| format!("{CASES}{number}")).collect() })
}

/// Opens what the rules ask for; the numbers of what is new.
///
/// # Errors
/// When something cannot be read or kept.
pub(in crate::server) async fn open_by_rules(
    shared: &Shared,
    ready: &Arc<Ready>,
    since: Option<NaiveDate>,
) -> Result<Vec<i64>, Status> {
    let reading = ready.clone();
    let wanted = shared.compute.run(move || wanted(&reading, since)).await??;
    let rules = ready.cases.clone();
    let (tell, told) = oneshot::channel();
    let change = move |writer: &mut dyn Writer| {
        let new = fresh(&*writer, wanted, &rules);
        let entries = new.and_then(|new| new.iter().map(Recorded::to_entry).collect::<index::Result<Vec<_>>>());
        drop(tell.send(match entries {
            Ok(entries) => Ok(writer.add_cases(&entries)?),
            // What could not be kept ends the writer; what could not be read does not.
            Err(error) => Err(Failure::Index(error)),
        }));
        Ok(())
    };
    ready.writes.change(change).await?;
    Ok(told.await.map_err(|_| Failure::Panicked)??)
}

fn wanted(ready: &Ready, since: Option<NaiveDate>) -> Result<Vec<Recorded>, Failure> {
    let catalog = ready.judging.pipeline.finder().catalog();
    let night = Night { rules: &ready.cases, catalog, now: Utc::now() };
    let bursts = match ready.reader.topics() {
        Ok(view) => Burst::of(&view, &ready.insight.burst),
        Err(insight::Error::NoTopics) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let range = DateRange { since: Some(since.unwrap_or(night.since())), until: None };
    Ok(night.wanted(ready.reader.scan(range, Depth::Outline)?, &bursts, &*ready.reader)?)
}
