//! Tests of the call index as a whole.

mod heard;
mod language;
mod like;
mod paging;
mod scan;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::Path;

use chrono::DateTime;
use qingting_pipeline::record::{
    Agent, Analysis, CallRecord, Evidence, Finding, Role, Score, Sentiment, Severity, SignalReport, Span, Taboo, Turn,
    TurnAnalysis,
};

use super::*;
use crate::testing::{analyzer, plain_analysis, segmenter_and_normalizer};

/// An index with the calls that were written into it.
pub(super) struct Indexed {
    index: CallIndex,
    calls: RefCell<BTreeMap<String, CallRecord>>,
}

impl Deref for Indexed {
    type Target = CallIndex;

    fn deref(&self) -> &CallIndex {
        &self.index
    }
}

impl Indexed {
    pub(super) fn search(&self, query: &CallQuery) -> Result<CallPage> {
        self.index.search(query, &NoLookup, &*self.calls.borrow())
    }

    fn search_with(&self, query: &CallQuery, lookup: &dyn Lookup) -> Result<CallPage> {
        self.index.search(query, lookup, &*self.calls.borrow())
    }

    fn aggregate(&self, query: &CallQuery, group_by: Option<&str>) -> Result<Vec<Group>> {
        self.index.aggregate(query, group_by, &NoLookup, &*self.calls.borrow())
    }

    fn with_synonyms(self, synonyms: Arc<Synonyms>) -> Self {
        Self { index: self.index.with_synonyms(synonyms), ..self }
    }
}

fn open(dir: &Path) -> Indexed {
    let (segmenter, normalizer) = segmenter_and_normalizer();
    let index = CallIndex::open_or_create(dir, segmenter, normalizer).unwrap();
    Indexed { index, calls: RefCell::default() }
}

pub(super) struct Sample {
    record: CallRecord,
    analysis: Analysis,
}

pub(super) fn call(id: &str, turns: &[(Role, &str)]) -> Sample {
    let mut record = CallRecord::new(id);
    record.turns = turns
        .iter()
        .zip(0u64..)
        .map(|(&(role, text), i)| Turn::timed(role, i * 5000, i * 5000 + 4000, text))
        .collect();
    let turns: Vec<TurnAnalysis> = turns
        .iter()
        .zip(0u32..)
        .map(|((_, text), turn)| TurnAnalysis {
            turn,
            text: (*text).to_owned(),
            sentiment: Sentiment::NEUTRAL,
            emotion: None,
            acts: Vec::new(),
        })
        .collect();
    let signals = SignalReport { duration_ms: Some(turns.len() as u64 * 5000), ..SignalReport::default() };
    let analysis = Analysis { signals, ..plain_analysis(id, turns) };
    Sample { record, analysis }
}

impl Sample {
    fn at(mut self, time: &str) -> Self {
        self.record.started_at = Some(DateTime::parse_from_rfc3339(time).unwrap());
        self
    }

    fn agent(mut self, id: &str, team: &str) -> Self {
        self.record.agent = Some(Agent { id: id.to_owned(), team: Some(team.to_owned()), ..Agent::default() });
        self
    }

    fn score(mut self, total: f64) -> Self {
        self.analysis.score = Some(Score {
            scorecard: "hotline".to_owned(),
            total,
            potential: 100.0,
            normalized: total / 100.0,
            fatal: Vec::new(),
            items: Vec::new(),
        });
        self
    }

    fn finding(mut self, code: &str, taboo: Option<Taboo>) -> Self {
        self.analysis.findings.push(Finding {
            code: code.to_owned(),
            turn: Some(0),
            role: Role::Agent,
            severity: Severity::Major,
            confidence: 0.9,
            taboo,
            evidence: vec![Evidence {
                turn: 0,
                start_ms: None,
                end_ms: None,
                start_char: 0,
                end_char: 1,
                quote: "x".to_owned(),
            }],
            rule: "test".to_owned(),
            explanation: String::new(),
        });
        self
    }

