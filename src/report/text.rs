//! How numbers are written for people. What is not there is 无数据, never a zero.

use super::figures::{Interval, Mean, Share};

/// What stands where there is no number.
pub(crate) const NO_DATA: &str = "无数据";

/// A count, by thousands.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share in percent.
pub(crate) fn percent(share: Share) -> String {
    share.value().map_or_else(|| NO_DATA.to_owned(), |value| format!("{:.1}%", value * 100.0))
}

/// The numbers of a share.
pub(crate) fn of(share: Share) -> String {
    if share.of == 0 {
        return NO_DATA.to_owned();
    }
    format!("{}/{}", count(share.part), count(share.of))
}

/// Milliseconds as seconds, or as minutes and seconds from two minutes on.
pub(crate) fn duration(ms: Option<f64>) -> String {
    let Some(ms) = ms else { return NO_DATA.to_owned() };
    let seconds = ms / 1000.0;
    if seconds < 120.0 {
        return format!("{seconds:.1} 秒");
    }
    let whole = seconds.round() as u64;
    format!("{} 分 {:02} 秒", whole / 60, whole % 60)
}

/// A mean with one decimal.
pub(crate) fn mean(mean: &Mean) -> String {
    mean.value().map_or_else(|| NO_DATA.to_owned(), |value| format!("{value:.1}"))
}

/// A time within a call.
pub(crate) fn clock(ms: u64) -> String {
    format!("{:02}:{:02}", ms / 60_000, ms / 1000 % 60)
}

/// A minus that is as wide as a plus.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    if text.chars().all(|c| matches!(c, '0' | '.')) {
        return text;
    }
    format!("{}{text}", if value < 0.0 { '−' } else { '+' })
}

/// A change of a share, in percentage points.
pub(crate) fn points(change: &Interval) -> String {
    format!("{} 百分点", signed(change.value * 100.0, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(percent(Share::new(1, 3)), "33.3%");
        assert_eq!((percent(Share::default()).as_str(), of(Share::default()).as_str()), (NO_DATA, NO_DATA));
        assert_eq!(of(Share::new(1200, 3400)), "1,200/3,400");
        assert_eq!([Some(61_250.0), Some(203_600.0), None].map(duration), ["61.2 秒", "3 分 24 秒", NO_DATA]);
        assert_eq!([0.04, -0.04, 1.26, -1.26].map(|v| signed(v, 1)), ["0.0", "0.0", "+1.3", "−1.3"]);
        assert_eq!(clock(3_725_900), "62:05");
    }
}
