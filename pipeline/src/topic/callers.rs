//! Who calls again, and what callers need: repeat contacts within a window, matters that many come
//! back about, groups of needs, and how callers speak. Owns what a repeat contact is.
//!
//! A contact is a *repeat* when the same caller (by pseudonym) contacted the hotline within the window before
//! about the same matter: the same topic, or the same narrow category. Where the source does not know callers,
//! it is one when the caller says so. The repeat rate is given over the contacts whose caller is known.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};

use super::view::{Item, TopicView, ranked};
use crate::record::{CallDigest, CallerStyle, Need};

/// How caller patterns are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallerConfig {
    /// Days within which another contact about the matter is a repeat.
    pub window_days: u16,
    /// Fewest contacts of a frequent caller, and of a matter that many come back about.
    pub min_calls: usize,
    /// Days that a history card looks back.
    pub card_days: u16,
}

impl Default for CallerConfig {
    fn default() -> Self {
        Self { window_days: 30, min_calls: 3, card_days: 180 }
    }
}

/// Which calls are repeat contacts.
#[derive(Debug, Clone, Default)]
pub struct Repeats {
    /// For each call the one before about the same matter by the same caller.
    before: Vec<Option<usize>>,
    /// Calls that are a repeat by either definition.
    is: Vec<bool>,
}

/// What callers did in a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallerPatterns {
    /// Days within which another contact about the matter is a repeat.
    pub window_days: u16,
    /// Contacts.
    pub contacts: usize,
    /// Contacts whose caller is known.
    pub known: usize,
    /// Of these repeats.
    pub repeats: usize,
    /// Contacts whose caller says that it is not the first.
    pub stated: usize,
    /// Callers with most contacts.
    pub frequent: Vec<FrequentCaller>,
    /// Matters with most repeats.
    pub matters: Vec<Matter>,
    /// Callers by what they need.
    pub needs: Vec<NeedGroup>,
    /// Callers by how they speak.
    pub styles: Vec<StyleGroup>,
}

/// A caller who calls often.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrequentCaller {
    /// Pseudonym.
    pub caller: String,
    /// Contacts.
    pub calls: usize,
    /// Repeats among them.
    pub repeats: usize,
    /// Topics that they are about, most frequent first: id, label, contacts.
    pub topics: Vec<(String, String, usize)>,
    /// Contacts that nothing came of.
    pub unresolved: usize,
    /// How the caller mostly speaks.
    pub style: Option<CallerStyle>,
    /// The last contact.
    pub last: Option<DateTime<FixedOffset>>,
    /// The contacts, in order.
    pub call_ids: Vec<String>,
}

/// A matter that callers come back about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matter {
    /// Id of the topic.
    pub topic: String,
    /// Its label.
    pub label: String,
    /// Place or organisation, where one is spoken of.
    pub at: Option<Item>,
    /// Contacts.
    pub calls: usize,
    /// Repeats among them.
    pub repeats: usize,
    /// Known callers.
    pub callers: usize,
    /// The repeats, in order.
    pub call_ids: Vec<String>,
}

/// Callers with the same needs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NeedGroup {
    /// The need to be heard.
    pub emotional: Need,
    /// The need to be helped.
    pub factual: Need,
    /// What supervisors read.
    pub label: String,
    /// Contacts.
    pub calls: usize,
    /// Topics with most of them: id, label, contacts.
    pub topics: Vec<(String, String, usize)>,
    /// The contacts, in order.
    pub call_ids: Vec<String>,
}

/// Callers who speak alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StyleGroup {
    /// How.
    pub style: CallerStyle,
    /// What supervisors read.
    pub label: String,
    /// Contacts.
    pub calls: usize,
    /// Share of dissatisfied callers, 0 to 1.
    pub dissatisfied: f64,
    /// Share of contacts that nothing came of, 0 to 1.
    pub unresolved: f64,
    /// The contacts, in order.
    pub call_ids: Vec<String>,
}

/// Topics and entries that are named of a group.
const SHOWN: usize = 5;

impl Repeats {
    /// Finds the repeat contacts.
    pub fn new(view: &TopicView, config: &CallerConfig) -> Self {
        let mut by_caller: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (call, digest) in view.calls.iter().enumerate() {
            if let (Some(caller), Some(_)) = (&digest.caller, digest.started_at) {
                by_caller.entry(caller).or_default().push(call);
            }
        }
        let mut before = vec![None; view.calls.len()];
        for mut calls in by_caller.into_values() {
            calls.sort_by_key(|&call| (view.calls[call].started_at, call));
            for (nth, &call) in calls.iter().enumerate() {
                before[call] = calls[..nth].iter().rev().copied().find(|&earlier| {
                    within(&view.calls[earlier], &view.calls[call], config.window_days)
                        && same_matter(view, earlier, call)
                });
            }
        }
        let is = view
            .calls
            .iter()
            .zip(&before)
            .map(|(digest, before)| before.is_some() || (digest.caller.is_none() && digest.repeat_contact))
            .collect();
        Self { before, is }
    }

