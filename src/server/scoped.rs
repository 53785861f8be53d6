//! What somebody may see, by construction: a reader that shows the calls of a scope and nothing else. Services
//! get no other one, so that none of them can forget to ask.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use qingting_index as index;
use qingting_index::calls::{CallPage, CallQuery, Filter, Group};
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
use super::colleagues;
use crate::access::Scope;
use crate::callers::TopicNames;
use crate::coaching::Reviewed;
use crate::coaching::example::narrowed;
use crate::insight;

/// The reader for a scope; `None` where everything may be seen.
pub(super) fn reader(whole: &Arc<dyn Reader>, scope: &Scope) -> Option<Arc<dyn Reader>> {
    let filter = scope.filter()?;
    Some(Arc::new(Scoped { whole: whole.clone(), scope: scope.clone(), filter }))
}

/// Most calls of one caller that are looked through for those of a team.
const MOST_OF_A_CALLER: usize = 1000;

struct Scoped {
    whole: Arc<dyn Reader>,
    scope: Scope,
    filter: Filter,
}

impl Scoped {
    fn narrowed(&self, query: &CallQuery) -> CallQuery {
        let own = self.filter.clone();
        let filter = match &query.filter {
            Some(filter) => Filter::All(vec![own, filter.clone()]),
            None => own,
        };
        CallQuery { filter: Some(filter), ..query.clone() }
    }

    /// What was decided on a call is seen by those who saw the call when it was decided.
    fn narrowed_reviews(&self, query: &ReviewQuery) -> ReviewQuery {
        let query = query.clone();
        match &self.scope {
            Scope::All => query,
            Scope::Teams(teams) => ReviewQuery { teams: Some(teams.iter().cloned().collect()), ..query },
            Scope::Agent(agent) => ReviewQuery { agent: Some(agent.clone()), ..query },
        }
    }

    /// A case is seen by those who saw its call when it was opened; one that is nobody's, by those who see all.
    fn narrowed_cases(&self, query: &CaseQuery) -> CaseQuery {
        let query = query.clone();
        match &self.scope {
            Scope::All => query,
            Scope::Teams(own) => {
                let wanted = |team: &&String| query.teams.as_ref().is_none_or(|teams| teams.contains(team));
                CaseQuery { teams: Some(own.iter().filter(wanted).cloned().collect()), ..query }
            }
            Scope::Agent(own) => match &query.agent {
                Some(other) if other != own => CaseQuery { teams: Some(Vec::new()), ..query },
                _ => CaseQuery { agent: Some(own.clone()), ..query },
            },
        }
    }
}

/// Where a part cannot be told from the whole.
fn narrow() -> index::Error {
    index::Error::Refused {
        what: "this question".to_owned(),
        message: "it concerns all calls, and a part of them can be seen".to_owned(),
    }
}

impl Reader for Scoped {
    fn search_calls(&self, query: &CallQuery) -> index::Result<CallPage> {
        // What a hidden call is like tells what was said in it.
        if let Some(like) = &query.like
            && self.get_call(like)?.is_none()
        {
            return Err(index::Error::NotFound { what: format!("call {like}") });
        }
        self.whole.search_calls(&self.narrowed(query))
    }

    fn get_call(&self, call_id: &str) -> index::Result<Option<Analyzed>> {
        let call = self.whole.get_call(call_id)?;
        Ok(call.filter(|call| self.scope.sees(call.record.agent.as_ref())))
    }

    fn particulars(&self, call_id: &str) -> index::Result<Option<Particulars>> {
        match self.get_call(call_id)? {
            Some(_) => self.whole.particulars(call_id),
            None => Ok(None),
        }
    }

    fn scan(&self, range: DateRange, depth: Depth) -> index::Result<Calls> {
        let scope = self.scope.clone();
        let seen = move |call: &index::Result<Analyzed>| {
            call.as_ref().map_or(true, |call| scope.sees(call.record.agent.as_ref()))
        };
        Ok(Box::new(self.whole.scan(range, depth)?.filter(seen)))
    }

    fn compared(&self, range: DateRange) -> index::Result<Box<dyn Iterator<Item = index::Result<Compared>> + Send>> {
        let own = |call: index::Result<Analyzed>| call.map(|call| Compared { call, anonymous: false });
        match &self.scope {
            Scope::Agent(agent) => match colleagues::team_of(&*self.whole, agent, range)? {
                Some(team) => colleagues::calls(&*self.whole, agent, &team, range),
                None => Ok(Box::new(self.scan(range, Depth::Outline)?.map(own))),
            },
            Scope::All | Scope::Teams(_) => Ok(Box::new(self.scan(range, Depth::Outline)?.map(own))),
        }
    }

    fn days(&self) -> index::Result<Option<(NaiveDate, NaiveDate)>> {
        self.whole.days()
    }

    fn sight(&self) -> Sight {
        match &self.scope {
            Scope::All => Sight::All,
            Scope::Teams(_) => Sight::Teams,
            Scope::Agent(_) => Sight::Agent,
        }
    }

