//! Tests of a knowledge base with a transformer's vectors: a toy one for what is kept and refused, the real one for
//! what its cosines are worth.

use proptest::prelude::*;
use qingting_models::{StaticVectors, retrieval};

use super::answer_tests::{
    ANSWERABLE, HELD_OUT_ANSWERABLE, HELD_OUT_UNANSWERABLE, UNANSWERABLE, confidence, demo_articles, on_a_day,
};
use super::*;
use crate::testing::segmenter_and_normalizer;

/// Knows other words for the same: a text that speaks of either is near every other that does.
#[derive(Debug)]
struct Toy(&'static str);

impl Encoder for Toy {
    fn name(&self) -> &str {
        "toy"
    }

    fn dimensions(&self) -> usize {
        3
    }

    fn fingerprint(&self) -> &str {
        self.0
    }

    fn encode(&self, texts: &[&str]) -> qingting_models::Result<Vec<Vec<f32>>> {
        let vector = |text: &&str| match () {
            () if text.contains("路灯") || text.contains("照明") => vec![0.8, 0.6, 0.0],
            () if text.contains("水") => vec![0.8, 0.0, 0.6],
            () => vec![1.0, 0.0, 0.0],
        };
        Ok(texts.iter().map(vector).collect())
    }
}

fn try_open(dir: &Path, toy: Option<&'static str>) -> Result<KnowledgeIndex> {
    let (segmenter, normalizer) = segmenter_and_normalizer();
    let toy = toy.map(|fingerprint| Arc::new(Toy(fingerprint)) as Arc<dyn Encoder>);
    KnowledgeIndex::open_with(dir, segmenter, normalizer, StaticVectors::embedded().unwrap(), toy)
}

fn open(dir: &Path, toy: Option<&'static str>) -> KnowledgeIndex {
    try_open(dir, toy).unwrap()
}

fn article(id: &str, title: &str, body: &str) -> Article {
    Article {
        id: id.to_owned(),
        title: title.to_owned(),
        body: body.to_owned(),
        ..Article::default()
    }
}

fn articles() -> Vec<Article> {
    vec![
        article("灯", "路灯报修", "拨打城管热线，两小时内到场。"),
        article("水", "自来水缴费", "每月十日前缴清。"),
        article("证", "居住证", "到派出所申领。"),
    ]
}

fn toy_made(fingerprint: &str) -> Encoded {
    Encoded::Transformer(Transformer { name: "toy".to_owned(), fingerprint: fingerprint.to_owned() })
}

fn first(index: &KnowledgeIndex, text: &str) -> Option<String> {
    index.search(&on_a_day(text)).unwrap().into_iter().next().map(|hit| hit.id)
}

fn stale(result: Result<impl std::fmt::Debug>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    error.to_string()
}

#[test]
fn the_transformer_finds_what_is_said_in_other_words_by_its_title_too() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path(), Some("a"));
    index.import_articles(articles()).unwrap();
    let hits = index.search(&on_a_day("楼下照明坏了")).unwrap();
    assert_eq!(hits[0].id, "灯");
    // Its cosine is 1, and no pair of characters is in common.
    assert!((hits[0].confidence - 0.5).abs() < 0.02, "{}", hits[0].confidence);
    assert!(hits[1..].iter().all(|hit| hit.confidence < 0.1), "{hits:?}");
    // Words still count: where they agree with the nearest, it is surer.
    assert!(index.search(&on_a_day("路灯报修")).unwrap()[0].confidence > 0.9);
}

#[test]
fn the_first_article_decides_and_what_is_kept_is_said() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(KnowledgeIndex::encoded(dir.path()).unwrap(), Encoded::Nothing);
    // Opening alone, with whatever, decides nothing.
    drop(open(dir.path(), Some("a")));
    drop(open(dir.path(), None));
    assert_eq!(KnowledgeIndex::encoded(dir.path()).unwrap(), Encoded::Nothing);
    let index = open(dir.path(), Some("a"));
    index.import_articles(articles()).unwrap();
    assert_eq!(KnowledgeIndex::encoded(dir.path()).unwrap(), toy_made("a"));
    // Emptied, it can be begun with anything again.
    index.remove(&["灯", "水", "证"]).unwrap();
    drop(index);
    open(dir.path(), None).import_articles(articles()).unwrap();
    assert_eq!(KnowledgeIndex::encoded(dir.path()).unwrap(), Encoded::Static);
    assert_eq!(open(dir.path(), None).unused_transformer(), None);
}

