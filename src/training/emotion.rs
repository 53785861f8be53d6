//! The heads for emotions, trained on labelled dialogues in the columns of CPED (Chen et al. 2022,
//! "CPED: A Large-Scale Chinese Personalized and Emotional Dialogue Dataset"): `Dialogue_ID`,
//! `Sentiment`, `Emotion`, `Utterance`. Owns the reading, the fifth of the dialogues that is never
//! trained on, and the figures on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use qingting_models::Shelf;
use qingting_models::text::{Example, TextModel};
use qingting_pipeline::Pipeline;
use qingting_pipeline::learned::{Documents, EMOTION_MODEL, emotion_fields};
use qingting_pipeline::record::{CallRecord, NormalizedTurn, Role, SentimentLabel, Turn};
use qingting_pipeline::signal::{EMOTIONS, EmotionReader, emotion_head};
use rayon::prelude::*;
use serde::Deserialize;

use super::thresholds::pair;
use super::{Error, Options};

/// One of so many dialogues is never trained on.
const HELD_OUT: usize = 5;
/// Parts of the others on which the thresholds of the sentiment that is compared are chosen.
const PARTS: usize = 4;
/// Fewest turns with an emotion for a head of its own.
const FEWEST: usize = 50;
const SENTIMENTS: [SentimentLabel; 3] = [SentimentLabel::Pos, SentimentLabel::Neu, SentimentLabel::Neg];

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "Dialogue_ID")]
    dialogue: String,
    #[serde(rename = "Speaker")]
    speaker: String,
    #[serde(rename = "Sentiment")]
    sentiment: String,
    #[serde(rename = "Emotion")]
    emotion: String,
    #[serde(rename = "Utterance")]
    utterance: String,
}

/// A labelled dialogue.
#[derive(Debug, Clone)]
struct Dialogue {
    record: CallRecord,
    turns: Vec<NormalizedTurn>,
    sentiments: Vec<SentimentLabel>,
    emotions: Vec<String>,
}

/// The heads, and how well they do on the dialogues that they were not trained on.
#[derive(Debug)]
pub struct TrainedEmotions {
    /// The model, ready to be stored.
    pub shelf: Shelf,
    /// Figures on the held-out fifth, in the order in which they are shown.
    pub figures: Vec<(String, f64)>,
}

fn read(path: &Path, pipeline: &Pipeline) -> Result<Vec<Dialogue>, Error> {
    let broken = |why: &dyn std::fmt::Display| Error::Data(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| broken(&e))?;
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let mut dialogues: Vec<Dialogue> = Vec::new();
    let mut first_speaker = String::new();
    for (row, line) in reader.deserialize::<Row>().zip(2..) {
        let row = row.map_err(|e| broken(&e))?;
        if dialogues.last().is_none_or(|last| last.record.call_id != row.dialogue) {
            dialogues.push(Dialogue {
                record: CallRecord::new(row.dialogue),
                turns: Vec::new(),
                sentiments: Vec::new(),
                emotions: Vec::new(),
            });
            first_speaker.clone_from(&row.speaker);
        }
        let sentiment = match row.sentiment.as_str() {
            "positive" => SentimentLabel::Pos,
            "neutral" => SentimentLabel::Neu,
            "negative" => SentimentLabel::Neg,
            other => return Err(broken(&format!("line {line}: `{other}` is not a sentiment"))),
        };
        // The call models, which are compared, know two parties.
        let role = if row.speaker == first_speaker {
            Role::Caller
        } else {
            Role::Agent
        };
        if let Some(dialogue) = dialogues.last_mut() {
            dialogue.turns.push(pipeline.normalizer().text(&row.utterance));
            dialogue.record.turns.push(Turn::new(role, row.utterance));
            dialogue.sentiments.push(sentiment);
            dialogue.emotions.push(row.emotion);
        }
    }
    if dialogues.len() < HELD_OUT * PARTS {
        return Err(broken(&format!("{} dialogues are too few", dialogues.len())));
    }
    Ok(dialogues)
}

