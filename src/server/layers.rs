//! What every request passes on its way in and every answer on its way out. Here is where
//! authentication belongs when the server is to listen beyond this machine: a layer above
//! the log that lets `grpc.health.v1.Health` through and refuses everything else without a
//! key. Until then the address is checked instead, in [`super::run`].

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tonic::codegen::http;
use tower::layer::util::{Identity, Stack};
use tower::{Layer, Service, ServiceBuilder};

/// The layers, outermost first.
pub(super) fn stack() -> ServiceBuilder<Stack<AccessLog, Identity>> {
    ServiceBuilder::new().layer(AccessLog)
}

/// Logs method, status and time of every request.
#[derive(Debug, Clone, Copy)]
pub(super) struct AccessLog;

impl<S> Layer<S> for AccessLog {
    type Service = Logged<S>;

    fn layer(&self, inner: S) -> Logged<S> {
        Logged { inner }
    }
}

/// A service with its log.
#[derive(Debug, Clone)]
pub(super) struct Logged<S> {
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
        let method = request.uri().path().to_owned();
        let begun = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            if let Ok(response) = &answer {
                // Failed requests carry their code in the headers; otherwise the body follows, or a stream begins.
                let code = response.headers().get("grpc-status").and_then(|value| value.to_str().ok()).unwrap_or("0");
                let elapsed_us = begun.elapsed().as_micros() as u64;
                tracing::info!(method, code, elapsed_us, "request");
            }
            answer
        })
    }
}
