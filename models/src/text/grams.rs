//! Where the weights of a gram stand. Owns the way from the characters of a text to what is known of
//! its kept grams, which is what reading a text costs most: hashes are carried on from gram to longer
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

/// How many of the commonest grams are kept together.
const COMMON: usize = 8192;
/// Places for each of them in their table: most are found at the first look.
const ROOM: usize = 4;

/// Finds what is known of a gram by its hash. It mostly has to be fetched from afar. So what is known of a
/// gram lies in one record; the commonest grams, which make up most of every text, lie together, near
/// the processor; and on the way to the others is hardly a branch, since the processor fetches many
/// things at once as long as it need not guess which way to go on.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct GramIndex {
    /// The inverse document frequency, then a weight a head: of the common grams, then of the others in
    /// order of their hashes. The number of a record is its slot.
    records: Vec<u8>,
    /// Bytes of a record.
    stride: usize,
    heads: usize,
    /// Hash and slot, counted from 1, of the common grams, each at its hash or after it; a power of two.
    common: Vec<(u32, u32)>,
    /// Slot of the first of the others.
    rare: u32,
    /// The hashes of the others, ascending, and a window of the highest number.
    hashes: Vec<u32>,
    /// For every beginning of a hash where those that begin so start.
    starts: Vec<u32>,
    /// What is shifted off a hash to have its beginning.
    shift: u32,
    /// A bit for every end of a hash that some kept hash has; a power of two of them.
    filter: Vec<u64>,
}

/// Room for reading one text after another without asking for memory each time.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    chars: Vec<char>,
    hashes: Vec<u32>,
    grams: Vec<Gram>,
    pub(super) vector: Vec<(Gram, f32)>,
}

/// Hash and slot of a kept gram in one number, ordered by the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gram(u64);

impl Gram {
    fn new(hash: u32, slot: u32) -> Self {
        Self(u64::from(hash) << 32 | u64::from(slot))
    }

    pub(super) fn hash(self) -> u64 {
        self.0 >> 32
    }

    pub(super) fn slot(self) -> u32 {
        self.0 as u32
    }
}

impl GramIndex {
    /// Over hashes in ascending order, with the weights of so many heads for each, row by row.
    pub(super) fn new(hashes: &[u64], idf: &[f32], weights: &[i8], heads: usize) -> Self {
        let words = (hashes.len() * FILTER_BITS / 64).next_power_of_two();
        let mut filter = vec![0u64; words];
        for &hash in hashes {
            filter[(hash >> 6) as usize & (words - 1)] |= 1 << (hash & 63);
        }
        let mut rows: Vec<usize> = (0..hashes.len()).collect();
        rows.sort_by(|&a, &b| idf[a].total_cmp(&idf[b]));
        let rare = rows.len().min(COMMON);
        rows[rare..].sort_unstable();
        // No room is left between records: what is small stays nearer.
        let stride = HEAD + heads;
        let mut records = vec![0u8; rows.len() * stride];
        for (&row, record) in rows.iter().zip(records.chunks_exact_mut(stride)) {
            record[..HEAD].copy_from_slice(&idf[row].to_le_bytes());
            let own = weights.iter().skip(row * heads).take(heads);
            record[HEAD..].iter_mut().zip(own).for_each(|(byte, weight)| *byte = weight.cast_unsigned());
        }
        let mut common = vec![(0, 0); (rare * ROOM).next_power_of_two()];
        let mask = common.len() - 1;
        for (slot, &row) in (1..).zip(&rows[..rare]) {
            let mut at = hashes[row] as usize & mask;
            while common[at].1 != 0 {
                at = (at + 1) & mask;
            }
            common[at] = (hashes[row] as u32, slot);
        }
        let mut hashes: Vec<u32> = rows[rare..].iter().map(|&row| hashes[row] as u32).collect();
        let bits = (hashes.len() / BUCKET).next_power_of_two().ilog2().clamp(1, 31);
        let shift = 32 - bits;
        let start = |begin: u32| hashes.partition_point(|hash| hash >> shift < begin) as u32;
        let starts = (0..1 << bits).map(start).collect();
        hashes.extend([u32::MAX; WINDOW]);
        Self { records, stride, heads, common, rare: rare as u32, hashes, starts, shift, filter }
    }

    fn record(&self, slot: u32) -> &[u8] {
        let from = slot as usize * self.stride;
        self.records.get(from..from + self.stride).unwrap_or_default()
    }