/// One example a turn, labelled by `labels`.
fn examples<'a>(
    documents: &Documents,
    dialogues: impl Iterator<Item = &'a Dialogue>,
    labels: impl Fn(&Dialogue, usize) -> Vec<Option<bool>>,
) -> Vec<Example> {
    dialogues
        .flat_map(|dialogue| {
            (0..dialogue.turns.len()).filter_map(|turn| {
                let document = documents.emotion(&dialogue.turns, turn)?;
                Some(Example { document, labels: labels(dialogue, turn), weight: 1.0 })
            })
        })
        .collect()
}

/// Trains on four fifths of the dialogues of a file and measures on the others: emotions, given the
/// feeling, and beside them the feeling itself as the pipeline judges it (`calls`, trained on calls), as
/// its lexicon alone does (`lexicon`) and as heads of these dialogues do.
///
/// # Errors
/// When the file cannot be used.
pub fn train_emotions(
    path: &Path,
    calls: &Pipeline,
    lexicon: &Pipeline,
    options: &Options,
) -> Result<TrainedEmotions, Error> {
    let dialogues = read(path, calls)?;
    let documents = Arc::new(Documents::load()?);
    let (held, rest): (Vec<_>, Vec<_>) = dialogues.iter().enumerate().partition(|(i, _)| i % HELD_OUT == HELD_OUT - 1);
    let (held, rest): (Vec<&Dialogue>, Vec<&Dialogue>) =
        (held.into_iter().map(|(_, d)| d).collect(), rest.into_iter().map(|(_, d)| d).collect());

    let count = |emotion: &str| rest.iter().flat_map(|d| &d.emotions).filter(|e| *e == emotion).count();
    let emotions: Vec<&str> = EMOTIONS.iter().map(|(name, _)| *name).filter(|name| count(name) >= FEWEST).collect();
    let heads: Vec<String> = emotions.iter().map(|name| emotion_head(name)).collect();
    // Each head tells its emotion from the others of the same feeling, which is all it is asked for.
    let feeling = |name: &str| EMOTIONS.iter().find(|(emotion, _)| *emotion == name).map(|(_, feeling)| *feeling);
    let labels = |dialogue: &Dialogue, turn: usize| {
        let (gold, own) = (&dialogue.emotions[turn], dialogue.sentiments[turn]);
        emotions.iter().map(|name| (feeling(name) == Some(own)).then(|| gold == name)).collect()
    };
    let rows = examples(&documents, rest.iter().copied(), labels);
    let model = TextModel::train(emotion_fields(), &heads, &rows, options.cost, options.seed);
    let shelf = Shelf::new(BTreeMap::from([(EMOTION_MODEL.to_owned(), model.clone())]))?;

    let gold: Vec<SentimentLabel> = held.iter().flat_map(|d| d.sentiments.iter().copied()).collect();
    let commonest = SENTIMENTS.into_iter().max_by_key(|s| gold.iter().filter(|g| *g == s).count());
    let majority = vec![commonest.unwrap_or(SentimentLabel::Neu); gold.len()];
    let judged = |pipeline: &Pipeline| -> Vec<SentimentLabel> {
        let calls = held.par_iter().map(|d| pipeline.analyze(&d.record).analysis.turns);
        calls.flat_map_iter(|turns| turns.into_iter().map(|turn| turn.sentiment.label)).collect()
    };
    let reader = EmotionReader::new(Some((Arc::new(model), documents.clone())));
    let named = |gold: &str| feeling(gold).is_some() && !gold.ends_with("-other");
    let mut chosen: Vec<(&str, Option<&str>)> = Vec::new();
    for dialogue in &held {
        for (turn, gold) in dialogue.emotions.iter().enumerate() {
            chosen.push((gold, reader.read(&dialogue.turns, turn, dialogue.sentiments[turn])));
        }
    }
    let shown = chosen.iter().filter(|(_, found)| found.is_some()).count();
    let right = chosen.iter().filter(|(gold, found)| *found == Some(*gold)).count();
    let with_name = chosen.iter().filter(|(gold, _)| named(gold)).count();
    let commonest = emotions
        .iter()
        .filter(|name| named(name))
        .map(|name| chosen.iter().filter(|(g, _)| g == name).count());
    let ratio = |a: usize, b: usize| a as f64 / b.max(1) as f64;
    let figures = vec![
        ("turns held out".to_owned(), gold.len() as f64),
        ("sentiment macro F1, commonest label".to_owned(), macro_f1(&gold, &majority)),
        ("sentiment macro F1, lexicon".to_owned(), macro_f1(&gold, &judged(lexicon))),
        ("sentiment macro F1, models of calls".to_owned(), macro_f1(&gold, &judged(calls))),
        (
            "sentiment macro F1, heads of these dialogues".to_owned(),
            macro_f1(&gold, &own(&documents, &rest, &held, options)),
        ),
        ("emotions shown".to_owned(), shown as f64),
        ("precision of an emotion, given the feeling".to_owned(), ratio(right, shown)),
        ("recall of an emotion, given the feeling".to_owned(), ratio(right, with_name)),
        ("share of the commonest emotion".to_owned(), ratio(commonest.max().unwrap_or(0), with_name)),
    ];
    Ok(TrainedEmotions { shelf, figures })
}

