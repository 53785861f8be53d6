//! What every request passes on its way in and every answer on its way out, outermost first: the figures of the server
//! for who asks for them, the rules for browsers, the translation of gRPC-web, the log with the request's id, and the admission.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rand::RngCore;
use tonic::codegen::http::{self, HeaderName, HeaderValue};
use tonic_web::GrpcWebLayer;
use tower::layer::util::{Identity, Stack};
use tower::{Layer, Service, ServiceBuilder};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

use super::admission::Admission;
use super::metrics::Scrape;
use super::shared::Shared;
use crate::access::Principal;

/// The id of a request, out of its headers or given here; it is in the log and in the answer.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from a client.
const LONGEST_ID: usize = 64;
/// What a program in a browser may read of an answer.
const EXPOSED: [HeaderName; 4] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    REQUEST_ID,
];
/// How long a browser may remember the rules.
const CORS_AGE: Duration = Duration::from_secs(3600);

/// All layers.
pub(super) type Layers =
    ServiceBuilder<Stack<Admission, Stack<AccessLog, Stack<GrpcWebLayer, Stack<CorsLayer, Stack<Scrape, Identity>>>>>>;

/// The layers with this admission.
pub(super) fn stack(shared: &Arc<Shared>, admission: Admission) -> Layers {
    let origins = shared.config.web_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([http::Method::POST])
        .allow_headers(tower_http::cors::AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(CORS_AGE);
    ServiceBuilder::new()
        .layer(Scrape::new(shared, admission.clone()))
        .layer(cors)
        .layer(GrpcWebLayer::new())
        .layer(AccessLog { shared: shared.clone() })
        .layer(admission)
}

/// Logs id, method, caller, status and time of every request, and counts them.
#[derive(Clone)]
pub(super) struct AccessLog {
    shared: Arc<Shared>,
}

impl<S> Layer<S> for AccessLog {
    type Service = Logged<S>;

    fn layer(&self, inner: S) -> Logged<S> {
        Logged { shared: self.shared.clone(), inner }
    }
}

/// A service with its log.
#[derive(Clone)]
pub(super) struct Logged<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S, B, R> Service<http::Request<B>> for Logged<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let path = request.uri().path().to_owned();
        let id = request_id(request.headers());
        let begun = Instant::now();
        let shared = self.shared.clone();
        let span = tracing::info_span!("request", id, method = path);
        let answer = span.in_scope(|| self.inner.call(request));
        let logged = async move {
            let mut answer = answer.await?;
            // Failed requests carry their code in the headers; otherwise the body follows, or a stream begins.
            let code = answer.headers().get("grpc-status").and_then(|value| value.to_str().ok()).unwrap_or("0");
            let elapsed_us = begun.elapsed().as_micros() as u64;
            let who = answer.extensions().get::<Arc<Principal>>().map_or("-", |who| who.id.as_str());
            tracing::info!(who, code, elapsed_us, "answered");
            shared.metrics.answered(&path, code, begun.elapsed());
            if let Ok(value) = HeaderValue::from_str(&id) {
                answer.headers_mut().insert(REQUEST_ID, value);
            }
            Ok(answer)
        };
        Box::pin(logged.instrument(span))
    }
}

/// The client's own id, where it is one that can stand in a log; else a new one.
fn request_id(headers: &http::HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(plain)
    });
    given.map_or_else(|| format!("{:016x}", rand::rng().next_u64()), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_line_of_the_log_is_not_taken() {
        let id = |text: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(text).unwrap());
            request_id(&headers)
        };
        assert_eq!(id("web-1_2.3"), "web-1_2.3");
        for bad in ["", "a b", "a\"", &"x".repeat(65)] {
            assert_ne!(id(bad), bad);
            assert_eq!(id(bad).len(), 16);
        }
    }
}
