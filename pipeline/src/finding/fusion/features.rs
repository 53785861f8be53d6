//! The numbers that a judgement of a code looks at. Owns their names and how they are read
//! off a call; what each weighs was trained.

use std::cell::OnceCell;

use super::detected::Detected;
use crate::finding::scene::Scene;
use crate::record::{Margins, Role, TurnSignals};
use crate::signal::log_odds;

/// Codes on the agent's turns and on the caller's that have heads.
pub(super) const AGENT_CODES: [&str; 7] = [
    "interruption",
    "impatience",
    "emotional_display",
    "dismissive",
    "forbidden_phrase",
    "deflection",
    "overpromise",
];
pub(super) const CALLER_CODES: [&str; 4] = ["clarification_request", "repeat_contact", "escalation_threat", "crisis"];

/// What a judgement of a code on a turn looks at, in this order.
pub const TURN_FEATURES: &[&str] = &[
    // The code's own head: here, on the speaker's neighbouring turns, at its strongest elsewhere.
    "head",
    "head_before",
    "head_after",
    "head_peak",
    "head_mean",
    // Heads of the other codes of that party.
    "rival",
    "rival_peak",
    // The detector of the code.
    "detector",
    "detector_hit",
    "detector_near",
    "detector_peak",
    // Feeling of the turn and of the other party around it.
    "negative",
    "positive",
    "other_negative_before",
    "other_negative_after",
    "other_positive_after",
    "other_negative_end",
    "other_positive_end",
    // What the turn does.
    "empathy",
    "apology",
    "thanks_praise",
    "explain",
    "next_step",
    "alternative",
    "refuse",
    "probe",
    "backchannel",
    "object_before",
    "object_after",
    "complain",
    // Place and form.
    "position",
    "length",
    "short",
    "unpunctuated",
    // Words shared with the speaker's own earlier turns, and with the turn that is answered.
    "repeats",
    "takes_up",
    // The heads over whole calls: for a faulty call, and for a call with the code.
    "call_fault",
    "call_code",
];

/// What a judgement of a code on a turn looks at where the transformer was asked: what was judged without
/// it, as the logarithm of odds, and its logits.
pub const DEEP_FEATURES: &[&str] = &["without", "deep", "deep_rival", "deep_negative", "deep_positive"];

/// What a judgement of a code on the whole call looks at, in this order.
pub const CALL_FEATURES: &[&str] = &[
    "detector",
    "detector_hit",
    "call_head",
    "call_fault",
    "empathy",
    "empathy_share",
    "apology",
    "thanks_praise",
    "acknowledged",
    "recap",
    "recap_share",
    "probe",
    "probe_share",
    "next_step",
    "next_step_share",
    "alternative",
    "explain_share",
    "refuse_share",
    "hold_notice",
    "greeting",
    "closing",
    "caller_negative",
    "caller_negative_peak",
    "caller_negative_end",
    "caller_positive_peak",
    "caller_positive_end",
    "agent_positive_peak",
    "agent_negative_peak",
    "fault_peak",
    "impatience",
    "dismissive",
    "deflection",
    "forbidden_phrase",
    "clarification_request",
    "repeat_contact",
    "complain_share",
    "turns",
    "length",
];

/// The numbers of a code where the transformer was asked, in the order of [`DEEP_FEATURES`].
pub fn deep_features(without: f32, deep: &Margins, code: &str) -> [f32; 5] {
    let rivals = if CALLER_CODES.contains(&code) {
        &CALLER_CODES[..]
    } else {
        &AGENT_CODES[..]
    };
    let rival = rivals.iter().filter(|rival| **rival != code).map(|rival| deep.get(rival));
    let over_neutral = |label: &str| deep.get(label) - deep.get("sentiment.neu");
    [
        log_odds(without),
        deep.get(code),
        rival.fold(f32::MIN, f32::max),
        over_neutral("sentiment.neg"),
        over_neutral("sentiment.pos"),
    ]
}

/// The values of a head over a party's turns, so that those of all turns but one are at hand.
struct Spread {
    highest: (usize, f32),
    second: f32,
    sum: f32,
    count: f32,
}