/// Sentiment of the held-out turns by heads of the other dialogues, with thresholds chosen on parts
/// of those.
fn own(documents: &Documents, rest: &[&Dialogue], held: &[&Dialogue], options: &Options) -> Vec<SentimentLabel> {
    let heads = ["pos", "neg"].map(str::to_owned);
    let labels = |dialogue: &Dialogue, turn: usize| {
        let own = dialogue.sentiments[turn];
        vec![Some(own == SentimentLabel::Pos), Some(own == SentimentLabel::Neg)]
    };
    let fit = |rows: &[Example]| TextModel::train(emotion_fields(), &heads, rows, options.cost, options.seed);
    let chance = |margin: f32| 1.0 / (1.0 + (-2.0 * margin).exp());
    let mut chances = [Vec::new(), Vec::new()];
    let mut gold = [Vec::new(), Vec::new()];
    for part in 0..PARTS {
        let of = |wanted: bool| {
            let chosen = rest.iter().copied().enumerate().filter(move |(i, _)| (i % PARTS == part) == wanted);
            examples(documents, chosen.map(|(_, d)| d), labels)
        };
        let model = fit(&of(false));
        for example in of(true) {
            let margins = model.margins(&example.document);
            for column in 0..2 {
                chances[column].push(chance(margins[column]));
                gold[column].push(example.labels[column] == Some(true));
            }
        }
    }
    let (positive, negative) = pair((&chances[0], &gold[0]), (&chances[1], &gold[1]));
    let model = fit(&examples(documents, rest.iter().copied(), labels));
    let label = |dialogue: &Dialogue, turn: usize| {
        let Some(document) = documents.emotion(&dialogue.turns, turn) else {
            return SentimentLabel::Neu;
        };
        let margins = model.margins(&document);
        let (p, n) = (chance(margins[0]) / positive, chance(margins[1]) / negative);
        if p.max(n) < 1.0 {
            SentimentLabel::Neu
        } else if p > n {
            SentimentLabel::Pos
        } else {
            SentimentLabel::Neg
        }
    };
    held.iter()
        .flat_map(|d| (0..d.turns.len()).map(|turn| label(d, turn)).collect::<Vec<_>>())
        .collect()
}

fn macro_f1(gold: &[SentimentLabel], found: &[SentimentLabel]) -> f64 {
    let f1 = |label: SentimentLabel| {
        let pairs = || gold.iter().zip(found);
        let right = pairs().filter(|(g, f)| **g == label && **f == label).count();
        let all = pairs().filter(|(g, _)| **g == label).count() + pairs().filter(|(_, f)| **f == label).count();
        2.0 * right as f64 / all.max(1) as f64
    };
    SENTIMENTS.map(f1).iter().sum::<f64>() / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macro_f1_counts_every_label_alike() {
        use SentimentLabel::{Neg, Neu, Pos};
        assert!((macro_f1(&[Pos, Neu, Neg, Neg], &[Pos, Neu, Neg, Neg]) - 1.0).abs() < 1e-9);
        assert!((macro_f1(&[Pos, Neu, Neg, Neg], &[Neg; 4]) - (2.0 * 2.0 / 6.0) / 3.0).abs() < 1e-9);
    }
}
