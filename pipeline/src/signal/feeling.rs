//! Sentiment and acts as the trained heads judge them, together with what the lexicon and the
//! rules say. Owns the features; without trained judgements lexicon and rules decide alone.

use crate::Result;
use crate::learned::{Learned, Ready, TurnModel};
use crate::record::{Act, CallRecord, Margins, Role, Sentiment, SentimentLabel};

/// What a judgement of sentiment looks at, in this order.
pub const SENTIMENT_FEATURES: &[&str] = &[
    "pos",
    "neg",
    "neu",
    "lexicon",
    "lexicon_pos",
    "lexicon_neg",
    "before_pos",
    "before_neg",
    "after_pos",
    "after_neg",
    "own_before_pos",
    "own_before_neg",
    "own_after_pos",
    "own_after_neg",
    "position",
    "strain",
    "complain",
    "thank",
    "praise",
    "empathy",
];

/// What a judgement of sentiment looks at where the transformer was asked: what was judged without it, as
/// the logarithm of odds, and its logits.
pub const DEEP_SENTIMENT_FEATURES: &[&str] = &["without_pos", "without_neg", "deep_pos", "deep_neg", "deep_neu"];

/// What a judgement of an act looks at, in this order.
pub const ACT_FEATURES: &[&str] = &["margin", "rule", "position", "first", "last"];

/// The judgements of the signal stage.
#[derive(Debug)]
pub(super) struct Feeling {
    /// Positive and negative, for each party.
    sentiment: [[Option<Ready>; 2]; 2],
    /// The same with the transformer.
    deep: [[Option<Ready>; 2]; 2],
    /// Every act with the name of its head and its judgement.
    acts: Vec<(Act, String, Option<Ready>)>,
}

/// A call before the judgements.
#[derive(Clone, Copy)]
pub(super) struct Read<'a> {
    pub(super) record: &'a CallRecord,
    pub(super) margins: &'a [Margins],
    pub(super) lexicon: &'a [Sentiment],
    pub(super) rules: &'a [Vec<Act>],
    pub(super) deep: &'a [Option<Margins>],
}

/// The feeling of a turn, and the probabilities of a positive and a negative one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Felt {
    pub(super) sentiment: Sentiment,
    pub(super) chances: [f32; 2],
}

/// Name of the judgement that takes the place of `name` where the transformer was asked.
pub fn deep_name(name: &str) -> String {
    format!("deep.{name}")
}

/// The numbers behind a judgement of sentiment where the transformer was asked, in the order of
/// [`DEEP_SENTIMENT_FEATURES`].
pub fn deep_sentiment_features([positive, negative]: [f32; 2], deep: &Margins) -> [f32; 5] {
    let [p, n, neutral] = ["sentiment.pos", "sentiment.neg", "sentiment.neu"].map(|head| deep.get(head));
    [log_odds(positive), log_odds(negative), p, n, neutral]
}

/// The logarithm of the odds of a probability; what is next to certain is not told apart further.
pub fn log_odds(probability: f32) -> f32 {
    let p = probability.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
}

/// Name of a judgement of sentiment.
pub fn sentiment_name(model: TurnModel, label: SentimentLabel) -> String {
    format!("sentiment.{}.{}", model.name(), label.as_str())
}

/// Name of a judgement of an act, and of the head below it.
pub fn act_name(act: Act) -> String {
    format!("act.{}", act.as_str())
}

