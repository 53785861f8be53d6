//! Clients that do not read. What a stream has ready is bounded, but it holds a place among the streams, and what it
//! was made of, for as long as somebody might read on. Here that ends: a client that has not taken the next part of
//! an answer for the time allowed loses the stream.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::time::Instant;
use tonic::Status;

use super::status::Failure;

/// How many times within the time allowed it is looked whether the client has read.
const LOOKS: u32 = 4;

/// A stream that ends where its client does not read.
pub(super) struct Patient<T> {
    shared: Arc<Mutex<Inner<T>>>,
}

struct Inner<T> {
    /// `None` once it was given up.
    stream: Option<BoxStream<'static, Result<T, Status>>>,
    /// When the last part was handed over, until the next is asked for.
    handed: Option<Instant>,
}

/// Ends a stream whose client takes longer than `limit` to ask for the next part. Waiting for parts that are not there
/// yet is nobody's fault and not counted.
pub(super) fn patient<T: Send + 'static>(
    stream: BoxStream<'static, Result<T, Status>>,
    limit: Duration,
) -> BoxStream<'static, Result<T, Status>> {
    let shared = Arc::new(Mutex::new(Inner { stream: Some(stream), handed: None }));
    let watched = Arc::downgrade(&shared);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(limit / LOOKS).await;
            let Some(shared) = watched.upgrade() else { return };
            let mut inner = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.stream.is_none() {
                return;
            }
            if inner.handed.is_some_and(|handed| handed.elapsed() >= limit) {
                tracing::warn!(?limit, "a client does not read: its stream is given up");
                inner.stream = None;
                return;
            }
        }
    });
    Patient { shared }.boxed()
}

impl<T> Stream for Patient<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inner = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        inner.handed = None;
        let Some(stream) = &mut inner.stream else {
            return Poll::Ready(Some(Err(Failure::SlowReader.into())));
        };
        let item = ready!(stream.poll_next_unpin(context));
        if item.is_some() {
            inner.handed = Some(Instant::now());
        }
        Poll::Ready(item)
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use tonic::Code;

    use super::*;

    /// Of a clock that goes on by itself where nothing else is to be done: a busy machine delays nothing.
    const LIMIT: Duration = Duration::from_secs(2);

    /// A stream, and what is dropped with it.
    fn numbers() -> (BoxStream<'static, Result<u32, Status>>, Arc<()>) {
        let held = Arc::new(());
        let kept = held.clone();
        let numbers = stream::iter(0..).map(move |number| {
            let _ = &kept;
            Ok(number)
        });
        (numbers.boxed(), held)
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_reads_on_and_who_stops_loses_the_stream_and_its_place() {
        let (stream, held) = numbers();
        let mut stream = patient(stream, LIMIT);
        for expected in 0..5 {
            assert_eq!(stream.next().await.unwrap().unwrap(), expected);
            tokio::time::sleep(LIMIT / 4).await;
        }
        assert_eq!(stream.next().await.unwrap().unwrap(), 5);
        assert_eq!(Arc::strong_count(&held), 2);
        tokio::time::sleep(LIMIT * 2).await;
        assert_eq!(Arc::strong_count(&held), 1, "given up without being asked");
        assert_eq!(stream.next().await.unwrap().unwrap_err().code(), Code::ResourceExhausted);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_what_is_not_there_yet_is_not_held_against_the_client() {
        let late = stream::once(async {
            tokio::time::sleep(LIMIT * 2).await;
            Ok(1)
        });
        let mut stream = patient(late.boxed(), LIMIT);
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        assert!(stream.next().await.is_none());
    }
}
