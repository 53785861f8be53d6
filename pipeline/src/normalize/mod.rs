//! Cleaning, folding and masking of text. Owns the mapping between recorded and
//! normalized characters; segments nothing and judges nothing.
//!
//! `text` is what is shown: control and zero-width characters gone, letters and figures
//! half-width, white space collapsed (to a line break where there was one), personal data replaced
//! by placeholders. `fold` is what is matched: [`fold_char`] of every character of `text`. Phrases
//! to be found in `fold` must be folded too; in it `，？！：；（）` are ASCII, `。` and `、` are not.

mod address;
mod chars;
mod digits;
mod identifier;
mod identity;
mod kinds;
mod mask;
mod names;
mod numbers;
mod plate;
mod repeats;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use chars::fold_char;

use crate::Result;
use crate::assets::Assets;
use crate::record::{CallRecord, Mask, MaskKind, NormalizedTurn, NumberSpan, Role, Word};
use kinds::CharKinds;
use mask::{Draft, Kinds};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NormalizeConfig {
    /// Mask personal data at all.
    pub mask: bool,
    /// Mask identity card numbers.
    pub mask_id_card: bool,
    /// Mask bank card numbers.
    pub mask_bank_card: bool,
    /// Mask mobile numbers, and fixed-line numbers that the caller gives.
    pub mask_phone: bool,
    /// Mask vehicle plates.
    pub mask_plate: bool,
    /// Mask e-mail addresses.
    pub mask_email: bool,
    /// Mask full names.
    pub mask_name: bool,
    /// Mask house numbers, buildings and rooms of addresses.
    pub mask_address: bool,
}

impl Default for NormalizeConfig {
    fn default() -> Self {
        Self {
            mask: true,
            mask_id_card: true,
            mask_bank_card: true,
            mask_phone: true,
            mask_plate: true,
            mask_email: true,
            mask_name: true,
            mask_address: true,
        }
    }
}

/// The stage.
#[derive(Debug)]
pub struct Normalizer {
    kinds: Kinds,
}

impl Normalizer {
    /// Prepares the stage.
    ///
    /// # Errors
    /// None so far: its lexicons are part of the program.
    pub fn new(config: &NormalizeConfig, _assets: &Assets) -> Result<Self> {
        Ok(Self { kinds: Kinds::new(config) })
    }

    /// Normalizes every turn of a call. The turns are masked together: a number may go over
    /// several of them, a name that was given once is known afterwards, and an office's telephone
    /// number stays readable when the caller repeats it.
    pub fn call(&self, record: &CallRecord) -> Vec<NormalizedTurn> {
        let mut drafts: Vec<Draft> =
            record.turns.iter().map(|turn| Draft::new(turn.role, chars::clean(&turn.text))).collect();
        mask::mask(&mut drafts, self.kinds);
        drafts.into_iter().map(finish).collect()
    }

    /// The turns of a masked record, which are normalized already, as far as rules and facts look at them: what
    /// [`Self::call`] made of the recorded ones without numbers and repeats. Not known any more are where things stood in
    /// the recorded text, and of masked turns the number of spoken units.
    pub fn stored(&self, record: &CallRecord) -> Vec<NormalizedTurn> {
        let turn = |text: &str| {
            let chars: Vec<char> = text.chars().collect();
            NormalizedTurn {
                text: text.to_owned(),
                fold: chars.iter().copied().map(fold_char).collect(),
                masks: mask::placeholders(&chars, self.kinds),
                spoken_units: chars::clean(text).spoken_units,
                ..NormalizedTurn::default()
            }
        };
        record.turns.iter().map(|recorded| turn(&recorded.text)).collect()
    }

    /// Normalizes one text on its own, as if the caller had said it.
    pub fn text(&self, raw: &str) -> NormalizedTurn {
        let mut drafts = [Draft::new(Role::Caller, chars::clean(raw))];
        mask::mask(&mut drafts, self.kinds);
        let [draft] = drafts;
        finish(draft)
    }

    /// Folds a query like the documents, masking nothing.
    pub fn fold(&self, text: &str) -> String {
        chars::clean(text).chars.into_iter().map(fold_char).collect()
    }

    /// The call with its turns' text normalized and masked, as it may be stored. Words that reach
    /// into a mask are dropped, personal data in attributes, labels and the ticket masked; the agent and ids stay.
    /// Labels get their keys in order, since not every way of a record here keeps theirs.
    pub fn masked_record(&self, record: &CallRecord, turns: &[NormalizedTurn]) -> CallRecord {
        let mut masked = record.clone();
        for (turn, normalized) in masked.turns.iter_mut().zip(turns) {
            let words = std::mem::take(&mut turn.words);
            turn.words = unmasked_words(&turn.text, words, &normalized.masks);
            turn.text.clone_from(&normalized.text);
        }
        for (key, value) in &mut masked.attributes {
            self.mask_attribute(Name::of(key), value);
        }
        if let Some(labels) = &mut masked.labels {
            self.mask_json(Name::default(), labels);
            labels.sort_all_objects();
        }
        if let Some(ticket) = &mut masked.ticket {
            for text in [&mut ticket.category, &mut ticket.department, &mut ticket.status].into_iter().flatten() {
                self.mask_attribute(Name::default(), text);
            }
        }
        masked
    }

