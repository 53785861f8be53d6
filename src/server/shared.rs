//! What all services share: settings, permits, the compute pool, and what is loaded. Every
//! single request goes through [`Shared::read`], every stream begins with [`Shared::stream`].

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::{Extensions, Request, Status, Streaming};

use super::alerts::Hub;
use super::backend::Reader;
use super::compute::Compute;
use super::indicators::Traced;
use super::metrics::Metrics;
use super::scoped;
use super::status::Failure;
use super::writer::WriteQueue;
use super::{Error, Judging, ServerConfig, blind, deadline};
use crate::access::{Denied, Guard, Principal};
use crate::insight::InsightSettings;

/// Who asks, and how long the answer may take.
pub(super) struct Ask {
    pub(super) who: Arc<Principal>,
    pub(super) limit: Duration,
}

/// Whether somebody still waits for an answer.
pub(super) struct Waiting {
    given_up: CancellationToken,
    limit: Duration,
}

impl Waiting {
    /// # Errors
    /// When nobody does.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.given_up.is_cancelled() {
            true => Err(Failure::Deadline(self.limit)),
            false => Ok(()),
        }
    }
}

/// How much is under way.
pub(super) struct Load {
    pub(super) ready: bool,
    pub(super) requests: usize,
    pub(super) streams: usize,
    pub(super) writes: usize,
}

/// Everything that the services need once it is loaded.
#[derive(Clone)]
pub(super) struct Ready {
    /// What calls are analysed by; a request, and the analysis of one call in a stream, keeps what it begins with.
    pub(super) judging: Judging,
    /// Shows what the one who asks may see.
    pub(super) reader: Arc<dyn Reader>,
    pub(super) writes: WriteQueue,
    pub(super) insight: InsightSettings,
    /// What opens cases, and when their steps are due.
    pub(super) cases: Arc<crate::case::Rules>,
    /// Who may become an experience officer, and when their tasks are due.
    pub(super) experience: Arc<crate::experience::Rules>,
}

/// Shared by all services.
pub(super) struct Shared {
    pub(super) config: ServerConfig,
    pub(super) compute: Compute,
    pub(super) stopping: CancellationToken,
    pub(super) alerts: Hub,
    pub(super) guard: Guard,
    pub(super) metrics: Metrics,
    /// Held by whoever publishes.
    pub(super) publishing: Arc<Mutex<()>>,
    /// Taken by a dry run.
    pub(super) trials: Arc<Semaphore>,
    /// Calls behind figures, from page to page.
    pub(super) traced: Arc<Traced>,
    ready: RwLock<Option<Arc<Ready>>>,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(config: ServerConfig, guard: Guard) -> Result<Self, Error> {
        Ok(Self {
            compute: Compute::new(config.threads)?,
            stopping: CancellationToken::new(),
            alerts: Hub::new(config.alert_backlog),
            guard,
            metrics: Metrics::new(),
            publishing: Arc::default(),
            trials: Arc::new(Semaphore::new(1)),
            traced: Arc::default(),
            ready: RwLock::default(),
            requests: Arc::new(Semaphore::new(config.max_requests)),
            streams: Arc::new(Semaphore::new(config.max_streams)),
            config,
        })
    }

