//! For the tests of this module: a backend in memory, and a server on a port of its own.
//! The backend finds substrings and understands one filter, `field = value`.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use qingting_index as index;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::{Analyzed, Pipeline};
use qingting_proto::v1;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use super::backend::{
    Article, ArticleHit, CallHit, CallPage, CallQuery, Cursor, FindingPage, FindingQuery, Group, GroupBy, Groups,
    Highlight, ListedFinding, Reader, Writer,
};
use super::convert::Invalid;
use super::{Error, Failure, ServerConfig, State, run};

/// One pipeline for all tests: loading the dictionary takes a while.
pub(super) fn pipeline() -> Arc<Pipeline> {
    static PIPELINE: OnceLock<Arc<Pipeline>> = OnceLock::new();
    let load = || Arc::new(Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap());
    PIPELINE.get_or_init(load).clone()
}

/// Open unless a test closes it.
#[derive(Default)]
pub(super) struct Gate {
    closed: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub(super) fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    pub(super) fn open(&self) {
        *self.closed.lock().unwrap() = false;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let closed = self.closed.lock().unwrap();
        drop(self.changed.wait_while(closed, |closed| *closed).unwrap());
    }
}

/// What is kept, and how it should misbehave.
#[derive(Default)]
pub(super) struct Memory {
    /// Calls on disk.
    pub(super) kept: Mutex<BTreeMap<String, Analyzed>>,
    /// Calls that searches see.
    seen: Mutex<BTreeMap<String, Analyzed>>,
    pub(super) articles: Mutex<BTreeMap<String, Article>>,
    /// Searches and writes wait here.
    pub(super) gate: Gate,
    pub(super) finished: AtomicBool,
    /// Sizes of the groups that were written.
    pub(super) groups: Mutex<Vec<usize>>,
}

impl Memory {
    fn matching(&self, query: &str, filter: &str) -> Result<Vec<Analyzed>, Failure> {
        let wanted = match filter.split_once(" = ") {
            _ if filter.is_empty() => None,
            Some(("queue", queue)) => Some(queue),
            _ => return Err(Invalid::field("filter", "no such field").into()),
        };
        let calls = self.seen.lock().unwrap();
        let says = |call: &&Analyzed| call.record.turns.iter().any(|t| t.text.contains(query));
        let passes = |call: &&Analyzed| wanted.is_none() || call.record.queue.as_deref() == wanted;
        Ok(calls.values().filter(says).filter(passes).cloned().collect())
    }
}

fn highlights(call: &Analyzed, query: &str) -> Vec<Highlight> {
    let turns = call.record.turns.iter().enumerate();
    let hits = turns.filter_map(|(i, turn)| {
        let start = turn.text[..turn.text.find(query)?].chars().count() as u32;
        let end = start + query.chars().count() as u32;
        Some(Highlight {
            turn: i as u32,
            role: turn.role,
            start_ms: turn.start_ms,
            passage: turn.text.clone(),
            start_char: 0,
            matches: vec![(start, end)],
        })
    });
    hits.collect()
}

impl Reader for Memory {
    fn search_calls(&self, query: &CallQuery) -> Result<CallPage, Failure> {
        self.gate.pass();
        assert_ne!(query.query, "panic", "asked to");
        let all = self.matching(&query.query, &query.filter)?;
        let hits = all.iter().skip(query.start.call as usize).take(query.size).map(|call| CallHit {
            call: call.clone(),
            score: 1.0,
            highlights: if query.highlight {
                highlights(call, &query.query)
            } else {
                Vec::new()
            },
        });
        let facets = query.facets.iter().map(|_| vec![("water".to_owned(), all.len() as u64)]);
        Ok(CallPage { hits: hits.collect(), total: all.len() as u64, facets: facets.collect() })
    }

    fn get_call(&self, call_id: &str) -> Result<Option<Analyzed>, Failure> {
        Ok(self.kept.lock().unwrap().get(call_id).cloned())
    }

    fn list_findings(&self, query: &FindingQuery) -> Result<FindingPage, Failure> {
        let mut all = Vec::new();
        for (i, call) in self.matching("", &query.filter)?.into_iter().enumerate() {
            if query.call_id.as_ref().is_some_and(|id| *id != call.record.call_id) {
                continue;
            }
            let found = if query.uncertain {
                call.analysis.uncertain
            } else {
                call.analysis.findings
            };
            for (j, finding) in found.into_iter().enumerate() {
                let listed = ListedFinding {
                    call_id: call.record.call_id.clone(),
                    started_at: call.record.started_at,
                    agent: call.record.agent.clone(),
                    queue: call.record.queue.clone(),
                    finding,
                };
                all.push((Cursor { call: i as u64, finding: j as u64 }, listed));
            }
        }
        let begin = (query.start.call, query.start.finding);
        all.retain(|(at, _)| (at.call, at.finding) >= begin);
        let next = all.get(query.size).map(|(at, _)| *at);
        let findings = all.into_iter().take(query.size).map(|(_, listed)| listed).collect();
        Ok(FindingPage { findings, next })
    }

