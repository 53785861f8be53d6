//! Tests of the scorecards: arithmetic worked out by hand, properties, mistakes in files.

use proptest::prelude::*;

use super::*;
use crate::record::{Evidence, Need, Needs, Severity, Turn};

fn scorer(cards: &[(&str, &str)], default: &str) -> Result<Scorer> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("scorecards")).unwrap();
    for (name, text) in cards {
        std::fs::write(dir.path().join("scorecards").join(name), text).unwrap();
    }
    let assets = Assets::with_overlay(dir.path()).unwrap();
    let mut catalog = Catalog::guide();
    for code in ["personal_data_read_out", "secret_asked"] {
        catalog.add(crate::finding::CodeInfo {
            code: code.to_owned(),
            title: code.to_owned(),
            level: crate::finding::Level::Turn,
            role: Role::Agent,
            taboo: None,
            severity: Severity::Minor,
        });
    }
    Scorer::new(&ScoreConfig { default_scorecard: default.to_owned() }, &assets, &catalog)
}

const CARD: &str = r#"
id = "t"
version = 3
title = "测试表"
doc = "测试"

[applies_to]
queues = ["test*"]

[[section]]
id = "a"
title = "甲"
weight = 2

[[section.item]]
id = "listening"
title = "倾听"
points = 10
cap = 6
deduct = [{ codes = ["interruption"], points = 2.5 }, { codes = ["dismissive"], points = 1 }]

[[section]]
id = "b"
title = "乙"

[[section.item]]
id = "recap"
title = "复述"
points = 20
deduct = [{ codes = ["no_recap"], points = 8 }]
na = [{ appeal_types = ["咨询"], reason = "咨询来电" }]

[[section.item]]
id = "forbidden"
title = "禁语"
points = 10
deduct = [{ codes = ["forbidden_phrase"], points = 4 }]
fatal = { codes = ["forbidden_phrase"], severity = "fatal", confidence = 0.9 }

[[section.item]]
id = "care"
title = "关怀"
points = 3
bonus = { acts = ["empathy"], turns = 1 }
"#;

fn finding(code: &str, severity: Severity, confidence: f32) -> Finding {
    Finding {
        code: code.to_owned(),
        turn: Some(0),
        role: Role::Agent,
        severity,
        confidence,
        taboo: None,
        evidence: vec![Evidence {
            turn: 0,
            start_ms: None,
            end_ms: None,
            start_char: 0,
            end_char: 1,
            quote: "您".to_owned(),
        }],
        rule: "t".to_owned(),
        explanation: "t".to_owned(),
    }
}

fn facts(appeal_type: &str) -> Facts {
    Facts {
        appeal_type: appeal_type.to_owned(),
        outcome: "follow_up".to_owned(),
        satisfaction: 3.0,
        category: Vec::new(),
        category_confidence: 0.0,
        needs: Needs {
            emotional: Need::None,
            factual: Need::None,
            emotional_turns: Vec::new(),
            factual_turns: Vec::new(),
        },
        repeat_contact: false,
        crisis: false,
        language: "zh".to_owned(),
    }
}

fn call() -> CallRecord {
    let mut record = CallRecord::new("c1");
    record.queue = Some("test-1".to_owned());
    record.turns = vec![Turn::new(Role::Agent, "您好。"), Turn::new(Role::Caller, "你好。")];
    record
}

fn score_of(findings: &[Finding], appeal_type: &str, acts: &[Act]) -> Score {
    let acts: [&[Act]; 2] = [acts, &[]];
    let scorer = scorer(&[("t.toml", CARD)], "hotline-12345").unwrap();
    scorer
        .score(&Scored { record: &call(), acts: &acts, findings, facts: &facts(appeal_type) }, true)
        .unwrap()
}

fn line<'a>(score: &'a Score, id: &str) -> &'a crate::record::ItemScore {
    score.items.iter().find(|item| item.id == id).unwrap()
}

#[test]
fn a_clean_call_gets_everything_and_no_bonus_on_top() {
    let score = score_of(&[], "投诉", &[Act::Empathy]);
    // 10 x 2 + 20 + 10.
    assert_eq!((score.potential, score.normalized, score.total), (50.0, 1.0, 100.0));
    let care = line(&score, "care");
    assert_eq!((care.awarded, care.na), (0.0, true));
    assert!(care.reason.contains("已是满分"), "{}", care.reason);
}

