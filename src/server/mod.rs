//! The gRPC server: the services of `qingting.v1`, health and reflection. It owns what
//! happens on the wire: conversions, limits, permits, deadlines, status codes, start and
//! stop. What is answered is the business of the pipeline and of the index.
//!
//! Three kinds of threads: the async runtime, which never computes; the compute pool
//! (analysis and search); and the one writer thread.

pub mod alerts;
mod analysis;
pub mod backend;
mod calls;
mod compute;
mod config;
pub mod convert;
pub mod data;
mod deadline;
mod findings;
mod follow;
mod health;
mod ingest;
mod knowledge;
mod layers;
mod paging;
mod running;
mod shared;
mod status;
mod suggest;
mod topics;
mod writer;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use qingting_index as index;
use qingting_pipeline::Pipeline;
use qingting_proto::v1::analysis_service_server::AnalysisServiceServer;
use qingting_proto::v1::call_service_server::CallServiceServer;
use qingting_proto::v1::ingest_service_server::IngestServiceServer;
use qingting_proto::v1::knowledge_service_server::KnowledgeServiceServer;
use qingting_proto::v1::topic_service_server::TopicServiceServer;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;

use backend::{Reader, Writer};
pub use config::{InvalidSetting, ServerConfig};
use health::Health;
use shared::{Ready, Shared};
pub use status::{ERROR_DOMAIN, Failure};
use writer::WriterThread;

use crate::insight::InsightSettings;

