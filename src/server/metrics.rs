//! Figures of the server for Prometheus, at `/metrics` on the port of the service, in the OpenMetrics text format.
//! Owns which figures there are; they are counted where things happen, gauges are read when somebody asks.

use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::http::{self, StatusCode};
use tower::{Layer, Service};

use super::admission::Admission;
use super::shared::Shared;
use super::status::Failure;
use crate::access::{METRICS_PATH, needed};

/// Bounds of the histogram, seconds: from what a lookup takes to the longest deadline.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// What a path is counted under that is no method: strangers must not make series.
const OTHER: &str = "other";
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: String,
}

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Method, Histogram, fn() -> Histogram>,
    /// Calls that were acknowledged as kept.
    pub(super) kept: Counter,
    /// Calls that were handed in and refused.
    pub(super) refused: Counter,
    ready: Gauge,
    under_way: Gauge,
    streams: Gauge,
    waiting: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("qingting");
        let requests = Family::default();
        let seconds: Family<Method, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let (kept, refused) = (Counter::default(), Counter::default());
        let (ready, under_way, streams, waiting) =
            (Gauge::default(), Gauge::default(), Gauge::default(), Gauge::default());
        registry.register(
            "requests",
            "Requests answered, and streams begun, by method and gRPC code",
            requests.clone(),
        );
        registry.register("request_seconds", "Seconds until the answer, or the start of a stream", seconds.clone());
        registry.register("ingested_calls", "Calls acknowledged as kept", kept.clone());
        registry.register("refused_calls", "Calls handed in and refused", refused.clone());
        registry.register("ready", "1 when everything is loaded and the server is not being stopped", ready.clone());
        registry.register("requests_under_way", "Single requests worked on or waiting", under_way.clone());
        registry.register("streams", "Open streams", streams.clone());
        registry.register("writes_waiting", "Writes that wait for the disk", waiting.clone());
        Self { registry, requests, seconds, kept, refused, ready, under_way, streams, waiting }
    }

    /// Counts an answer.
    pub(super) fn answered(&self, path: &str, code: &str, took: Duration) {
        let method = match needed(path) {
            Some(_) => path.trim_start_matches('/'),
            None => OTHER,
        };
        let code = code.parse().map_or(Code::Unknown, Code::from_i32);
        let labels = Answered { method: method.to_owned(), code: format!("{code:?}") };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&Method { method: method.to_owned() }).observe(took.as_secs_f64());
    }

    fn text(&self, shared: &Shared) -> Result<String, std::fmt::Error> {
        let load = shared.load();
        self.ready.set(i64::from(load.ready));
        self.under_way.set(load.requests as i64);
        self.streams.set(load.streams as i64);
        self.waiting.set(load.writes as i64);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Answers those who may read the figures; everything else goes on to the services. It stands before what only
/// understands gRPC, since Prometheus asks with plain HTTP.
#[derive(Clone)]
pub(super) struct Scrape {
    shared: Arc<Shared>,
    admission: Admission,
}

impl Scrape {
    pub(super) fn new(shared: &Arc<Shared>, admission: Admission) -> Self {
        Self { shared: shared.clone(), admission }
    }

    fn answer(&self, request: &http::Request<impl Sized>) -> http::Response<Body> {
        let plain = |status: StatusCode, kind: &'static str, text: String| {
            let mut response = http::Response::new(Body::new(text));
            *response.status_mut() = status;
            response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
            response
        };
        if let Err(denied) = self.admission.admit(request.uri(), request.headers()) {
            let status = tonic::Status::from(Failure::from(denied));
            let code = match status.code() {
                Code::Unauthenticated => StatusCode::UNAUTHORIZED,
                Code::PermissionDenied => StatusCode::FORBIDDEN,
                Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            let mut text = String::new();
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{}", status.message());
            return plain(code, "text/plain; charset=utf-8", text);
        }
        match self.shared.metrics.text(&self.shared) {
            Ok(text) => plain(StatusCode::OK, TEXT, text),
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the figures cannot be written".into()),
        }
    }
}

impl<S> Layer<S> for Scrape {
    type Service = Scraped<S>;

    fn layer(&self, inner: S) -> Scraped<S> {
        Scraped { scrape: self.clone(), inner }
    }
}

/// A service with its figures beside it.
#[derive(Clone)]
pub(super) struct Scraped<S> {
    scrape: Scrape,
    inner: S,
}

impl<S, B> Service<http::Request<B>> for Scraped<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if request.uri().path() == METRICS_PATH && request.method() == http::Method::GET {
            let answer = self.scrape.answer(&request);
            return Box::pin(async move { Ok(answer) });
        }
        Box::pin(self.inner.call(request))
    }
}