impl Feeling {
    /// # Errors
    /// When a judgement weighs a feature that there is not.
    pub(super) fn new(learned: &Learned) -> Result<Self> {
        let both = |model| {
            let of = |label| learned.judge(&sentiment_name(model, label), SENTIMENT_FEATURES);
            Ok::<_, crate::Error>([of(SentimentLabel::Pos)?, of(SentimentLabel::Neg)?])
        };
        let deep = |model| {
            let of = |label| learned.judge(&deep_name(&sentiment_name(model, label)), DEEP_SENTIMENT_FEATURES);
            Ok::<_, crate::Error>([of(SentimentLabel::Pos)?, of(SentimentLabel::Neg)?])
        };
        let acts = Act::ALL
            .iter()
            .map(|&act| Ok((act, act_name(act), learned.judge(&act_name(act), ACT_FEATURES)?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            sentiment: [both(TurnModel::Agent)?, both(TurnModel::Caller)?],
            deep: [deep(TurnModel::Agent)?, deep(TurnModel::Caller)?],
            acts,
        })
    }

    /// The feeling of a turn.
    pub(super) fn sentiment(&self, read: Read<'_>, turn: usize) -> Felt {
        let alone = Felt { sentiment: read.lexicon[turn], chances: [0.0; 2] };
        let column = match TurnModel::of(read.record.turns[turn].role) {
            Some(TurnModel::Agent) => 0,
            Some(TurnModel::Caller) => 1,
            None => return alone,
        };
        let [Some(positive), Some(negative)] = &self.sentiment[column] else {
            return alone;
        };
        let features = sentiment_features(read, turn);
        let without = [positive, negative].map(|judge| judge.probability(&features));
        let share = |judge: &Ready, p: f32| (p, p / judge.threshold.map_or(0.5, |t| t.assert).max(0.01));
        let deep = read.deep.get(turn).and_then(Option::as_ref);
        let ((p, positive), (n, negative)) = match (&self.deep[column], deep) {
            ([Some(positive), Some(negative)], Some(deep)) => {
                let features = deep_sentiment_features(without, deep);
                let of = |judge: &Ready| share(judge, judge.probability(&features));
                (of(positive), of(negative))
            }
            _ => (share(positive, without[0]), share(negative, without[1])),
        };
        let label = if positive.max(negative) < 1.0 {
            SentimentLabel::Neu
        } else if positive > negative {
            SentimentLabel::Pos
        } else {
            SentimentLabel::Neg
        };
        Felt {
            sentiment: Sentiment { label, score: ((p - n) * 1000.0).round() / 1000.0 },
            chances: [p, n],
        }
    }

    /// What a turn does.
    pub(super) fn acts(&self, read: Read<'_>, turn: usize) -> Vec<Act> {
        let role = read.record.turns[turn].role;
        if TurnModel::of(role).is_none() {
            return read.rules[turn].clone();
        }
        let does = |act: Act, head: &str, judge: &Option<Ready>| match judge {
            Some(judge) if act.role() == role => {
                judge.probability(&act_numbers(read, turn, act, head)) >= judge.threshold.map_or(0.5, |t| t.assert)
            }
            _ => read.rules[turn].contains(&act),
        };
        self.acts
            .iter()
            .filter(|(act, head, judge)| does(*act, head, judge))
            .map(|(act, ..)| *act)
            .collect()
    }
}

/// The numbers behind a judgement of sentiment, in the order of [`SENTIMENT_FEATURES`].
pub(super) fn sentiment_features(read: Read<'_>, turn: usize) -> Vec<f32> {
    let role = read.record.turns[turn].role;
    let n = read.margins.len();
    let speaks = |i: &usize, own: bool| {
        let speaker = read.record.turns[*i].role;
        TurnModel::of(speaker).is_some() && (speaker == role) == own
    };
    let margin = |i: Option<usize>, head: &str| i.map_or(0.0, |i| read.margins[i].get(head));
    let (before, after) = ((0..turn).rev().find(|i| speaks(i, false)), (turn + 1..n).find(|i| speaks(i, false)));
    let (own_before, own_after) = ((0..turn).rev().find(|i| speaks(i, true)), (turn + 1..n).find(|i| speaks(i, true)));
    let own = &read.margins[turn];
    let lexicon = read.lexicon[turn];
    let flag = |set: bool| f32::from(u8::from(set));
    let strain = if role == Role::Agent {
        own.get("impatience").max(own.get("emotional_display"))
    } else {
        own.get("escalation_threat").max(own.get("crisis"))
    };
    vec![
        own.get("sentiment.pos"),
        own.get("sentiment.neg"),
        own.get("sentiment.neu"),
        lexicon.score,
        flag(lexicon.label == SentimentLabel::Pos),
        flag(lexicon.label == SentimentLabel::Neg),
        margin(before, "sentiment.pos"),
        margin(before, "sentiment.neg"),
        margin(after, "sentiment.pos"),
        margin(after, "sentiment.neg"),
        margin(own_before, "sentiment.pos"),
        margin(own_before, "sentiment.neg"),
        margin(own_after, "sentiment.pos"),
        margin(own_after, "sentiment.neg"),
        turn as f32 / n.max(1) as f32,
        strain,
        own.get("act.complain"),
        own.get("act.thank"),
        own.get("act.praise"),
        own.get("act.empathy"),
    ]
}

/// The numbers behind a judgement of an act, in the order of [`ACT_FEATURES`].
pub(super) fn act_features(read: Read<'_>, turn: usize, act: Act) -> Vec<f32> {
    act_numbers(read, turn, act, &act_name(act)).to_vec()
}

fn act_numbers(read: Read<'_>, turn: usize, act: Act, head: &str) -> [f32; ACT_FEATURES.len()] {
    let n = read.margins.len();
    let flag = |set: bool| f32::from(u8::from(set));
    [
        read.margins[turn].get(head),
        flag(read.rules[turn].contains(&act)),
        turn as f32 / n.max(1) as f32,
        flag(turn == 0),
        flag(turn + 1 == n),
    ]
}
