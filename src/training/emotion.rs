//! The heads for emotions, trained on turns of calls and on dialogues in the columns of CPED (Chen et al. 2022,
//! "CPED: A Large-Scale Chinese Personalized and Emotional Dialogue Dataset"): `Dialogue_ID`,
//! `Sentiment`, `Emotion`, `Utterance`. Owns the reading, the fifth of the dialogues that is never
//! trained on, and the figures on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use qingting_models::Shelf;
use qingting_models::text::{Example, TextModel, Training};
use qingting_pipeline::Pipeline;
use qingting_pipeline::learned::{Documents, EMOTION_MODEL, emotion_fields};
use qingting_pipeline::record::{CallRecord, NormalizedTurn, Role, SentimentLabel, Turn};
use qingting_pipeline::signal::{EMOTIONS, EmotionReader, emotion_head, is_named};
use rayon::prelude::*;
use serde::Deserialize;

use super::figures::class_f1;
use super::thresholds::pair;
use super::{Data, Error, Options};

/// One of so many dialogues is never trained on.
const HELD_OUT: usize = 5;
/// Parts of the others on which the thresholds of the sentiment that is compared are chosen.
const PARTS: usize = 4;
/// Fewest turns with an emotion for a head of its own.
const FEWEST: usize = 30;
/// Most grams of the model.
const GRAMS: usize = 20_000;
/// What a turn of the dialogues weighs beside a turn of a call: actors on television are no callers.
const OTHER_WEIGHT: f32 = 0.2;
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
    emotions: Vec<Option<String>>,
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
            dialogue.emotions.push(Some(row.emotion));
        }
    }
    if dialogues.len() < HELD_OUT * PARTS {
        return Err(broken(&format!("{} dialogues are too few", dialogues.len())));
    }
    Ok(dialogues)
}

/// One example for each turn that `labels` knows something of.
fn examples<'a>(
    documents: &Documents,
    dialogues: impl Iterator<Item = &'a Dialogue>,
    weight: f32,
    labels: impl Fn(&Dialogue, usize) -> Option<Vec<Option<bool>>>,
) -> Vec<Example> {
    dialogues
        .flat_map(|dialogue| {
            (0..dialogue.turns.len()).filter_map(|turn| {
                let labels = labels(dialogue, turn)?;
                Some(Example { document: documents.emotion(&dialogue.turns, turn)?, labels, weight })
            })
        })
        .collect()
}

/// The labelled turns of calls: `emotions.tsv` beside the calls, with call, turn and emotion in each line.
fn of_calls(folder: &Path, data: &Data, pipeline: &Pipeline) -> Result<Vec<Dialogue>, Error> {
    let path = folder.join("emotions.tsv");
    let broken = |why: &dyn std::fmt::Display| Error::Data(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|e| broken(&e))?;
    let mut labels: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        let mut fields = line.split('\t');
        let (Some(call), Some(Ok(turn)), Some(emotion)) = (fields.next(), fields.next().map(str::parse), fields.next())
        else {
            return Err(broken(&format!("line {number}: not call, turn and emotion")));
        };
        labels.entry(call).or_default().push((turn, emotion));
    }
    let mut dialogues = Vec::new();
    for sample in data.samples.iter().filter(|sample| sample.whole) {
        let Some(labels) = labels.get(sample.record.call_id.as_str()) else {
            continue;
        };
        let turns = pipeline.normalizer().call(&sample.record);
        let mut sentiments = vec![SentimentLabel::Neu; turns.len()];
        for turn in &sample.labels.turns {
            if let (Some(slot), Some(gold)) = (sentiments.get_mut(turn.turn as usize), turn.sentiment) {
                *slot = gold;
            }
        }
        let mut emotions = vec![None; turns.len()];
        for (turn, emotion) in labels {
            *emotions
                .get_mut(*turn)
                .ok_or_else(|| broken(&format!("{} has no turn {turn}", sample.record.call_id)))? =
                Some((*emotion).to_owned());
        }
        dialogues.push(Dialogue { record: sample.record.clone(), turns, sentiments, emotions });
    }
    Ok(dialogues)
}

/// Examples and heads of the model over some dialogues.
struct Fit<'a> {
    documents: &'a Arc<Documents>,
    emotions: &'a [&'static str],
    options: &'a Options,
}

