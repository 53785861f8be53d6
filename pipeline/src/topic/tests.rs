//! Tests of the stage as a whole on small invented batches.

use std::sync::LazyLock;

use super::*;
use crate::record::Turn;
use crate::segment::SegmentConfig;

static SEGMENTER: LazyLock<Arc<Segmenter>> =
    LazyLock::new(|| Arc::new(Segmenter::new(&SegmentConfig::default(), &Assets::embedded()).unwrap()));

fn finder(config: &TopicConfig) -> TopicFinder {
    TopicFinder::new(config, &Assets::embedded(), Arc::clone(&SEGMENTER)).unwrap()
}

/// Three themes, each in `n` documents of changing words.
fn batch(n: usize) -> Vec<TopicDocument> {
    let themes: [&[&str]; 3] = [
        &[
            "暖气冰凉",
            "暖气温度不达标",
            "暖气测温",
            "暖气压力低",
            "暖气费交了室温低",
            "暖气管道漏水",
        ],
        &[
            "公交车晚点",
            "公交车改线",
            "公交车末班太早",
            "公交车没有雨棚",
            "公交车间隔太长",
            "公交车司机甩站",
        ],
        &[
            "医保报销比例",
            "医保异地备案",
            "医保住院材料",
            "医保门诊额度",
            "医保凭证激活",
            "医保慢性病目录",
        ],
    ];
    (0..n * 3)
        .map(|i| {
            let theme = themes[i % 3];
            let text =
                format!("{}，{}。{}，[电话]", theme[i / 3 % 6], theme[(i / 3 + 1) % 6], theme[(i / 3 * 5 + 3) % 6]);
            TopicDocument { call_id: format!("c{i}"), passages: vec![(text, 1.0)], category: Vec::new() }
        })
        .collect()
}

#[test]
fn themes_become_topics() {
    let documents = batch(20);
    let config = TopicConfig { topics: 3, max_df: 0.5, dimensions: 3, ..TopicConfig::default() };
    let topics = finder(&config).cluster(&documents, 7);
    assert_eq!(topics.topics.len(), 3);
    assert_eq!(topics.unassigned, 0);
    for topic in &topics.topics {
        assert_eq!(topic.size, 20);
        let theme = topic.call_ids[0][1..].parse::<usize>().unwrap() % 3;
        assert!(topic.call_ids.iter().all(|id| id[1..].parse::<usize>().unwrap() % 3 == theme));
        assert!(topic.terms.len() >= 8, "{:?}", topic.terms);
        let texts: String = documents.iter().map(|d| d.passages[0].0.as_str()).collect();
        assert!(topic.terms.iter().chain(&topic.quotes).all(|term| texts.contains(term.as_str())));
        assert!(!topic.terms.iter().any(|term| term == "电话"));
        assert!(!topic.quotes.is_empty());
        assert_eq!(topic.label, topic.terms[..3].join("、"));
    }
    let children: Vec<_> = topics.groups.iter().flat_map(|g| &g.children).collect();
    assert_eq!(children.len(), 3);
    for (document, topic) in documents.iter().zip(&topics.assignments) {
        assert!(topics.topics[topic.unwrap()].call_ids.contains(&document.call_id));
    }
}

#[test]
fn the_seed_decides_and_the_threads_do_not() {
    // More than one thread takes at a time.
    let documents = batch(features::CHUNK);
    let finder = finder(&TopicConfig { max_df: 0.5, ..TopicConfig::default() });
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| finder.cluster(&documents, 3))
    };
    let one = run(1);
    assert_eq!(one, run(4));
    assert_eq!(one, run(1));
    assert!(one.topics.len() > 1);
}

#[test]
fn empty_and_wordless_batches_have_no_topics() {
    let finder = finder(&TopicConfig::default());
    let none = finder.cluster(&[], 1);
    assert!(none.topics.is_empty() && none.groups.is_empty() && none.unassigned == 0);
    let wordless: Vec<TopicDocument> = ["[电话]", "嗯", "", "123"]
        .iter()
        .map(|text| TopicDocument {
            call_id: (*text).into(),
            passages: vec![((*text).into(), 1.0)],
            category: Vec::new(),
        })
        .collect();
    let none = finder.cluster(&wordless, 1);
    assert!(none.topics.is_empty());
    assert_eq!(none.unassigned, 4);
}

#[test]
fn one_document_is_a_topic() {
    let topics = finder(&TopicConfig::default()).cluster(&batch(1)[..1], 1);
    assert_eq!(topics.topics.len(), 1);
    assert_eq!(topics.topics[0].call_ids, ["c0"]);
}

#[test]
fn documents_weigh_callers_and_titles() {
    let mut call = CallRecord::new("c");
    call.turns = vec![
        Turn::new(Role::Agent, "您好"),
        Turn::new(Role::Caller, "停水了"),
        Turn::new(Role::Bot, "请按一"),
    ];
    let config = TopicConfig::default();
    assert_eq!(
        TopicDocument::of(&call, &[], &config).passages,
        [("您好".to_owned(), config.agent_weight), ("停水了".to_owned(), 1.0)]
    );
    let mut letter = CallRecord::new("l");
    letter.channel = "letter".into();
    letter.attributes.insert("title".into(), "停水".into());
    letter.turns = vec![Turn::new(Role::Caller, "停水\n三天了\n没人管")];
    assert_eq!(
        TopicDocument::of(&letter, &[], &config).passages,
        [("停水".to_owned(), TITLE_WEIGHT), ("三天了\n没人管".to_owned(), 1.0)]
    );
}

#[test]
fn topics_serialize_to_the_published_form() {
    let json = serde_json::to_value(finder(&TopicConfig { topics: 3, ..TopicConfig::default() }).cluster(&batch(6), 1))
        .unwrap();
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&json), ["topics", "groups", "unassigned"]);
    assert_eq!(keys(&json["topics"][0]), ["id", "label", "terms", "size", "call_ids", "quotes"]);
    assert_eq!(keys(&json["groups"][0]), ["id", "label", "children"]);
}

#[test]
fn a_document_without_topical_words_goes_where_its_category_is() {
    let mut documents = batch(10);
    for (i, document) in documents.iter_mut().enumerate() {
        document.category = vec![["供热", "交通", "医保"][i % 3].to_owned()];
    }
    let silent = |category: &str| TopicDocument {
        call_id: category.to_owned(),
        passages: vec![("嗯。".to_owned(), 1.0)],
        category: vec![category.to_owned()],
    };
    documents.extend([silent("交通"), silent("无人问津")]);
    let config = TopicConfig { topics: 3, max_df: 0.5, dimensions: 3, ..TopicConfig::default() };
    let topics = finder(&config).cluster(&documents, 7);
    assert_eq!(topics.assignments[30], topics.assignments[1]);
    assert_eq!((topics.assignments[31], topics.unassigned), (None, 1));
}
