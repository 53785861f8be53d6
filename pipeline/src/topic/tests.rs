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
    let topics = finder(&config).find(&documents, None, 7);
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
    let ids: BTreeSet<&String> = topics.topics.iter().flat_map(|topic| &topic.call_ids).collect();
    assert_eq!(ids.len(), documents.len());
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
            .install(|| finder.find(&documents, None, 3))
    };
    let one = run(1);
    assert_eq!(one, run(4));
    assert_eq!(one, run(1));
    assert!(one.topics.len() > 1);
}

#[test]
fn empty_and_wordless_batches_have_no_topics() {
    let finder = finder(&TopicConfig::default());
    let none = finder.find(&[], None, 1);
    assert!(none.topics.is_empty() && none.groups.is_empty() && none.unassigned == 0);
    let wordless: Vec<TopicDocument> = ["[电话]", "嗯", "", "123"]
        .iter()
        .map(|text| TopicDocument {
            call_id: (*text).into(),
            passages: vec![((*text).into(), 1.0)],
            category: Vec::new(),
        })
        .collect();
    let none = finder.find(&wordless, None, 1);
    assert!(none.topics.is_empty());
    assert_eq!(none.unassigned, 4);
}

#[test]
fn one_document_is_a_topic() {
    let topics = finder(&TopicConfig::default()).find(&batch(1)[..1], None, 1);
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
    let json =
        serde_json::to_value(finder(&TopicConfig { topics: 3, ..TopicConfig::default() }).find(&batch(6), None, 1))
            .unwrap();
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&json)[..3], ["topics", "groups", "unassigned"]);
    assert_eq!(keys(&json["topics"][0])[..6], ["id", "label", "terms", "size", "call_ids", "quotes"]);
    assert_eq!(keys(&json["groups"][0])[..3], ["id", "label", "children"]);
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
    let topics = finder(&config).find(&documents, None, 7);
    let of = topics.by_call();
    assert_eq!(of["交通"], of["c1"]);
    assert!(!of.contains_key("无人问津"));
    assert_eq!(topics.unassigned, 1);
}

/// A document of words that no theme has.
fn stranger(id: usize) -> TopicDocument {
    let words = [
        "共享单车",
        "电动车充电桩",
        "飞线充电",
        "电池起火",
        "充电桩坏了",
        "电动车停放",
    ];
    let text = format!("{}，{}。{}", words[id % 6], words[(id + 1) % 6], words[(id * 5 + 3) % 6]);
    TopicDocument { call_id: format!("s{id}"), passages: vec![(text, 1.0)], category: Vec::new() }
}

fn nightly() -> (TopicFinder, Topics) {
    let finder = finder(&TopicConfig { max_df: 0.5, dimensions: 8, max_share: 0.5, ..TopicConfig::default() });
    let first = TopicFinder {
        config: TopicConfig { topics: 3, ..finder.config.clone() },
        content: finder.content.clone(),
    };
    let known = first.find(&batch(20), None, 7);
    (finder, known)
}

fn day() -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(2026, 3, 2)
}

#[test]
fn a_night_of_the_same_kind_changes_no_topic() {
    let (finder, known) = nightly();
    let mut calls = batch(20);
    let more: Vec<TopicDocument> = batch(10)
        .into_iter()
        .map(|call| TopicDocument { call_id: format!("n{}", call.call_id), ..call })
        .collect();
    calls.extend(more);
    let topics = finder.update(&known, &calls, Mode::Update, day(), 7);
    assert_eq!(topics.unassigned, 0);
    let heads = |topics: &Topics| -> BTreeSet<(String, String)> {
        topics.topics.iter().map(|topic| (topic.id.clone(), topic.label.clone())).collect()
    };
    assert_eq!(heads(&topics), heads(&known));
    let of = topics.by_call();
    assert!(known.by_call().iter().all(|(id, at)| topics.topics[of[id]].id == known.topics[*at].id));
    // The new calls are with their kind.
    assert!((0..30).all(|i| of[format!("nc{i}").as_str()] == of[format!("c{i}").as_str()]));
}

