//! Where requests are let in or turned away, before anything reads them. Owns the way from the headers of a request to
//! the decision of [`crate::access::Guard`] and from there to the status that goes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http;
use tower::{Layer, Service};

use super::passes::expiring;
use super::shared::Shared;
use super::status::Failure;
use crate::access::{Denied, Pass};

const SCHEME: &str = "Bearer ";

/// The layer.
#[derive(Clone)]
pub(super) struct Admission {
    shared: Arc<Shared>,
    local: bool,
}

impl Admission {
    /// For requests from other machines, or from this one over the network.
    pub(super) fn network(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone(), local: false }
    }

    /// For requests over the socket in the data folder, which only its owner can open.
    pub(super) fn local(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone(), local: true }
    }

    /// Who asks, when they may.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn admit(&self, head: &http::Uri, headers: &http::HeaderMap) -> Result<Option<Pass>, Denied> {
        let bearer = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| {
            let (scheme, credential) = value.split_at_checked(SCHEME.len())?;
            scheme.eq_ignore_ascii_case(SCHEME).then(|| credential.trim())
        });
        self.shared.guard.admit(head.path(), bearer, self.local, chrono::Utc::now())
    }
}

impl<S> Layer<S> for Admission {
    type Service = Admitted<S>;

    fn layer(&self, inner: S) -> Admitted<S> {
        Admitted { admission: self.clone(), inner }
    }
}

/// A service behind the admission.
#[derive(Clone)]
pub(super) struct Admitted<S> {
    admission: Admission,
    inner: S,
}

impl<S, B> Service<http::Request<B>> for Admitted<S>
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

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        match self.admission.admit(request.uri(), request.headers()) {
            Ok(pass) => {
                // Not even the services need to know by what somebody was recognised.
                request.headers_mut().remove(http::header::AUTHORIZATION);
                if let Some(pass) = &pass {
                    request.extensions_mut().insert(pass.who.clone());
                }
                let answer = self.inner.call(request);
                Box::pin(async move {
                    let mut response = answer.await?;
                    let Some(pass) = pass else { return Ok(response) };
                    // For the log.
                    response.extensions_mut().insert(pass.who.clone());
                    Ok(expiring(response, pass))
                })
            }
            Err(denied) => {
                tracing::warn!(method = request.uri().path(), %denied, "turned away");
                let status = Status::from(Failure::from(denied));
                Box::pin(async move { Ok(status.into_http()) })
            }
        }
    }
}
