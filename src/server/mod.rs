//! The gRPC server: the services of `qingting.v1`, health and reflection. It owns what
//! happens on the wire: conversions, admission, limits, permits, deadlines, status codes, start and
//! stop. What is answered is the business of the pipeline and of the index; who may ask, that of [`crate::access`].
//!
//! Three kinds of threads: the async runtime, which never computes; the compute pool
//! (analysis and search); and the one writer thread.

mod access;
mod acting;
mod admission;
pub mod alerts;
mod analysis;
pub mod backend;
mod blind;
pub(crate) mod callers;
mod calls;
mod cases;
mod coaching;
mod colleagues;
mod compute;
mod config;
mod connections;
pub mod convert;
pub mod data;
mod deadline;
mod experience;
mod findings;
mod follow;
mod health;
mod indicators;
mod ingest;
mod journeys;
mod knowledge;
mod layers;
pub mod local;
mod metrics;
mod paging;
mod passes;
mod readers;
mod refusal;
mod reports;
mod review;
mod rules;
mod running;
mod scoped;
mod shared;
mod status;
mod suggest;
mod topics;
pub mod unmask;
mod writer;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use qingting_index as index;
use qingting_pipeline::Pipeline;
use qingting_pipeline::config::PipelineConfig;
use qingting_proto::v1::access_service_server::AccessServiceServer;
use qingting_proto::v1::analysis_service_server::AnalysisServiceServer;
use qingting_proto::v1::call_service_server::CallServiceServer;
use qingting_proto::v1::caller_service_server::CallerServiceServer;
use qingting_proto::v1::case_service_server::CaseServiceServer;
use qingting_proto::v1::coaching_service_server::CoachingServiceServer;
use qingting_proto::v1::experience_service_server::ExperienceServiceServer;
use qingting_proto::v1::indicator_service_server::IndicatorServiceServer;
use qingting_proto::v1::ingest_service_server::IngestServiceServer;
use qingting_proto::v1::journey_service_server::JourneyServiceServer;
use qingting_proto::v1::knowledge_service_server::KnowledgeServiceServer;
use qingting_proto::v1::report_service_server::ReportServiceServer;
use qingting_proto::v1::review_service_server::ReviewServiceServer;
use qingting_proto::v1::rule_service_server::RuleServiceServer;
use qingting_proto::v1::topic_service_server::TopicServiceServer;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::{Router, TcpIncoming};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;
use tower::layer::util::{Identity as LayersEnd, Stack};

use admission::Admission;
use backend::{Reader, Writer};
pub use config::{InvalidSetting, ServerConfig, TlsConfig};
use health::Health;
use shared::{Ready, Shared};
pub use status::{ERROR_DOMAIN, Failure};
use writer::WriterThread;

use crate::access::Guard;
use crate::documents::Shelf;
use crate::insight::InsightSettings;

