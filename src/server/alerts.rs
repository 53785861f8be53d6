//! What somebody should look at now: calls in which a life is in danger, and topics that burst. Owns
//! which alerts there are, their order, that none is raised twice, how many are remembered, and where
//! each watcher is among them. What a crisis or a burst is, others say; so does the wire.
//!
//! Watchers pull: each knows the sequence number of what it has seen last of either kind, and asks for
//! what comes next. So nothing is queued for them, a slow one holds nobody up, and one that comes
//! back goes on where it was.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, FixedOffset, Offset, Utc};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{Agent, CallRecord, Finding};
use tokio::sync::watch;

use super::convert::Invalid;
use crate::access::Scope;
use qingting_pipeline::topic::trend::BurstAlert;

/// The code of a danger to life.
pub(super) const CRISIS: &str = "crisis";
/// Confidence from which a finding on a call that still runs is believed without a detector. The trained
/// judgements know whole calls; on the first turns of one they assert dangers at 0.2 to 0.5 that the next
/// turns take back.
const SURE: f32 = 0.5;
/// Most characters of a quote: what is remembered is bounded, a turn is not.
const QUOTE_CHARS: usize = 500;
/// Most calls of a burst that are named, for the same reason.
const BURST_CALLS: usize = 1000;

/// Something that somebody should look at now.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Unique, also over restarts; what comes after `alerts/` in the resource name.
    pub id: String,
    /// When it was raised.
    pub raised_at: DateTime<FixedOffset>,
    /// Why, one sentence in Chinese.
    pub explanation: String,
    /// 0 to 1.
    pub confidence: f32,
    /// What it is about.
    pub subject: Subject,
}

/// What an alert is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// Somebody's life is in danger.
    Crisis(Crisis),
    /// Many more calls about a topic than were to be expected.
    Burst(BurstAlert),
}

/// A call in which somebody's life is in danger.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Crisis {
    /// The call.
    pub call_id: String,
    /// Index of the turn.
    pub turn: Option<u32>,
    /// What was said there, masked.
    pub quote: String,
    /// Raised while the call was running, and the call has not been ingested since.
    pub live: bool,
    /// When the call began.
    pub started_at: Option<DateTime<FixedOffset>>,
    /// The agent.
    pub agent: Option<Agent>,
    /// The queue.
    pub queue: Option<String>,
}

/// A crisis with the reason for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    crisis: Crisis,
    explanation: String,
    confidence: f32,
}

/// The danger to life in a call that was heard to its end.
fn in_whole(call: &Analyzed) -> Option<&Finding> {
    surest(call.analysis.findings.iter().filter(|finding| finding.code == CRISIS))
}

/// The danger to life in a call that still runs: what a detector hears by itself, since the judgement
/// over a whole call may speak too late, or a finding that is sure.
pub(super) fn in_running<'f>(call: &'f Analyzed, heard: &'f [Finding]) -> Option<&'f Finding> {
    let found = call.analysis.findings.iter().filter(|finding| finding.code == CRISIS && finding.confidence >= SURE);
    surest(heard.iter().chain(found))
}

/// The most confident, the first of several.
fn surest<'f>(findings: impl Iterator<Item = &'f Finding>) -> Option<&'f Finding> {
    findings.reduce(|best, next| if next.confidence > best.confidence { next } else { best })
}

impl Found {
    fn new(call: &Analyzed, finding: &Finding, live: bool) -> Self {
        let quote = finding.evidence.first().map_or("", |evidence| evidence.quote.as_str());
        let CallRecord { call_id, started_at, agent, queue, .. } = &call.record;
        Self {
            crisis: Crisis {
                call_id: call_id.clone(),
                turn: finding.turn,
                quote: quote.chars().take(QUOTE_CHARS).collect(),
                live,
                started_at: *started_at,
                agent: agent.clone(),
                queue: queue.clone(),
            },
            explanation: finding.explanation.clone(),
            confidence: finding.confidence,
        }
    }

    /// The crisis of a call of which only the index can be read.
    pub(super) fn unread(crisis: Crisis) -> Self {
        Self {
            crisis,
            explanation: "这通电话有危机情形，但存档读取失败".to_owned(),
            confidence: 1.0,
        }
    }
}

/// What a watcher wants to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wants {
    /// Crises.
    pub crises: bool,
    /// Bursts.
    pub bursts: bool,
    /// Only crises on calls of these agents; empty for all. A call that does not say passes, here and below.
    pub agent_ids: Vec<String>,
    /// Only crises on calls of agents of these teams.
    pub teams: Vec<String>,
    /// Only crises on calls of these queues.
    pub queues: Vec<String>,
    /// What the watcher may see, whatever it wants: a call that does not say whose it is, and bursts, which are of all
    /// calls, are for those alone who see everything.
    pub scope: Scope,
}