    /// Whether a call is a repeat contact.
    pub fn is_repeat(&self, call: usize) -> bool {
        self.is.get(call).copied().unwrap_or(false)
    }

    /// The contact before it about the same matter, where the caller is known.
    pub fn before(&self, call: usize) -> Option<usize> {
        self.before.get(call).copied().flatten()
    }
}

fn within(earlier: &CallDigest, later: &CallDigest, days: u16) -> bool {
    match (earlier.started_at, later.started_at) {
        (Some(a), Some(b)) => a.checked_add_days(Days::new(u64::from(days))).is_some_and(|end| b <= end),
        _ => false,
    }
}

fn same_matter(view: &TopicView, a: usize, b: usize) -> bool {
    let narrow = |call: usize| Some(&view.calls[call].category).filter(|category| category.len() > 1);
    (view.topic_of[a].is_some() && view.topic_of[a] == view.topic_of[b])
        || (narrow(a).is_some() && narrow(a) == narrow(b))
}

/// What callers did between two days.
pub fn patterns(
    view: &TopicView,
    repeats: &Repeats,
    since: Option<NaiveDate>,
    until: Option<NaiveDate>,
    config: &CallerConfig,
) -> CallerPatterns {
    let calls = view.select(&[], since, until);
    let known: Vec<usize> = calls.iter().copied().filter(|&call| view.calls[call].caller.is_some()).collect();
    CallerPatterns {
        window_days: config.window_days,
        contacts: calls.len(),
        known: known.len(),
        repeats: known.iter().filter(|&&call| repeats.before(call).is_some()).count(),
        stated: calls.iter().filter(|&&call| view.calls[call].repeat_contact).count(),
        frequent: frequent(view, repeats, &known, config),
        matters: matters(view, repeats, &calls, config),
        needs: needs(view, &calls),
        styles: styles(view, &calls),
    }
}

/// Topics of some calls, most frequent first.
fn topics_of(view: &TopicView, calls: &[usize]) -> Vec<(String, String, usize)> {
    ranked(calls.iter().filter_map(|&call| view.topic_of[call]))
        .into_iter()
        .take(SHOWN)
        .map(|(at, count)| (view.topics.topics[at].id.clone(), view.topics.topics[at].label.clone(), count))
        .collect()
}

fn unresolved(view: &TopicView, calls: &[usize]) -> usize {
    calls.iter().filter(|&&call| view.calls[call].outcome == "unresolved").count()
}

fn frequent(view: &TopicView, repeats: &Repeats, known: &[usize], config: &CallerConfig) -> Vec<FrequentCaller> {
    let mut by_caller: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &call in known {
        if let Some(caller) = &view.calls[call].caller {
            by_caller.entry(caller).or_default().push(call);
        }
    }
    by_caller.retain(|_, calls| calls.len() >= config.min_calls.max(2));
    let mut frequent: Vec<FrequentCaller> = by_caller
        .into_iter()
        .map(|(caller, calls)| FrequentCaller {
            caller: caller.to_owned(),
            calls: calls.len(),
            repeats: calls.iter().filter(|&&call| repeats.is_repeat(call)).count(),
            topics: topics_of(view, &calls),
            unresolved: unresolved(view, &calls),
            style: ranked(calls.iter().filter_map(|&call| view.calls[call].style)).first().map(|(style, _)| *style),
            last: calls.iter().filter_map(|&call| view.calls[call].started_at).max(),
            call_ids: view.ids(&calls),
        })
        .collect();
    frequent
        .sort_by(|a, b| b.calls.cmp(&a.calls).then(b.repeats.cmp(&a.repeats)).then_with(|| a.caller.cmp(&b.caller)));
    frequent
}

fn matters(view: &TopicView, repeats: &Repeats, calls: &[usize], config: &CallerConfig) -> Vec<Matter> {
    let mut by_matter: BTreeMap<(usize, Option<Item>), Vec<usize>> = BTreeMap::new();
    for &call in calls {
        let Some(topic) = view.topic_of[call] else { continue };
        let at = view.sites(call);
        if at.is_empty() {
            by_matter.entry((topic, None)).or_default().push(call);
        }
        for at in at {
            by_matter.entry((topic, Some(at))).or_default().push(call);
        }
    }
    let mut matters: Vec<Matter> = by_matter
        .into_iter()
        .filter(|(_, calls)| calls.len() >= config.min_calls)
        .map(|((topic, at), calls)| {
            let again: Vec<usize> = calls.iter().copied().filter(|&call| repeats.is_repeat(call)).collect();
            let callers: BTreeSet<&str> = calls.iter().filter_map(|&call| view.calls[call].caller.as_deref()).collect();
            Matter {
                topic: view.topics.topics[topic].id.clone(),
                label: view.topics.topics[topic].label.clone(),
                at,
                calls: calls.len(),
                repeats: again.len(),
                callers: callers.len(),
                call_ids: view.ids(&again),
            }
        })
        .filter(|matter| matter.repeats > 0)
        .collect();
    matters.sort_by(|a, b| {
        b.repeats
            .cmp(&a.repeats)
            .then(b.calls.cmp(&a.calls))
            .then_with(|| (&a.topic, &a.at).cmp(&(&b.topic, &b.at)))
    });
    matters
}

