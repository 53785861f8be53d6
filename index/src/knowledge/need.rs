//! What a caller needs now, out of the turns of a call that is still running, and the articles that answer it.
//! Nothing rather than noise: small talk asks nothing, and what is not sure enough is not suggested.

use qingting_pipeline::record::Role;

use super::terms::topical_chars;
use super::{KnowledgeHit, KnowledgeIndex, KnowledgeQuery};
use crate::Result;

/// Least [`KnowledgeHit::confidence`] of a suggestion, in a knowledge base of up to [`super::FEW`] articles: above that of every wrong article on the questions that the
/// thresholds were chosen on, so that some right ones are missed rather than a wrong one shown; see docs/knowledge.md.
pub const SUGGESTED: f64 = 0.30;

/// Turns of the caller that are asked for by themselves: the newest that say something.
const RECENT: usize = 3;

/// Content characters beyond formulas of a turn that says something.
const TOPICAL: usize = 4;

/// The same of an agent's turn that may be a recap.
const RECAP: usize = 12;

/// Characters of a call that are asked for; older ones are left out.
const MOST_CHARS: usize = 600;

/// Beyond so many, topical characters make no better title.
const TITLE_CHARS: usize = 60;

/// What is asked of the knowledge base for a running call, and what it answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Suggestion {
    /// What was asked, the newest turn first; empty while the caller has said nothing to the matter.
    pub query: String,
    /// Articles that answer, those of the newest turn first: word-for-word passages.
    pub hits: Vec<KnowledgeHit>,
}

impl KnowledgeIndex {
    /// What would be asked for these turns, the newest first: the caller's turns that say something, and the agent's
    /// last recap. Small talk gives nothing.
    pub fn need(&self, turns: &[(Role, &str)]) -> Vec<String> {
        let topical = |text: &str| topical_chars(&self.analyzer.fold(text));
        let newest = || turns.iter().rev();
        let caller = newest().filter(|(role, text)| *role == Role::Caller && topical(text) >= TOPICAL);
        let mut parts: Vec<String> = Vec::new();
        let mut chars = 0;
        for (_, text) in caller {
            chars += text.chars().count();
            // The newest turn is asked for however long it is.
            if chars > MOST_CHARS && !parts.is_empty() {
                break;
            }
            parts.push((*text).to_owned());
        }
        if !parts.is_empty() {
            let recap = newest().find(|(role, text)| *role == Role::Agent && topical(text) >= RECAP);
            parts.extend(recap.map(|(_, text)| (*text).to_owned()));
        }
        parts
    }

    /// Articles for what was asked with [`Self::need`] that hold on the day of the query's `on`. Each of the newest
    /// turns is asked for by itself, and then the whole need, since the matter may be in any of them. Those of the
    /// newest turn come first; an article counts with its surest answer.
    ///
    /// # Errors
    /// When the index cannot be read or the encoder fails.
    pub fn suggest(&self, need: &[String], options: &KnowledgeQuery) -> Result<Suggestion> {
        let query = need.join("\n");
        if query.is_empty() {
            return Ok(Suggestion::default());
        }
        let limit = if options.limit == 0 { 3 } else { options.limit };
        let least = self.threshold(SUGGESTED);
        let mut hits: Vec<KnowledgeHit> = Vec::new();
        for text in need.iter().take(RECENT).chain([&query]) {
            // Never what does not hold, whatever the options say.
            let found =
                self.search(&KnowledgeQuery { text: text.clone(), include_expired: false, ..options.clone() })?;
            for hit in found.into_iter().filter(|hit| hit.confidence >= least && !hit.expired) {
                match hits.iter_mut().find(|known| known.id == hit.id) {
                    // Its place stays: what the caller needs now is in the newest turn.
                    Some(known) if known.confidence < hit.confidence => *known = hit,
                    Some(_) => {}
                    None => hits.push(hit),
                }
            }
        }
        hits.truncate(limit);
        Ok(Suggestion { query, hits })
    }

    /// The turn of the caller that says most to the matter, masked; none when there is only small talk.
    pub fn matter(&self, turns: &[(Role, &str)]) -> Option<String> {
        let weigh = |text: &str| topical_chars(&self.analyzer.fold(text)).min(TITLE_CHARS);
        let caller = turns.iter().filter(|(role, _)| *role == Role::Caller);
        let weighed = caller.map(|(_, text)| (weigh(text), *text)).filter(|(weight, _)| *weight >= TOPICAL);
        // Of equals the first: people say early what they want.
        let most = weighed.reduce(|best, next| if next.0 > best.0 { next } else { best });
        most.map(|(_, text)| self.analyzer.mask(text))
    }
}
