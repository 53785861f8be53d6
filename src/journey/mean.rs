//! The mean of many curves, by topic, team, queue, category or outcome, with intervals. A call counts once in every mean,
//! whatever its length, and curves are read at the same twenty-one places of each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use qingting_pipeline::Analyzed;
use qingting_pipeline::topic::view::TopicView;
use serde::Serialize;
use serde::ser::SerializeStruct;

use super::curve::{Course, GRID, Journey};
use super::step::CallStep;
use crate::report::figures::{Interval, Mean, Share};
use crate::report::kpis::conversation;

/// Fewest calls of a mean that is shown when nobody says otherwise.
pub const LEAST_CALLS: u64 = 10;

/// What conversations are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The topic of the last nightly step.
    Topic,
    /// The agent's team.
    Team,
    /// The queue.
    Queue,
    /// The category, by its broadest level.
    Category,
    /// `resolved`, `follow_up`, `unresolved`.
    Outcome,
}

impl GroupBy {
    /// The one of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "topic" => Self::Topic,
            "team" => Self::Team,
            "queue" => Self::Queue,
            "category" => Self::Category,
            "outcome" => Self::Outcome,
            _ => return None,
        })
    }

    /// Every name.
    pub const NAMES: &'static str = "topic, team, queue, category, outcome";
}

/// The topic of every call that has one: id and name.
#[derive(Debug, Clone, Default)]
pub struct Topics(HashMap<String, (String, String)>);

impl Topics {
    /// Of the calls of a view.
    pub fn of(view: &TopicView) -> Self {
        let topic = |at: usize| Some((view.calls[at].call_id.clone(), view.topic(at)?));
        let named = (0..view.calls.len()).filter_map(topic);
        Self(named.map(|(call, topic)| (call, (topic.id.clone(), topic.label.clone()))).collect())
    }

    /// Of a call.
    pub fn get(&self, call_id: &str) -> Option<&(String, String)> {
        self.0.get(call_id)
    }
}

/// What narrows a selection beside its days, teams, queues and agents. What is empty narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Id of a topic.
    pub topic: Option<String>,
    /// A level of the category, such as 城乡建设.
    pub category: Option<String>,
    /// `resolved`, `follow_up` or `unresolved`.
    pub outcome: Option<String>,
    /// Calls that are left out.
    pub hidden: BTreeSet<String>,
}

impl Narrowing {
    /// Whether a conversation is one of them.
    pub fn has(&self, call: &Analyzed, topics: &Topics) -> bool {
        let facts = &call.analysis.facts;
        let id = call.record.call_id.as_str();
        conversation(&call.record)
            && !self.hidden.contains(id)
            && self.topic.as_ref().is_none_or(|topic| topics.get(id).is_some_and(|(of, _)| of == topic))
            && self.category.as_ref().is_none_or(|category| facts.category.contains(category))
            && self.outcome.as_ref().is_none_or(|outcome| *outcome == facts.outcome)
    }
}

/// The mean curve of some calls. Grows with nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanJourney {
    /// The caller's curve at every twentieth of the call.
    pub caller: [Mean; GRID],
    /// The agent's, of calls in which the agent says something.
    pub agent: [Mean; GRID],
    /// The caller's mean score in each step, of calls that have turns of the caller there.
    pub steps: [Mean; 6],
    /// Strongest feelings.
    pub peak: Mean,
    /// Ends.
    pub end: Mean,
    /// Means of peak and end.
    pub peak_end: Mean,
    /// Calls by what became of the caller's feeling, in the order of [`Course::ALL`].
    pub courses: [u64; 3],
    /// Calls.
    pub calls: u64,
    /// Conversations in which the caller says nothing, so that there is no curve.
    pub without: u64,
}

impl Default for MeanJourney {
    fn default() -> Self {
        Self {
            caller: [Mean::default(); GRID],
            agent: [Mean::default(); GRID],
            steps: [Mean::default(); 6],
            peak: Mean::default(),
            end: Mean::default(),
            peak_end: Mean::default(),
            courses: [0; 3],
            calls: 0,
            without: 0,
        }
    }
}

/// A value at a place of the call.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// The mean.
    pub value: f64,
    /// Student's 95% interval, within −1 to 1; absent below two calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Its upper bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Calls.
    pub calls: u64,
}

/// A mean of feelings with its interval, which reaches no farther than feelings do.
pub fn band(mean: &Mean) -> Option<Band> {
    let interval = mean.interval();
    let bound = |of: fn(&Interval) -> f64| interval.as_ref().map(|interval| of(interval).clamp(-1.0, 1.0));
    Some(Band {
        value: mean.value()?,
        low: bound(|interval| interval.low),
        high: bound(|interval| interval.high),
        calls: mean.count(),
    })
}

impl MeanJourney {
    /// Counts a conversation.
    pub fn add(&mut self, call: &Analyzed) {
        match Journey::of(&call.record, &call.analysis) {
            Some(journey) => self.put(&journey),
            None => self.without += 1,
        }
    }

