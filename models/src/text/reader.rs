//! Texts read for several models at once. Owns what is known of each gram and word for every field of every
//! model that may look at a text, all in one place: a gram is hashed once and looked up once, and what a text
//! comes to in each of those fields is a sum of small integers that no order changes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::grams::{BEGIN, finish, prepare, step};
use super::index::GramIndex;
use super::model::TextModel;
use crate::StaticVectors;

/// Weights that are added at once.
const LANES: usize = 8;
/// Grams after which the sums of 16 bits are put away: 127 · 256 is the most that fits.
const FLUSH: usize = 256;

/// A field of a model as which texts are read, and whether their words count for the model too.
#[derive(Debug, Clone, Copy)]
pub struct Part<'m> {
    /// The model.
    pub model: &'m TextModel,
    /// The number of the field.
    pub field: usize,
    /// Whether what the words mean is summed up as well.
    pub meaning: bool,
}

/// Where the sums of a part lie.
#[derive(Debug, Clone)]
struct Slot {
    from: usize,
    /// Heads of the model, and as many places as a whole number of lanes has.
    heads: usize,
    width: usize,
}

/// Reads texts for some parts, at most eight.
#[derive(Debug, Clone)]
pub struct Reader {
    slots: Vec<Slot>,
    width: usize,
    longest: usize,
    index: GramIndex,
    /// Where the record of each gram begins: a bit for each part that kept it, then for each of these the
    /// rarity, 16 bits, and the weights.
    places: Vec<u32>,
    records: Vec<u8>,
    words: Option<Words>,
}

/// What each word adds to the parts that look at meaning.
#[derive(Debug, Clone)]
struct Words {
    vectors: Arc<StaticVectors>,
    /// By number of their slots, each after the grams' slots.
    slots: Vec<(usize, Slot)>,
    stride: usize,
    records: Vec<u8>,
}

/// What a text comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    sums: Vec<i32>,
    rarities: Vec<u32>,
}

/// Room for reading one text after another without asking for memory each time.
#[derive(Debug, Default)]
struct Scratch {
    chars: Vec<char>,
    hashes: Vec<u32>,
    numbers: Vec<u32>,
    sums: Vec<i16>,
}

