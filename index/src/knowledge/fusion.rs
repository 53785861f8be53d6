//! Joining the ranking by words and that by vectors into one.

use std::collections::{BTreeMap, HashMap};

use tantivy::DocAddress;

use super::search::CANDIDATES;
use super::vectors::Near;

/// How much the nearest passage's cosine says against the ranking by words, and from where on it says something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// What the best cosine counts, where the best ranking by words counts 1.
    pub(super) weight: f64,
    /// Weight of the mean over an article's passages beside the nearest one.
    pub(super) mean: f32,
    /// Whether the cosine of the hundredth article counts nothing, or only one of 0.
    pub(super) relative: bool,
}

impl Share {
    /// Of static vectors: words alone are nearly as good. Chosen on known-item retrieval.
    pub(super) const STATIC: Self = Self { weight: super::VECTOR_WEIGHT, mean: 0.0, relative: false };

    /// Of the transformer's vectors: about as good as words, and right where words are wrong. Their cosines lie close
    /// together, so that of the hundredth article is where they begin to tell something. Chosen on known-item
    /// retrieval.
    pub(super) const TRANSFORMER: Self = Self { weight: super::TRANSFORMER_WEIGHT, mean: 0.5, relative: true };
}

/// Joins the two. Ranks alone would give a weak ranking as much say at the top as a good one, so the values themselves
/// are added, each divided by the largest. `lexical` is in order, the best first.
pub(super) fn fuse(
    lexical: &[(f32, DocAddress)],
    cosines: &HashMap<DocAddress, Near>,
    share: Share,
) -> Vec<(DocAddress, f64)> {
    let mut nearest: Vec<(f32, DocAddress)> = cosines
        .iter()
        .map(|(&address, near)| (near.with_mean(share.mean), address))
        .filter(|&(cosine, _)| cosine > 0.0)
        .collect();
    nearest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    nearest.truncate(CANDIDATES);
    let most = lexical.first().map_or(1.0, |l| f64::from(l.0)).max(f64::MIN_POSITIVE);
    let top = nearest.first().map_or(1.0, |n| f64::from(n.0));
    // With fewer articles there is no telling what is usual.
    let hundredth = nearest.get(CANDIDATES - 1).filter(|_| share.relative);
    let floor = hundredth.map_or(0.0, |n| f64::from(n.0));
    let range = (top - floor).max(f64::MIN_POSITIVE);
    let mut fused: BTreeMap<DocAddress, f64> =
        lexical.iter().map(|&(score, address)| (address, f64::from(score) / most)).collect();
    for (_, address) in nearest {
        fused.entry(address).or_default();
    }
    for (address, score) in &mut fused {
        if let Some(near) = cosines.get(address) {
            *score += share.weight * (f64::from(near.with_mean(share.mean)) - floor).max(0.0) / range;
        }
    }
    fused.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(doc: u32) -> DocAddress {
        DocAddress::new(0, doc)
    }

    fn cosines(values: &[f32]) -> HashMap<DocAddress, Near> {
        values.iter().zip(0..).map(|(&cosine, doc)| (at(doc), Near::of(0, cosine))).collect()
    }

    fn of(fused: &[(DocAddress, f64)], doc: u32) -> Option<f64> {
        fused.iter().find(|(address, _)| *address == at(doc)).map(|(_, score)| *score)
    }

    #[test]
    fn words_and_cosines_are_each_divided_by_their_best() {
        let lexical = [(8.0, at(0)), (4.0, at(1))];
        let fused = fuse(&lexical, &cosines(&[0.2, 0.8, 0.4, -0.1]), Share { weight: 0.5, mean: 0.5, relative: true });
        assert_eq!(fused.len(), 3, "one that is found by neither is none");
        for (doc, expected) in [(0, 1.0 + 0.125), (1, 0.5 + 0.5), (2, 0.25)] {
            assert!((of(&fused, doc).unwrap() - expected).abs() < 1e-6, "{fused:?}");
        }
    }

    #[test]
    fn among_many_articles_a_usual_cosine_counts_nothing_where_that_is_asked_for() {
        let values: Vec<f32> = (0..200).map(|i| 0.9 - 0.002 * i as f32).collect();
        let lexical = [(5.0, at(150))];
        let relative = fuse(&lexical, &cosines(&values), Share { weight: 1.0, mean: 0.5, relative: true });
        assert!((of(&relative, 0).unwrap() - 1.0).abs() < 1e-6);
        assert!(of(&relative, 99).unwrap().abs() < 1e-6);
        assert!((of(&relative, 150).unwrap() - 1.0).abs() < 1e-6);
        let plain = fuse(&lexical, &cosines(&values), Share { weight: 1.0, mean: 0.5, relative: false });
        assert!(of(&plain, 99).unwrap() > 0.7 && of(&plain, 150).unwrap() > 1.6);
    }

    proptest! {
        #[test]
        fn scores_are_finite_and_a_nearer_article_is_never_worse(
            values in prop::collection::vec(-1.0f32..1.0, 1..140),
            relative: bool,
        ) {
            let fused = fuse(&[], &cosines(&values), Share { weight: 0.7, mean: 0.0, relative });
            for pair in fused.windows(2) {
                let [(a, x), (b, y)] = pair else { unreachable!() };
                let (near, far) = (values[a.doc_id as usize], values[b.doc_id as usize]);
                prop_assert!(x.is_finite() && *x >= 0.0 && *x <= 0.7 + 1e-9);
                prop_assert!((near >= far) == (x >= y) || (x - y).abs() < 1e-9);
            }
        }
    }
}