impl Fit<'_> {
    fn rows<'d>(&self, dialogues: impl Iterator<Item = &'d Dialogue>, weight: f32) -> Vec<Example> {
        // Each head tells its emotion from the others of the same feeling, which is all it is asked for.
        examples(self.documents, dialogues, weight, |dialogue, turn| {
            let gold = dialogue.emotions[turn].as_deref()?;
            let own = dialogue.sentiments[turn];
            Some(self.emotions.iter().map(|name| (feeling(name) == Some(own)).then(|| gold == *name)).collect())
        })
    }

    fn train(&self, rows: &[Example]) -> TextModel {
        let heads: Vec<String> = self.emotions.iter().map(|name| emotion_head(name)).collect();
        TextModel::train(emotion_fields(), &heads, rows, &how(self.documents, self.options))
    }
}

fn how<'d>(documents: &'d Documents, options: &Options) -> Training<'d> {
    Training {
        cost: options.cost,
        seed: options.seed,
        keep: GRAMS,
        meaning: Some(documents.vectors()),
    }
}

fn feeling(name: &str) -> Option<SentimentLabel> {
    EMOTIONS.iter().find(|(emotion, _)| *emotion == name).map(|(_, feeling)| *feeling)
}

/// Labelled and chosen emotions of turns with a feeling.
#[derive(Default)]
struct Chosen(Vec<(String, Option<&'static str>)>);

impl Chosen {
    fn read(&mut self, model: &TextModel, documents: &Documents, dialogue: &Dialogue) {
        let reader = EmotionReader::new(model.heads());
        for (turn, gold) in dialogue.emotions.iter().enumerate() {
            if let Some(gold) = gold.as_ref().filter(|gold| feeling(gold).is_some()) {
                let document = documents.emotion(&dialogue.turns, turn);
                let margins = document.map_or_else(Vec::new, |d| model.margins(&d, documents.vectors()));
                let found = reader.choose(&margins, dialogue.sentiments[turn]);
                self.0.push((gold.clone(), found));
            }
        }
    }

    fn figures(&self, on: &str, figures: &mut Vec<(String, f64)>) {
        let named: Vec<&String> = self.0.iter().map(|(gold, _)| gold).filter(|gold| is_named(gold)).collect();
        let shown = self.0.iter().filter(|(_, found)| found.is_some()).count();
        let right = self.0.iter().filter(|(gold, found)| *found == Some(gold.as_str())).count();
        let most = EMOTIONS.iter().map(|(name, _)| named.iter().filter(|gold| gold.as_str() == *name).count()).max();
        let ratio = |a: usize, b: usize| a as f64 / b.max(1) as f64;
        figures.push((format!("{on}: turns with a named emotion"), named.len() as f64));
        figures.push((format!("{on}: precision, given the feeling"), ratio(right, shown)));
        figures.push((format!("{on}: recall, given the feeling"), ratio(right, named.len())));
        figures.push((format!("{on}: share of the commonest"), ratio(most.unwrap_or(0), named.len())));
    }
}

/// Trains on the calls of a folder and on four fifths of the dialogues of a file, where there is one.
/// Measures on calls of sets that were held out and on the other dialogues: emotions, given the feeling,
/// and on the dialogues beside them the feeling itself as the pipeline judges it (`calls`, trained on
/// calls), as its lexicon alone does (`lexicon`) and as heads of such dialogues do.
///
/// # Errors
/// When the data cannot be used.
pub fn train_emotions(
    (folder, data): (&Path, &Data),
    file: Option<&Path>,
    (calls, lexicon): (&Pipeline, &Pipeline),
    options: &Options,
) -> Result<TrainedEmotions, Error> {
    let labelled = of_calls(folder, data, calls)?;
    let dialogues = file.map_or_else(|| Ok(Vec::new()), |file| read(file, calls))?;
    let documents = Arc::new(Documents::load()?);
    let (held, rest): (Vec<_>, Vec<_>) = dialogues.iter().enumerate().partition(|(i, _)| i % HELD_OUT == HELD_OUT - 1);
    let (held, rest): (Vec<&Dialogue>, Vec<&Dialogue>) =
        (held.into_iter().map(|(_, d)| d).collect(), rest.into_iter().map(|(_, d)| d).collect());
    let count = |name: &str| {
        labelled
            .iter()
            .chain(rest.iter().copied())
            .flat_map(|d| d.emotions.iter().flatten())
            .filter(|e| *e == name)
            .count()
    };
    let emotions: Vec<&'static str> =
        EMOTIONS.iter().map(|(name, _)| *name).filter(|name| count(name) >= FEWEST).collect();
    let fit = Fit { documents: &documents, emotions: &emotions, options };
    let other = fit.rows(rest.iter().copied(), OTHER_WEIGHT);

    let folds: BTreeMap<&str, usize> =
        data.samples.iter().map(|s| s.record.call_id.as_str()).zip(data.folds(options.folds)?).collect();
    let fold = |dialogue: &Dialogue| folds.get(dialogue.record.call_id.as_str()).copied();
    let mut figures = Vec::new();
    let mut chosen = Chosen::default();
    for part in 0..options.folds {
        let mut rows = fit.rows(labelled.iter().filter(|d| fold(d) != Some(part)), 1.0);
        rows.extend(other.iter().cloned());
        let model = fit.train(&rows);
        labelled.iter().filter(|d| fold(d) == Some(part)).for_each(|d| chosen.read(&model, &documents, d));
    }
    chosen.figures("calls", &mut figures);

    let mut rows = fit.rows(labelled.iter(), 1.0);
    rows.extend(other);
    let model = fit.train(&rows);
    if !held.is_empty() {
        let mut chosen = Chosen::default();
        held.iter().for_each(|d| chosen.read(&model, &documents, d));
        chosen.figures("dialogues", &mut figures);
        figures.extend(sentiment(&documents, (&rest, &held), (calls, lexicon), options));
    }
    Ok(TrainedEmotions { shelf: Shelf::new(BTreeMap::from([(EMOTION_MODEL.to_owned(), model)]))?, figures })
}

/// How well the feeling of held-out dialogues is told.
fn sentiment(
    documents: &Documents,
    (rest, held): (&[&Dialogue], &[&Dialogue]),
    (calls, lexicon): (&Pipeline, &Pipeline),
    options: &Options,
) -> Vec<(String, f64)> {
    let gold: Vec<SentimentLabel> = held.iter().flat_map(|d| d.sentiments.iter().copied()).collect();
    let commonest = SENTIMENTS.into_iter().max_by_key(|s| gold.iter().filter(|g| *g == s).count());
    let majority = vec![commonest.unwrap_or(SentimentLabel::Neu); gold.len()];
    let judged = |pipeline: &Pipeline| -> Vec<SentimentLabel> {
        let calls = held.par_iter().map(|d| pipeline.analyze(&d.record).analysis.turns);
        calls.flat_map_iter(|turns| turns.into_iter().map(|turn| turn.sentiment.label)).collect()
    };
    [
        ("commonest label", majority),
        ("lexicon", judged(lexicon)),
        ("models of calls", judged(calls)),
        ("heads of such dialogues", own(documents, rest, held, options)),
    ]
    .map(|(by, found)| (format!("dialogues: sentiment macro F1, {by}"), macro_f1(&gold, &found)))
    .into()
}

/// Sentiment of the held-out turns by heads of the other dialogues, with thresholds chosen on parts
/// of those.
fn own(documents: &Documents, rest: &[&Dialogue], held: &[&Dialogue], options: &Options) -> Vec<SentimentLabel> {
    let heads = ["pos", "neg"].map(str::to_owned);
    let labels = |dialogue: &Dialogue, turn: usize| {
        let own = dialogue.sentiments[turn];
        Some(vec![Some(own == SentimentLabel::Pos), Some(own == SentimentLabel::Neg)])
    };
    let fit = |rows: &[Example]| TextModel::train(emotion_fields(), &heads, rows, &how(documents, options));
    let chance = |margin: f32| 1.0 / (1.0 + (-2.0 * margin).exp());
    let mut chances = [Vec::new(), Vec::new()];
    let mut gold = [Vec::new(), Vec::new()];
    for part in 0..PARTS {
        let of = |wanted: bool| {
            let chosen = rest.iter().copied().enumerate().filter(move |(i, _)| (i % PARTS == part) == wanted);
            examples(documents, chosen.map(|(_, d)| d), 1.0, labels)
        };
        let model = fit(&of(false));
        for example in of(true) {
            let margins = model.margins(&example.document, documents.vectors());
            for column in 0..2 {
                chances[column].push(chance(margins[column]));
                gold[column].push(example.labels[column] == Some(true));
            }
        }
    }
    let (positive, negative) = pair((&chances[0], &gold[0]), (&chances[1], &gold[1]));
    let model = fit(&examples(documents, rest.iter().copied(), 1.0, labels));
    let label = |dialogue: &Dialogue, turn: usize| {
        let Some(document) = documents.emotion(&dialogue.turns, turn) else {
            return SentimentLabel::Neu;
        };
        let margins = model.margins(&document, documents.vectors());
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
    let pairs: Vec<_> = gold.iter().copied().zip(found.iter().copied()).collect();
    SENTIMENTS.map(|label| class_f1(&pairs, &label)).iter().sum::<f64>() / 3.0
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