/// What stops the server, or keeps it from starting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address can be reached from other machines, and nothing protects what is said there.
    #[error("refusing to listen on {address}: {missing} only loopback addresses are allowed, such as 127.0.0.1:50051")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
        /// What is missing.
        missing: &'static str,
    },
    /// A certificate or its key cannot be read.
    #[error("[server.tls] {key}: {path}", path = path.display())]
    Certificate {
        /// The setting.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
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

/// What calls are analysed by.
#[derive(Clone)]
pub struct Judging {
    /// Analyses calls.
    pub pipeline: Arc<Pipeline>,
    /// The settings that it was made with.
    pub config: Arc<PipelineConfig>,
    /// The documents that it was made of.
    pub shelf: Shelf,
}

/// Everything that the services work with.
pub struct State {
    /// Analyses calls.
    pub judging: Judging,
    /// Answers questions.
    pub reader: Arc<dyn Reader>,
    /// Keeps calls and articles.
    pub writer: Box<dyn Writer>,
    /// How what is known over many calls is found.
    pub insight: InsightSettings,
    /// What opens cases, and when their steps are due.
    pub cases: Arc<crate::case::Rules>,
    /// Who may become an experience officer, and when their tasks are due.
    pub experience: Arc<crate::experience::Rules>,
    /// Where the data are: programs on this machine reach the server through a socket there.
    pub folder: Option<PathBuf>,
}

/// Opens the configured address.
///
/// # Errors
/// When a setting is out of range, the address needs a protection that is not there, or it is taken.
pub async fn bind(config: &ServerConfig, guard: &Guard) -> Result<TcpListener, Error> {
    config.validate()?;
    let address = config.listen;
    protected(address, config, guard)?;
    TcpListener::bind(address).await.map_err(|source| Error::Bind { address, source })
}

/// Serves until `shutdown` is done, then drains within the configured time and closes the store.
/// It listens at once and answers health; everything else is UNAVAILABLE until `load`, which runs
/// on a thread of its own, has returned.
///
/// # Errors
/// When loading, the transport or closing the store fails.
pub async fn run<L, S>(
    listener: TcpListener,
    config: ServerConfig,
    guard: Guard,
    load: L,
    shutdown: S,
) -> Result<(), Error>
where
    L: FnOnce() -> index::Result<State> + Send + 'static,
    S: Future<Output = ()> + Send,
{
    config.validate()?;
    protected(listener.local_addr().map_err(Error::Listener)?, &config, &guard)?;
    let shared = Arc::new(Shared::new(config, guard)?);
    let mut health = Health::new().await;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(shared.config.keepalive()));
    let incoming = connections::bounded(incoming, shared.config.max_connections, shared.config.idle_timeout());
    let stop = shared.stopping.clone().cancelled_owned();
    let router = services(&shared, &health, Admission::network(&shared), true)?;
    let transport = router.serve_with_incoming_shutdown(incoming, stop);
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
        indicators::check(&state.judging)?;
        coaching::check(&state.judging)?;
        recalled.guard.set_keys(state.reader.keys()?);
        topics::recall(&recalled.alerts, &*state.reader, recalled.config.alert_backlog)?;
        if let Err(error) = topics::raise_bursts(&recalled.alerts, &*state.reader, &state.insight.burst) {
            tracing::error!(%error, "bursts cannot be told until the topics are refreshed");
        }
        Ok::<_, index::Error>(state)
    };
    let State { judging, reader, writer, insight, cases, experience, folder } = tokio::select! {
        loaded = tokio::task::spawn_blocking(load) => loaded.map_err(|_| Error::LoadPanicked)??,
        () = &mut stop => return Ok(None),
    };
    let (writes, thread) =
        WriterThread::start(writer, shared.config.write_queue, shared.config.refresh(), Handle::current())?;
    shared.set_ready(Ready { judging, reader, writes, insight, cases, experience });
    let local = local_server(shared, health, folder)?;
    tokio::pin!(local);
    let refresh = refresh_token_keys(shared);
    tokio::pin!(refresh);
    health.ready().await;
    tracing::info!("serving");
    tokio::select! {
        () = &mut stop => {}
        () = &mut local => stop.await,
        () = &mut refresh => stop.await,
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

/// All services behind an admission; over TLS where they can be reached from elsewhere and it is set up.
fn services(
    shared: &Arc<Shared>,
    health: &Health,
    admission: Admission,
    exposed: bool,
) -> Result<Router<Stack<layers::Layers, LayersEnd>>, Error> {
    let config = &shared.config;
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
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(config.keepalive()))
        .http2_keepalive_timeout(Some(config.keepalive()))
        .max_concurrent_streams(Some(config.max_connection_streams))
        // gRPC-web comes over HTTP/1.1 too.
        .accept_http1(true);
    if exposed && let Some(tls) = tls(&config.tls)? {
        server = server.tls_config(tls.timeout(config.keepalive()))?;
    }
    Ok(server
        .layer(layers::stack(shared, admission))
        .add_service(HealthServer::new(HealthService::from_health_reporter(health.reporter.clone())))
        .add_service(reflection)
        .add_service(limited!(AccessServiceServer, access::Access(shared.clone())))
        .add_service(limited!(AnalysisServiceServer, analysis::Analyses(shared.clone())))
        .add_service(limited!(CallServiceServer, calls::Calls(shared.clone())))
        .add_service(limited!(CallerServiceServer, callers::Callers(shared.clone())))
        .add_service(limited!(CaseServiceServer, cases::Cases(shared.clone())))
        .add_service(limited!(CoachingServiceServer, coaching::Coaching(shared.clone())))
        .add_service(limited!(ExperienceServiceServer, experience::Experience(shared.clone())))
        .add_service(limited!(IndicatorServiceServer, indicators::Indicators::new(shared.clone())))
        .add_service(limited!(IngestServiceServer, ingest::Ingest(shared.clone())))
        .add_service(limited!(JourneyServiceServer, journeys::Journeys(shared.clone())))
        .add_service(limited!(KnowledgeServiceServer, knowledge::Knowledge(shared.clone())))
        .add_service(limited!(ReportServiceServer, reports::Reports(shared.clone())))
        .add_service(limited!(ReviewServiceServer, review::Reviews(shared.clone())))
        .add_service(limited!(RuleServiceServer, rules::Rules(shared.clone())))
        .add_service(limited!(TopicServiceServer, topics::TopicCalls(shared.clone()))))
}

