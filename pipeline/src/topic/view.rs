//! Calls beside their topics: what everything that counts over many calls reads. Owns the items by which
//! a call can be chosen (`topic:t3`, `place:幸福路`, `fault:impatience`), so that every number opens to its
//! calls by the items that it stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use super::{Topic, Topics};
use crate::record::CallDigest;

/// A property that calls have or have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the fields of a call digest, by their names")]
pub enum Field {
    Topic,
    Category,
    Place,
    Organisation,
    Service,
    Department,
    Queue,
    Team,
    Agent,
    Channel,
    Appeal,
    Fault,
    Outcome,
    Rating,
    Satisfaction,
    Repeat,
    EmotionalNeed,
    FactualNeed,
    Style,
    Crisis,
}

impl Field {
    /// Every field, with its name and what supervisors read.
    const NAMES: [(Self, &'static str, &'static str); 20] = [
        (Self::Topic, "topic", "主题"),
        (Self::Category, "category", "类别"),
        (Self::Place, "place", "地点"),
        (Self::Organisation, "organisation", "单位"),
        (Self::Service, "service", "事项"),
        (Self::Department, "department", "承办部门"),
        (Self::Queue, "queue", "队列"),
        (Self::Team, "team", "班组"),
        (Self::Agent, "agent", "坐席"),
        (Self::Channel, "channel", "渠道"),
        (Self::Appeal, "appeal", "诉求类型"),
        (Self::Fault, "fault", "服务问题"),
        (Self::Outcome, "outcome", "办理结果"),
        (Self::Rating, "rating", "来电人评价"),
        (Self::Satisfaction, "satisfaction", "满意度"),
        (Self::Repeat, "repeat", "重复来电"),
        (Self::EmotionalNeed, "emotional_need", "倾诉需求"),
        (Self::FactualNeed, "factual_need", "办事需求"),
        (Self::Style, "style", "来电人风格"),
        (Self::Crisis, "crisis", "危机"),
    ];

    /// The name in the text form of an item.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(field, ..)| *field == self).map_or("", |(_, name, _)| name)
    }

    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        Self::NAMES.iter().find(|(field, ..)| *field == self).map_or("", |(.., zh)| zh)
    }

    fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known, zh)| *known == name || *zh == name).map(|(field, ..)| *field)
    }
}

/// A value of a property.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// The property.
    pub field: Field,
    /// The value.
    pub value: String,
}

/// The value of satisfied callers.
pub const SATISFIED: &str = "满意";
/// The value of dissatisfied callers.
pub const DISSATISFIED: &str = "不满意";
/// The value of a property that is there.
pub const YES: &str = "是";
/// The value of a property that is not there.
pub const NO: &str = "否";

impl Item {
    /// An item.
    pub fn new(field: Field, value: impl Into<String>) -> Self {
        Self { field, value: value.into() }
    }

    /// Reads `FIELD:VALUE`, or 满意 and 不满意 alone.
    ///
    /// # Errors
    /// What would be right, when it is something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == DISSATISFIED || text == SATISFIED {
            return Ok(Self::new(Field::Satisfaction, text));
        }
        let names = || Field::NAMES.map(|(_, name, _)| name).join(", ");
        let Some((name, value)) = text.split_once([':', '：', '=']) else {
            return Err(format!("\"{text}\" is no FIELD:VALUE; the fields are {}", names()));
        };
        let field =
            Field::parse(name.trim()).ok_or_else(|| format!("no field \"{name}\"; the fields are {}", names()))?;
        if value.trim().is_empty() {
            return Err(format!("\"{text}\" has no value"));
        }
        Ok(Self::new(field, value.trim()))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.field.as_str(), self.value)
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Calls with their topics.
#[derive(Debug, Clone, Default)]
pub struct TopicView {
    /// The topics.
    pub topics: Topics,
    /// The calls, in the order of the store: by day, time and id.
    pub calls: Vec<CallDigest>,
    /// For each call the index of its topic.
    pub topic_of: Vec<Option<usize>>,
}

