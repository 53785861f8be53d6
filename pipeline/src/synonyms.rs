//! Words that mean the same in the calls of a hotline, from `synonyms/*.txt`. Owns the files and
//! their checks; what a search makes of a synonym is the index's business. Nothing of an analysis
//! or of an index depends on them, so a change needs neither a new analysis nor a new index.

use std::collections::BTreeMap;

use crate::assets::{Asset, Assets};
use crate::normalize::fold_char;
use crate::record::Span;
use crate::{Error, Result};

/// Groups of words that stand for each other.
#[derive(Debug, Clone, Default)]
pub struct Synonyms {
    /// For every word, folded, the other words of its groups.
    others: BTreeMap<String, Vec<String>>,
    /// Characters of the longest word.
    longest: usize,
}

/// A word of a text that has synonyms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synonymous<'a> {
    /// Where it stands, in characters.
    pub span: Span,
    /// What may be said in its place, folded.
    pub others: &'a [String],
}

impl Synonyms {
    /// Reads every file of `synonyms/`: one group a line, its words separated by white space,
    /// `#` begins a comment. Every word of a line stands for every other one of that line.
    ///
    /// # Errors
    /// [`Error::Config`] with file and line for a line of one word, a word of one character, a word
    /// with anything but letters, digits and Chinese characters, or a word given twice in a line.
    pub fn load(assets: &Assets) -> Result<Self> {
        let mut synonyms = Self::default();
        for asset in assets.read_dir("synonyms", "txt")? {
            for (line, number) in asset.text.lines().zip(1..) {
                synonyms.add_line(line, &asset, number)?;
            }
        }
        Ok(synonyms)
    }

    /// Tells of every line that [`Self::load`] would refuse.
    pub(crate) fn mistakes(assets: &Assets, note: &mut dyn FnMut(Error)) {
        let mut synonyms = Self::default();
        match assets.read_dir("synonyms", "txt") {
            Err(error) => note(error),
            Ok(files) => {
                for asset in files {
                    let lines = asset.text.lines().zip(1..);
                    lines
                        .filter_map(|(line, number)| synonyms.add_line(line, &asset, number).err())
                        .for_each(&mut *note);
                }
            }
        }
    }

