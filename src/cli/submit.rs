//! Ingesting into a data folder that a running server writes: the records go to the server,
//! which analyses and keeps them and acknowledges each.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_pipeline::import::{Imported, Rejected, SourceRef};
use qingting_proto::v1::IngestCallsRequest;
use qingting_proto::v1::ingest_service_client::IngestServiceClient;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

use super::args::Loaded;
use super::progress::Spinner;
use crate::batch::{Batch, Progress, Quarantine, Summary, without_start};
use crate::diagnostic;
use crate::server::convert::record_to_wire;
use crate::server::local;

/// How the server is named in the lock of its data folder: [`holder_name`] and an address.
const HOLDER: &str = "qingting serve on ";

/// What a server writes into the lock of its data folder.
pub(super) fn holder_name(address: std::net::SocketAddr) -> String {
    format!("{HOLDER}{address}")
}

/// The address out of what the lock says about its holder.
pub(super) fn address(holder: &str) -> Option<&str> {
    holder.strip_prefix(HOLDER)?.split_whitespace().next()
}

/// How often, and how far apart, the socket of a server is looked for that has just started: for two minutes, as models and
/// indexes may take a while to load on a busy machine.
const SOCKET_TRIES: u32 = 1200;
const SOCKET_PAUSE: Duration = Duration::from_millis(100);

/// What to do while another command writes the data folder.
pub(super) const WAIT: &str = "wait until it is done, then run this again";

/// Records that wait for the server.
const WAITING: usize = 64;

/// What was done.
///
/// # Errors
/// When the holder is not a server, it cannot be reached, or the stream breaks.
pub(super) fn through_server(
    loaded: &Loaded,
    data: &Path,
    holder: &str,
    quarantine: &mut Quarantine,
) -> miette::Result<Summary> {
    let Some(address) = address(holder) else {
        return Err(miette!(help = WAIT, "{} is being written by {holder}", data.display()));
    };
    eprintln!("{} is served on {address}: the calls go through the server", data.display());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .into_diagnostic()?;
    let spinner = Spinner::new();
    let summary = submit(&runtime, loaded, data, quarantine, &spinner);
    spinner.done();
    summary
}

fn submit(
    runtime: &Runtime,
    loaded: &Loaded,
    data: &Path,
    quarantine: &mut Quarantine,
    progress: &Spinner,
) -> miette::Result<Summary> {
    let channel = runtime.block_on(connect(data, "qingting.v1.IngestService"))?;
    let mut client = IngestServiceClient::new(channel);
    let batch = Batch {
        importer: &loaded.importer,
        pipeline: &loaded.pipeline,
        pool: &loaded.pool,
        chunk_calls: loaded.settings.batch.chunk_calls,
        require_start: true,
    };
    let (send, records) = tokio::sync::mpsc::channel::<IngestCallsRequest>(WAITING);
    let mut summary = Summary::default();
    // Reading blocks, and it fills the stream that the answers below are drawn from.
    let (mut bad, mut sources) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| -> miette::Result<()> {
            for (index, path) in loaded.inputs.iter().enumerate() {
                progress.file(path, index, loaded.inputs.len());
                for imported in loaded.importer.open(path).map_err(diagnostic::pipeline)? {
                    match imported {
                        Imported::Call { record, source, .. } if record.started_at.is_none() => {
                            bad.push(without_start(&record, source));
                        }
                        Imported::Call { record, source, .. } => {
                            sources.push(source);
                            let request = IngestCallsRequest { call: Some(record_to_wire(*record)) };
                            if send.blocking_send(request).is_err() {
                                return Ok(()); // the server has ended the stream; its error is shown
                            }
                        }
                        Imported::Rejected(rejected) => bad.push(rejected),
                    }
                }
            }
            drop(send);
            Ok(())
        });
        let answered = runtime.block_on(async {
            let mut answers = client.ingest_calls(ReceiverStream::new(records)).await.into_diagnostic()?.into_inner();
            let mut refused = Vec::new();
            while let Some(answer) = answers.next().await {
                let answer = answer.into_diagnostic()?;
                match answer.status.filter(|s| s.code != 0) {
                    None => {
                        summary.calls += 1;
                        progress.calls(1);
                    }
                    Some(status) => refused.push((answer.index, answer.call_id, status.message)),
                }
            }
            Ok::<_, miette::Report>(refused)
        });
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        answered
    })
    .and_then(|refused| {
        for rejected in bad {
            let crisis = batch.sounds_like_crisis(rejected.readable.as_deref());
            let rejected = batch.masked(rejected);
            summary.reject(&rejected, crisis);
            quarantine.put(&rejected, crisis)?;
        }
        for (index, call_id, reason) in refused {
            let unknown = SourceRef { file: PathBuf::new(), line: None };
            let source = usize::try_from(index).ok().and_then(|i| sources.get(i).cloned()).unwrap_or(unknown);
            let (call_id, passing) = (Some(call_id), false);
            let rejected = batch.masked(Rejected { source, call_id, field: None, reason, readable: None, passing });
            summary.reject(&rejected, false);
            quarantine.put(&rejected, false)?;
        }
        quarantine.settle(loaded.inputs.iter().map(PathBuf::as_path))?;
        Ok(summary)
    })
}

/// Connects to the server of a data folder by the socket in it, and waits until a service answers.
///
/// # Errors
/// When it cannot be reached or stops.
pub(super) async fn connect(data: &Path, service: &str) -> miette::Result<Channel> {
    let reach = async {
        // Open until the connection is there.
        let (socket, _folder) = local::address(data).into_diagnostic()?;
        let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).into_diagnostic()?;
        // A server that has just started opens its socket once it has loaded.
        for _ in 0..SOCKET_TRIES {
            if socket.exists() {
                break;
            }
            tokio::time::sleep(SOCKET_PAUSE).await;
        }
        endpoint.connect().await.into_diagnostic()
    };
    let channel = reach.await.wrap_err_with(|| format!("the server of {} does not answer", data.display()))?;
    ready(&channel, service).await?;
    Ok(channel)
}

/// Asks a service of the server that holds a data folder.
pub(super) fn ask<T, F>(data: &Path, service: &str, ask: impl FnOnce(Channel) -> F) -> miette::Result<T>
where
    F: Future<Output = miette::Result<T>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().into_diagnostic()?;
    runtime.block_on(async { ask(connect(data, service).await?).await })
}

/// Waits until a service of a server that has just started answers.
pub(super) async fn ready(channel: &Channel, service: &str) -> miette::Result<()> {
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel.clone());
    let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
    let mut states = health.watch(request).await.map_err(status)?.into_inner();
    while let Some(state) = states.message().await.map_err(status)? {
        if state.status() == tonic_health::ServingStatus::Serving.into() {
            return Ok(());
        }
    }
    Err(miette!("the server stopped before it was ready"))
}

/// What a server answered instead of a result.
#[allow(clippy::needless_pass_by_value, reason = "passed to map_err")]
pub(super) fn status(status: tonic::Status) -> miette::Report {
    miette!("{}: {}", status.code(), status.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_can_be_told_from_the_lock() {
        let holder = format!("{} (process 17)", holder_name(([127, 0, 0, 1], 50051).into()));
        assert_eq!(address(&holder), Some("127.0.0.1:50051"));
        assert_eq!(address("qingting ingest (process 17)"), None);
    }
}