#[test]
fn without_the_transformer_articles_are_found_by_the_static_vectors_and_none_is_added() {
    let (with, without) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    open(with.path(), Some("a")).import_articles(articles()).unwrap();
    let plain = open(without.path(), None);
    plain.import_articles(articles()).unwrap();
    let index = open(with.path(), None);
    assert_eq!(index.unused_transformer().map(|unused| unused.name.as_str()), Some("toy"));
    for text in ["路灯不亮", "怎么交水费", "照明"] {
        assert_eq!(index.search(&on_a_day(text)).unwrap(), plain.search(&on_a_day(text)).unwrap(), "{text}");
    }
    let why = stale(index.import_articles(vec![article("新", "", "新的一条。")]));
    assert!(why.contains("toy") && why.contains("kb reindex --models static"), "{why}");
    assert_eq!(index.len(), 3);
    index.remove(&["水"]).unwrap();
    assert_eq!(index.len(), 2, "taking away needs no encoder");
}

#[test]
fn another_transformer_or_none_before_is_told_with_what_mends_it() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), Some("a")).import_articles(articles()).unwrap();
    let why = stale(try_open(dir.path(), Some("b")));
    assert!(
        why.contains("toy (a)") && why.contains("toy (b)") && why.contains("kb reindex --models bert"),
        "{why}"
    );
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), None).import_articles(articles()).unwrap();
    let why = stale(try_open(dir.path(), Some("a")));
    assert!(why.contains("not encoded by toy") && why.contains("kb reindex --models bert"), "{why}");
}

#[test]
fn an_article_of_many_passages_keeps_the_vectors_of_both_apart() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path(), Some("a"));
    let body = format!("{}小区的照明归物业管。", "无关的一句话放在前面。".repeat(60));
    index.import_articles([articles(), vec![article("长", "", &body)]].concat()).unwrap();
    let hits = index.search(&on_a_day("照明")).unwrap();
    let long = hits.iter().find(|hit| hit.id == "长").unwrap();
    assert!(long.passage.contains("照明") && long.passage_start > 200, "{}", long.passage);
    drop(index);
    assert_eq!(first(&open(dir.path(), None), "自来水").as_deref(), Some("水"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn confidence_stays_between_0_and_1_whoever_encodes(text in "[路灯照明水证]{1,6}", toy: bool) {
        let dir = tempfile::tempdir().unwrap();
        let index = open(dir.path(), toy.then_some("a"));
        index.import_articles(articles()).unwrap();
        for hit in index.search(&on_a_day(&text)).unwrap() {
            prop_assert!((0.0..=1.0).contains(&hit.confidence) && hit.score >= 0.0);
        }
    }
}

/// As `thresholds_part_questions_with_an_answer_from_those_without`, with the same thresholds.
#[test]
fn thresholds_mean_the_same_with_the_transformer() {
    if !retrieval::installed(None) {
        println!("skipped: a build without `bert`, or no weights: run scripts/setup-bert");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (segmenter, normalizer) = segmenter_and_normalizer();
    let transformer = retrieval::open(None, 1).unwrap();
    let statics = StaticVectors::embedded().unwrap();
    let index = KnowledgeIndex::open_with(dir.path(), segmenter, normalizer, statics, Some(transformer)).unwrap();
    index.import_articles(demo_articles()).unwrap();
    for (answerable, unanswerable, at_least) in [
        (ANSWERABLE, UNANSWERABLE, (25, 28, 30)),
        (HELD_OUT_ANSWERABLE, HELD_OUT_UNANSWERABLE, (11, 13, 14)),
    ] {
        let sure: Vec<f64> = answerable.iter().map(|(_, text)| confidence(&index, text)).collect();
        let unsure: Vec<f64> = unanswerable.iter().map(|text| confidence(&index, text)).collect();
        let found = answerable.iter().filter(|(id, text)| first(&index, text).as_deref() == Some(*id)).count();
        let from = |values: &[f64], least: f64| values.iter().filter(|&&value| value >= least).count();
        let (answered, suggested) = (from(&sure, UNANSWERED), from(&sure, SUGGESTED));
        let (open, silent) = (unsure.len() - from(&unsure, UNANSWERED), unsure.len() - from(&unsure, SUGGESTED));
        println!(
            "of {}: first {found}, answered {answered}, suggested {suggested}; of {}: open {open}, silent {silent}",
            answerable.len(),
            unanswerable.len()
        );
        let auc = sure.iter().map(|a| unsure.iter().filter(|&b| a > b).count()).sum::<usize>() as f64
            / (sure.len() * unsure.len()) as f64;
        println!("area {auc:.3}; {sure:.2?} {unsure:.2?}");
        assert!(answered >= at_least.0 && open >= at_least.1 && silent >= at_least.2, "{answered} {open} {silent}");
        assert!(found + 1 >= answerable.len(), "{found}");
    }
}
