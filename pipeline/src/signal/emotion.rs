//! Which emotion a feeling is. Owns the names and which feeling each belongs to; whether a turn
//! is positive or negative has been judged before, on words of calls, and an emotion is only
//! chosen among those that fit.

use std::sync::Arc;

use qingting_models::text::TextModel;

use crate::learned::Documents;
use crate::record::{NormalizedTurn, SentimentLabel};

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

/// Chooses emotions; without a model none.
#[derive(Debug)]
pub struct EmotionReader {
    model: Option<(Arc<TextModel>, Arc<Documents>)>,
    /// Column, emotion and feeling of every head.
    columns: Vec<(usize, &'static str, SentimentLabel)>,
}

impl EmotionReader {
    /// Over a model with heads named by [`emotion_head`].
    pub fn new(model: Option<(Arc<TextModel>, Arc<Documents>)>) -> Self {
        let heads = model.as_ref().map_or(&[][..], |(model, _)| model.heads());
        let column = |&(emotion, feeling): &(&'static str, SentimentLabel)| {
            let head = emotion_head(emotion);
            heads.iter().position(|name| *name == head).map(|at| (at, emotion, feeling))
        };
        Self { columns: EMOTIONS.iter().filter_map(column).collect(), model }
    }

    /// The likeliest emotion of a turn with this feeling; `None` when the turn has no feeling or
    /// one without a name.
    pub fn read(&self, turns: &[NormalizedTurn], turn: usize, feeling: SentimentLabel) -> Option<&'static str> {
        if feeling == SentimentLabel::Neu {
            return None;
        }
        let (model, documents) = self.model.as_ref()?;
        let (texts, numbers) = documents.emotion_parts(turns, turn)?;
        let margins = model.margins_of(&texts, &numbers);
        let fitting = self.columns.iter().filter(|(_, _, of)| *of == feeling);
        let mut ranked: Vec<(f32, &'static str)> = fitting.map(|(at, emotion, _)| (margins[*at], *emotion)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (best, emotion) = *ranked.first()?;
        let second = ranked.get(1).map_or(f32::NEG_INFINITY, |(margin, _)| *margin);
        (best - second >= LEAD && is_named(emotion)).then_some(emotion)
    }
}

#[cfg(test)]
mod tests {
    use qingting_models::text::{Example, TextModel};

    use super::*;
    use crate::learned::emotion_fields;

    fn turn(text: &str) -> NormalizedTurn {
        NormalizedTurn { fold: text.to_owned(), ..NormalizedTurn::default() }
    }

    #[test]
    fn an_emotion_fits_the_feeling_and_has_a_name() {
        let documents = Arc::new(Documents::load().unwrap());
        let said = ["气死我了", "吓死我了", "开心死了", "烦"];
        let names = ["anger", "fear", "happy", OTHER_NEGATIVE];
        let examples: Vec<Example> = said
            .iter()
            .zip(names)
            .flat_map(|(text, emotion)| {
                let document = documents.emotion(&[turn(text)], 0).unwrap();
                let labels = names.iter().map(|name| Some(*name == emotion)).collect();
                vec![Example { document, labels, weight: 1.0 }; 4]
            })
            .collect();
        let model = TextModel::train(emotion_fields(), &names.map(emotion_head), &examples, (1.0, 1.0), 1);
        let reader = EmotionReader::new(Some((Arc::new(model), documents)));
        let read = |text: &str, feeling| reader.read(&[turn(text)], 0, feeling);
        assert_eq!(read("气死我了", SentimentLabel::Neg), Some("anger"));
        assert_eq!(read("吓死我了", SentimentLabel::Neg), Some("fear"));
        assert_eq!(read("气死我了", SentimentLabel::Pos), Some("happy"));
        assert_eq!(read("烦", SentimentLabel::Neg), None);
        assert_eq!(read("气死我了", SentimentLabel::Neu), None);
        assert_eq!(read("", SentimentLabel::Neg), None);
        assert_eq!(EmotionReader::new(None).read(&[turn("气死我了")], 0, SentimentLabel::Neg), None);
    }
}
