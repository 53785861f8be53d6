//! Topics and what is counted over them as wire types.

use std::collections::BTreeMap;

use qingting_pipeline::topic::association::Association;
use qingting_pipeline::topic::callers::{CallerPatterns, FrequentCaller, Matter, NeedGroup, StyleGroup};
use qingting_pipeline::topic::hotspot::Hotspot;
use qingting_pipeline::topic::trend::{BurstAlert, CrisisAlert, Trend};
use qingting_pipeline::topic::view::{Field, Item, TopicView};
use qingting_pipeline::topic::{Change, ChangeKind, Topic, TopicGroup, Topics};
use qingting_proto::v1;

use crate::server::calls::resource;
use crate::server::convert::time_to_wire;

/// Collection in resource names.
pub(super) const COLLECTION: &str = "topics/";
/// Most calls that are named of one thing; ListTopicCalls has them all.
const MOST_CALLS: usize = 1000;

pub(super) fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn small(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn texts(items: &[Item]) -> Vec<String> {
    items.iter().map(Item::to_string).collect()
}

fn resources(ids: &[String]) -> Vec<String> {
    ids.iter().take(MOST_CALLS).map(|id| resource(id)).collect()
}

/// A topic without history and figures.
pub(super) fn topic_to_wire(topic: &Topic, topics: &Topics) -> v1::Topic {
    let group = topics.groups.iter().find(|group| group.children.contains(&topic.id));
    v1::Topic {
        name: format!("{COLLECTION}{}", topic.id),
        label: topic.label.clone(),
        terms: topic.terms.clone(),
        call_count: count(topic.size),
        quotes: topic.quotes.clone(),
        group: group.map(|group| group.id.clone()).unwrap_or_default(),
        named: topic.named,
        pinned: topic.pinned,
        history: Vec::new(),
        figures: Vec::new(),
        items: vec![Item::new(Field::Topic, &topic.id).to_string()],
    }
}

/// A group as what UpdateTopic answers when it was named.
pub(super) fn named_group_to_wire(group: &TopicGroup) -> v1::Topic {
    v1::Topic {
        name: format!("{COLLECTION}{}", group.id),
        label: group.label.clone(),
        named: group.named,
        group: group.id.clone(),
        ..v1::Topic::default()
    }
}

pub(super) fn group_to_wire(group: &TopicGroup) -> v1::TopicGroup {
    v1::TopicGroup { id: group.id.clone(), label: group.label.clone(), topics: group.children.clone() }
}

pub(super) fn change_to_wire(change: &Change) -> v1::TopicChange {
    let kind = match change.what {
        ChangeKind::Opened => v1::TopicChangeKind::Opened,
        ChangeKind::Divided => v1::TopicChangeKind::Divided,
        ChangeKind::Merged => v1::TopicChangeKind::Merged,
        ChangeKind::Named => v1::TopicChangeKind::Named,
        ChangeKind::Pinned => v1::TopicChangeKind::Pinned,
    };
    v1::TopicChange {
        day: change.day.map(|day| day.to_string()).unwrap_or_default(),
        kind: kind.into(),
        topics: change.topics.clone(),
        by_hand: change.by_hand,
    }
}

/// How many of some calls have which item.
pub(super) fn figures(view: &TopicView, calls: &[usize]) -> Vec<v1::ItemCount> {
    let mut counts: BTreeMap<Item, usize> = BTreeMap::new();
    calls
        .iter()
        .flat_map(|&call| view.items(call))
        .for_each(|item| *counts.entry(item).or_default() += 1);
    let mut counts: Vec<(Item, usize)> = counts.into_iter().filter(|(item, _)| item.field != Field::Topic).collect();
    counts.sort_by(|a, b| a.0.field.cmp(&b.0.field).then(b.1.cmp(&a.1)));
    counts
        .into_iter()
        .map(|(item, calls)| v1::ItemCount { item: item.to_string(), call_count: count(calls) })
        .collect()
}

pub(super) fn trend_to_wire(trend: Trend) -> v1::Trend {
    v1::Trend {
        topic: trend.topic,
        topic_label: trend.label,
        call_count: count(trend.calls),
        before_count: count(trend.before),
        first_day: trend.from.to_string(),
        daily: trend.daily.into_iter().map(small).collect(),
    }
}

pub(super) fn crisis_to_wire(crisis: CrisisAlert) -> v1::Crisis {
    v1::Crisis {
        call: resource(&crisis.call_id),
        quote: crisis.quote,
        started_at: crisis.started_at.as_ref().map(time_to_wire),
        ..v1::Crisis::default()
    }
}

pub(super) fn burst_to_wire(burst: &BurstAlert) -> v1::Burst {
    v1::Burst {
        topic: burst.topic.clone(),
        topic_label: burst.label.clone(),
        first_day: burst.from.to_string(),
        last_day: burst.until.to_string(),
        observed: i32::try_from(burst.observed).unwrap_or(i32::MAX),
        expected: burst.expected,
        calls: resources(&burst.call_ids),
        at: burst.at.as_ref().map(Item::to_string),
        seen_day: burst.seen.to_string(),
        chance: burst.chance,
    }
}

pub(super) fn hotspot_to_wire(spot: Hotspot) -> v1::Hotspot {
    v1::Hotspot {
        items: texts(&[Item::new(Field::Topic, &spot.topic), spot.at.clone()]),
        topic: spot.topic,
        topic_label: spot.label,
        at: spot.at.to_string(),
        first_day: spot.from.to_string(),
        last_day: spot.until.to_string(),
        call_count: count(spot.calls),
        expected: spot.expected,
        negative: spot.negative,
        repeated_share: spot.repeated,
        heat: spot.heat,
    }
}

pub(super) fn association_to_wire(rule: &Association) -> v1::Association {
    v1::Association {
        when: texts(&rule.when),
        then: rule.then.to_string(),
        call_count: count(rule.calls),
        condition_count: count(rule.of),
        support: rule.support,
        confidence: rule.confidence,
        lift: rule.lift,
        chance: rule.chance,
    }
}

pub(super) fn patterns_to_wire(found: CallerPatterns, most: usize) -> v1::CallerPatterns {
    v1::CallerPatterns {
        window_days: i32::from(found.window_days),
        contact_count: count(found.contacts),
        known_count: count(found.known),
        repeat_count: count(found.repeats),
        stated_count: count(found.stated),
        frequent_callers: found.frequent.into_iter().take(most).map(frequent_to_wire).collect(),
        matters: found.matters.into_iter().take(most).map(matter_to_wire).collect(),
        needs: found.needs.into_iter().map(need_to_wire).collect(),
        styles: found.styles.into_iter().map(style_to_wire).collect(),
    }
}

fn frequent_to_wire(caller: FrequentCaller) -> v1::FrequentCaller {
    let topic = |(id, _, calls): (String, String, usize)| v1::ItemCount {
        item: Item::new(Field::Topic, id).to_string(),
        call_count: count(calls),
    };
    v1::FrequentCaller {
        calls: resources(&caller.call_ids),
        caller: caller.caller,
        call_count: count(caller.calls),
        repeat_count: count(caller.repeats),
        unresolved_count: count(caller.unresolved),
        style: caller.style.map(|style| style.zh().to_owned()).unwrap_or_default(),
        last_contact_at: caller.last.as_ref().map(time_to_wire).unwrap_or_default(),
        topics: caller.topics.into_iter().map(topic).collect(),
    }
}

fn matter_to_wire(matter: Matter) -> v1::RepeatedMatter {
    v1::RepeatedMatter {
        calls: resources(&matter.call_ids),
        topic: matter.topic,
        topic_label: matter.label,
        at: matter.at.as_ref().map(Item::to_string).unwrap_or_default(),
        call_count: count(matter.calls),
        repeat_count: count(matter.repeats),
        caller_count: count(matter.callers),
    }
}

fn need_to_wire(group: NeedGroup) -> v1::CallerGroup {
    let items = [
        Item::new(Field::EmotionalNeed, group.emotional.zh()),
        Item::new(Field::FactualNeed, group.factual.zh()),
    ];
    v1::CallerGroup { label: group.label, call_count: count(group.calls), items: texts(&items) }
}

fn style_to_wire(group: StyleGroup) -> v1::CallerGroup {
    let items = texts(&[Item::new(Field::Style, group.style.zh())]);
    v1::CallerGroup { label: group.label, call_count: count(group.calls), items }
}
