//! The heads for categories, trained on labelled messages. Owns the forms of the files, the parts
//! that are held out, and the figures; the tree and the way down it are the fact stage's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qingting_models::text::{Example, TextModel, Training};
use qingting_pipeline::Pipeline;
use qingting_pipeline::fact::{CategoryReader, Taxonomy};
use qingting_pipeline::learned::{Documents, category_fields};
use qingting_pipeline::segment::ContentWords;
use rayon::prelude::*;
use serde::Deserialize;

use super::figures::class_f1;
use super::{Error, Options};

/// Parts of the messages that take turns to be held out.
const PARTS: usize = 5;
/// Cost of a mistake on a message of the category, and on another.
const COST: (f32, f32) = (4.0, 1.0);
/// Most grams of a model.
const GRAMS: usize = 40_000;
/// Sharpness of the probabilities that is tried.
const SHARPNESS: [f32; 8] = [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0];

/// A message as a file may hold it, under one of several usual names.
#[derive(Debug, Clone, Deserialize)]
struct Row {
    #[serde(alias = "label", alias = "path")]
    category: String,
    #[serde(default)]
    title: String,
    #[serde(alias = "tokens", alias = "content", alias = "body")]
    text: String,
}

/// A labelled message.
#[derive(Debug, Clone)]
struct Message {
    path: Vec<String>,
    /// Its words with content.
    words: String,
}

/// What was trained, and how well it does.
#[derive(Debug)]
pub struct TrainedCategories {
    /// The model.
    pub model: TextModel,
    /// Figures, in the order in which they are shown.
    pub figures: Vec<(String, f64)>,
}

/// What turns messages into examples.
#[derive(Clone, Copy)]
pub struct CategoryTrainer<'a> {
    /// The tree.
    pub tree: &'a Taxonomy,
    /// Normalizes and masks.
    pub pipeline: &'a Pipeline,
    /// Cuts into words.
    pub content: &'a ContentWords,
    /// Adds what the words mean.
    pub documents: &'a Arc<Documents>,
}

fn broken(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::Data(format!("{}: {why}", path.display()))
}

/// The rows of JSON Lines, CSV or TSV with a heading.
fn rows(path: &Path) -> Result<Vec<Row>, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| broken(path, &e))?;
    let text = text.trim_start_matches('\u{feff}');
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("jsonl" | "ndjson") => text
            .lines()
            .zip(1..)
            .filter(|(line, _)| !line.trim().is_empty())
            .map(|(line, number)| serde_json::from_str(line).map_err(|e| broken(path, &format!("line {number}: {e}"))))
            .collect(),
        Some("csv") => csv::Reader::from_reader(text.as_bytes())
            .deserialize()
            .map(|row| row.map_err(|e| broken(path, &e)))
            .collect(),
        Some("tsv") => csv::ReaderBuilder::new()
            .delimiter(b'\t')
            .quoting(false)
            .from_reader(text.as_bytes())
            .deserialize()
            .map(|row| row.map_err(|e| broken(path, &e)))
            .collect(),
        _ => Err(broken(path, &"neither .jsonl, .csv nor .tsv")),
    }
}

/// A file, or all of a folder whose names begin with that of the tree.
fn files(path: &Path, tree: &str) -> Result<Vec<PathBuf>, Error> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| broken(path, &e))?;
    let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    found.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(tree)));
    found.sort();
    if found.is_empty() {
        return Err(broken(path, &format!("no file of messages whose name begins with {tree}")));
    }
    Ok(found)
}

