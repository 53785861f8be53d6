//! A smaller input that fails in the same way: parts are left out as long as it still does.

use std::time::{Duration, Instant};

use crate::mutate::tokens;

/// Leaves out halves, quarters and so on of the tokens, until nothing can be left out or the time is over.
pub(crate) fn minimise(input: &[u8], time: Duration, mut still_fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let until = Instant::now() + time;
    let mut best = input.to_vec();
    let mut size = tokens(&best).len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        let mut shorter = false;
        loop {
            let parts = tokens(&best);
            let (Some(first), Some(last)) =
                (parts.get(from), parts.get((from + size).min(parts.len()).wrapping_sub(1)))
            else {
                break;
            };
            if Instant::now() > until {
                return best;
            }
            let without = [&best[..first.start], &best[last.end..]].concat();
            if still_fails(&without) {
                best = without;
                shorter = true;
            } else {
                from += size;
            }
        }
        if !shorter || size > 1 {
            size /= 2;
        }
    }
    best
}
