//! Drafts tried out on stored calls, on a thread of its own, so that neither searches nor analyses wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use futures::StreamExt;
use futures::stream::BoxStream;
use qingting_index as index;
use qingting_index::{DateRange, Depth};
use qingting_pipeline::Analyzed;
use qingting_pipeline::score::CompareOptions;
use qingting_proto::v1;
use qingting_proto::v1::dry_run_response::Update;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

use super::wire;
use crate::documents::{Checked, Draft, Refusal, Trial, check, trial};
use crate::server::convert::Invalid;
use crate::server::deadline;
use crate::server::readers::patient;
use crate::server::shared::{Ready, Shared, principal};
use crate::server::status::Failure;

type Answer = Result<v1::DryRunResponse, Status>;

/// Longest dry run.
const LIMIT: Duration = Duration::from_secs(600);
/// Calls between two messages of progress.
const STEP: u64 = 256;
/// Messages that wait for the client.
const WAITING: usize = 4;
const MAX_EXAMPLES: usize = 20;
const MAX_TOP: usize = 100;

/// What is asked for.
struct Wanted {
    drafts: Vec<Draft>,
    range: DateRange,
    most: Option<u64>,
    options: CompareOptions,
}

impl Wanted {
    fn read(request: v1::DryRunRequest) -> Result<Self, Invalid> {
        let v1::DryRunRequest { drafts, since, until, max_calls, example_count, top_count } = request;
        let drafts = wire::drafts(drafts)?.into_iter().map(|(draft, _)| draft).collect();
        let day = |field: &str, text: &str| match text {
            "" => Ok(None),
            _ => text.parse::<NaiveDate>().map(Some).map_err(|_| Invalid::field(field, "must be YYYY-MM-DD")),
        };
        let (since, until) = (day("since", &since)?, day("until", &until)?);
        if matches!((since, until), (Some(since), Some(until)) if until < since) {
            return Err(Invalid::field("until", "must not be before `since`"));
        }
        let most = u64::try_from(max_calls).map_err(|_| Invalid::field("max_calls", "must not be negative"))?;
        let upto = |field: &str, value: i32, usual: usize, most: usize| match usize::try_from(value) {
            Ok(0) => Ok(usual),
            Ok(value) => Ok(value.min(most)),
            Err(_) => Err(Invalid::field(field, "must not be negative")),
        };
        let usual = CompareOptions::default();
        let options = CompareOptions {
            examples: upto("example_count", example_count, usual.examples, MAX_EXAMPLES)?,
            top_calls: upto("top_count", top_count, usual.top_calls, MAX_TOP)?,
        };
        let range = DateRange { since, until };
        Ok(Self { drafts, range, most: (most > 0).then_some(most), options })
    }
}

pub(super) fn dry_run(
    shared: &Arc<Shared>,
    request: Request<v1::DryRunRequest>,
) -> Result<BoxStream<'static, Answer>, Status> {
    let who = principal(request.extensions())?;
    let limit = deadline::limit(request.metadata(), LIMIT);
    let wanted = Wanted::read(request.into_inner())?;
    let (_, permit) = shared.stream(&who)?;
    let trial = shared.trials.clone().try_acquire_owned().map_err(|_| Failure::Busy("dry runs"))?;
    let ready = shared.blinded(&who)?;
    let (sender, mut messages) = mpsc::channel(WAITING);
    let gone = CancellationToken::new();
    let run = Run {
        ready,
        sender,
        gone: gone.clone(),
        stopping: shared.stopping.clone(),
        until: Instant::now() + limit,
        limit,
    };
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || {
        let result = span.in_scope(|| run.result(&wanted).map_err(Status::from));
        // Held by the work: what goes on after the client has gone still counts, and whoever has the result may begin
        // another one.
        drop((permit, trial));
        // A client that has gone needs no result.
        let _ = run
            .sender
            .blocking_send(result.map(|result| v1::DryRunResponse { update: Some(Update::Result(result)) }));
    });
    let gone = gone.drop_guard();
    let answers = async_stream::stream! {
        let _gone = gone;
        while let Some(message) = messages.recv().await {
            yield message;
        }
    };
    Ok(patient(answers.boxed(), shared.config.slow_reader()))
}

