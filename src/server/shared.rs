//! What all services share: settings, permits, the compute pool, and what is loaded. Every
//! single request goes through [`Shared::read`], every stream begins with [`Shared::stream`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use qingting_pipeline::Pipeline;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::alerts::Hub;
use super::backend::Reader;
use super::compute::Compute;
use super::status::Failure;
use super::writer::WriteQueue;
use super::{Error, ServerConfig};
use crate::insight::InsightSettings;

/// Everything that the services need once it is loaded.
pub(super) struct Ready {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) writes: WriteQueue,
    pub(super) insight: InsightSettings,
}

/// Shared by all services.
pub(super) struct Shared {
    pub(super) config: ServerConfig,
    pub(super) compute: Compute,
    pub(super) stopping: CancellationToken,
    pub(super) alerts: Hub,
    ready: OnceLock<Arc<Ready>>,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(config: ServerConfig) -> Result<Self, Error> {
        Ok(Self {
            compute: Compute::new(config.threads)?,
            stopping: CancellationToken::new(),
            alerts: Hub::new(config.alert_backlog),
            ready: OnceLock::new(),
            requests: Arc::new(Semaphore::new(config.max_requests)),
            streams: Arc::new(Semaphore::new(config.max_streams)),
            config,
        })
    }

    /// From now on the services answer.
    pub(super) fn set_ready(&self, ready: Ready) {
        // Called once, by the one that runs the server.
        let _ = self.ready.set(Arc::new(ready));
    }

    fn ready(&self) -> Result<Arc<Ready>, Failure> {
        if self.stopping.is_cancelled() {
            return Err(Failure::ShuttingDown);
        }
        self.ready.get().cloned().ok_or(Failure::NotReady)
    }

    /// Does the work of a single request on the compute pool, within its deadline.
    ///
    /// # Errors
    /// When there are too many requests, nothing is loaded yet, time is up, or the work fails.
    pub(super) async fn read<T, F>(&self, limit: Duration, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Ready) -> Result<T, Failure> + Send + 'static,
    {
        let ready = self.ready()?;
        let permit = self.requests.clone().try_acquire_owned().map_err(|_| Failure::Busy("requests"))?;
        let job = self.compute.run(move || {
            // Held by the work, not by its caller: what goes on after a deadline still counts as load.
            let _permit = permit;
            work(&ready)
        });
        tokio::time::timeout(limit, job).await.unwrap_or(Err(Failure::Deadline(limit)))?
    }

    /// Where single writes are handed in; the queue bounds them.
    ///
    /// # Errors
    /// When nothing is loaded yet, or the server stops.
    pub(super) fn writes(&self) -> Result<WriteQueue, Failure> {
        Ok(self.ready()?.writes.clone())
    }

    /// Begins a stream.
    ///
    /// # Errors
    /// When there are too many streams, or nothing is loaded yet.
    pub(super) fn stream(&self) -> Result<(Arc<Ready>, OwnedSemaphorePermit), Failure> {
        let ready = self.ready()?;
        let permit = self.streams.clone().try_acquire_owned().map_err(|_| Failure::Busy("streams"))?;
        Ok((ready, permit))
    }

    /// The messages of a client until it ends, breaks off or the server is stopped; the last two are
    /// an error as the last item.
    pub(super) fn messages<T: Send + 'static>(
        &self,
        requests: Streaming<T>,
    ) -> impl Stream<Item = Result<T, Status>> + Send + use<T> {
        let stopping = self.stopping.clone();
        let end = stream::once(async move { stopping.is_cancelled().then(|| Err(Failure::ShuttingDown.into())) })
            .filter_map(std::future::ready);
        requests.take_until(self.stopping.clone().cancelled_owned()).chain(end)
    }
}