    fn aggregate(&self, query: &CallQuery, group_by: Option<&str>) -> index::Result<Vec<Group>> {
        self.whole.aggregate(&self.narrowed(query), group_by)
    }

    fn topics(&self) -> insight::Result<Arc<TopicView>> {
        let view = self.whole.topics()?;
        let calls: Vec<_> = view.calls.iter().filter(|call| self.scope.sees_digest(call)).cloned().collect();
        let seen: BTreeSet<&str> = calls.iter().map(|call| call.call_id.as_str()).collect();
        let mut topics = view.topics.restricted(&seen);
        for topic in &mut topics.topics {
            // Of a quote nobody knows which call it is from.
            if view.topics.get(&topic.id).is_ok_and(|whole| whole.size > topic.size) {
                topic.quotes.clear();
            }
        }
        Ok(Arc::new(TopicView::new(topics, calls)))
    }

    fn topics_of(&self, call_ids: &[&str]) -> insight::Result<TopicNames> {
        self.whole.topics_of(call_ids)
    }

    fn pseudonyms(&self, caller: &str) -> index::Result<Vec<String>> {
        self.whole.pseudonyms(caller)
    }

    fn history(&self, pseudonyms: &[String], since: NaiveDate, limit: usize) -> index::Result<Vec<Analyzed>> {
        match &self.scope {
            // What a card is for: to know what the colleagues said. Who they are is not on it.
            Scope::Agent(own) => {
                let mut calls = self.whole.history(pseudonyms, since, limit)?;
                for call in &mut calls {
                    call.record.agent = call.record.agent.take().filter(|agent| agent.id == *own);
                }
                Ok(calls)
            }
            Scope::All | Scope::Teams(_) => {
                let mut calls = self.whole.history(pseudonyms, since, MOST_OF_A_CALLER)?;
                calls.retain(|call| self.scope.sees(call.record.agent.as_ref()));
                calls.truncate(limit);
                Ok(calls)
            }
        }
    }

    fn callers_in_danger(&self) -> index::Result<BTreeSet<String>> {
        self.whole.callers_in_danger()
    }

    fn change_topics(&self, _change: &TopicDecision<'_>) -> insight::Result<Arc<TopicView>> {
        Err(narrow().into())
    }

    fn refresh_topics(&self, _rebuild: bool) -> insight::Result<Topics> {
        Err(narrow().into())
    }

    fn crises(&self, range: DateRange) -> insight::Result<Vec<CrisisAlert>> {
        let mut crises = self.whole.crises(range)?;
        let mut failed = None;
        crises.retain(|crisis| match self.get_call(&crisis.call_id) {
            Ok(call) => call.is_some(),
            Err(error) => {
                failed.get_or_insert(error);
                false
            }
        });
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(crises),
        }
    }

    fn search_articles(&self, query: &KnowledgeQuery) -> index::Result<Vec<KnowledgeHit>> {
        seen_articles(&*self.whole, query, || self.examples())
    }

    fn unanswered(&self, hits: &[KnowledgeHit]) -> Option<f64> {
        self.whole.unanswered(hits)
    }

    fn need(&self, turns: &[(Role, &str)]) -> Vec<String> {
        self.whole.need(turns)
    }

    fn suggest(&self, need: &[String], limit: usize) -> index::Result<Suggestion> {
        self.whole.suggest(need, limit)
    }

    fn gaps(&self, _limit: usize) -> index::Result<Vec<Gap>> {
        Err(narrow())
    }

    fn keys(&self) -> index::Result<Vec<ApiKey>> {
        Err(narrow())
    }

    fn audit_trail(&self, _before: Option<i64>, _limit: u32) -> index::Result<Vec<AuditEntry>> {
        Err(narrow())
    }

    fn reviews(&self, query: &ReviewQuery) -> index::Result<Vec<ReviewEntry>> {
        self.whole.reviews(&self.narrowed_reviews(query))
    }

    fn count_reviews(&self, query: &ReviewQuery) -> index::Result<u64> {
        self.whole.count_reviews(&self.narrowed_reviews(query))
    }

    fn cases(&self, query: &CaseQuery) -> index::Result<Vec<CaseEntry>> {
        self.whole.cases(&self.narrowed_cases(query))
    }

    /// An example is seen by those who see its call as that was at the time; one that is shared, by everybody, without its call.
    fn examples(&self) -> index::Result<Vec<ExampleEntry>> {
        let examples = self.whole.examples()?;
        if examples.is_empty() {
            return Ok(examples);
        }
        let contested = Reviewed::read(&*self.whole, BTreeSet::new())?.contested();
        narrowed(examples, &contested, |agent| self.scope.sees(agent))
    }

    fn experience(&self) -> index::Result<Vec<ExperienceEntry>> {
        Err(narrow())
    }

    fn publications(&self, document: &str, before: Option<u32>, limit: u32) -> index::Result<Vec<Publication>> {
        self.whole.publications(document, before, limit)
    }
}
