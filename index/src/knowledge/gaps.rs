//! What the knowledge base has no answer to: questions that found nothing sure enough, grouped by what they ask.

use std::collections::BTreeSet;

use super::terms::topical_pairs;
use super::{KnowledgeIndex, KnowledgeQuery};
use crate::Result;

/// A question whose best [`super::KnowledgeHit::confidence`] is below this has no answer, in a knowledge base of up to
/// [`FEW`] articles. Chosen on 30 questions that the demo's articles answer and 30 that they do not: 5 of the first are
/// below, 2 of the second above; see docs/knowledge.md.
pub const UNANSWERED: f64 = 0.25;

/// Articles of the knowledge base that the thresholds were chosen on.
pub const FEW: u64 = 15;

/// Questions with this cosine, and a pair of characters in common, ask the same.
const SAME: f32 = 0.72;

/// Examples and calls that are named of a group.
const EXAMPLES: usize = 5;

/// Members of a group that its question is chosen from.
const CHOICE: usize = 64;

/// A question, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its text, masked.
    pub text: String,
    /// The call in which it was left open; none for a search.
    pub call: Option<String>,
}

/// Questions that ask the same and have no answer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Gap {
    /// The one that is most like the others.
    pub question: String,
    /// How often it was asked, in searches and calls.
    pub times: usize,
    /// Different wordings, the first ones.
    pub examples: Vec<String>,
    /// Calls in which it was left open, the first ones.
    pub calls: Vec<String>,
    /// The article that comes nearest, though not near enough: id and title.
    pub nearest: Option<(String, String)>,
    /// How sure that is, 0 to 1.
    pub confidence: f64,
}

struct Group {
    members: Vec<usize>,
}

impl KnowledgeIndex {
    /// A threshold for [`FEW`] articles as it has to be for those that there are. The best of `n` wrong articles comes
    /// the nearer the more there are: the expected maximum of `n` normal values grows with `sqrt(2 ln n)` (Leadbetter,
    /// Lindgren and Rootzén 1983, "Extremes and related properties of random sequences and processes").
    pub fn threshold(&self, few: f64) -> f64 {
        few * ((self.len().max(FEW) as f64).ln() / (FEW as f64).ln()).sqrt()
    }

    /// The best confidence among the hits of a question when it is too little for an answer.
    pub fn unanswered(&self, hits: &[super::KnowledgeHit]) -> Option<f64> {
        let best = hits.iter().map(|hit| hit.confidence).fold(0.0, f64::max);
        (best < self.threshold(UNANSWERED)).then_some(best)
    }

    /// Groups questions, the most frequent first. Every group is asked again, so what was answered by an article since
    /// is left out. Work grows with the number of questions times that of groups.
    ///
    /// # Errors
    /// When the index cannot be read or the encoder fails.
    pub fn gaps(&self, asked: &[Asked], limit: usize) -> Result<Vec<Gap>> {
        let folded: Vec<String> = asked.iter().map(|question| self.analyzer.fold(&question.text)).collect();
        let vectors = self.encoder.encode(&folded.iter().map(String::as_str).collect::<Vec<_>>())?;
        let pairs: Vec<BTreeSet<String>> =
            folded.iter().map(|text| topical_pairs(text).into_iter().collect()).collect();
        let cosine = |a: usize, b: usize| match (vectors.get(a), vectors.get(b)) {
            (Some(a), Some(b)) => a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>(),
            _ => 0.0,
        };
        let same = |a: usize, b: usize| match (pairs.get(a), pairs.get(b)) {
            (Some(x), Some(y)) => folded.get(a) == folded.get(b) || (cosine(a, b) >= SAME && !x.is_disjoint(y)),
            _ => false,
        };
        // Each joins the first group whose first member asks the same: in the order of the questions, and so the same
        // groups for the same questions.
        let mut groups: Vec<Group> = Vec::new();
        for question in (0..asked.len()).filter(|&i| pairs.get(i).is_some_and(|pairs| !pairs.is_empty())) {
            let known =
                groups.iter_mut().find(|group| group.members.first().is_some_and(|&first| same(first, question)));
            match known {
                Some(group) => group.members.push(question),
                None => groups.push(Group { members: vec![question] }),
            }
        }
        // Stable: of equals the group that was asked first.
        groups.sort_by_key(|group| std::cmp::Reverse(group.members.len()));
        let mut gaps = Vec::new();
        for group in groups {
            if gaps.len() >= limit {
                break;
            }
            gaps.extend(self.gap(asked, &group, cosine)?);
        }
        Ok(gaps)
    }

    fn gap(&self, asked: &[Asked], group: &Group, cosine: impl Fn(usize, usize) -> f32) -> Result<Option<Gap>> {
        let choice = group.members.get(..CHOICE).unwrap_or(&group.members);
        let likeness = |&a: &usize| choice.iter().map(|&b| cosine(a, b)).sum::<f32>();
        let middle = choice.iter().reduce(|best, next| if likeness(next) > likeness(best) { next } else { best });
        let Some(question) = middle.and_then(|&i| asked.get(i)) else {
            return Ok(None);
        };
        let hits =
            self.search(&KnowledgeQuery { text: question.text.clone(), limit: 5, ..KnowledgeQuery::default() })?;
        let Some(confidence) = self.unanswered(&hits) else {
            return Ok(None);
        };
        let (mut examples, mut calls) = (Vec::new(), Vec::new());
        for member in group.members.iter().filter_map(|&i| asked.get(i)) {
            if examples.len() < EXAMPLES && !examples.contains(&member.text) {
                examples.push(member.text.clone());
            }
            if let Some(call) = &member.call
                && calls.len() < EXAMPLES
                && !calls.contains(call)
            {
                calls.push(call.clone());
            }
        }
        let nearest = hits.into_iter().max_by(|a, b| a.confidence.total_cmp(&b.confidence));
        Ok(Some(Gap {
            question: question.text.clone(),
            times: group.members.len(),
            examples,
            calls,
            nearest: nearest.map(|hit| (hit.id, hit.title)),
            confidence,
        }))
    }

    /// A question as it may be kept: personal data masked, cut to a length.
    pub fn kept_question(&self, text: &str) -> String {
        const MOST_CHARS: usize = 300;
        self.analyzer.mask(text).chars().take(MOST_CHARS).collect()
    }
}
