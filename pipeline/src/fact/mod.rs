//! Facts of the call as a whole: appeal type, outcome, predicted satisfaction, needs,
//! category, language, and the conduct of a call with a demand. Reads signals and findings; adds no finding of its own.

mod category;
mod conduct;
mod features;
mod language;
mod model;
mod need;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::category::{Branch, Category, CategoryReader, Taxonomy};
use self::features::{appeal, outcome, satisfaction};
use self::model::{Choice, Regression, Weights};
use crate::Result;
use crate::assets::Assets;
use crate::learned::{Learned, Ready};
use crate::record::{CallContext, Conduct, Facts, Finding};
use crate::segment::Segmenter;

/// The six appeal types, in the order in which a tie is decided.
const APPEAL_TYPES: [&str; 6] = ["投诉", "求助", "咨询", "举报", "建议", "表扬"];
/// The three outcomes, in the order in which a tie is decided.
const OUTCOMES: [&str; 3] = ["follow_up", "resolved", "unresolved"];

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FactConfig {
    /// The tree of categories: a file of `config/taxonomy/` without its ending.
    pub taxonomy: String,
    /// Least probability of a category, at each level, for the call to be put there; 0 to 1.
    pub category_confidence: f32,
}

impl Default for FactConfig {
    fn default() -> Self {
        Self { taxonomy: "12345".to_owned(), category_confidence: 0.35 }
    }
}

/// The stage.
#[derive(Debug)]
pub struct FactFinder {
    appeal: Choice,
    outcome: Choice,
    satisfaction: Regression,
    categories: CategoryReader,
    judges: [Vec<Ready>; 2],
}

/// The numbers behind the judgements of appeal type and outcome on one call, for training them.
#[derive(Debug, Clone, PartialEq)]
pub struct FactFeatures {
    /// In the order of [`appeal_features`].
    pub appeal: Vec<f32>,
    /// In the order of [`outcome_features`].
    pub outcome: Vec<f32>,
}

/// What a judgement of an appeal type looks at: the head of every type, then what the weighed cues
/// say of it.
pub fn appeal_features() -> Vec<String> {
    class_features(&APPEAL_TYPES)
}

/// The same of an outcome.
pub fn outcome_features() -> Vec<String> {
    class_features(&OUTCOMES)
}

/// Name of the judgement of a class, and of the head below it: `appeal.咨询`, `outcome.resolved`.
pub fn class_name(kind: &str, class: &str) -> String {
    format!("{kind}.{class}")
}

fn class_features(classes: &[&str]) -> Vec<String> {
    ["head", "cues"]
        .iter()
        .flat_map(|kind| classes.iter().map(move |class| format!("{kind}.{class}")))
        .collect()
}

impl FactFinder {
    /// Loads the lexicons.
    ///
    /// # Errors
    /// When a lexicon is wrong, or a judgement does not fit this version.
    pub fn new(config: &FactConfig, assets: &Assets, learned: &Learned, segmenter: &Arc<Segmenter>) -> Result<Self> {
        let weights = Weights::load(assets)?;
        let judges = |kind: &str, classes: &[&str], names: Vec<String>| -> Result<Vec<Ready>> {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let ready = classes.iter().map(|class| learned.judge(&class_name(kind, class), &names));
            // A type that nobody was trained for would never win: then the cues decide alone.
            Ok(ready.collect::<Result<Option<Vec<_>>>>()?.unwrap_or_default())
        };
        Ok(Self {
            appeal: weights.choice("appeal", &APPEAL_TYPES, &features::names(appeal))?,
            outcome: weights.choice("outcome", &OUTCOMES, &features::names(outcome))?,
            satisfaction: weights.regression(&features::names(satisfaction))?,
            categories: CategoryReader::load(config, assets, learned, segmenter)?,
            judges: [
                judges("appeal", &APPEAL_TYPES, appeal_features())?,
                judges("outcome", &OUTCOMES, outcome_features())?,
            ],
        })
    }

    /// The six steps of a call with a demand; `None` for other calls.
    pub fn conduct(&self, context: &CallContext<'_>, findings: &[Finding], facts: &Facts) -> Option<Conduct> {
        conduct::conduct(context, findings, facts)
    }

