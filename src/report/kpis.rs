//! The figures of a set of calls, and on how many calls each of them rests. Definitions and their
//! sources are in docs/report.md; they are counted here and nowhere else.

use std::collections::BTreeMap;

use qingting_pipeline::record::{Analysis, CallRecord, ConductStep, Direction, Need, StepStatus};

use super::figures::{Mean, Share};

/// Lower bounds of the bands of scores, but for the lowest.
const BANDS: [f64; 4] = [60.0, 70.0, 80.0, 90.0];

/// The attribute of a call that holds its after-call work in milliseconds.
pub const AFTER_CALL: &str = "after_call_ms";

/// Limits of the service levels that are counted beside the one of the settings, seconds: GB/T 33358-2016 asks hotlines of
/// governments to answer within 15 s; 20 s is the limit of the usual 80/20.
pub const SERVICE_LEVELS_S: [u32; 2] = [15, 20];

/// What the bands are called, lowest first.
pub const BAND_NAMES: [&str; 5] = ["60 以下", "60–69", "70–79", "80–89", "90–100"];

/// Figures of a set of calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpis {
    /// All records: calls in and out, and written messages.
    pub records: u64,
    /// Calls offered (来电): inbound, spoken.
    pub offered: u64,
    /// Outbound calls.
    pub outbound: u64,
    /// Written messages.
    pub written: u64,
    /// Reports and opinions of experience officers, which are counted by themselves.
    pub experience: u64,
    /// Answered, of the calls offered that say whether they were.
    pub connected: Share,
    /// Offered calls that say that nobody answered.
    pub unanswered: u64,
    /// Answered within the limit, of the unanswered and of the answered whose wait is known.
    pub service_level: Share,
    /// The same within each of [`SERVICE_LEVELS_S`].
    pub within: [Share; 2],
    /// Answered calls that carry their wait, of all answered.
    pub waits: Share,
    /// Wait of the answered calls (ASA), milliseconds.
    pub wait_ms: Mean,
    /// Duration of the taken calls, milliseconds.
    pub talk_ms: Mean,
    /// Calls taken: offered, and answered or, where the source does not say, with words.
    pub taken: u64,
    /// Time on hold in the taken calls that say, milliseconds.
    pub hold_ms: Mean,
    /// Handling time: duration and after-call work of the taken calls that carry both, milliseconds.
    pub handle_ms: Mean,
    /// Transferred, of the taken calls that say whether they were.
    pub transferred: Share,
    /// Calls with a time on every turn, of the taken ones with turns.
    pub timed: Share,
    /// Calls with a rating, of those taken.
    pub rated: Share,
    /// Rated 4 or 5, of the rated.
    pub satisfied: Share,
    /// Rated 1 or 2, of the rated.
    pub dissatisfied: Share,
    /// Conversations, in and out, with words: what is judged.
    pub conversations: u64,
    /// Conversations that name their agent.
    pub agent_known: Share,
    /// Conversations that got a score.
    pub scored: Share,
    /// Conversations with findings that wait for review.
    pub in_review: Share,
    /// Findings that wait for review.
    pub review_findings: u64,
    /// Conversations without a fault of the agent, of all.
    pub faultless: Share,
    /// Scores, 0 to 100.
    pub score: Mean,
    /// Number of scores in each band, lowest first.
    pub bands: [u64; 5],
    /// Calls that a fatal item failed, of the scored.
    pub fatal: Share,
    /// Conversations whose matter was settled in the call.
    pub resolved: Share,
    /// Conversations whose caller calls about it again, by what the caller says.
    pub repeated: Share,
    /// Conversations by appeal type.
    pub appeals: BTreeMap<String, u64>,
    /// The six steps: done, of those that needed it.
    pub conduct: [(ConductStep, Share); 6],
    /// The emotional and the factual need: met, of those that had it.
    pub needs: [Share; 2],
}

