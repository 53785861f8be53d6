//! Erasing calls for good: those of a caller, a single one, or all before a date. Owns the order in which the parts of
//! a data folder forget them.
//!
//! First a note of what is to be erased (`erasing.json`, without the caller's id), then whatever is derived from the
//! calls forgets them (call index, examples among the articles, topics, digests, questions, quarantine), then the ledger, last the Parquet files,
//! which are written anew without their rows. Whatever moment a crash comes at, the calls are still told from the
//! files until everything else has forgotten them: whoever opens the folder for writing next finds the note and
//! starts over, and what was done already is done again without effect. The line in the audit trail and the
//! removal of the note end it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use aho_corasick::AhoCorasick;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use qingting_pipeline::record::Caller;
use qingting_pipeline::topic::Topics;
use serde::{Deserialize, Serialize};

use super::DataDir;
use super::hook::Step;
use super::writer::Writer;
use crate::caller::CallerKey;
use crate::knowledge::{self, CASE_PREFIX};
use crate::ledger::{self, Ledger};
use crate::store::Pair;
use crate::store::wal::Wal;
use crate::{Error, Result, files, stamp};

const NOTE: &str = "erasing.json";
/// The action in the audit trail.
pub(super) const ACTION: &str = "erase";
/// Rows read at a time.
const BATCH: usize = 256;
/// Fewest characters of a question that can tell which call it was copied from.
const TELLING: usize = 8;

/// Which calls are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erase<'a> {
    /// All calls of a caller, by id, telephone number or pseudonym.
    Caller(&'a str),
    /// One call, by its id.
    Call(&'a str),
    /// All calls before a date.
    Before(NaiveDate),
}

/// What an erasure did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased {
    /// Number of calls.
    pub calls: u64,
    /// First date with one of them.
    pub first_date: Option<NaiveDate>,
    /// Last date with one of them.
    pub last_date: Option<NaiveDate>,
}

/// Which calls, without naming a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Target {
    Caller(Vec<String>),
    Call(String),
    Before(NaiveDate),
}

/// The note of an erasure that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// Tells its line in the audit trail from that of another erasure.
    number: u64,
    target: Target,
    who: String,
    subject: String,
    calls: u64,
}

/// Rows, with the ids of their calls, by pair of files.
type Found = BTreeMap<Pair, Vec<(u32, String)>>;

impl Target {
    fn of(erase: Erase<'_>, key: &CallerKey) -> Self {
        match erase {
            Erase::Caller(caller) => Self::Caller(key.candidates(caller)),
            Erase::Call(call_id) => Self::Call(call_id.to_owned()),
            Erase::Before(date) => Self::Before(date),
        }
    }

    /// What the audit trail names it by.
    fn subject(&self, key: &CallerKey) -> String {
        match self {
            // An id and a number are not told apart by looking at them: it is one of these.
            Self::Caller(pseudonyms) => format!("caller {}", pseudonyms.join(" or ")),
            Self::Call(call_id) => format!("call {}", key.call(call_id)),
            Self::Before(date) => format!("calls before {date}"),
        }
    }
}

fn is_one_of(caller: Option<&Caller>, pseudonyms: &[String]) -> bool {
    caller.is_some_and(|caller| [&caller.id, &caller.number].into_iter().flatten().any(|p| pseudonyms.contains(p)))
}

impl Erased {
    fn of<'a>(dates: impl IntoIterator<Item = (&'a str, NaiveDate)>) -> Self {
        let calls: BTreeMap<&str, NaiveDate> = dates.into_iter().collect();
        Self {
            calls: calls.len() as u64,
            first_date: calls.values().min().copied(),
            last_date: calls.values().max().copied(),
        }
    }
}