impl Wants {
    fn pass(&self, alert: &Alert) -> bool {
        let Subject::Crisis(crisis) = &alert.subject else {
            return self.scope == Scope::All;
        };
        let listed = |wanted: &[String], value: Option<&String>| {
            wanted.is_empty() || value.is_none_or(|value| value.is_empty() || wanted.contains(value))
        };
        let agent = crisis.agent.as_ref();
        self.scope.sees(agent)
            && listed(&self.agent_ids, agent.map(|agent| &agent.id))
            && listed(&self.teams, agent.and_then(|agent| agent.team.as_ref()))
            && listed(&self.queues, crisis.queue.as_ref())
    }
}

/// Somebody who is told of alerts, and what was told.
#[derive(Debug)]
pub struct Watcher {
    wants: Wants,
    /// Sequence numbers of the last crisis and the last burst that it was past.
    crises: u64,
    bursts: u64,
    /// Forgotten before it could be told, and not said yet.
    missed: u64,
}

/// What a watcher is told next.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The alert; `None` where there is only `missed` to tell.
    pub alert: Option<Arc<Alert>>,
    /// Where to go on after it.
    pub position: String,
    /// Alerts that were forgotten before this watcher could be told of them.
    pub missed: u64,
}

/// The alerts of one kind that are remembered, oldest first. The first that ever was has number 1.
#[derive(Debug, Default)]
struct Ring {
    /// Number of the last one that was forgotten.
    forgotten: u64,
    kept: VecDeque<Arc<Alert>>,
}

impl Ring {
    fn last(&self) -> u64 {
        self.forgotten + self.kept.len() as u64
    }

    fn push(&mut self, alert: Alert, capacity: usize) {
        if self.kept.len() >= capacity {
            self.kept.pop_front();
            self.forgotten += 1;
        }
        self.kept.push_back(Arc::new(alert));
    }

    /// The first one after number `at` that is wanted; moves `at` past it and past those before.
    fn next(&self, at: &mut u64, missed: &mut u64, wants: &Wants) -> Option<Arc<Alert>> {
        let lost = self.forgotten.saturating_sub(*at);
        *missed += lost;
        *at += lost;
        let rest = usize::try_from(*at - self.forgotten).unwrap_or(usize::MAX);
        for alert in self.kept.iter().skip(rest) {
            *at += 1;
            if wants.pass(alert) {
                return Some(alert.clone());
            }
        }
        None
    }
}

/// The alerts that are remembered: at most `capacity` of each kind.
#[derive(Debug)]
struct Backlog {
    /// Tells this run of the server from others, whose numbers mean other alerts.
    epoch: u64,
    capacity: usize,
    crises: Ring,
    bursts: Ring,
}

impl Backlog {
    fn new(capacity: usize, epoch: u64) -> Self {
        Self { epoch, capacity, crises: Ring::default(), bursts: Ring::default() }
    }

    /// Raises a crisis unless the call has one already.
    fn crisis(&mut self, found: Found, raised_at: DateTime<FixedOffset>) -> bool {
        let known = self.crises.kept.iter().any(|alert| is_on(alert, &found.crisis.call_id));
        if !known {
            let alert = Alert {
                id: format!("{:x}-c{}", self.epoch, self.crises.last() + 1),
                raised_at,
                explanation: found.explanation,
                confidence: found.confidence,
                subject: Subject::Crisis(found.crisis),
            };
            self.crises.push(alert, self.capacity);
        }
        !known
    }

    /// The call runs no more. What was raised on it stands: that nothing is heard of a danger at the
    /// end of a call does not mean that there is none.
    fn ended(&mut self, call_id: &str) {
        if let Some(alert) = self.crises.kept.iter_mut().find(|alert| is_on(alert, call_id))
            && let Subject::Crisis(crisis) = &mut Arc::make_mut(alert).subject
        {
            crisis.live = false;
        }
    }

    /// Raises a burst; one that goes on from a remembered one is the same, with new figures.
    fn burst(&mut self, mut burst: BurstAlert, raised_at: DateTime<FixedOffset>) -> bool {
        burst.call_ids.truncate(BURST_CALLS);
        let place = burst.at.as_ref().map_or_else(String::new, |at| format!("（{}）", at.value));
        let explanation = format!(
            "“{}”{place}来电突增：{}至{}共{}通，预期{:.1}通",
            burst.label, burst.from, burst.until, burst.observed, burst.expected
        );
        let confidence = (1.0 - burst.chance).clamp(0.0, 1.0) as f32;
        let known = self.bursts.kept.iter_mut().find(|alert| {
            matches!(&alert.subject, Subject::Burst(known)
                if (&known.topic, &known.at) == (&burst.topic, &burst.at) && known.from <= burst.until && burst.from <= known.until)
        });
        if let Some(known) = known {
            let known = Arc::make_mut(known);
            (known.explanation, known.confidence) = (explanation, confidence);
            known.subject = Subject::Burst(burst);
            return false;
        }
        let id = format!("{:x}-b{}", self.epoch, self.bursts.last() + 1);
        let alert = Alert { id, raised_at, explanation, confidence, subject: Subject::Burst(burst) };
        self.bursts.push(alert, self.capacity);
        true
    }

