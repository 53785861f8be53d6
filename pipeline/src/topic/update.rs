//! The nightly step: new calls go to the topics that are known, what fits none of them opens new
//! ones, what grew too large is divided and what grew together merged. Owns which call is in which
//! topic; a call changes its topic only where a topic is opened, divided or merged.
//!
//! A known topic is the mean of its calls and of its own terms, so that one without a call for months
//! is still known when its season comes. A call is a stranger to its topic when it lies farther out
//! than nineteen of twenty of the topic's calls, a new call than three of four; strangers who are as close to each other as the calls of
//! the known topics are, and no closer to a known one, become a topic of their own. What people have named,
//! merged or pinned stays together.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use ndarray::{Array1, Array2};

use super::clusters::{self, Clusters};
use super::features::{self, Features};
use super::known::{Change, ChangeKind, Retired, Topic, TopicGroup, Topics};
use super::terms::{self, Described};
use super::view::ranked;
use super::{TopicConfig, TopicDocument, TopicFinder, adopt, anchors, reduce};

/// Share of a topic's calls that may be strangers to it.
const STRANGERS: f64 = 0.05;
/// The same share of new calls: what is new is more often something new.
const NEW_STRANGERS: f64 = 0.25;
/// Fewest calls from which a topic's own spread can be told.
const SPREAD_FROM: usize = 20;
/// Fewest calls that open a topic: fewer are as likely to have no more in common than being strangers.
const FEWEST: usize = 10;
/// Fewest new calls among them.
const FEWEST_NEW: usize = 3;
/// Least share of common calls (Jaccard) by which a topic found anew is a known one.
const SAME: f64 = 0.3;
/// Largest number of parts that strangers are cut into.
const STRANGER_PARTS: usize = 60;

/// How far the step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Calls go to known topics; topics may be opened, divided and merged.
    Update,
    /// Calls go to known topics and nothing else changes.
    Assign,
    /// Everything is clustered anew but for what people decided about; topics that come out again keep
    /// their ids.
    Rebuild,
}

/// A topic on its way.
#[derive(Debug, Default)]
struct Part {
    /// Index of the known topic that it is.
    known: Option<usize>,
    /// Its documents.
    members: Vec<usize>,
    /// Known topics that it comes out of.
    from: BTreeSet<usize>,
    /// Whether its documents changed so much that its terms are no longer right.
    changed: bool,
}

/// Documents in their space.
struct Space<'a> {
    /// The calls, and after them one document of its terms for each known topic.
    documents: &'a [TopicDocument],
    calls: usize,
    features: Features,
    vectors: Array2<f32>,
    config: &'a TopicConfig,
    seed: u64,
}

pub(super) fn run(
    finder: &TopicFinder,
    known: &Topics,
    calls: &[TopicDocument],
    mode: Mode,
    night: Option<NaiveDate>,
    seed: u64,
) -> Topics {
    let config = &finder.config;
    let mut documents = calls.to_vec();
    documents.extend(known.topics.iter().map(of_terms));
    let features = features::extract(&documents, known.topics.len(), &finder.content, config);
    let vectors = reduce::reduce(&features, config.dimensions, seed);
    let space = Space { documents: &documents, calls: calls.len(), features, vectors, config, seed };
    let at = known.by_call();
    let known_of: Vec<Option<usize>> = calls.iter().map(|call| at.get(call.call_id.as_str()).copied()).collect();

    let mut parts = match mode {
        _ if known.topics.is_empty() => space.found(&space.with_words(|_| true)),
        Mode::Rebuild => space.rebuilt(known, &known_of),
        Mode::Update | Mode::Assign => space.grown(known, &known_of, mode == Mode::Update),
    };
    let mut of = vec![None; documents.len()];
    for (part, at) in parts.iter().zip(0..) {
        part.members.iter().for_each(|&document| of[document] = Some(at));
    }
    let homeless: Vec<usize> = (0..calls.len()).filter(|&document| of[document].is_none()).collect();
    adopt(calls, &mut of[..calls.len()]);
    for document in homeless {
        if let Some(part) = of[document].and_then(|at: usize| parts.get_mut(at)) {
            part.members.push(document);
        }
    }
    let centroids: Vec<Array1<f32>> = parts.iter().map(|part| space.centroid(part)).collect();
    let merged = if mode == Mode::Update {
        merges(known, &parts, &centroids, config.merge_at)
    } else {
        Vec::new()
    };
    let clusters = Clusters { of, centroids };
    let described = terms::describe(&documents, &space.features, &space.vectors, &clusters, config);
    assemble(known, &space, parts, described, &clusters.centroids, &merged, night)
}