impl DataDir {
    /// What [`DataDir::erase`] would erase. Needs no writer.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn erasable(&self, erase: Erase<'_>) -> Result<Erased> {
        let target = Target::of(erase, &CallerKey::read(&self.path)?);
        self.again(|| {
            let live = self.live.rows()?;
            let found = self.find(&self.ledger(), &target)?;
            let stored = found.iter().flat_map(|(pair, rows)| rows.iter().map(|(_, id)| (id.as_str(), pair.date)));
            let live = live.values().filter_map(|row| {
                let date = row.date()?;
                let is_meant = match &target {
                    Target::Caller(pseudonyms) => is_one_of(row.record.caller.as_ref(), pseudonyms),
                    Target::Call(call_id) => row.call_id() == call_id,
                    Target::Before(before) => date < *before,
                };
                is_meant.then(|| (row.call_id(), date))
            });
            Ok(Erased::of(stored.chain(live)))
        })
    }

    /// Erases calls for good, wherever in the folder they are, and writes a line into the audit trail that says by
    /// whom, how many, and under which pseudonym. Interrupted, it is finished by whoever opens the folder for
    /// writing next. What the calls were imported from, reports and backups are not in the folder.
    ///
    /// # Errors
    /// [`Error::Stale`] when the call index has to be built anew first, and then nothing was erased; when one of the
    /// stores cannot be written.
    pub fn erase(&self, erase: Erase<'_>, who: &str) -> Result<Erased> {
        self.write(|wal, writer| {
            if let Some(why) = &writer.stale {
                return Err(Error::Stale { why: why.clone(), fix: stamp::FIX.to_owned() });
            }
            if writer.session.is_some() {
                return Err(Error::Refused {
                    what: "erasure".to_owned(),
                    message: "an import is running in this process".to_owned(),
                });
            }
            writer.move_live(self, wal)?;
            let target = Target::of(erase, &writer.key);
            let found = self.find(&writer.ledger, &target)?;
            let erased =
                Erased::of(found.iter().flat_map(|(pair, rows)| rows.iter().map(|(_, id)| (id.as_str(), pair.date))));
            let note = Note {
                number: writer.allocate(),
                subject: target.subject(&writer.key),
                target,
                who: who.to_owned(),
                calls: erased.calls,
            };
            let bytes = serde_json::to_vec(&note).map_err(|e| Error::json(NOTE, e))?;
            files::write_atomically(&self.path.join(NOTE), &bytes)?;
            self.hook.at(Step::ErasureNoted)?;
            writer.finish_erasure(self, wal)?;
            Ok(erased)
        })
    }

    /// Whether an erasure was begun and not finished.
    pub(super) fn is_erasing(&self) -> bool {
        self.path.join(NOTE).exists()
    }

    /// The rows that count of the calls meant.
    fn find(&self, ledger: &Ledger, target: &Target) -> Result<Found> {
        let mut found = Found::new();
        if let Target::Call(call_id) = target {
            if let Some(at) = ledger.locate(call_id)? {
                found.entry(at.pair).or_default().push((at.row, call_id.clone()));
            }
            return Ok(found);
        }
        for file in ledger.files()? {
            let rows = match target {
                Target::Before(before) if file.pair.date >= *before => continue,
                _ => ledger.live_rows(&file.pair, 0)?,
            };
            let callers = self.partitions.callers(&file.pair)?;
            let mut meant = Vec::new();
            for row in rows {
                let Some((call_id, caller)) = callers.get(row as usize) else {
                    continue;
                };
                let is_meant = match target {
                    Target::Caller(pseudonyms) => is_one_of(caller.as_ref(), pseudonyms),
                    _ => true,
                };
                if is_meant {
                    meant.push((row, call_id.clone()));
                }
            }
            if !meant.is_empty() {
                found.insert(file.pair, meant);
            }
        }
        Ok(found)
    }

    /// Which of some texts occur in a turn of the calls.
    fn said(&self, found: &Found, texts: &[String]) -> Result<BTreeSet<usize>> {
        let mut said = BTreeSet::new();
        if texts.is_empty() {
            return Ok(said);
        }
        let automaton = AhoCorasick::new(texts)
            .map_err(|e| Error::Refused { what: "texts to look for".to_owned(), message: e.to_string() })?;
        for (pair, rows) in found {
            let rows: Vec<u32> = rows.iter().map(|(row, _)| *row).collect();
            for row in self.partitions.open(pair, Some(&rows), BATCH)? {
                let row = row?;
                let turns = row.record.turns.iter().map(|turn| turn.text.as_str());
                for text in turns.chain(row.analysis.turns.iter().map(|turn| turn.text.as_str())) {
                    said.extend(automaton.find_overlapping_iter(text).map(|hit| hit.pattern().as_usize()));
                }
            }
        }
        Ok(said)
    }

    /// Topics lose the calls and what they quote of them; their digests go.
    fn erase_assignments(&self, found: &Found, ids: &BTreeSet<&str>) -> Result<()> {
        let folder = self.path.join("assignments");
        // An interrupted step may have left a copy that nothing would replace.
        files::sweep(&folder)?;
        let topics_path = folder.join("topics.json");
        let topics: Option<Topics> = match std::fs::read(&topics_path) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|e| Error::corrupt(&topics_path, e.to_string()))?),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(Error::io(topics_path, e)),
        };
        let mut outside = 0;
        if let Some(rows) = self.read_digests()? {
            let assigned = topics.as_ref().map(Topics::by_call).unwrap_or_default();
            let mut writer = self.rewrite_digests()?;
            for row in rows {
                let row = row?;
                if !ids.contains(row.call_id.as_str()) {
                    writer.write(&[row])?;
                } else if !assigned.contains_key(row.call_id.as_str()) {
                    outside += 1;
                }
            }
            writer.publish()?;
        }
        let Some(mut topics) = topics else { return Ok(()) };
        let quotes: Vec<String> = topics.topics.iter().flat_map(|topic| topic.quotes.iter().cloned()).collect();
        let said = self.said(found, &quotes)?;
        let said: BTreeSet<&String> = said.into_iter().filter_map(|at| quotes.get(at)).collect();
        for topic in &mut topics.topics {
            topic.quotes.retain(|quote| !said.contains(quote));
        }
        topics.unassigned = topics.unassigned.saturating_sub(outside);
        topics.retain_calls(|id| !ids.contains(id));
        let bytes = serde_json::to_vec(&topics).map_err(|e| Error::json("topics", e))?;
        files::write_atomically(&topics_path, &bytes)
    }

    /// The list of bad records forgets those with the ids of the calls, and those that were listed before a moment.
    fn erase_quarantine(&self, ids: &BTreeSet<&str>, before: Option<DateTime<Utc>>) -> Result<()> {
        #[derive(Deserialize)]
        struct Line {
            call_id: Option<String>,
            at: Option<DateTime<Utc>>,
        }
        let path = self.path.join("quarantine.jsonl");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(Error::io(path, e)),
        };
        let stays = |line: &&str| {
            let Ok(Line { call_id, at }) = serde_json::from_str(line) else {
                return true;
            };
            let old = at.zip(before).is_some_and(|(at, before)| at < before);
            !old && call_id.is_none_or(|id| !ids.contains(id.as_str()))
        };
        let mut kept = text.lines().filter(stays).collect::<Vec<_>>().join("\n");
        if !kept.is_empty() {
            kept.push('\n');
        }
        if kept == text {
            Ok(())
        } else {
            files::write_atomically(&path, kept.as_bytes())
        }
    }
}

