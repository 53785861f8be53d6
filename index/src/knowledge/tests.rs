//! Tests of the knowledge base as a whole.

use std::path::Path;

use proptest::prelude::*;
use qingting_models::{Encoder, StaticVectors};

use super::*;
use crate::testing::segmenter_and_normalizer;

fn open(dir: &Path) -> KnowledgeIndex {
    let (segmenter, normalizer) = segmenter_and_normalizer();
    let encoder = StaticVectors::embedded().unwrap();
    KnowledgeIndex::open_or_create(dir, segmenter, normalizer, encoder).unwrap()
}

fn article(id: &str, title: &str, body: &str) -> Article {
    Article {
        id: id.to_owned(),
        title: title.to_owned(),
        body: body.to_owned(),
        ..Article::default()
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    Some(text.parse().unwrap())
}

fn some_articles() -> Vec<Article> {
    vec![
        Article {
            category: Some("社保".into()),
            source: Some("人社发7号".into()),
            ..article(
                "1",
                "社保卡补办",
                "社保卡遗失后先打电话挂失。补办时带上身份证原件，到任一网点窗口办理，当场可取。",
            )
        },
        Article {
            valid_to: day("2026-06-30"),
            ..article("2", "供暖补贴", "低保家庭每户补贴供暖费三百元，向街道办事处申请。")
        },
        Article {
            valid_from: day("2027-01-01"),
            ..article("3", "供暖新规", "从新年起供暖费按用热量计收，装有热表的住户先交押金。")
        },
        article("4", "", "路灯不亮可以拨打城管热线报修，值班人员两小时内到场。"),
    ]
}

fn filled(articles: Vec<Article>) -> (tempfile::TempDir, KnowledgeIndex) {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    index.import_articles(articles).unwrap();
    (dir, index)
}

fn query(text: &str) -> KnowledgeQuery {
    KnowledgeQuery { text: text.to_owned(), on: day("2026-07-15"), ..KnowledgeQuery::default() }
}

fn ids(hits: &[KnowledgeHit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.id.as_str()).collect()
}

#[test]
fn the_best_passage_is_quoted_with_its_source() {
    let filler = "本事项由区政务中心统一受理。".repeat(30);
    let body = format!("{filler}遗失补办需要身份证原件。{filler}");
    let mut articles = some_articles();
    articles.push(Article { source: Some("指南".into()), ..article("5", "证件办理", &body) });
    let (_dir, index) = filled(articles);
    let hits = index.search(&query("请问社保卡丢了怎么补办")).unwrap();
    assert_eq!(hits[0].id, "1");
    assert_eq!(hits[0].source.as_deref(), Some("人社发7号"));
    assert!(!hits[0].highlights.is_empty());
    let long = index
        .search(&query("遗失补办要身份证原件吗"))
        .unwrap()
        .into_iter()
        .find(|hit| hit.id == "5")
        .unwrap();
    assert!(long.passage.contains("遗失补办需要身份证原件"), "{}", long.passage);
    assert!(long.passage.chars().count() <= PASSAGE_CHARS as usize);
    assert_eq!(
        slice(&body, Span::new(long.passage_start, long.passage_start + 5)),
        slice(&long.passage, Span::new(0, 5))
    );
}

#[test]
fn articles_that_do_not_hold_are_left_out_unless_asked_for() {
    let (_dir, index) = filled(some_articles());
    assert!(!ids(&index.search(&query("供暖费")).unwrap()).iter().any(|id| ["2", "3"].contains(id)));
    let mut hits = index.search(&KnowledgeQuery { include_expired: true, ..query("供暖费") }).unwrap();
    hits.retain(|hit| hit.title.starts_with("供暖"));
    assert_eq!(hits.iter().map(|hit| hit.expired).collect::<Vec<_>>(), [true, true]);
    let on_last_day = KnowledgeQuery { on: day("2026-06-30"), ..query("供暖费") };
    assert_eq!(index.search(&on_last_day).unwrap()[0].id, "2");
    assert!(!index.search(&on_last_day).unwrap()[0].expired);
}

#[test]
fn categories_select() {
    let (_dir, index) = filled(some_articles());
    let hits = index.search(&KnowledgeQuery { category: Some("社保".into()), ..query("办理 报修") }).unwrap();
    assert_eq!(ids(&hits), ["1"]);
}

#[test]
fn importing_again_replaces_and_removing_removes() {
    let (dir, index) = filled(some_articles());
    let summary = index
        .import_articles(vec![
            article("4", "路灯", "路灯故障改由供电公司受理。"),
            article("6", "", "新"),
        ])
        .unwrap();
    assert_eq!((summary.added, summary.replaced, index.len()), (1, 1, 5));
    let hits = index.search(&query("路灯坏了找谁")).unwrap();
    assert_eq!((hits[0].id.as_str(), hits[0].passage.as_str()), ("4", "路灯故障改由供电公司受理。"));
    assert!(!hits.iter().any(|hit| hit.passage.contains("城管热线")));
    index.remove(&["4", "unknown"]).unwrap();
    assert_eq!(index.len(), 4);
    assert!(!ids(&index.search(&query("路灯")).unwrap()).contains(&"4"));
    drop(index);
    let exported = KnowledgeIndex::export(dir.path()).unwrap();
    assert_eq!(exported.iter().map(|a| a.id.as_str()).collect::<Vec<_>>(), ["1", "2", "3", "6"]);
    assert_eq!(exported[0], some_articles()[0]);
    assert_eq!(open(dir.path()).len(), 4);
}

#[test]
fn files_are_imported_and_bad_articles_reported() {
    let dir = tempfile::tempdir().unwrap();
    let lines = dir.path().join("a.jsonl");
    std::fs::write(
        &lines,
        "{\"id\":1,\"body\":\"路灯报修\"}\n{\"id\":1,\"body\":\"路灯报修热线\"}\n{\"body\":\"x\"}\n",
    )
    .unwrap();
    let page = dir.path().join("水费.html");
    std::fs::write(&page, "<p>水费每月十日前缴清</p>").unwrap();
    let index = open(&dir.path().join("kb"));
    let summary = index.import(&[&lines, &page]).unwrap();
    assert_eq!((summary.files, summary.added, summary.replaced, summary.refused.len()), (2, 2, 1, 1));
    assert_eq!(summary.refused[0].line, 3);
    assert_eq!(ids(&index.search(&query("水费什么时候缴")).unwrap())[0], "水费");
    assert_eq!(index.search(&query("路灯")).unwrap()[0].passage, "路灯报修热线");
}

/// Knows nothing but how long a text is.
#[derive(Debug)]
struct Length;

impl Encoder for Length {
    fn name(&self) -> &'static str {
        "length"
    }

    fn dimensions(&self) -> usize {
        1
    }

    fn fingerprint(&self) -> &str {
        "length"
    }

    fn encode(&self, texts: &[&str]) -> qingting_models::Result<Vec<Vec<f32>>> {
        Ok(texts.iter().map(|text| vec![text.len() as f32]).collect())
    }
}

