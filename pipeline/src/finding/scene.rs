//! What a detector looks at: the call, the constructions of every turn, and who spoke
//! before and after whom. Owns the views that several detectors share; it judges nothing.

use std::cell::OnceCell;

use super::construction::{Construction, Constructions, Hit, Room, is_punctuation};
use super::pairs::Pairs;
use super::{Candidate, Finder, FindingConfig};
use crate::phrases::Phrases;
use crate::record::{CallContext, Role, Span};

/// One call as the detectors see it.
pub(super) struct Scene<'a> {
    /// The call after the signal stage.
    pub(super) call: &'a CallContext<'a>,
    /// Settings.
    pub(super) config: &'a FindingConfig,
    constructions: &'a Constructions,
    /// The pet phrases of the settings, by their numbers.
    pub(super) tics: &'a Phrases,
    hits: Vec<Vec<Hit>>,
    says: Vec<bool>,
    pairs: Vec<OnceCell<Pairs>>,
    /// Turns of agent and caller that say something, in order.
    pub(super) agent: Vec<usize>,
    pub(super) caller: Vec<usize>,
    before: Vec<[Option<usize>; 2]>,
    after: Vec<[Option<usize>; 2]>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(call: &'a CallContext<'a>, finder: &'a Finder) -> Self {
        let Finder { config, constructions, tics, .. } = finder;
        let n = call.turns.len();
        let mut room = Room::default();
        let hits = (0..n).map(|i| constructions.find(call.role(i), call.fold(i), &mut room)).collect();
        let says: Vec<bool> = (0..n).map(|i| !call.fold(i).chars().all(is_punctuation)).collect();
        let column = |i: usize| match call.role(i) {
            _ if !says[i] => None,
            Role::Agent => Some(0),
            Role::Caller => Some(1),
            Role::Bot | Role::Ivr | Role::Other => None,
        };
        let (mut before, mut after) = (vec![[None; 2]; n], vec![[None; 2]; n]);
        let mut last = [None; 2];
        for (i, slot) in before.iter_mut().enumerate() {
            *slot = last;
            if let Some(c) = column(i) {
                last[c] = Some(i);
            }
        }
        let mut next = [None; 2];
        for (i, slot) in after.iter_mut().enumerate().rev() {
            *slot = next;
            if let Some(c) = column(i) {
                next[c] = Some(i);
            }
        }
        let of = |c: usize| (0..n).filter(|&i| column(i) == Some(c)).collect();
        let pairs = vec![OnceCell::new(); n];
        let (agent, caller) = (of(0), of(1));
        Self {
            call,
            config,
            constructions,
            tics,
            hits,
            says,
            pairs,
            agent,
            caller,
            before,
            after,
        }
    }

    /// The folded text of a turn.
    pub(super) fn fold(&self, turn: usize) -> &'a str {
        self.call.fold(turn)
    }

    /// Whether a turn says something.
    pub(super) fn says(&self, turn: usize) -> bool {
        self.says[turn]
    }

    /// The character pairs of a turn.
    pub(super) fn pairs(&self, turn: usize) -> &Pairs {
        self.pairs[turn].get_or_init(|| Pairs::of(self.fold(turn)))
    }

    /// The last turn of the agent before `turn`.
    pub(super) fn agent_before(&self, turn: usize) -> Option<usize> {
        self.before[turn][0]
    }

    /// The last turn of the caller before `turn`.
    pub(super) fn caller_before(&self, turn: usize) -> Option<usize> {
        self.before[turn][1]
    }

    /// The next turn of the agent after `turn`.
    pub(super) fn agent_after(&self, turn: usize) -> Option<usize> {
        self.after[turn][0]
    }

    /// The next turn of the caller after `turn`.
    pub(super) fn caller_after(&self, turn: usize) -> Option<usize> {
        self.after[turn][1]
    }

    /// The constructions of a code or group in a turn, with their place.
    pub(super) fn hits<'s>(&'s self, turn: usize, code: &'s str) -> impl Iterator<Item = (&'s Construction, &'s Hit)> {
        self.hits[turn]
            .iter()
            .map(|hit| (self.constructions.get(hit), hit))
            .filter(move |(c, _)| c.code == code)
    }

    /// Whether a turn has a construction of that code or group.
    pub(super) fn has(&self, turn: usize, code: &str) -> bool {
        self.hits(turn, code).next().is_some()
    }

    /// Whether some turn of `turns` has one.
    pub(super) fn any(&self, turns: impl IntoIterator<Item = Option<usize>>, code: &str) -> bool {
        turns.into_iter().flatten().any(|turn| self.has(turn, code))
    }

    /// The characters of a hit.
    pub(super) fn span(&self, turn: usize, hit: &Hit) -> Span {
        self.call.turns[turn].span_of(hit.bytes.clone())
    }

    /// The characters of a hit, as they are shown.
    pub(super) fn quote(&self, turn: usize, span: Span) -> &'a str {
        self.call.turns[turn].quote(span)
    }

    /// The whole turn as evidence, without punctuation at its ends.
    pub(super) fn whole(&self, turn: usize) -> (usize, Span) {
        (turn, self.call.turns[turn].whole())
    }

    /// Start and end of a turn in milliseconds.
    pub(super) fn times(&self, turn: usize) -> Option<(u64, u64)> {
        self.call.record.turns[turn].times()
    }

    /// Chinese characters, digits and Latin words of a turn.
    pub(super) fn units(&self, turn: usize) -> u32 {
        self.call.turns[turn].spoken_units
    }

    /// What the constructions of a code in a turn amount to: the chance that at least one of them
    /// is right, were they independent. Hits in reported speech do not count.
    pub(super) fn weigh<'s>(&'s self, turn: usize, code: &'s str) -> Weighed<'s> {
        let mut doubt = 1.0f32;
        let mut hits: Vec<(&Construction, &Hit)> = Vec::new();
        for (construction, hit) in self.hits(turn, code) {
            if construction.role == Role::Agent && reported(&self.fold(turn)[..hit.bytes.start]) {
                continue;
            }
            doubt *= 1.0 - construction.weight;
            hits.push((construction, hit));
        }
        hits.sort_by(|a, b| b.0.weight.total_cmp(&a.0.weight));
        Weighed { confidence: 1.0 - doubt, hits }
    }

    /// A candidate on a turn from weighed constructions; `None` when there are none.
    pub(super) fn candidate(
        &self,
        rule: &str,
        code: &str,
        turn: usize,
        confidence: f32,
        weighed: &Weighed<'_>,
        who: &str,
    ) -> Option<Candidate> {
        let (first, hit) = weighed.hits.first()?;
        let span = self.span(turn, hit);
        let mut evidence: Vec<(usize, Span)> =
            weighed.hits.iter().take(3).map(|(_, hit)| (turn, self.span(turn, hit))).collect();
        evidence.dedup();
        Some(Candidate {
            code: code.to_owned(),
            turn: Some(turn),
            confidence,
            evidence,
            rule: rule.to_owned(),
            explanation: format!("{who}{}：“{}”。", first.reason, self.quote(turn, span)),
            severity: None,
        })
    }
}

