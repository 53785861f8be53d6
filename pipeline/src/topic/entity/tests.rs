use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::Error;
use crate::segment::SegmentConfig;

static FINDER: LazyLock<EntityFinder> = LazyLock::new(|| finder(&Assets::embedded()).unwrap());

fn finder(assets: &Assets) -> Result<EntityFinder> {
    let segmenter = Arc::new(Segmenter::new(&SegmentConfig::default(), assets)?);
    EntityFinder::new(assets, segmenter)
}

fn names(kind: EntityKind, text: &str) -> Vec<String> {
    FINDER
        .find(text)
        .into_iter()
        .filter(|entity| entity.kind == kind)
        .map(|entity| entity.name)
        .collect()
}

fn places(text: &str) -> Vec<String> {
    names(EntityKind::Place, text)
}

fn organisations(text: &str) -> Vec<String> {
    names(EntityKind::Organisation, text)
}

#[derive(serde::Deserialize)]
struct Example {
    text: String,
    entities: Vec<Labelled>,
}

#[derive(serde::Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Labelled {
    kind: EntityKind,
    name: String,
    start: u32,
    end: u32,
}

/// Precision and recall of kind, canonical name and place together.
#[test]
fn labelled_sentences_are_read_as_well_as_measured() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/data/entities.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let mut counts: BTreeMap<EntityKind, [usize; 3]> = BTreeMap::new();
    let mut empty = 0;
    let mut mistakes = Vec::new();
    for line in text.lines() {
        let example: Example = serde_json::from_str(line).unwrap();
        let characters: Vec<char> = example.text.chars().collect();
        assert!(example.entities.iter().all(|e| e.start < e.end && e.end as usize <= characters.len()), "{line}");
        empty += usize::from(example.entities.is_empty());
        let labelled: BTreeSet<Labelled> = example.entities.into_iter().collect();
        let found: BTreeSet<Labelled> = FINDER
            .find(&example.text)
            .into_iter()
            .map(|Entity { kind, name, span }| Labelled { kind, name, start: span.start, end: span.end })
            .collect();
        for entity in labelled.union(&found) {
            let [right, of_labelled, of_found] = counts.entry(entity.kind).or_default();
            *right += usize::from(labelled.contains(entity) && found.contains(entity));
            *of_labelled += usize::from(labelled.contains(entity));
            *of_found += usize::from(found.contains(entity));
        }
        mistakes.extend(labelled.symmetric_difference(&found).map(|e| format!("{}: {e:?}", example.text)));
    }
    assert!(text.lines().count() >= 300 && empty >= 80, "{empty} without an entity");
    for (kind, precision, recall) in [
        (EntityKind::Place, 0.98, 0.95),
        (EntityKind::Organisation, 0.98, 0.95),
        (EntityKind::Service, 0.98, 0.98),
    ] {
        let [right, labelled, found] = counts[&kind].map(|n| n as f64);
        assert!(right / found >= precision, "precision of {kind:?} {:.3}: {mistakes:#?}", right / found);
        assert!(right / labelled >= recall, "recall of {kind:?} {:.3}: {mistakes:#?}", right / labelled);
    }
}

#[test]
fn one_place_has_one_name() {
    for text in [
        "翠湖花园漏水",
        "翠湖花园小区漏水",
        "长沙市岳麓区翠湖花园二期",
        "我们翠湖花园小区的",
        "住在翠湖花园附近",
    ] {
        assert!(places(text).contains(&"翠湖花园".to_owned()), "{text}: {:?}", places(text));
    }
    for text in [
        "人民路修路",
        "人民路口堵车",
        "人民路路段积水",
        "岳麓区人民路的坑",
        "在人民路上",
    ] {
        assert!(places(text).contains(&"人民路".to_owned()), "{text}: {:?}", places(text));
    }
    assert_eq!(places("地铁三号线"), places("3号线"));
    assert_eq!(places("长沙市"), places("长沙"));
    assert_eq!(places("Ａ座旁边的SOHO花园"), places("soho花园"));
}

#[test]
fn one_organisation_has_one_name() {
    let forms = [
        "恒信物业服务有限公司",
        "恒信物业公司",
        "恒信物业",
        "长沙恒信物业管理有限公司",
    ];
    for text in forms {
        assert_eq!(organisations(text), ["恒信物业"], "{text}");
    }
    assert_eq!(organisations("洪山区市场监督管理局"), organisations("洪山区工商局"));
    assert_eq!(organisations("中国工商银行"), organisations("工行"));
    assert_eq!(organisations("工行人民路支行"), ["工商银行人民路支行"]);
}

