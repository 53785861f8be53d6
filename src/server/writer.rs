//! The one thread that writes. Requests hand their records over through a bounded queue; a
//! record that was handed over is written whether or not its caller is still there. Records
//! that wait are written as one group, so that they share an fsync.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use qingting_index as index;
use qingting_index::Feedback;
use qingting_index::knowledge::Article;
use qingting_pipeline::Analyzed;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;

use super::Error;
use super::backend::Writer;
use super::status::Failure;

/// Most calls that share an fsync.
const GROUP: usize = 64;

type Reply = oneshot::Sender<Result<(), Status>>;
/// Anything else than a call that is written.
type Change = Box<dyn FnOnce(&mut dyn Writer) -> index::Result<()> + Send>;

enum Command {
    Call(Box<Analyzed>, Reply),
    /// A change, and whether there are calls in it.
    Change(Change, bool, Reply),
    /// A question without an answer, and how sure the best one was.
    Unanswered(String, f64),
}

/// Where requests hand in what is to be written. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct WriteQueue {
    sender: mpsc::Sender<Command>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Call(..) => "Call",
            Self::Change(..) => "Change",
            Self::Unanswered(..) => "Unanswered",
        })
    }
}

impl WriteQueue {
    /// Waits until the call is safely on disk.
    pub(super) async fn call(&self, call: Analyzed) -> Result<(), Status> {
        self.submit(|reply| Command::Call(Box::new(call), reply)).await
    }

    /// Waits until the articles are on disk and searchable.
    pub(super) async fn articles(&self, articles: Vec<Article>) -> Result<(), Status> {
        self.change(move |writer| writer.import_articles(articles)).await
    }

    /// Waits until the feedback is on disk and moves the ranking.
    pub(super) async fn feedback(&self, feedback: Feedback) -> Result<(), Status> {
        self.change(move |writer| writer.feedback(feedback)).await
    }

    /// Waits until a change is on disk.
    pub(super) async fn change(
        &self,
        change: impl FnOnce(&mut dyn Writer) -> index::Result<()> + Send + 'static,
    ) -> Result<(), Status> {
        self.submit(|reply| Command::Change(Box::new(change), false, reply)).await
    }

    /// Waits until a change with calls in it is on disk; they become searchable like others.
    pub(super) async fn change_calls(
        &self,
        change: impl FnOnce(&mut dyn Writer) -> index::Result<()> + Send + 'static,
    ) -> Result<(), Status> {
        self.submit(|reply| Command::Change(Box::new(change), true, reply)).await
    }

    /// Notes a question without an answer, if there is room in the queue: no search waits for that.
    pub(super) fn unanswered(&self, question: String, confidence: f64) {
        if self.sender.try_send(Command::Unanswered(question, confidence)).is_err() {
            tracing::debug!("a question without an answer is not noted: the write queue is full or closed");
        }
    }

    /// How many writes wait.
    pub(super) fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    async fn submit(&self, command: impl FnOnce(Reply) -> Command) -> Result<(), Status> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(command(reply)).await.map_err(|_| Status::from(Failure::WriterStopped))?;
        answer.await.unwrap_or_else(|_| Err(Failure::WriterStopped.into()))
    }
}

/// The running thread.
pub(super) struct WriterThread {
    thread: JoinHandle<index::Result<()>>,
    stop: DropGuard,
    /// Done when the thread has ended, for whatever reason.
    pub(super) ended: CancellationToken,
}

impl WriterThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn start(
        writer: Box<dyn Writer>,
        capacity: usize,
        refresh: Duration,
        runtime: Handle,
    ) -> Result<(WriteQueue, Self), Error> {
        let (sender, queue) = mpsc::channel(capacity);
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let (stopped, on_end) = (stop.clone(), ended.clone().drop_guard());
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                let _on_end = on_end;
                Loop { writer, queue, stopped, refresh, dirty_since: None, failed: false, runtime }.run()
            })
            .map_err(Error::Thread)?;
        Ok((WriteQueue { sender }, Self { thread, stop: stop.drop_guard(), ended }))
    }

    /// Takes no more, writes what was handed in, and waits for the end.
    ///
    /// # Errors
    /// When closing failed or the thread panicked.
    pub(super) async fn finish(self) -> Result<(), Error> {
        drop(self.stop);
        self.ended.cancelled().await;
        match self.thread.join() {
            Ok(result) => result.map_err(Error::Close),
            Err(_) => Err(Error::WriterPanicked),
        }
    }
}

