//! Tests of what a search finds beyond the text as it was written: by sound, by synonyms, by the
//! value of a number.

use proptest::prelude::*;
use std::sync::Arc;

use qingting_pipeline::assets::Assets;
use qingting_pipeline::synonyms::Synonyms;

use super::paging::all_pages;
use super::*;

fn caller(id: &str, text: &str) -> Sample {
    call(id, &[(Role::Caller, text)])
}

/// An index of calls of one turn, the first being "c0".
fn spoken(texts: &[&str]) -> (tempfile::TempDir, Indexed) {
    let calls: Vec<Sample> = texts.iter().enumerate().map(|(i, text)| caller(&format!("c{i}"), text)).collect();
    let (dir, index) = indexed(&calls);
    let synonyms = Synonyms::load(&Assets::embedded()).unwrap();
    (dir, index.with_synonyms(Arc::new(synonyms)))
}

#[test]
fn a_word_that_was_misheard_is_found_after_those_that_were_not() {
    let (_dir, index) = spoken(&["我要登机一下", "工作人员帮我登记了", "他在等级考试", "停水了"]);
    let page = index.search(&CallQuery::text("登记")).unwrap();
    assert_eq!(ids(&page), ["c1", "c0", "c2"]);
    assert_eq!(page.total, 3);
    assert_eq!(page.hits.iter().map(|hit| hit.by_sound).collect::<Vec<_>>(), [false, true, true]);
    let turn = &page.hits[1].turns[0];
    assert_eq!((turn.highlights.as_slice(), turn.by_sound), (&[Span::new(2, 4)][..], true));
    assert!(!page.hits[0].turns[0].by_sound);
    assert!(page.hits[0].relevance > page.hits[1].relevance);
    assert_eq!(page.warnings, ["逐字匹配的通话较少，其后为按读音匹配"]);
    let json = serde_json::to_value(&page).unwrap();
    assert_eq!(json["hits"][1]["turns"][0]["by_sound"], true);
    assert!(json["hits"][0].get("by_sound").is_none());
}

#[test]
fn it_is_said_that_there_are_only_hits_by_sound() {
    let (_dir, index) = spoken(&["我要登机一下"]);
    let page = index.search(&CallQuery::text("登记")).unwrap();
    assert_eq!(ids(&page), ["c0"]);
    assert_eq!(page.warnings, ["没有逐字匹配，以下按读音匹配"]);
    let exact = index.search(&CallQuery { by_sound: false, ..CallQuery::text("登记") }).unwrap();
    assert_eq!((exact.total, exact.warnings.len()), (0, 0));
}

#[test]
fn the_usual_confusions_sound_alike() {
    for (query, text) in [
        ("物业费太贵", "这个无业费太桂了"),
        ("蓝色的车", "有辆南色的车"),
        ("经常停电", "今常停电"),
        ("城市管理", "沉四管理"),
        ("\"三楼漏水\"", "山楼漏水"),
        ("重复扣费", "虫复扣费"),
        ("银行排队", "银杭排队"),
        ("太热了", "太乐了"),
        ("张师傅", "脏师傅"),
        ("没人管 停水", "没人馆，挺水三天"),
    ] {
        let (_dir, index) = spoken(&["别的事情", text]);
        let page = index.search(&CallQuery::text(query)).unwrap();
        assert_eq!(ids(&page), ["c1"], "{query} in {text}");
        assert!(page.hits[0].by_sound && page.hits[0].turns[0].by_sound, "{query} in {text}");
    }
}

#[test]
fn other_sounds_other_turns_and_excluded_calls_stay_out() {
    let (_dir, index) = spoken(&["我要停水", "挺水，没人管"]);
    assert!(found(&index, "停电").is_empty());
    assert_eq!(found(&index, "停水"), ["c0", "c1"]);
    assert_eq!(found(&index, "停水 -没人管"), ["c0"]);
    let query = CallQuery { spoken_by: Some(Speaker::Agent), ..CallQuery::text("停水") };
    assert_eq!(index.search(&query).unwrap().total, 0);
    let (_dir, index) = indexed(&[call("x", &[(Role::Caller, "挺"), (Role::Caller, "水")])]);
    assert!(found(&index, "停水").is_empty());
}

