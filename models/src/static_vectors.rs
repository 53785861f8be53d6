//! Word vectors distilled from the transformer: a text is cut into the most likely words of
//! the table, and its vector is their weighted mean. Microseconds a text, a few megabytes, no
//! engine. The table is a file that `qingting models distill` writes and the program embeds.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

pub(crate) use self::lexicon::Lexicon;
use crate::{Encoder, Error, Result};

mod lexicon;

const MAGIC: &[u8; 4] = b"QTSV";
const VERSION: u32 = 1;

/// The table that ships with the program.
static EMBEDDED: &[u8] = include_bytes!("../artifacts/static_vectors.bin");

/// Word and character vectors in 8 bits with a scale each.
#[derive(Clone)]
pub struct StaticVectors {
    words: Lexicon,
    dimensions: usize,
    /// Common words weigh little: `a / (a + p)`, by word.
    weights: Vec<f32>,
    /// What a unit of each row is worth.
    scales: Vec<f32>,
    /// Rows of signed bytes.
    units: Cow<'static, [u8]>,
    fingerprint: String,
}

impl std::fmt::Debug for StaticVectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaticVectors")
            .field("words", &self.scales.len())
            .field("dimensions", &self.dimensions)
            .finish_non_exhaustive()
    }
}

impl StaticVectors {
    /// The table that ships with the program, read once.
    ///
    /// # Errors
    /// When the program was built with a damaged table.
    pub fn embedded() -> Result<Arc<Self>> {
        static SHARED: OnceLock<Arc<StaticVectors>> = OnceLock::new();
        if let Some(shared) = SHARED.get() {
            return Ok(Arc::clone(shared));
        }
        let file = Layout::read(EMBEDDED)?;
        let table = Arc::new(Self::new(&file, Cow::Borrowed(file.units)));
        Ok(Arc::clone(SHARED.get_or_init(|| table)))
    }

    /// A table out of the bytes of its file.
    ///
    /// # Errors
    /// When they are not one.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let file = Layout::read(bytes)?;
        Ok(Self::new(&file, Cow::Owned(file.units.to_vec())))
    }

    fn new(file: &Layout<'_>, units: Cow<'static, [u8]>) -> Self {
        let digest = Sha256::digest(file.bytes);
        Self {
            words: Lexicon::new(file.words.iter().zip(&file.chances).map(|(word, &chance)| (*word, chance))),
            dimensions: file.dimensions,
            weights: file.chances.iter().map(|chance| file.smoothing / (file.smoothing + chance.exp())).collect(),
            scales: file.scales.clone(),
            units,
            fingerprint: digest.iter().take(8).map(|b| format!("{b:02x}")).collect(),
        }
    }

    /// The words of the table that a text is cut into, as they stand in it; what is not in the
    /// table is left out.
    pub fn cut<'a>(&self, text: &'a str) -> Vec<&'a str> {
        self.words.cut(text).into_iter().map(|(word, _)| word).collect()
    }

    /// Number of words and characters of the table.
    pub(crate) fn count(&self) -> usize {
        self.scales.len()
    }

    /// Dimensions of a vector.
    pub(crate) fn width(&self) -> usize {
        self.dimensions
    }

    /// The weighted vector of a word of the table.
    pub(crate) fn row(&self, word: usize) -> impl Iterator<Item = f32> + '_ {
        let factor = self.weights.get(word).zip(self.scales.get(word)).map_or(0.0, |(weight, scale)| weight * scale);
        let units = self.units.get(word * self.dimensions..(word + 1) * self.dimensions).unwrap_or(&[]);
        units.iter().map(move |&unit| f32::from(unit.cast_signed()) * factor)
    }

    /// Shows the likeliest words of a folded text by their numbers, in order.
    pub(crate) fn words(&self, folded: &str, mut show: impl FnMut(usize)) {
        self.words.visit(folded, |_, word| show(word as usize));
    }

    /// The vector of one text; all zero when no word of it is in the table.
    pub fn vector(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0f32; self.dimensions];
        // What is folded already, as turns are, has nothing to be lowered.
        let lower = if text.chars().all(|c| is_han(c) || c.is_ascii() && !c.is_ascii_uppercase()) {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(text.to_lowercase())
        };
        self.words.visit(&lower, |_, word| {
            let at = word as usize;
            let (Some(weight), Some(scale)) = (self.weights.get(at), self.scales.get(at)) else {
                return;
            };
            let row = self.units.get(at * self.dimensions..(at + 1) * self.dimensions).unwrap_or(&[]);
            let factor = weight * scale;
            vector.iter_mut().zip(row).for_each(|(x, &unit)| *x += f32::from(unit.cast_signed()) * factor);
        });
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 {
            vector.iter_mut().for_each(|x| *x /= norm);
        }
        vector
    }
}

/// Chinese characters and the punctuation that folding leaves: none of them has a lower case.
fn is_han(c: char) -> bool {
    matches!(c, '\u{4E00}'..='\u{9FFF}' | '\u{3000}'..='\u{303F}')
}

impl Encoder for StaticVectors {
    fn name(&self) -> &'static str {
        "static-vectors"
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        Ok(texts.iter().map(|text| self.vector(text)).collect())
    }
}