/// A dry run under way.
struct Run {
    ready: Arc<Ready>,
    sender: mpsc::Sender<Answer>,
    /// The client has gone.
    gone: CancellationToken,
    stopping: CancellationToken,
    until: Instant,
    limit: Duration,
}

impl Run {
    fn result(&self, wanted: &Wanted) -> Result<v1::DryRunResult, Failure> {
        let judging = &self.ready.judging;
        let checked = check(&judging.pipeline, &judging.config, &judging.shelf, &wanted.drafts);
        let Checked { pipeline, warnings, .. } = checked.map_err(Refusal::Mistakes)?;
        // One thread beside those that answer requests.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "dry-run".to_owned());
        let pool = pool.build().map_err(|_| Failure::Busy("threads"))?;
        let mut failed = None;
        let truncated = AtomicBool::new(false);
        let reader = &self.ready.reader;
        // What a draft says of a call is much of what the machine says of it.
        let hidden = reader.hidden()?;
        let shown =
            |call: &index::Result<Analyzed>| call.as_ref().map_or(true, |c| !hidden.contains(&c.record.call_id));
        let mut calls = reader.scan(wanted.range, Depth::Whole)?.filter(shown);
        let mut done = 0;
        // Read here and judged there.
        let (send, chunks) = std::sync::mpsc::sync_channel::<Vec<Analyzed>>(1);
        let trial = std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                let calls = chunks.into_iter().flatten();
                pool.install(|| trial_of(judging, &pipeline, calls, wanted.options))
            });
            while self.goes_on(&mut failed) {
                let left = wanted.most.map_or(STEP, |most| most.saturating_sub(done).min(STEP));
                let Some(chunk) = chunk(&mut calls, left, &mut failed) else {
                    break;
                };
                if left == 0 {
                    truncated.store(!chunk.is_empty() || calls.next().is_some(), Ordering::Relaxed);
                    break;
                }
                if chunk.is_empty() {
                    break;
                }
                done += chunk.len() as u64;
                self.tell(done, chunk.last());
                if send.send(chunk).is_err() {
                    break;
                }
            }
            drop(send);
            work.join()
        });
        if let Some(failure) = failed {
            return Err(failure);
        }
        let trial = trial.map_err(|_| Failure::Panicked)?;
        Ok(wire::result(trial, truncated.into_inner(), warnings))
    }

    /// Whether there is anybody left to do it for, and time.
    fn goes_on(&self, failed: &mut Option<Failure>) -> bool {
        let failure = match () {
            () if failed.is_some() => return false,
            () if self.stopping.is_cancelled() => Failure::ShuttingDown,
            () if self.gone.is_cancelled() || Instant::now() >= self.until => Failure::Deadline(self.limit),
            () => return true,
        };
        *failed = Some(failure);
        false
    }

    /// Says how far it is, unless the client has not read what it was told before.
    fn tell(&self, done: u64, last: Option<&Analyzed>) {
        let started_at = last.and_then(|call| call.record.started_at);
        let progress = v1::DryRunProgress {
            call_count: i64::try_from(done).unwrap_or(i64::MAX),
            date: started_at.map_or_else(String::new, |at| at.date_naive().to_string()),
        };
        let _ = self.sender.try_send(Ok(v1::DryRunResponse { update: Some(Update::Progress(progress)) }));
    }
}

fn trial_of(
    judging: &crate::server::Judging,
    new: &qingting_pipeline::Pipeline,
    calls: impl Iterator<Item = Analyzed>,
    options: CompareOptions,
) -> Trial {
    trial(&judging.pipeline, new, calls, options, |_, _| ())
}

/// The next calls, up to so many; `None` where one cannot be read.
fn chunk(
    calls: &mut impl Iterator<Item = index::Result<Analyzed>>,
    most: u64,
    failed: &mut Option<Failure>,
) -> Option<Vec<Analyzed>> {
    let taken: index::Result<Vec<_>> = calls.take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
    match taken {
        Ok(calls) => Some(calls),
        Err(error) => {
            *failed = Some(error.into());
            None
        }
    }
}
