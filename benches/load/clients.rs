//! Those who ask and those who hand calls in. Every question is one to which the answer is known.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt;
use qingting::server::convert::record_to_wire;
use qingting_pipeline::record::{Role, Turn};
use qingting_proto::v1;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::ingest_service_client::IngestServiceClient;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::calls::{Generator, TURNS};
use super::served::Served;

const SEED: u64 = 7;
/// Connections over which the questions go.
const CONNECTIONS: usize = 16;
/// Calls handed in a second while questions are asked.
const CALLS_PER_SECOND: u64 = 20;
/// How often an open load sends what is due.
const TICK: Duration = Duration::from_millis(5);
/// Digits of the mark that is said in each call: characters that no other mark shares, and no masking touches.
const DIGITS: [char; 10] = ['鸢', '鹂', '鹭', '鹮', '鹳', '鸲', '鸫', '鸸', '鹋', '鹎'];
/// How many digits a mark has.
const LENGTH: u32 = 7;

/// What is said in the call of a number, and in no other.
fn mark(number: u64) -> String {
    let digit = |place: u32| DIGITS[(number / 10u64.pow(place) % 10) as usize];
    (0..LENGTH).rev().map(digit).collect()
}

fn call_id(number: u64) -> String {
    format!("call-{number:08}")
}

fn call(generator: &Generator, number: u64) -> v1::CallRecord {
    let mut record = generator.call(number).record;
    record.turns.push(Turn::new(Role::Caller, format!("记一下，{}。", mark(number))));
    record_to_wire(record)
}

/// What a phase came to.
#[derive(Default)]
pub(crate) struct Phase {
    pub(crate) seconds: f64,
    pub(crate) asked: u64,
    pub(crate) shed: u64,
    pub(crate) failed: u64,
    pub(crate) wrong: u64,
    pub(crate) taken_in: u64,
    /// What the first one was told that was turned away.
    pub(crate) reason: Option<String>,
    /// Milliseconds of the answers, ascending.
    times: Vec<f64>,
}

impl Phase {
    pub(crate) fn answered_per_second(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }

    /// Milliseconds that this share of the answers did not exceed.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let rank = (share * self.times.len() as f64).ceil() as usize;
        self.times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    fn count(&mut self, took: Duration, outcome: Result<bool, Status>) {
        self.asked += 1;
        match outcome {
            Ok(right) => {
                self.times.push(took.as_secs_f64() * 1e3);
                self.wrong += u64::from(!right);
            }
            Err(status) if status.code() == Code::ResourceExhausted => {
                self.shed += 1;
                self.reason.get_or_insert_with(|| status.message().to_owned());
            }
            Err(status) => {
                eprintln!("{status}");
                self.failed += 1;
            }
        }
    }

    fn merged(phases: impl IntoIterator<Item = Self>, seconds: f64, taken_in: u64) -> Self {
        let mut all = Self { seconds, taken_in, ..Self::default() };
        for phase in phases {
            all.asked += phase.asked;
            all.shed += phase.shed;
            all.failed += phase.failed;
            all.wrong += phase.wrong;
            all.reason = all.reason.or(phase.reason);
            all.times.extend(phase.times);
        }
        all.times.sort_by(f64::total_cmp);
        all
    }
}

/// A server with calls, and who asks it.
pub(crate) struct Load {
    channels: Vec<Channel>,
    generator: Arc<Generator>,
    /// Calls that were there before the load began: all of them can be found.
    settled: u64,
    next: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<Vec<u64>>>,
}

