//! The half of the memory that is written into.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use qingting_index as index;
use qingting_index::knowledge::Article;
use qingting_index::{
    ApiKey, CaseEntry, CaseQuery, ExampleEntry, ExperienceEntry, Feedback, Publication, ReviewEntry, ReviewQuery,
};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::{Analyzed, Pipeline};

use super::super::backend::{Reader, Writer};
use super::Memory;

/// Writes into the memory; fails on calls of the queue `broken`, panics on those of `panic`.
pub(in crate::server) struct MemoryWriter(pub(in crate::server) Arc<Memory>);

impl Writer for MemoryWriter {
    fn ingest(&mut self, calls: Vec<Analyzed>) -> index::Result<()> {
        self.0.gate.pass();
        self.0.groups.lock().unwrap().push(calls.len());
        for call in &calls {
            assert_ne!(call.record.queue.as_deref(), Some("panic"), "asked to");
            if call.record.queue.as_deref() == Some("broken") {
                return Err(index::Error::io("/data/wal", std::io::ErrorKind::StorageFull.into()));
            }
        }
        let kept = calls.into_iter().map(|call| (call.record.call_id.clone(), call));
        self.0.kept.lock().unwrap().extend(kept);
        Ok(())
    }

    fn refresh(&mut self) -> index::Result<()> {
        *self.0.seen.lock().unwrap() = self.0.kept.lock().unwrap().clone();
        Ok(())
    }

    fn import_articles(&mut self, articles: Vec<Article>) -> index::Result<()> {
        let new = articles.into_iter().map(|a| (a.id.clone(), a));
        self.0.articles.lock().unwrap().extend(new);
        Ok(())
    }

    fn feedback(&mut self, feedback: Feedback) -> index::Result<()> {
        if !self.0.articles.lock().unwrap().contains_key(&feedback.article) {
            return Err(index::Error::Refused { what: "article".into(), message: "no such article".into() });
        }
        self.0.said.lock().unwrap().push(feedback);
        Ok(())
    }

    fn note_unanswered(&mut self, question: &str, _confidence: f64) -> index::Result<()> {
        self.0.unanswered.lock().unwrap().push(question.to_owned());
        Ok(())
    }

    fn add_key(&mut self, key: &ApiKey, who: &str) -> index::Result<()> {
        self.0.audit(who, "key created", &key.id);
        self.0.keys.lock().unwrap().push(key.clone());
        Ok(())
    }

    fn revoke_key(&mut self, id: &str, who: &str) -> index::Result<ApiKey> {
        self.0.audit(who, "key revoked", id);
        let mut keys = self.0.keys.lock().unwrap();
        let key = keys.iter_mut().find(|key| key.id == id);
        let key = key.ok_or_else(|| index::Error::NotFound { what: format!("key {id}") })?;
        key.revoked_at = Some(chrono::Utc::now());
        Ok(key.clone())
    }

    fn audit(&mut self, who: &str, action: &str, subject: &str, _detail: &str) -> index::Result<()> {
        self.0.audit(who, action, subject);
        Ok(())
    }

    fn reviews(&self, query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>> {
        Reader::reviews(&*self.0, query)
    }

    fn add_reviews(&mut self, _entries: &[ReviewEntry]) -> index::Result<Vec<i64>> {
        Err(index::Error::Refused { what: "review".into(), message: "none are kept in this memory".into() })
    }

    fn cases(&self, query: &CaseQuery) -> index::Result<Vec<CaseEntry>> {
        Reader::cases(&*self.0, query)
    }

    fn add_cases(&mut self, _entries: &[CaseEntry]) -> index::Result<Vec<i64>> {
        Err(index::Error::Refused { what: "case".into(), message: "none are kept in this memory".into() })
    }

    fn examples(&self) -> index::Result<Vec<ExampleEntry>> {
        Ok(Vec::new())
    }

    fn add_example(&mut self, _entry: &ExampleEntry, _action: &str, _detail: &str) -> index::Result<i64> {
        Ok(1)
    }

    fn remove_articles(&mut self, ids: &[String]) -> index::Result<()> {
        self.0.articles.lock().unwrap().retain(|id, _| !ids.contains(id));
        Ok(())
    }

    fn experience(&self) -> index::Result<Vec<ExperienceEntry>> {
        Ok(Vec::new())
    }

    fn add_experience(&mut self, _entries: &[ExperienceEntry]) -> index::Result<Vec<i64>> {
        Err(index::Error::Refused { what: "experience".into(), message: "none is kept in this memory".into() })
    }

    fn publish(&mut self, versions: &[Publication]) -> index::Result<Vec<i64>> {
        self.0.gate.pass();
        let mut kept = self.0.versions.lock().unwrap();
        let first = kept.len() as i64 + 1;
        let numbered = (first..).zip(versions).map(|(number, v)| Publication { number, ..v.clone() });
        kept.extend(numbered);
        Ok((first..).take(versions.len()).collect())
    }

    fn renew(&mut self, _pipeline: &Arc<Pipeline>, _assets: &Assets) -> index::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> index::Result<()> {
        self.0.finished.store(true, Ordering::SeqCst);
        Ok(())
    }
}
