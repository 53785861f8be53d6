//! Calendars: arithmetic against counting hour by hour, and files that are refused.

use chrono::{Datelike, NaiveDate, TimeDelta, Timelike};
use chrono_tz::Tz;
use proptest::prelude::*;
use qingting_pipeline::assets::Asset;

use super::*;

/// A calendar of whole hours, and the same told another way.
#[derive(Debug, Clone)]
struct Told {
    weekend: Vec<u32>,
    hours: Vec<(u32, u32)>,
    off: Vec<NaiveDate>,
    on: Vec<NaiveDate>,
    zone: Tz,
}

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Told {
    fn file(&self) -> String {
        let weekend: Vec<_> = self.weekend.iter().map(|day| format!("\"{}\"", WEEK[*day as usize])).collect();
        let hours: Vec<_> = self.hours.iter().map(|(from, to)| format!("\"{from:02}:00-{to:02}:00\"")).collect();
        let days = |key: &str, days: &[NaiveDate]| -> String {
            days.iter().map(|day| format!("[[{key}]]\nname = \"x\"\nfrom = \"{day}\"\n")).collect()
        };
        format!(
            "title = \"t\"\ntimezone = \"{}\"\ncovers = {{ from = \"2026-01-01\", to = \"2026-12-31\" }}\n\
             weekend = [{}]\nhours = [{}]\n{}{}",
            self.zone,
            weekend.join(", "),
            hours.join(", "),
            days("holiday", &self.off),
            days("makeup", &self.on)
        )
    }

    /// Whether the hour that begins then is worked.
    fn works(&self, hour: DateTime<Utc>) -> bool {
        let local = hour.with_timezone(&self.zone);
        let (day, hour) = (local.date_naive(), local.hour());
        // Day 1 was a Monday.
        let weekday = u32::try_from((day.num_days_from_ce() - 1).rem_euclid(7)).unwrap();
        let is_on = self.on.contains(&day) || !(self.weekend.contains(&weekday) || self.off.contains(&day));
        is_on && self.hours.iter().any(|(from, to)| (*from..*to).contains(&hour))
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn told() -> impl Strategy<Value = Told> {
    let spans = prop::sample::subsequence((0u32..=24).collect::<Vec<_>>(), 2..=6);
    let weekend = prop::sample::subsequence((0u32..7).collect::<Vec<_>>(), 0..=5);
    let zone = prop::sample::select(vec![Tz::Asia__Shanghai, Tz::UTC, Tz::Asia__Urumqi, Tz::America__New_York]);
    (spans, weekend, prop::collection::btree_set(0i64..40, 0..12), zone).prop_map(|(marks, weekend, days, zone)| {
        let hours = marks.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        let special = days.into_iter().map(|n| day("2026-02-25") + TimeDelta::days(n));
        let is_weekend = |day: &NaiveDate| weekend.contains(&day.weekday().num_days_from_monday());
        let (on, off) = special.partition(is_weekend);
        Told { weekend, hours, off, on, zone }
    })
}

fn calendar(text: &str) -> qingting_pipeline::Result<Calendar> {
    Calendar::parse(&Asset { origin: "calendar.toml".into(), text: text.to_owned().into() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_is_as_counting_hour_by_hour(told in told(), start in 0i64..700, work in 1i64..60, span in 0i64..500) {
        let calendar = calendar(&told.file()).unwrap();
        // The clocks of New York go forward on 8 March: hours of the zone are hours of UTC all the same.
        let start = at("2026-02-25T00:00:00Z") + TimeDelta::hours(start);
        let (mut hour, mut left) = (start, work);
        while left > 0 {
            left -= i64::from(told.works(hour));
            hour += TimeDelta::hours(1);
        }
        let minutes = u32::try_from(work * 60).unwrap();
        let due = calendar.after(start, Limit::Minutes(minutes));
        prop_assert_eq!(due, hour);
        prop_assert_eq!(calendar.between(start, due), TimeDelta::hours(work));
        let counted = (0..span).filter(|n| told.works(start + TimeDelta::hours(*n))).count();
        let end = start + TimeDelta::hours(span);
        prop_assert_eq!(calendar.between(start, end), TimeDelta::hours(counted as i64));
        prop_assert_eq!(calendar.between(end, start), TimeDelta::zero());
    }

    #[test]
    fn working_days_are_counted_from_the_day_after(told in told(), start in 0i64..700, days in 1u32..9) {
        let calendar = calendar(&told.file()).unwrap();
        let start = at("2026-02-25T00:00:00Z") + TimeDelta::hours(start);
        let due = calendar.after(start, Limit::Days(days));
        let first = start.with_timezone(&told.zone).date_naive();
        // The last worked hour is over, and so many days behind the first one have one.
        prop_assert!(told.works(due - TimeDelta::hours(1)) && !told.works(due) || told.hours.last().unwrap().1 == 24);
        let mut seen = std::collections::BTreeSet::new();
        let mut hour = start;
        while hour < due {
            let day = hour.with_timezone(&told.zone).date_naive();
            if day > first && told.works(hour) {
                seen.insert(day);
            }
            hour += TimeDelta::hours(1);
        }
        prop_assert_eq!(seen.len(), days as usize);
    }

    #[test]
    fn later_beginnings_and_longer_limits_end_no_earlier(
        told in told(), start in 0i64..40_000, later in 0i64..3000, short in 1u32..2000, more in 0u32..2000,
    ) {
        let calendar = calendar(&told.file()).unwrap();
        let start = at("2026-02-25T00:00:00Z") + TimeDelta::minutes(start);
        let later = start + TimeDelta::minutes(later);
        for limit in [Limit::Minutes(short), Limit::Days(short % 20 + 1)] {
            prop_assert!(calendar.after(start, limit) <= calendar.after(later, limit));
            prop_assert!(calendar.after(start, limit) >= start);
        }
        let longer = Limit::Minutes(short + more);
        prop_assert!(calendar.after(start, Limit::Minutes(short)) <= calendar.after(start, longer));
        prop_assert!(calendar.after(start, Limit::Days(short % 20 + 1)) <= calendar.after(start, Limit::Days(short % 20 + 2)));
    }
}

#[test]
fn the_example_knows_holidays_and_make_up_days() {
    let calendar = rules().calendar;
    let worked = |text| calendar.is_worked(day(text));
    assert!(worked("2026-02-14"), "a Saturday that is made up for");
    assert!(!worked("2026-02-16") && !worked("2026-02-20"), "the holidays");
    assert!(worked("2026-02-23") && !worked("2026-02-22"));
    // Friday at 17:00, four hours: one today, and three on the make-up Saturday, over noon.
    let friday = at("2026-02-13T09:00:00Z");
    assert_eq!(calendar.after(friday, Limit::Minutes(240)), at("2026-02-14T04:00:00Z"));
    // Two working days: the Saturday, and, with the holidays between, the Monday after next.
    assert_eq!(calendar.after(friday, Limit::Days(2)), at("2026-02-23T10:00:00Z"));
    assert!(calendar.covers(friday) && !calendar.covers(at("2027-01-04T00:00:00Z")));
    let march = calendar.period(day("2026-03-01"), day("2026-03-31"));
    assert_eq!(march, at("2026-02-28T16:00:00Z")..at("2026-03-31T16:00:00Z"));
}

#[test]
fn calendars_that_say_what_cannot_be_are_refused_with_their_line() {
    let good = "title = \"t\"\ntimezone = \"Asia/Shanghai\"\ncovers = { from = \"2026-01-01\", to = \"2026-12-31\" }\n\
                weekend = [\"sat\"]\nhours = [\"09:00-24:00\"]\n";
    calendar(good).unwrap();
    let day = |key: &str, date: &str| format!("{good}[[{key}]]\nname = \"x\"\nfrom = \"{date}\"\n");
    let cases = [
        (good.replace("title", "titel"), "calendar.toml:1"),
        (good.replace("Shanghai", "Beijing"), "calendar.toml:2"),
        (good.replace("2026-01-01", "2027-01-01"), "calendar.toml:3"),
        (
            good.replace("\"sat\"", "\"mon\",\"tue\",\"wed\",\"thu\",\"fri\",\"sat\",\"sun\""),
            "calendar.toml:4",
        ),
        (good.replace("09:00-24:00", "09:00-24:01"), "calendar.toml:5"),
        (good.replace("09:00-24:00", "9:00-18:00"), "calendar.toml:5"),
        (good.replace("09:00-24:00", "18:00-09:00"), "calendar.toml:5"),
        (good.replace("\"09:00-24:00\"", "\"09:00-12:00\", \"11:00-18:00\""), "calendar.toml:5"),
        (good.replace("\"09:00-24:00\"", ""), "calendar.toml:5"),
        (day("holiday", "2027-01-01"), "calendar.toml:6"),
        (day("makeup", "2026-03-02"), "calendar.toml:6"),
        (
            format!("{}[[holiday]]\nname = \"x\"\nfrom = \"2026-03-07\"\n", day("makeup", "2026-03-07")),
            "calendar.toml:6",
        ),
    ];
    for (text, place) in cases {
        let error = calendar(&text).unwrap_err().to_string();
        assert!(error.starts_with(place), "{error}\n{text}");
    }
}

#[test]
fn rules_that_say_what_cannot_be_are_refused() {
    let good = Assets::embedded().read("cases.toml").unwrap();
    let read = |text: String| {
        let asset = Asset { origin: "cases.toml".into(), text: text.into() };
        Rules::parse(&asset, rules().calendar)
    };
    assert_eq!(read(good.text.to_string()).unwrap(), rules());
    for (from, to) in [
        ("look_back_days = 30", "look_back_days = 0"),
        ("verify = \"1d\"", "verify = \"1w\""),
        ("verify = \"1d\"", "verifying = \"1d\""),
        ("at_most = 2", "at_most = 6"),
        ("findings = \"major\"", "at_most = 2"),
        ("cause = \"hand\"", "cause = \"alert\""),
        ("cause = \"hand\"", "cause = \"complaint\""),
        ("after = \"3d\"", "after = \"1h\""),
        ("to = \"质检主管\"", "to = \" \""),
    ] {
        assert!(good.text.contains(from), "{from}");
        let error = read(good.text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with("cases.toml:"), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let named = |name: &str| good.text.replace("calendar = \"example\"", &format!("calendar = \"{name}\""));
    for name in ["nowhere", "../example", ""] {
        std::fs::write(dir.path().join("cases.toml"), named(name)).unwrap();
        assert!(Rules::load(&Assets::with_overlay(dir.path()).unwrap()).is_err(), "{name}");
    }
}

#[test]
fn the_last_moment_that_there_is_had_no_day() {
    let calendar = rules().calendar;
    let last = DateTime::<Utc>::MAX_UTC;
    for limit in [Limit::Minutes(60), Limit::Days(1)] {
        assert_eq!(calendar.after(last, limit), last);
    }
    assert_eq!(calendar.between(last, last), TimeDelta::zero());
}