enum Event {
    Command(Command),
    Refresh,
    Stop,
    Closed,
}

struct Loop {
    writer: Box<dyn Writer>,
    queue: mpsc::Receiver<Command>,
    stopped: CancellationToken,
    refresh: Duration,
    /// Since when there are calls that are not searchable yet.
    dirty_since: Option<Instant>,
    failed: bool,
    runtime: Handle,
}

impl Loop {
    fn run(mut self) -> index::Result<()> {
        while !self.failed {
            match self.next() {
                Event::Command(command) => self.write(command),
                Event::Refresh => self.make_searchable(),
                // What is in the queue is still written.
                Event::Stop => self.queue.close(),
                Event::Closed => break,
            }
        }
        self.writer.finish()
    }

    fn next(&mut self) -> Event {
        let runtime = self.runtime.clone();
        let wait = self.dirty_since.map(|since| self.refresh.saturating_sub(since.elapsed()));
        // Not later than promised, even if calls keep coming in.
        if wait == Some(Duration::ZERO) {
            return Event::Refresh;
        }
        let closed = self.queue.is_closed();
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stopped.cancelled(), if !closed => Event::Stop,
                command = self.queue.recv() => command.map_or(Event::Closed, Event::Command),
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => Event::Refresh,
            }
        })
    }

    fn write(&mut self, first: Command) {
        let mut next = Some(first);
        let (mut calls, mut replies) = (Vec::new(), Vec::new());
        while let Some(command) = next.take() {
            match command {
                Command::Call(call, reply) => {
                    calls.push(*call);
                    replies.push(reply);
                }
                Command::Change(change, has_calls, reply) => {
                    let result = self.outcome(change);
                    if has_calls && result.is_ok() {
                        self.dirty_since.get_or_insert_with(Instant::now);
                    }
                    let _ = reply.send(result);
                }
                Command::Unanswered(question, confidence) => {
                    // Nobody waits; `outcome` has logged what went wrong.
                    let _ = self.outcome(|writer| writer.note_unanswered(&question, confidence));
                }
            }
            if calls.len() < GROUP {
                next = self.queue.try_recv().ok();
            }
        }
        self.ingest(calls, replies);
    }

    fn ingest(&mut self, calls: Vec<Analyzed>, replies: Vec<Reply>) {
        if calls.is_empty() {
            return;
        }
        // The services have refused what the store would refuse, so a group stands or falls as one.
        let result = self.outcome(|writer| writer.ingest(calls));
        if result.is_ok() {
            self.dirty_since.get_or_insert_with(Instant::now);
        }
        for reply in replies {
            // A caller that has gone needs no acknowledgement.
            let _ = reply.send(result.clone());
        }
    }

    fn make_searchable(&mut self) {
        self.dirty_since = None;
        if let Err(status) = self.outcome(Writer::refresh) {
            tracing::error!(%status, "acknowledged calls are not searchable; they are safe on disk");
        }
    }

    /// Does something with the writer. After an error that is more than a refusal it cannot be told
    /// what is on disk: nothing more is taken, and opening the store again repairs it.
    fn outcome(&mut self, work: impl FnOnce(&mut dyn Writer) -> index::Result<()>) -> Result<(), Status> {
        let result = work(&mut *self.writer);
        if let Err(error) = &result
            && !matches!(
                error,
                index::Error::Refused { .. } | index::Error::Stale { .. } | index::Error::NotFound { .. }
            )
        {
            self.failed = true;
        }
        result.map_err(|error| Failure::Index(error).into())
    }
}