    /// From now on the services answer.
    pub(super) fn set_ready(&self, ready: Ready) {
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(ready));
    }

    /// From now on calls are analysed by something else. What has begun goes on with what it has.
    pub(super) fn renew(&self, judging: Judging) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = &*ready {
            *ready = Some(Arc::new(Ready { judging, ..(**now).clone() }));
        }
    }

    fn now(&self) -> Option<Arc<Ready>> {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What calls are analysed by at the moment, for streams that go on for longer.
    ///
    /// # Errors
    /// When nothing is loaded yet.
    pub(super) fn judging(&self) -> Result<Judging, Failure> {
        Ok(self.now().ok_or(Failure::NotReady)?.judging.clone())
    }

    /// How much is under way.
    pub(super) fn load(&self) -> Load {
        let ready = self.now();
        Load {
            ready: ready.is_some() && !self.stopping.is_cancelled(),
            requests: self.config.max_requests - self.requests.available_permits(),
            streams: self.config.max_streams - self.streams.available_permits(),
            writes: ready.map_or(0, |ready| ready.writes.waiting()),
        }
    }

    /// Everything, with no more to be seen than somebody may see.
    pub(super) fn ready(&self, who: &Principal) -> Result<Arc<Ready>, Failure> {
        if self.stopping.is_cancelled() {
            return Err(Failure::ShuttingDown);
        }
        let ready = self.now().ok_or(Failure::NotReady)?;
        Ok(match scoped::reader(&ready.reader, &who.scope) {
            None => ready,
            Some(reader) => Arc::new(Ready { reader, ..(*ready).clone() }),
        })
    }

    /// Who asks, and how long they wait at most.
    ///
    /// # Errors
    /// When the request did not pass the admission.
    pub(super) fn ask<T>(&self, request: &Request<T>) -> Result<Ask, Failure> {
        let limit = deadline::limit(request.metadata(), self.config.request_timeout());
        Ok(Ask { who: principal(request.extensions())?, limit })
    }

    /// Does the work of a single request on the compute pool, within its deadline.
    ///
    /// # Errors
    /// When there are too many requests, nothing is loaded yet, time is up, or the work fails.
    pub(super) async fn read<T, F>(&self, ask: &Ask, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Ready) -> Result<T, Failure> + Send + 'static,
    {
        let ready = self.blinded(&ask.who)?;
        let limit = ask.limit;
        let permit = self.requests.clone().try_acquire_owned().map_err(|_| Failure::Busy("requests"))?;
        let job = self.compute.run(move || {
            // Held by the work, not by its caller: what goes on after a deadline still counts as load.
            let _permit = permit;
            work(&ready)
        });
        tokio::time::timeout(limit, job).await.unwrap_or(Err(Failure::Deadline(limit)))?
    }

    /// As [`Self::ready`], without what the machine says of calls that somebody is to judge unaware of it.
    ///
    /// # Errors
    /// When nothing is loaded yet, or the server stops.
    pub(super) fn blinded(&self, who: &Principal) -> Result<Arc<Ready>, Failure> {
        let ready = self.ready(who)?;
        Ok(match blind::reader(&ready.reader, who) {
            None => ready,
            Some(reader) => Arc::new(Ready { reader, ..(*ready).clone() }),
        })
    }

    /// As [`Shared::read`], for work that goes over many calls: it is told when nobody waits for it any more.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn count<T, F>(&self, ask: &Ask, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Ready, &Waiting) -> Result<T, Failure> + Send + 'static,
    {
        let given_up = CancellationToken::new();
        let waiting = Waiting { given_up: given_up.clone(), limit: ask.limit };
        // Dropped with this future: when the client has gone as well as when time is up.
        let _guard = given_up.drop_guard();
        self.read(ask, move |ready| work(ready, &waiting)).await
    }

    /// Where single writes are handed in; the queue bounds them.
    ///
    /// # Errors
    /// When nothing is loaded yet, or the server stops.
    pub(super) fn writes(&self, who: &Principal) -> Result<WriteQueue, Failure> {
        Ok(self.ready(who)?.writes.clone())
    }

    /// Begins a stream.
    ///
    /// # Errors
    /// When there are too many streams, or nothing is loaded yet.
    pub(super) fn stream(&self, who: &Principal) -> Result<(Arc<Ready>, OwnedSemaphorePermit), Failure> {
        let ready = blinded(self.ready(who)?, who);
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

/// The same without the verdicts that somebody is not to know.
fn blinded(ready: Arc<Ready>, who: &Principal) -> Arc<Ready> {
    match blind::reader(&ready.reader, who) {
        None => ready,
        Some(reader) => Arc::new(Ready { reader, ..(*ready).clone() }),
    }
}

/// Who asks, as the admission noted it. A request without that has gone past it, and is denied.
pub(super) fn principal(extensions: &Extensions) -> Result<Arc<Principal>, Failure> {
    extensions.get::<Arc<Principal>>().cloned().ok_or(Failure::Denied(Denied::NoCredentials))
}