impl Default for Kpis {
    fn default() -> Self {
        Self {
            records: 0,
            offered: 0,
            outbound: 0,
            written: 0,
            experience: 0,
            connected: Share::default(),
            unanswered: 0,
            service_level: Share::default(),
            within: [Share::default(); 2],
            waits: Share::default(),
            wait_ms: Mean::default(),
            talk_ms: Mean::default(),
            taken: 0,
            hold_ms: Mean::default(),
            handle_ms: Mean::default(),
            transferred: Share::default(),
            timed: Share::default(),
            rated: Share::default(),
            satisfied: Share::default(),
            dissatisfied: Share::default(),
            conversations: 0,
            agent_known: Share::default(),
            scored: Share::default(),
            in_review: Share::default(),
            review_findings: 0,
            faultless: Share::default(),
            score: Mean::default(),
            bands: [0; 5],
            fatal: Share::default(),
            resolved: Share::default(),
            repeated: Share::default(),
            appeals: BTreeMap::new(),
            conduct: ConductStep::ALL.map(|step| (step, Share::default())),
            needs: [Share::default(); 2],
        }
    }
}

/// What experience officers wrote, whoever handed it in: they were asked to try the hotline, and are none of its callers.
fn of_officers(record: &CallRecord) -> bool {
    record.channel == crate::experience::CHANNEL
}

/// A call that rang at the hotline, as against one that it made and as against a letter.
pub fn offered(record: &CallRecord) -> bool {
    record.direction == Direction::Inbound && record.spoken() && !of_officers(record)
}

/// A call that was offered and that somebody took.
pub fn taken(record: &CallRecord) -> bool {
    let answered = record.answered.unwrap_or(!record.turns.is_empty());
    offered(record) && answered
}

/// After-call work in milliseconds, where the source carries it as an attribute.
fn after_call_ms(record: &CallRecord) -> Option<u64> {
    // Longer than a day is no work after a call but a mistake in the source.
    const MOST: u64 = 86_400_000;
    record.attributes.get(AFTER_CALL)?.trim().parse().ok().filter(|&ms| ms <= MOST)
}

/// A conversation with words: what is judged.
pub fn conversation(record: &CallRecord) -> bool {
    record.spoken() && !record.turns.is_empty() && !of_officers(record)
}

impl Kpis {
    /// Counts a call. `faultless` says that the agent made no fault in it; `service_level_s` is the limit in seconds.
    pub fn add(&mut self, record: &CallRecord, analysis: &Analysis, faultless: bool, service_level_s: u32) {
        self.records += 1;
        if of_officers(record) {
            self.experience += 1;
            return;
        }
        if offered(record) {
            self.add_offered(record, analysis, service_level_s);
        } else if record.spoken() {
            self.outbound += 1;
        } else {
            self.written += 1;
        }
        if conversation(record) {
            self.add_conversation(record, analysis, faultless);
        }
    }

    fn add_offered(&mut self, record: &CallRecord, analysis: &Analysis, service_level_s: u32) {
        self.offered += 1;
        if let Some(answered) = record.answered {
            self.connected.add(answered);
            self.unanswered += u64::from(!answered);
            if answered {
                self.waits.add(record.wait_ms.is_some());
            }
            match record.wait_ms.filter(|_| answered) {
                Some(ms) => {
                    self.wait_ms.add(ms as f64);
                    let within = |limit_s: u32| ms <= u64::from(limit_s) * 1000;
                    self.service_level.add(within(service_level_s));
                    self.within.iter_mut().zip(SERVICE_LEVELS_S).for_each(|(share, limit)| share.add(within(limit)));
                }
                // Whoever was never answered was not answered in time, however long the wait.
                None if !answered => {
                    self.service_level.add(false);
                    self.within.iter_mut().for_each(|share| share.add(false));
                }
                None => {}
            }
        }
        if !taken(record) {
            return;
        }
        self.taken += 1;
        if let Some(transferred) = record.transferred {
            self.transferred.add(transferred);
        }
        if let Some(ms) = record.hold_ms {
            self.hold_ms.add(ms as f64);
        }
        self.rated.add(record.rating.is_some());
        if let Some(rating) = record.rating {
            self.satisfied.add(rating >= 4);
            self.dissatisfied.add(rating <= 2);
        }
        if !record.turns.is_empty() {
            self.timed.add(record.timed());
            if let Some(ms) = analysis.signals.duration_ms.filter(|_| record.timed()) {
                self.talk_ms.add(ms as f64);
                if let Some(after) = after_call_ms(record) {
                    self.handle_ms.add((ms + after) as f64);
                }
            }
        }
    }

