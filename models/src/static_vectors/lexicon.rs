//! Words with the logarithms of their chances, and the cutting of a text into the likeliest row of
//! them. Owns the tree of their characters, which tells at each place of a text all words that
//! begin there in as many steps as the longest has characters.

/// What a character costs that no word covers: more than any word.
const UNKNOWN: f32 = -30.0;
const ROOT: u32 = 0;

/// The words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lexicon {
    /// The branches of all nodes, hashed by node and character; as many as a power of two.
    branches: Vec<Branch>,
    /// For each node: the number of the word that ends there and the logarithm of its chance.
    words: Vec<Option<(u32, f32)>>,
}

/// From a node by a character to another node; the root, which nothing leads to, where there is none.
#[derive(Debug, Clone, Copy, Default)]
struct Branch {
    from: u32,
    by: char,
    to: u32,
}

/// The best way from a place to the end of the text.
#[derive(Clone, Copy, Default)]
struct Place {
    byte: usize,
    c: char,
    sum: f32,
    /// Where its first word ends, and which it is.
    end: usize,
    word: Option<u32>,
}

impl Lexicon {
    /// Numbers the words in their order.
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = (&'a str, f32)>) -> Self {
        let mut lexicon = Self { branches: vec![Branch::default(); 64], words: vec![None] };
        for ((word, chance), number) in words.into_iter().zip(0..) {
            let node = word.chars().fold(ROOT, |node, c| lexicon.grow(node, c));
            if node != ROOT {
                lexicon.words[node as usize] = Some((number, chance));
            }
        }
        lexicon
    }

    /// The node that a character leads to, made when there is none.
    fn grow(&mut self, from: u32, by: char) -> u32 {
        if let Some(to) = self.step(from, by) {
            return to;
        }
        if self.words.len() * 2 > self.branches.len() {
            let doubled = vec![Branch::default(); self.branches.len() * 2];
            let old = std::mem::replace(&mut self.branches, doubled);
            old.into_iter().filter(|branch| branch.to != ROOT).for_each(|branch| self.put(branch));
        }
        let to = self.words.len() as u32;
        self.words.push(None);
        self.put(Branch { from, by, to });
        to
    }

    fn put(&mut self, branch: Branch) {
        let mask = self.branches.len() - 1;
        let mut at = slot(branch.from, branch.by) & mask;
        while self.branches[at].to != ROOT {
            at = (at + 1) & mask;
        }
        self.branches[at] = branch;
    }

    fn step(&self, from: u32, by: char) -> Option<u32> {
        let mask = self.branches.len().wrapping_sub(1);
        let mut at = slot(from, by) & mask;
        loop {
            let branch = self.branches.get(at).filter(|branch| branch.to != ROOT)?;
            if branch.from == from && branch.by == by {
                return Some(branch.to);
            }
            at = (at + 1) & mask;
        }
    }

    /// The likeliest words of a text, with their numbers.
    pub(crate) fn cut<'a>(&self, text: &'a str) -> Vec<(&'a str, u32)> {
        let mut words = Vec::new();
        self.visit(text, |word, number| words.push((word, number)));
        words
    }

    /// Shows the likeliest words of a text with their numbers, in order. A character that no word
    /// covers is left out.
    pub(crate) fn visit<'a>(&self, text: &'a str, mut show: impl FnMut(&'a str, u32)) {
        let mut places: Vec<Place> =
            text.char_indices().map(|(byte, c)| Place { byte, c, ..Place::default() }).collect();
        places.push(Place { byte: text.len(), ..Place::default() });
        // From the back: for each place the best sum to the end, and the word that it begins with.
        for at in (0..places.len() - 1).rev() {
            let (mut sum, mut end, mut word) = (f32::NEG_INFINITY, at + 1, None);
            let mut node = Some(ROOT);
            for next in at + 1..places.len() {
                node = node.and_then(|node| self.step(node, places[next - 1].c));
                let found = node.and_then(|node| self.words[node as usize]);
                let candidate = match found {
                    Some((_, chance)) => chance + places[next].sum,
                    None if next == at + 1 => UNKNOWN + places[next].sum,
                    None if node.is_none() => break,
                    None => continue,
                };
                if candidate > sum {
                    (sum, end, word) = (candidate, next, found.map(|(number, _)| number));
                }
                if node.is_none() {
                    break;
                }
            }
            places[at] = Place { sum, end, word, ..places[at] };
        }
        let mut at = 0;
        while let Some(place) = places.get(at).filter(|place| place.end > at) {
            if let (Some(word), Some(end)) = (place.word, places.get(place.end)) {
                show(&text[place.byte..end.byte], word);
            }
            at = place.end;
        }
    }

    /// Logarithm of the chance of the likeliest words that make up `text`; `None` when there are none.
    #[cfg(feature = "bert")]
    pub(crate) fn chance(&self, text: &str) -> Option<f32> {
        let mut covered = 0;
        let mut sum = 0.0;
        self.visit(text, |word, _| {
            covered += word.len();
            let node = word.chars().try_fold(ROOT, |node, c| self.step(node, c));
            sum += node.and_then(|node| self.words[node as usize]).map_or(0.0, |(_, chance)| chance);
        });
        (covered == text.len()).then_some(sum)
    }
}

fn slot(from: u32, by: char) -> usize {
    let key = u64::from(from) << 32 | u64::from(u32::from(by));
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}
