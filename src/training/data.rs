//! The training data as it lies in a folder: `calls/*.jsonl`, labelled calls, a file a set, and
//! `turns/*.tsv`, single labelled turns with what was said before them.

use std::fs;
use std::path::{Path, PathBuf};

use qingting_pipeline::import::{ImportOptions, Imported, Importer};
use qingting_pipeline::record::{Act, CallRecord, Role, SentimentLabel, Turn};
use sha2::{Digest, Sha256};

use super::Error;
use crate::labels::{Labels, TurnLabels};

/// A labelled call, or a single labelled turn as a call of one or two turns.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The file that it comes from.
    pub set: String,
    /// The call.
    pub record: CallRecord,
    /// What people say of it. A single turn has labels on its last turn alone.
    pub labels: Labels,
    /// Whether it is a whole call.
    pub whole: bool,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// In the order of files and lines.
    pub samples: Vec<Sample>,
    /// SHA-256 over the files, first 16 hex digits.
    pub fingerprint: String,
}

impl Data {
    /// Reads a folder.
    ///
    /// # Errors
    /// When a file cannot be read or a line is not of the form.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let mut data = Self::default();
        let mut digest = Sha256::new();
        for path in files(&folder.join("calls"), "jsonl")? {
            digest.update(fs::read(&path).map_err(|e| broken(&path, &e))?);
            let set = stem(&path);
            let importer = Importer::new(ImportOptions::default())?;
            for imported in importer.open(&path)? {
                let record = match imported {
                    Imported::Call { record, .. } => *record,
                    Imported::Rejected(bad) => return Err(broken(&path, &bad.reason)),
                };
                let Some(labels) = Labels::of(&record).map_err(|e| broken(&path, &e))? else {
                    continue;
                };
                data.samples.push(Sample { set: set.clone(), record, labels, whole: true });
            }
        }
        for path in files(&folder.join("turns"), "tsv")? {
            let text = fs::read_to_string(&path).map_err(|e| broken(&path, &e))?;
            digest.update(&text);
            let set = stem(&path);
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
                let sample = single(&set, number + 1, line).ok_or_else(|| {
                    broken(&path, &format!("line {}: not role, previous, text, codes, acts, sentiment", number + 1))
                })?;
                data.samples.push(sample);
            }
        }
        data.fingerprint = digest.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
        if data.calls() == 0 {
            return Err(Error::Data(format!("{} holds no calls/*.jsonl with labels", folder.display())));
        }
        Ok(data)
    }

    /// Labelled calls.
    pub fn calls(&self) -> usize {
        self.samples.iter().filter(|s| s.whole).count()
    }

    /// Labelled turns.
    pub fn turns(&self) -> usize {
        self.samples.iter().map(|s| s.labels.turns.len()).sum()
    }

    /// For each sample the part that it is held out with. Whole sets go together, the largest
    /// first to the smallest part.
    ///
    /// # Errors
    /// When there are fewer sets of calls than parts.
    pub fn folds(&self, parts: usize) -> Result<Vec<usize>, Error> {
        let mut sizes = std::collections::BTreeMap::<&str, usize>::new();
        for sample in self.samples.iter().filter(|s| s.whole) {
            *sizes.entry(&sample.set).or_default() += sample.record.turns.len();
        }
        if parts < 2 || sizes.len() < parts {
            return Err(Error::Data(format!("{} sets of calls cannot be parted into {parts} folds", sizes.len())));
        }
        let mut sets: Vec<(&str, usize)> = sizes.into_iter().collect();
        sets.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let mut totals = vec![0usize; parts];
        let mut part_of = std::collections::BTreeMap::new();
        for (set, size) in sets {
            let part = (0..parts).min_by_key(|&p| totals[p]).unwrap_or(0);
            totals[part] += size;
            part_of.insert(set, part);
        }
        // Single turns are written apart from the calls: their files are spread evenly.
        let mut singles = std::collections::BTreeMap::new();
        for sample in self.samples.iter().filter(|s| !s.whole) {
            let next = singles.len() % parts;
            singles.entry(sample.set.as_str()).or_insert(next);
        }
        let part = |s: &Sample| {
            if s.whole {
                part_of.get(s.set.as_str())
            } else {
                singles.get(s.set.as_str())
            }
        };
        Ok(self.samples.iter().map(|s| part(s).copied().unwrap_or(0)).collect())
    }
}

fn broken(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::Data(format!("{}: {reason}", path.display()))
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(broken(folder, &e)),
    };
    for entry in entries {
        let path = entry.map_err(|e| broken(folder, &e))?.path();
        if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// One line: role, what the other party said before (or -), text, codes, acts, sentiment.
fn single(set: &str, line: usize, text: &str) -> Option<Sample> {
    let fields: Vec<&str> = text.split('\t').collect();
    let [role, previous, text, codes, acts, sentiment, ..] = fields.as_slice() else {
        return None;
    };
    let (own, other) = match *role {
        "A" => (Role::Agent, Role::Caller),
        "C" => (Role::Caller, Role::Agent),
        _ => return None,
    };
    let list = |field: &str| -> Vec<String> {
        field.split(',').map(str::trim).filter(|x| !x.is_empty() && *x != "-").map(str::to_owned).collect()
    };
    let mut record = CallRecord::new(format!("{set}:{line}"));
    if *previous != "-" {
        record.turns.push(Turn::new(other, *previous));
    }
    record.turns.push(Turn::new(own, *text));
    let turn = (record.turns.len() - 1) as u32;
    let acts = list(acts).iter().map(|act| Act::parse(act)).collect::<Option<Vec<_>>>()?;
    let sentiment = match *sentiment {
        "pos" => SentimentLabel::Pos,
        "neu" => SentimentLabel::Neu,
        "neg" => SentimentLabel::Neg,
        _ => return None,
    };
    let labelled = TurnLabels { turn, codes: list(codes), sentiment: Some(sentiment), acts: Some(acts) };
    let labels = Labels {
        appeal_type: None,
        outcome: None,
        satisfaction: None,
        call: Vec::new(),
        turns: vec![labelled],
    };
    Some(Sample { set: set.to_owned(), record, labels, whole: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_turn_keeps_what_was_said_before_it() {
        let sample = single("tone_1", 3, "A\t我再想想吧\t快点说行不行\timpatience\tprobe\tneg").unwrap();
        assert_eq!(sample.record.turns.len(), 2);
        assert_eq!(
            (sample.labels.turns[0].turn, sample.labels.turns[0].codes.as_slice()),
            (1, &["impatience".to_owned()][..])
        );
        let alone = single("tone_1", 4, "C\t-\t好\t-\t-\tneu").unwrap();
        assert_eq!((alone.record.turns.len(), alone.labels.turns[0].turn), (1, 0));
        assert!(single("tone_1", 5, "A\t-\t好\t-\tdances\tneu").is_none());
        assert!(single("tone_1", 6, "好").is_none());
    }

    #[test]
    fn a_set_is_never_parted() {
        let call = |set: &str| Sample {
            set: set.to_owned(),
            whole: true,
            ..single("x", 1, "A\t-\t好\t-\t-\tneu").unwrap()
        };
        let data = Data {
            samples: ["a", "b", "a", "c", "b", "a"].map(call).to_vec(),
            fingerprint: String::new(),
        };
        let folds = data.folds(2).unwrap();
        assert_eq!(folds, [0, 1, 0, 1, 1, 0]);
        assert!(data.folds(4).is_err());
    }
}
