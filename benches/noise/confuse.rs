//! The noise of the evaluation: characters replaced by others that a recogniser might have
//! written. The table is this bench's own (`homophones.txt`), not the one that the index folds by.

use std::collections::HashMap;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

const TABLE: &str = include_str!("homophones.txt");

/// Pairs of sounds that recognisers confuse: initials and endings of a syllable.
const INITIALS: [(&str, &str); 5] = [("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("r", "l")];
const ENDINGS: [(&str, &str); 3] = [("ing", "in"), ("eng", "en"), ("ang", "an")];

/// Share of the replacements that change the sound too.
const CONFUSED: f64 = 0.3;

/// For every character, others of its own sound and others of a sound that is confused with it.
pub(crate) struct Confusions {
    same: HashMap<char, Vec<char>>,
    near: HashMap<char, Vec<char>>,
}

impl Confusions {
    pub(crate) fn new() -> Self {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let rows: HashMap<&str, Vec<char>> = lines
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                Some((words.next()?, words.filter_map(|word| word.chars().next()).collect()))
            })
            .collect();
        let (mut same, mut near) = (HashMap::new(), HashMap::new());
        for (sound, row) in &rows {
            let neighbours: Vec<char> =
                neighbours(sound).iter().filter_map(|near| rows.get(near.as_str())).flatten().copied().collect();
            for &c in row {
                let others = row.iter().copied().filter(|&other| other != c);
                same.entry(c).or_insert_with(Vec::new).extend(others);
                near.entry(c).or_insert_with(Vec::new).extend(neighbours.iter().copied().filter(|&n| n != c));
            }
        }
        for others in same.values_mut().chain(near.values_mut()) {
            others.sort_unstable();
            others.dedup();
        }
        Self { same, near }
    }

    /// Characters that the table knows.
    pub(crate) fn len(&self) -> usize {
        self.same.len()
    }

    /// Whether the table has another character for one.
    pub(crate) fn knows(&self, c: char) -> bool {
        [&self.same, &self.near].iter().any(|table| table.get(&c).is_some_and(|others| !others.is_empty()))
    }

    /// Another character in place of one, if the table has any.
    pub(crate) fn instead(&self, c: char, random: &mut StdRng) -> Option<char> {
        let (first, second) = if random.random_bool(CONFUSED) {
            (&self.near, &self.same)
        } else {
            (&self.same, &self.near)
        };
        let others = [first, second].into_iter().filter_map(|table| table.get(&c)).find(|others| !others.is_empty())?;
        others.choose(random).copied()
    }

    /// A text in which each character that the table knows is replaced with that probability.
    pub(crate) fn garble(&self, text: &str, rate: f64, random: &mut StdRng) -> String {
        text.chars()
            .map(|c| {
                if random.random_bool(rate) {
                    self.instead(c, random).unwrap_or(c)
                } else {
                    c
                }
            })
            .collect()
    }
}

/// The syllables that one confusion away from a syllable.
fn neighbours(sound: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (a, b) in INITIALS {
        for (from, to) in [(a, b), (b, a)] {
            if let Some(rest) = sound.strip_prefix(from).filter(|rest| !rest.starts_with('h')) {
                found.push(format!("{to}{rest}"));
            }
        }
    }
    for (a, b) in ENDINGS {
        for (from, to) in [(a, b), (b, a)] {
            if let Some(rest) = sound.strip_suffix(from) {
                found.push(format!("{rest}{to}"));
            }
        }
    }
    found
}