    fn attribute(mut self, key: &str, value: &str) -> Self {
        self.record.attributes.insert(key.to_owned(), value.to_owned());
        self
    }

    fn category(mut self, path: &[&str]) -> Self {
        self.analysis.facts.category = path.iter().map(|&s| s.to_owned()).collect();
        self
    }
}

fn write(index: &Indexed, calls: &[Sample]) {
    let mut writer = index.writer(0).unwrap();
    for call in calls {
        writer.upsert(&call.record, &call.analysis).unwrap();
        index.calls.borrow_mut().insert(call.record.call_id.clone(), call.record.clone());
    }
    writer.commit("").unwrap();
    writer.finish().unwrap();
    index.reload().unwrap();
}

pub(super) fn indexed(calls: &[Sample]) -> (tempfile::TempDir, Indexed) {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    write(&index, calls);
    (dir, index)
}

fn ids(page: &CallPage) -> Vec<&str> {
    page.hits.iter().map(|hit| hit.call_id.as_str()).collect()
}

fn found(index: &Indexed, text: &str) -> Vec<String> {
    let page = index.search(&CallQuery::text(text)).unwrap();
    page.hits.into_iter().map(|hit| hit.call_id).collect()
}

fn filtered(index: &Indexed, filter: &str) -> Vec<String> {
    let query = CallQuery { filter: Some(Filter::parse(filter).unwrap()), ..CallQuery::default() };
    let mut ids: Vec<String> = index.search(&query).unwrap().hits.into_iter().map(|hit| hit.call_id).collect();
    ids.sort();
    ids
}

fn some_calls() -> Vec<Sample> {
    use Role::{Agent, Caller};
    vec![
        call("c1", &[(Agent, "您好请讲"), (Caller, "我们小区的物业费太贵了")])
            .at("2026-03-05T09:00:00+08:00")
            .agent("a1", "north")
            .score(80.0)
            .attribute("来源", "app")
            .category(&["城乡建设", "物业管理"]),
        call(
            "c2",
            &[
                (Agent, "您别着急"),
                (Caller, "停水三天了没人管"),
                (Agent, "我帮您登记停水"),
            ],
        )
        .at("2026-03-06T09:00:00+08:00")
        .agent("a2", "north")
        .score(55.0)
        .finding("impatience", Some(Taboo::T4))
        .finding("impatience", Some(Taboo::T4))
        .finding("deflection", None),
        call("c3", &[(Agent, "这个不归我们管"), (Caller, "那我要投诉")])
            .at("2026-04-01T00:30:00+08:00")
            .agent("a1", "north")
            .finding("deflection", None)
            .attribute("来源", "web"),
    ]
}

#[test]
fn phrases_across_word_bounds_are_found_and_highlighted() {
    let (_dir, index) = indexed(&some_calls());
    let page = index.search(&CallQuery::text("费太贵")).unwrap();
    assert_eq!(ids(&page), ["c1"]);
    let turn = &page.hits[0].turns[0];
    assert_eq!((turn.turn, turn.role, turn.start_ms, turn.end_ms), (1, Role::Caller, Some(5000), Some(9000)));
    assert_eq!(turn.highlights, [Span::new(7, 10)]);
    assert_eq!(turn.snippet, "我们小区的物业费太贵了");
}

#[test]
fn no_phrase_crosses_from_one_turn_to_the_next() {
    let calls = [call("x", &[(Role::Caller, "一直停"), (Role::Caller, "水电费")])];
    let (_dir, index) = indexed(&calls);
    assert!(found(&index, "停水").is_empty());
    assert_eq!(found(&index, "水电费"), ["x"]);
}

#[test]
fn phrases_may_span_punctuation() {
    let calls = [call("x", &[(Role::Caller, "没人管，太过分")])];
    let (_dir, index) = indexed(&calls);
    let page = index.search(&CallQuery::text("\"管太过分\"")).unwrap();
    assert_eq!(page.hits[0].turns[0].highlights, [Span::new(2, 7)]);
}

