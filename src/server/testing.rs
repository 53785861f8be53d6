//! For the tests of this module: a backend in memory, and a server on a port of its own.
//! The backend finds substrings and understands two filters, `queue:VALUE` and `crisis:true`.

mod waiting;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use chrono::NaiveDate;
use qingting_index as index;
use qingting_index::calls::{CallHit, CallPage, CallQuery, Facet, Filter, Group, TurnHit};
use qingting_index::knowledge::{Article, Gap, KnowledgeHit, KnowledgeQuery, Suggestion};
use qingting_index::{
    ApiKey, AuditEntry, CaseEntry, CaseQuery, DateRange, Depth, ExampleEntry, ExperienceEntry, Feedback, Publication,
    ReviewEntry, ReviewQuery,
};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::record::{Particulars, Role, Span};
use qingting_pipeline::topic::Topics;
use qingting_pipeline::topic::trend::CrisisAlert;
use qingting_pipeline::topic::view::TopicView;
use qingting_pipeline::{Analyzed, Pipeline};
use qingting_proto::v1;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use self::waiting::Gate;
pub(super) use self::waiting::{PATIENCE, eventually};
pub(super) use self::writing::MemoryWriter;
use super::backend::{Calls, Reader, TopicDecision};
use super::{Error, Judging, ServerConfig, State, run};
use crate::access::Guard;
use crate::documents::Shelf;
use crate::insight::{self, InsightSettings};

/// One pipeline for all tests: loading the dictionary takes a while.
pub(super) fn pipeline() -> Arc<Pipeline> {
    static PIPELINE: OnceLock<Arc<Pipeline>> = OnceLock::new();
    let load = || Arc::new(Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap());
    PIPELINE.get_or_init(load).clone()
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
    pub(super) keys: Mutex<Vec<ApiKey>>,
    trail: Mutex<Vec<AuditEntry>>,
    versions: Mutex<Vec<Publication>>,
    /// Scans begin again when they are through.
    pub(super) endless: AtomicBool,
    /// Calls that were scanned.
    pub(super) scanned: Arc<AtomicUsize>,
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

    fn pseudonyms(&self, caller: &str) -> index::Result<Vec<String>> {
        Ok(vec![caller.to_owned()])
    }

    fn history(&self, pseudonyms: &[String], since: NaiveDate, limit: usize) -> index::Result<Vec<Analyzed>> {
        let of = |call: &Analyzed| call.record.caller.as_ref().and_then(|caller| caller.id.clone());
        let calls = self.scan(DateRange { since: Some(since), until: None }, Depth::Whole)?;
        let mut calls = calls.collect::<index::Result<Vec<_>>>()?;
        calls.retain(|call| of(call).is_some_and(|id| pseudonyms.contains(&id)));
        calls.reverse();
        calls.truncate(limit);
        Ok(calls)
    }

    fn callers_in_danger(&self) -> index::Result<BTreeSet<String>> {
        Ok(BTreeSet::new())
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

    fn particulars(&self, call_id: &str) -> index::Result<Option<Particulars>> {
        let call = self.get_call(call_id)?;
        Ok(call.map(|call| call.particulars).filter(|particulars| !particulars.is_empty()))
    }

    fn scan(&self, range: DateRange, _depth: Depth) -> index::Result<Calls> {
        let kept = self.kept.lock().unwrap();
        let within = |call: &&Analyzed| call.record.started_at.is_some_and(|at| range.contains(at.date_naive()));
        let mut calls: Vec<Analyzed> = kept.values().filter(within).cloned().collect();
        calls.sort_by_key(|call| call.record.started_at);
        let (endless, scanned) = (self.endless.load(Ordering::SeqCst), Arc::clone(&self.scanned));
        let again: Box<dyn Iterator<Item = Analyzed> + Send> = match endless {
            true => Box::new(calls.into_iter().cycle()),
            false => Box::new(calls.into_iter()),
        };
        Ok(Box::new(again.map(move |call| {
            scanned.fetch_add(1, Ordering::SeqCst);
            Ok(call)
        })))
    }

    fn days(&self) -> index::Result<Option<(NaiveDate, NaiveDate)>> {
        let kept = self.kept.lock().unwrap();
        let days = || kept.values().filter_map(|call| call.record.started_at).map(|at| at.date_naive());
        Ok(days().min().zip(days().max()))
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

    fn keys(&self) -> index::Result<Vec<ApiKey>> {
        Ok(self.keys.lock().unwrap().clone())
    }

    fn audit_trail(&self, before: Option<i64>, limit: u32) -> index::Result<Vec<AuditEntry>> {
        let trail = self.trail.lock().unwrap();
        let entries = trail.iter().rev().filter(|entry| before.is_none_or(|before| entry.number < before));
        Ok(entries.take(limit as usize).cloned().collect())
    }

    fn reviews(&self, _query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>> {
        Ok(Vec::new())
    }

    fn count_reviews(&self, _query: &ReviewQuery) -> index::Result<u64> {
        Ok(0)
    }

    fn cases(&self, _query: &CaseQuery) -> index::Result<Vec<CaseEntry>> {
        Ok(Vec::new())
    }

    fn examples(&self) -> index::Result<Vec<ExampleEntry>> {
        Ok(Vec::new())
    }

    fn experience(&self) -> index::Result<Vec<ExperienceEntry>> {
        Ok(Vec::new())
    }

    fn publications(&self, document: &str, before: Option<u32>, limit: u32) -> index::Result<Vec<Publication>> {
        let versions = self.versions.lock().unwrap();
        let wanted = versions.iter().rev().filter(|v| v.document == document && before.is_none_or(|b| v.version < b));
        Ok(wanted.take(limit as usize).cloned().collect())
    }
}

impl Memory {
    fn audit(&self, who: &str, action: &str, subject: &str) {
        let mut trail = self.trail.lock().unwrap();
        let number = trail.len() as i64 + 1;
        trail.push(AuditEntry {
            number,
            at: String::new(),
            who: who.into(),
            action: action.into(),
            subject: subject.into(),
            detail: String::new(),
            hash: String::new(),
        });
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
                judging: Judging {
                    pipeline: pipeline(),
                    config: Arc::default(),
                    shelf: Shelf::new(Assets::embedded(), []),
                },
                reader: shared,
                writer,
                insight: InsightSettings::default(),
                cases: Arc::new(crate::case::Rules::load(&Assets::embedded()).unwrap()),
                experience: Arc::new(crate::experience::Rules::load(&Assets::embedded()).unwrap()),
                folder: None,
            })
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(run(listener, config, Guard::open(), load, shutdown));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { memory, channel, stop: Some(stop), task }
    }

    /// Waits until health says so.
    pub(super) async fn wait_ready(&self) {
        eventually("health says that it is ready", async || (self.health("").await == 1).then_some(())).await;
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