/// The terms of a topic as a document of their own.
fn of_terms(topic: &Topic) -> TopicDocument {
    TopicDocument {
        call_id: String::new(),
        passages: vec![(topic.terms.join("，"), 1.0)],
        category: Vec::new(),
    }
}

impl Space<'_> {
    fn with_words(&self, keep: impl Fn(usize) -> bool) -> Vec<usize> {
        reduce::placed(&self.vectors).into_iter().filter(|&d| d < self.calls && keep(d)).collect()
    }

    /// Clusters found among some documents.
    fn found(&self, documents: &[usize]) -> Vec<Part> {
        let calls = &self.documents[..self.calls];
        // Broad categories where there are too few calls for the narrow ones.
        let anchors = [anchors(calls, 2), anchors(calls, 1)];
        let clusters = clusters::find(&self.vectors, documents, &anchors, self.config, self.seed);
        let part = |members| Part { members, changed: true, ..Part::default() };
        clusters.members().into_iter().map(part).collect()
    }

    fn known_parts(&self, known: &Topics, known_of: &[Option<usize>]) -> Vec<Part> {
        let mut parts: Vec<Part> =
            (0..known.topics.len()).map(|at| Part { known: Some(at), ..Part::default() }).collect();
        for (document, topic) in known_of.iter().enumerate() {
            if let Some(topic) = topic {
                parts[*topic].members.push(document);
            }
        }
        parts
    }

    /// Mean direction of a part; of a known topic its terms count as one more document.
    fn centroid(&self, part: &Part) -> Array1<f32> {
        match part.known {
            Some(at) => {
                let members: Vec<usize> = part.members.iter().copied().chain([self.calls + at]).collect();
                clusters::centroid(&self.vectors, &members)
            }
            None => clusters::centroid(&self.vectors, &part.members),
        }
    }

    fn similarity(&self, document: usize, centroid: &Array1<f32>) -> f64 {
        f64::from(self.vectors.row(document).dot(centroid))
    }

    /// Fewest documents of a topic of its own accord.
    fn smallest(&self) -> usize {
        clusters::smallest(self.calls, self.config).max(FEWEST)
    }

    /// Clusters anew what people have not decided about, and finds the known topics again in it.
    fn rebuilt(&self, known: &Topics, known_of: &[Option<usize>]) -> Vec<Part> {
        let held = |document: usize| known_of[document].is_some_and(|at| known.topics[at].held());
        let mut found = self.found(&self.with_words(|document| !held(document)));
        let mut overlaps = Vec::new();
        for (nth, part) in found.iter().enumerate() {
            let mut common: BTreeMap<usize, usize> = BTreeMap::new();
            part.members
                .iter()
                .filter_map(|&document| known_of[document])
                .for_each(|at| *common.entry(at).or_default() += 1);
            for (at, both) in common {
                let before = known_of.iter().filter(|of| **of == Some(at)).count();
                overlaps.push((both as f64 / (part.members.len() + before - both) as f64, nth, at));
            }
        }
        overlaps.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut taken = BTreeSet::new();
        for (share, nth, at) in overlaps {
            if found[nth].known.is_none() {
                if share >= SAME && taken.insert(at) {
                    found[nth].known = Some(at);
                } else if share >= SAME / 2.0 {
                    found[nth].from.insert(at);
                }
            }
        }
        let mut parts = self.known_parts(known, known_of);
        parts.retain(|part| part.known.is_some_and(|at| known.topics[at].held()));
        parts.extend(found);
        parts
    }

    /// Known topics with the calls that are new.
    fn grown(&self, known: &Topics, known_of: &[Option<usize>], open: bool) -> Vec<Part> {
        let mut parts = self.known_parts(known, known_of);
        let centroids: Vec<Array1<f32>> = parts.iter().map(|part| self.centroid(part)).collect();
        let spread = Spread::new(self, &parts, &centroids);
        let fresh = self.with_words(|document| known_of[document].is_none());
        for &document in &fresh {
            if let Some(at) = clusters::nearest(&centroids, self.vectors.row(document)) {
                parts[at].members.push(document);
            }
        }
        // The same calls twice change nothing.
        if open && !fresh.is_empty() {
            let opened = self.opened(known, &mut parts, &centroids, &spread, &fresh.into_iter().collect());
            parts.extend(opened);
            self.divide(known, &mut parts);
        }
        parts
    }

    /// Takes strangers who belong together out of the known topics, as topics of their own.
    fn opened(
        &self,
        known: &Topics,
        parts: &mut [Part],
        centroids: &[Array1<f32>],
        spread: &Spread,
        fresh: &BTreeSet<usize>,
    ) -> Vec<Part> {
        let mut strangers: Vec<(usize, usize)> = Vec::new();
        for (at, part) in parts.iter().enumerate().filter(|(at, _)| !known.topics[*at].whole()) {
            let floor = |document: &usize| spread.floors[at][usize::from(fresh.contains(document))];
            let far = |document: &&usize| self.similarity(**document, &centroids[at]) < floor(document);
            strangers.extend(part.members.iter().filter(far).map(|&document| (document, at)));
        }
        if strangers.len() < self.smallest() {
            return Vec::new();
        }
        strangers.sort_unstable();
        let documents: Vec<usize> = strangers.iter().map(|&(document, _)| document).collect();
        let of: BTreeMap<usize, usize> = strangers.into_iter().collect();
        let count = ((documents.len() as f64).sqrt().ceil() as usize).min(STRANGER_PARTS);
        let mut opened = Vec::new();
        for members in self.joined(clusters::divide(&self.vectors, &documents, count, self.seed), spread.cohesion) {
            let centroid = clusters::centroid(&self.vectors, &members);
            let close = members.iter().map(|&d| self.similarity(d, &centroid)).sum::<f64>() / members.len() as f64;
            let known_one = centroids.iter().any(|known| f64::from(known.dot(&centroid)) >= self.config.merge_at);
            // Old calls alone had their chance before.
            let news = members.iter().filter(|document| fresh.contains(document)).count() >= FEWEST_NEW;
            if news && members.len() >= self.smallest() && close >= spread.cohesion && !known_one {
                let from = members.iter().filter_map(|document| of.get(document).copied()).collect();
                opened.push(Part { known: None, members, from, changed: true });
            }
        }
        let moved: BTreeSet<usize> = opened.iter().flat_map(|part| part.members.iter().copied()).collect();
        for part in parts.iter_mut() {
            part.members.retain(|document| !moved.contains(document));
        }
        opened
    }

    /// Joins parts that lie as close together as a call and its topic, closest first.
    fn joined(&self, mut parts: Vec<Vec<usize>>, close: f64) -> Vec<Vec<usize>> {
        let mut centroids: Vec<Array1<f32>> =
            parts.iter().map(|part| clusters::centroid(&self.vectors, part)).collect();
        loop {
            let pairs = (0..parts.len()).flat_map(|i| (i + 1..parts.len()).map(move |j| (i, j)));
            let best = pairs
                .map(|(i, j)| (f64::from(centroids[i].dot(&centroids[j])), i, j))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let Some((_, i, j)) = best.filter(|(closeness, ..)| *closeness >= close) else {
                return parts;
            };
            let joined = parts.remove(j);
            centroids.remove(j);
            parts[i].extend(joined);
            parts[i].sort_unstable();
            centroids[i] = clusters::centroid(&self.vectors, &parts[i]);
        }
    }

    /// Divides known topics that have become too large; the largest piece stays the topic.
    fn divide(&self, known: &Topics, parts: &mut Vec<Part>) {
        let largest = clusters::largest(self.calls, self.config);
        let mut pieces = Vec::new();
        for part in parts.iter_mut() {
            let Some(at) = part.known.filter(|at| !known.topics[*at].whole() && part.members.len() > largest) else {
                continue;
            };
            let count = (part.members.len() * 2).div_ceil(largest).max(2);
            let mut divided = clusters::divide(&self.vectors, &part.members, count, self.seed);
            divided.sort_by_key(|piece| (std::cmp::Reverse(piece.len()), piece.first().copied()));
            let mut stays: Vec<usize> = Vec::new();
            for (nth, piece) in divided.into_iter().enumerate() {
                if nth == 0 || piece.len() < self.smallest() {
                    stays.extend(piece);
                } else {
                    pieces.push(Part { known: None, members: piece, from: BTreeSet::from([at]), changed: true });
                }
            }
            stays.sort_unstable();
            part.changed = true;
            part.members = stays;
        }
        parts.extend(pieces);
    }
}

