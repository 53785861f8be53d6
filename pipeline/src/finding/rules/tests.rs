//! Tests of rules as a whole: from a file to candidates.

use std::sync::OnceLock;

use proptest::prelude::*;
use qingting_models::StaticVectors;

use super::*;
use crate::config::PipelineConfig;
use crate::pipeline::Pipeline;
use crate::record::{Act, CallSignals, Mask, MaskKind, NormalizedTurn, Party, Sentiment, SentimentLabel, Turn};

/// The shipped pipeline, for the stages before the rules.
fn stages() -> &'static Pipeline {
    static STAGES: OnceLock<Pipeline> = OnceLock::new();
    STAGES.get_or_init(|| Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap())
}

/// The rules of this text beside the shipped ones.
fn rules(text: &str) -> Result<RuleSet> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("rules")).unwrap();
    std::fs::write(dir.path().join("rules/test.toml"), text).unwrap();
    let assets = Assets::with_overlay(dir.path()).unwrap();
    let encoder = StaticVectors::embedded().unwrap();
    RuleSet::load(&assets, &CueLists::load(&assets)?, encoder, &mut Catalog::guide())
}

const CODE: &str = r#"[[code]]
code = "t_code"
title = "测试"
level = "LEVEL"
role = "agent"
"#;

const HEAD: &str = r#"
[[rule]]
id = "t-rule"
version = 1
title = "测试"
doc = "测试"
code = "t_code"
confidence = 0.5
"#;

fn file(level: &str, rest: &str) -> String {
    let explanation = if rest.contains("explanation") {
        ""
    } else {
        "explanation = \"“{quote}”\"\n"
    };
    format!("{}{HEAD}{explanation}{rest}", CODE.replace("LEVEL", level))
}

/// A rule whose one condition `c` is this, on turns of the agent.
fn turn_rule(condition: &str) -> RuleSet {
    rules(&file("turn", &format!("[rule.condition.c]\nrole = \"agent\"\n{condition}\n"))).unwrap()
}

fn call(turns: &[&str]) -> CallRecord {
    let mut record = CallRecord::new("t");
    record.turns = turns.iter().map(|text| example::turn(text).unwrap()).collect();
    record
}

/// What the rule `t-rule` finds.
fn candidates(rules: &RuleSet, record: &CallRecord) -> Vec<Candidate> {
    stages().with_context(record, |context| own(rules, context))
}

fn own(rules: &RuleSet, context: &CallContext<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    rules.run(context, &mut found);
    found.retain(|candidate| candidate.rule == "t-rule");
    found
}

/// The turns that a condition of the agent's turns hits.
fn hits(condition: &str, turns: &[&str]) -> Vec<usize> {
    candidates(&turn_rule(condition), &call(turns))
        .iter()
        .filter_map(|candidate| candidate.turn)
        .collect()
}

/// The turns that a rule of several conditions hits.
fn found(rest: &str, turns: &[&str]) -> Vec<usize> {
    let rules = rules(&file("turn", rest)).unwrap();
    candidates(&rules, &call(turns)).iter().filter_map(|candidate| candidate.turn).collect()
}

#[test]
fn the_examples_of_every_shipped_rule_come_out_as_they_say() {
    let failures = stages().check_rule_examples();
    assert!(failures.is_empty(), "{failures:#?}");
    for rule in stages().finder().rules().iter() {
        assert!(rule.positive_examples > 0 && rule.negative_examples > 0, "{} lacks examples", rule.id);
    }
}

