//! For the tests of this module: a backend in memory, and a server on a port of its own.
//! The backend finds substrings and understands two filters, `queue:VALUE` and `crisis:true`.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use qingting_index as index;
use qingting_index::calls::{CallHit, CallPage, CallQuery, Facet, Filter, Group, TurnHit};
use qingting_index::knowledge::{Article, Gap, KnowledgeHit, KnowledgeQuery, Suggestion};
use qingting_index::{DateRange, Feedback};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::record::{Role, Span};
use qingting_pipeline::topic::Topics;
use qingting_pipeline::topic::trend::CrisisAlert;
use qingting_pipeline::topic::view::TopicView;
use qingting_pipeline::{Analyzed, Pipeline};
use qingting_proto::v1;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use super::backend::{Reader, TopicDecision, Writer};
use super::{Error, ServerConfig, State, run};
use crate::insight::{self, InsightSettings};

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
    pub(super) said: Mutex<Vec<Feedback>>,
    pub(super) unanswered: Mutex<Vec<String>>,
    /// Searches and writes wait here.
    pub(super) gate: Gate,
    pub(super) finished: AtomicBool,
    /// Calls and topics, once a test put some there.
    pub(super) topics: Mutex<Option<Arc<TopicView>>>,
    /// Reading a call fails.
    pub(super) unreadable: AtomicBool,
    /// Sizes of the groups that were written.
    pub(super) groups: Mutex<Vec<usize>>,
}

impl Memory {
    fn matching(&self, query: &CallQuery) -> Vec<Analyzed> {
        let wanted = query.filter.as_ref().and_then(|filter| value_of(filter, "queue"));
        let crisis = query.filter.as_ref().and_then(|filter| value_of(filter, "crisis"));
        let text = query.text.as_deref().unwrap_or_default();
        let calls = self.seen.lock().unwrap();
        let says = |call: &&Analyzed| call.record.turns.iter().any(|t| t.text.contains(text));
        let passes = |call: &&Analyzed| {
            (wanted.is_none() || call.record.queue == wanted) && (crisis.is_none() || call.analysis.facts.crisis)
        };
        calls.values().filter(says).filter(passes).cloned().collect()
    }
}

/// The value that a field must have.
fn value_of(filter: &Filter, wanted: &str) -> Option<String> {
    match filter {
        Filter::Is { field, value } if *field == wanted => Some(value.clone()),
        Filter::All(parts) => parts.iter().find_map(|part| value_of(part, wanted)),
        _ => None,
    }
}

fn turns(call: &Analyzed, text: &str) -> Vec<TurnHit> {
    let turns = call.record.turns.iter().enumerate();
    let hits = turns.filter_map(|(i, turn)| {
        let start = turn.text[..turn.text.find(text)?].chars().count() as u32;
        Some(TurnHit {
            turn: i as u32,
            role: turn.role,
            start_ms: turn.start_ms,
            end_ms: turn.end_ms,
            snippet: turn.text.clone(),
            snippet_start: 0,
            highlights: vec![Span::new(start, start + text.chars().count() as u32)],
            by_sound: false,
        })
    });
    hits.collect()
}

impl Reader for Memory {
    fn search_calls(&self, query: &CallQuery) -> index::Result<CallPage> {
        self.gate.pass();
        let text = query.text.as_deref().unwrap_or_default();
        assert_ne!(text, "panic", "asked to");
        let start = match query.page_token.as_deref().map(str::parse) {
            None => 0,
            Some(Ok(start)) => start,
            Some(Err(_)) => return Err(index::Error::InvalidQuery { message: "no token".into(), position: 1 }),
        };
        let all = self.matching(query);
        let hits = all.iter().skip(start).take(query.limit).map(|call| CallHit {
            call_id: call.record.call_id.clone(),
            relevance: 1.0,
            started_at: None,
            agent: None,
            queue: call.record.queue.clone(),
            appeal_type: call.analysis.facts.appeal_type.clone(),
            outcome: call.analysis.facts.outcome.clone(),
            score: None,
            duration_ms: None,
            codes: Vec::new(),
            shared_words: Vec::new(),
            by_sound: false,
            turns: if query.turns_per_call > 0 {
                turns(call, text)
            } else {
                Vec::new()
            },
        });
        let hits: Vec<_> = hits.collect();
        let end = start + hits.len();
        Ok(CallPage {
            total: all.len() as u64,
            next: (end < all.len()).then(|| end.to_string()),
            hits,
            facets: query.facets.iter().map(|f| Facet { field: f.field.clone(), values: Vec::new() }).collect(),
            warnings: Vec::new(),
        })
    }

    fn topics(&self) -> insight::Result<Arc<TopicView>> {
        self.topics.lock().unwrap().clone().ok_or(insight::Error::NoTopics)
    }

    fn change_topics(&self, change: &TopicDecision<'_>) -> insight::Result<Arc<TopicView>> {
        let mut view = (*self.topics()?).clone();
        change(&mut view.topics)?;
        let view = Arc::new(TopicView::new(view.topics, view.calls));
        *self.topics.lock().unwrap() = Some(Arc::clone(&view));
        Ok(view)
    }

    fn refresh_topics(&self, _rebuild: bool) -> insight::Result<Topics> {
        Ok(self.topics()?.topics.clone())
    }

