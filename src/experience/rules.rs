//! `config/experience.toml`: who may become an officer, how the roster should be made up, how long things may take. Refused as a whole
//! when it says what cannot be.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use qingting_pipeline::assets::{Asset, Assets, parse_toml};
use qingting_pipeline::{Error, Result};
use serde::Deserialize;

use crate::case::{Calendar, Limit};

/// The file.
const FILE: &str = "experience.toml";
/// The attribute that the age becomes.
pub const AGE_GROUP: &str = "age_group";
/// Largest roster.
const MOST_OFFICERS: u32 = 10_000;
/// Smallest group whose votes may be shown: of two, each knows what the other chose.
const LEAST_GROUP: u32 = 3;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    calendar: String,
    size: u32,
    term_months: u32,
    employees: bool,
    min_group: u32,
    age: Age,
    limits: Limits,
    remind: Remind,
    #[serde(default)]
    attribute: Vec<Attribute>,
    #[serde(default)]
    target: Vec<TargetFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Age {
    minimum: u16,
    bands: Vec<u16>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// From the assignment of a task to the officer's answer.
    pub answer: Limit,
    /// From a report to its check.
    pub check: Limit,
}

/// How long before something is due people are reminded of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remind {
    /// Of tasks and polls.
    pub before: Limit,
    /// Of terms.
    pub term_before: Limit,
}

/// Something that officers are told apart by, and what it can be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its name in files.
    pub name: String,
    /// What people read.
    pub title: String,
    /// What it can be.
    pub values: Vec<String>,
    /// Nobody is enrolled without it.
    #[serde(default)]
    pub required: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetFile {
    attribute: String,
    value: String,
    share: Option<f64>,
    number: Option<u32>,
}

/// How many officers of a kind are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Attribute.
    pub attribute: String,
    /// Its value.
    pub value: String,
    /// Wanted; of a share, that of the whole roster, rounded up.
    pub wanted: u32,
}

/// The rules of the programme with their calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Which hours count.
    pub calendar: Calendar,
    /// How many officers are wanted.
    pub size: u32,
    /// How long they serve.
    pub term_months: u32,
    /// Whether those may who work for the hotline.
    pub employees: bool,
    /// Fewest votes of a group that are shown.
    pub min_group: u32,
    /// Fewest years of age.
    pub minimum_age: u16,
    /// How long things may take.
    pub limits: Limits,
    /// When people are reminded.
    pub remind: Remind,
    /// What officers are told apart by; the age group first.
    pub attributes: Vec<Attribute>,
    /// How the roster should be made up.
    pub targets: Vec<Target>,
    bands: Vec<u16>,
}

impl Rules {
    /// Reads the rules and their calendar.
    ///
    /// # Errors
    /// When a file is missing or says what cannot be; with file and line.
    pub fn load(assets: &Assets) -> Result<Self> {
        let asset = assets.read(FILE)?;
        let file: File = parse_toml(&asset)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if file.calendar.is_empty() || !file.calendar.chars().all(is_name) {
            return Err(wrong(&asset, "calendar", "calendar: the name of a file in calendars/, without .toml"));
        }
        let calendar = Calendar::parse(&assets.read(&format!("calendars/{}.toml", file.calendar))?)?;
        Self::of(&asset, file, calendar)
    }

    /// Reads the text of a file of rules beside a calendar.
    ///
    /// # Errors
    /// When it says what cannot be.
    pub fn parse(asset: &Asset, calendar: Calendar) -> Result<Self> {
        Self::of(asset, parse_toml(asset)?, calendar)
    }

