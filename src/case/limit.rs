//! How long a step may take: in working time or in working days.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest limit in working days.
const MOST_DAYS: u32 = 366;
/// Minutes of an hour.
const HOUR: u32 = 60;

/// How long a step may take. Written `30m`, `4h` (working time) or `5d` (working days).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Limit {
    /// Minutes of working time.
    Minutes(u32),
    /// Working days; the day on which it begins does not count, and the last one counts to the end of its working hours.
    Days(u32),
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no limit: write 30m, 4h (working time) or 5d (working days), up to 366d");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let minutes = |each: u32| number.checked_mul(each).filter(|all| (1..=MOST_DAYS * 24 * HOUR).contains(all));
        match unit {
            "m" => minutes(1).map(Self::Minutes).ok_or_else(wrong),
            "h" => minutes(HOUR).map(Self::Minutes).ok_or_else(wrong),
            "d" if (1..=MOST_DAYS).contains(&number) => Ok(Self::Days(number)),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> Self {
        limit.to_string()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minutes(minutes) if minutes % HOUR == 0 => write!(f, "{}h", minutes / HOUR),
            Self::Minutes(minutes) => write!(f, "{minutes}m"),
            Self::Days(days) => write!(f, "{days}d"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_written() {
        for text in ["30m", "4h", "90m", "5d", "366d"] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
        assert_eq!("120m".parse::<Limit>().unwrap().to_string(), "2h");
        for wrong in [
            "",
            "5",
            "h",
            "0h",
            "0d",
            "367d",
            "-1h",
            "4 h",
            "4H",
            "99999999999h",
            "527041m",
            "４h",
        ] {
            assert!(wrong.parse::<Limit>().is_err(), "{wrong}");
        }
    }
}
