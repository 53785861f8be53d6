//! Answers that end with the key or token of whoever asked. Requests are looked at when they come in; a stream goes on
//! for hours, and here it is cut off.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Bytes, http};

use super::status::Failure;
use crate::access::{Denied, Pass};

/// A body for as long as the one who asked may be here.
pub(super) struct Expiring {
    /// `None` once it was cut off, which lets go of everything behind it.
    body: Option<Body>,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    who: String,
}

/// The same answer, cut off when the pass is over.
pub(super) fn expiring(response: http::Response<Body>, pass: Pass) -> http::Response<Body> {
    let who = pass.who.id.clone();
    response.map(|body| Body::new(Expiring { body: Some(body), over: Box::pin(pass.over()), who }))
}

impl http_body::Body for Expiring {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if this.over.as_mut().poll(context).is_pending() {
            return Pin::new(body).poll_frame(context);
        }
        this.body = None;
        tracing::warn!(who = this.who, "a stream is cut off: its key or token is over");
        let status = Status::from(Failure::from(Denied::Over(this.who.clone())));
        let trailers = status.into_http::<()>().into_parts().0.headers;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}