    fn aggregate(&self, by: GroupBy, query: &str, filter: &str) -> Result<Groups, Failure> {
        assert_eq!(by, GroupBy::Queue, "the only one that tests ask for");
        let all = self.matching(query, filter)?;
        let mut counts = BTreeMap::new();
        for call in &all {
            *counts.entry(call.record.queue.clone().unwrap_or_default()).or_insert(0) += 1;
        }
        let groups = counts.into_iter().map(|(value, calls)| Group {
            value,
            calls,
            average_score: None,
            average_satisfaction: Some(3.0),
        });
        Ok(Groups { groups: groups.collect(), total: all.len() as u64 })
    }

    fn search_articles(&self, query: &str, size: usize) -> Result<Vec<ArticleHit>, Failure> {
        let articles = self.articles.lock().unwrap();
        let hits = articles.values().filter(|a| a.body.contains(query)).take(size);
        Ok(hits
            .map(|a| ArticleHit { id: a.id.clone(), title: a.title.clone(), passage: a.body.clone(), score: 1.0 })
            .collect())
    }
}

/// Writes into the memory; refuses calls of the queue `refused`, panics on those of `panic`.
pub(super) struct MemoryWriter(pub(super) Arc<Memory>);

impl Writer for MemoryWriter {
    fn ingest(&mut self, calls: &[Analyzed]) -> index::Result<()> {
        self.0.gate.pass();
        self.0.groups.lock().unwrap().push(calls.len());
        for call in calls {
            assert_ne!(call.record.queue.as_deref(), Some("panic"), "asked to");
            if call.record.queue.as_deref() == Some("refused") {
                let what = format!("call {}", call.record.call_id);
                return Err(index::Error::Refused { what, message: "cannot be stored".into() });
            }
        }
        let kept = calls.iter().map(|call| (call.record.call_id.clone(), call.clone()));
        self.0.kept.lock().unwrap().extend(kept);
        Ok(())
    }

    fn refresh(&mut self) -> index::Result<()> {
        *self.0.seen.lock().unwrap() = self.0.kept.lock().unwrap().clone();
        Ok(())
    }

    fn import_articles(&mut self, articles: &[Article]) -> index::Result<()> {
        let new = articles.iter().map(|a| (a.id.clone(), a.clone()));
        self.0.articles.lock().unwrap().extend(new);
        Ok(())
    }

    fn finish(self: Box<Self>) -> index::Result<()> {
        self.0.finished.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// A running server.
pub(super) struct TestServer {
    pub(super) address: SocketAddr,
    pub(super) memory: Arc<Memory>,
    pub(super) channel: Channel,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), Error>>,
}

impl TestServer {
    /// A server that is loaded.
    pub(super) async fn start(config: ServerConfig) -> Self {
        let server = Self::start_loading(config, || {}).await;
        server.wait_ready().await;
        server
    }

    /// A server that waits for `hold` in its loading.
    pub(super) async fn start_loading(config: ServerConfig, hold: impl FnOnce() + Send + 'static) -> Self {
        let memory = Arc::new(Memory::default());
        let shared = memory.clone();
        let load = move || {
            hold();
            let writer = Box::new(MemoryWriter(shared.clone()));
            Ok(State { pipeline: pipeline(), reader: shared, writer })
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(run(listener, config, load, shutdown));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { address, memory, channel, stop: Some(stop), task }
    }

    /// Waits until health says so.
    pub(super) async fn wait_ready(&self) {
        for _ in 0..500 {
            if self.health("").await == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not ready in time");
    }

    /// The serving status of a service; 1 is serving, 2 not serving.
    pub(super) async fn health(&self, service: &str) -> i32 {
        let mut client = tonic_health::pb::health_client::HealthClient::new(self.channel.clone());
        let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
        client.check(request).await.unwrap().into_inner().status
    }

    /// Tells it to stop.
    pub(super) fn signal(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    /// Tells it to stop unless that was done, and waits for its end.
    pub(super) async fn stop(mut self) -> Result<(), Error> {
        if self.stop.is_some() {
            self.signal();
        }
        self.task.await.unwrap()
    }
}

/// A call of a queue with one turn of each party.
pub(super) fn call(call_id: &str, queue: &str, text: &str) -> v1::CallRecord {
    v1::CallRecord {
        call_id: call_id.into(),
        started_at: Some("2026-03-02T09:15:00+08:00".into()),
        queue: Some(queue.into()),
        turns: vec![
            v1::Turn {
                role: v1::Role::Agent.into(),
                text: "您好，请问有什么可以帮您？".into(),
                ..Default::default()
            },
            v1::Turn { role: v1::Role::Caller.into(), text: text.into(), ..Default::default() },
        ],
        ..Default::default()
    }
}
