//! Topics as they are kept from one night to the next: their ids, their history, and what people
//! decided about them. Owns what a topic is; how calls come to be in one is the business of
//! [`super::update`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Terms in a label.
const LABEL_TERMS: usize = 3;
/// Longest name that a person may give, characters.
const LONGEST_NAME: usize = 40;

/// All topics. Serializes to what `topics --json` prints and to what is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Topics {
    /// The topics, largest first. Their `call_ids` are disjoint.
    pub topics: Vec<Topic>,
    /// Topics that lie near each other.
    pub groups: Vec<TopicGroup>,
    /// Number of calls in no topic.
    pub unassigned: usize,
    /// Topics that are no more, and where their calls went.
    #[serde(default)]
    pub retired: Vec<Retired>,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// `t1`, `t2`, ...: never given to another topic.
    pub id: String,
    /// What people read: the name that somebody gave, else its category and first terms.
    pub label: String,
    /// Words that set it apart, each a substring of the texts.
    pub terms: Vec<String>,
    /// Number of calls.
    pub size: usize,
    /// Its calls, in the order in which they came.
    pub call_ids: Vec<String>,
    /// Sentences out of its most typical calls.
    pub quotes: Vec<String>,
    /// Whether a person gave the label.
    #[serde(default)]
    pub named: bool,
    /// Whether a person pinned it: it is not divided, merged or given up.
    #[serde(default)]
    pub pinned: bool,
    /// The label that its category and terms make, for when a name is taken back.
    #[serde(default)]
    pub made_label: String,
    /// Its size when its terms were found.
    #[serde(default)]
    pub described: usize,
    /// What became of it, oldest first.
    #[serde(default)]
    pub history: Vec<Change>,
}

/// Something that happened to a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The day of the newest call then.
    pub day: Option<NaiveDate>,
    /// What.
    pub what: ChangeKind,
    /// The other topics in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// Whether a person did it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
}

/// What can happen to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was opened; with topics: out of these.
    Opened,
    /// It was divided; the topics are those that were opened.
    Divided,
    /// It took in the calls of the topics.
    Merged,
    /// It was named, or its name was taken back.
    Named,
    /// It was pinned, or set free again.
    Pinned,
}

impl ChangeKind {
    /// What supervisors read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Opened => "新建",
            Self::Divided => "拆分",
            Self::Merged => "并入",
            Self::Named => "改名",
            Self::Pinned => "锁定变更",
        }
    }
}

/// A topic that is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// Its id.
    pub id: String,
    /// Its last label.
    pub label: String,
    /// The topic that took its calls, or most of them.
    pub into: Option<String>,
    /// The day of the newest call then.
    pub day: Option<NaiveDate>,
}

/// A group of topics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicGroup {
    /// `g1`, `g2`, ...
    pub id: String,
    /// Label of what its topics share, or the name that somebody gave.
    pub label: String,
    /// Ids of its topics.
    pub children: Vec<String>,
    /// Whether a person gave the label.
    #[serde(default)]
    pub named: bool,
}

/// A change that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// There is no such topic.
    #[error("there is no topic {0}")]
    Unknown(String),
    /// It was merged into another.
    #[error("topic {id} was merged into {into}")]
    Retired {
        /// The topic that was asked for.
        id: String,
        /// Where its calls are.
        into: String,
    },
    /// A name that cannot be shown.
    #[error("a name has 1 to {LONGEST_NAME} characters on one line")]
    Name,
    /// A topic cannot be merged into itself.
    #[error("topic {0} cannot be merged into itself")]
    Itself(String),
}

impl Topic {
    /// Whether people decided about it, so that the nightly update leaves it together and alive.
    pub fn held(&self) -> bool {
        self.pinned || self.named || self.history.iter().any(|c| c.by_hand && c.what == ChangeKind::Merged)
    }

    /// Whether people want it as it is, so that the nightly update does not divide it.
    pub fn whole(&self) -> bool {
        self.pinned || self.history.iter().any(|c| c.by_hand && c.what == ChangeKind::Merged)
    }

