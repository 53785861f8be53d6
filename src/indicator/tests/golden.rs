//! A table of a small hotline, computed by hand to the cent.

use rust_decimal::Decimal;

use super::*;
use crate::indicator::compare::{compare, unlike};
use crate::indicator::evaluate::{NoData, shown};
use crate::indicator::explain::{figure_zh, inputs, node_zh, total_zh};
use crate::indicator::rank::rank;

const SET: &str = r#"
id = "golden"
version = 1
title = "手算"
doc = "说明"
missing = "exclude"
least_weight = 50

[[first]]
id = "response"
title = "响应"
weight = 40

[[first.second]]
id = "connected"
title = "接通率"
weight = 25
formula = "linear(kpi.connected, 0.5, 0.95)"

[[first.second]]
id = "wait"
title = "等待"
weight = 15
formula = "linear(kpi.asa_s, 60, 15)"

[[first]]
id = "quality"
title = "质量"
weight = 35

[[first.second]]
id = "satisfied"
title = "满意率"
weight = 20
formula = "ratio(kpi.satisfied, 0.6)"
cap = 1.2

[[first.second]]
id = "patience"
title = "耐心"
weight = 15
formula = "linear(finding.impatience, 0.5, 0)"

[[first]]
id = "hold"
title = "保持"
weight = 25
formula = "linear(kpi.hold_s, 90, 20)"

[[deduction]]
id = "forbidden"
title = "禁语"
formula = "10 * finding.forbidden_phrase"
most = 1.25

[[bonus]]
id = "tickets"
title = "工单"
formula = "linear(kpi.ticket_on_time, 0, 1) / 100"
most = 2
"#;

fn finding(code: &str) -> Finding {
    Finding {
        code: code.into(),
        rule: code.into(),
        severity: Severity::Major,
        role: Role::Agent,
        confidence: 1.0,
        turn: Some(0),
        evidence: Vec::new(),
        explanation: String::new(),
        taboo: None,
    }
}

/// Ten offered calls: seven answered after 12, 20, ... s, three not; four rated; findings in some.
fn calls() -> Vec<Call> {
    let mut calls: Vec<Call> = (0..10)
        .map(|nth| call(&format!("c{nth}"), &format!("2026-11-10T09:{nth:02}:00+08:00"), "甲", "东区"))
        .collect();
    for (nth, (record, analysis)) in calls.iter_mut().enumerate() {
        if nth < 3 {
            record.answered = Some(false);
            record.turns.clear();
            continue;
        }
        record.wait_ms = Some(12_000 + 8_000 * (nth as u64 - 3));
        record.rating = [None, None, None, Some(5), Some(4), Some(4), Some(2), None, None, None][nth];
        if nth == 9 || nth == 8 {
            analysis.findings = vec![finding("impatience"), finding("impatience")];
        }
        if nth == 7 {
            analysis.findings = vec![finding("forbidden_phrase")];
        }
    }
    calls
}

#[test]
fn totals_are_those_computed_by_hand_to_the_cent() {
    let (set, scope) = (set(SET), Scope::all(november()));
    let data = counted(&calls(), &scope);
    let outcome = set.evaluate(&data);
    let score = |path: &str| outcome.nodes[set.find(path).unwrap()].score.map(|score| score.normalize().to_string());
    // Connected 7 of 10: (0.7 − 0.5) ÷ 0.45 = 44.4444.
    assert_eq!(score("response.connected").as_deref(), Some("44.4444"));
    // Waits 12, 20, 28, 36, 44, 52, 60: 36 s on average, (60 − 36) ÷ 45 = 53.3333.
    assert_eq!(score("response.wait").as_deref(), Some("53.3333"));
    // Satisfied 3 of 4: 125, of which 120 count.
    assert_eq!(score("quality.satisfied").as_deref(), Some("120"));
    // Impatience in 2 of 7 conversations: (0.5 − 0.285714) ÷ 0.5 = 42.8571.
    assert_eq!(score("quality.patience").as_deref(), Some("42.8571"));
    // Nobody says how long callers were on hold.
    let hold = &outcome.nodes[set.find("hold").unwrap()];
    assert_eq!(hold.no_data, Some(NoData::Missing { figure: "kpi.hold_s".into() }));
    // 11.1111 + 7.999995 + 24 + 6.428565 = 49.53966 of 75; ÷ 0.75 = 66.05288; 1 of 7 calls: 1.25 off, not 1.4286; no work orders.
    assert_eq!(
        (outcome.points.normalize().to_string(), outcome.known_weight.normalize().to_string()),
        ("49.53966".into(), "75".into())
    );
    assert_eq!(outcome.deducted(), Decimal::new(125, 2));
    assert_eq!((outcome.added(), outcome.bonuses[0].points), (Decimal::ZERO, None));
    assert_eq!(outcome.total.map(|total| shown(total).to_string()).as_deref(), Some("64.80"));
    assert_eq!(shown(outcome.base.unwrap()).to_string(), "66.05");

    // The same where missing items give nothing: 49.53966 − 1.25.
    let zero = super::set(&SET.replace("exclude", "zero")).evaluate(&data);
    assert_eq!(zero.total.map(|total| shown(total).to_string()).as_deref(), Some("48.29"));
    assert_eq!(zero.known_weight, outcome.known_weight);
    // And where more has to be known.
    let strict = super::set(&SET.replace("least_weight = 50", "least_weight = 75.01")).evaluate(&data);
    assert_eq!((strict.total, strict.points), (None, outcome.points));
}

