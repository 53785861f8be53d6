//! The character grams of a text by their hashes. Owns what counts as a gram and how it is hashed; what
//! is known of one is kept elsewhere.

/// Marks the start and the end of a text, so that a gram can stand for "begins with".
const START: char = '\u{2}';
const END: char = '\u{3}';

/// The state of a hash before any character.
pub(super) const BEGIN: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The characters of a text as its grams are made of them; none of an empty text.
pub(super) fn prepare(text: &str, chars: &mut Vec<char>) {
    chars.clear();
    if text.is_empty() {
        return;
    }
    chars.push(START);
    chars.extend(text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }));
    chars.push(END);
}

/// Shows the hash of every gram of up to so many characters, with the index of its first character in
/// what [`prepare`] made and its length.
pub(super) fn each(chars: &[char], longest: usize, mut show: impl FnMut(u32, usize, usize)) {
    for at in 0..chars.len() {
        let mut state = BEGIN;
        for (&c, length) in chars[at..].iter().zip(1..=longest) {
            state = step(state, c);
            show(finish(state), at, length);
        }
    }
}

/// FNV-1a over the characters: carried on from gram to longer gram.
pub(super) fn step(state: u64, c: char) -> u64 {
    (state ^ u64::from(u32::from(c))).wrapping_mul(PRIME)
}

/// Finished with a multiply-shift: 32 bits are enough for some hundred thousand grams and halve the
/// stored model.
pub(super) fn finish(state: u64) -> u32 {
    ((state ^ state >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}
