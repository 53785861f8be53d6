//! Where the weights of a gram stand. Owns the way from the characters of a text to the rows of its
//! kept grams, which is what reading a text costs most: hashes are carried on from gram to longer
//! gram, and most grams that training did not keep are told by one bit.

/// Marks the start and the end of a text, so that a gram can stand for "begins with".
const START: char = '\u{2}';
const END: char = '\u{3}';

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
/// Bits of the filter for each kept gram.
const FILTER_BITS: usize = 16;

/// Grams in a bucket on average; hashes are spread evenly.
const BUCKET: usize = 4;
/// Hashes of a bucket that are compared at once; hardly a bucket has more.
const WINDOW: usize = 16;
/// Bytes of a record before its weights.
const HEAD: usize = 4;

/// Finds rows by hashes. What is looked up mostly has to be fetched from afar, and the processor
/// fetches many things at once as long as it need not guess which way to go on: so there is hardly a
/// branch on the way to a row, and what is known of the row lies in one place.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct GramIndex {
    /// The kept hashes, ascending, and a window of the highest number; a gram's row is its place.
    hashes: Vec<u32>,
    /// For each row the inverse document frequency, then a weight a head.
    records: Vec<u8>,
    /// Bytes of a record.
    stride: usize,
    heads: usize,
    /// For every beginning of a hash where those that begin so start.
    starts: Vec<u32>,
    /// What is shifted off a hash to have its beginning.
    shift: u32,
    /// A bit for every end of a hash that some kept hash has; a power of two of them.
    filter: Vec<u64>,
}

/// Room for reading one text after another without asking for memory each time.
#[derive(Debug, Default)]
pub struct Scratch {
    chars: Vec<char>,
    hashes: Vec<u32>,
    rows: Vec<u32>,
    pub(super) vector: Vec<(u32, f32)>,
}

impl GramIndex {
    /// Over hashes in ascending order, with the weights of so many heads for each, row by row.
    pub(super) fn new(hashes: &[u64], idf: &[f32], weights: &[i8], heads: usize) -> Self {
        let bits = (hashes.len() / BUCKET).next_power_of_two().ilog2().clamp(1, 31);
        let shift = 32 - bits;
        let words = (hashes.len() * FILTER_BITS / 64).next_power_of_two();
        let mut filter = vec![0u64; words];
        // Records that do not straddle more of the processor's lines than they must.
        let stride = (HEAD + heads).next_power_of_two();
        let mut records = vec![0u8; hashes.len() * stride];
        for (row, (&hash, idf)) in hashes.iter().zip(idf).enumerate() {
            filter[(hash >> 6) as usize & (words - 1)] |= 1 << (hash & 63);
            let record = &mut records[row * stride..(row + 1) * stride];
            record[..HEAD].copy_from_slice(&idf.to_le_bytes());
            let own = weights.iter().skip(row * heads).take(heads);
            record[HEAD..].iter_mut().zip(own).for_each(|(byte, weight)| *byte = weight.cast_unsigned());
        }
        let mut hashes: Vec<u32> = hashes.iter().map(|&hash| hash as u32).collect();
        let start = |begin: u32| hashes.partition_point(|hash| hash >> shift < begin) as u32;
        let starts = (0..1 << bits).map(start).collect();
        hashes.extend([u32::MAX; WINDOW]);
        Self { hashes, records, stride, heads, starts, shift, filter }
    }

    fn record(&self, row: u32) -> &[u8] {
        let from = row as usize * self.stride;
        self.records.get(from..from + self.stride).unwrap_or_default()
    }