    fn of(asset: &Asset, file: File, calendar: Calendar) -> Result<Self> {
        let wrong = |key: &str, message: &str| Err(wrong(asset, key, message));
        if !(1..=MOST_OFFICERS).contains(&file.size) {
            return wrong("size", "size: must be 1 to 10000");
        }
        if !(1..=600).contains(&file.term_months) {
            return wrong("term_months", "term_months: must be 1 to 600");
        }
        if !(LEAST_GROUP..=MOST_OFFICERS).contains(&file.min_group) {
            return wrong("min_group", "min_group: must be 3 to 10000, so that nobody can be told apart");
        }
        let bands = file.age.bands;
        if bands.first() != Some(&file.age.minimum)
            || !bands.is_sorted_by(|a, b| a < b)
            || bands.iter().any(|&b| b > 150)
        {
            return wrong("bands", "bands: first years of each group, ascending; the first is the minimum");
        }
        let groups = (0..bands.len()).map(|at| band(&bands, at)).collect();
        let age_group = Attribute {
            name: AGE_GROUP.to_owned(),
            title: "年龄段".to_owned(),
            values: groups,
            required: true,
        };
        let mut attributes = vec![age_group];
        for attribute in file.attribute {
            if attributes.iter().any(|known| known.name == attribute.name) {
                return wrong("[[attribute]]", &format!("two attributes \"{}\"", attribute.name));
            }
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if attribute.name.is_empty() || !attribute.name.chars().all(is_name) || attribute.title.trim().is_empty() {
                return wrong("[[attribute]]", "an attribute needs a name of small letters and a title");
            }
            let empty = attribute.values.iter().any(|value| value.trim().is_empty());
            if attribute.values.is_empty() || empty {
                return wrong("[[attribute]]", &format!("values of \"{}\": say what it can be", attribute.name));
            }
            attributes.push(attribute);
        }
        let mut targets: Vec<Target> = Vec::new();
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for target in &file.target {
            let key = "[[target]]";
            let known = attributes.iter().find(|attribute| attribute.name == target.attribute);
            if known.is_none_or(|attribute| !attribute.values.contains(&target.value)) {
                return wrong(key, &format!("\"{}\" cannot be \"{}\"", target.attribute, target.value));
            }
            if targets.iter().any(|other| other.attribute == target.attribute && other.value == target.value) {
                return wrong(key, &format!("two targets for \"{}\"", target.value));
            }
            let wanted = match (target.share, target.number) {
                // Half a person is a person; what binary fractions add is not.
                (Some(share), None) if (0.0..=1.0).contains(&share) => {
                    (share * f64::from(file.size) - 1e-9).ceil().max(0.0) as u32
                }
                (None, Some(number)) if number <= file.size => number,
                _ => return wrong(key, &format!("\"{}\": a share of 0 to 1, or a number up to size", target.value)),
            };
            let sum = sums.entry(target.attribute.as_str()).or_default();
            // Of shares: what was asked for, in millionths, before anything is rounded up.
            *sum += match target.share {
                Some(share) => (share * 1e6).round() as u64,
                None => u64::from(wanted) * 1_000_000 / u64::from(file.size),
            };
            if *sum > 1_000_000 {
                return wrong(key, &format!("targets of \"{}\" are more than the whole", target.attribute));
            }
            targets.push(Target { attribute: target.attribute.clone(), value: target.value.clone(), wanted });
        }
        Ok(Self {
            calendar,
            size: file.size,
            term_months: file.term_months,
            employees: file.employees,
            min_group: file.min_group,
            minimum_age: file.age.minimum,
            limits: file.limits,
            remind: file.remind,
            attributes,
            targets,
            bands,
        })
    }

    /// The group of an age; `None` below the minimum.
    pub fn age_group(&self, age: u16) -> Option<String> {
        let at = self.bands.iter().rposition(|first| *first <= age)?;
        Some(band(&self.bands, at))
    }

    /// An attribute by its name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The last day of a term.
    pub fn term_ends(&self, since: NaiveDate) -> NaiveDate {
        let end = since.checked_add_months(chrono::Months::new(self.term_months));
        end.and_then(|day| day.pred_opt()).unwrap_or(NaiveDate::MAX)
    }
}

fn wrong(asset: &Asset, key: &str, message: &str) -> Error {
    let line = asset.text.lines().position(|line| line.trim_start().starts_with(key));
    Error::in_line(asset, line.map_or(1, |at| at + 1), message)
}

/// `18-34`, `60+`.
fn band(bands: &[u16], at: usize) -> String {
    let first = bands.get(at).copied().unwrap_or_default();
    match bands.get(at + 1) {
        Some(next) => format!("{first}-{}", next - 1),
        None => format!("{first}+"),
    }
}