#[test]
fn deductions_stop_at_the_cap_and_carry_the_weight() {
    let findings = [
        finding("interruption", Severity::Minor, 0.8),
        finding("clarification_request", Severity::Minor, 0.8),
        finding("interruption", Severity::Minor, 0.8),
    ];
    let score = score_of(&findings, "投诉", &[]);
    let listening = line(&score, "listening");
    // 2 x 2.5 = 5 of at most 6, times 2 = 10 of 20.
    assert_eq!((listening.awarded, listening.potential), (10.0, 20.0));
    assert_eq!(listening.findings, [0, 2]);
    assert_eq!(listening.reason, "抢话打断 2 处，每处扣 5 分；共扣 10 分。");
    assert_eq!(score.total, 80.0);

    let more = vec![finding("interruption", Severity::Minor, 0.8); 3];
    let score = score_of(&more, "投诉", &[]);
    // 7.5 is cut at 6, times 2 = 12.
    assert_eq!(line(&score, "listening").awarded, 8.0);
    assert_eq!(line(&score, "listening").reason, "抢话打断 3 处，每处扣 5 分；按上限扣 12 分。");
    assert_eq!(score.total, 76.0);
}

#[test]
fn what_does_not_apply_leaves_the_denominator() {
    let findings = [
        finding("no_recap", Severity::Minor, 0.8),
        finding("dismissive", Severity::Minor, 0.8),
    ];
    let score = score_of(&findings, "咨询", &[]);
    let recap = line(&score, "recap");
    assert_eq!((recap.awarded, recap.potential, recap.na), (0.0, 0.0, true));
    assert_eq!(recap.reason, "不适用：咨询来电。");
    // (18 + 10) / (20 + 10)
    assert_eq!((score.potential, score.normalized, score.total), (30.0, 0.933_333, 93.3333));
    // The same finding counts where the item applies: (18 + 12 + 10) / 50.
    assert_eq!(score_of(&findings, "投诉", &[]).total, 80.0);
}

#[test]
fn a_fatal_finding_takes_all_only_when_it_is_sure() {
    let score = score_of(&[finding("forbidden_phrase", Severity::Fatal, 0.95)], "投诉", &[]);
    assert_eq!((score.total, score.fatal.as_slice()), (0.0, ["forbidden".to_owned()].as_slice()));
    assert_eq!(score.normalized, 0.8);
    assert_eq!(line(&score, "forbidden").reason, "一票否决：使用服务禁语，整通电话记 0 分。");
    for (severity, confidence) in [(Severity::Fatal, 0.7), (Severity::Major, 0.95)] {
        let score = score_of(&[finding("forbidden_phrase", severity, confidence)], "投诉", &[]);
        // 46 / 50
        assert_eq!((score.total, score.fatal.len()), (92.0, 0));
    }
}

#[test]
fn a_bonus_makes_up_for_minor_faults_only() {
    let minor = [finding("dismissive", Severity::Minor, 0.8)];
    assert_eq!(score_of(&minor, "投诉", &[]).total, 96.0);
    // 2 points were lost: 2 of the 3 are given.
    let score = score_of(&minor, "投诉", &[Act::Empathy]);
    assert_eq!((score.total, line(&score, "care").awarded), (100.0, 2.0));
    assert_eq!(line(&score, "care").reason, "共情 1 轮，加 2 分。");
    let major = [finding("dismissive", Severity::Major, 0.8)];
    let score = score_of(&major, "投诉", &[Act::Empathy]);
    assert_eq!(score.total, 96.0);
    assert!(line(&score, "care").reason.contains("较重问题 1 处"));
}

#[test]
fn the_queue_chooses_the_scorecard_else_the_default() {
    let scorer = scorer(&[("t.toml", CARD)], "bank").unwrap();
    let mut record = call();
    assert_eq!(scorer.card_for(&record).unwrap().id(), "t");
    record.queue = Some("12345-夜班".to_owned());
    assert_eq!(scorer.card_for(&record).unwrap().id(), "hotline-12345");
    record.queue = None;
    assert_eq!(scorer.card_for(&record).unwrap().id(), "bank");
    assert_eq!(scorer.version_of("t"), "t@3");
}

#[test]
fn calls_that_are_no_conversation_have_no_score() {
    let scorer = scorer(&[("t.toml", CARD)], "bank").unwrap();
    let mut unanswered = call();
    unanswered.answered = Some(false);
    let mut letter = CallRecord::new("l");
    letter.channel = "letter".to_owned();
    letter.turns = vec![Turn::new(Role::Caller, "路灯坏了。")];
    for (record, heard) in [(unanswered, true), (letter, true), (call(), false)] {
        let scored = Scored { record: &record, acts: &[], findings: &[], facts: &facts("投诉") };
        assert!(scorer.score(&scored, heard).is_none(), "{record:?}");
    }
}

#[test]
fn the_shipped_scorecards_add_up_to_a_hundred() {
    for card in scorer(&[], "bank").unwrap().iter() {
        let items = card.sections().iter().flat_map(|s| s.items.iter().map(move |i| (s.weight, i)));
        let points: f64 =
            items.filter(|(_, item)| item.bonus.is_none()).map(|(weight, item)| weight * item.points).sum();
        assert_eq!(points, 100.0, "{}", card.id());
    }
}

