//! Many phrases looked for in one pass over a text. Owns the tree of their characters: Chinese phrases
//! are short, so that from almost every place of a text the first or second step leads nowhere, and
//! the whole tree stays near the processor, as the table of a byte-wise automaton does not.

use std::ops::Range;

use qingting_models::CharTree;

/// Phrases by number, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Phrases {
    tree: CharTree,
    /// For each node of the tree: which of the `numbers` are phrases that end there.
    ends: Vec<Range<u32>>,
    numbers: Vec<u32>,
}

/// A phrase found: its number and its byte range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) phrase: usize,
    pub(crate) bytes: Range<usize>,
}

impl Phrases {
    /// Numbers the phrases in their order. The same phrase may come several times; an empty one is never found.
    pub(crate) fn new<S: AsRef<str>>(phrases: impl IntoIterator<Item = S>) -> Self {
        let mut tree = CharTree::default();
        let mut numbered: Vec<(u32, u32)> = phrases
            .into_iter()
            .zip(0..)
            .map(|(phrase, number)| (tree.insert(phrase.as_ref()), number))
            .collect();
        numbered.retain(|(node, _)| *node != CharTree::ROOT);
        numbered.sort_unstable();
        let mut ends = vec![0..0; tree.nodes()];
        for (at, (node, _)) in (0..).zip(&numbered) {
            let range = &mut ends[*node as usize];
            *range = if range.end == 0 {
                at..at + 1
            } else {
                range.start..at + 1
            };
        }
        Self { tree, ends, numbers: numbered.into_iter().map(|(_, number)| number).collect() }
    }

    fn ending(&self, node: u32) -> &[u32] {
        let Range { start, end } = self.ends[node as usize].clone();
        &self.numbers[start as usize..end as usize]
    }

    /// The first of the phrases that a text is; `None` when it is none.
    pub(crate) fn whole(&self, text: &str) -> Option<usize> {
        let node = text.chars().try_fold(CharTree::ROOT, |node, c| self.tree.step(node, c))?;
        self.ending(node).first().map(|&phrase| phrase as usize)
    }

    /// Shows every phrase of a text, by where it begins, then by length.
    pub(crate) fn each(&self, text: &str, mut show: impl FnMut(Found)) {
        for (start, _) in text.char_indices() {
            let rest = &text[start..];
            let mut node = CharTree::ROOT;
            for (at, c) in rest.char_indices() {
                let Some(next) = self.tree.step(node, c) else { break };
                node = next;
                for &phrase in self.ending(node) {
                    show(Found { phrase: phrase as usize, bytes: start..start + at + c.len_utf8() });
                }
            }
        }
    }

    /// Shows the longest phrase at the first place that has one, and so on after its end; of equal
    /// phrases the first.
    pub(crate) fn each_longest(&self, text: &str, mut show: impl FnMut(Found)) {
        let mut start = 0;
        while let Some(first) = text[start..].chars().next() {
            let mut best = None;
            let mut node = CharTree::ROOT;
            for (at, c) in text[start..].char_indices() {
                let Some(next) = self.tree.step(node, c) else { break };
                node = next;
                if let Some(&phrase) = self.ending(node).first() {
                    best = Some(Found { phrase: phrase as usize, bytes: start..start + at + c.len_utf8() });
                }
            }
            start = best.as_ref().map_or(start + first.len_utf8(), |found| found.bytes.end);
            best.into_iter().for_each(&mut show);
        }
    }

    /// Whether a text has one of the phrases.
    pub(crate) fn any(&self, text: &str) -> bool {
        let mut found = false;
        self.each(text, |_| found = true);
        found
    }
}

#[cfg(test)]
mod tests {
    use aho_corasick::{AhoCorasick, MatchKind};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn phrases_are_found_as_by_a_plain_automaton(
            phrases in prop::collection::vec("[不知道a]{1,4}", 1..12), text in "[不知道a啊]{0,12}"
        ) {
            let compiled = Phrases::new(&phrases);
            let mut found = Vec::new();
            compiled.each(&text, |f| found.push((f.phrase, f.bytes.start, f.bytes.end)));
            found.sort_unstable();
            let plain = AhoCorasick::new(&phrases).unwrap();
            let mut expected: Vec<_> =
                plain.find_overlapping_iter(&text).map(|m| (m.pattern().as_usize(), m.start(), m.end())).collect();
            expected.sort_unstable();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(compiled.any(&text), !found.is_empty());
            prop_assert_eq!(compiled.whole(&text), phrases.iter().position(|phrase| *phrase == text));
            let mut longest = Vec::new();
            compiled.each_longest(&text, |f| longest.push((f.phrase, f.bytes.start, f.bytes.end)));
            let plain = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&phrases).unwrap();
            let expected: Vec<_> =
                plain.find_iter(&text).map(|m| (m.pattern().as_usize(), m.start(), m.end())).collect();
            prop_assert_eq!(longest, expected);
        }
    }
}