/// Certificate and key, where they are set; with the certificates of clients, where those have to show one.
fn tls(config: &TlsConfig) -> Result<Option<ServerTlsConfig>, Error> {
    if !config.is_on() {
        return Ok(None);
    }
    let read = |key: &'static str, path: &PathBuf| {
        std::fs::read(path).map_err(|source| Error::Certificate { key, path: path.clone(), source })
    };
    let identity = Identity::from_pem(read("cert", &config.cert)?, read("key", &config.key)?);
    let tls = ServerTlsConfig::new().identity(identity);
    Ok(Some(match config.client_ca.as_os_str().is_empty() {
        true => tls,
        false => tls.client_ca_root(Certificate::from_pem(read("client_ca", &config.client_ca)?)),
    }))
}

/// Serves the socket in the data folder until the server is told to stop. Without it the server is as good, but
/// programs on this machine need keys.
fn local_server(
    shared: &Arc<Shared>,
    health: &Health,
    folder: Option<PathBuf>,
) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
    let socket = folder.and_then(|folder| match local::LocalSocket::bind(&folder) {
        Ok(bound) => Some(bound),
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "no socket in the data folder");
            None
        }
    });
    let router = services(shared, health, Admission::local(shared), false)?;
    let stopping = shared.stopping.clone();
    Ok(async move {
        let Some((listener, _socket)) = socket else {
            return stopping.cancelled().await;
        };
        let stop = stopping.clone().cancelled_owned();
        let served = router.serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop).await;
        if let Err(error) = served {
            tracing::error!(%error, "the socket in the data folder is no longer served");
        }
    })
}

/// Reads the keys of the issuer of tokens again and again; where they cannot be read, the old ones hold.
async fn refresh_token_keys(shared: &Arc<Shared>) {
    let Some(interval) = shared.guard.tokens().map(crate::access::Tokens::interval) else {
        return shared.stopping.cancelled().await;
    };
    while tokio::time::timeout(interval, shared.stopping.cancelled()).await.is_err() {
        let reading = shared.clone();
        let read = tokio::task::spawn_blocking(move || reading.guard.tokens().map(crate::access::Tokens::refresh));
        match read.await {
            Ok(Some(Err(error))) => tracing::error!(%error, "the keys of the issuer of tokens cannot be read again"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "reading the keys of the issuer of tokens panicked"),
        }
    }
}

/// Whether what is said on an address is as protected as it has to be there.
fn protected(address: SocketAddr, config: &ServerConfig, guard: &Guard) -> Result<(), Error> {
    let missing = match (config.tls.is_on(), guard.is_open()) {
        _ if address.ip().is_loopback() => return Ok(()),
        (true, false) => return Ok(()),
        (false, _) => "without TLS ([server.tls])",
        (true, true) => "without keys",
    };
    Err(Error::NotLoopback { address, missing })
}