impl Spread {
    fn new(values: impl Iterator<Item = (usize, f32)>) -> Self {
        let mut spread = Self { highest: (usize::MAX, -1.0), second: -1.0, sum: 0.0, count: 0.0 };
        for (turn, value) in values {
            spread.sum += value;
            spread.count += 1.0;
            if value > spread.highest.1 {
                spread.second = spread.highest.1;
                spread.highest = (turn, value);
            } else {
                spread.second = spread.second.max(value);
            }
        }
        spread
    }

    /// The highest value on another turn, at least -1.
    fn peak_without(&self, turn: usize) -> f32 {
        if self.highest.0 == turn {
            self.second
        } else {
            self.highest.1
        }
    }

    /// The mean on the other turns; -1 where there are none, as of a head that does not apply.
    fn mean_without(&self, value: f32) -> f32 {
        if self.count > 1.0 {
            (self.sum - value) / (self.count - 1.0)
        } else {
            -1.0
        }
    }
}

/// What a judgement of a code on a turn looks at.
pub(super) type TurnNumbers = [f32; TURN_FEATURES.len()];
/// And of a code on the whole call.
pub(super) type CallNumbers = [f32; CALL_FEATURES.len()];

/// How many codes have heads.
pub(super) const CODES: usize = AGENT_CODES.len() + CALLER_CODES.len();

/// Place of a code among the agent's, and after these the caller's.
pub(super) fn place(code: &str) -> Option<usize> {
    AGENT_CODES.iter().chain(&CALLER_CODES).position(|known| *known == code)
}

/// How many of the numbers of a turn, its first ones, belong to the code; the last one does too.
const OWN: usize = 11;

/// The turns around one.
struct Around<'a> {
    agent: bool,
    /// Turns of its speaker and of the other party.
    own: &'a [usize],
    other: &'a [usize],
    /// The other party's turns next to it, and the speaker's.
    before: Option<usize>,
    after: Option<usize>,
    own_before: Option<usize>,
    own_after: Option<usize>,
}

impl<'a> Around<'a> {
    fn of(scene: &'a Scene<'a>, turn: usize) -> Self {
        let agent = scene.call.role(turn) == Role::Agent;
        let agents = (scene.agent_before(turn), scene.agent_after(turn));
        let callers = (scene.caller_before(turn), scene.caller_after(turn));
        let ((own_before, own_after), (before, after)) = if agent { (agents, callers) } else { (callers, agents) };
        let (own, other) = if agent {
            (&scene.agent, &scene.caller)
        } else {
            (&scene.caller, &scene.agent)
        };
        Self { agent, own, other, before, after, own_before, own_after }
    }
}

fn flag(set: bool) -> f32 {
    f32::from(u8::from(set))
}

/// The heads of one call, read off once.
pub(super) struct Heads<'a> {
    scene: &'a Scene<'a>,
    /// For each turn the heads of all codes.
    turns: Vec<[f32; CODES]>,
    spreads: Vec<Spread>,
    negative: Vec<f32>,
    positive: Vec<f32>,
    unpunctuated: f32,
    fault: f32,
    /// The heads over the whole call of all codes.
    of_call: [f32; CODES],
    /// Of each turn, and of the call, the numbers that are the same for every code.
    shared: Vec<OnceCell<TurnNumbers>>,
    whole: OnceCell<CallNumbers>,
}

impl<'a> Heads<'a> {
    pub(super) fn new(scene: &'a Scene<'a>) -> Self {
        let signals = &scene.call.signals.turns;
        let column = |head: &str| signals.iter().map(|turn| turn.margins.get(head)).collect::<Vec<f32>>();
        let of = |turn: &TurnSignals| {
            let mut heads = [0.0; CODES];
            for (head, code) in heads.iter_mut().zip(AGENT_CODES.iter().chain(&CALLER_CODES)) {
                *head = turn.margins.get(code);
            }
            heads
        };
        let turns: Vec<[f32; CODES]> = signals.iter().map(of).collect();
        let spread = |place: usize| {
            let own = if place < AGENT_CODES.len() {
                &scene.agent
            } else {
                &scene.caller
            };
            Spread::new(own.iter().map(|&i| (i, turns[i][place])))
        };
        let spreads = (0..CODES).map(spread).collect();
        let mut of_call = [0.0; CODES];
        for (head, code) in of_call.iter_mut().zip(AGENT_CODES.iter().chain(&CALLER_CODES)) {
            *head = scene.call.signals.margins.get(code);
        }
        let marks: usize = scene
            .call
            .turns
            .iter()
            .map(|t| t.fold.chars().filter(|c| matches!(c, ',' | '。' | '?')).count())
            .sum();
        Self {
            scene,
            spreads,
            shared: vec![OnceCell::new(); turns.len()],
            whole: OnceCell::new(),
            turns,
            negative: column("sentiment.neg"),
            positive: column("sentiment.pos"),
            unpunctuated: f32::from(u8::from(marks <= scene.call.turns.len() / 4)),
            fault: scene.call.signals.margins.get("fault"),
            of_call,
        }
    }