/// tantivy's scorer of phrases panicked in debug builds when a call before its first one was to be kept.
#[test]
fn an_excluded_phrase_that_is_only_in_later_calls_excludes_these() {
    let (_dir, index) = spoken(&["停水", "停水了没人管"]);
    assert_eq!(found(&index, "停水 -\"水了没人\""), ["c0"]);
    assert_eq!(found(&index, "-\"水了没人\""), ["c0"]);
}

#[test]
fn where_many_calls_match_nobody_listens() {
    let mut texts = vec!["停水"; 10];
    texts.push("挺水");
    let (_dir, index) = spoken(&texts);
    let page = index.search(&CallQuery::text("停水")).unwrap();
    assert_eq!((page.total, page.warnings.len()), (10, 0));
}

#[test]
fn numbers_are_found_however_they_are_said() {
    let texts = [
        "要交三百块",
        "要交300块",
        "要交叁佰块",
        "住在十二号楼",
        "住在12号楼",
        "零九年办的",
        "09年办的",
        "打了一二三四五",
        "打了12345",
        "打了幺二三四五",
        "等了两个月",
        "等了2个月",
        "一共两万五千元",
        "一共25000元",
    ];
    let (_dir, index) = spoken(&texts);
    for (query, wanted) in [
        ("三百块", &["c0", "c1", "c2"][..]),
        ("300块", &["c0", "c1", "c2"]),
        ("\"要交300块\"", &["c0", "c1", "c2"]),
        ("叁佰块", &["c0", "c1", "c2"]),
        ("３００块", &["c0", "c1", "c2"]),
        ("十二号楼", &["c3", "c4"]),
        ("\"12号楼\"", &["c3", "c4"]),
        ("零九年", &["c5", "c6"]),
        ("09年", &["c5", "c6"]),
        ("12345", &["c7", "c8", "c9"]),
        ("一二三四五", &["c7", "c8", "c9"]),
        ("2个月", &["c10", "c11"]),
        ("两个月", &["c10", "c11"]),
        ("25000元", &["c12", "c13"]),
        ("\"二万五千元\"", &["c12", "c13"]),
    ] {
        let page = index.search(&CallQuery { by_sound: false, ..CallQuery::text(query) }).unwrap();
        let mut got = ids(&page);
        got.sort_by_key(|id| id[1..].parse::<u32>().unwrap());
        assert_eq!(got, wanted, "{query}");
        assert!(page.hits.iter().all(|hit| !hit.turns[0].highlights.is_empty()), "{query}");
    }
    let page = index.search(&CallQuery::text("三百块")).unwrap();
    assert_eq!(page.hits[0].call_id, "c0");
    let other = page.hits.iter().find(|hit| hit.call_id == "c1").unwrap();
    assert_eq!(other.turns[0].highlights, [Span::new(2, 6)]);
    assert!(found(&index, "-300块").iter().all(|id| !["c0", "c1", "c2"].contains(&id.as_str())));
}

#[test]
fn synonyms_are_found_after_the_word_itself() {
    let (_dir, index) = spoken(&["我要找城市管理投诉", "我要找城管投诉啊呀", "停水了"]);
    let page = index.search(&CallQuery::text("城管")).unwrap();
    assert_eq!(ids(&page), ["c1", "c0"]);
    assert!(page.hits.iter().all(|hit| !hit.by_sound));
    assert_eq!(page.hits[1].turns[0].highlights, [Span::new(3, 7)]);
    assert_eq!(found(&index, "城市管理 投诉"), ["c0", "c1"]);
    assert_eq!(found(&index, "\"城管\""), ["c1"]);
}