#[test]
fn the_scorecard_of_the_manual_loads() {
    let manual = include_str!("../../../docs/scorecards.md");
    let (_, rest) = manual.split_once("```toml\n").unwrap();
    let (block, _) = rest.split_once("\n```").unwrap();
    let scorer = scorer(&[("tax.toml", block)], "tax").unwrap();
    assert_eq!(scorer.version_of("tax"), "tax@1");
}

#[test]
fn mistakes_name_file_and_line() {
    let cases = [
        (
            "codes = [\"interruption\"]",
            "codes = [\"interuption\"]",
            "t.toml:20: unknown code `interuption`; did you mean `interruption`?",
        ),
        ("points = 2.5", "points = -1", "t.toml:20: `points` must be above 0, not -1"),
        ("cap = 6", "cap = 60", "t.toml:19: `cap` is 60, more than the item's 10 points"),
        ("weight = 2", "weight = 0", "t.toml:13: `weight` must be above 0, not 0"),
        ("id = \"recap\"", "id = \"listening\"", "t.toml:27: item `listening` is defined twice"),
        ("id = \"b\"", "id = \"a\"", "t.toml:23: section `a` is defined twice"),
        (
            "codes = [\"dismissive\"]",
            "codes = [\"no_recap\"]",
            "code `no_recap` deducts twice, in `listening` and `recap`",
        ),
        (
            "appeal_types = [\"咨询\"]",
            "appeal_types = [\"资询\"]",
            "no call is ever `资询`; did you mean `咨询`?",
        ),
        ("appeal_types = [\"咨询\"], ", "", "this `na` asks nothing"),
        ("version = 3", "versoin = 3", "t.toml:3: unknown field `versoin`, expected one of"),
        ("turns = 1", "turns = 0", "`bonus` needs `acts`"),
    ];
    for (from, to, expected) in cases {
        assert!(CARD.contains(from), "{from}");
        let error = scorer(&[("t.toml", &CARD.replacen(from, to, 1))], "bank").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let twice = scorer(&[("t.toml", CARD), ("u.toml", CARD)], "bank").unwrap_err().to_string();
    assert!(twice.contains("u.toml:2: scorecard `t` is defined in another file already"), "{twice}");
    let default = scorer(&[], "bamk").unwrap_err().to_string();
    assert!(default.contains("no scorecard `bamk`; did you mean `bank`?"), "{default}");
}

const CODES: [&str; 6] = [
    "interruption",
    "dismissive",
    "no_recap",
    "forbidden_phrase",
    "clarification_request",
    "deflection",
];

fn any_findings() -> impl Strategy<Value = Vec<Finding>> {
    let severity = prop_oneof![Just(Severity::Minor), Just(Severity::Major), Just(Severity::Fatal)];
    let one = (0..CODES.len(), severity, 0.0f32..=1.0)
        .prop_map(|(code, severity, confidence)| finding(CODES[code], severity, confidence));
    proptest::collection::vec(one, 0..8)
}

fn any_acts() -> impl Strategy<Value = Vec<Act>> {
    prop_oneof![Just(vec![]), Just(vec![Act::Empathy])]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scores_lie_between_nothing_and_all(findings in any_findings(), acts in any_acts(), asks: bool) {
        let score = score_of(&findings, if asks { "咨询" } else { "投诉" }, &acts);
        prop_assert!((0.0..=100.0).contains(&score.total));
        prop_assert!((0.0..=1.0).contains(&score.normalized));
        for item in &score.items {
            prop_assert!(item.awarded >= 0.0);
            prop_assert!(item.potential == 0.0 || item.awarded <= item.potential);
            prop_assert!(item.findings.iter().all(|&i| (i as usize) < findings.len()));
        }
        let sum: f64 = score.items.iter().map(|item| item.potential).sum();
        prop_assert!((sum - score.potential).abs() < 1e-6);
    }

    #[test]
    fn more_findings_never_raise_a_score(
        findings in any_findings(), extra in any_findings(), acts in any_acts(), asks: bool,
    ) {
        let appeal = if asks { "咨询" } else { "投诉" };
        let before = score_of(&findings, appeal, &acts);
        let after = score_of(&[findings, extra].concat(), appeal, &acts);
        prop_assert!(after.total <= before.total);
        prop_assert!(after.normalized <= before.normalized);
    }

    #[test]
    fn an_item_that_does_not_apply_changes_no_other(findings in any_findings(), acts in any_acts()) {
        let (with, without) = (score_of(&findings, "投诉", &acts), score_of(&findings, "咨询", &acts));
        for (a, b) in with.items.iter().zip(&without.items).filter(|(a, _)| !["recap", "care"].contains(&a.id.as_str())) {
            prop_assert_eq!(a, b);
        }
        prop_assert_eq!(&with.fatal, &without.fatal);
        let rest: Vec<_> = without.items.iter().filter(|item| !item.na).collect();
        let awarded: f64 = rest.iter().map(|item| item.awarded).sum();
        let potential: f64 = rest.iter().map(|item| item.potential).sum();
        prop_assert!((awarded / potential - without.normalized).abs() < 1e-5);
    }
}