fn needs(view: &TopicView, calls: &[usize]) -> Vec<NeedGroup> {
    let mut groups: BTreeMap<(&str, &str), (Need, Need, Vec<usize>)> = BTreeMap::new();
    for &call in calls {
        let (emotional, factual) = (view.calls[call].emotional, view.calls[call].factual);
        groups
            .entry((emotional.zh(), factual.zh()))
            .or_insert_with(|| (emotional, factual, Vec::new()))
            .2
            .push(call);
    }
    let mut groups: Vec<NeedGroup> = groups
        .into_values()
        .map(|(emotional, factual, calls)| NeedGroup {
            emotional,
            factual,
            label: need_label(emotional, factual),
            calls: calls.len(),
            topics: topics_of(view, &calls),
            call_ids: view.ids(&calls),
        })
        .collect();
    groups.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.label.cmp(&b.label)));
    groups
}

fn need_label(emotional: Need, factual: Need) -> String {
    let part = |need: Need, name: &str| (need != Need::None).then(|| format!("{name}{}", need.zh()));
    let parts: Vec<String> = [part(emotional, "倾诉需求"), part(factual, "办事需求")].into_iter().flatten().collect();
    if parts.is_empty() {
        "无明显需求".to_owned()
    } else {
        parts.join("、")
    }
}

fn styles(view: &TopicView, calls: &[usize]) -> Vec<StyleGroup> {
    CallerStyle::ALL
        .into_iter()
        .filter_map(|style| {
            let calls: Vec<usize> =
                calls.iter().copied().filter(|&call| view.calls[call].style == Some(style)).collect();
            let share = |count: usize| count as f64 / calls.len() as f64;
            (!calls.is_empty()).then(|| StyleGroup {
                style,
                label: style.zh().to_owned(),
                calls: calls.len(),
                dissatisfied: share(calls.iter().filter(|&&call| view.calls[call].dissatisfied()).count()),
                unresolved: share(unresolved(view, &calls)),
                call_ids: view.ids(&calls),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::testing::{call, day, view};

    fn by(id: &str, caller: &str, offset: u64) -> CallDigest {
        let mut call = call(id, offset);
        call.caller = Some(caller.to_owned());
        call
    }

    fn example() -> TopicView {
        let mut category = by("a4", "a", 12);
        category.category = vec!["城乡建设".to_owned(), "供水".to_owned()];
        let mut same_category = by("a5", "a", 13);
        same_category.category.clone_from(&category.category);
        let mut stated = call("x1", 5);
        stated.repeat_contact = true;
        let mut stated_first = by("b1", "b", 6);
        stated_first.repeat_contact = true;
        view(vec![
            (by("a1", "a", 0), 0),
            (by("a2", "a", 10), 0),
            (by("a3", "a", 11), 1),
            (category, 2),
            (same_category, 3),
            (by("a6", "a", 70), 0),
            (stated, 0),
            (stated_first, 0),
        ])
    }

    #[test]
    fn a_repeat_is_the_same_caller_about_the_same_matter_within_the_window() {
        let view = example();
        let repeats = Repeats::new(&view, &CallerConfig::default());
        let is: Vec<&str> = (0..view.calls.len())
            .filter(|&call| repeats.is_repeat(call))
            .map(|call| view.calls[call].call_id.as_str())
            .collect();
        // a2 by its topic, a5 by its category, x1 because nobody knows the caller, who says so.
        assert_eq!(is, ["a2", "a5", "x1"]);
        assert_eq!(repeats.before(1), Some(0));
        assert_eq!(repeats.before(6), None);
    }

    #[test]
    fn patterns_open_to_their_calls() {
        let view = example();
        let config = CallerConfig::default();
        let repeats = Repeats::new(&view, &config);
        let found = patterns(&view, &repeats, None, None, &config);
        assert_eq!((found.contacts, found.known, found.repeats, found.stated), (8, 7, 2, 2));
        assert_eq!(found.frequent.len(), 1);
        let frequent = &found.frequent[0];
        assert_eq!((frequent.caller.as_str(), frequent.calls, frequent.repeats), ("a", 6, 2));
        assert_eq!(frequent.call_ids.len(), frequent.calls);
        assert_eq!(frequent.topics[0], ("t1".to_owned(), "主题1".to_owned(), 3));
        assert_eq!(found.matters[0].call_ids, ["a2", "x1"]);
        assert_eq!(found.needs.iter().map(|group| group.calls).sum::<usize>(), 8);
        assert_eq!((found.styles.len(), found.styles[0].calls), (1, 8));
        // A repeat whose first contact lies before the period is one.
        let later = patterns(&view, &repeats, Some(day(10)), Some(day(10)), &config);
        assert_eq!((later.contacts, later.repeats), (1, 1));
    }
}
