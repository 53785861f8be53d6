//! Keeps the case library and the knowledge base together: the ledger is the truth, and articles follow it.

use std::collections::BTreeSet;

use qingting_index::knowledge::{CASE_PREFIX, KnowledgeIndex};
use qingting_index::{DataDir, Result};
use qingting_pipeline::finding::Catalog;

use super::example::{CaseStudy, studies};

/// Puts in what an interrupted approval left out, and takes out what an interrupted withdrawal left behind. Touches nothing where
/// they agree already.
///
/// # Errors
/// When the ledger or the knowledge base cannot be read or written.
pub fn settle(data: &DataDir, knowledge: &KnowledgeIndex, catalog: &Catalog) -> Result<()> {
    let approved: Vec<_> = studies(data.examples()?)?.into_iter().filter(CaseStudy::is_approved).collect();
    let wanted: BTreeSet<String> = approved.iter().map(CaseStudy::article_id).collect();
    let there: BTreeSet<String> = knowledge.ids(CASE_PREFIX)?.into_iter().collect();
    let left_behind: Vec<&String> = there.difference(&wanted).collect();
    if !left_behind.is_empty() {
        knowledge.remove(&left_behind)?;
    }
    let missing = approved.iter().filter(|study| !there.contains(&study.article_id()));
    let missing: Vec<_> = missing.map(|study| study.article(catalog)).collect();
    if !missing.is_empty() {
        knowledge.import_articles(missing)?;
    }
    Ok(())
}