    /// Counts a curve.
    pub fn put(&mut self, journey: &Journey) {
        self.calls += 1;
        let fill = |means: &mut [Mean; GRID], values: [f64; GRID]| {
            means.iter_mut().zip(values).for_each(|(mean, value)| mean.add(value));
        };
        fill(&mut self.caller, journey.sampled());
        if let Some(values) = journey.sampled_agent() {
            fill(&mut self.agent, values);
        }
        for (mean, step) in self.steps.iter_mut().zip(CallStep::ALL) {
            if let Some(score) = journey.in_step(step) {
                mean.add(score);
            }
        }
        self.peak.add(journey.peak.into());
        self.end.add(journey.end.into());
        self.peak_end.add(journey.peak_end.into());
        for (count, course) in self.courses.iter_mut().zip(Course::ALL) {
            *count += u64::from(journey.course == course);
        }
    }

    /// What became of the caller's feeling, as a share of the calls.
    pub fn course(&self, course: Course) -> Share {
        let at = Course::ALL.iter().position(|of| *of == course);
        Share::new(at.map_or(0, |at| self.courses[at]), self.calls)
    }
}

impl Serialize for MeanJourney {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bands = |means: &[Mean]| means.iter().map(band).collect::<Vec<_>>();
        let mut fields = serializer.serialize_struct("MeanJourney", 9)?;
        fields.serialize_field("calls", &self.calls)?;
        fields.serialize_field("without_curve", &self.without)?;
        fields.serialize_field("caller", &bands(&self.caller))?;
        fields.serialize_field("agent", &bands(&self.agent))?;
        let steps: BTreeMap<&str, Option<Band>> =
            CallStep::ALL.iter().zip(&self.steps).map(|(step, mean)| (step.as_str(), band(mean))).collect();
        fields.serialize_field("steps", &steps)?;
        fields.serialize_field("peak", &band(&self.peak))?;
        fields.serialize_field("end", &band(&self.end))?;
        fields.serialize_field("peak_end", &band(&self.peak_end))?;
        let courses: BTreeMap<&str, u64> =
            Course::ALL.iter().zip(self.courses).map(|(course, n)| (course.as_str(), n)).collect();
        fields.serialize_field("courses", &courses)?;
        fields.end()
    }
}

/// A group with its mean curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// What selects it: id of a topic, name of a team, ...
    pub id: String,
    /// What supervisors read.
    pub label: String,
    /// The curve.
    pub mean: MeanJourney,
}

/// The mean curve of a selection, and of its parts.
#[derive(Debug, Clone, Default)]
pub struct Means {
    by: Option<GroupBy>,
    overall: MeanJourney,
    groups: BTreeMap<String, (String, MeanJourney)>,
}

impl Means {
    /// Nothing counted yet.
    pub fn new(by: Option<GroupBy>) -> Self {
        Self { by, ..Self::default() }
    }

    /// Counts a conversation. One that does not say what it is told apart by is in no group.
    pub fn add(&mut self, call: &Analyzed, topics: &Topics) {
        let Some(journey) = Journey::of(&call.record, &call.analysis) else {
            self.overall.without += 1;
            return;
        };
        self.overall.put(&journey);
        let facts = &call.analysis.facts;
        let same = |id: &String| (id.clone(), id.clone());
        let group = match self.by {
            None => None,
            Some(GroupBy::Topic) => topics.get(&call.record.call_id).cloned(),
            Some(GroupBy::Team) => call.record.agent.as_ref().and_then(|agent| agent.team.as_ref()).map(same),
            Some(GroupBy::Queue) => call.record.queue.as_ref().map(same),
            Some(GroupBy::Category) => facts.category.first().map(same),
            Some(GroupBy::Outcome) => Some((facts.outcome.clone(), outcome_zh(&facts.outcome).to_owned())),
        };
        if let Some((id, label)) = group {
            self.groups.entry(id).or_insert_with(|| (label, MeanJourney::default())).1.put(&journey);
        }
    }

    /// The curve of all, and those of the groups with at least so many calls, the largest first; how many groups had fewer.
    pub fn finish(self, least: u64) -> (MeanJourney, Vec<Group>, usize) {
        let all = self.groups.len();
        let enough = self.groups.into_iter().filter(|(_, (_, mean))| mean.calls >= least);
        let mut groups: Vec<Group> = enough.map(|(id, (label, mean))| Group { id, label, mean }).collect();
        groups.sort_by(|a, b| b.mean.calls.cmp(&a.mean.calls).then_with(|| a.id.cmp(&b.id)));
        let small = all - groups.len();
        (self.overall, groups, small)
    }
}

/// What supervisors read of an outcome.
pub fn outcome_zh(outcome: &str) -> &str {
    match outcome {
        "resolved" => "已解决",
        "follow_up" => "待跟进",
        "unresolved" => "未解决",
        other => other,
    }
}