#[test]
fn a_word_is_found_wherever_its_characters_stand() {
    // In "b" the two characters belong to two other words; in "c" they are not neighbours.
    let calls = [
        call("c", &[(Role::Caller, "上面就是海")]),
        call("b", &[(Role::Caller, "他去过海上，海边也去过")]),
        call("a", &[(Role::Caller, "我从上海打来的电话，问一下社保卡怎么办理")]),
    ];
    let (_dir, index) = indexed(&calls);
    let mut both = found(&index, "上海");
    both.sort();
    assert_eq!(both, ["a", "b"]);
}

#[test]
fn exclusions_alternatives_and_speakers() {
    let (_dir, index) = indexed(&some_calls());
    assert_eq!(found(&index, "停水 -没人管"), Vec::<String>::new());
    let mut either = found(&index, "物业费 OR 停水");
    either.sort();
    assert_eq!(either, ["c1", "c2"]);
    assert_eq!(found(&index, "-停水 -物业费"), ["c3"]);
    let query = CallQuery { spoken_by: Some(Speaker::Caller), ..CallQuery::text("登记") };
    assert_eq!(index.search(&query).unwrap().total, 0);
    let query = CallQuery { spoken_by: Some(Speaker::Agent), ..CallQuery::text("停水") };
    let page = index.search(&query).unwrap();
    assert_eq!(page.hits[0].turns.iter().map(|t| t.turn).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_text_without_content_matches_nothing_and_says_so() {
    let (_dir, index) = indexed(&some_calls());
    let page = index.search(&CallQuery::text("？")).unwrap();
    assert_eq!(page.total, 0);
    assert_eq!(page.warnings.len(), 1);
}

#[test]
fn filters_select_by_every_kind_of_field() {
    let (_dir, index) = indexed(&some_calls());
    for (filter, expected) in [
        ("", &["c1", "c2", "c3"][..]),
        ("agent:a1", &["c1", "c3"]),
        ("code:impatience", &["c2"]),
        ("taboo:t4", &["c2"]),
        ("-code:deflection", &["c1"]),
        ("score<60", &["c2"]),
        ("score>=55", &["c1", "c2"]),
        ("score:*", &["c1", "c2"]),
        ("-score:*", &["c3"]),
        ("date:2026-03", &["c1", "c2"]),
        ("date>2026-03-05", &["c2", "c3"]),
        ("date:2026-03-06..", &["c2", "c3"]),
        ("started_at<2026-03-31T16:30:00Z", &["c1", "c2"]),
        ("started_at<=2026-03-31T16:30:00Z", &["c1", "c2", "c3"]),
        ("attr.来源:web", &["c3"]),
        ("attr.来源:*", &["c1", "c3"]),
        ("category:物业管理", &["c1"]),
        ("category:城乡建设/物业管理", &["c1"]),
        ("agent:a1 (score>70 OR code:deflection) date:2026", &["c1", "c3"]),
        ("agent:a1 NOT score:*", &["c3"]),
        ("call:c2,c3", &["c2", "c3"]),
        ("call:c*", &["c1", "c2", "c3"]),
        ("坐席:a1* -call:c3*", &["c1"]),
        ("attr.来源:w*", &["c3"]),
        ("category:物业*", &["c1"]),
        ("hour:0..8", &["c3"]),
        ("weekday:4 时段>=9", &["c1"]),
        ("date:2026-W10", &["c1", "c2"]),
        ("duration:15", &["c2"]),
        ("crisis:false outcome:resolved type:咨询 channel:phone direction:inbound", &["c1", "c2", "c3"]),
    ] {
        assert_eq!(filtered(&index, filter), expected, "{filter}");
    }
    let day = |text: &str| Some(text.parse().unwrap());
    let query = CallQuery { since: day("2026-03-06"), until: day("2026-04-01"), ..CallQuery::default() };
    assert_eq!(ids(&index.search(&query).unwrap()), ["c3", "c2"]);
    let query = CallQuery { call_ids: Some(vec!["c1".into(), "nope".into()]), ..CallQuery::default() };
    assert_eq!(ids(&index.search(&query).unwrap()), ["c1"]);
}

#[test]
fn sorting_puts_calls_without_the_value_last() {
    let (_dir, index) = indexed(&some_calls());
    let sorted = |sort: &str| {
        let query = CallQuery { sort: Some(Sort::parse(sort).unwrap()), ..CallQuery::default() };
        index.search(&query).unwrap().hits.into_iter().map(|h| h.call_id).collect::<Vec<_>>()
    };
    assert_eq!(sorted("score"), ["c2", "c1", "c3"]);
    assert_eq!(sorted("-score"), ["c1", "c2", "c3"]);
    assert_eq!(sorted("newest"), ["c3", "c2", "c1"]);
    assert_eq!(sorted("oldest"), ["c1", "c2", "c3"]);
    assert_eq!(sorted("-duration"), ["c2", "c1", "c3"]);
    assert!(Sort::parse("agent").is_err());
}

#[test]
fn facets_count_calls_once_and_groups_count_findings() {
    let (_dir, index) = indexed(&some_calls());
    let request = |field: &str| FacetRequest { field: field.to_owned(), limit: 10 };
    let fields = [
        "code",
        "date",
        "week",
        "month",
        "hour",
        "weekday",
        "taboo",
        "severity",
        "attr.来源",
        "score",
    ];
    let query = CallQuery { facets: fields.map(request).to_vec(), ..CallQuery::default() };
    let page = index.search(&query).unwrap();
    let facets: BTreeMap<_, Vec<_>> = page
        .facets
        .iter()
        .map(|f| (f.field.as_str(), f.values.iter().map(|v| (v.value.as_str(), v.calls)).collect()))
        .collect();
    assert_eq!(facets["code"], [("deflection", 2), ("impatience", 1)]);
    // The latest ten days, with those that have no call.
    assert_eq!(
        (facets["date"].len(), facets["date"][0], facets["date"][9]),
        (10, ("2026-03-23", 0), ("2026-04-01", 1))
    );
    assert_eq!(
        facets["week"],
        [
            ("2026-W10", 2),
            ("2026-W11", 0),
            ("2026-W12", 0),
            ("2026-W13", 0),
            ("2026-W14", 1)
        ]
    );
    let busy = |field: &str| facets[field].iter().filter(|(_, calls)| *calls > 0).copied().collect::<Vec<_>>();
    assert_eq!((facets["hour"].len(), busy("hour")), (24, vec![("00", 1), ("09", 2)]));
    assert_eq!((facets["weekday"].len(), busy("weekday")), (7, vec![("3", 1), ("4", 1), ("5", 1)]));
    assert_eq!(facets["taboo"], [("T4", 1)]);
    assert_eq!(facets["severity"], [("major", 2)]);
    assert_eq!(facets["month"], [("2026-03", 2), ("2026-04", 1)]);
    assert_eq!(facets["attr.来源"], [("app", 1), ("web", 1)]);
    assert_eq!(facets["score"], [("55", 1), ("80", 1)]);

    let groups = index.aggregate(&CallQuery::default(), Some("agent")).unwrap();
    assert_eq!(groups.iter().map(|g| (g.key.as_str(), g.calls)).collect::<Vec<_>>(), [("a1", 2), ("a2", 1)]);
    assert_eq!(groups[0].score, Some(80.0));
    assert_eq!(groups[1].findings, BTreeMap::from([("deflection".to_owned(), 1), ("impatience".to_owned(), 2)]));
    let all = index.aggregate(&CallQuery::default(), None).unwrap();
    assert_eq!((all[0].calls, all[0].score, all[0].outcomes["resolved"]), (3, Some(67.5), 3));
    assert!(index.aggregate(&CallQuery::default(), Some("colour")).is_err());
}

#[test]
fn an_upsert_replaces_and_a_delete_removes() {
    let (_dir, index) = indexed(&some_calls());
    write(&index, &[call("c1", &[(Role::Caller, "路灯坏了")])]);
    assert_eq!(index.len(), 3);
    assert!(found(&index, "物业费").is_empty());
    assert_eq!(found(&index, "路灯"), ["c1"]);
    // Twice within one commit: the last one wins.
    write(&index, &[call("c1", &[(Role::Caller, "甲")]), call("c1", &[(Role::Caller, "乙")])]);
    assert_eq!((found(&index, "甲").len(), found(&index, "乙").len(), index.len()), (0, 1, 3));
    let mut writer = index.writer(0).unwrap();
    writer.delete("c1").unwrap();
    writer.commit("deleted").unwrap();
    writer.finish().unwrap();
    index.reload().unwrap();
    assert_eq!(index.len(), 2);
}

#[test]
fn the_payload_and_the_calls_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    {
        let index = open(dir.path());
        assert_eq!(index.payload().unwrap(), None);
        let mut writer = index.writer(0).unwrap();
        let sample = &some_calls()[0];
        writer.upsert(&sample.record, &sample.analysis).unwrap();
        writer.commit("batch 7").unwrap();
        let lost = &some_calls()[1];
        writer.upsert(&lost.record, &lost.analysis).unwrap();
        writer.finish().unwrap();
    }
    let index = open(dir.path());
    assert_eq!(index.payload().unwrap().as_deref(), Some("batch 7"));
    assert_eq!(index.len(), 1);
    assert_eq!(found(&index, "物业费"), ["c1"]);
}

/// A kill after the list of what a segment lost was written, and before the commit that names it: the next commit
/// gives its own list the same name.
#[test]
fn deletions_of_a_killed_commit_do_not_stop_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let upsert = |text: &str| write(&open(dir.path()), &[call("c1", &[(Role::Caller, text)])]);
    let lists = || {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "del")).collect::<Vec<_>>()
    };
    write(&open(dir.path()), &some_calls()[1..]);
    upsert("甲");
    assert!(lists().is_empty());
    let committed = std::fs::read(dir.path().join("meta.json")).unwrap();
    write(&open(dir.path()), &[call("c2", &[(Role::Caller, "乙")])]);
    let left = lists();
    assert_eq!(left.len(), 1);
    std::fs::write(dir.path().join("meta.json"), committed).unwrap();
    write(&open(dir.path()), &[call("c2", &[(Role::Caller, "丙")])]);
    assert_eq!(lists(), left, "the case is the one of the name taken");
    assert_eq!(found(&open(dir.path()), "丙"), ["c2"]);
}

#[test]
fn another_dictionary_makes_an_index_stale() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let stamp = dir.path().join("built_with.json");
    let text = std::fs::read_to_string(&stamp).unwrap();
    std::fs::write(&stamp, text.replace("\"analyzer\":\"", "\"analyzer\":\"other-")).unwrap();
    let (segmenter, normalizer) = segmenter_and_normalizer();
    let error = CallIndex::open_or_create(dir.path(), segmenter, normalizer).unwrap_err();
    assert!(matches!(error, Error::Stale { .. }), "{error}");
}

#[test]
fn hits_are_json_with_spans_as_pairs() {
    let (_dir, index) = indexed(&some_calls());
    let page = index.search(&CallQuery::text("费太贵")).unwrap();
    let json = serde_json::to_value(&page).unwrap();
    assert_eq!(json["hits"][0]["turns"][0]["highlights"], serde_json::json!([[7, 10]]));
    assert_eq!(json["hits"][0]["started_at"], "2026-03-05T09:00:00+08:00");
}