/// The constructions of one code in one turn.
pub(super) struct Weighed<'a> {
    /// 0 to 1.
    pub(super) confidence: f32,
    /// The strongest first.
    pub(super) hits: Vec<(&'a Construction, &'a Hit)>,
}

impl Weighed<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }
}

/// Whether what follows `text` is somebody else's speech that the speaker repeats.
fn reported(text: &str) -> bool {
    const SUBJECTS: [&str; 19] = [
        "他",
        "她",
        "人家",
        "对方",
        "窗口",
        "工作人员",
        "店家",
        "商家",
        "物业",
        "师傅",
        "那边",
        "同事",
        "您说",
        "您提到",
        "您讲",
        "您刚才",
        "客服",
        "医生",
        "您反映",
    ];
    const VERBS: [&str; 7] = ["说", "讲", "回复", "答复", "告诉", "写着", "反映"];
    let tail: String = {
        let mut chars: Vec<char> = text.chars().rev().take_while(|c| !"。!！?？;；".contains(*c)).take(14).collect();
        chars.reverse();
        chars.into_iter().collect()
    };
    if tail.contains("跟您说") || tail.contains("跟您讲") || tail.contains("我跟") {
        return false;
    }
    let Some(subject) = SUBJECTS.iter().filter_map(|s| tail.find(s)).min() else {
        return false;
    };
    VERBS.iter().any(|verb| tail[subject..].contains(verb))
}

/// The letters of a text, without punctuation.
pub(super) fn letters(text: &str) -> Vec<char> {
    text.chars().filter(|c| !is_punctuation(*c)).collect()
}