/// How close the calls of the known topics lie.
struct Spread {
    /// For each topic the similarity below which a known call is a stranger to it, and a new one.
    floors: Vec<[f64; 2]>,
    /// Mean similarity of a call to its topic.
    cohesion: f64,
}

impl Spread {
    fn new(space: &Space<'_>, parts: &[Part], centroids: &[Array1<f32>]) -> Self {
        let close: Vec<Vec<f64>> = parts
            .iter()
            .zip(centroids)
            .map(|(part, centroid)| part.members.iter().map(|&d| space.similarity(d, centroid)).collect())
            .collect();
        let all: Vec<f64> = close.concat();
        let cohesion = all.iter().sum::<f64>() / all.len().max(1) as f64;
        let common = low(all);
        let floor = |own: Vec<f64>| if own.len() >= SPREAD_FROM { low(own) } else { common };
        Self { floors: close.into_iter().map(floor).collect(), cohesion }
    }
}

/// The values that the two shares lie below.
fn low(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    [STRANGERS, NEW_STRANGERS].map(|share| values.get((values.len() as f64 * share) as usize).copied().unwrap_or(0.0))
}

/// Pairs of known topics that have become one: the one that goes, the one that takes it in.
fn merges(known: &Topics, parts: &[Part], centroids: &[Array1<f32>], merge_at: f64) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (i, a) in parts.iter().enumerate() {
        for (j, b) in parts.iter().enumerate().skip(i + 1) {
            let (Some(first), Some(second)) = (a.known, b.known) else {
                continue;
            };
            let close = f64::from(centroids[i].dot(&centroids[j]));
            if close >= merge_at && !a.members.is_empty() && !b.members.is_empty() {
                pairs.push((close, first, second, a.members.len() >= b.members.len()));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut done = BTreeSet::new();
    let mut merges = Vec::new();
    for (_, first, second, first_is_larger) in pairs {
        let (gone, into) = match (known.topics[first].held(), known.topics[second].held()) {
            (true, true) => continue,
            (true, false) => (second, first),
            (false, true) => (first, second),
            (false, false) if first_is_larger => (second, first),
            (false, false) => (first, second),
        };
        // One step a night: what was merged may merge again tomorrow.
        if done.insert(gone) & done.insert(into) {
            merges.push((gone, into));
        }
    }
    merges
}

/// Puts the topics together: known ones as they were, with what became of them.
fn assemble(
    known: &Topics,
    space: &Space<'_>,
    parts: Vec<Part>,
    described: Vec<Described>,
    centroids: &[Array1<f32>],
    merged: &[(usize, usize)],
    night: Option<NaiveDate>,
) -> Topics {
    let ids = |of: &BTreeSet<usize>| of.iter().map(|&at| known.topics[at].id.clone()).collect::<Vec<_>>();
    let here: BTreeSet<&str> = space.documents[..space.calls].iter().map(|d| d.call_id.as_str()).collect();
    let mut next = known.next_topic();
    let mut topics: Vec<Topic> = Vec::with_capacity(parts.len());
    let mut children: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (mut part, described) in parts.into_iter().zip(described) {
        part.members.sort_unstable();
        let calls = part.members.iter().map(|&document| space.documents[document].call_id.clone());
        let mut topic = match part.known {
            Some(at) => {
                let mut topic = known.topics[at].clone();
                topic.call_ids.retain(|id| !here.contains(id.as_str()));
                topic.call_ids.extend(calls);
                topic
            }
            None => {
                let id = format!("t{next}");
                next += 1;
                part.from.iter().for_each(|&at| children.entry(at).or_default().push(id.clone()));
                Topic::new(
                    id,
                    calls.collect(),
                    Change { day: night, what: ChangeKind::Opened, topics: ids(&part.from), by_hand: false },
                )
            }
        };
        topic.size = topic.call_ids.len();
        // Terms that were found in a handful of calls are not those of the thousands that came since.
        if part.changed || topic.terms.is_empty() || topic.size > 2 * topic.described {
            topic.describe(described.terms, category(&part.members, space.documents));
        }
        let came = part.known.is_none_or(|at| known.topics[at].call_ids != topic.call_ids);
        if came && !described.quotes.is_empty() {
            topic.quotes = described.quotes;
        }
        topics.push(topic);
    }
    for (at, topics_of) in children {
        if let Some(parent) = topics.iter_mut().find(|topic| topic.id == known.topics[at].id) {
            parent
                .history
                .push(Change { day: night, what: ChangeKind::Divided, topics: topics_of, by_hand: false });
        }
    }
    let groups = group(known, &topics, centroids, space.seed);
    let mut result = Topics { topics, groups, unassigned: 0, retired: known.retired.clone() };
    retire(known, &mut result, night);
    for &(gone, into) in merged {
        let gone = BTreeSet::from([known.topics[gone].id.as_str()]);
        result.take_in(&gone, &known.topics[into].id, night, false);
    }
    result.arrange();
    for at in (0..result.groups.len()).filter(|&at| !result.groups[at].named).collect::<Vec<_>>() {
        result.groups[at].label = result.group_label(&result.groups[at].children);
    }
    let assigned: usize =
        result.topics.iter().flat_map(|t| &t.call_ids).filter(|id| here.contains(id.as_str())).count();
    result.unassigned = here.len() - assigned;
    result
}

/// The category that at least half of some documents are in: the narrow one, else the broad one.
fn category<'a>(members: &[usize], documents: &'a [TopicDocument]) -> Option<&'a str> {
    [1, 0].into_iter().find_map(|level| {
        let names = members.iter().filter_map(|&document| documents[document].category.get(level));
        let (name, count) = ranked(names).into_iter().next()?;
        (count * 2 >= members.len()).then_some(name.as_str())
    })
}