    fn add_line(&mut self, line: &str, asset: &Asset, number: usize) -> Result<()> {
        let refuse = |message: String| Error::in_line(asset, number, message);
        let text = line.split('#').next().unwrap_or_default().trim_start_matches('\u{feff}');
        let mut group: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let folded: String = word.chars().map(fold_char).collect();
            if let Some(c) = folded.chars().find(|c| !c.is_alphanumeric()) {
                return Err(refuse(format!(
                    "\"{word}\" contains \"{c}\"; words are separated by spaces and have letters, digits and Chinese characters only"
                )));
            }
            if folded.chars().nth(1).is_none() {
                return Err(refuse(format!("\"{word}\" has one character; a synonym has two or more")));
            }
            if group.contains(&folded) {
                return Err(refuse(format!("\"{word}\" is given twice in this line")));
            }
            group.push(folded);
        }
        match group.as_slice() {
            [] => return Ok(()),
            [only] => {
                return Err(refuse(format!(
                    "\"{only}\" stands alone; a line has two or more words that mean the same"
                )));
            }
            _ => {}
        }
        for word in &group {
            self.longest = self.longest.max(word.chars().count());
            let others = self.others.entry(word.clone()).or_default();
            for other in &group {
                if other != word && !others.contains(other) {
                    others.push(other.clone());
                }
            }
        }
        Ok(())
    }

    /// What may be said instead of a folded word; nothing for a word of no group.
    pub fn of(&self, word: &str) -> &[String] {
        self.others.get(word).map_or(&[], Vec::as_slice)
    }

    /// The words with synonyms in a folded text that begin and end at one of `bounds` (characters,
    /// ascending): from left to right, the longest first, not overlapping.
    pub fn find(&self, folded: &str, bounds: &[u32]) -> Vec<Synonymous<'_>> {
        let chars: Vec<char> = folded.chars().collect();
        let mut found: Vec<Synonymous<'_>> = Vec::new();
        for &start in bounds {
            if found.last().is_some_and(|last| start < last.span.end) {
                continue;
            }
            let within = |after: u32| bounds.partition_point(|&end| end <= after);
            let farthest = start.saturating_add(u32::try_from(self.longest).unwrap_or(u32::MAX));
            let ends = bounds.get(within(start)..within(farthest)).unwrap_or_default().iter().rev();
            let mut words = ends.filter_map(|&end| {
                let word: String = chars.get(start as usize..end as usize)?.iter().collect();
                let others = self.of(&word);
                (!others.is_empty()).then_some(Synonymous { span: Span::new(start, end), others })
            });
            found.extend(words.next());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Synonyms> {
        let asset = Asset { origin: "config/synonyms/x.txt".into(), text: text.to_owned().into() };
        let mut synonyms = Synonyms::default();
        text.lines().zip(1..).try_for_each(|(line, number)| synonyms.add_line(line, &asset, number))?;
        Ok(synonyms)
    }

    #[test]
    fn every_word_of_a_line_stands_for_the_others() {
        let synonyms = read("# 房\n公积金 住房公積金 # 同义\n\n公积金 房积金\n").unwrap();
        assert_eq!(synonyms.of("公积金"), ["住房公积金", "房积金"]);
        assert_eq!(synonyms.of("住房公积金"), ["公积金"]);
        assert_eq!(synonyms.of("公积"), [] as [String; 0]);
    }

    #[test]
    fn bad_lines_are_refused_with_file_and_line() {
        for (text, wanted) in [
            ("公积金 住房公积金\n城管\n", "config/synonyms/x.txt:2: \"城管\" stands alone"),
            ("水 自来水", "config/synonyms/x.txt:1: \"水\" has one character"),
            ("城管，城市管理", "config/synonyms/x.txt:1: \"城管，城市管理\" contains \",\""),
            ("城管 城管", "config/synonyms/x.txt:1: \"城管\" is given twice"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(wanted), "{error}");
        }
    }

    #[test]
    fn the_longest_word_between_bounds_is_found() {
        let synonyms = read("公积金 房积金\n住房公积金 房积金").unwrap();
        let found = synonyms.find("查住房公积金额", &[0, 1, 3, 6, 7]);
        assert_eq!(found, [Synonymous { span: Span::new(1, 6), others: &["房积金".to_owned()] }]);
        // No bound after 公积金: the word is another one.
        assert!(synonyms.find("公积金额", &[0, 2, 4]).is_empty());
    }

    /// For every word all of the text's bounds were looked at.
    #[test]
    fn a_long_text_took_the_square_of_its_length() {
        let synonyms = read("公积金 房积金\n住房公积金 房积金").unwrap();
        let bounds: Vec<u32> = (0..=900_000).collect();
        assert_eq!(synonyms.find(&"查公积金".repeat(225_000), &bounds).len(), 225_000);
    }

    #[test]
    fn the_embedded_groups_load_and_a_folder_of_the_users_adds_to_them() {
        let embedded = Synonyms::load(&Assets::embedded()).unwrap();
        assert!(embedded.of("城管").contains(&"城市管理".to_owned()));
        assert!(embedded.others.len() > 120, "{}", embedded.others.len());
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("synonyms")).unwrap();
        std::fs::write(dir.path().join("synonyms/90_ours.txt"), "一网通办 随申办\n").unwrap();
        let assets = Assets::with_overlay(dir.path()).unwrap();
        let both = Synonyms::load(&assets).unwrap();
        assert_eq!(both.of("随申办"), ["一网通办"]);
        assert_eq!(both.of("城管"), embedded.of("城管"));
    }
}
