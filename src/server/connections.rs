//! Connections: no more than the server can hold, and none that says nothing. Owns the wrapper around every accepted
//! stream; what is said on it is the transport's business.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tonic::transport::server::Connected;

/// Bounds the connections of a listener: while all places are taken, further ones wait in the backlog of the system.
/// One on which nothing moves for the idle time is closed.
pub(super) fn bounded<S, I>(
    incoming: S,
    most: usize,
    idle: Duration,
) -> impl Stream<Item = io::Result<Connection<I>>> + Send
where
    S: Stream<Item = io::Result<I>> + Send + 'static,
    I: Send + 'static,
{
    let places = Arc::new(Semaphore::new(most));
    let state = (Box::pin(incoming), places);
    futures::stream::unfold(state, move |(mut incoming, places)| async move {
        // The semaphore is never closed.
        let place = places.clone().acquire_owned().await.ok()?;
        let accepted = incoming.next().await?;
        let connection =
            accepted.map(|io| Connection { io, idle, quiet: Box::pin(tokio::time::sleep(idle)), _place: place });
        Some((connection, (incoming, places)))
    })
}

/// An accepted connection with its place.
pub(super) struct Connection<I> {
    io: I,
    idle: Duration,
    /// Done when nothing has moved for the idle time.
    quiet: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<I> Connection<I> {
    fn moved(&mut self) {
        let next = Instant::now() + self.idle;
        self.quiet.as_mut().reset(next);
    }

    /// Whether the idle time is over; wakes the task when it will be.
    fn is_quiet(&mut self, context: &mut Context<'_>) -> bool {
        self.quiet.as_mut().poll(context).is_ready()
    }
}

fn overdue() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "nothing moved on the connection")
}

impl<I: AsyncRead + Unpin> AsyncRead for Connection<I> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_read(context, into) {
            Poll::Pending if this.is_quiet(context) => Poll::Ready(Err(overdue())),
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                this.moved();
                Poll::Ready(result)
            }
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Connection<I> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write(context, from));
        this.moved();
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write_vectored(context, from));
        this.moved();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl<I: Connected> Connected for Connection<I> {
    type ConnectInfo = I::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// Of a clock that goes on by itself where nothing else is to be done: a busy machine delays nothing.
    const IDLE: Duration = Duration::from_secs(2);

    fn pairs(count: usize) -> (Vec<DuplexStream>, Vec<io::Result<DuplexStream>>) {
        (0..count).map(|_| duplex(64)).map(|(client, server)| (client, Ok(server))).unzip()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_moves_is_closed_and_one_that_is_used_is_not() {
        let (mut clients, servers) = pairs(1);
        let mut incoming = Box::pin(bounded(futures::stream::iter(servers), 1, IDLE));
        let mut connection = incoming.next().await.unwrap().unwrap();
        for _ in 0..5 {
            tokio::time::sleep(IDLE / 4).await;
            clients[0].write_all(b"x").await.unwrap();
            assert_eq!(connection.read_u8().await.unwrap(), b'x');
        }
        let begun = Instant::now();
        assert_eq!(connection.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn more_connections_than_there_are_places_wait_until_one_is_free() {
        let (_clients, servers) = pairs(3);
        let mut incoming = Box::pin(bounded(futures::stream::iter(servers), 2, IDLE));
        let first = incoming.next().await.unwrap().unwrap();
        let _second = incoming.next().await.unwrap().unwrap();
        assert!(tokio::time::timeout(IDLE / 4, incoming.next()).await.is_err());
        drop(first);
        assert!(incoming.next().await.unwrap().is_ok());
    }
}