#[test]
fn another_model_makes_the_index_stale() {
    let (dir, index) = filled(some_articles());
    drop(index);
    let (segmenter, normalizer) = segmenter_and_normalizer();
    let error = KnowledgeIndex::open_or_create(dir.path(), segmenter, normalizer, Arc::new(Length)).unwrap_err();
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    assert!(error.to_string().contains("`qingting kb reindex`"), "{error}");
}

#[test]
fn nothing_to_look_for_finds_nothing() {
    let (_dir, index) = filled(some_articles());
    for text in ["", "？？", " "] {
        assert!(index.search(&query(text)).unwrap().is_empty(), "{text}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(open(empty.path()).search(&query("路灯")).unwrap().is_empty());
}

#[test]
fn a_whole_letter_as_the_query_still_finds_its_article() {
    let mut articles = some_articles();
    articles.extend(
        (10..60)
            .map(|i| article(&i.to_string(), "", &format!("第{i}号回复：来信收悉，感谢关心，相关部门将跟进处理。"))),
    );
    let (_dir, index) = filled(articles);
    let letter = format!(
        "领导您好，{}我住的巷子里路灯一直不亮，晚上走路很怕，希望有人来修。",
        "来信反映一些情况，感谢关心。".repeat(40)
    );
    assert_eq!(index.search(&query(&letter)).unwrap()[0].id, "4");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn hits_are_distinct_ordered_and_quote_the_article(
        bodies in prop::collection::vec("[路灯水费补办。，a ]{1,40}", 1..8),
        text in "[路灯水费补办a]{1,8}",
    ) {
        let articles = bodies.iter().enumerate().map(|(i, body)| article(&format!("k{i}"), "题", body)).collect();
        let (_dir, index) = filled(articles);
        let hits = index.search(&query(&text)).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for hit in &hits {
            prop_assert!(seen.insert(&hit.id));
            let number: usize = hit.id[1..].parse().unwrap();
            let length = hit.passage.chars().count() as u32;
            let quoted = slice(&bodies[number], Span::new(hit.passage_start, hit.passage_start + length));
            prop_assert_eq!(quoted, &hit.passage);
            prop_assert!(hit.highlights.iter().all(|span| span.start < span.end && span.end <= length));
        }
        prop_assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }
}

#[test]
fn examples_are_found_when_asked_for_and_leave_no_segment_when_erased() {
    let case = |number: u32| Article {
        category: Some("示范案例".into()),
        kind: Some(ArticleKind::Case),
        ..article(&format!("{CASE_PREFIX}{number}"), "路灯不亮先体谅", "坐席：路灯不亮走夜路不放心，我马上为您登记。")
    };
    let (dir, index) = filled([some_articles(), vec![case(7), case(8)]].concat());
    let found = |kinds: Kinds| -> Vec<String> {
        let hits = index.search(&KnowledgeQuery { kinds, ..query("路灯不亮") }).unwrap();
        hits.into_iter().map(|hit| hit.id).filter(|id| id == "4" || id.starts_with(CASE_PREFIX)).collect()
    };
    assert_eq!(found(Kinds::Answers), ["4"]);
    assert_eq!(found(Kinds::Cases).len(), 2);
    assert_eq!(found(Kinds::All).len(), 3);
    let category = KnowledgeQuery { category: Some("示范案例".into()), ..query("路灯不亮") };
    assert!(index.search(&category).unwrap().is_empty(), "not by their category either");
    let suggested = index.suggest(&["路灯不亮".to_owned()], &KnowledgeQuery::default()).unwrap();
    assert!(suggested.hits.iter().all(|hit| !hit.id.starts_with(CASE_PREFIX)));
    assert_eq!(index.ids(CASE_PREFIX).unwrap(), ["case:7", "case:8"]);

    index.remove(&["case:8"]).unwrap();
    assert_eq!(index.ids(CASE_PREFIX).unwrap(), ["case:7"], "a term outlives its article in a segment");
    erase(dir.path(), &["case:7".to_owned(), "case:99".to_owned()]).unwrap();
    index.reload().unwrap();
    assert!(found(Kinds::Cases).is_empty());
    let segments = index.index.searchable_segment_metas().unwrap();
    assert!(segments.iter().all(|segment| !segment.has_deletes()), "{segments:?}");
    assert_eq!(index.len(), some_articles().len() as u64);
    erase(&dir.path().join("nowhere"), &["case:7".to_owned()]).unwrap();
}

#[test]
fn nobody_hands_in_an_example() {
    let odd = article("case:1", "t", "b");
    assert!(odd.problem().is_some_and(|problem| problem.contains("case library")));
    let odd = Article { kind: Some(ArticleKind::Case), ..article("1", "t", "b") };
    assert!(odd.problem().is_some());
    assert_eq!(article("1", "t", "b").problem(), None);
}