    /// Masks a value by the name that it has, or else what is found in it, which may be JSON; tells whether there was
    /// anything.
    fn mask_attribute(&self, name: Name<'_>, value: &mut String) -> bool {
        if let Some(kind) = name.personal.filter(|&kind| self.kinds.allows(kind) && !value.is_empty()) {
            let changed = value != kind.placeholder();
            kind.placeholder().clone_into(value);
            return changed;
        }
        let mut changed = false;
        if value.starts_with(['{', '['])
            && let Ok(mut json) = serde_json::from_str(value)
            && self.mask_json(name, &mut json)
        {
            *value = json.to_string();
            changed = true;
        }
        // Not before: what JSON escapes says nothing of itself.
        if plainly_harmless(value) {
            return changed;
        }
        let normalized = self.text(value);
        if !normalized.masks.is_empty() {
            changed |= *value != normalized.text;
            *value = normalized.text;
        }
        changed
    }

    /// Masks the texts of a JSON value; tells whether there was anything.
    fn mask_json(&self, name: Name<'_>, value: &mut Value) -> bool {
        match value {
            Value::Array(values) => values.iter_mut().fold(false, |masked, value| self.mask_json(name, value) | masked),
            Value::Object(fields) => fields.iter_mut().fold(false, |masked, (key, value)| {
                let path = format!("{}.{key}", name.path);
                self.mask_json(Name::of(&path), value) | masked
            }),
            Value::String(text) => self.mask_attribute(name, text),
            Value::Number(number) => {
                let mut text = number.to_string();
                let masked = self.mask_attribute(name, &mut text);
                if masked {
                    *value = Value::String(text);
                }
                masked
            }
            Value::Bool(_) | Value::Null => false,
        }
    }
}

/// The keys that lead to a value, and what personal data they say it holds.
#[derive(Debug, Clone, Copy, Default)]
struct Name<'n> {
    path: &'n str,
    personal: Option<MaskKind>,
}

impl<'n> Name<'n> {
    fn of(path: &'n str) -> Self {
        Self { path, personal: personal_attribute(path) }
    }
}

/// Whether a value holds nothing that is masked, as can be told without reading it: the shortest number that is has seven
/// digits, and all else but addresses of mail has Chinese characters. Most values are such: codes, numbers of turns, marks.
fn plainly_harmless(value: &str) -> bool {
    let mut digits = 0;
    value.bytes().all(|byte| {
        digits += usize::from(byte.is_ascii_digit());
        byte.is_ascii() && byte != b'@' && digits < 7
    })
}

/// The numbers of a folded text, as [`NormalizedTurn::numbers`] has those of a turn.
pub fn find_numbers(folded: &str) -> Vec<NumberSpan> {
    numbers::find(&folded.chars().collect::<Vec<_>>())
}

fn finish(draft: Draft) -> NormalizedTurn {
    NormalizedTurn {
        numbers: if draft.kinds.any(&[CharKinds::NUMERAL]) {
            numbers::find(&draft.fold)
        } else {
            Vec::new()
        },
        repeats: repeats::find(&draft.fold),
        text: draft.chars.iter().collect(),
        fold: draft.fold.iter().collect(),
        masks: draft.masks,
        raw_offsets: draft.raw,
        spoken_units: draft.spoken_units,
    }
}

/// The words of a turn that lie outside its masks. A word that is not found in the text, in order,
/// cannot be placed and is dropped where anything is masked.
fn unmasked_words(raw: &str, words: Vec<Word>, masks: &[Mask]) -> Vec<Word> {
    if masks.is_empty() {
        return words;
    }
    let (mut byte, mut at) = (0, 0);
    words
        .into_iter()
        .filter(|word| {
            let Some(offset) = raw.get(byte..).and_then(|rest| rest.find(word.text.as_str())) else {
                return false;
            };
            let skipped = raw[byte..byte + offset].chars().count() as u32;
            let (start, end) = (at + skipped, at + skipped + word.text.chars().count() as u32);
            byte += offset + word.text.len();
            at = end;
            masks.iter().all(|mask| end <= mask.raw.start || mask.raw.end <= start)
        })
        .collect()
}

/// What personal data an attribute of that name holds.
fn personal_attribute(key: &str) -> Option<MaskKind> {
    const KEYS: &[(&str, MaskKind)] = &[
        ("身份证", MaskKind::IdCard),
        ("证件号", MaskKind::IdCard),
        ("idcard", MaskKind::IdCard),
        ("idnumber", MaskKind::IdCard),
        ("银行卡", MaskKind::BankCard),
        ("bankcard", MaskKind::BankCard),
        ("cardnumber", MaskKind::BankCard),
        ("手机", MaskKind::Phone),
        ("电话", MaskKind::Phone),
        ("phone", MaskKind::Phone),
        ("mobile", MaskKind::Phone),
        ("车牌", MaskKind::Plate),
        ("plate", MaskKind::Plate),
        ("邮箱", MaskKind::Email),
        ("email", MaskKind::Email),
        ("姓名", MaskKind::Name),
        ("callername", MaskKind::Name),
        ("customername", MaskKind::Name),
        ("fullname", MaskKind::Name),
        ("住址", MaskKind::Address),
        ("家庭地址", MaskKind::Address),
        ("homeaddress", MaskKind::Address),
    ];
    let key: String = key.chars().filter(|c| c.is_alphanumeric()).map(fold_char).collect();
    KEYS.iter().find(|(name, _)| key.contains(name)).map(|&(_, kind)| kind)
}

#[cfg(test)]
mod tests;
