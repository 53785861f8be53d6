//! Which emotion a feeling is. Owns the names and which feeling each belongs to; whether a turn
//! is positive or negative has been judged before, on words of calls, and an emotion is only
//! chosen among those that fit.

use crate::record::SentimentLabel;

/// The emotions of CPED (Chen et al. 2022) but the neutral one, each with its feeling.
pub const EMOTIONS: [(&str, SentimentLabel); 12] = [
    ("happy", SentimentLabel::Pos),
    ("grateful", SentimentLabel::Pos),
    ("relaxed", SentimentLabel::Pos),
    (OTHER_POSITIVE, SentimentLabel::Pos),
    ("anger", SentimentLabel::Neg),
    ("sadness", SentimentLabel::Neg),
    ("fear", SentimentLabel::Neg),
    ("depress", SentimentLabel::Neg),
    ("disgust", SentimentLabel::Neg),
    ("astonished", SentimentLabel::Neg),
    ("worried", SentimentLabel::Neg),
    (OTHER_NEGATIVE, SentimentLabel::Neg),
];
/// Feelings without a name; they are trained to be told from the others, and never shown.
const OTHER_POSITIVE: &str = "positive-other";
const OTHER_NEGATIVE: &str = "negative-other";

/// By how much an emotion's margin must lead the next one's to be shown: on calls of held-out sets
/// three of four that are shown are then right.
const LEAD: f32 = 0.6;

/// Whether an emotion is one that is shown.
pub fn is_named(emotion: &str) -> bool {
    ![OTHER_POSITIVE, OTHER_NEGATIVE].contains(&emotion)
}

/// Name of the head of an emotion.
pub fn emotion_head(emotion: &str) -> String {
    format!("emotion.{emotion}")
}

/// Chooses emotions; without heads none.
#[derive(Debug)]
pub struct EmotionReader {
    /// Column, emotion and feeling of every head.
    columns: Vec<(usize, &'static str, SentimentLabel)>,
}

impl EmotionReader {
    /// Over the margins of a model with these heads, named by [`emotion_head`].
    pub fn new(heads: &[String]) -> Self {
        let column = |&(emotion, feeling): &(&'static str, SentimentLabel)| {
            let head = emotion_head(emotion);
            heads.iter().position(|name| *name == head).map(|at| (at, emotion, feeling))
        };
        Self { columns: EMOTIONS.iter().filter_map(column).collect() }
    }

    /// The likeliest emotion of a turn with these margins and this feeling; `None` when the turn has no
    /// feeling or one without a name.
    pub fn choose(&self, margins: &[f32], feeling: SentimentLabel) -> Option<&'static str> {
        if feeling == SentimentLabel::Neu {
            return None;
        }
        let fitting = self.columns.iter().filter(|(_, _, of)| *of == feeling);
        let told = fitting.filter_map(|(at, emotion, _)| Some((*margins.get(*at)?, *emotion)));
        let mut ranked: Vec<(f32, &'static str)> = told.collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (best, emotion) = *ranked.first()?;
        let second = ranked.get(1).map_or(f32::NEG_INFINITY, |(margin, _)| *margin);
        (best - second >= LEAD && is_named(emotion)).then_some(emotion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emotion_fits_the_feeling_leads_and_has_a_name() {
        let names = ["anger", "fear", "happy", OTHER_NEGATIVE];
        let reader = EmotionReader::new(&names.map(emotion_head));
        let choose = |margins: [f32; 4], feeling| reader.choose(&margins, feeling);
        assert_eq!(choose([1.0, -0.5, 2.0, -1.0], SentimentLabel::Neg), Some("anger"));
        assert_eq!(choose([-0.5, 1.0, 2.0, -1.0], SentimentLabel::Neg), Some("fear"));
        assert_eq!(choose([1.0, -0.5, -2.0, -1.0], SentimentLabel::Pos), Some("happy"));
        assert_eq!(choose([1.0, 0.9, -2.0, -1.0], SentimentLabel::Neg), None);
        assert_eq!(choose([-1.0, -1.0, -1.0, 1.0], SentimentLabel::Neg), None);
        assert_eq!(choose([1.0, -0.5, 2.0, -1.0], SentimentLabel::Neu), None);
        assert_eq!(reader.choose(&[], SentimentLabel::Neg), None);
        assert_eq!(EmotionReader::new(&[]).choose(&[1.0], SentimentLabel::Neg), None);
    }
}
