//! Points in time as people and spreadsheets write them.

use chrono::{DateTime, Duration, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

/// Reads a point in time: RFC 3339, ISO without offset, `2019/2/28 11:25:05`,
/// `2019年2月28日 上午11时25分`, `20190228112505`, seconds or milliseconds since 1970, and the day
/// numbers of spreadsheets. Without an offset it is in `timezone`.
///
/// # Errors
/// When it is none of these, with the text in the message.
pub fn parse_time(text: &str, timezone: Tz) -> Result<DateTime<FixedOffset>, String> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time);
    }
    let half: String = text.chars().map(half_width).collect();
    parse(&half, timezone).ok_or_else(|| format!("no time that can be read: {text:?}"))
}

/// The beginning of a day.
pub(super) fn midnight(date: NaiveDate, timezone: Tz) -> Option<DateTime<FixedOffset>> {
    localize(date.and_hms_opt(0, 0, 0)?, timezone)
}

fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        c => c,
    }
}

fn parse(text: &str, timezone: Tz) -> Option<DateTime<FixedOffset>> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return number(text, timezone);
    }
    let (text, offset) = split_offset(text);
    let afternoon = ["下午", "晚上", "PM", "pm"].iter().any(|mark| text.contains(mark));
    let morning = ["上午", "凌晨", "早上", "AM", "am"].iter().any(|mark| text.contains(mark));
    let known = |c: char| c.is_ascii_digit() || "年月日号时點点分秒上下午凌晨早晚AaPpMmTt-/.: ".contains(c);
    if !text.chars().all(known) {
        return None;
    }
    let mut groups = text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty());
    let year = groups.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let mut next = || groups.next().filter(|group| group.len() <= 2).map(|group| group.parse::<u32>().ok());
    let date = NaiveDate::from_ymd_opt(year, next()??, next()??)?;
    let hour = next().unwrap_or(Some(0))?;
    let (minute, second) = (next().unwrap_or(Some(0))?, next().unwrap_or(Some(0))?);
    // What may be left is the fraction of a second.
    let millis: u32 = match groups.next() {
        Some(fraction) => format!("{fraction:0<3}").get(..3)?.parse().ok()?,
        None => 0,
    };
    if groups.next().is_some() {
        return None;
    }
    let hour = match hour {
        1..=11 if afternoon => hour + 12,
        12 if morning => 0,
        hour => hour,
    };
    let (date, hour) = if hour == 24 && minute == 0 {
        (date.succ_opt()?, 0)
    } else {
        (date, hour)
    };
    let naive = date.and_hms_milli_opt(hour, minute, second.min(59), millis)?;
    if second > 60 {
        return None;
    }
    match offset {
        Some(offset) => offset.from_local_datetime(&naive).single(),
        None => localize(naive, timezone),
    }
}

/// An offset at the end, `Z`, `+08:00`, `+0800` or `+8`.
fn split_offset(text: &str) -> (&str, Option<FixedOffset>) {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return (rest, FixedOffset::east_opt(0));
    }
    // A minus also stands between year and month: an offset comes after a clock time.
    let Some(colon) = text.find(':') else {
        return (text, None);
    };
    let Some(sign) = text[colon..].find(['+', '-']).map(|at| at + colon) else {
        return (text, None);
    };
    let digits: String = text[sign + 1..].chars().filter(char::is_ascii_digit).collect();
    let hours_minutes = match digits.len() {
        1 | 2 => digits.parse().ok().map(|h: i32| (h, 0)),
        4 => digits[..2].parse().ok().zip(digits[2..].parse().ok()),
        _ => None,
    };
    let seconds = hours_minutes.map(|(h, m): (i32, i32)| (h * 60 + m) * 60);
    let signed = seconds.map(|s| if text[sign..].starts_with('-') { -s } else { s });
    match signed.and_then(FixedOffset::east_opt) {
        Some(offset) => (text[..sign].trim_end(), Some(offset)),
        None => (text, None),
    }
}

