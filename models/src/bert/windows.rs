//! Cuts a call into windows for the transformer: turns with a speaker's mark, joined by the
//! separator, so that every turn is read with what both parties said around it. Each turn is
//! owned by exactly one window, whatever is asked for, so its scores never depend on that.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

use super::folder::Folder;
use crate::dialogue::{Speaker, Utterance};
use crate::{Error, Result};

/// How windows are cut; lengths in tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WindowOptions {
    /// Longest window.
    pub window: usize,
    /// What earlier turns, repeated at a window's start, may take.
    pub before: usize,
    /// What later turns, at a window's end, may take.
    pub after: usize,
    /// Longest turn; the middle of a longer one is left out.
    pub turn: usize,
}

impl Default for WindowOptions {
    fn default() -> Self {
        Self { window: 448, before: 56, after: 32, turn: 96 }
    }
}

/// One input of the transformer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) ids: Vec<u32>,
    /// The turns that the window owns, each with the place of its tokens.
    pub(super) owned: Vec<Owned>,
}

/// A turn in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owned {
    /// Index of the turn in the call.
    pub(super) turn: usize,
    /// Its tokens in the window.
    pub(super) tokens: Range<usize>,
}

/// Cuts calls into windows.
#[derive(Debug, Clone)]
pub(super) struct Cutter {
    tokenizer: Tokenizer,
    options: WindowOptions,
    /// Opening token and prefix.
    head: Vec<u32>,
    separator: u32,
}

impl Cutter {
    /// # Errors
    /// When the tokenizer has no opening and closing token, or the lengths do not fit each other.
    pub(super) fn new(folder: &Folder, options: &WindowOptions) -> Result<Self> {
        let empty = ids(&folder.tokenizer, "", true)?;
        let &[open, .., separator] = empty.as_slice() else {
            return Err(Error::Engine("the tokenizer sets no opening and closing token".to_owned()));
        };
        let mut head = vec![open];
        head.extend(ids(&folder.tokenizer, folder.manifest.prefix.trim_end(), false)?);
        let least = head.len() + options.before + options.after + options.turn + 1;
        if options.window < least || options.window > folder.max_tokens() || options.turn < 8 {
            return Err(Error::Setting(format!(
                "a window of {} tokens: at least {least} and at most {} are possible",
                options.window,
                folder.max_tokens()
            )));
        }
        Ok(Self { tokenizer: folder.tokenizer.clone(), options: options.clone(), head, separator })
    }

    /// The windows of a call, or of it those that own a turn of `wanted`.
    pub(super) fn cut(&self, turns: &[Utterance], wanted: Option<&[usize]>) -> Result<Vec<Window>> {
        let tokens = turns.iter().map(|turn| self.turn(turn)).collect::<Result<Vec<_>>>()?;
        let length = |range: Range<usize>| tokens.get(range).unwrap_or(&[]).iter().map(Vec::len).sum::<usize>();
        let mut windows = Vec::new();
        let mut first = 0;
        while first < turns.len() {
            let before = self.before(&tokens, first);
            let room = self.options.window - self.head.len() - before.len();
            // What is left is taken whole when it fits; else room is kept for what follows.
            let mut end = turns.len();
            if length(first..end) > room {
                end = first + 1;
                while end < turns.len() && length(first..end + 1) + self.options.after <= room {
                    end += 1;
                }
            }
            if wanted.is_none_or(|wanted| wanted.iter().any(|turn| (first..end).contains(turn))) {
                let mut window = Window { ids: self.head.clone(), owned: Vec::with_capacity(end - first) };
                window.ids.extend(before);
                for (turn, ids) in tokens.iter().enumerate().take(end).skip(first) {
                    let at = window.ids.len();
                    window.ids.extend(ids);
                    // Without the separator, which ends every turn.
                    window.owned.push(Owned { turn, tokens: at..window.ids.len() - 1 });
                }
                window.ids.extend(self.after(&tokens, end));
                windows.push(window);
            }
            first = end;
        }
        Ok(windows)
    }

    /// Whole turns before `first`, as many as fit; if not even one does, the end of the last one.
    fn before(&self, tokens: &[Vec<u32>], first: usize) -> Vec<u32> {
        let earlier = tokens.get(..first).unwrap_or(&[]);
        let mut length = 0;
        let whole = earlier.iter().rev().take_while(|ids| {
            length += ids.len();
            length <= self.options.before
        });
        match (whole.count(), earlier.last()) {
            (0, Some(last)) => last.iter().skip(last.len() - self.options.before).copied().collect(),
            (count, _) => earlier.iter().skip(first - count).flatten().copied().collect(),
        }
    }

    /// Whole turns from `end` on, as many as fit; if not even one does, the beginning of the first one.
    fn after(&self, tokens: &[Vec<u32>], end: usize) -> Vec<u32> {
        let later = tokens.get(end..).unwrap_or(&[]);
        let mut length = 0;
        let whole = later.iter().take_while(|ids| {
            length += ids.len();
            length <= self.options.after
        });
        match (whole.count(), later.first()) {
            (0, Some(next)) => next.iter().take(self.options.after).copied().collect(),
            (count, _) => later.iter().take(count).flatten().copied().collect(),
        }
    }

    /// Tokens of one turn, closed by the separator.
    fn turn(&self, turn: &Utterance) -> Result<Vec<u32>> {
        let mark = match turn.speaker {
            Speaker::Agent => "客服:",
            Speaker::Caller => "用户:",
            Speaker::Other => "其他:",
        };
        let mut tokens = ids(&self.tokenizer, &format!("{mark}{}", turn.text), false)?;
        let most = self.options.turn - 1;
        if tokens.len() > most {
            let tail = most / 3;
            tokens.drain(most - tail..tokens.len() - tail);
        }
        tokens.push(self.separator);
        Ok(tokens)
    }
}

fn ids(tokenizer: &Tokenizer, text: &str, special: bool) -> Result<Vec<u32>> {
    let encoding = tokenizer.encode_fast(text, special).map_err(|error| Error::Engine(error.to_string()))?;
    Ok(encoding.get_ids().to_vec())
}