#[test]
fn the_rules_of_the_manual_load_and_their_examples_hold() {
    let manual = include_str!("../../../../docs/rules-format.md");
    let blocks: Vec<&str> = manual
        .split("```toml\n")
        .skip(1)
        .filter_map(|part| part.split_once("\n```"))
        .map(|(block, _)| block)
        .collect();
    let set = rules(&blocks.join("\n\n")).unwrap();
    for id in ["fee-not-quoted", "silence-without-a-word"] {
        assert!(
            set.iter().any(|rule| rule.id == id && rule.positive_examples > 0 && rule.negative_examples > 0),
            "{id}"
        );
    }
    let failures = set.check_examples(&|record, visit| stages().with_context(record, |context| visit(context)));
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn an_example_that_comes_out_otherwise_is_reported_with_its_line() {
    let text = file("turn", "[rule.condition.c]\nrole = \"agent\"\nkeywords = { any = [\"您\"] }\n");
    let text = format!("{text}\n[[rule.example]]\nhit = true\nturns = [\"A: 你\"]\n");
    let rules = rules(&text).unwrap();
    let failures = rules.check_examples(&|record, visit| stages().with_context(record, |context| visit(context)));
    let failure = failures.iter().find(|failure| failure.rule == "t-rule").unwrap();
    assert_eq!(failure.message, "should hit and does not");
    assert_eq!(failure.line, text.lines().position(|line| line.starts_with("turns")).unwrap() + 1);
}

#[test]
fn keywords_any_all_none_and_n_of() {
    let turns = ["A: 苹果", "A: 苹果和梨", "C: 苹果和梨", "A: 苹果和梨和桃"];
    assert_eq!(hits("keywords = { any = [\"梨\", \"桃\"] }", &turns), [1, 3]);
    assert_eq!(hits("keywords = { any = [\"梨\", \"桃\"], at_least = 2 }", &turns), [3]);
    assert_eq!(hits("keywords = { all = [\"苹果\", \"梨\"], none = [\"桃\"] }", &turns), [1]);
    assert_eq!(hits("keywords = { none = [\"梨\"] }", &turns), [0]);
    // Traditional, wide and upper case are folded like the turns.
    assert_eq!(hits("keywords = { any = [\"蘋果ＡＢ\"] }", &["A: 苹果ab"]), [0]);
}

#[test]
fn a_cue_list_is_named_with_an_at_sign() {
    assert_eq!(hits("keywords = { any = [\"@act.apology\"] }", &["A: 非常抱歉", "A: 请讲"]), [0]);
    let evidence =
        &candidates(&turn_rule("keywords = { any = [\"@act.apology\"] }"), &call(&["A: 非常抱歉"]))[0].evidence;
    assert_eq!(evidence.as_slice(), [(0, Span::new(2, 4))]);
}

#[test]
fn a_match_inside_an_excluded_one_does_not_count() {
    let condition = "regex = { pattern = '不知道', exclude = '不知道您' }";
    assert_eq!(hits(condition, &["A: 不知道您方便吗", "A: 不知道", "A: 不知道您方便吗，我不知道"]), [1, 2]);
}

#[test]
fn similar_sentences() {
    let condition = "similar = { to = [\"我们这里管不了这个\"], at_least = 0.5 }";
    let rules = turn_rule(&format!("{condition}\n"));
    let found = candidates(&rules, &call(&["A: 我们这里可管不了这个", "A: 请带上身份证"]));
    assert_eq!(found.iter().map(|c| c.turn).collect::<Vec<_>>(), [Some(0)]);
}

#[test]
fn acts_sentiment_and_masks_are_read_from_the_signals() {
    let record = call(&["A: 甲乙丙", "A: 丁戊己"]);
    let turns: Vec<NormalizedTurn> = record.turns.iter().map(|turn| stages().normalizer().text(&turn.text)).collect();
    let mut turns = turns;
    turns[1].masks.push(Mask { kind: MaskKind::IdCard, span: Span::new(1, 3), raw: Span::new(1, 3) });
    let signal = |acts: Vec<Act>, score: f32| crate::record::TurnSignals {
        rate: None,
        sentiment: Sentiment {
            label: if score < 0.0 {
                SentimentLabel::Neg
            } else {
                SentimentLabel::Neu
            },
            score,
        },
        emotion: None,
        acts,
        cues: Vec::new(),
        margins: crate::record::Margins::default(),
        deep: None,
    };
    let signals = CallSignals {
        margins: crate::record::Margins::default(),
        turns: vec![
            signal(vec![Act::Apology, Act::Probe], -0.6),
            signal(vec![Act::Probe], 0.0),
        ],
        timing: None,
    };
    let tokens = vec![Vec::new(), Vec::new()];
    let context = CallContext { record: &record, turns: &turns, tokens: &tokens, signals: &signals };
    let hits = |condition: &str| -> Vec<usize> {
        own(&turn_rule(condition), &context).iter().filter_map(|candidate| candidate.turn).collect()
    };
    assert_eq!(hits("act = { any = [\"apology\", \"recap\"] }"), [0]);
    assert_eq!(hits("act = { all = [\"probe\"], none = [\"apology\"] }"), [1]);
    assert_eq!(hits("sentiment = { label = \"neg\", below = -0.5 }"), [0]);
    assert_eq!(hits("sentiment = { above = -0.1 }"), [1]);
    assert_eq!(hits("mask = [\"id_card\"]"), [1]);
    assert_eq!(own(&turn_rule("mask = \"id_card\""), &context)[0].explanation, "“戊己”");
}

#[test]
fn position_in_the_call() {
    let turns = [
        "A 0-1000: 一二",
        "C 1000-2000: 二",
        "A 2000-3000: 三二三四",
        "C 3000-4000: 四",
        "A 9000-10000: 五二三四五六",
    ];
    assert_eq!(hits("first_turns = 2", &turns), [0, 2]);
    assert_eq!(hits("last_turns = 1", &turns), [4]);
    assert_eq!(hits("first_ms = 2500", &turns), [0, 2]);
    assert_eq!(hits("last_ms = 500", &turns), [4]);
    assert_eq!(hits("percent = [0, 50]", &turns), [0, 2]);
    assert_eq!(hits("percent = [60, 100]", &turns), [4]);
    assert_eq!(hits("min_chars = 3\nmax_chars = 5", &turns), [2]);
    assert_eq!(hits("first_turns = 9\nmin_hits = 4", &turns), [0usize; 0]);
}

/// Condition `b` anchored to `a`, both of any role; `b` is the evidence.
fn anchored(anchor: &str, turns: &[&str]) -> Vec<usize> {
    let rest = format!(
        "when = \"b\"\non = \"b\"\n[rule.condition.a]\nkeywords = {{ any = [\"甲\"] }}\n\
         [rule.condition.b]\nrole = \"agent\"\nkeywords = {{ any = [\"乙\"] }}\nanchor = {{ to = \"a\", {anchor} }}\n"
    );
    found(&rest, turns)
}

#[test]
fn anchored_before_after_around_and_current() {
    let turns = ["A: 乙", "C: 甲", "A: 乙", "A: 乙", "C: 甲", "A: 乙"];
    assert_eq!(anchored("where = \"after\"", &turns), [2, 3, 5]);
    assert_eq!(anchored("where = \"after\", turns = 1", &turns), [2, 5]);
    assert_eq!(anchored("where = \"after\", turns = [2, 2]", &turns), [3]);
    assert_eq!(anchored("where = \"after\", nth = 2", &turns), [5]);
    assert_eq!(anchored("where = \"after\", nth = \"last\"", &turns), [5]);
    assert_eq!(anchored("where = \"before\", nth = \"first\"", &turns), [0]);
    assert_eq!(anchored("where = \"before\", nth = \"last\", turns = 1", &turns), [3]);
    assert_eq!(anchored("where = \"around\", nth = \"first\", turns = 1", &turns), [0, 2]);
    assert_eq!(anchored("where = \"around\", turns = [1, 0]", &turns), [0, 3]);
    assert_eq!(anchored("where = \"after\", nth = \"every\", turns = 1", &turns), [2, 5]);
    assert_eq!(anchored("where = \"before\", nth = \"every\", turns = 1", &turns), [0, 3]);
    assert_eq!(anchored("where = \"after\", nth = \"every\", turns = [2, 2]", &turns), [0usize; 0]);
    assert_eq!(anchored("where = \"after\", nth = 3", &turns), [0usize; 0]);
    assert_eq!(anchored("where = \"current\"", &["A: 甲乙", "A: 乙"]), [0]);
}

#[test]
fn within_one_turn_the_words_decide_what_came_first() {
    assert_eq!(anchored("where = \"after\", turns = [0, 1]", &["A: 甲乙", "A: 甲", "A: 乙"]), [0, 2]);
    assert_eq!(anchored("where = \"after\", turns = [0, 0]", &["A: 乙甲"]), [0usize; 0]);
    assert_eq!(anchored("where = \"before\", turns = [0, 0]", &["A: 乙甲"]), [0]);
}

#[test]
fn anchored_within_milliseconds() {
    let turns = ["C 0-1000: 甲", "A 2000-3000: 乙", "A 9000-9500: 乙"];
    assert_eq!(anchored("where = \"after\", ms = 1000", &turns), [1]);
    assert_eq!(anchored("where = \"after\", ms = 8000", &turns), [1, 2]);
    assert_eq!(anchored("where = \"after\", ms = 8000", &["C: 甲", "A: 乙"]), [0usize; 0]);
}

#[test]
fn a_hit_near_what_makes_it_harmless_does_not_count() {
    let rest = "when = \"a\"\non = \"a\"\n[rule.condition.b]\nkeywords = { any = [\"乙\"] }\n\
                [rule.condition.a]\nrole = \"agent\"\nkeywords = { any = [\"甲\"] }\n\
                unless = [{ condition = \"b\", where = \"after\", turns = 2 }]\n";
    assert_eq!(found(rest, &["A: 甲", "C: 好", "A: 乙", "A: 甲"]), [3]);
    assert_eq!(found(rest, &["A: 甲", "C: 好", "A: 好", "A: 乙"]), [0]);
}

#[test]
fn overlap_silence_and_rate() {
    let turns = [
        "A 0-4000: 您好这里是热线请讲",
        "C 4500-9000: 我要说的是小区里面的那个",
        "A 6000-9500: 小区哪个小区",
        "A 21000-22000: 刚才在查您那个小区的情况",
    ];
    assert_eq!(hits("overlap = { over_ms = 2000 }", &turns), [2]);
    assert_eq!(hits("overlap = { over_ms = 3000 }", &turns), [0usize; 0]);
    assert_eq!(hits("overlap = { over_ms = 2000, with = \"bot\" }", &turns), [0usize; 0]);
    assert_eq!(hits("overlap = { over_ms = 2000, delay_ms = 2000 }", &turns), [0usize; 0]);
    assert_eq!(hits("overlap = { over_ms = 2000 }\nmin_chars = 20", &turns), [0usize; 0]);
    assert_eq!(hits("silence = { over_ms = 11000, next = \"agent\" }", &turns), [2]);
    assert_eq!(hits("silence = { over_ms = 11000, next = \"caller\" }", &turns), [0usize; 0]);
    assert_eq!(hits("rate = { over = 9 }", &turns), [3]);
    assert_eq!(hits("rate = { under = 2 }", &turns), [2]);
    // The average holds for the call; it is shown where it is heard best.
    assert_eq!(hits("rate = { over = 2.5, average = true }", &turns), [3]);
    assert_eq!(hits("rate = { over = 8, average = true }", &turns), [0usize; 0]);
    let text = file(
        "turn",
        "explanation = \"{seconds} 秒、{ms} 毫秒\"\n[rule.condition.c]\nrole = \"agent\"\nsilence = { over_ms = 11000 }\n",
    );
    assert_eq!(candidates(&rules(&text).unwrap(), &call(&turns))[0].explanation, "11.5 秒、11500 毫秒");
}

#[test]
fn what_was_not_recorded_fires_neither_way() {
    let rule = |when: &str, condition: &str| {
        file(
            "call",
            &format!(
                "when = \"{when}\"\non = \"any\"\n[rule.condition.any]\nrole = \"agent\"\n[rule.condition.x]\n{condition}\n"
            ),
        )
    };
    let untimed = call(&["A: 您好", "C: 你好"]);
    let timed = call(&["A 0-900: 您好", "C 1000-1500: 你好"]);
    let silence = "silence = { over_ms = 5000 }";
    for (when, condition, record, expected) in [
        ("any && x", silence, &untimed, 0),
        ("any && !x", silence, &untimed, 0),
        ("any && !x", silence, &timed, 1),
        ("any || !x", silence, &untimed, 1),
        ("any && x", "call = { hangup_by = \"agent\" }", &untimed, 0),
        ("any && !x", "call = { hangup_by = \"agent\" }", &untimed, 0),
        ("any && !x", "call = { queue = \"q*\" }", &untimed, 0),
        ("any && !x", "call = { attributes = { vip = \"yes\" } }", &untimed, 1),
    ] {
        let found = candidates(&rules(&rule(when, condition)).unwrap(), record).len();
        assert_eq!(found, expected, "{when} with {condition}");
    }
}

#[test]
fn what_was_recorded_about_the_call() {
    let mut record = call(&["A 0-900: 您好", "C 1000-1500: 你好"]);
    record.queue = Some("12345-夜班".to_owned());
    record.hangup_by = Some(Party::Agent);
    record.wait_ms = Some(70_000);
    record.rating = Some(2);
    record.attributes.insert("区县".to_owned(), "城东".to_owned());
    let holds = |test: &str| {
        let rest = format!(
            "when = \"any && x\"\non = \"any\"\n[rule.condition.any]\nrole = \"agent\"\n[rule.condition.x]\ncall = {{ {test} }}\n"
        );
        !candidates(&rules(&file("call", &rest)).unwrap(), &record).is_empty()
    };
    assert!(holds("queue = [\"x\", \"12345*\"], hangup_by = [\"agent\", \"system\"], channel = \"phone\""));
    assert!(holds(
        "direction = \"inbound\", wait_over_ms = 60000, rating_under = 3, turns_under = 3, turns_over = 1"
    ));
    assert!(holds("duration_over_ms = 1000, duration_under_ms = 2000, attributes = { \"区县\" = \"城?\" }"));
    assert!(!holds("direction = \"outbound\""));
    assert!(!holds("queue = \"bank*\""));
    assert!(!holds("attributes = { \"区县\" = \"城西\" }"));
}

#[test]
fn repetition_of_own_words() {
    let turns = [
        "A: 这个要等街道答复",
        "C: 这个要等街道答复",
        "A: 这个要等街道的答复",
        "A: 好的",
        "A: 好的",
        "A: 这个要等街道答复啊",
    ];
    assert_eq!(hits("repeats = {}", &turns), [2, 5]);
    assert_eq!(hits("repeats = { nth = 2 }", &turns), [5]);
    assert_eq!(hits("repeats = { within = 1, min_chars = 2 }", &turns), [2, 4]);
    assert_eq!(hits("repeats = { except = [\"街道\"] }", &turns), [0usize; 0]);
    assert_eq!(hits("repeats = { at_least = 0.95 }", &turns), [0usize; 0]);
}

#[test]
fn a_rule_on_the_call_is_one_finding_with_the_hits_as_evidence() {
    let rest = "explanation = \"{count} 处，先是“{quote}”\"\n[rule.condition.c]\nrole = \"agent\"\nkeywords = { any = [\"乙\"] }\n";
    let found = candidates(&rules(&file("call", rest)).unwrap(), &call(&["A: 甲乙", "C: 乙", "A: 乙"]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].turn, None);
    assert_eq!(found[0].evidence, [(0, Span::new(1, 2)), (2, Span::new(0, 1))]);
    assert_eq!(found[0].explanation, "2 处，先是“乙”");
}

#[test]
fn what_was_not_said_is_shown_on_the_first_words() {
    let rest = "when = \"!c\"\non = \"c\"\nexplanation = \"只说了“{quote}”\"\n[rule.condition.c]\nrole = \"agent\"\nkeywords = { any = [\"乙\"] }\n";
    let found = candidates(&rules(&file("call", rest)).unwrap(), &call(&["C: 喂", "A: 您好"]));
    assert_eq!(found[0].evidence, [(1, Span::new(0, 2))]);
    assert_eq!(found[0].explanation, "只说了“您好”");
}

/// The error of a rule file with this text after its head, from the line number on.
fn mistake(level: &str, rest: &str) -> String {
    let error = rules(&file(level, rest)).unwrap_err().to_string();
    error.split_once("test.toml:").map_or(error.clone(), |(_, tail)| tail.to_owned())
}

#[test]
fn mistakes_name_file_line_and_what_would_be_right() {
    let agent = "[rule.condition.c]\nrole = \"agent\"\n";
    let with = |rest: &str| mistake("turn", &format!("{agent}{rest}\n"));
    for (error, expected) in [
        (with("keyword = 1"), "17: unknown field `keyword`, expected one of"),
        (with("keywords = { any = [\"@act.apolgy\"] }"), "17: unknown cue list `@act.apolgy`"),
        (
            with("keywords = { any = [\"甲\"], at_least = 2 }"),
            "17: `at_least` must be from 1 to the number of phrases",
        ),
        (with("keywords = { any = [\"\"] }"), "17: an empty phrase"),
        (with("regex = { pattern = '(甲' }"), "17: bad regex `(甲`: unclosed group"),
        (with("regex = { pattern = '甲*' }"), "17: the regex `甲*` matches the empty text"),
        (with("act = { any = [\"apologize\"] }"), "17: unknown act `apologize`; did you mean `apology`?"),
        (with("mask = \"idcard\""), "17: unknown kind of personal data `idcard`; did you mean `id_card`?"),
        (with("rate = {}"), "17: `rate` needs `over` or `under`"),
        (with("percent = [50, 20]"), "17: `percent` must be [from, to]"),
        (with("similar = { to = [\"甲\"], at_least = 2.0 }"), "17: `at_least` must be from 0 to 1"),
        (with("anchor = { to = \"d\", where = \"after\" }"), "17: unknown condition `d`; there are `c`"),
        (with("anchor = { to = \"c\", where = \"after\", nth = \"secnd\" }"), "expected \"any\", \"every\""),
        (
            with("anchor = { to = \"c\", where = \"after\" }"),
            "15: conditions c wait for each other's hits in a circle",
        ),
        (
            with("[rule.condition.d]\nrole = \"agent\""),
            "8: rule `t-rule` has several conditions and no `when`",
        ),
        (
            mistake("turn", "when = \"c && d\"\n[rule.condition.c]\nrole = \"agent\"\n"),
            "15: unknown condition `d` in `when`",
        ),
        (
            mistake("turn", "when = \"c &&\"\n[rule.condition.c]\nrole = \"agent\"\n"),
            "15: expected a condition",
        ),
        (
            mistake("turn", "on = \"d\"\n[rule.condition.c]\nrole = \"agent\"\n"),
            "15: unknown condition `d` in `on`",
        ),
        (
            mistake("turn", "[rule.condition.c]\nkeywords = { any = [\"甲\"] }\n"),
            "8: code `t_code` stands on turns of the agent",
        ),
        (
            mistake("call", "[rule.condition.c]\ncall = { queue = \"x\" }\n"),
            "8: condition `c` asks about the call alone",
        ),
        (mistake("call", "[rule.condition.c]\nmin_hits = 2\n"), "15: condition `c` asks nothing"),
        (
            mistake("turn", "explanation = \"{quot}\"\n[rule.condition.c]\nrole = \"agent\"\n"),
            "14: unknown placeholder `{quot}`",
        ),
        (
            mistake("turn", "explanation = \"{ms}\"\n[rule.condition.c]\nrole = \"agent\"\n"),
            "14: the explanation uses Ms",
        ),
        (
            mistake(
                "turn",
                "when = \"c\"\non = \"c\"\n[rule.condition.c]\nrole = \"agent\"\n[rule.condition.d]\nrole = \"agent\"\n",
            ),
            "19: condition `d` is used nowhere",
        ),
    ] {
        assert!(error.starts_with(expected) || error.contains(expected), "{error}\nexpected {expected}");
    }
    let plain = file("turn", agent);
    for (from, to, expected) in [
        (
            "code = \"t_code\"\nconfidence",
            "code = \"t_cod\"\nconfidence",
            "12: unknown code `t_cod`; did you mean `t_code`?",
        ),
        ("confidence = 0.5", "confidence = 1.5", "13: `confidence` must be above 0"),
        (
            "[[code]]\ncode = \"t_code\"",
            "[[code]]\ncode = \"impatience\"",
            "2: code `impatience` is defined already",
        ),
        ("id = \"t-rule\"", "id = \"no-staff-id\"", "8: rule `no-staff-id` is defined twice"),
        ("doc = \"测试\"", "", "missing field `doc`"),
    ] {
        assert!(plain.contains(from), "{from}");
        let error = rules(&plain.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nexpected {expected}");
    }
}

#[test]
fn circles_of_anchors_are_refused() {
    let rest = "when = \"a\"\non = \"a\"\n[rule.condition.a]\nrole = \"agent\"\nanchor = { to = \"b\", where = \"after\" }\n\
                [rule.condition.b]\nrole = \"agent\"\nunless = [{ condition = \"a\", where = \"before\" }]\n";
    assert!(mistake("turn", rest).contains("conditions a, b wait for each other's hits in a circle"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The shipped rules, those not enabled too, on calls of any shape.
    #[test]
    fn rules_never_panic_and_their_evidence_lies_in_the_text(
        turns in proptest::collection::vec(
            (0usize..3, "[您你好稍等谢查系统卡0-9，。 a-zé😀]{0,30}", 0u64..60_000, 0u64..20_000), 0..8,
        ),
        timed: bool,
    ) {
        let roles = [Role::Agent, Role::Caller, Role::Other];
        let mut record = CallRecord::new("p");
        record.turns = turns.into_iter().map(|(role, text, start, length)| match timed {
            true => Turn::timed(roles[role], start, start + length, text),
            false => Turn::new(roles[role], text),
        }).collect();
        record.turns.sort_by_key(|turn| turn.start_ms);
        stages().with_context(&record, |context| {
            let set = stages().finder().rules();
            let scan = Scan::new(context, &set.phrases, &*set.encoder);
            let mut found = Vec::new();
            for rule in &set.rules {
                rule.run(&scan, &mut found);
            }
            for candidate in found {
                prop_assert!(!candidate.evidence.is_empty());
                for (turn, span) in candidate.evidence {
                    prop_assert!(span.end as usize <= context.turns[turn].text.chars().count());
                }
            }
            Ok(())
        })?;
    }
}