/// The file: magic, version, number of words, dimensions, length of the text, smoothing; then the
/// words, a line each; logarithms of their chances and scales, 32 bits each; the rows. All little-endian.
pub(crate) struct Layout<'a> {
    bytes: &'a [u8],
    pub(crate) words: Vec<&'a str>,
    pub(crate) dimensions: usize,
    /// `a` of the weight `a / (a + p)`.
    pub(crate) smoothing: f32,
    pub(crate) chances: Vec<f32>,
    pub(crate) scales: Vec<f32>,
    pub(crate) units: &'a [u8],
}

impl<'a> Layout<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let bad = |reason: &str| Error::Engine(format!("not a table of word vectors: {reason}"));
        let mut rest = bytes;
        let mut take = |length: usize| {
            let (taken, after) = rest.split_at_checked(length).ok_or_else(|| bad("it ends too early"))?;
            rest = after;
            Ok::<_, Error>(taken)
        };
        if take(4)? != MAGIC {
            return Err(bad("it begins otherwise"));
        }
        let header = take(20)?.as_chunks::<4>().0;
        let &[version, words, dimensions, text, smoothing] = header else {
            return Err(bad("no header"));
        };
        if u32::from_le_bytes(version) != VERSION {
            return Err(bad("another version"));
        }
        let number = |bytes| u32::from_le_bytes(bytes) as usize;
        let (count, dimensions) = (number(words), number(dimensions));
        let text = std::str::from_utf8(take(number(text))?).map_err(|_| bad("words that are not UTF-8"))?;
        let words: Vec<&str> = text.lines().collect();
        let chances = floats(take(count * 4)?);
        let scales = floats(take(count * 4)?);
        let units = take(count.checked_mul(dimensions).ok_or_else(|| bad("too large"))?)?;
        if words.len() != count || dimensions == 0 || !rest.is_empty() {
            return Err(bad("its parts do not fit"));
        }
        Ok(Self {
            bytes,
            words,
            dimensions,
            smoothing: f32::from_le_bytes(smoothing),
            chances,
            scales,
            units,
        })
    }

    /// The file's bytes.
    #[cfg(any(test, feature = "bert"))]
    pub(crate) fn write(words: &[&str], smoothing: f32, chances: &[f32], rows: &[Vec<f32>]) -> Vec<u8> {
        let text = words.join("\n");
        let dimensions = rows.first().map_or(0, Vec::len);
        let mut bytes = MAGIC.to_vec();
        for number in [VERSION, words.len() as u32, dimensions as u32, text.len() as u32] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(smoothing.to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(chances.iter().flat_map(|x| x.to_le_bytes()));
        let scales: Vec<f32> =
            rows.iter().map(|row| row.iter().fold(0.0f32, |most, x| most.max(x.abs())) / 127.0).collect();
        bytes.extend(scales.iter().flat_map(|x| x.to_le_bytes()));
        for (row, scale) in rows.iter().zip(&scales) {
            bytes.extend(row.iter().map(|x| {
                if *scale > 0.0 {
                    ((x / scale).round() as i8).cast_unsigned()
                } else {
                    0
                }
            }));
        }
        bytes
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosine;

    fn table() -> Vec<u8> {
        let words = ["的", "社保", "社保卡", "卡", "补办", "停水"];
        let chances = [
            0.05f32.ln(),
            0.001f32.ln(),
            0.0008f32.ln(),
            0.002f32.ln(),
            0.0005f32.ln(),
            0.0004f32.ln(),
        ];
        let rows = [
            [0.1, 0.0, 0.0],
            [0.0, 1.0, 0.2],
            [0.0, 0.9, 0.4],
            [0.0, 0.2, 0.9],
            [0.3, 0.5, 0.1],
            [1.0, -0.2, 0.0],
        ];
        Layout::write(&words, 1e-3, &chances, &rows.map(|row| row.to_vec()))
    }

    #[test]
    fn text_is_cut_into_the_likeliest_words() {
        let table = StaticVectors::parse(&table()).unwrap();
        assert_eq!(table.cut("补办的社保卡"), ["补办", "的", "社保卡"]);
        assert_eq!(table.cut("我x社保。卡"), ["社保", "卡"]);
        assert!(table.cut("").is_empty());
        let v = table.encode(&["补办社保卡", "社保卡的补办", "停水", "啊"]).unwrap();
        assert!(cosine(&v[0], &v[1]) > 0.99 && cosine(&v[0], &v[2]) < 0.5);
        assert!(v[3].iter().all(|&x| x == 0.0));
    }

    #[test]
    fn a_damaged_table_is_an_error() {
        let bytes = table();
        for cut in [0, 3, 20, 60, bytes.len() - 1] {
            assert!(StaticVectors::parse(&bytes[..cut]).is_err());
        }
        assert!(StaticVectors::parse(&[bytes.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn the_embedded_table_knows_what_hotlines_talk_about() {
        let table = StaticVectors::embedded().unwrap();
        let texts = [
            "社保卡怎么补办",
            "医保卡丢了去哪里重新办",
            "小区停水三天了",
            "家里好几天没有自来水",
        ];
        let v = table.encode(&texts).unwrap();
        let (cards, water) = (cosine(&v[0], &v[1]), cosine(&v[2], &v[3]));
        for across in [
            cosine(&v[0], &v[2]),
            cosine(&v[0], &v[3]),
            cosine(&v[1], &v[2]),
            cosine(&v[1], &v[3]),
        ] {
            assert!(cards > across + 0.1 && water > across + 0.1, "{cards} {water} {across}");
        }
    }
}