    /// A watcher that goes on after `position`; from the oldest that is remembered where that is
    /// empty or of another run of the server.
    fn watcher(&self, position: &str, wants: Wants) -> Result<Watcher, Invalid> {
        let begin = Watcher { wants, crises: self.crises.forgotten, bursts: self.bursts.forgotten, missed: 0 };
        if position.is_empty() {
            return Ok(begin);
        }
        let wrong = || Invalid::field("after", "must be the position of an earlier response");
        let (epoch, crises, bursts) = parse(position).ok_or_else(wrong)?;
        if epoch != self.epoch {
            return Ok(begin);
        }
        if crises > self.crises.last() || bursts > self.bursts.last() {
            return Err(wrong());
        }
        Ok(Watcher { crises, bursts, ..begin })
    }

    /// What comes next for a watcher: crises before bursts, the oldest of each first.
    fn next(&self, watcher: &mut Watcher) -> Option<Told> {
        let Watcher { wants, crises, bursts, missed } = watcher;
        // A kind that is not wanted now may be wanted by the request that goes on from here.
        let crisis = if wants.crises {
            self.crises.next(crises, missed, wants)
        } else {
            None
        };
        let alert = match crisis {
            None if wants.bursts => self.bursts.next(bursts, missed, wants),
            crisis => crisis,
        };
        if alert.is_none() && *missed == 0 {
            return None;
        }
        let position = format!("{:x}.{crises}.{bursts}", self.epoch);
        Some(Told { alert, position, missed: std::mem::take(missed) })
    }
}

fn is_on(alert: &Alert, call_id: &str) -> bool {
    matches!(&alert.subject, Subject::Crisis(crisis) if crisis.call_id == call_id)
}

fn parse(position: &str) -> Option<(u64, u64, u64)> {
    let mut parts = position.split('.');
    let epoch = u64::from_str_radix(parts.next()?, 16).ok()?;
    let (crises, bursts) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some((epoch, crises, bursts))
}

/// Where alerts are raised and waited for; shared by all services.
#[derive(Debug)]
pub struct Hub {
    backlog: Mutex<Backlog>,
    changed: watch::Sender<()>,
}

impl Hub {
    /// A hub that remembers so many alerts of each kind.
    pub fn new(capacity: usize) -> Self {
        let epoch = u64::try_from(Utc::now().timestamp_micros()).unwrap_or_default();
        Self {
            backlog: Mutex::new(Backlog::new(capacity, epoch)),
            changed: watch::Sender::new(()),
        }
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes notice of a call that has ended: raises its crisis unless that was done while it ran.
    pub fn ended(&self, call: &Analyzed) {
        self.backlog().ended(&call.record.call_id);
        if let Some(finding) = in_whole(call) {
            self.crisis(call, finding, false);
        }
    }

    /// Raises a crisis of a call that still runs, once a call.
    pub fn running(&self, call: &Analyzed, danger: &Finding) {
        self.crisis(call, danger, true);
    }

    fn crisis(&self, call: &Analyzed, finding: &Finding, live: bool) {
        // At the call's own offset, so that times of one hotline can be read side by side.
        let raised_at = now(call.record.started_at.as_ref());
        if self.backlog().crisis(Found::new(call, finding, live), raised_at) {
            tracing::warn!(call_id = call.record.call_id, live, "somebody's life is in danger");
            self.changed.send_replace(());
        }
    }

    /// Raises a burst, unless it goes on from one that was raised; that one is brought up to date.
    pub fn burst(&self, burst: BurstAlert) {
        if self.backlog().burst(burst, now(None)) {
            self.changed.send_replace(());
        }
    }

    /// Begins with a crisis that was found in the store; the oldest has to come first.
    pub(super) fn recall(&self, found: Found) {
        let raised_at = found.crisis.started_at.unwrap_or_else(|| now(None));
        self.backlog().crisis(found, raised_at);
    }

    /// The same of a call in the store.
    pub(super) fn recall_call(&self, call: &Analyzed) {
        if let Some(finding) = in_whole(call) {
            self.recall(Found::new(call, finding, false));
        }
    }

    /// A watcher that goes on after a position; see [`Told::position`].
    ///
    /// # Errors
    /// When it is not a position.
    pub fn watcher(&self, position: &str, wants: Wants) -> Result<Watcher, Invalid> {
        self.backlog().watcher(position, wants)
    }

    /// What a watcher is to be told next; `None` until something new is raised.
    pub fn next(&self, watcher: &mut Watcher) -> Option<Told> {
        self.backlog().next(watcher)
    }

    /// Changes whenever something is raised. To be had before [`Self::next`] says that there is nothing.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

fn now(like: Option<&DateTime<FixedOffset>>) -> DateTime<FixedOffset> {
    Utc::now().with_timezone(&like.map_or_else(|| Utc.fix(), |time| *time.offset()))
}

#[cfg(test)]
mod tests;