    fn crises(&self, _range: DateRange) -> insight::Result<Vec<CrisisAlert>> {
        let calls = self.seen.lock().unwrap();
        let crises = calls.values().filter(|call| call.analysis.facts.crisis).map(|call| CrisisAlert {
            call_id: call.record.call_id.clone(),
            started_at: call.record.started_at,
            quote: String::new(),
        });
        Ok(crises.collect())
    }

    fn get_call(&self, call_id: &str) -> index::Result<Option<Analyzed>> {
        if self.unreadable.load(Ordering::SeqCst) {
            return Err(index::Error::corrupt("/data/calls", "on purpose"));
        }
        Ok(self.kept.lock().unwrap().get(call_id).cloned())
    }

    fn aggregate(&self, query: &CallQuery, group_by: Option<&str>) -> index::Result<Vec<Group>> {
        let mut groups: BTreeMap<String, u64> = BTreeMap::new();
        for call in self.matching(query) {
            let key = match group_by {
                None => String::new(),
                Some("queue") => call.record.queue.unwrap_or_default(),
                Some(_) => return Err(index::Error::InvalidQuery { message: "no field".into(), position: 1 }),
            };
            *groups.entry(key).or_default() += 1;
        }
        let groups = groups.into_iter().map(|(key, calls)| Group {
            key,
            calls,
            score: None,
            satisfaction: Some(3.0),
            rating: None,
            duration: None,
            findings: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        });
        Ok(groups.collect())
    }

    fn search_articles(&self, query: &KnowledgeQuery) -> index::Result<Vec<KnowledgeHit>> {
        let articles = self.articles.lock().unwrap();
        let hits = articles.values().filter(|a| a.body.contains(&query.text)).take(query.limit);
        let hits = hits.map(|article| KnowledgeHit {
            id: article.id.clone(),
            score: 1.0,
            confidence: 1.0,
            title: article.title.clone(),
            passage: article.body.clone(),
            passage_start: 0,
            highlights: Vec::new(),
            source: None,
            department: None,
            category: None,
            valid_to: article.valid_to,
            expired: false,
        });
        Ok(hits.collect())
    }

    fn unanswered(&self, hits: &[KnowledgeHit]) -> Option<f64> {
        hits.is_empty().then_some(0.0)
    }

    fn need(&self, turns: &[(Role, &str)]) -> Vec<String> {
        let last = turns.iter().rev().find(|(role, text)| *role == Role::Caller && text.chars().count() > 4);
        last.map(|(_, text)| (*text).to_owned()).into_iter().collect()
    }

    fn suggest(&self, need: &[String], limit: usize) -> index::Result<Suggestion> {
        let query = need.first().cloned().unwrap_or_default();
        let hits = self.search_articles(&KnowledgeQuery { text: query.clone(), limit, ..KnowledgeQuery::default() })?;
        Ok(Suggestion { query, hits })
    }

    fn gaps(&self, limit: usize) -> index::Result<Vec<Gap>> {
        let questions = self.unanswered.lock().unwrap();
        let gaps = questions.iter().take(limit).map(|question| Gap {
            question: question.clone(),
            times: 1,
            examples: vec![question.clone()],
            calls: vec!["c-1".into()],
            nearest: None,
            confidence: 0.0,
        });
        Ok(gaps.collect())
    }
}

/// Writes into the memory; fails on calls of the queue `broken`, panics on those of `panic`.
pub(super) struct MemoryWriter(pub(super) Arc<Memory>);

impl Writer for MemoryWriter {
    fn ingest(&mut self, calls: Vec<Analyzed>) -> index::Result<()> {
        self.0.gate.pass();
        self.0.groups.lock().unwrap().push(calls.len());
        for call in &calls {
            assert_ne!(call.record.queue.as_deref(), Some("panic"), "asked to");
            if call.record.queue.as_deref() == Some("broken") {
                return Err(index::Error::io("/data/wal", std::io::ErrorKind::StorageFull.into()));
            }
        }
        let kept = calls.into_iter().map(|call| (call.record.call_id.clone(), call));
        self.0.kept.lock().unwrap().extend(kept);
        Ok(())
    }

    fn refresh(&mut self) -> index::Result<()> {
        *self.0.seen.lock().unwrap() = self.0.kept.lock().unwrap().clone();
        Ok(())
    }

    fn import_articles(&mut self, articles: Vec<Article>) -> index::Result<()> {
        let new = articles.into_iter().map(|a| (a.id.clone(), a));
        self.0.articles.lock().unwrap().extend(new);
        Ok(())
    }

    fn feedback(&mut self, feedback: Feedback) -> index::Result<()> {
        if !self.0.articles.lock().unwrap().contains_key(&feedback.article) {
            return Err(index::Error::Refused { what: "article".into(), message: "no such article".into() });
        }
        self.0.said.lock().unwrap().push(feedback);
        Ok(())
    }

    fn note_unanswered(&mut self, question: &str, _confidence: f64) -> index::Result<()> {
        self.0.unanswered.lock().unwrap().push(question.to_owned());
        Ok(())
    }

    fn finish(self: Box<Self>) -> index::Result<()> {
        self.0.finished.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// A running server.
pub(super) struct TestServer {
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
            Ok(State {
                pipeline: pipeline(),
                reader: shared,
                writer,
                insight: InsightSettings::default(),
            })
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(run(listener, config, load, shutdown));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { memory, channel, stop: Some(stop), task }
    }

    /// Waits until health says so.
    pub(super) async fn wait_ready(&self) {
        for _ in 0..6_000 {
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
