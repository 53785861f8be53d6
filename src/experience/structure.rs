//! How the roster is made up beside how it should be (结构目标).

use chrono::NaiveDate;

use super::programme::{Officer, Programme};
use super::rules::Rules;

/// Officers of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Attribute; empty: the whole roster.
    pub attribute: String,
    /// What people read of it.
    pub title: String,
    /// Its value; empty: nobody said it.
    pub value: String,
    /// How many are wanted; `None`: nobody said.
    pub wanted: Option<u32>,
    /// How many serve.
    pub have: u32,
}

impl Row {
    /// How many are missing; none where nobody said how many are wanted.
    pub fn missing(&self) -> u32 {
        self.wanted.map_or(0, |wanted| wanted.saturating_sub(self.have))
    }
}

/// The roster on a day: the whole, then every value of every attribute.
pub fn structure(programme: &Programme, rules: &Rules, day: NaiveDate) -> Vec<Row> {
    let serving: Vec<&Officer> = programme.officers.values().filter(|officer| officer.serves(day)).collect();
    let count = |has: &dyn Fn(&Officer) -> bool| serving.iter().filter(|officer| has(officer)).count() as u32;
    let mut rows = vec![Row {
        attribute: String::new(),
        title: "合计".to_owned(),
        value: String::new(),
        wanted: Some(rules.size),
        have: serving.len() as u32,
    }];
    for attribute in &rules.attributes {
        let of = |value: &str, wanted: Option<u32>, have: u32| Row {
            attribute: attribute.name.clone(),
            title: attribute.title.clone(),
            value: value.to_owned(),
            wanted,
            have,
        };
        for value in &attribute.values {
            let target = rules.targets.iter().find(|t| t.attribute == attribute.name && t.value == *value);
            let have = count(&|officer| officer.attributes.get(&attribute.name) == Some(value));
            rows.push(of(value, target.map(|target| target.wanted), have));
        }
        // Values that the settings knew earlier.
        let other = |officer: &Officer| {
            officer.attributes.get(&attribute.name).is_none_or(|value| !attribute.values.contains(value))
        };
        let unsaid = count(&other);
        if unsaid > 0 {
            rows.push(of("", None, unsaid));
        }
    }
    rows
}