    fn add_conversation(&mut self, record: &CallRecord, analysis: &Analysis, faultless: bool) {
        self.conversations += 1;
        self.agent_known.add(record.agent.is_some());
        self.in_review.add(!analysis.uncertain.is_empty());
        self.review_findings += analysis.uncertain.len() as u64;
        self.faultless.add(faultless);
        let facts = &analysis.facts;
        self.resolved.add(facts.outcome == "resolved");
        self.repeated.add(facts.repeat_contact);
        *self.appeals.entry(facts.appeal_type.clone()).or_default() += 1;
        for (share, need) in self.needs.iter_mut().zip([facts.needs.emotional, facts.needs.factual]) {
            if need != Need::None {
                share.add(need == Need::Met);
            }
        }
        for result in analysis.conduct.iter().flat_map(|conduct| &conduct.steps) {
            let row = self.conduct.iter_mut().find(|(step, _)| *step == result.step);
            if let Some((_, share)) = row.filter(|_| result.status != StepStatus::NotNeeded) {
                share.add(result.status == StepStatus::Done);
            }
        }
        self.scored.add(analysis.score.is_some());
        if let Some(score) = &analysis.score {
            self.score.add(score.total);
            self.bands[BANDS.iter().filter(|&&low| score.total >= low).count()] += 1;
            self.fatal.add(!score.fatal.is_empty());
        }
    }

    /// Counts the calls of another set too.
    pub fn merge(&mut self, other: &Self) {
        let shares = [
            (&mut self.connected, other.connected),
            (&mut self.service_level, other.service_level),
            (&mut self.waits, other.waits),
            (&mut self.transferred, other.transferred),
            (&mut self.timed, other.timed),
            (&mut self.rated, other.rated),
            (&mut self.satisfied, other.satisfied),
            (&mut self.dissatisfied, other.dissatisfied),
            (&mut self.agent_known, other.agent_known),
            (&mut self.scored, other.scored),
            (&mut self.in_review, other.in_review),
            (&mut self.faultless, other.faultless),
            (&mut self.fatal, other.fatal),
            (&mut self.resolved, other.resolved),
            (&mut self.repeated, other.repeated),
        ];
        let more = self.within.iter_mut().zip(other.within).chain(self.needs.iter_mut().zip(other.needs));
        let steps = self.conduct.iter_mut().zip(other.conduct).map(|((_, share), (_, more))| (share, more));
        for (share, more) in shares.into_iter().chain(more).chain(steps) {
            *share = share.with(more);
        }
        for (mean, more) in [
            (&mut self.wait_ms, other.wait_ms),
            (&mut self.talk_ms, other.talk_ms),
            (&mut self.hold_ms, other.hold_ms),
            (&mut self.handle_ms, other.handle_ms),
            (&mut self.score, other.score),
        ] {
            *mean = mean.with(more);
        }
        for (count, more) in [
            (&mut self.records, other.records),
            (&mut self.offered, other.offered),
            (&mut self.outbound, other.outbound),
            (&mut self.written, other.written),
            (&mut self.unanswered, other.unanswered),
            (&mut self.taken, other.taken),
            (&mut self.conversations, other.conversations),
            (&mut self.review_findings, other.review_findings),
        ]
        .into_iter()
        .chain(self.bands.iter_mut().zip(other.bands))
        {
            *count += more;
        }
        for (appeal, more) in &other.appeals {
            *self.appeals.entry(appeal.clone()).or_default() += more;
        }
    }

    /// The service level, unless no answered call carries its wait: the unanswered alone tell nothing of it.
    pub fn service_level(&self) -> Share {
        self.where_waits_are_known(self.service_level)
    }

    /// The service levels within [`SERVICE_LEVELS_S`], by the same rule.
    pub fn service_levels(&self) -> [Share; 2] {
        self.within.map(|share| self.where_waits_are_known(share))
    }

    fn where_waits_are_known(&self, share: Share) -> Share {
        if self.wait_ms.count() == 0 && self.waits.of > 0 {
            return Share::default();
        }
        share
    }

    /// The share of calls with a rating; where there is no rating at all, the source may not carry any.
    pub fn rated(&self) -> Share {
        if self.rated.part == 0 {
            Share::default()
        } else {
            self.rated
        }
    }
}