#[test]
fn script_width_and_case_make_no_difference() {
    let (_dir, index) = spoken(&["繁體字的發票", "繁体字的发票", "Ａ座的ＷｉＦｉ", "a座的wifi"]);
    for (query, wanted) in [
        ("發票", ["c0", "c1"]),
        ("发票", ["c0", "c1"]),
        ("A座", ["c2", "c3"]),
        ("ＷＩＦＩ", ["c2", "c3"]),
    ] {
        let page = index.search(&CallQuery { by_sound: false, ..CallQuery::text(query) }).unwrap();
        let mut got = ids(&page);
        got.sort_unstable();
        assert_eq!(got, wanted, "{query}");
        assert!(page.hits.iter().all(|hit| !hit.turns[0].highlights.is_empty()), "{query}");
    }
}

#[test]
fn facets_count_calls_by_sound_and_groups_do_not() {
    let calls = [
        caller("c0", "登记").agent("a1", "t"),
        caller("c1", "登机").agent("a1", "t"),
        caller("c2", "停水").agent("a1", "t"),
    ];
    let (_dir, index) = indexed(&calls);
    let request = FacetRequest { field: "agent".to_owned(), limit: 10 };
    let page = index.search(&CallQuery { facets: vec![request], ..CallQuery::text("登记") }).unwrap();
    assert_eq!(page.facets[0].values, [FacetValue { value: "a1".to_owned(), calls: 2 }]);
    assert_eq!(index.aggregate(&CallQuery::text("登记"), Some("agent")).unwrap()[0].calls, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Listening adds hits behind the others and changes nothing else; pages go through both in one order.
    #[test]
    fn exact_hits_stay_first_and_highlights_inside(
        texts in prop::collection::vec("[停挺水电店费飞a1一，]{0,9}", 1..9),
        queries in prop::collection::vec("[停挺水电店费飞a1一 \"-]{1,6}", 6),
        limit in 1usize..4,
        newest in any::<bool>(),
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (_dir, index) = spoken(&texts);
        for query in queries {
            let sort = newest.then_some(Sort::NEWEST);
            let query = CallQuery { sort, turns_per_call: 20, ..CallQuery::text(query) };
            let exact = index.search(&CallQuery { by_sound: false, ..query.clone() }).unwrap();
            let both = index.search(&query).unwrap();
            prop_assert!(both.total >= exact.total);
            prop_assert_eq!(&both.hits[..exact.hits.len()], &exact.hits[..]);
            for hit in &both.hits[exact.hits.len()..] {
                prop_assert!(hit.by_sound && !hit.turns.is_empty(), "{:?}", hit);
                for turn in &hit.turns {
                    let number: usize = hit.call_id[1..].parse().unwrap();
                    let length = texts[number].chars().count() as u32;
                    prop_assert!(!turn.highlights.is_empty());
                    prop_assert!(turn.highlights.iter().all(|s| s.start < s.end && s.end <= length));
                }
            }
            let paged = all_pages(&index, CallQuery { limit, ..query });
            prop_assert_eq!(ids(&both), paged.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    /// Every replacement of characters by others of the same sound is still found.
    #[test]
    fn any_text_is_found_by_its_sound(
        text in "[登记物业费停水重复扣款银行三百一号楼]{2,8}",
        picks in prop::collection::vec(0usize..1000, 8),
    ) {
        let heard: String = text
            .chars()
            .zip(&picks)
            .map(|(c, pick)| {
                // A traditional form is read as its simplified one, which may sound otherwise (於, 于).
                let stays = |c: &&char| analyzer().fold(&c.to_string()).chars().eq([**c]);
                let class = crate::sound::class(c);
                let class: Vec<&char> = class.iter().filter(stays).collect();
                *class[pick % class.len()]
            })
            .collect();
        let (_dir, index) = spoken(&["别的", &heard]);
        prop_assert_eq!(found(&index, &format!("\"{text}\"")), ["c1"], "{} as {}", text, heard);
    }
}
