//! Findings over many calls: the index tells which calls have some, in order; the store tells
//! the findings.

use qingting_index::calls::{CallQuery, Filter, Sort};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::Finding;

use super::backend::Reader;
use super::paging::Cursor;
use super::status::Failure;

/// Calls that the index is asked for at a time.
const CALLS: usize = 50;

/// Which findings are listed, of which calls, in which order.
#[derive(Debug, Clone)]
pub(super) struct FindingQuery {
    /// One call, or all that pass the filter.
    pub(super) call_id: Option<String>,
    pub(super) filter: Filter,
    pub(super) sort: Option<Sort>,
    /// Those left to human review instead of those asserted.
    pub(super) uncertain: bool,
    /// Empty for all.
    pub(super) codes: Vec<String>,
}

/// A page of findings with their calls, and where the next one begins.
pub(super) type FindingPage = (Vec<(CallHead, Finding)>, Option<Cursor>);

/// What a list of findings shows of a call: the record without its turns.
pub(super) type CallHead = std::sync::Arc<qingting_pipeline::record::CallRecord>;

impl FindingQuery {
    /// The next `size` findings from `start` on; `None` when the one call asked for is not there.
    ///
    /// # Errors
    /// When the index or the store cannot be read, or the cursor is of another query.
    pub(super) fn page(&self, reader: &dyn Reader, start: Cursor, size: usize) -> Result<Option<FindingPage>, Failure> {
        let mut page = Page { listed: Vec::with_capacity(size), size };
        if let Some(call_id) = &self.call_id {
            let Some(call) = reader.get_call(call_id)? else {
                return Ok(None);
            };
            let full = page.add(self.of(call), start.findings);
            let next = full.map(|findings| Cursor { findings, ..Cursor::default() });
            return Ok(Some((page.listed, next)));
        }
        let mut at = start;
        loop {
            let query = self.calls(at.calls_page.clone());
            let calls = reader.search_calls(&query).map_err(|e| Failure::in_field("page_token", e))?;
            for (i, hit) in calls.hits.iter().enumerate().skip(at.calls) {
                // Gone since the index was last refreshed.
                let Some(call) = reader.get_call(&hit.call_id)? else {
                    continue;
                };
                let done = if i == at.calls { at.findings } else { 0 };
                if let Some(findings) = page.add(self.of(call), done) {
                    let next = Cursor { calls_page: query.page_token, calls: i, findings };
                    return Ok(Some((page.listed, Some(next))));
                }
            }
            match calls.next {
                Some(next) => at = Cursor { calls_page: Some(next), calls: 0, findings: 0 },
                None => return Ok(Some((page.listed, None))),
            }
        }
    }

    /// The calls that have such findings.
    fn calls(&self, page_token: Option<String>) -> CallQuery {
        let field = if self.uncertain { "uncertain" } else { "code" };
        let has = match self.codes.as_slice() {
            [] => Filter::Exists { field },
            codes => Filter::Any(codes.iter().map(|code| Filter::Is { field, value: code.clone() }).collect()),
        };
        CallQuery {
            filter: Some(Filter::All(vec![self.filter.clone(), has])),
            sort: self.sort,
            limit: CALLS,
            page_token,
            turns_per_call: 0,
            ..CallQuery::default()
        }
    }

    fn of(&self, call: Analyzed) -> (CallHead, Vec<Finding>) {
        let mut found = if self.uncertain {
            call.analysis.uncertain
        } else {
            call.analysis.findings
        };
        found.retain(|finding| self.codes.is_empty() || self.codes.contains(&finding.code));
        let mut head = call.record;
        head.turns = Vec::new();
        (head.into(), found)
    }
}

struct Page {
    listed: Vec<(CallHead, Finding)>,
    size: usize,
}

impl Page {
    /// Adds the findings of a call after the first `done`; when the page is full before they end, the
    /// number of those that are done with.
    fn add(&mut self, (head, found): (CallHead, Vec<Finding>), done: usize) -> Option<usize> {
        for (i, finding) in found.into_iter().enumerate().skip(done) {
            if self.listed.len() == self.size {
                return Some(i);
            }
            self.listed.push((head.clone(), finding));
        }
        None
    }
}
