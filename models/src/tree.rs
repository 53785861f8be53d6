//! A tree of characters: which words begin with which. Owns the nodes and the steps between them, hashed
//! so that a step is one look into one table; what ends at a node is the caller's to keep.

/// From a node by a character to another node; the root, which nothing leads to, where there is none.
#[derive(Debug, Clone, Copy, Default)]
struct Branch {
    from: u32,
    by: char,
    to: u32,
}

/// The tree.
#[derive(Debug, Clone)]
pub struct CharTree {
    /// The branches of all nodes by node and character; as many as a power of two.
    branches: Vec<Branch>,
    /// The nodes that the common Chinese characters lead to from the root: at almost every place of a
    /// text this step is asked for, and at most of them it is the last.
    first: Vec<u32>,
    /// A bit for each branch by the end of its hash: most steps lead nowhere, and this is told without a
    /// look into the large table. A power of two of them.
    filter: Vec<u64>,
    nodes: u32,
}

/// Branches of the table for a word of the filter: two bits each.
const FILTER_SHARE: usize = 32;

/// First and one past the last of these characters.
const HAN: std::ops::Range<u32> = 0x4E00..0xA000;

impl Default for CharTree {
    fn default() -> Self {
        Self {
            branches: vec![Branch::default(); 64],
            first: vec![Self::ROOT; HAN.len()],
            filter: vec![0; 64 / FILTER_SHARE],
            nodes: 1,
        }
    }
}

impl CharTree {
    /// The node that every word begins at.
    pub const ROOT: u32 = 0;

    /// Number of nodes; they are numbered from the root on.
    pub fn nodes(&self) -> usize {
        self.nodes as usize
    }

    /// The node of a word, made when there is none.
    pub fn insert(&mut self, word: &str) -> u32 {
        word.chars().fold(Self::ROOT, |node, c| self.step(node, c).unwrap_or_else(|| self.grow(node, c)))
    }

    fn grow(&mut self, from: u32, by: char) -> u32 {
        // A third of the table at most is in use: most steps lead nowhere and should end at once.
        if self.nodes() * 3 > self.branches.len() {
            let doubled = vec![Branch::default(); self.branches.len() * 2];
            self.filter = vec![0; doubled.len() / FILTER_SHARE];
            let old = std::mem::replace(&mut self.branches, doubled);
            old.into_iter().filter(|branch| branch.to != Self::ROOT).for_each(|branch| self.put(branch));
        }
        let to = self.nodes;
        self.nodes += 1;
        match self.first.get_mut(u32::from(by).wrapping_sub(HAN.start) as usize) {
            Some(first) if from == Self::ROOT => *first = to,
            _ => self.put(Branch { from, by, to }),
        }
        to
    }

    fn put(&mut self, branch: Branch) {
        let mask = self.branches.len() - 1;
        let hash = hash(branch.from, branch.by);
        let words = self.filter.len() - 1;
        self.filter[(hash >> 6) & words] |= 1 << (hash & 63);
        let mut at = hash & mask;
        while self.branches[at].to != Self::ROOT {
            at = (at + 1) & mask;
        }
        self.branches[at] = branch;
    }

    /// The node that a character leads to.
    #[inline]
    pub fn step(&self, from: u32, by: char) -> Option<u32> {
        if from == Self::ROOT
            && let Some(&first) = self.first.get(u32::from(by).wrapping_sub(HAN.start) as usize)
        {
            return (first != Self::ROOT).then_some(first);
        }
        let hash = hash(from, by);
        if self.filter[(hash >> 6) & (self.filter.len() - 1)] >> (hash & 63) & 1 == 0 {
            return None;
        }
        let mask = self.branches.len() - 1;
        let mut at = hash & mask;
        loop {
            let branch = self.branches[at];
            if branch.to == Self::ROOT {
                return None;
            }
            if branch.from == from && branch.by == by {
                return Some(branch.to);
            }
            at = (at + 1) & mask;
        }
    }
}

#[inline]
fn hash(from: u32, by: char) -> usize {
    let key = u64::from(from) << 32 | u64::from(u32::from(by));
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_word_leads_to_its_own_node(words in prop::collection::btree_set("[a-d中]{0,4}", 0..60), other in "[a-d中]{0,4}") {
            let mut tree = CharTree::default();
            let nodes: Vec<u32> = words.iter().map(|word| tree.insert(word)).collect();
            let walk = |word: &str| word.chars().try_fold(CharTree::ROOT, |node, c| tree.step(node, c));
            for (word, node) in words.iter().zip(&nodes) {
                prop_assert_eq!(walk(word), Some(*node));
            }
            prop_assert_eq!(walk(&other).is_some(), other.is_empty() || words.iter().any(|word| word.starts_with(&other)));
        }
    }
}