/// Notes which known topics are no more, and gives up those without a call.
fn retire(known: &Topics, result: &mut Topics, night: Option<NaiveDate>) {
    result.topics.retain(|topic| topic.size > 0 || topic.held());
    let at = result.by_call();
    let mut retired = Vec::new();
    for topic in known.topics.iter().filter(|topic| result.topics.iter().all(|t| t.id != topic.id)) {
        let mut heirs: BTreeMap<usize, usize> = BTreeMap::new();
        topic
            .call_ids
            .iter()
            .filter_map(|id| at.get(id.as_str()))
            .for_each(|&at| *heirs.entry(at).or_default() += 1);
        let heir = heirs.into_iter().max_by_key(|&(at, n)| (n, std::cmp::Reverse(at)));
        let into = heir.map(|(at, _)| result.topics[at].id.clone());
        retired.push(Retired { id: topic.id.clone(), label: topic.label.clone(), into, day: night });
    }
    result.retired.extend(retired);
}

/// The known groups with the topics that are new, each with its nearest neighbour; without any groups,
/// groups found anew.
fn group(known: &Topics, topics: &[Topic], centroids: &[Array1<f32>], seed: u64) -> Vec<TopicGroup> {
    if known.groups.is_empty() {
        let found = clusters::groups(centroids, seed);
        return found
            .into_iter()
            .zip(1..)
            .map(|(children, nth)| TopicGroup {
                id: format!("g{nth}"),
                label: String::new(),
                named: false,
                children: children.into_iter().map(|at| topics[at].id.clone()).collect(),
            })
            .collect();
    }
    let mut groups = known.groups.clone();
    let grouped = |groups: &[TopicGroup], id: &str| groups.iter().position(|g| g.children.iter().any(|c| c == id));
    for (topic, centroid) in topics.iter().zip(centroids) {
        if grouped(&groups, &topic.id).is_some() {
            continue;
        }
        let known_ones =
            topics.iter().zip(centroids).filter_map(|(t, c)| Some((grouped(&groups, &t.id)?, c.dot(centroid))));
        if let Some((nearest, _)) = known_ones.max_by(|a, b| a.1.total_cmp(&b.1)) {
            groups[nearest].children.push(topic.id.clone());
        }
    }
    groups
}
