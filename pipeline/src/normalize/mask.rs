//! Masking: collects what the finders of personal data say of a call, and puts the
//! placeholders in, keeping the way back to the recorded characters.

use super::chars::{Cleaned, fold_char};
use super::kinds::CharKinds;
use super::{NormalizeConfig, address, identity, names, plate};
use crate::record::{Mask, MaskKind, Role, Span};

/// Rounds of masking. A placeholder can bring into reach what stood behind it; what is masked
/// must not change when it is masked again.
const ROUNDS: usize = 4;

/// A turn while it is being masked.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) role: Role,
    pub(super) chars: Vec<char>,
    pub(super) fold: Vec<char>,
    /// Recorded character of each character, and one for the end.
    pub(super) raw: Vec<u32>,
    pub(super) masks: Vec<Mask>,
    pub(super) spoken_units: u32,
    /// Of the recorded text; masking brings no number, letter or plate in.
    pub(super) kinds: CharKinds,
}

impl Draft {
    pub(super) fn new(role: Role, cleaned: Cleaned) -> Self {
        let mut raw = cleaned.raw;
        raw.push(cleaned.raw_len);
        let fold: Vec<char> = cleaned.chars.iter().copied().map(fold_char).collect();
        Self {
            kinds: CharKinds::of(&fold),
            role,
            chars: cleaned.chars,
            fold,
            raw,
            masks: Vec::new(),
            spoken_units: cleaned.spoken_units,
        }
    }

    /// Whether the hotline speaks.
    pub(super) fn office(&self) -> bool {
        matches!(self.role, Role::Agent | Role::Bot | Role::Ivr)
    }

    /// Replaces the given pieces, in order and not overlapping, by their placeholders.
    fn apply(&mut self, pieces: &[Found]) {
        let old = (std::mem::take(&mut self.chars), std::mem::take(&mut self.fold), std::mem::take(&mut self.raw));
        let (chars, fold, raw) = (&old.0, &old.1, &old.2);
        let mut earlier = std::mem::take(&mut self.masks).into_iter().peekable();
        let mut at = 0;
        for piece in pieces.iter().map(Some).chain([None]) {
            let upto = piece.map_or(chars.len(), |p| p.start);
            while let Some(mask) = earlier.next_if(|m| (m.span.start as usize) < upto) {
                let start = (self.chars.len() + mask.span.start as usize - at) as u32;
                self.masks.push(Mask { span: Span::new(start, start + mask.span.len()), ..mask });
            }
            self.chars.extend(&chars[at..upto]);
            self.fold.extend(&fold[at..upto]);
            self.raw.extend(&raw[at..upto]);
            let Some(piece) = piece else { break };
            let start = self.chars.len();
            for c in piece.kind.placeholder().chars() {
                self.chars.push(c);
                self.fold.push(fold_char(c));
                self.raw.push(raw[piece.start]);
            }
            self.masks.push(Mask {
                kind: piece.kind,
                span: Span::new(start as u32, self.chars.len() as u32),
                raw: Span::new(raw[piece.start], raw[piece.end - 1] + 1),
            });
            at = piece.end;
        }
        self.raw.extend(raw.last());
    }
}

/// A piece of personal data in a turn, as character range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: MaskKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The kinds that are masked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kinds {
    id_card: bool,
    bank_card: bool,
    phone: bool,
    plate: bool,
    email: bool,
    name: bool,
    address: bool,
}

impl Kinds {
    pub(super) fn new(config: &NormalizeConfig) -> Self {
        let on = |switch: bool| config.mask && switch;
        Self {
            id_card: on(config.mask_id_card),
            bank_card: on(config.mask_bank_card),
            phone: on(config.mask_phone),
            plate: on(config.mask_plate),
            email: on(config.mask_email),
            name: on(config.mask_name),
            address: on(config.mask_address),
        }
    }

    pub(super) fn allows(self, kind: MaskKind) -> bool {
        match kind {
            MaskKind::IdCard => self.id_card,
            MaskKind::BankCard => self.bank_card,
            MaskKind::Phone => self.phone,
            MaskKind::Plate => self.plate,
            MaskKind::Email => self.email,
            MaskKind::Name => self.name,
            MaskKind::Address => self.address,
        }
    }

    fn any(self) -> bool {
        self.id_card || self.bank_card || self.phone || self.plate || self.email || self.name || self.address
    }
}

/// Masks the turns of one call.
pub(super) fn mask(drafts: &mut [Draft], kinds: Kinds) {
    if !kinds.any() {
        return;
    }
    for _ in 0..ROUNDS {
        let mut found: Vec<Vec<Found>> = vec![Vec::new(); drafts.len()];
        // What is verified by check digits comes first and wins where two claim the same characters.
        identity::find(drafts, kinds, &mut found);
        plate::find(drafts, &mut found);
        names::find(drafts, &mut found);
        address::find(drafts, &mut found);
        let mut changed = false;
        for (draft, pieces) in drafts.iter_mut().zip(found) {
            let mut kept: Vec<Found> = Vec::new();
            for piece in pieces.into_iter().filter(|p| kinds.allows(p.kind) && p.start < p.end) {
                if kept.iter().all(|k| k.end <= piece.start || piece.end <= k.start) {
                    kept.push(piece);
                }
            }
            kept.sort_unstable_by_key(|p| p.start);
            if !kept.is_empty() {
                draft.apply(&kept);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
}

/// The placeholders in a text that was masked.
pub(super) fn placeholders(text: &[char], kinds: Kinds) -> Vec<Mask> {
    let open = |&at: &usize| text.get(at) == Some(&'[');
    let mask = |at: usize| {
        let kind = MaskKind::ALL.into_iter().find(|kind| starts_at(text, at, kind.placeholder()))?;
        let span = Span::new(at as u32, (at + kind.placeholder().chars().count()) as u32);
        kinds.allows(kind).then_some(Mask { kind, span, raw: span })
    };
    (0..text.len()).filter(open).filter_map(mask).collect()
}

/// Whether one of the words ends within the last `within` characters of a text.
pub(super) fn ends_with_any(text: &[char], words: &[&str], within: usize) -> bool {
    words.iter().any(|word| {
        let n = word.chars().count();
        // No place before could end within reach.
        let from = text.len().saturating_sub(within + n);
        (from..(text.len() + 1).saturating_sub(n)).any(|start| starts_at(text, start, word))
    })
}

/// Whether a text goes on with a word at an index.
pub(super) fn starts_at(text: &[char], at: usize, word: &str) -> bool {
    let mut rest = text.get(at..).unwrap_or_default().iter();
    word.chars().all(|c| rest.next() == Some(&c))
}