    /// Whether a turn has a construction of this group.
    pub(super) fn says(&self, turn: usize, group: &str) -> bool {
        self.scene.has(turn, group)
    }

    /// The transformer's logits of a turn.
    pub(super) fn deep(&self, turn: usize) -> Option<&'a Margins> {
        self.scene.call.signal(turn).deep.as_ref()
    }

    fn head(&self, place: usize, turn: Option<usize>) -> f32 {
        turn.and_then(|turn| self.turns.get(turn)).map_or(-1.0, |heads| heads[place])
    }

    fn act(&self, turn: Option<usize>, act: &str) -> f32 {
        turn.map_or(-1.0, |turn| self.scene.call.signal(turn).margins.get(act))
    }

    /// The numbers of one turn, in the order of [`TURN_FEATURES`].
    pub(super) fn turn(&self, detected: &Detected<'_>, place: usize, turn: usize) -> TurnNumbers {
        let around = Around::of(self.scene, turn);
        let mut numbers = *self.shared[turn].get_or_init(|| self.shared(&around, turn));
        let rivals = if around.agent {
            0..AGENT_CODES.len()
        } else {
            AGENT_CODES.len()..CODES
        };
        let peak_of = |place: usize| self.spreads[place].peak_without(turn);
        let head = self.head(place, Some(turn));
        let detector = detected.on(place, turn);
        let near = [around.own_before, around.own_after].into_iter().flatten();
        let near = near.filter_map(|i| detected.on(place, i));
        numbers[..OWN].copy_from_slice(&[
            head,
            self.head(place, around.own_before),
            self.head(place, around.own_after),
            peak_of(place),
            self.spreads[place].mean_without(head),
            rivals
                .clone()
                .filter(|&rival| rival != place)
                .map(|rival| self.turns[turn][rival])
                .fold(-1.0, f32::max),
            rivals.map(peak_of).fold(-1.0, f32::max),
            detector.unwrap_or(0.0),
            flag(detector.is_some()),
            near.fold(0.0, f32::max),
            detected.peak_without(place, turn),
        ]);
        numbers[TURN_FEATURES.len() - 1] = self.of_call[place];
        numbers
    }

    /// The numbers of one turn with 0 for those that belong to a code.
    fn shared(&self, around: &Around<'_>, turn: usize) -> TurnNumbers {
        let scene = self.scene;
        let &Around { agent, own, other, before, after, .. } = around;
        let peak = |values: &mut dyn Iterator<Item = f32>| values.fold(-1.0f32, f32::max);
        let at = |column: &[f32], i: Option<usize>| i.map_or(-1.0, |i| column[i]);
        let end = &other[other.len().saturating_sub(2)..];
        let words = scene.pairs(turn);
        let size = words.len().max(4) as f32;
        let shared = |i: usize| words.shared(scene.pairs(i)) as f32 / size;
        let earlier = own[..own.partition_point(|&i| i < turn)].iter().rev().copied().take(4);
        let repeats = earlier.map(shared).fold(0.0f32, f32::max);
        let here = Some(turn);
        let mut numbers = [0.0; TURN_FEATURES.len()];
        numbers[OWN..TURN_FEATURES.len() - 1].copy_from_slice(&[
            self.negative[turn],
            self.positive[turn],
            at(&self.negative, before),
            at(&self.negative, after),
            at(&self.positive, after),
            peak(&mut end.iter().map(|&i| self.negative[i])),
            peak(&mut end.iter().map(|&i| self.positive[i])),
            self.act(here, "act.empathy"),
            self.act(here, "act.apology"),
            self.act(here, "act.thanks_praise"),
            self.act(here, "act.explain"),
            self.act(here, "act.next_step"),
            self.act(here, "act.alternative"),
            self.act(here, "act.refuse"),
            self.act(here, "act.probe"),
            self.act(here, "act.backchannel"),
            self.act(before, "act.object"),
            self.act(after, "act.object"),
            self.act(if agent { before } else { here }, "act.complain"),
            turn as f32 / scene.call.turns.len().max(1) as f32,
            (scene.units(turn) as f32 / 40.0).min(2.0),
            flag(scene.units(turn) < 5),
            self.unpunctuated,
            repeats,
            before.map_or(0.0, shared),
            self.fault,
        ]);
        numbers
    }

    /// The numbers of the call, in the order of [`CALL_FEATURES`].
    pub(super) fn call(&self, detected: &Detected<'_>, code: &str) -> CallNumbers {
        let mut numbers = *self.whole.get_or_init(|| self.whole());
        let detector = detected.on_call(code);
        numbers[0] = detector.unwrap_or(0.0);
        numbers[1] = flag(detector.is_some());
        numbers[2] = self.scene.call.signals.margins.get(code);
        numbers
    }

    /// The numbers of the call with 0 for the first three, which belong to a code.
    fn whole(&self) -> CallNumbers {
        let scene = self.scene;
        // Greeting and closing are formulas: what they say counts for neither party.
        let middle = scene.agent.get(1..scene.agent.len().saturating_sub(1)).unwrap_or_default();
        let act = |turns: &[usize], act: &str| -> (f32, f32) {
            let margins = turns.iter().map(|&i| self.act(Some(i), act));
            let does = margins.clone().filter(|m| *m > 0.0).count();
            (margins.fold(-1.5, f32::max), does as f32 / turns.len().max(1) as f32)
        };
        let peak = |column: &[f32], turns: &[usize]| turns.iter().map(|&i| column[i]).fold(-1.5, f32::max);
        let mean =
            |column: &[f32], turns: &[usize]| turns.iter().map(|&i| column[i]).sum::<f32>() / turns.len().max(1) as f32;
        let code_peak = |code: &str, turns: &[usize]| {
            turns.iter().map(|&i| self.head(place(code).unwrap_or(0), Some(i))).fold(-1.5, f32::max)
        };
        let end = &scene.caller[scene.caller.len().saturating_sub(2)..];
        let (empathy, empathy_share) = act(middle, "act.empathy");
        let (apology, apology_share) = act(middle, "act.apology");
        let (thanks, thanks_share) = act(middle, "act.thanks_praise");
        let (recap, recap_share) = act(middle, "act.recap");
        let (probe, probe_share) = act(middle, "act.probe");
        let (next_step, next_step_share) = act(middle, "act.next_step");
        let tail = &scene.agent[scene.agent.len().saturating_sub(3)..];
        let head = &scene.agent[..scene.agent.len().min(1)];
        let units: u32 = middle.iter().map(|&i| scene.units(i)).sum();
        [
            0.0,
            0.0,
            0.0,
            self.fault,
            empathy,
            empathy_share,
            apology,
            thanks,
            (empathy_share + apology_share + thanks_share).min(0.5),
            recap,
            recap_share,
            probe,
            probe_share,
            next_step,
            next_step_share,
            act(middle, "act.alternative").0,
            act(middle, "act.explain").1,
            act(middle, "act.refuse").1,
            act(middle, "act.hold_notice").0,
            act(head, "act.greeting").0,
            act(tail, "act.closing").0,
            mean(&self.negative, &scene.caller),
            peak(&self.negative, &scene.caller),
            peak(&self.negative, end),
            peak(&self.positive, &scene.caller),
            peak(&self.positive, end),
            peak(&self.positive, middle),
            peak(&self.negative, middle),
            AGENT_CODES.iter().map(|code| code_peak(code, &scene.agent)).fold(-1.5, f32::max),
            code_peak("impatience", &scene.agent),
            code_peak("dismissive", &scene.agent),
            code_peak("deflection", &scene.agent),
            code_peak("forbidden_phrase", &scene.agent),
            code_peak("clarification_request", &scene.caller),
            code_peak("repeat_contact", &scene.caller),
            act(&scene.caller, "act.complain").1,
            (scene.call.turns.len() as f32 / 20.0).min(2.0),
            (units as f32 / middle.len().max(1) as f32 / 40.0).min(2.0),
        ]
    }
}
