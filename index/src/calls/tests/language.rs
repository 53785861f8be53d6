//! The one box: words beside conditions, as people type them.

use super::*;
use crate::calls::{Lookup, NotThere};

/// Two topics, by id.
struct Topics;

impl Lookup for Topics {
    fn calls(&self, _field: &'static str, value: &str) -> std::result::Result<Vec<String>, NotThere> {
        match value {
            "t1" => Ok(vec!["c1".to_owned(), "c3".to_owned()]),
            _ => Err(NotThere { message: format!("no topic {value}"), zh: format!("没有主题“{value}”") }),
        }
    }
}

fn asked(index: &Indexed, text: &str) -> (Vec<String>, Vec<String>) {
    let page = index.search_with(&CallQuery::text(text), &Topics).unwrap();
    let mut ids: Vec<String> = page.hits.into_iter().map(|hit| hit.call_id).collect();
    ids.sort();
    (ids, page.warnings)
}

#[test]
fn words_and_conditions_stand_side_by_side() {
    let (_dir, index) = indexed(&some_calls());
    for (text, expected) in [
        ("投诉 agent:a1", &["c3"][..]),
        ("坐席:a1", &["c1", "c3"]),
        ("坐席： a1 物业费", &["c1"]),
        ("停水 code:impatience agent:a2 score<60 date:2026-03 -queue:银行", &["c2"]),
        ("停水 code:impatience agent:a2 score<60 date:2026-03 -code:crisis", &["c2"]),
        ("分数 < 60", &["c2"]),
        ("分数＜６０分", &["c2"]),
        ("分数:50~60", &["c2"]),
        ("得分:55-80", &["c1", "c2"]),
        ("score!=80", &["c2", "c3"]),
        ("日期:2026年3月5日", &["c1"]),
        ("日期:2026-03-06至2026-04-01", &["c2", "c3"]),
        ("诉求类型:咨询 -停水 -物业费", &["c3"]),
        ("排除:停水 类型:x OR 投诉 call:c*", &["c3"]),
        ("不含:停水 坐席:a1,a2", &["c1", "c3"]),
        ("停水 agent:a2 OR agent:a1 投诉", &["c2", "c3"]),
        ("物业费 或 停水", &["c1", "c2"]),
        ("(物业费 OR 停水) score>60", &["c1"]),
        ("-(物业费 OR 停水)", &["c3"]),
        ("（agent:a1 OR 停水） date:2026-03", &["c1", "c2"]),
        ("NOT 停水 AND agent:a2,a1", &["c1", "c3"]),
        ("call:c* -call:\"c2\"", &["c1", "c3"]),
        ("类别:物业管理", &["c1"]),
        ("topic:t1 score>0", &["c1"]),
        ("-主题:t1", &["c2"]),
        ("时段:9点", &["c1", "c2"]),
        ("attr.来源:web", &["c3"]),
        ("结果:已解决 危机:否 物业费", &["c1"]),
    ] {
        let (ids, warnings) = asked(&index, text);
        assert_eq!(ids, expected, "{text}: {warnings:?}");
        if !text.contains("银行") && !text.contains('x') && !text.contains("crisis") {
            assert!(warnings.is_empty(), "{text}: {warnings:?}");
        }
    }
}

#[test]
fn what_is_no_condition_is_words_with_a_warning() {
    let calls = [
        call("a", &[(Role::Caller, "我早上8:30就来了，网址是http://abc.cn")]).agent("A04", "x"),
        call("b", &[(Role::Caller, "我说：停水了")]),
    ];
    let (_dir, index) = indexed(&calls);
    for (text, expected, told) in [
        ("8:30", &["a"][..], "可用的条件：通话、坐席"),
        ("http://abc.cn", &["a"], "可用的条件"),
        ("我说：停水", &["b"], "“我说”不是条件"),
        ("agnet:A04", &[], "是不是要写“agent:”"),
        ("agent:a04", &["a"], "已按“A04”查找"),
        ("坐席:您好", &[], "没有坐席是“您好”的通话"),
        ("停水 date:2026-13", &["b"], "“2026-13”不是日期"),
        ("停水 score<很低", &["b"], "“很低”不是数字，已忽略这个条件"),
        ("停水 agent<5", &["b"], "不能比较大小"),
        ("停水 agent:A*4", &["b"], "只能放在末尾"),
        ("停水 坐席:", &["b"], "“坐席”后面没有值"),
        ("date:2026-13", &[], "因此没有结果"),
        ("date:2026-13 OR 停水", &["b"], "OR 的一边没有内容"),
        ("主题:停水", &["b"], "没有主题“停水”；已按文字“停水”查找"),
        ("topic:t99", &[], "没有主题“t99”"),
        ("\"停水 坐席:A04", &[], "引号没有成对"),
    ] {
        let (ids, warnings) = asked(&index, text);
        assert_eq!(ids, expected, "{text}: {warnings:?}");
        assert!(warnings.iter().any(|w| w.contains(told)), "{text}: {warnings:?}");
    }
    // Quotes make words of everything.
    assert_eq!(asked(&index, "\"8:30\""), (vec!["a".to_owned()], Vec::new()));
}

#[test]
fn highlights_are_of_the_words_and_not_of_the_conditions() {
    let (_dir, index) = indexed(&some_calls());
    let page = index.search(&CallQuery::text("停水 -物业费 坐席:a2 (登记 OR agent:a9)")).unwrap();
    let turns: Vec<_> = page.hits[0].turns.iter().map(|t| (t.turn, t.highlights.clone())).collect();
    assert_eq!(turns, [(1, vec![Span::new(0, 2)]), (2, vec![Span::new(3, 7)])]);
    // Conditions alone rank nothing: newest first.
    assert_eq!(ids(&index.search(&CallQuery::text("坐席:a1")).unwrap()), ["c3", "c1"]);
}

#[test]
fn endless_queries_are_cut_and_not_refused() {
    let (_dir, index) = indexed(&some_calls());
    for text in [
        "(".repeat(50_000),
        "-(".repeat(20_000),
        "agent:a1 ".repeat(5_000),
        "(停水 ".repeat(100) + &")".repeat(100),
    ] {
        let _ = index.search(&CallQuery::text(text)).unwrap();
    }
    let words: String = ('\u{4e00}'..'\u{4f00}').map(|c| format!("{c} OR agent:a1 ")).collect();
    assert!(asked(&index, &words).1.iter().any(|w| w.contains("过长")));
}