    pub(super) fn new(id: String, call_ids: Vec<String>, opened: Change) -> Self {
        Self {
            id,
            label: String::new(),
            made_label: String::new(),
            named: false,
            pinned: false,
            terms: Vec::new(),
            size: call_ids.len(),
            call_ids,
            quotes: Vec::new(),
            described: 0,
            history: vec![opened],
        }
    }

    /// Gives it other terms, and a label out of them and of the category that most of its calls are in,
    /// unless a person gave it one.
    pub(super) fn describe(&mut self, terms: Vec<String>, category: Option<&str>) {
        let says_more = |term: &&String| category.is_none_or(|category| !category.contains(term.as_str()));
        let words: Vec<&str> = terms.iter().filter(says_more).take(LABEL_TERMS).map(String::as_str).collect();
        self.made_label = match category {
            Some(category) if words.is_empty() => category.to_owned(),
            Some(category) => format!("{category}：{}", words.join("、")),
            None => words.join("、"),
        };
        self.terms = terms;
        self.described = self.size;
        if !self.named {
            self.label.clone_from(&self.made_label);
        }
    }
}

impl Topics {
    /// The topic with an id. An id that was merged away leads on to where its calls are.
    ///
    /// # Errors
    /// [`TopicError::Unknown`].
    pub fn get(&self, id: &str) -> Result<&Topic, TopicError> {
        let mut wanted = id;
        // Every step leads to a topic that was there later, so there are no circles to run in.
        for _ in 0..=self.retired.len() {
            if let Some(topic) = self.topics.iter().find(|topic| topic.id == wanted) {
                return Ok(topic);
            }
            match self.retired.iter().find(|retired| retired.id == wanted).and_then(|retired| retired.into.as_deref()) {
                Some(into) => wanted = into,
                None => break,
            }
        }
        Err(TopicError::Unknown(id.to_owned()))
    }

    /// Gives a topic or a group a name; `None` takes it back.
    ///
    /// # Errors
    /// When there is no such topic, or the name is empty or too long.
    pub fn rename(&mut self, id: &str, name: Option<&str>, day: Option<NaiveDate>) -> Result<(), TopicError> {
        let name = name.map(str::trim);
        if name.is_some_and(|n| n.is_empty() || n.chars().count() > LONGEST_NAME || n.chars().any(char::is_control)) {
            return Err(TopicError::Name);
        }
        if let Some(at) = self.groups.iter().position(|group| group.id == id) {
            let made = self.group_label(&self.groups[at].children);
            let group = &mut self.groups[at];
            group.named = name.is_some();
            group.label = name.map_or(made, str::to_owned);
            return Ok(());
        }
        let topic = self.live(id)?;
        topic.named = name.is_some();
        topic.label = name.map_or_else(|| topic.made_label.clone(), str::to_owned);
        topic.history.push(Change { day, what: ChangeKind::Named, topics: Vec::new(), by_hand: true });
        Ok(())
    }

    /// Pins a topic, or sets it free.
    ///
    /// # Errors
    /// When there is no such topic.
    pub fn pin(&mut self, id: &str, pinned: bool, day: Option<NaiveDate>) -> Result<(), TopicError> {
        let topic = self.live(id)?;
        if topic.pinned != pinned {
            topic.pinned = pinned;
            topic.history.push(Change { day, what: ChangeKind::Pinned, topics: Vec::new(), by_hand: true });
        }
        Ok(())
    }

    /// Puts the calls of some topics into another, for good.
    ///
    /// # Errors
    /// When one of them does not exist, or is the other.
    pub fn merge(&mut self, ids: &[String], into: &str, day: Option<NaiveDate>) -> Result<(), TopicError> {
        self.live(into)?;
        for id in ids {
            self.live(id)?;
            if id == into {
                return Err(TopicError::Itself(id.clone()));
            }
        }
        let gone: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        self.take_in(&gone, into, day, true);
        self.arrange();
        Ok(())
    }

