//! Agreement of people with the machine, and reviews as training data.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::BoxStream;
use qingting_index as index;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::super::convert::Invalid;
use super::super::shared::{Ready, Shared, principal};
use super::super::status::Failure;
use super::wire;
use crate::review::{DEFAULT_WINDOW, FEWEST, agreement, decided, last_reviews, training_line};

/// Largest window.
const MAX_WINDOW: usize = 1000;
/// Calls that are read at a time.
const CALLS: usize = 32;

pub(super) async fn get_agreement(
    shared: &Shared,
    request: Request<v1::GetAgreementRequest>,
) -> Result<v1::GetAgreementResponse, Status> {
    let ask = shared.ask(&request)?;
    let request = request.into_inner();
    let window = match usize::try_from(request.window) {
        Ok(0) => DEFAULT_WINDOW,
        Ok(window) if (FEWEST..=MAX_WINDOW).contains(&window) => window,
        _ => return Err(Invalid::field("window", format!("must be 0, or {FEWEST} to {MAX_WINDOW}")).into()),
    };
    let work = move |ready: &Ready| {
        let rows = last_reviews(&*ready.reader)?;
        let catalog = ready.judging.pipeline.finder().catalog();
        let codes = agreement(rows.iter().map(|(at, review)| (*at, review)), window);
        let wanted = codes.into_iter().filter(|code| request.codes.is_empty() || request.codes.contains(&code.code));
        let codes = wanted.map(|code| {
            let title = catalog.get(&code.code).map_or_else(|| code.code.clone(), |info| info.title.clone());
            wire::agreement(code, &title)
        });
        Ok(v1::GetAgreementResponse { codes: codes.collect() })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) fn export_reviews(
    shared: &Arc<Shared>,
    request: Request<v1::ExportReviewsRequest>,
) -> Result<BoxStream<'static, Result<v1::ExportReviewsResponse, Status>>, Status> {
    let asking = principal(request.extensions())?;
    let since = match request.into_inner().since.as_str() {
        "" => DateTime::<Utc>::MIN_UTC,
        text => DateTime::parse_from_rfc3339(text)
            .map_err(|_| Invalid::field("since", "must be RFC 3339, such as 2026-03-02T00:00:00+08:00"))?
            .to_utc(),
    };
    let (ready, permit) = shared.stream(&asking)?;
    let shared = shared.clone();
    let stream = async_stream::try_stream! {
        let _permit = permit;
        let listing = ready.clone();
        let calls = shared.compute.run(move || decided(&*listing.reader).map_err(Failure::from)).await??;
        for calls in calls.chunks(CALLS) {
            if shared.stopping.is_cancelled() {
                Err(Failure::ShuttingDown)?;
            }
            let (reading, calls) = (ready.clone(), calls.to_vec());
            let lines = shared.compute.run(move || lines(&reading, &calls, since)).await??;
            for json in lines {
                yield v1::ExportReviewsResponse { json };
            }
        }
    };
    Ok(stream.boxed())
}

/// Lines of training data, of the calls that are given out.
fn lines(ready: &Ready, calls: &[String], since: DateTime<Utc>) -> Result<Vec<String>, Failure> {
    let (reader, codes) = (&*ready.reader, ready.judging.pipeline.finder().catalog());
    let line = |call_id: &String| training_line(reader, || reader.get_call(call_id), call_id, codes, since).transpose();
    Ok(calls.iter().filter_map(line).collect::<index::Result<_>>()?)
}