impl Load {
    pub(crate) async fn prepare(server: &Served, calls: u64) -> Self {
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(server.connect().await);
        }
        let load = Self {
            channels,
            generator: Arc::new(Generator::new(SEED, calls * 10, TURNS)),
            settled: calls,
            next: Arc::new(AtomicU64::new(0)),
            acknowledged: Arc::default(),
        };
        load.hand_in(calls, None).await;
        // The last ones become searchable within the refresh time.
        let mut client = CallServiceClient::new(load.channels[0].clone());
        loop {
            let found = client.search_calls(v1::SearchCallsRequest::default()).await.expect("an answer").into_inner();
            if found.total_size == calls.cast_signed() {
                return load;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn acknowledged(&self) -> Vec<u64> {
        self.acknowledged.lock().expect("no panic").clone()
    }

    /// How many of these calls a server does not have.
    pub(crate) async fn lost(server: &Served, calls: &[u64]) -> usize {
        let channel = server.connect().await;
        let missing = futures::stream::iter(calls).map(|&number| {
            let mut client = CallServiceClient::new(channel.clone());
            async move {
                let request = v1::GetCallRequest { name: format!("calls/{}", call_id(number)), ..Default::default() };
                match client.get_call(request).await {
                    Ok(_) => false,
                    // Any other error tells nothing of the call.
                    Err(status) => {
                        assert_eq!(status.code(), Code::NotFound, "{status}");
                        true
                    }
                }
            }
        });
        missing.buffer_unordered(8).filter(|&missing| std::future::ready(missing)).count().await
    }

    /// Hands in so many calls, at a rate or as fast as they are taken; how many were acknowledged.
    async fn hand_in(&self, calls: u64, per_second: Option<u64>) -> u64 {
        let (send, requests) = tokio::sync::mpsc::channel(64);
        let (generator, next) = (self.generator.clone(), self.next.clone());
        let numbers = Arc::new(Mutex::new(Vec::new()));
        let sent = numbers.clone();
        tokio::spawn(async move {
            for _ in 0..calls {
                let number = next.fetch_add(1, Ordering::Relaxed);
                sent.lock().expect("no panic").push(number);
                let request = v1::IngestCallsRequest { call: Some(call(&generator, number)) };
                if send.send(request).await.is_err() {
                    return;
                }
                if let Some(rate) = per_second {
                    tokio::time::sleep(Duration::from_micros(1_000_000 / rate)).await;
                }
            }
        });
        let mut client = IngestServiceClient::new(self.channels[0].clone());
        let answers = client.ingest_calls(ReceiverStream::new(requests)).await.expect("a stream").into_inner();
        let kept = answers.filter_map(|answer| {
            let answer = answer.expect("an acknowledgement");
            let kept = answer.status.is_some_and(|status| status.code == 0).then_some(answer.index as usize);
            std::future::ready(kept)
        });
        let kept: Vec<usize> = kept.collect().await;
        let numbers = numbers.lock().expect("no panic").clone();
        self.acknowledged.lock().expect("no panic").extend(kept.iter().map(|&index| numbers[index]));
        kept.len() as u64
    }

    /// So many clients with one question at a time each, while calls come in.
    pub(crate) async fn closed(&self, clients: usize, length: Duration) -> Phase {
        let begun = Instant::now();
        let asking = (0..clients).map(|client| async move {
            let mut rng = StdRng::seed_from_u64(SEED + client as u64);
            let mut phase = Phase::default();
            while begun.elapsed() < length {
                let channel = self.channels[client % CONNECTIONS].clone();
                let asked = Instant::now();
                let outcome = ask(channel, rng.random_range(0..self.settled), rng.random_range(0..KINDS)).await;
                phase.count(asked.elapsed(), outcome);
            }
            phase
        });
        let calls = CALLS_PER_SECOND * length.as_secs();
        let (phases, taken_in) =
            tokio::join!(futures::future::join_all(asking), self.hand_in(calls, Some(CALLS_PER_SECOND)));
        Phase::merged(phases, begun.elapsed().as_secs_f64(), taken_in)
    }

    /// Questions at a rate, whether or not the earlier ones were answered, while calls come in.
    pub(crate) async fn open(&self, per_second: f64, length: Duration) -> Phase {
        let begun = Instant::now();
        let flood = async {
            let mut rng = StdRng::seed_from_u64(SEED);
            let (mut sent, mut asked) = (0usize, tokio::task::JoinSet::new());
            while begun.elapsed() < length {
                let due = (begun.elapsed().as_secs_f64() * per_second) as usize;
                for question in sent..due {
                    let channel = self.channels[question % CONNECTIONS].clone();
                    let (number, kind) = (rng.random_range(0..self.settled), rng.random_range(0..KINDS));
                    asked.spawn(async move {
                        let begun = Instant::now();
                        let outcome = ask(channel, number, kind).await;
                        (begun.elapsed(), outcome)
                    });
                }
                sent = sent.max(due);
                tokio::time::sleep(TICK).await;
            }
            let mut phase = Phase::default();
            for (took, outcome) in asked.join_all().await {
                phase.count(took, outcome);
            }
            phase
        };
        let calls = CALLS_PER_SECOND * length.as_secs();
        let (phase, taken_in) = tokio::join!(flood, self.hand_in(calls, Some(CALLS_PER_SECOND)));
        Phase::merged([phase], begun.elapsed().as_secs_f64(), taken_in)
    }
}

/// Kinds of questions.
const KINDS: u32 = 5;

/// Asks about the call of a number; whether the answer is right.
async fn ask(channel: Channel, number: u64, kind: u32) -> Result<bool, Status> {
    let mut client = CallServiceClient::new(channel);
    let name = format!("calls/{}", call_id(number));
    let marked = format!("\"{}\"", mark(number));
    match kind {
        0 => {
            let request = v1::SearchCallsRequest { query: marked, literal: true, ..Default::default() };
            let found = client.search_calls(request).await?.into_inner();
            Ok(found.total_size == 1 && found.hits[0].call == name && !found.hits[0].turns.is_empty())
        }
        1 => {
            let request = v1::SearchCallsRequest {
                query: marked,
                filter: format!("call_id:{}", call_id(number)),
                facets: vec!["code".into()],
                ..Default::default()
            };
            Ok(client.search_calls(request).await?.into_inner().total_size == 1)
        }
        2 => {
            let request = v1::GetCallRequest { name: name.clone(), ..Default::default() };
            let call = client.get_call(request).await?.into_inner();
            let turns = call.record.unwrap_or_default().turns;
            Ok(call.name == name && turns.last().is_some_and(|turn| turn.text.contains(&mark(number))))
        }
        3 => {
            let request = v1::ListFindingsRequest { parent: name.clone(), ..Default::default() };
            let listed = client.list_findings(request).await?.into_inner().findings;
            Ok(listed.iter().all(|finding| finding.call == name))
        }
        _ => {
            let request = v1::AggregateCallsRequest {
                group_by: "team".into(),
                filter: format!("call_id:{}", call_id(number)),
                ..Default::default()
            };
            let counted = client.aggregate_calls(request).await?.into_inner();
            Ok(counted.total.is_some_and(|total| total.call_count == 1))
        }
    }
}