#[test]
fn every_number_is_explained_in_words() {
    let (set, scope) = (set(SET), Scope::all(november()));
    let data = counted(&calls(), &scope);
    let outcome = set.evaluate(&data);
    assert_eq!(
        total_zh(&set, &outcome),
        "有数据的指标权重合计 75，得 49.54 分，按 100 折算为 66.05 分；没有数据的权重 25 未计入，扣 1.25 分，总分 64.80"
    );
    let of = |path: &str| node_zh(&set, &outcome, set.find(path).unwrap(), &data);
    assert_eq!(of("hold"), "数据不足：没有“平均保持（秒）”（kpi.hold_s）的数据；权重 25 未计入总分");
    assert_eq!(
        of("quality.satisfied"),
        "ratio(kpi.satisfied, 0.6) = 120.00 分，已达上限 1.2 倍；权重 20，得 24.00 分"
    );
    assert_eq!(of("response"), "下级指标合计 19.11 分；权重 40，得分率 47.78");
    let satisfied = set.nodes[set.find("quality.satisfied").unwrap()].item.clone().unwrap();
    let inputs = inputs(satisfied.formula.names(), &data, &names(), &scope);
    assert_eq!(figure_zh(&inputs[0].datum), "满意率 = 3 ÷ 4 = 75.00%，另有 3 通没有数据");
    assert_eq!(inputs[0].numerator_filter.as_deref(), Some("figure:\"kpi.satisfied/yes/2026-11-01/2026-11-30\""));
}

#[test]
fn a_total_out_of_no_data_at_all_is_none() {
    for text in [
        SET.to_owned(),
        SET.replace("exclude", "zero").replace("least_weight = 50", ""),
    ] {
        let outcome = set(&text).evaluate(&Data::new());
        assert_eq!((outcome.total, outcome.base, outcome.missing_weight()), (None, None, Decimal::ONE_HUNDRED));
    }
}

#[test]
fn too_few_calls_are_told_as_such() {
    let set = set(&SET.replace("cap = 1.2", "cap = 1.2\nleast = 5"));
    let data = counted(&calls(), &Scope::all(november()));
    let outcome = set.evaluate(&data);
    let node = &outcome.nodes[set.find("quality.satisfied").unwrap()];
    assert_eq!(node.no_data, Some(NoData::Few { figure: "kpi.satisfied".into(), has: 4, least: 5 }));
    assert_eq!(
        node.no_data.as_ref().unwrap().zh(&data),
        "数据不足：“满意率”（kpi.satisfied）只有 4 通，至少需要 5 通"
    );
}

#[test]
fn a_total_never_leaves_its_bounds() {
    let plus = SET.replace("linear(kpi.ticket_on_time, 0, 1) / 100", "50").replace("most = 2\n", "most = 50\n");
    let data = data(&[
        ("kpi.connected", 1.0),
        ("kpi.asa_s", 1.0),
        ("kpi.satisfied", 1.0),
        ("finding.impatience", 0.0),
        ("kpi.hold_s", 0.0),
    ]);
    let total = |text: &str| set(text).evaluate(&data).total.map(|total| total.normalize().to_string()).unwrap();
    assert_eq!(total(SET), "100", "104 without the bound");
    assert_eq!(total(&plus), "100");
    assert_eq!(total(&SET.replace("least_weight = 50", "most = 120")), "104");
    assert_eq!(total(&plus.replace("least_weight = 50", "most = 120")), "120");
    let minus = SET.replace("10 * finding.forbidden_phrase", "500").replace("most = 1.25", "most = 100");
    assert_eq!(total(&minus), "4");
}

#[test]
fn ties_share_the_better_place_and_who_has_too_few_calls_has_none() {
    let set = set(SET);
    let group = |key: &str, connected: f64, calls: u64| Group {
        key: key.into(),
        calls,
        data: data(&[
            ("kpi.connected", connected),
            ("kpi.asa_s", 15.0),
            ("finding.impatience", 0.0),
        ]),
        without: Vec::new(),
    };
    let groups = vec![
        group("d", 0.7, 50),
        group("c", 0.9, 50),
        group("b", 0.9, 50),
        group("a", 0.95, 50),
        group("few", 0.95, 9),
        Group { key: "none".into(), calls: 50, ..Group::nothing() },
    ];
    let places = |groups: Vec<Group>| {
        let rows = rank(&set, groups, 10);
        rows.into_iter().map(|row| (row.key, row.place)).collect::<Vec<_>>()
    };
    let told = places(groups.clone());
    let expected = [
        ("a", Some(1)),
        ("b", Some(2)),
        ("c", Some(2)),
        ("d", Some(4)),
        ("few", None),
        ("none", None),
    ];
    assert_eq!(told, expected.map(|(key, place)| (key.to_owned(), place)));
    let mut turned = groups;
    turned.reverse();
    assert_eq!(places(turned), told);
}

#[test]
fn a_comparison_tells_what_each_change_is_worth() {
    let set = set(SET);
    let figures = |connected: f64| data(&[("kpi.connected", connected), ("kpi.asa_s", 15.0), ("kpi.hold_s", 20.0)]);
    let (now, mut before) = (set.evaluate(&figures(0.95)), set.evaluate(&figures(0.5)));
    let (whole, nodes) = compare(&set, &now, &before);
    let connected = nodes[set.find("response.connected").unwrap()];
    assert_eq!((connected.score, connected.points), (Some(Decimal::from(100)), Some(Decimal::from(25))));
    assert_eq!(whole.score.map(shown), Some(shown(Decimal::from(2500) / Decimal::from(65))));
    assert!(unlike(&set, &now, &before).is_empty());
    before = set.evaluate(&data(&[("kpi.connected", 0.5), ("kpi.asa_s", 15.0)]));
    assert_eq!(unlike(&set, &now, &before), [set.find("hold").unwrap()]);
}
