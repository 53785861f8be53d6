//! What the machine says of the calls of an open calibration is kept from those who calibrate: whoever opens such a call
//! reads what was said in it and no verdict, and no case that a verdict opened. A search by a code or a score still finds the
//! call by it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use qingting_index as index;
use qingting_index::calls::{CallPage, CallQuery, Group};
use qingting_index::knowledge::{Gap, KnowledgeHit, KnowledgeQuery, Suggestion};
use qingting_index::{
    ApiKey, AuditEntry, CaseEntry, CaseQuery, DateRange, Depth, ExampleEntry, ExperienceEntry, Publication,
    ReviewEntry, ReviewQuery,
};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{Particulars, Role};
use qingting_pipeline::topic::Topics;
use qingting_pipeline::topic::trend::CrisisAlert;
use qingting_pipeline::topic::view::TopicView;

use super::backend::{Calls, Compared, Reader, Sight, TopicDecision};
use super::coaching::seen_articles;
use crate::access::{Permission, Principal};
use crate::callers::TopicNames;
use crate::case::Cause;
use crate::insight;
use crate::review::{blind_calls, is_blind};

/// The reader for somebody who calibrates; `None` for others, and for administrators, who run calibrations.
pub(super) fn reader(seen: &Arc<dyn Reader>, who: &Principal) -> Option<Arc<dyn Reader>> {
    let calibrates = who.may(Permission::Calibrate) && !who.may(Permission::Judge);
    calibrates.then(|| Arc::new(Blind(seen.clone())) as Arc<dyn Reader>)
}

struct Blind(Arc<dyn Reader>);

impl Blind {
    fn hides(&self, call_id: &str) -> index::Result<bool> {
        is_blind(&*self.0, call_id)
    }
}

/// A call as it is before the machine has judged it.
fn without_verdicts(call: &mut Analyzed) {
    let analysis = &mut call.analysis;
    analysis.findings.clear();
    analysis.uncertain.clear();
    (analysis.score, analysis.conduct) = (None, None);
}

impl Reader for Blind {
    fn search_calls(&self, query: &CallQuery) -> index::Result<CallPage> {
        let mut page = self.0.search_calls(query)?;
        for hit in &mut page.hits {
            if self.hides(&hit.call_id)? {
                hit.codes.clear();
                hit.score = None;
            }
        }
        Ok(page)
    }

    fn get_call(&self, call_id: &str) -> index::Result<Option<Analyzed>> {
        let mut call = self.0.get_call(call_id)?;
        if let Some(call) = &mut call
            && self.hides(call_id)?
        {
            without_verdicts(call);
        }
        Ok(call)
    }

    fn particulars(&self, call_id: &str) -> index::Result<Option<Particulars>> {
        self.0.particulars(call_id)
    }

    fn scan(&self, range: DateRange, depth: Depth) -> index::Result<Calls> {
        let hidden = blind_calls(&*self.0)?;
        Ok(Box::new(self.0.scan(range, depth)?.map(move |call| {
            let mut call = call?;
            if hidden.contains(&call.record.call_id) {
                without_verdicts(&mut call);
            }
            Ok(call)
        })))
    }

    fn compared(&self, range: DateRange) -> index::Result<Box<dyn Iterator<Item = index::Result<Compared>> + Send>> {
        let hidden = blind_calls(&*self.0)?;
        Ok(Box::new(self.0.compared(range)?.map(move |compared| {
            let mut compared = compared?;
            if hidden.contains(&compared.call.record.call_id) {
                without_verdicts(&mut compared.call);
            }
            Ok(compared)
        })))
    }

    fn days(&self) -> index::Result<Option<(NaiveDate, NaiveDate)>> {
        self.0.days()
    }

    fn hidden(&self) -> index::Result<BTreeSet<String>> {
        blind_calls(&*self.0)
    }

    fn sight(&self) -> Sight {
        self.0.sight()
    }

    fn aggregate(&self, query: &CallQuery, group_by: Option<&str>) -> index::Result<Vec<Group>> {
        self.0.aggregate(query, group_by)
    }

    fn topics(&self) -> insight::Result<Arc<TopicView>> {
        self.0.topics()
    }

    fn topics_of(&self, call_ids: &[&str]) -> insight::Result<TopicNames> {
        self.0.topics_of(call_ids)
    }

    fn pseudonyms(&self, caller: &str) -> index::Result<Vec<String>> {
        self.0.pseudonyms(caller)
    }

    fn history(&self, pseudonyms: &[String], since: NaiveDate, limit: usize) -> index::Result<Vec<Analyzed>> {
        let mut calls = self.0.history(pseudonyms, since, limit)?;
        for call in &mut calls {
            if self.hides(&call.record.call_id)? {
                without_verdicts(call);
            }
        }
        Ok(calls)
    }

    fn callers_in_danger(&self) -> index::Result<BTreeSet<String>> {
        self.0.callers_in_danger()
    }

    fn change_topics(&self, change: &TopicDecision<'_>) -> insight::Result<Arc<TopicView>> {
        self.0.change_topics(change)
    }

    fn refresh_topics(&self, rebuild: bool) -> insight::Result<Topics> {
        self.0.refresh_topics(rebuild)
    }

    fn crises(&self, range: DateRange) -> insight::Result<Vec<CrisisAlert>> {
        self.0.crises(range)
    }

    fn search_articles(&self, query: &KnowledgeQuery) -> index::Result<Vec<KnowledgeHit>> {
        seen_articles(&*self.0, query, || self.examples())
    }

    fn unanswered(&self, hits: &[KnowledgeHit]) -> Option<f64> {
        self.0.unanswered(hits)
    }

    fn need(&self, turns: &[(Role, &str)]) -> Vec<String> {
        self.0.need(turns)
    }

    fn suggest(&self, need: &[String], limit: usize) -> index::Result<Suggestion> {
        self.0.suggest(need, limit)
    }

    fn gaps(&self, limit: usize) -> index::Result<Vec<Gap>> {
        self.0.gaps(limit)
    }

    fn keys(&self) -> index::Result<Vec<ApiKey>> {
        self.0.keys()
    }

    fn audit_trail(&self, before: Option<i64>, limit: u32) -> index::Result<Vec<AuditEntry>> {
        self.0.audit_trail(before, limit)
    }

    fn reviews(&self, query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>> {
        self.0.reviews(query)
    }

    fn count_reviews(&self, query: &ReviewQuery) -> index::Result<u64> {
        self.0.count_reviews(query)
    }

    fn cases(&self, query: &CaseQuery) -> index::Result<Vec<CaseEntry>> {
        let mut rows = self.0.cases(query)?;
        let hidden = blind_calls(&*self.0)?;
        // That there is one says what people or the machine found.
        rows.retain(|row| {
            ![Cause::Finding, Cause::Review].iter().any(|cause| row.cause == cause.as_str())
                || !hidden.contains(&row.call_id)
        });
        Ok(rows)
    }

    /// Whatever is held up as an example tells what to think of it.
    fn examples(&self) -> index::Result<Vec<ExampleEntry>> {
        let (hidden, mut examples) = (self.hidden()?, self.0.examples()?);
        examples.retain(|entry| !hidden.contains(&entry.call_id));
        Ok(examples)
    }

    fn experience(&self) -> index::Result<Vec<ExperienceEntry>> {
        self.0.experience()
    }

    fn publications(&self, document: &str, before: Option<u32>, limit: u32) -> index::Result<Vec<Publication>> {
        self.0.publications(document, before, limit)
    }
}
