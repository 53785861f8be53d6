//! Calls like a given one.

use super::*;

fn corpus() -> Vec<Sample> {
    use Role::{Agent, Caller};
    let hello = (Agent, "您好，市民热线，请问有什么可以帮您");
    vec![
        call("water", &[hello, (Caller, "幸福路小区停水三天了，自来水公司没有通知")]).score(50.0),
        call("water2", &[hello, (Caller, "自来水公司又停水，幸福路一带都没有水")]).score(70.0),
        call("water3", &[hello, (Caller, "楼上停水，自来水公司的电话打不通")]).score(40.0),
        call("bus", &[hello, (Caller, "公交车总是晚点，司机态度不好")]),
        call("heat", &[hello, (Caller, "暖气不热，供热公司没有人来")]),
        call("silent", &[]),
    ]
}

fn like(call_id: &str) -> CallQuery {
    CallQuery { like: Some(call_id.to_owned()), ..CallQuery::default() }
}

#[test]
fn the_likest_calls_come_first_with_the_words_they_share() {
    let (_dir, index) = indexed(&corpus());
    let page = index.search(&like("water")).unwrap();
    let found = ids(&page);
    assert_eq!(&found[..2], ["water2", "water3"], "{page:?}");
    assert!(!found.contains(&"water") && !found.contains(&"bus"), "{found:?}");
    let first = &page.hits[0];
    for word in ["停水", "幸福"] {
        assert!(first.shared_words.iter().any(|w| w == word), "{:?}", first.shared_words);
    }
    // What everybody says is no reason.
    assert!(
        page.hits
            .iter()
            .all(|hit| hit.shared_words.len() > 1 && !hit.shared_words.contains(&"您好".to_owned()))
    );
    assert!(first.relevance > page.hits[1].relevance && page.hits[1].relevance > 0.0);
    assert!(first.turns.iter().any(|turn| turn.turn == 1 && !turn.highlights.is_empty()));
}

#[test]
fn filters_words_and_pages_apply_to_similar_calls() {
    let (_dir, index) = indexed(&corpus());
    let query = CallQuery { filter: Some(Filter::parse("score<60").unwrap()), ..like("water") };
    assert_eq!(ids(&index.search(&query).unwrap()), ["water3"]);
    let query = CallQuery { text: Some("一带 分数>60".to_owned()), ..like("water") };
    assert_eq!(ids(&index.search(&query).unwrap()), ["water2"]);
    let whole = index.search(&like("water")).unwrap();
    let paged = paging::all_pages(&index, CallQuery { limit: 1, ..like("water") });
    assert_eq!(paged, ids(&whole));
}

#[test]
fn a_call_that_is_not_there_or_says_nothing_has_no_like() {
    let (_dir, index) = indexed(&corpus());
    assert!(matches!(index.search(&like("nowhere")), Err(Error::NotFound { .. })));
    let page = index.search(&like("silent")).unwrap();
    assert_eq!((page.total, page.warnings.len()), (0, 1));
    let (_dir, alone) = indexed(&[call("x", &[(Role::Caller, "停水了停水了")])]);
    assert_eq!(alone.search(&like("x")).unwrap().total, 0);
}