    /// The facts of one call.
    pub fn run(&self, context: &CallContext<'_>, findings: &[Finding]) -> Facts {
        let view = features::View::new(context, findings);
        let numbers = self.numbers(context, &view);
        let appeal_type = choose(&self.appeal, &self.judges[0], &numbers.appeal);
        let outcome = choose(&self.outcome, &self.judges[1], &numbers.outcome);
        let category = self.categories.call(context);
        Facts {
            appeal_type: appeal_type.to_owned(),
            outcome: outcome.to_owned(),
            satisfaction: self.satisfied(&view),
            category: category.path,
            category_confidence: (category.confidence * 1000.0).round() / 1000.0,
            needs: need::needs(context, findings, appeal_type, outcome),
            repeat_contact: findings.iter().any(|f| f.code == "repeat_contact"),
            crisis: findings.iter().any(|f| f.code == "crisis"),
            language: language::of(context),
        }
    }
}

impl FactFinder {
    /// The facts of a call whose findings have changed, and nothing else: appeal type, outcome, category and language
    /// read none.
    pub fn again(&self, context: &CallContext<'_>, findings: &[Finding], before: &Facts) -> Facts {
        Facts {
            satisfaction: self.satisfied(&features::View::new(context, findings)),
            needs: need::needs(context, findings, &before.appeal_type, &before.outcome),
            repeat_contact: findings.iter().any(|f| f.code == "repeat_contact"),
            crisis: findings.iter().any(|f| f.code == "crisis"),
            ..before.clone()
        }
    }

    /// 1 to 5, two decimals.
    fn satisfied(&self, view: &features::View<'_>) -> f32 {
        let rating = self.satisfaction.predict(&features::values(satisfaction, view));
        (rating.clamp(1.0, 5.0) * 100.0).round() / 100.0
    }

    /// The numbers behind the judgements.
    pub fn features(&self, context: &CallContext<'_>, findings: &[Finding]) -> FactFeatures {
        self.numbers(context, &features::View::new(context, findings))
    }

    fn numbers(&self, context: &CallContext<'_>, view: &features::View<'_>) -> FactFeatures {
        let margins = &context.signals.margins;
        let join = |kind: &str, classes: &[&str], sums: Vec<f32>| {
            let heads = classes.iter().map(|class| margins.get(&class_name(kind, class)));
            heads.chain(sums).collect()
        };
        FactFeatures {
            appeal: join("appeal", &APPEAL_TYPES, self.appeal.sums(&features::values(appeal, view))),
            outcome: join("outcome", &OUTCOMES, self.outcome.sums(&features::values(outcome, view))),
        }
    }
}

