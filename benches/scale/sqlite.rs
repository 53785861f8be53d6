//! The same texts and questions in SQLite's FTS5, with the same words. Its index knows words only, so what
//! crosses the bounds of words is not found: it is compared in size and time, not in what it finds.

use std::path::Path;

use qingting_index::analyzer::Analyzer;
use qingting_index::calls::TextQuery;
use rusqlite::Connection;

use qingting_pipeline::Analyzed;

/// An FTS5 table of calls, their words joined by spaces.
pub(crate) struct Fts {
    connection: Connection,
}

impl Fts {
    pub(crate) fn create(path: &Path) -> Self {
        let connection = Connection::open(path).expect("a database");
        connection
            .execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144;
                 CREATE VIRTUAL TABLE calls USING fts5(words);",
            )
            .expect("FTS5");
        Self { connection }
    }

    /// The table of an earlier run.
    pub(crate) fn open(path: &Path) -> Self {
        Self { connection: Connection::open(path).expect("a database") }
    }

    pub(crate) fn add(&mut self, calls: &[String]) {
        let transaction = self.connection.transaction().expect("a transaction");
        let mut insert = transaction.prepare_cached("INSERT INTO calls (words) VALUES (?1)").expect("FTS5");
        for words in calls {
            insert.execute([words]).expect("room");
        }
        drop(insert);
        transaction.commit().expect("room");
    }

    /// Merges everything into one segment.
    pub(crate) fn finish(&self) {
        self.connection.execute("INSERT INTO calls (calls) VALUES ('optimize')", []).expect("room");
    }

    /// Number of matches, and the best ones, which are read.
    pub(crate) fn search(&self, expression: &str, limit: usize) -> u64 {
        let mut count = self.connection.prepare_cached("SELECT count(*) FROM calls WHERE calls MATCH ?1").expect("SQL");
        let total: i64 = count.query_row([expression], |row| row.get(0)).expect("a number");
        let mut best = self
            .connection
            .prepare_cached("SELECT words FROM calls WHERE calls MATCH ?1 ORDER BY rank LIMIT ?2")
            .expect("SQL");
        let hits = best.query_map((expression, limit as i64), |row| row.get::<_, String>(0)).expect("hits");
        std::hint::black_box(hits.map(|hit| hit.map_or(0, |text| text.len())).sum::<usize>());
        total.unsigned_abs()
    }
}

/// The words of a call as a row.
pub(crate) fn row(call: &Analyzed, analyzer: &Analyzer) -> String {
    let turns = call.record.turns.iter().map(|turn| analyzer.search_words(&analyzer.fold(&turn.text)).join(" "));
    turns.collect::<Vec<_>>().join(" ")
}

/// A text query in the language of FTS5; `None` for what it cannot say.
pub(crate) fn expression(query: &TextQuery, analyzer: &Analyzer) -> Option<String> {
    let phrase = |part: &str| format!("\"{}\"", analyzer.search_words(part).join(" "));
    let groups: Option<Vec<String>> = query
        .any
        .iter()
        .map(|group| {
            let parts = |negated: bool, by: &str| {
                let terms = group.iter().filter(|term| term.negated == negated);
                let parts: Vec<_> = terms.flat_map(|term| &term.literal.parts).map(|part| phrase(part)).collect();
                (!parts.is_empty()).then(|| parts.join(by))
            };
            let within = parts(false, " AND ")?;
            Some(match parts(true, " OR ") {
                Some(out) => format!("(({within}) NOT ({out}))"),
                None => format!("({within})"),
            })
        })
        .collect();
    groups.filter(|groups| !groups.is_empty()).map(|groups| groups.join(" OR "))
}