impl TopicView {
    /// Joins calls and topics.
    pub fn new(topics: Topics, calls: Vec<CallDigest>) -> Self {
        let topic_of = {
            let at = topics.by_call();
            calls.iter().map(|call| at.get(call.call_id.as_str()).copied()).collect()
        };
        Self { topics, calls, topic_of }
    }

    /// The calls between two days, with all topics.
    #[must_use]
    pub fn between(&self, since: Option<NaiveDate>, until: Option<NaiveDate>) -> Self {
        let calls = self.select(&[], since, until);
        Self {
            topics: self.topics.clone(),
            topic_of: calls.iter().map(|&call| self.topic_of[call]).collect(),
            calls: calls.iter().map(|&call| self.calls[call].clone()).collect(),
        }
    }

    /// First and last day with a call.
    pub fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        let days = || self.calls.iter().filter_map(CallDigest::day);
        Some((days().min()?, days().max()?))
    }

    /// The topic of a call.
    pub fn topic(&self, call: usize) -> Option<&Topic> {
        self.topic_of.get(call).copied().flatten().and_then(|at| self.topics.topics.get(at))
    }

    /// What supervisors read of an item: the label of a topic, else the value.
    pub fn label(&self, item: &Item) -> String {
        match item.field {
            Field::Topic => {
                self.topics.get(&item.value).map_or_else(|_| item.value.clone(), |topic| topic.label.clone())
            }
            _ => item.value.clone(),
        }
    }

    /// The places and organisations that a call speaks of.
    pub fn sites(&self, call: usize) -> Vec<Item> {
        let Some(row) = self.calls.get(call) else {
            return Vec::new();
        };
        let places = row.places.iter().map(|name| Item::new(Field::Place, name));
        places.chain(row.organisations.iter().map(|name| Item::new(Field::Organisation, name))).collect()
    }

    /// How many of some calls have which item: by field, most frequent first.
    pub fn counts(&self, calls: &[usize]) -> Vec<(Item, usize)> {
        let mut counts = ranked(calls.iter().flat_map(|&call| self.items(call)));
        counts.sort_by_key(|(item, _)| item.field);
        counts
    }

    /// Every item of a call.
    pub fn items(&self, call: usize) -> Vec<Item> {
        let Some(row) = self.calls.get(call) else {
            return Vec::new();
        };
        let mut items = Vec::new();
        let mut add = |field: Field, value: &str| items.push(Item::new(field, value));
        if let Some(topic) = self.topic(call) {
            add(Field::Topic, &topic.id);
        }
        for name in &row.category {
            add(Field::Category, name);
        }
        for (field, names) in [
            (Field::Place, &row.places),
            (Field::Organisation, &row.organisations),
            (Field::Service, &row.services),
        ] {
            names.iter().for_each(|name| add(field, name));
        }
        for (field, value) in [
            (Field::Department, &row.department),
            (Field::Queue, &row.queue),
            (Field::Team, &row.team),
            (Field::Agent, &row.agent),
        ] {
            value.iter().for_each(|value| add(field, value));
        }
        add(Field::Channel, &row.channel);
        add(Field::Appeal, &row.appeal_type);
        row.faults.iter().for_each(|code| add(Field::Fault, code));
        add(Field::Outcome, &row.outcome);
        if let Some(rating) = row.rating {
            add(
                Field::Rating,
                match rating {
                    0..=2 => DISSATISFIED,
                    3 => "一般",
                    _ => SATISFIED,
                },
            );
        }
        add(Field::Satisfaction, if row.dissatisfied() { DISSATISFIED } else { SATISFIED });
        let yes = |yes: bool| if yes { YES } else { NO };
        add(Field::Repeat, yes(row.repeat_contact));
        for (field, need) in [(Field::EmotionalNeed, row.emotional), (Field::FactualNeed, row.factual)] {
            add(field, need.zh());
        }
        if let Some(style) = row.style {
            add(Field::Style, style.zh());
        }
        add(Field::Crisis, yes(row.crisis));
        items
    }

    /// The calls between two days that have every one of some items, in order.
    pub fn select(&self, items: &[Item], since: Option<NaiveDate>, until: Option<NaiveDate>) -> Vec<usize> {
        let wanted: BTreeSet<Item> = items.iter().map(|item| self.current(item)).collect();
        (0..self.calls.len())
            .filter(|&call| {
                let day = self.calls[call].day();
                since.is_none_or(|since| day.is_some_and(|day| day >= since))
                    && until.is_none_or(|until| day.is_some_and(|day| day <= until))
            })
            .filter(|&call| wanted.is_empty() || wanted.is_subset(&self.items(call).into_iter().collect()))
            .collect()
    }

    /// An item whose topic was merged away stands for the topic that took it in.
    fn current(&self, item: &Item) -> Item {
        match (item.field, self.topics.get(&item.value)) {
            (Field::Topic, Ok(topic)) => Item::new(Field::Topic, topic.id.clone()),
            _ => item.clone(),
        }
    }

    /// The ids of calls, in order.
    pub fn ids(&self, calls: &[usize]) -> Vec<String> {
        calls.iter().filter_map(|&call| self.calls.get(call)).map(|call| call.call_id.clone()).collect()
    }

    /// The calls of each day from the first to the last, by topic; the last row are the calls of no topic.
    pub(super) fn by_day(&self) -> Vec<Vec<Vec<usize>>> {
        let Some((first, last)) = self.days() else {
            return vec![Vec::new(); self.topics.topics.len() + 1];
        };
        let days = usize::try_from((last - first).num_days()).unwrap_or(0) + 1;
        let mut rows = vec![vec![Vec::new(); days]; self.topics.topics.len() + 1];
        for (call, digest) in self.calls.iter().enumerate() {
            let Some(day) = digest.day().and_then(|day| usize::try_from((day - first).num_days()).ok()) else {
                continue;
            };
            rows[self.topic_of[call].unwrap_or(self.topics.topics.len())][day].push(call);
        }
        rows
    }
}