    /// Inverse document frequency of a gram.
    #[inline]
    pub(super) fn idf(&self, slot: u32) -> f32 {
        self.record(slot).first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes))
    }

    /// The weights of a gram, as bytes: one a head.
    #[inline]
    pub(super) fn weights(&self, slot: u32) -> &[u8] {
        self.record(slot).get(HEAD..HEAD + self.heads).unwrap_or_default()
    }

    /// The slot of a hash.
    #[inline]
    pub(super) fn slot(&self, hash: u32) -> Option<u32> {
        let mask = self.common.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            match self.common.get(at) {
                Some(&(known, slot)) if slot != 0 => {
                    if known == hash {
                        return Some(slot - 1);
                    }
                    at = (at + 1) & mask;
                }
                _ => return self.rare_slot(hash),
            }
        }
    }

    /// Looks once where each hash will be looked for. The loop does nothing else, so that the processor
    /// fetches many of these places at once, and all of them are near when they are asked for.
    fn fetch(&self, hashes: &[u32]) {
        let place = |&hash: &u32| {
            let start = self.starts.get((hash >> self.shift) as usize).copied().unwrap_or(0);
            self.hashes.get(start as usize).copied().unwrap_or(0)
        };
        std::hint::black_box(hashes.iter().map(place).fold(0, |all, near| all ^ near));
    }

    #[inline]
    fn rare_slot(&self, hash: u32) -> Option<u32> {
        let mut at = *self.starts.get((hash >> self.shift) as usize)?;
        loop {
            let window: &[u32; WINDOW] = self.hashes.get(at as usize..)?.first_chunk()?;
            let lower = window.iter().map(|&kept| u32::from(kept < hash)).sum::<u32>();
            at += lower;
            if (lower as usize) < WINDOW {
                break;
            }
        }
        let last = self.hashes.len() - WINDOW;
        ((at as usize) < last && self.hashes[at as usize] == hash).then_some(self.rare + at)
    }

    /// The kept grams of a text, ascending by hash, each as often as it is there.
    pub(super) fn grams<'s>(&self, field: usize, longest: usize, text: &str, scratch: &'s mut Scratch) -> &'s [Gram] {
        scratch.grams.clear();
        if text.is_empty() || self.filter.is_empty() {
            return &scratch.grams;
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
        self.fetch(&scratch.hashes[..kept]);
        let found = scratch.hashes[..kept].iter().filter_map(|&hash| Some(Gram::new(hash, self.slot(hash)?)));
        scratch.grams.extend(found);
        // The same for the records, of which a line or two are asked for next.
        let record = |gram: &Gram| self.records.get((gram.slot() as usize + 1) * self.stride - 1).copied();
        std::hint::black_box(scratch.grams.iter().filter_map(record).fold(0, |all, near| all ^ near));
        scratch.grams.sort_unstable();
        &scratch.grams
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
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn grams_are_those_of_a_plain_count(
            text in "[a-c0-9中文]{0,12}",
            kept in prop::collection::btree_set("[a-c中文]{1,3}", 0..40),
            field in 0usize..3,
            others in 0usize..COMMON * 2
        ) {
            let grams = kept.iter().map(|gram| u64::from(hash(field, &gram.chars().collect::<Vec<_>>())));
            // So many others besides that not all of them are common.
            let others = (0..others as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32);
            let hashes: Vec<u64> = grams.chain(others).collect::<BTreeSet<_>>().into_iter().collect();
            let idf: Vec<f32> = hashes.iter().map(|hash| (hash % 100) as f32).collect();
            let index = GramIndex::new(&hashes, &idf, &vec![7; hashes.len()], 1);
            let mut chars = Vec::new();
            prepare(&text, &mut chars);
            let grams = (1..=3).flat_map(|n| chars.windows(n)).filter(|_| !text.is_empty());
            let mut plain: Vec<u64> = grams.map(|gram| u64::from(hash(field, gram))).collect();
            plain.retain(|hash| hashes.binary_search(hash).is_ok());
            plain.sort_unstable();
            let mut scratch = Scratch::default();
            let found = index.grams(field, 3, &text, &mut scratch);
            prop_assert_eq!(found.iter().map(|gram| gram.hash()).collect::<Vec<_>>(), plain);
            for gram in found {
                prop_assert_eq!(index.idf(gram.slot()), (gram.hash() % 100) as f32);
                prop_assert_eq!(index.weights(gram.slot()), [7]);
            }
        }
    }
}