    /// Inverse document frequency of a row.
    pub(super) fn idf(&self, row: u32) -> f32 {
        self.record(row).first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes))
    }

    /// The weights of a row, as bytes: one a head.
    pub(super) fn weights(&self, row: u32) -> &[u8] {
        self.record(row).get(HEAD..HEAD + self.heads).unwrap_or_default()
    }

    /// The row of a hash.
    pub(super) fn row(&self, hash: u32) -> Option<u32> {
        let mut row = *self.starts.get((hash >> self.shift) as usize)?;
        loop {
            let window: &[u32; WINDOW] = self.hashes.get(row as usize..)?.first_chunk()?;
            let lower = window.iter().map(|&kept| u32::from(kept < hash)).sum::<u32>();
            row += lower;
            if (lower as usize) < WINDOW {
                break;
            }
        }
        let last = self.hashes.len() - WINDOW;
        ((row as usize) < last && self.hashes[row as usize] == hash).then_some(row)
    }

    /// The rows of the kept grams of a text, ascending, each as often as it is there.
    pub(super) fn rows<'s>(&self, field: usize, longest: usize, text: &str, scratch: &'s mut Scratch) -> &'s [u32] {
        scratch.rows.clear();
        if text.is_empty() || self.filter.is_empty() {
            return &scratch.rows;
        }
        prepare(text, &mut scratch.chars);
        // Every hash is written and only those that may have been kept stay: without a branch the
        // processor need not guess which.
        scratch.hashes.resize(scratch.chars.len() * longest + 1, 0);
        let mask = self.filter.len() - 1;
        let mut kept = 0;
        for at in 0..scratch.chars.len() {
            let mut state = begin(field);
            for &c in &scratch.chars[at..scratch.chars.len().min(at + longest)] {
                state = step(state, c);
                let hash = finish(state);
                scratch.hashes[kept] = hash;
                kept += (self.filter[(hash >> 6) as usize & mask] >> (hash & 63) & 1) as usize;
            }
        }
        scratch.rows.extend(scratch.hashes[..kept].iter().filter_map(|&hash| self.row(hash)));
        scratch.rows.sort_unstable();
        &scratch.rows
    }
}

/// The characters of a text as its grams are made of them.
pub(super) fn prepare(text: &str, chars: &mut Vec<char>) {
    chars.clear();
    chars.push(START);
    chars.extend(text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }));
    chars.push(END);
}

/// FNV-1a over the field and the characters, finished with a multiply-shift: 32 bits are enough for some
/// hundred thousand grams and halve the stored model.
pub(super) fn hash(field: usize, gram: &[char]) -> u32 {
    finish(gram.iter().fold(begin(field), |state, &c| step(state, c)))
}

fn begin(field: usize) -> u64 {
    (OFFSET ^ (field as u64 + 1)).wrapping_mul(PRIME)
}

fn step(state: u64, c: char) -> u64 {
    (state ^ u64::from(u32::from(c))).wrapping_mul(PRIME)
}

fn finish(state: u64) -> u32 {
    ((state ^ state >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_those_of_a_plain_count(
            text in "[a-c0-9中文]{0,12}", kept in prop::collection::btree_set("[a-c中文]{1,3}", 0..40), field in 0usize..3
        ) {
            let grams = kept.iter().map(|gram| hash(field, &gram.chars().collect::<Vec<_>>()));
            let hashes: Vec<u64> = grams.map(u64::from).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            let idf = vec![1.0; hashes.len()];
            let index = GramIndex::new(&hashes, &idf, &[], 0);
            let mut chars = Vec::new();
            prepare(&text, &mut chars);
            let mut counts = BTreeMap::new();
            for gram in (1..=3).flat_map(|n| chars.windows(n)).filter(|_| !text.is_empty()) {
                if let Ok(row) = hashes.binary_search(&u64::from(hash(field, gram))) {
                    *counts.entry(row as u32).or_insert(0) += 1;
                }
            }
            let plain: Vec<u32> = counts.into_iter().flat_map(|(row, count)| vec![row; count]).collect();
            let mut scratch = Scratch::default();
            prop_assert_eq!(index.rows(field, 3, &text, &mut scratch), plain);
        }
    }
}