/// Digits alone: a compact date, an epoch, or the day number of a spreadsheet.
fn number(text: &str, timezone: Tz) -> Option<DateTime<FixedOffset>> {
    let digits = text.split('.').next().unwrap_or_default();
    let value: f64 = text.parse().ok()?;
    let integral = !text.contains('.');
    match digits.len() {
        8 | 12 | 14 if integral && (digits.starts_with("19") || digits.starts_with("20")) => {
            let at = |from: usize, to: usize| digits.get(from..to).map_or(Some(0), |part| part.parse().ok());
            let date = NaiveDate::from_ymd_opt(at(0, 4)? as i32, at(4, 6)?, at(6, 8)?)?;
            localize(date.and_hms_opt(at(8, 10)?, at(10, 12)?, at(12, 14)?)?, timezone)
        }
        9 | 10 => epoch((value * 1000.0).round() as i64, timezone),
        12 | 13 => epoch(value.round() as i64, timezone),
        5 => {
            let start = NaiveDate::from_ymd_opt(1899, 12, 30)?.and_hms_opt(0, 0, 0)?;
            let seconds = (value * 86_400.0).round() as i64;
            localize(start.checked_add_signed(Duration::try_seconds(seconds)?)?, timezone)
        }
        _ => None,
    }
}

fn epoch(millis: i64, timezone: Tz) -> Option<DateTime<FixedOffset>> {
    Some(DateTime::from_timestamp_millis(millis)?.with_timezone(&timezone).fixed_offset())
}

/// A local time that summer time repeats is the earlier one; one that it skips is moved on by
/// an hour.
fn localize(naive: NaiveDateTime, timezone: Tz) -> Option<DateTime<FixedOffset>> {
    match timezone.from_local_datetime(&naive) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time.fixed_offset()),
        LocalResult::None => {
            let later = naive.checked_add_signed(Duration::try_hours(1)?)?;
            timezone.from_local_datetime(&later).earliest().map(|time| time.fixed_offset())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_mean_the_same_moment() {
        let zone = chrono_tz::Asia::Shanghai;
        for text in [
            "2019/2/28 11:25:05",
            "2019-02-28 11:25:05",
            "2019-02-28T11:25:05",
            "2019-02-28T11:25:05+08:00",
            "2019-02-28 03:25:05Z",
            "2019-02-28 03:25:05 +0000",
            "2019年2月28日 11时25分5秒",
            "2019年02月28日11:25:05",
            "2019年2月28日 上午11点25分05秒",
            "２０１９/２/２８　１１：２５：０５",
            "20190228112505",
            "1551324305",
            "1551324305000",
            "43524.47575231",
        ] {
            let time = parse_time(text, zone).unwrap();
            assert_eq!(time.to_utc().to_rfc3339(), "2019-02-28T03:25:05+00:00", "{text}");
        }
        for (text, expected) in [
            ("2019-02-28 11:25", "2019-02-28T11:25:00+08:00"),
            ("2019年2月28日 11时25分", "2019-02-28T11:25:00+08:00"),
            ("2019年2月28日 下午3时", "2019-02-28T15:00:00+08:00"),
            ("2019/2/28", "2019-02-28T00:00:00+08:00"),
            ("2019.2.28 24:00", "2019-03-01T00:00:00+08:00"),
            ("2019-02-28 11:25:05.250", "2019-02-28T11:25:05.250+08:00"),
        ] {
            assert_eq!(parse_time(text, zone).unwrap().to_rfc3339(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "昨天下午",
            "2019-13-01",
            "2019-02-30 10:00",
            "11:25",
            "28/2/2019 11:25",
            "2019-02-28 25:00",
            "7",
        ] {
            assert!(parse_time(text, chrono_tz::Asia::Shanghai).is_err(), "{text}");
        }
    }
}