impl CategoryTrainer<'_> {
    fn read(&self, path: &Path, tree: &str) -> Result<Vec<Message>, Error> {
        let mut messages = Vec::new();
        for file in files(path, tree)? {
            let rows = rows(&file)?;
            let read: Vec<Result<Message, Error>> = rows
                .into_par_iter()
                .map(|row| {
                    let path: Vec<String> = row.category.split('/').map(|name| name.trim().to_owned()).collect();
                    let names: Vec<&str> = path.iter().map(String::as_str).collect();
                    if self.tree.heads_of(&names).is_none() {
                        let why = format!("`{}` is not a category of the tree `{}`", row.category, self.tree.title);
                        return Err(broken(&file, &why));
                    }
                    let text = self.pipeline.normalizer().text(&format!("{}\n{}", row.title, row.text)).text;
                    Ok(Message { path, words: self.content.joined(&text) })
                })
                .collect();
            messages.extend(read.into_iter().collect::<Result<Vec<_>, _>>()?);
        }
        Ok(messages)
    }

    fn fit<'m>(&self, heads: &[String], messages: impl Iterator<Item = &'m Message>, seed: u64) -> TextModel {
        let label = |message: &Message, head: &String| -> Option<bool> {
            let names: Vec<&str> = message.path.iter().map(String::as_str).collect();
            let own = self.tree.heads_of(&names)?;
            if own.contains(head) {
                return Some(true);
            }
            // A narrow category is told from its neighbours, once the broad one is chosen.
            match head.split_once('/') {
                Some((top, _)) if !self.tree.axes => (names.first() == Some(&top) && names.len() > 1).then_some(false),
                _ => Some(false),
            }
        };
        let examples: Vec<Example> = messages
            .map(|message| Example {
                document: self.documents.category(&message.words),
                labels: heads.iter().map(|head| label(message, head)).collect(),
                weight: 1.0,
            })
            .collect();
        let how = Training { cost: COST, seed, keep: GRAMS, meaning: None };
        TextModel::train(category_fields(), heads, &examples, &how)
    }

    fn reader(&self, model: &TextModel) -> CategoryReader {
        let documents = Some(Arc::clone(self.documents));
        CategoryReader::new(self.tree, Some(Arc::new(model.clone())), documents, self.content.clone(), 0.0)
    }

    /// Trains on a file or folder; measures on parts that are held out and, where given, on a file
    /// that has no part in the training.
    ///
    /// # Errors
    /// When a file cannot be used, names a category that the tree has not, or there are too few messages.
    pub fn train(
        &self,
        data: &Path,
        name: &str,
        test: Option<&Path>,
        options: &Options,
    ) -> Result<TrainedCategories, Error> {
        let messages = self.read(data, name)?;
        if messages.len() < 10 * PARTS {
            return Err(broken(data, &format!("{} messages are too few", messages.len())));
        }
        let used: BTreeSet<String> = messages
            .iter()
            .filter_map(|message| self.tree.heads_of(&message.path.iter().map(String::as_str).collect::<Vec<_>>()))
            .flatten()
            .collect();
        let heads: Vec<String> = self.tree.heads().into_iter().filter(|head| used.contains(head)).collect();

        let mut held: Vec<(usize, TextModel)> = Vec::new();
        for part in 0..PARTS {
            let rest = messages.iter().enumerate().filter(|(i, _)| i % PARTS != part).map(|(_, message)| message);
            held.push((part, self.fit(&heads, rest, options.seed)));
        }
        let mut best = (f64::NEG_INFINITY, SHARPNESS[0], Vec::new());
        for sharpness in SHARPNESS {
            let mut found = vec![(Vec::new(), 0.0f32); messages.len()];
            for (part, model) in &held {
                let reader = self.reader(&model.clone().scaled(sharpness));
                for (i, message) in messages.iter().enumerate().filter(|(i, _)| i % PARTS == *part) {
                    let category = reader.read_words(&message.words);
                    found[i] = (category.path, category.confidence);
                }
            }
            let likelihood = messages
                .iter()
                .zip(&found)
                .map(|(message, (path, confidence))| {
                    let right = message.path.len() <= path.len() && path[..message.path.len()] == message.path[..];
                    f64::from(if right { *confidence } else { 1.0 - *confidence }).max(1e-6).ln()
                })
                .sum::<f64>();
            if likelihood > best.0 {
                best = (likelihood, sharpness, found);
            }
        }
        let model = self.fit(&heads, messages.iter(), options.seed).scaled(best.1);
        let mut figures = vec![("messages".to_owned(), messages.len() as f64)];
        let paths: Vec<Vec<String>> = best.2.into_iter().map(|(path, _)| path).collect();
        self.figures("held out", &messages, &paths, &mut figures);
        if let Some(test) = test {
            let messages = self.read(test, name)?;
            let reader = self.reader(&model);
            let paths: Vec<Vec<String>> =
                messages.par_iter().map(|message| reader.read_words(&message.words).path).collect();
            self.figures("test", &messages, &paths, &mut figures);
        }
        Ok(TrainedCategories { model, figures })
    }

    fn figures(&self, on: &str, messages: &[Message], found: &[Vec<String>], figures: &mut Vec<(String, f64)>) {
        let levels = messages.iter().map(|message| message.path.len()).max().unwrap_or(0);
        for level in 0..levels {
            let name = match self.tree.branches.get(level) {
                Some(axis) if self.tree.axes => axis.name.clone(),
                _ => format!("level {}", level + 1),
            };
            let from = if self.tree.axes { level } else { 0 };
            let pairs: Vec<(String, String)> = messages
                .iter()
                .zip(found)
                .filter(|(message, _)| message.path.len() > level)
                .map(|(message, found)| {
                    let cut = |path: &[String]| path.get(from..=level).map_or_else(String::new, |part| part.join("/"));
                    (cut(&message.path), cut(found))
                })
                .collect();
            let right = pairs.iter().filter(|(gold, found)| gold == found).count();
            figures.push((format!("{on}: {name}, accuracy"), right as f64 / pairs.len().max(1) as f64));
            let classes: BTreeSet<&String> = pairs.iter().map(|(gold, _)| gold).collect();
            let each: Vec<(String, f64)> =
                classes.iter().map(|class| ((*class).clone(), class_f1(&pairs, class))).collect();
            let mean = each.iter().map(|(_, f1)| f1).sum::<f64>() / each.len().max(1) as f64;
            figures.push((format!("{on}: {name}, macro F1"), mean));
            if each.len() <= 20 {
                figures.extend(each.into_iter().map(|(class, f1)| (format!("{on}:   {class}, F1"), f1)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> Result<Vec<Row>, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        rows(&path)
    }

    #[test]
    fn messages_are_read_from_every_usual_form() {
        for (name, text) in [
            ("a.jsonl", "{\"label\":\"交通\",\"title\":\"公交\",\"text\":\"甩站\",\"id\":3}\n\n"),
            ("a.csv", "\u{feff}title,text,label\n公交,甩站,交通\n"),
            ("a.tsv", "category\ttitle\ttext\n交通\t公交\t甩站\n"),
        ] {
            let rows = file(name, text).unwrap();
            assert_eq!(
                (rows[0].category.as_str(), rows[0].title.as_str(), rows[0].text.as_str()),
                ("交通", "公交", "甩站")
            );
        }
        assert_eq!(file("a.tsv", "tokens\tlabel\n公交 \"甩站\t交通\n").unwrap()[0].text, "公交 \"甩站");
        assert!(file("a.tsv", "text\n甩站\n").is_err());
        assert!(file("a.doc", "").unwrap_err().to_string().contains("neither"));
    }
}
