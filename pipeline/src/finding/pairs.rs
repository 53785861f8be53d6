//! The character pairs of a text by which turns are compared. Owns which pairs count; what it
//! means that two turns share some is for the detectors and judgements to say.

use std::sync::LazyLock;

use super::construction::is_punctuation;
use crate::letters::HanSet;

/// The commonest function characters: that two turns share them says nothing.
static EMPTY: LazyLock<HanSet> = LazyLock::new(|| {
    HanSet::new("的了吗呢啊吧嘛是在就也都这那我您你他她它们个有不没呀哦嗯对好哎很还要会一去到说话着给能可以什么怎")
});

/// The different character pairs of a text, punctuation and function characters left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pairs(Vec<u64>);

impl Pairs {
    /// Those of a text.
    pub(super) fn of(text: &str) -> Self {
        let mut pairs = Vec::with_capacity(text.len() / 3);
        let mut before = None;
        for c in text.chars() {
            let kept = (!is_punctuation(c) && !EMPTY.contains(c)).then_some(c);
            if let (Some(a), Some(b)) = (before, kept) {
                pairs.push(u64::from(u32::from(a)) << 32 | u64::from(u32::from(b)));
            }
            before = kept;
        }
        pairs.sort_unstable();
        pairs.dedup();
        Self(pairs)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many pairs two texts share.
    pub(super) fn shared(&self, other: &Self) -> usize {
        self.common(other).count()
    }

    /// How many pairs two texts share that a third does not have.
    pub(super) fn shared_without(&self, other: &Self, third: &Self) -> usize {
        self.common(other).filter(|pair| third.0.binary_search(pair).is_err()).count()
    }

    fn common<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = u64> + 'a {
        let mut rest = other.0.as_slice();
        self.0.iter().copied().filter(move |pair| {
            while let Some((first, after)) = rest.split_first().filter(|(first, _)| *first <= pair) {
                rest = after;
                if first == pair {
                    return true;
                }
            }
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn function_characters_and_punctuation_part_pairs() {
        assert_eq!(Pairs::of("路灯的灯杆,灯杆").len(), 2);
        assert_eq!(Pairs::of("好的,谢谢").shared(&Pairs::of("谢谢您")), 1);
        assert_eq!(Pairs::of("").len(), 0);
    }

    proptest! {
        #[test]
        fn what_is_shared_is_the_intersection(a in "[路灯杆坏水]{0,9}", b in "[路灯杆坏水]{0,9}", c in "[路灯杆坏水]{0,9}") {
            let set = |text: &str| -> BTreeSet<(char, char)> { text.chars().zip(text.chars().skip(1)).collect() };
            let (x, y, z) = (set(&a), set(&b), set(&c));
            let (p, q, r) = (Pairs::of(&a), Pairs::of(&b), Pairs::of(&c));
            prop_assert_eq!(p.len(), x.len());
            prop_assert_eq!(p.shared(&q), x.intersection(&y).count());
            prop_assert_eq!(p.shared_without(&q, &r), x.intersection(&y).filter(|pair| !z.contains(*pair)).count());
        }
    }
}