#[test]
fn what_fits_no_topic_opens_one_and_says_where_it_comes_from() {
    let (finder, known) = nightly();
    let mut calls = batch(20);
    calls.extend((0..12).map(stranger));
    let topics = finder.update(&known, &calls, Mode::Update, day(), 7);
    let of = topics.by_call();
    let opened = &topics.topics[of["s0"]];
    assert!(known.topics.iter().all(|topic| topic.id != opened.id), "{topics:#?}");
    assert!((0..12).filter(|i| of[format!("s{i}").as_str()] == of["s0"]).count() >= 10);
    assert_eq!((opened.history[0].what, opened.history[0].day), (ChangeKind::Opened, day()));
    assert!(opened.terms.iter().any(|term| term.contains("充电")), "{:?}", opened.terms);
    assert!(topics.groups.iter().any(|group| group.children.contains(&opened.id)));
}

#[test]
fn names_merges_and_pins_survive_the_nights() {
    let (finder, mut known) = nightly();
    let [first, second, third] = [0, 1, 2].map(|at| known.topics[at].id.clone());
    known.rename(&first, Some("供热与室温"), day()).unwrap();
    known.merge(std::slice::from_ref(&third), &second, day()).unwrap();
    known.pin(&second, true, day()).unwrap();
    assert_eq!(known.get(&third).unwrap().id, second);
    let mut calls = batch(30);
    calls.extend((0..12).map(stranger));
    for mode in [Mode::Update, Mode::Rebuild, Mode::Assign] {
        let topics = finder.update(&known, &calls, mode, day(), 7);
        let named = topics.get(&first).unwrap();
        assert_eq!((named.label.as_str(), named.id.as_str()), ("供热与室温", first.as_str()), "{mode:?}");
        let merged = topics.get(&third).unwrap();
        assert_eq!(merged.id, second, "{mode:?}");
        assert!(merged.pinned && merged.call_ids.len() >= 40, "{mode:?}: {}", merged.call_ids.len());
    }
}

#[test]
fn a_topic_without_calls_tonight_is_known_when_they_come_back() {
    let (finder, known) = nightly();
    let heating = known.topics.iter().find(|topic| topic.terms.iter().any(|t| t.contains("暖气"))).unwrap().id.clone();
    // A window in which nobody spoke of heating, then one caller.
    let mut calls: Vec<TopicDocument> =
        batch(20).into_iter().enumerate().filter(|(i, _)| i % 3 != 0).map(|(_, c)| c).collect();
    calls.push(TopicDocument {
        call_id: "winter".to_owned(),
        passages: vec![("暖气冰凉，暖气压力低".to_owned(), 1.0)],
        category: Vec::new(),
    });
    let topics = finder.update(&known, &calls, Mode::Update, day(), 7);
    assert_eq!(topics.topics[topics.by_call()["winter"]].id, heating);
}

#[test]
fn what_grew_too_large_is_divided_and_keeps_its_id() {
    let finder = finder(&TopicConfig { max_df: 0.9, dimensions: 8, max_share: 0.4, ..TopicConfig::default() });
    let one = TopicFinder {
        config: TopicConfig { topics: 1, ..finder.config.clone() },
        content: finder.content.clone(),
    };
    let known = one.find(&batch(20), None, 7);
    assert_eq!(known.topics.len(), 1);
    let topics = finder.update(&known, &batch(21), Mode::Update, day(), 7);
    assert!(topics.topics.len() > 1);
    let parent = topics.get("t1").unwrap();
    let change = parent.history.last().unwrap();
    assert_eq!(change.what, ChangeKind::Divided);
    for id in &change.topics {
        assert_eq!(topics.get(id).unwrap().history[0].topics, ["t1"]);
    }
    let mut pinned = known.clone();
    pinned.pin("t1", true, day()).unwrap();
    assert_eq!(finder.update(&pinned, &batch(21), Mode::Update, day(), 7).topics.len(), 1);
}

#[test]
fn what_cannot_be_done_to_a_topic_is_said() {
    let (_, mut known) = nightly();
    let (first, second) = (known.topics[0].id.clone(), known.topics[1].id.clone());
    assert_eq!(known.rename("t99", Some("无"), None), Err(TopicError::Unknown("t99".to_owned())));
    assert_eq!(known.rename(&first, Some(" "), None), Err(TopicError::Name));
    assert_eq!(known.rename(&first, Some(&"长".repeat(41)), None), Err(TopicError::Name));
    assert_eq!(known.merge(std::slice::from_ref(&first), &first, None), Err(TopicError::Itself(first.clone())));
    known.merge(std::slice::from_ref(&second), &first, None).unwrap();
    assert_eq!(known.pin(&second, true, None), Err(TopicError::Retired { id: second, into: first }));
}