    /// Moves everything of the topics `gone` to `into`.
    pub(super) fn take_in(&mut self, gone: &BTreeSet<&str>, into: &str, day: Option<NaiveDate>, by_hand: bool) {
        let (taken, kept): (Vec<Topic>, Vec<Topic>) =
            std::mem::take(&mut self.topics).into_iter().partition(|topic| gone.contains(topic.id.as_str()));
        self.topics = kept;
        let Some(target) = self.topics.iter_mut().find(|topic| topic.id == into) else {
            self.topics.extend(taken);
            return;
        };
        let topics = taken.iter().map(|topic| topic.id.clone()).collect();
        target.history.push(Change { day, what: ChangeKind::Merged, topics, by_hand });
        for topic in taken {
            target.call_ids.extend(topic.call_ids);
            self.retired.push(Retired { id: topic.id, label: topic.label, into: Some(into.to_owned()), day });
        }
        target.size = target.call_ids.len();
    }

    /// Keeps only the calls that are still there.
    pub fn retain_calls(&mut self, is_there: impl Fn(&str) -> bool) {
        for topic in &mut self.topics {
            topic.call_ids.retain(|id| is_there(id));
            topic.size = topic.call_ids.len();
        }
        self.arrange();
    }

    /// Only what is said of some calls: topics without any of them are left out.
    #[must_use]
    pub fn restricted(&self, calls: &BTreeSet<&str>) -> Self {
        let mut part = self.clone();
        for topic in &mut part.topics {
            topic.call_ids.retain(|id| calls.contains(id.as_str()));
            topic.size = topic.call_ids.len();
        }
        part.topics.retain(|topic| topic.size > 0);
        part.unassigned = calls.len() - part.topics.iter().map(|topic| topic.size).sum::<usize>();
        part.arrange();
        part
    }

    /// For each call the index of its topic.
    pub fn by_call(&self) -> BTreeMap<&str, usize> {
        let mut map = BTreeMap::new();
        for (at, topic) in self.topics.iter().enumerate() {
            for id in &topic.call_ids {
                map.insert(id.as_str(), at);
            }
        }
        map
    }

    /// A number that no topic ever had.
    pub(super) fn next_topic(&self) -> usize {
        let ids = self.topics.iter().map(|t| t.id.as_str()).chain(self.retired.iter().map(|r| r.id.as_str()));
        ids.filter_map(|id| id.get(1..)?.parse::<usize>().ok()).max().unwrap_or(0) + 1
    }

    /// Sorts topics by size and takes out what no longer has children.
    pub(super) fn arrange(&mut self) {
        // Equal ones in the order in which they were opened.
        self.topics.sort_by_key(|topic| {
            (std::cmp::Reverse(topic.size), topic.id.get(1..).and_then(|n| n.parse::<usize>().ok()))
        });
        let there: BTreeSet<&str> = self.topics.iter().map(|topic| topic.id.as_str()).collect();
        for group in &mut self.groups {
            group.children.retain(|id| there.contains(id.as_str()));
        }
        self.groups.retain(|group| !group.children.is_empty());
    }

    /// The first words of the largest topics of a group.
    pub(super) fn group_label(&self, children: &[String]) -> String {
        let of_group = self.topics.iter().filter(|topic| children.contains(&topic.id));
        let words: Vec<&str> =
            of_group.filter_map(|topic| topic.terms.first()).take(LABEL_TERMS).map(String::as_str).collect();
        words.join("、")
    }

    fn live(&mut self, id: &str) -> Result<&mut Topic, TopicError> {
        if let Some(into) = self.retired.iter().find(|retired| retired.id == id).and_then(|r| r.into.clone()) {
            return Err(TopicError::Retired { id: id.to_owned(), into });
        }
        self.topics
            .iter_mut()
            .find(|topic| topic.id == id)
            .ok_or_else(|| TopicError::Unknown(id.to_owned()))
    }
}
