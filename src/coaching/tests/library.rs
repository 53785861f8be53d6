//! The case library: two people, masked text, and who sees what.

use qingting_index::ExampleEntry;

use super::*;
use crate::coaching::Refusal;
use crate::coaching::example::{Event as Happened, On, Order, Who as Person, narrowed, nominate, row, studies};
use crate::coaching::propose::Proposals;
use crate::review::{Kind, Label};

fn person(id: &str) -> Person {
    Person { id: format!("key:{id}"), name: id.into() }
}

fn order() -> Order {
    Order {
        title: "耐心核对地址".into(),
        lesson: "先应一声再问".into(),
        good: true,
        ..Order::default()
    }
}

fn mask(text: &str) -> String {
    pipeline().normalizer().text(text).text
}

fn said() -> Analyzed {
    let record = CallRecord {
        started_at: Some("2026-03-02T09:00:00+08:00".parse().unwrap()),
        agent: Some(Agent {
            id: "A07".into(),
            name: Some("王小明".into()),
            team: Some("一组".into()),
            site: None,
        }),
        turns: vec![
            Turn::new(Role::Agent, "您好，工号零七号王小明为您服务。"),
            Turn::new(Role::Caller, "我的电话是13812345678，家里停水。"),
            Turn::new(Role::Agent, "好的，我帮您登记。"),
        ],
        ..CallRecord::new("c")
    };
    pipeline().analyze(&record)
}

fn entry(number: i64, who: &Person, on: On<'_>, event: &Happened) -> ExampleEntry {
    ExampleEntry { number, ..row(who, chrono::Utc::now(), on, event).unwrap() }
}

#[test]
fn what_is_kept_names_neither_caller_nor_agent() {
    let order = Order { note: "来电人 13812345678，坐席王小明".into(), ..order() };
    let kept = nominate(&order, &said(), &[], catalog(), mask).unwrap();
    let all = serde_json::to_string(&kept).unwrap();
    for secret in ["13812345678", "王小明", "零七", "A07"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    assert!(all.contains("我帮您登记"), "{all}");
}

#[test]
fn turns_have_to_be_there_and_are_nominated_once() {
    let call = said();
    let with = |turns| Order { turns: Some(turns), ..order() };
    for turns in [(0, 3), (2, 1), (9, 9)] {
        let refused = nominate(&with(turns), &call, &[], catalog(), mask).unwrap_err();
        assert!(matches!(refused, Refusal::Wrong { field: "last_turn", .. }), "{refused}");
    }
    let kept = nominate(&with((0, 1)), &call, &[], catalog(), mask).unwrap();
    let rows = vec![entry(1, &person("甲"), On::call(&call), &Happened::Nominated(kept))];
    let known = studies(rows).unwrap();
    assert!(matches!(nominate(&with((1, 2)), &call, &known, catalog(), mask), Err(Refusal::NotNow(_))));
    nominate(&with((2, 2)), &call, &known, catalog(), mask).unwrap();
    let blank = Order { title: " ".into(), ..order() };
    assert!(matches!(nominate(&blank, &call, &[], catalog(), mask), Err(Refusal::Wrong { field: "title", .. })));
    let odd = Order { code: "nothing".into(), ..order() };
    assert!(matches!(nominate(&odd, &call, &[], catalog(), mask), Err(Refusal::Wrong { field: "code", .. })));
}

#[test]
fn somebody_else_decides_and_what_was_decided_stands() {
    let call = said();
    let kept = nominate(&order(), &call, &[], catalog(), mask).unwrap();
    let mut rows = vec![entry(1, &person("甲"), On::call(&call), &Happened::Nominated(kept))];
    let study = studies(rows.clone()).unwrap().remove(0);
    assert!(matches!(study.may_decide(&person("甲")), Err(Refusal::OwnDecision(_))));
    study.may_decide(&person("乙")).unwrap();
    let approved = Happened::Approved { shared: false, note: String::new() };
    rows.push(entry(2, &person("乙"), On::study(&study), &approved));
    let study = studies(rows.clone()).unwrap().remove(0);
    assert!(study.is_approved() && study.may_decide(&person("丙")).is_err());
    let article = study.article(catalog());
    assert_eq!((article.id.as_str(), article.category.as_deref()), ("case:1", Some("示范案例")));
    assert!(article.body.contains("坐席：好的，我帮您登记。"), "{}", article.body);
    rows.push(entry(3, &person("甲"), On::study(&study), &Happened::Withdrawn { note: String::new() }));
    let study = studies(rows).unwrap().remove(0);
    assert!(!study.is_approved() && study.may_withdraw().is_err());
}

#[test]
fn a_viewer_of_one_team_sees_of_another_only_what_is_shared_and_not_whose_call_it_is() {
    let call = said();
    let kept = nominate(&order(), &call, &[], catalog(), mask).unwrap();
    let nominated = entry(1, &person("甲"), On::call(&call), &Happened::Nominated(kept));
    let study = studies(vec![nominated.clone()]).unwrap().remove(0);
    let decide = |shared| entry(2, &person("乙"), On::study(&study), &Happened::Approved { shared, note: "甲".into() });
    let of = |team: &'static str| {
        move |agent: Option<&Agent>| agent.is_some_and(|agent| agent.team.as_deref() == Some(team))
    };
    let seen_but = |rows: Vec<ExampleEntry>, contested: &[&str], team| {
        let contested = contested.iter().map(|call| (*call).to_owned()).collect();
        studies(narrowed(rows, &contested, of(team)).unwrap()).unwrap()
    };
    let seen = |rows: Vec<ExampleEntry>, team| seen_but(rows, &[], team);
    assert!(
        seen_but(vec![nominated.clone(), decide(true)], &["c"], "二组").is_empty(),
        "not while it is contested"
    );
    assert!(seen(vec![nominated.clone()], "二组").is_empty());
    assert!(seen(vec![nominated.clone(), decide(false)], "二组").is_empty());
    let shared = seen(vec![nominated.clone(), decide(true)], "二组");
    assert_eq!((shared.len(), shared[0].call_id.as_str(), shared[0].team.as_deref()), (1, "", None));
    let own = seen(vec![nominated, decide(false)], "一组");
    assert_eq!((own.len(), own[0].call_id.as_str()), (1, "c"));
}

#[test]
fn the_machine_proposes_bad_examples_only_where_people_agree() {
    let bad = with(call("bad", "2026-03-02", "A", "一组", 40.0), "impatience", "快点说");
    let doubted = with(call("doubted", "2026-03-02", "A", "一组", 40.0), "impatience", "行了");
    let mut decisions = Decisions::default();
    let finding = Label { code: "impatience".into(), turn: Some(2) };
    decisions.review(&bad, &[Opinion { kind: Kind::Agree, finding, correct: None, reason: String::new() }]);
    let reviewed = decisions.read();
    let mut proposals = Proposals::new(catalog(), &reviewed);
    for one in [bad, doubted] {
        proposals.add(one);
    }
    let found = proposals.finish(|_| false, 10);
    let told: Vec<_> = found.iter().map(|proposal| (proposal.example.call_id.as_str(), proposal.good)).collect();
    assert_eq!(told, [("bad", false)]);
    assert_eq!(found[0].example.agent, None);
}