/// The class of the highest probability, or where nothing was trained of the highest sum of cues.
fn choose(cues: &Choice, judges: &[Ready], numbers: &[f32]) -> &'static str {
    if judges.is_empty() {
        cues.pick(&numbers[numbers.len() / 2..])
    } else {
        cues.pick(&judges.iter().map(|judge| judge.probability(numbers)).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::normalize::{NormalizeConfig, Normalizer};
    use crate::record::{
        CallMargins, CallRecord, ConductStep, Evidence, Margins, Need, Role, Severity, StepStatus, Turn,
    };
    use crate::segment::SegmentConfig;
    use crate::signal::{SignalConfig, Signaler};

    fn segmenter() -> Arc<Segmenter> {
        Arc::new(Segmenter::new(&SegmentConfig::default(), &Assets::embedded()).unwrap())
    }

    struct Stages {
        normalizer: Normalizer,
        signaler: Signaler,
        facts: FactFinder,
    }

    static STAGES: LazyLock<Stages> = LazyLock::new(|| {
        let assets = Assets::embedded();
        Stages {
            normalizer: Normalizer::new(&NormalizeConfig::default(), &assets).unwrap(),
            signaler: Signaler::new(&SignalConfig::default(), &assets, &Learned::default()).unwrap(),
            facts: FactFinder::new(&FactConfig::default(), &assets, &Learned::default(), &segmenter()).unwrap(),
        }
    });

    fn facts(turns: &[(Role, &str)], codes: &[&str]) -> Facts {
        judged(turns, codes).0
    }

    fn judged(turns: &[(Role, &str)], codes: &[&str]) -> (Facts, Option<Conduct>) {
        let mut record = CallRecord::new("t");
        record.turns = turns.iter().map(|(role, text)| Turn::new(*role, *text)).collect();
        let turns = STAGES.normalizer.call(&record);
        let tokens = vec![Vec::new(); turns.len()];
        let margins = CallMargins { turns: vec![Margins::default(); turns.len()], ..Default::default() };
        let signals = STAGES.signaler.run(&record, &turns, margins);
        let context = CallContext { record: &record, turns: &turns, tokens: &tokens, signals: &signals };
        let finding = |code: &&str| Finding {
            code: (*code).to_owned(),
            turn: None,
            role: if matches!(*code, "crisis" | "repeat_contact") {
                Role::Caller
            } else {
                Role::Agent
            },
            severity: Severity::Minor,
            confidence: 1.0,
            taboo: None,
            evidence: Vec::<Evidence>::new(),
            rule: String::new(),
            explanation: String::new(),
        };
        let findings: Vec<Finding> = codes.iter().map(finding).collect();
        let facts = STAGES.facts.run(&context, &findings);
        let conduct = STAGES.facts.conduct(&context, &findings, &facts);
        (facts, conduct)
    }

    /// `receive done`, `calm missed` ... of a call.
    fn steps(conduct: &Conduct) -> Vec<(ConductStep, StepStatus)> {
        conduct.steps.iter().map(|result| (result.step, result.status)).collect()
    }

    use Role::{Agent, Caller};

    #[test]
    fn a_question_answered() {
        let facts = facts(
            &[
                (Agent, "您好，医保热线，请问有什么可以帮您"),
                (Caller, "你好，我想咨询一下异地备案怎么办理，要带什么材料"),
                (Agent, "不用跑窗口，手机上就可以备案，带好身份证，当天生效"),
                (Caller, "哦，那报销比例是多少"),
                (Agent, "备案以后按百分之七十五报销，和本地一样"),
                (Caller, "明白了，讲得真清楚，谢谢你啊姑娘"),
                (Agent, "不客气，感谢您的来电，再见"),
            ],
            &[],
        );
        assert_eq!((facts.appeal_type.as_str(), facts.outcome.as_str()), ("咨询", "resolved"));
        assert!(facts.satisfaction > 3.5, "{}", facts.satisfaction);
        assert_eq!((facts.needs.emotional, facts.needs.factual), (Need::None, Need::Met));
        assert_eq!(facts.language, "zh");
    }

    /// A complaint that the agent pushes away.
    const PUSHED: [(Role, &str); 7] = [
        (Agent, "喂，说吧"),
        (Caller, "我要投诉楼下的烧烤摊，油烟呛得没法住，我都打了四回了，没人管！"),
        (Agent, "这个不归我们管，您找城管"),
        (Caller, "你们就会踢皮球！凭什么让我们老百姓跑来跑去"),
        (Agent, "我们也没办法，您自己打电话吧"),
        (Caller, "算了，跟你说不通，我找电视台去"),
        (Agent, "随便您"),
    ];

    #[test]
    fn a_complaint_pushed_away() {
        let facts = facts(&PUSHED, &["deflection", "repeat_contact"]);
        assert_eq!((facts.appeal_type.as_str(), facts.outcome.as_str()), ("投诉", "unresolved"));
        assert!(facts.satisfaction < 2.0, "{}", facts.satisfaction);
        assert_eq!((facts.needs.emotional, facts.needs.factual), (Need::Unmet, Need::Unmet));
        assert!(facts.repeat_contact && !facts.crisis);
        assert!(facts.needs.emotional_turns.contains(&1), "{:?}", facts.needs);
        assert!(facts.needs.factual_turns.contains(&2), "{:?}", facts.needs);
    }

    #[test]
    fn the_six_steps_of_a_complaint_pushed_away_are_missed_with_their_turns() {
        let conduct = judged(&PUSHED, &["deflection", "repeat_contact"]).1.unwrap();
        use ConductStep::{Agree, Calm, FindOut, FollowUp, Receive, Resolve};
        let expected = [Receive, Calm, FindOut, Resolve, Agree, FollowUp].map(|step| (step, StepStatus::Missed));
        assert_eq!(steps(&conduct), expected);
        for result in &conduct.steps {
            assert!(result.turns.iter().all(|&turn| (turn as usize) < PUSHED.len()));
            assert!(result.reason.ends_with('。'));
        }
        assert!(conduct.steps[1].turns.contains(&1), "{:?}", conduct.steps[1]);
    }

    #[test]
    fn the_six_steps_of_a_complaint_well_conducted_are_done() {
        let turns = [
            (Agent, "您好，市民热线，请问有什么可以帮您？"),
            (Caller, "我要投诉楼下的烧烤摊，油烟呛得没法住，气死我了，我都打了四回了，没人管！"),
            (Agent, "打了四回还没解决，换谁都着急，实在抱歉。烧烤摊在哪条街，几点出摊？"),
            (Caller, "槐安街二十号楼下，天天晚上六点到半夜，烦死了。"),
            (Agent, "我跟您核对一下，槐安街二十号楼下，每晚六点到半夜，油烟扰民，对吗？"),
            (Caller, "对，就是这样。"),
            (Agent, "我已经登记工单转给城管，三个工作日内会有人给您回电话。"),
            (Caller, "好的，那我等，谢谢你。"),
            (Agent, "感谢您的来电，再见。"),
        ];
        let (facts, conduct) = judged(&turns, &[]);
        assert_eq!(facts.appeal_type, "投诉");
        let conduct = conduct.unwrap();
        assert!(conduct.steps.iter().all(|result| result.status == StepStatus::Done), "{conduct:?}");
        assert_eq!(facts.needs.emotional, Need::Met);
        assert_eq!(facts.needs.emotional_turns, [2]);
    }

    #[test]
    fn only_a_demand_has_conduct_and_a_calm_caller_needs_no_calming() {
        let question = [
            (Agent, "您好，医保热线，请问有什么可以帮您"),
            (Caller, "你好，我想咨询一下异地备案怎么办理，要带什么材料"),
            (Agent, "手机上就可以备案，带好身份证，当天生效"),
            (Caller, "明白了，谢谢"),
        ];
        let (facts, conduct) = judged(&question, &[]);
        assert_eq!((facts.appeal_type.as_str(), conduct), ("咨询", None));
        let calm = [
            (Agent, "您好，请问有什么可以帮您？"),
            (Caller, "我家门口的路灯坏了，麻烦你们派人来修一下。"),
            (Agent, "路灯在哪条路，几号杆？"),
            (Caller, "北园路，三号杆。"),
            (Agent, "好，北园路三号杆，我登记派单，两天内有师傅上门。"),
            (Caller, "好的，谢谢。"),
        ];
        let conduct = judged(&calm, &[]).1.unwrap();
        assert!(steps(&conduct).contains(&(ConductStep::Calm, StepStatus::NotNeeded)), "{conduct:?}");
    }

    #[test]
    fn faults_that_were_found_lower_the_satisfaction() {
        let calm = [
            (Agent, "您好"),
            (Caller, "查一下进度"),
            (Agent, "在审核，五个工作日内短信通知您"),
            (Caller, "好"),
        ];
        let (clean, faulty) = (facts(&calm, &[]), facts(&calm, &["no_recap", "passive_service"]));
        assert!(faulty.satisfaction < clean.satisfaction);
        assert_eq!(
            faulty.satisfaction,
            facts(&calm, &["no_recap", "passive_service", "no_recap", "crisis"]).satisfaction
        );
    }

    #[test]
    fn a_call_without_a_word_has_facts() {
        let facts = facts(&[], &["crisis"]);
        assert!((1.0..=5.0).contains(&facts.satisfaction));
        assert!(facts.crisis);
        assert_eq!((facts.needs.factual, facts.language.as_str()), (Need::None, "und"));
    }

    #[test]
    fn a_weight_for_an_unknown_feature_names_its_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("lexicon")).unwrap();
        let file = dir.path().join("lexicon/facts.toml");
        let load = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let assets = Assets::with_overlay(dir.path()).unwrap();
            FactFinder::new(&FactConfig::default(), &assets, &Learned::default(), &segmenter())
                .unwrap_err()
                .to_string()
        };
        let error = load("[appeal]\n[outcome]\n[satisfaction]\nbias = 3\nmoon = 1.0\n");
        assert!(error.ends_with("facts.toml:5: `moon`: no feature of that name"), "{error}");
        let error = load("[appeal.\"闲聊\"]\nbias = 3\n[outcome]\n[satisfaction]\n");
        assert!(error.ends_with("facts.toml:1: `闲聊`: `appeal` has no class of that name"), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_text_has_facts_in_range(texts in prop::collection::vec("(\\PC|投诉|算了|谢谢|，){0,14}", 0..8)) {
            let turns: Vec<_> =
                texts.iter().enumerate().map(|(i, t)| (if i % 2 == 0 { Caller } else { Agent }, t.as_str())).collect();
            let facts = facts(&turns, &[]);
            prop_assert!((1.0..=5.0).contains(&facts.satisfaction));
            prop_assert!(APPEAL_TYPES.contains(&facts.appeal_type.as_str()));
            prop_assert!(OUTCOMES.contains(&facts.outcome.as_str()));
        }
    }
}
