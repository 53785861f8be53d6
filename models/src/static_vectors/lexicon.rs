//! Words with the logarithms of their chances, and the cutting of a text into the likeliest row of
//! them. Owns the tree of their characters, which tells at each place of a text all words that
//! begin there in as many steps as the longest has characters.

use std::cell::RefCell;

use crate::CharTree;

/// What a character costs that no word covers: more than any word.
const UNKNOWN: f32 = -30.0;

/// The words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lexicon {
    tree: CharTree,
    /// For each node: the number of the word that ends there and the logarithm of its chance.
    words: Vec<Option<(u32, f32)>>,
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
        let mut tree = CharTree::default();
        let ends: Vec<(u32, (u32, f32))> = words
            .into_iter()
            .zip(0..)
            .map(|((word, chance), number)| (tree.insert(word), (number, chance)))
            .collect();
        let mut words = vec![None; tree.nodes()];
        for (node, word) in ends.into_iter().filter(|(node, _)| *node != CharTree::ROOT) {
            words[node as usize] = Some(word);
        }
        Self { tree, words }
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
        thread_local!(static PLACES: RefCell<Vec<Place>> = RefCell::default());
        // The room is kept from text to text; what is shown may be cut again.
        let mut places = PLACES.take();
        places.clear();
        places.extend(text.char_indices().map(|(byte, c)| Place { byte, c, ..Place::default() }));
        places.push(Place { byte: text.len(), ..Place::default() });
        // From the back: for each place the best sum to the end, and the word that it begins with.
        for at in (0..places.len() - 1).rev() {
            let (mut sum, mut end, mut word) = (f32::NEG_INFINITY, at + 1, None);
            let mut node = Some(CharTree::ROOT);
            for next in at + 1..places.len() {
                node = node.and_then(|node| self.tree.step(node, places[next - 1].c));
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
        PLACES.set(places);
    }

    /// Logarithm of the chance of the likeliest words that make up `text`; `None` when there are none.
    #[cfg(feature = "bert")]
    pub(crate) fn chance(&self, text: &str) -> Option<f32> {
        let mut covered = 0;
        let mut sum = 0.0;
        self.visit(text, |word, _| {
            covered += word.len();
            let node = word.chars().try_fold(CharTree::ROOT, |node, c| self.tree.step(node, c));
            sum += node.and_then(|node| self.words[node as usize]).map_or(0.0, |(_, chance)| chance);
        });
        (covered == text.len()).then_some(sum)
    }
}
