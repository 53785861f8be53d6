//! What people said about answers, and how far it moves the ranking.
//!
//! A vote counts for a question by how similar the question is that it was given on: with the cosine `c` of their
//! vectors, `max(0, (c - 0.6) / 0.4)`, and not at all when they share no pair of characters beyond formulas. With
//! the sums `h` and `w` of what counts as helpful and as wrong for an article, its score is multiplied by
//!
//! ```text
//! 1 + MOST_SHIFT · (wilson(h, h + w) - wilson(w, h + w))
//! ```
//!
//! where `wilson(x, n)` is the lower end of the 95% score interval of the share `x / n` (Wilson 1927, "Probable
//! inference, the law of succession, and statistical inference"). One vote says little (0.21), twenty that agree much
//! (0.84), and none can do more than [`MOST_SHIFT`]. The score is multiplied and not added to, and only articles
//! that the question finds by itself have one: an article that has nothing to do with a question is not lifted by any
//! number of votes, and one that answers is overtaken only by others that answer nearly as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use tantivy::collector::TopDocs;
use tantivy::query::TermQuery;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, Searcher, Term};

use super::KnowledgeIndex;
use super::terms::topical_pairs;
use crate::Result;
use crate::ledger::Feedback;

/// The most by which votes move a score, up or down.
pub const MOST_SHIFT: f64 = 0.2;

/// Questions with a smaller cosine are not similar.
const SIMILAR: f32 = 0.6;

/// 97.5% quantile of the standard normal distribution.
const Z: f64 = 1.959_964;

/// Votes ready to be compared with questions.
#[derive(Debug, Default)]
pub(super) struct Book {
    votes: Vec<Vote>,
}

#[derive(Debug)]
struct Vote {
    article: String,
    helpful: bool,
    vector: Vec<f32>,
    pairs: BTreeSet<String>,
}

impl Book {
    /// What the score of each article is multiplied with, by article; those that nothing moves are left out.
    fn factors(&self, vector: &[f32], pairs: &BTreeSet<String>) -> BTreeMap<&str, f64> {
        let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for vote in &self.votes {
            let cosine = vote.vector.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
            let counts = (cosine.min(1.0) - SIMILAR) / (1.0 - SIMILAR);
            if counts > 0.0 && !vote.pairs.is_disjoint(pairs) {
                let (helpful, wrong) = sums.entry(&vote.article).or_default();
                *if vote.helpful { helpful } else { wrong } += f64::from(counts);
            }
        }
        sums.into_iter().map(|(article, (helpful, wrong))| (article, factor(helpful, wrong))).collect()
    }
}

/// See the head of this file.
fn factor(helpful: f64, wrong: f64) -> f64 {
    let votes = helpful + wrong;
    1.0 + MOST_SHIFT * (wilson(helpful, votes) - wilson(wrong, votes))
}

/// Lower end of the 95% score interval of the share `x / n`, 0 without votes.
fn wilson(x: f64, n: f64) -> f64 {
    if n <= 0.0 {
        return 0.0;
    }
    let (share, z2) = (x / n, Z * Z);
    let spread = Z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((share + z2 / (2.0 * n) - spread) / (1.0 + z2 / n)).clamp(0.0, 1.0)
}

impl KnowledgeIndex {
    /// Lets these votes move the ranking from now on, and no others.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn set_feedback(&self, feedback: &[Feedback]) -> Result<()> {
        let folded: Vec<String> = feedback.iter().map(|vote| self.analyzer.fold(&vote.query)).collect();
        let vectors = self.encoder.encode(&folded.iter().map(String::as_str).collect::<Vec<_>>())?;
        let votes = feedback.iter().zip(vectors).zip(&folded).map(|((vote, vector), folded)| Vote {
            article: vote.article.clone(),
            helpful: vote.helpful,
            vector,
            pairs: topical_pairs(folded).into_iter().collect(),
        });
        let book = Arc::new(Book { votes: votes.collect() });
        *self.feedback.write().unwrap_or_else(PoisonError::into_inner) = book;
        Ok(())
    }

    /// Moves the scores of a ranking by what was said about its articles on similar questions.
    pub(super) fn heed_feedback(
        &self,
        ranking: &mut [(DocAddress, f64)],
        folded: &str,
        vector: &[f32],
        searcher: &Searcher,
    ) -> Result<()> {
        let book = Arc::clone(&self.feedback.read().unwrap_or_else(PoisonError::into_inner));
        if book.votes.is_empty() {
            return Ok(());
        }
        for (article, factor) in book.factors(vector, &topical_pairs(folded).into_iter().collect()) {
            let id = TermQuery::new(Term::from_field_text(self.fields.id, article), IndexRecordOption::Basic);
            let found = searcher.search(&id, &TopDocs::with_limit(1).order_by_score())?;
            let address = found.first().map(|&(_, address)| address);
            if let Some((_, score)) = ranking.iter_mut().find(|(of, _)| Some(*of) == address) {
                *score *= factor;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        assert_eq!(wilson(0.0, 0.0), 0.0);
        for (x, n, expected) in [(1.0, 1.0, 0.2065), (8.0, 10.0, 0.4902), (20.0, 20.0, 0.8389)] {
            assert!((wilson(x, n) - expected).abs() < 5e-4, "{x} of {n}: {}", wilson(x, n));
        }
        assert!((factor(3.0, 3.0) - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn votes_move_a_score_within_bounds_and_in_their_direction(helpful in 0.0f64..1e6, wrong in 0.0f64..1e6) {
            let factor = factor(helpful, wrong);
            prop_assert!((1.0 - MOST_SHIFT..=1.0 + MOST_SHIFT).contains(&factor));
            prop_assert!(helpful < wrong || factor >= 1.0 - 1e-9);
            prop_assert!(wrong < helpful || factor <= 1.0 + 1e-9);
        }
    }
}
