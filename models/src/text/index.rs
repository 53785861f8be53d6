//! Where what is known of a gram lies. Owns the way from the hashes of a text to the places of the kept
//! grams, which is what reading a text costs most: most grams that training did not keep are told by one
//! bit, and the way to the others has hardly a branch, since the processor fetches many things at once
//! as long as it need not guess which way to go on.

/// Bits of the filter for each kept gram.
const FILTER_BITS: usize = 16;
/// Grams in a bucket on average; hashes are spread evenly.
const BUCKET: usize = 4;
/// Hashes of a bucket that are compared at once; hardly a bucket has more.
const WINDOW: usize = 16;

/// How many of the commonest grams are kept together, since they make up most of every text.
const COMMON: usize = 8192;
/// Places for each of them in their table: most are found at the first look.
const ROOM: usize = 4;

/// Finds grams by their hashes. A gram's number is its place in the order that [`GramIndex::new`] gives.
#[derive(Debug, Clone, Default)]
pub(super) struct GramIndex {
    /// Hash and number, counted from 1, of the common grams, each at its hash or after it; a power of two.
    common: Vec<(u32, u32)>,
    /// Number of the first of the others.
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

impl GramIndex {
    /// Over distinct hashes, the commonest first. The second is the order of the numbers: for each number
    /// the place of its gram among `hashes`.
    pub(super) fn new(hashes: &[u32]) -> (Self, Vec<usize>) {
        let words = (hashes.len() * FILTER_BITS / 64).next_power_of_two();
        let mut filter = vec![0u64; words];
        for &hash in hashes {
            filter[(hash >> 6) as usize & (words - 1)] |= 1 << (hash & 63);
        }
        let rare = hashes.len().min(COMMON);
        let mut order: Vec<usize> = (0..hashes.len()).collect();
        order[rare..].sort_unstable_by_key(|&at| hashes[at]);
        let mut common = vec![(0, 0); (rare * ROOM).next_power_of_two()];
        let mask = common.len() - 1;
        for (number, &hash) in (1..).zip(&hashes[..rare]) {
            let mut at = hash as usize & mask;
            while common[at].1 != 0 {
                at = (at + 1) & mask;
            }
            common[at] = (hash, number);
        }
        let mut others: Vec<u32> = order[rare..].iter().map(|&at| hashes[at]).collect();
        let bits = (others.len() / BUCKET).next_power_of_two().ilog2().clamp(1, 31);
        let shift = 32 - bits;
        let start = |begin: u32| others.partition_point(|hash| hash >> shift < begin) as u32;
        let starts = (0..1 << bits).map(start).collect();
        others.extend([u32::MAX; WINDOW]);
        (Self { common, rare: rare as u32, hashes: others, starts, shift, filter }, order)
    }

    /// Whether a hash may be kept.
    #[inline]
    pub(super) fn may_have(&self, hash: u32) -> bool {
        let mask = self.filter.len().wrapping_sub(1);
        self.filter.get((hash >> 6) as usize & mask).is_some_and(|word| word >> (hash & 63) & 1 == 1)
    }

    /// Looks once where each hash will be looked for. The loop does nothing else, so that the processor
    /// fetches many of these places at once, and all of them are near when they are asked for.
    pub(super) fn fetch(&self, hashes: &[u32]) {
        let place = |&hash: &u32| {
            let start = self.starts.get((hash >> self.shift) as usize).copied().unwrap_or(0);
            self.hashes.get(start as usize).copied().unwrap_or(0)
        };
        std::hint::black_box(hashes.iter().map(place).fold(0, |all, near| all ^ near));
    }

    /// The number of a hash.
    #[inline]
    pub(super) fn number(&self, hash: u32) -> Option<u32> {
        let mask = self.common.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            match self.common.get(at) {
                Some(&(known, number)) if number != 0 => {
                    if known == hash {
                        return Some(number - 1);
                    }
                    at = (at + 1) & mask;
                }
                _ => return self.rare_number(hash),
            }
        }
    }

    #[inline]
    fn rare_number(&self, hash: u32) -> Option<u32> {
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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_kept_hash_has_its_number_and_no_other_has_one(
            // Of so many that not all of them are common.
            count in 0u32..COMMON as u32 * 2, other in any::<u32>()
        ) {
            let hashes: Vec<u32> = (0..count).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
            let (index, order) = GramIndex::new(&hashes);
            index.fetch(&hashes);
            for (number, at) in order.into_iter().enumerate() {
                prop_assert!(index.may_have(hashes[at]));
                prop_assert_eq!(index.number(hashes[at]), Some(number as u32));
            }
            if !hashes.contains(&other) {
                prop_assert_eq!(index.number(other), None);
            }
        }
    }
}