/// How often each of some values occurs, most frequent first.
pub(super) fn ranked<T: Ord>(values: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let mut ranked: Vec<(T, usize)> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::testing::{call, day, view};

    #[test]
    fn items_are_read_as_they_are_written() {
        for text in ["topic:t3", "place:幸福路", "fault:impatience", "satisfaction:不满意"] {
            assert_eq!(Item::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Item::parse(" 不满意 ").unwrap(), Item::new(Field::Satisfaction, DISSATISFIED));
        assert_eq!(Item::parse("地点：幸福路").unwrap(), Item::new(Field::Place, "幸福路"));
        for (text, says) in [
            ("幸福路", "FIELD:VALUE"),
            ("nowhere:1", "the fields are topic, category"),
            ("place:", "no value"),
        ] {
            let error = Item::parse(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn every_item_of_a_call_selects_it() {
        let mut full = call("c1", 3);
        full.places = vec!["东门路".to_owned(), "西门路".to_owned()];
        (full.queue, full.rating, full.crisis) = (Some("水务".to_owned()), Some(1), true);
        full.faults = vec!["deflection".to_owned()];
        let view = view(vec![(full, 0), (call("c2", 4), 1)]);
        let items = view.items(0);
        assert!(items.len() >= 10, "{items:?}");
        for item in &items {
            assert!(view.select(std::slice::from_ref(item), None, None).contains(&0), "{item}");
        }
        assert_eq!(view.select(&items, None, None), [0]);
        assert_eq!(view.select(&[], Some(day(4)), None), [1]);
        assert!(view.select(&items, Some(day(4)), None).is_empty());
    }
}