impl Writer {
    /// Does what the note says, if there is one, from the beginning.
    pub(super) fn finish_erasure(&mut self, data: &DataDir, wal: &Wal) -> Result<()> {
        let path = data.path.join(NOTE);
        let note: Note = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| Error::corrupt(&path, e.to_string()))?,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(Error::io(path, e)),
        };
        if self.stale.is_some() {
            tracing::warn!("calls are still to be erased; that waits for `qingting reindex`");
            return Ok(());
        }
        self.last = self.last.max(note.number);
        self.move_live(data, wal)?;
        // Earlier versions of a call say things that no longer count: their rows go first.
        self.merge_partitions(data)?;
        let found = data.find(&self.ledger, &note.target)?;
        let ids: BTreeSet<&str> = found.values().flatten().map(|(_, id)| id.as_str()).collect();
        if let Some(index) = &mut self.index {
            ids.iter().try_for_each(|id| index.delete(id))?;
            index.commit(self.indexed)?;
            index.purge()?;
        }
        data.hook.at(Step::ErasedFromIndex)?;
        let mut articles = Vec::new();
        for id in &ids {
            articles.extend(self.ledger.examples_of(id)?.into_iter().map(|number| format!("{CASE_PREFIX}{number}")));
        }
        knowledge::erase(&data.knowledge_index_dir(), &articles)?;
        data.erase_assignments(&found, &ids)?;
        let before = match note.target {
            Target::Before(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
            Target::Caller(_) | Target::Call(_) => None,
        };
        data.erase_quarantine(&ids, before)?;
        match note.target {
            Target::Before(date) => {
                self.ledger.forget_questions_before(date.and_time(NaiveTime::MIN).and_utc())?;
            }
            Target::Caller(_) | Target::Call(_) => {
                let mut typed = self.ledger.typed()?;
                typed.retain(|text| text.chars().count() >= TELLING);
                let said = data.said(&found, &typed)?;
                let said: Vec<String> = said.into_iter().filter_map(|at| typed.get(at).cloned()).collect();
                self.ledger.forget_typed(&said)?;
            }
        }
        data.hook.at(Step::ErasedFromDerived)?;
        let last = self.last;
        self.ledger.write(|transaction| {
            ledger::remove_reviews(transaction, ids.iter().copied())?;
            ledger::remove_calls(transaction, found.values().flatten().map(|(_, id)| id))?;
            ledger::set_last_number(transaction, last)
        })?;
        data.hook.at(Step::ErasedFromLedger)?;
        self.merge_partitions(data)?;
        data.hook.at(Step::ErasedFromFiles)?;
        let detail = format!("erasure {}: {} calls", note.number, note.calls);
        if !self.ledger.is_audited(ACTION, &note.subject, &detail)? {
            self.ledger.audit(&note.who, ACTION, &note.subject, &detail)?;
        }
        self.ledger.vacuum()?;
        data.hook.at(Step::ErasureAudited)?;
        files::remove(&path)?;
        files::sync_dir(&data.path)
    }
}
