//! The static encoder of the first version: signed hashing of character n-grams into a
//! short dense vector (the "hashing trick", Weinberger et al., ICML 2009). It needs no
//! training data, takes microseconds a text and knows nothing of meaning beyond shared
//! characters.

use sha2::{Digest, Sha256};

use crate::{Encoder, Error, Result};

/// Character n-grams of length 1 to `longest`, hashed with a sign into `dimensions` buckets,
/// longer grams weighing more, scaled to unit length.
#[derive(Debug, Clone)]
pub struct HashedNgrams {
    dimensions: usize,
    longest: usize,
    fingerprint: String,
}

impl HashedNgrams {
    /// # Errors
    /// When `dimensions` is not a power of two of at least 64, or `longest` is 0.
    pub fn new(dimensions: usize, longest: usize) -> Result<Self> {
        if dimensions < 64 || !dimensions.is_power_of_two() || longest == 0 {
            return Err(Error::Setting(format!(
                "hashed n-grams need a power of two of at least 64 dimensions and grams of at least 1 character, not {dimensions} and {longest}"
            )));
        }
        Ok(Self { dimensions, longest, fingerprint: fingerprint(dimensions, longest) })
    }

    /// The static encoder as the program uses it everywhere: 512 dimensions, grams of up to 3 characters.
    pub fn standard() -> Self {
        Self { dimensions: 512, longest: 3, fingerprint: fingerprint(512, 3) }
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0f32; self.dimensions];
        let chars: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        for n in 1..=self.longest.min(chars.len()) {
            for gram in chars.windows(n) {
                let hash = fnv1a(gram);
                let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
                vector[(hash as usize) & (self.dimensions - 1)] += sign * n as f32;
            }
        }
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 {
            vector.iter_mut().for_each(|x| *x /= norm);
        }
        vector
    }
}

fn fingerprint(dimensions: usize, longest: usize) -> String {
    let digest = Sha256::digest(format!("hashed-ngrams/1/{dimensions}/{longest}"));
    digest.iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// FNV-1a over the characters, finished with a multiply-shift so that the low bits depend on all.
fn fnv1a(gram: &[char]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for &c in gram {
        hash ^= u64::from(u32::from(c));
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Encoder for HashedNgrams {
    fn name(&self) -> &'static str {
        "static"
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cosine;

    fn encoder() -> HashedNgrams {
        HashedNgrams::new(256, 3).unwrap()
    }

    #[test]
    fn shared_words_are_nearer_than_none() {
        let texts = ["社保卡怎么补办", "补办社保卡要带什么", "小区停水三天了"];
        let v = encoder().encode(&texts).unwrap();
        assert!(cosine(&v[0], &v[1]) > cosine(&v[0], &v[2]) + 0.2);
    }

    #[test]
    fn bad_dimensions_are_refused() {
        assert!(HashedNgrams::new(100, 3).unwrap_err().to_string().contains("power of two"));
        assert!(HashedNgrams::new(64, 0).is_err());
    }

    proptest! {
        #[test]
        fn vectors_have_unit_length_or_are_zero(text in ".{0,40}") {
            let v = &encoder().encode(&[&text]).unwrap()[0];
            let norm: f32 = v.iter().map(|x| x * x).sum();
            prop_assert!(norm == 0.0 || (norm - 1.0).abs() < 1e-4);
        }
    }
}
