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

/// What a judgement of an act looks at, in this order.
pub const ACT_FEATURES: &[&str] = &["margin", "rule", "position", "first", "last"];

/// The judgements of the signal stage.
#[derive(Debug)]
pub(super) struct Feeling {
    /// Positive and negative, for each party.
    sentiment: [[Option<Ready>; 2]; 2],
    acts: Vec<(Act, Option<Ready>)>,
}

/// A call before the judgements.
#[derive(Clone, Copy)]
pub(super) struct Read<'a> {
    pub(super) record: &'a CallRecord,
    pub(super) margins: &'a [Margins],
    pub(super) lexicon: &'a [Sentiment],
    pub(super) rules: &'a [Vec<Act>],
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
        let of = |model, label| learned.judge(&sentiment_name(model, label), SENTIMENT_FEATURES);
        let both = |model| Ok::<_, crate::Error>([of(model, SentimentLabel::Pos)?, of(model, SentimentLabel::Neg)?]);
        let acts = Act::ALL
            .iter()
            .map(|&act| Ok((act, learned.judge(&act_name(act), ACT_FEATURES)?)))
            .collect::<Result<_>>()?;
        Ok(Self { sentiment: [both(TurnModel::Agent)?, both(TurnModel::Caller)?], acts })
    }

    /// The feeling of a turn.
    pub(super) fn sentiment(&self, read: Read<'_>, turn: usize) -> Sentiment {
        let column = match TurnModel::of(read.record.turns[turn].role) {
            Some(TurnModel::Agent) => 0,
            Some(TurnModel::Caller) => 1,
            None => return read.lexicon[turn],
        };
        let [Some(positive), Some(negative)] = &self.sentiment[column] else {
            return read.lexicon[turn];
        };
        let features = sentiment_features(read, turn);
        let share = |judge: &Ready| {
            let p = judge.probability(&features);
            (p, p / judge.threshold.map_or(0.5, |t| t.assert).max(0.01))
        };
        let ((p, positive), (n, negative)) = (share(positive), share(negative));
        let label = if positive.max(negative) < 1.0 {
            SentimentLabel::Neu
        } else if positive > negative {
            SentimentLabel::Pos
        } else {
            SentimentLabel::Neg
        };
        Sentiment { label, score: ((p - n) * 1000.0).round() / 1000.0 }
    }

    /// What a turn does.
    pub(super) fn acts(&self, read: Read<'_>, turn: usize) -> Vec<Act> {
        let role = read.record.turns[turn].role;
        if TurnModel::of(role).is_none() {
            return read.rules[turn].clone();
        }
        let does = |act: Act, judge: &Option<Ready>| match judge {
            Some(judge) if act.role() == role => {
                judge.probability(&act_features(read, turn, act)) >= judge.threshold.map_or(0.5, |t| t.assert)
            }
            _ => read.rules[turn].contains(&act),
        };
        self.acts.iter().filter(|(act, judge)| does(*act, judge)).map(|(act, _)| *act).collect()
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
    let n = read.margins.len();
    let flag = |set: bool| f32::from(u8::from(set));
    vec![
        read.margins[turn].get(&act_name(act)),
        flag(read.rules[turn].contains(&act)),
        turn as f32 / n.max(1) as f32,
        flag(turn == 0),
        flag(turn + 1 == n),
    ]
}