/// What stops the server, or keeps it from starting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address can be reached from other machines.
    #[error(
        "refusing to listen on {address}: without TLS and keys only loopback addresses are allowed, \
         such as 127.0.0.1:50051"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// A setting is out of range.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address of the listener cannot be told.
    #[error("listener without an address")]
    Listener(#[source] std::io::Error),
    /// The compute pool cannot be started.
    #[error("cannot start the compute threads")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    /// The writer thread cannot be started.
    #[error("cannot start the writer thread")]
    Thread(#[source] std::io::Error),
    /// Configuration, models, store or indexes cannot be loaded.
    #[error(transparent)]
    Load(#[from] index::Error),
    /// Loading panicked.
    #[error("loading panicked")]
    LoadPanicked,
    /// The descriptors of the API cannot be read.
    #[error("reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("transport")]
    Transport(#[from] tonic::transport::Error),
    /// The store could not be closed; what was acknowledged is safe.
    #[error("closing the store")]
    Close(#[source] index::Error),
    /// The writer thread panicked; what was acknowledged is safe.
    #[error("the writer thread panicked")]
    WriterPanicked,
}

/// Everything that the services work with.
pub struct State {
    /// Analyses calls.
    pub pipeline: Arc<Pipeline>,
    /// Answers questions.
    pub reader: Arc<dyn Reader>,
    /// Keeps calls and articles.
    pub writer: Box<dyn Writer>,
    /// How what is known over many calls is found.
    pub insight: InsightSettings,
}

/// Opens the configured address.
///
/// # Errors
/// When a setting is out of range, the address is not a loopback one, or it is taken.
pub async fn bind(config: &ServerConfig) -> Result<TcpListener, Error> {
    config.validate()?;
    let address = config.listen;
    TcpListener::bind(address).await.map_err(|source| Error::Bind { address, source })
}

/// Serves until `shutdown` is done, then drains within the configured time and closes the store.
/// It listens at once and answers health; everything else is UNAVAILABLE until `load`, which runs
/// on a thread of its own, has returned.
///
/// # Errors
/// When loading, the transport or closing the store fails.
pub async fn run<L, S>(listener: TcpListener, config: ServerConfig, load: L, shutdown: S) -> Result<(), Error>
where
    L: FnOnce() -> index::Result<State> + Send + 'static,
    S: Future<Output = ()> + Send,
{
    config.validate()?;
    config::loopback(listener.local_addr().map_err(Error::Listener)?)?;
    let shared = Arc::new(Shared::new(config)?);
    let mut health = Health::new().await;
    let transport = serve(listener, &shared, &health)?;
    // Streams end with this future, also when it is dropped.
    let _stop = shared.stopping.clone().drop_guard();
    let (served, controlled) = tokio::join!(
        async {
            let served = drained(&shared, transport).await;
            shared.stopping.cancel();
            served
        },
        async {
            let controlled = control(&shared, &health, load, shutdown).await;
            tracing::info!("shutting down");
            health.stopping().await;
            shared.stopping.cancel();
            controlled
        }
    );
    // Last, when nothing hands in any more.
    if let Some(thread) = controlled? {
        thread.finish().await?;
    }
    served
}

/// Loads, serves, and returns when the server is to be stopped: the writer, if it was started.
async fn control<L, S>(
    shared: &Arc<Shared>,
    health: &Health,
    load: L,
    shutdown: S,
) -> Result<Option<WriterThread>, Error>
where
    L: FnOnce() -> index::Result<State> + Send + 'static,
    S: Future<Output = ()> + Send,
{
    let stop = async {
        tokio::select! {
            () = shutdown => {}
            // The transport has failed.
            () = shared.stopping.cancelled() => {}
        }
    };
    tokio::pin!(stop);
    let recalled = shared.clone();
    let load = move || {
        let state = load()?;
        topics::recall(&recalled.alerts, &*state.reader, recalled.config.alert_backlog)?;
        if let Err(error) = topics::raise_bursts(&recalled.alerts, &*state.reader, &state.insight.burst) {
            tracing::error!(%error, "bursts cannot be told until the topics are refreshed");
        }
        Ok::<_, index::Error>(state)
    };
    let State { pipeline, reader, writer, insight } = tokio::select! {
        loaded = tokio::task::spawn_blocking(load) => loaded.map_err(|_| Error::LoadPanicked)??,
        () = &mut stop => return Ok(None),
    };
    let (writes, thread) =
        WriterThread::start(writer, shared.config.write_queue, shared.config.refresh(), Handle::current())?;
    shared.set_ready(Ready { pipeline, reader, writes, insight });
    health.ready().await;
    tracing::info!("serving");
    tokio::select! {
        () = &mut stop => {}
        () = thread.ended.cancelled() => {
            tracing::error!("the writer thread has ended; calls are no longer taken in");
            health.writer_stopped().await;
            stop.await;
        }
    }
    Ok(Some(thread))
}

/// Runs the transport to its end, or until the drain limit after the signal to stop.
async fn drained(
    shared: &Shared,
    transport: impl Future<Output = Result<(), tonic::transport::Error>>,
) -> Result<(), Error> {
    let limit = shared.config.drain_timeout();
    let overdue = async {
        shared.stopping.cancelled().await;
        tokio::time::sleep(limit).await;
    };
    tokio::select! {
        served = transport => Ok(served?),
        () = overdue => {
            tracing::warn!(?limit, "requests still under way after the drain limit are cut off");
            Ok(())
        }
    }
}

/// The transport with all services, until the server is told to stop.
fn serve(
    listener: TcpListener,
    shared: &Arc<Shared>,
    health: &Health,
) -> Result<impl Future<Output = Result<(), tonic::transport::Error>> + Send + use<>, Error> {
    let config = shared.config.clone();
    macro_rules! limited {
        ($server:ident, $service:expr) => {
            $server::new($service)
                .max_decoding_message_size(config.max_request_bytes)
                .max_encoding_message_size(config.max_response_bytes)
        };
    }
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(qingting_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let router = Server::builder()
        .http2_keepalive_interval(Some(config.keepalive()))
        .layer(layers::stack())
        .add_service(HealthServer::new(HealthService::from_health_reporter(health.reporter.clone())))
        .add_service(reflection)
        .add_service(limited!(AnalysisServiceServer, analysis::Analyses(shared.clone())))
        .add_service(limited!(CallServiceServer, calls::Calls(shared.clone())))
        .add_service(limited!(IngestServiceServer, ingest::Ingest(shared.clone())))
        .add_service(limited!(KnowledgeServiceServer, knowledge::Knowledge(shared.clone())))
        .add_service(limited!(TopicServiceServer, topics::TopicCalls(shared.clone())));
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let stop = shared.stopping.clone().cancelled_owned();
    Ok(router.serve_with_incoming_shutdown(incoming, stop))
}