impl Reader {
    /// For these parts; where some look at meaning, by these vectors.
    pub fn new(parts: &[Part<'_>], vectors: &Arc<StaticVectors>) -> Self {
        let mut width = 0;
        let mut slot = |model: &TextModel| {
            let heads = model.heads().len();
            let slot = Slot { from: width, heads, width: heads.next_multiple_of(LANES) };
            width += slot.width;
            slot
        };
        let slots: Vec<Slot> = parts.iter().map(|part| slot(part.model)).collect();
        let meant = parts.iter().enumerate().filter_map(|(at, part)| {
            let meaning = part.model.meaning.as_ref().filter(|_| part.meaning)?;
            Some((at, meaning, slot(part.model)))
        });
        let meant: Vec<_> = meant.collect();
        let words = (!meant.is_empty()).then(|| {
            let mut records = Vec::new();
            for word in 0..meant.iter().map(|(_, meaning, _)| meaning.words()).max().unwrap_or(0) {
                for (_, meaning, slot) in &meant {
                    push(meaning.rarity(word), meaning.weights(word), slot.width, &mut records);
                }
            }
            let slots: Vec<(usize, Slot)> = meant.iter().map(|(at, _, slot)| (*at, slot.clone())).collect();
            let stride = slots.iter().map(|(_, slot)| slot.width + 2).sum();
            Words { vectors: Arc::clone(vectors), slots, stride, records }
        });
        // Of every gram the parts that kept it, with its row there.
        let mut kept: BTreeMap<u32, Vec<(usize, usize)>> = BTreeMap::new();
        for (at, part) in parts.iter().enumerate() {
            for (row, key) in part.model.keys.iter().enumerate().filter(|(_, key)| key.field() == part.field) {
                kept.entry(key.hash()).or_default().push((at, row));
            }
        }
        let rarity = |rows: &[(usize, usize)]| rows.iter().map(|&(at, row)| parts[at].model.rarity[row]).min();
        // The commonest first.
        let mut grams: Vec<(u32, Vec<(usize, usize)>)> = kept.into_iter().collect();
        grams.sort_by_key(|(_, rows)| rarity(rows));
        let hashes: Vec<u32> = grams.iter().map(|(hash, _)| *hash).collect();
        let (index, order) = GramIndex::new(&hashes);
        let (mut records, mut places) = (Vec::new(), Vec::with_capacity(order.len()));
        for at in order {
            let rows = &grams[at].1;
            places.push(records.len() as u32);
            records.push(rows.iter().fold(0u8, |mask, (at, _)| mask | 1 << at));
            for &(at, row) in rows {
                let model = parts[at].model;
                push(model.rarity[row], model.weights(row), slots[at].width, &mut records);
            }
        }
        let longest = parts.iter().filter_map(|part| part.model.fields.get(part.field)).map(|field| field.longest);
        Self {
            longest: usize::from(longest.max().unwrap_or(0)),
            slots,
            width,
            index,
            places,
            records,
            words,
        }
    }

    /// Reads a text for the parts whose bits are set in `wanted`, the first part's bit being the lowest.
    pub fn read(&self, text: &str, wanted: u8) -> Reading {
        thread_local!(static SCRATCH: RefCell<Scratch> = RefCell::default());
        let mut reading = Reading { sums: vec![0; self.width], rarities: vec![0; self.slots.len() * 2] };
        SCRATCH.with_borrow_mut(|scratch| {
            self.grams(text, wanted, scratch, &mut reading);
            self.words(text, wanted, scratch, &mut reading);
        });
        reading
    }

    fn grams(&self, text: &str, wanted: u8, scratch: &mut Scratch, reading: &mut Reading) {
        self.look_up(text, scratch);
        let Scratch { numbers, sums, .. } = scratch;
        sums.clear();
        sums.resize(self.width, 0);
        for (count, &number) in (1..).zip(numbers.iter()) {
            let mut at = self.places[number as usize] as usize;
            let mut mask = self.records[at];
            at += 1;
            while mask != 0 {
                let part = mask.trailing_zeros() as usize;
                let slot = &self.slots[part];
                let record = &self.records[at..at + 2 + slot.width];
                at += record.len();
                if wanted >> part & 1 == 1 {
                    reading.rarities[part] += add(record, &mut sums[slot.from..slot.from + slot.width]);
                }
                mask &= mask - 1;
            }
            if count % FLUSH == 0 {
                flush(sums, &mut reading.sums);
            }
        }
        flush(sums, &mut reading.sums);
    }

    /// The numbers of the kept grams of a text.
    fn look_up(&self, text: &str, scratch: &mut Scratch) {
        let Scratch { chars, hashes, numbers, .. } = scratch;
        prepare(text, chars);
        // Every hash is written and only those that may have been kept stay: without a branch the
        // processor need not guess which.
        hashes.resize(chars.len() * self.longest + 1, 0);
        let mut kept = 0;
        for at in 0..chars.len() {
            let mut state = BEGIN;
            for &c in &chars[at..chars.len().min(at + self.longest)] {
                state = step(state, c);
                let hash = finish(state);
                hashes[kept] = hash;
                kept += usize::from(self.index.may_have(hash));
            }
        }
        self.index.fetch(&hashes[..kept]);
        numbers.clear();
        numbers.extend(hashes[..kept].iter().filter_map(|&hash| self.index.number(hash)));
        // The same for the records, of which a line or two are asked for next.
        let record = |&number: &u32| self.records.get(self.places[number as usize] as usize).copied();
        std::hint::black_box(numbers.iter().filter_map(record).fold(0, |all, near| all ^ near));
    }

    fn words(&self, text: &str, wanted: u8, scratch: &mut Scratch, reading: &mut Reading) {
        let Some(words) = self.words.as_ref().filter(|words| words.slots.iter().any(|(at, _)| wanted >> at & 1 == 1))
        else {
            return;
        };
        let sums = &mut scratch.sums;
        let mut count = 0;
        let parts = self.slots.len();
        words.vectors.words(text, |word| {
            let Some(mut record) = words.records.get(word * words.stride..(word + 1) * words.stride) else {
                return;
            };
            for (part, slot) in &words.slots {
                let (own, rest) = record.split_at(slot.width + 2);
                reading.rarities[parts + part] += add(own, &mut sums[slot.from..slot.from + slot.width]);
                record = rest;
            }
            count += 1;
            if count % FLUSH == 0 {
                flush(sums, &mut reading.sums);
            }
        });
        flush(sums, &mut reading.sums);
    }

    /// Adds what a text came to in a part to the margins of the part's model.
    pub fn add(&self, part: usize, model: &TextModel, field: usize, reading: &Reading, margins: &mut [f32]) {
        let Slot { from, heads, .. } = self.slots[part];
        model.add_field(field, &reading.sums[from..from + heads], reading.rarities[part], margins);
    }

    /// The same of what its words mean.
    pub fn add_meaning(&self, part: usize, model: &TextModel, reading: &Reading, margins: &mut [f32]) {
        let slots = self.words.iter().flat_map(|words| &words.slots);
        for (_, slot) in slots.filter(|(at, _)| *at == part) {
            let sums = &reading.sums[slot.from..slot.from + slot.heads];
            model.add_meaning(sums, reading.rarities[self.slots.len() + part], margins);
        }
    }

    /// [`TextModel::contributions`] of the model of a part, found faster.
    pub fn contributions(&self, part: usize, model: &TextModel, text: &str, head: &str) -> Vec<f32> {
        model.shares(text, head, |hash, index| {
            let number =
                Some(hash).filter(|&hash| self.index.may_have(hash)).and_then(|hash| self.index.number(hash))?;
            let (&mask, mut record) = self.records.get(self.places[number as usize] as usize..)?.split_first()?;
            for before in (0..part).filter(|before| mask >> before & 1 == 1) {
                record = record.get(2 + self.slots[before].width..)?;
            }
            let (rarity, weights) = record.split_first_chunk::<2>().filter(|_| mask >> part & 1 == 1)?;
            Some((u16::from_le_bytes(*rarity), weights.get(index)?.cast_signed()))
        })
    }

    /// Adds what a text came to in a part to what other texts came to.
    pub fn merge(&self, part: usize, reading: &Reading, into: &mut super::Sum) {
        let Slot { from, heads, .. } = self.slots[part];
        into.merge(&reading.sums[from..from + heads], reading.rarities[part]);
    }
}

fn push(rarity: u16, weights: &[i8], width: usize, records: &mut Vec<u8>) {
    records.extend(rarity.to_le_bytes());
    let end = records.len() + width;
    records.extend(weights.iter().map(|weight| weight.cast_unsigned()));
    records.resize(end, 0);
}

/// Adds the weights of a record; its rarity.
#[inline]
fn add(record: &[u8], sums: &mut [i16]) -> u32 {
    let Some((rarity, weights)) = record.split_first_chunk::<2>() else {
        return 0;
    };
    let sums = sums.as_chunks_mut::<LANES>().0;
    for (at, weights) in weights.as_chunks::<LANES>().0.iter().enumerate() {
        let Some(sums) = sums.get_mut(at) else { break };
        #[allow(
            clippy::needless_range_loop,
            reason = "a loop without closures is vectorised in every build"
        )]
        for lane in 0..LANES {
            sums[lane] = sums[lane].wrapping_add(i16::from(weights[lane].cast_signed()));
        }
    }
    u32::from(u16::from_le_bytes(*rarity))
}

fn flush(sums: &mut [i16], into: &mut [i32]) {
    for (sum, into) in sums.iter_mut().zip(into) {
        *into += i32::from(*sum);
        *sum = 0;
    }
}
