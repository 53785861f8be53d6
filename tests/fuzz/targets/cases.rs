//! Rules of cases and calendars: an input is a calendar, or, behind a line of `====`, one with rules that use it.

use chrono::{DateTime, TimeDelta, Utc};
use qingting::case::{Calendar, Limit, Rules};
use qingting_pipeline::assets::{Asset, Assets};

use super::{Run, sections};

pub(super) const WORDS: &[&str] = &[
    "title",
    "timezone",
    "\"Asia/Shanghai\"",
    "\"America/New_York\"",
    "\"Pacific/Apia\"",
    "covers",
    "{ from = \"2026-01-01\", to = \"2026-12-31\" }",
    "weekend",
    "[\"sat\", \"sun\"]",
    "[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\",\"sat\"]",
    "hours",
    "[\"00:00-24:00\"]",
    "\"23:59-24:00\"",
    "[[holiday]]",
    "[[makeup]]",
    "name",
    "from",
    "to",
    "\"1970-01-01\"",
    "\"2200-12-31\"",
    "calendar",
    "look_back_days",
    "[limits]",
    "verify",
    "total",
    "\"1m\"",
    "\"4h\"",
    "\"366d\"",
    "[remind]",
    "before",
    "escalate",
    "after",
    "[[open]]",
    "cause",
    "\"rating\"",
    "\"finding\"",
    "at_most",
    "findings",
    "severity",
    "\"fatal\"",
    "enabled",
];

struct Files;

pub(super) fn open() -> Box<dyn Run> {
    Box::new(Files)
}

fn asset(bytes: &[u8]) -> Asset {
    Asset {
        origin: "input.toml".into(),
        text: String::from_utf8_lossy(bytes).into_owned().into(),
    }
}

impl Run for Files {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let read = |name: &str| Assets::embedded().read(name).unwrap().text.into_owned();
        let (calendar, rules) = (read("calendars/example.toml"), read("cases.toml"));
        vec![
            calendar.clone().into_bytes(),
            format!("{calendar}\n====\n{rules}").into_bytes(),
        ]
    }

    fn run(&mut self, input: &[u8]) -> String {
        let parts = sections(input);
        let calendar = match Calendar::parse(&asset(parts[0])) {
            Ok(calendar) => calendar,
            Err(error) => return error.to_string(),
        };
        let start = DateTime::parse_from_rfc3339("2026-03-06T16:59:30+08:00").unwrap().to_utc();
        for limit in [Limit::Minutes(1), Limit::Minutes(600), Limit::Days(1), Limit::Days(30)] {
            for from in [start, DateTime::<Utc>::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC] {
                let due = calendar.after(from, limit);
                assert!(due >= from, "{from} {limit} {due}");
                if let Some(later) = from.checked_add_signed(TimeDelta::hours(7)) {
                    assert!(calendar.after(later, limit) >= due, "{from} {limit}");
                }
            }
        }
        match parts.get(1).map(|rules| Rules::parse(&asset(rules), calendar)) {
            None => "a calendar".to_owned(),
            Some(Ok(_)) => "rules".to_owned(),
            Some(Err(error)) => error.to_string(),
        }
    }
}