#[test]
fn an_organisation_where_something_is_is_a_place() {
    assert_eq!(organisations("育英小学乱收费"), ["育英小学"]);
    assert_eq!(places("育英小学门口堵车"), ["育英小学"]);
    assert!(organisations("育英小学门口堵车").is_empty());
}

#[test]
fn what_is_inside_a_name_is_not_another() {
    assert!(names(EntityKind::Service, "公积金中心的电话").is_empty());
    assert!(places("东风路派出所").is_empty());
    assert_eq!(names(EntityKind::Service, "公积金贷款"), ["公积金贷款"]);
}

#[test]
fn what_names_nothing_is_no_entity() {
    for text in [
        "是小区里的事",
        "整个小区",
        "我们公司",
        "这条路",
        "相关部门",
        "物业公司",
        "你们银行",
        "周边地区",
        "一下路",
        "[地址]小区",
        "[姓名]公司",
    ] {
        assert!(FINDER.find(text).is_empty(), "{text}: {:?}", FINDER.find(text));
    }
}

#[test]
fn the_economic_zone_is_not_cut_in_two() {
    assert_eq!(places("经开区的路灯"), ["经开区"]);
    assert_eq!(places("火炬高新技术开发区"), ["火炬高新区"]);
}

#[test]
fn districts_that_run_into_the_next_word_are_read() {
    assert_eq!(places("武汉市洪山区雄楚大道"), ["武汉", "洪山区", "雄楚大道"]);
}

/// The finder with one file of a user's over the embedded ones.
fn with_file(file: &str, text: &str) -> Result<EntityFinder> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    finder(&Assets::with_overlay(dir.path()).unwrap())
}

#[test]
fn tagged_words_of_a_dictionary_are_names() {
    let finder = with_file("dict/zz_user.txt", "望江楼 ns\n蓝鲸会 nt\n寻车服务 service\n").unwrap();
    let found: Vec<_> = finder.find("望江楼的蓝鲸会没有寻车服务").into_iter().map(|e| (e.kind, e.name)).collect();
    let named = |kind, name: &str| (kind, name.to_owned());
    assert_eq!(
        found,
        [
            named(EntityKind::Place, "望江楼"),
            named(EntityKind::Organisation, "蓝鲸会"),
            named(EntityKind::Service, "寻车服务"),
        ]
    );
    let estate = finder.find("望江楼小区停水");
    assert_eq!((estate[0].name.as_str(), estate[0].span), ("望江楼", Span::new(0, 5)));
}

#[test]
fn mistakes_in_the_file_name_their_line() {
    let original = Assets::embedded().read("lexicon/entities.toml").unwrap().text.into_owned();
    for (from, to, line) in [
        ("body = [1, 3]", "body = [4, 3]", "body = [4, 3]"),
        ("numbered = true", "numberd = true", "numberd = true"),
        // Of two names with the same form the later one in the order of the names is at fault.
        ("\"借记卡\" = [", "\"借记卡\" = [\"居民身份证\", ", "\"身份证\" = "),
        ("\"护照\" = []", "\"护照\" = [\"\"]", "\"护照\" = "),
    ] {
        let text = original.replacen(from, to, 1);
        assert_ne!(text, original);
        let line = 1 + text.lines().position(|l| l.contains(line)).unwrap();
        match with_file("lexicon/entities.toml", &text).unwrap_err() {
            Error::Config { file, line: found, message, .. } => {
                assert!(file.ends_with("entities.toml"), "{file}");
                assert_eq!(found, line, "{to}: {message}");
            }
            other => panic!("{other}"),
        }
    }
}

proptest! {
    #[test]
    fn spans_lie_inside_and_do_not_overlap(
        text in "(路|小区|村|公司|银行|局|站|号线|市|区|长沙|岳麓|恒信|和|的|我们|三|东|\\[地址\\]|[一-龥]|[a-zA-Z0-9 ,，。\\[\\]\n]|\\PC){0,40}"
    ) {
        let found = FINDER.find(&text);
        prop_assert_eq!(&found, &FINDER.find(&text));
        let length = text.chars().count() as u32;
        for entity in &found {
            prop_assert!(entity.span.start < entity.span.end && entity.span.end <= length);
            prop_assert!(!entity.name.is_empty());
        }
        prop_assert!(found.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
    }
}
