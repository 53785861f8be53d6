//! Sentiment of every turn: the feeling that the words express, not the topic. Owns the
//! reading of `config/lexicon/sentiment.toml` and the way its evidence is added up; the
//! phrases and how much they weigh are in that file.
//!
//! Each turn gets two probabilities, of a positive and of a negative feeling. Evidence is
//! what the phrases say (turned round by a negation before them, scaled by a degree word),
//! how it is said (exclamation, length, particles, place in the call) and what went before:
//! the caller's mood so far and the agent's last turn.

use serde::Deserialize;

use super::shape::units;
use crate::assets::{Asset, Assets, parse_toml};
use crate::phrases::Phrases;
use crate::record::{CallRecord, NormalizedTurn, Role, Sentiment, SentimentLabel};
use crate::{Error, Result};

const FILE: &str = "lexicon/sentiment.toml";
/// Most that the hits of one group may count in a turn.
const GROUP_CAP: f32 = 3.0;
/// Longest word before a phrase that is looked at, in characters.
const WINDOW: usize = 4;
/// How fast the caller's mood follows the latest turn.
const MOOD_PACE: f32 = 0.4;
/// How many turns at the start count as the opening, and at the end as the ending.
const OPENING: usize = 3;
const ENDING: usize = 4;
/// Spoken units up to which a turn is short, at which its length stops counting, and that make a
/// length of 1.
const SHORT: usize = 4;
const LONG: usize = 80;
const LENGTH_UNIT: f32 = 40.0;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    threshold: Thresholds,
    negations: Vec<String>,
    degrees: std::collections::BTreeMap<String, f32>,
    group: Vec<Group>,
    shape: Vec<Shape>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    caller: f32,
    agent: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: toml::Spanned<String>,
    /// Read by people only.
    #[allow(dead_code)]
    title: String,
    role: Option<Party>,
    positive: f32,
    negative: f32,
    phrases: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    feature: Feature,
    /// Read by people only.
    #[allow(dead_code)]
    title: String,
    role: Party,
    positive: f32,
    negative: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Party {
    Agent,
    Caller,
}

/// What is looked at besides phrases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Feature {
    /// 1 for every turn.
    Base,
    /// Exclamation marks, at most three.
    Exclamation,
    /// Spoken units over forty, at most 2.
    Length,
    /// Four spoken units or fewer.
    Short,
    /// A question mark.
    Question,
    /// 呀, 嘛 or 啊.
    Particle,
    /// One of the first three turns of the call.
    Opening,
    /// One of the last four turns of the call.
    Ending,
    /// Positive phrases that a negation turns round.
    NegatedPositive,
    /// Negative phrases that a negation turns round.
    NegatedNegative,
    /// The caller's mood so far, where it is above 0.
    MoodPositive,
    /// The same below 0.
    MoodNegative,
    /// The agent's last turn, where it was above 0.
    AgentPositive,
    /// The same below 0.
    AgentNegative,
}

const FEATURES: usize = Feature::AgentNegative as usize + 1;

/// Evidence for a positive and for a negative feeling, as log-odds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Evidence {
    positive: f32,
    negative: f32,
}

/// The lexicon of one party, compiled.
#[derive(Debug)]
struct Table {
    phrases: Phrases,
    /// For each pattern: its group.
    patterns: Vec<usize>,
    groups: Vec<Evidence>,
    shape: [Evidence; FEATURES],
    threshold: f32,
}

/// The lexicon.
#[derive(Debug)]
pub(super) struct SentimentLexicon {
    caller: Table,
    agent: Table,
    /// The negations, then the degree words, and by how much each of these strengthens.
    modifiers: Phrases,
    negations: usize,
    degrees: Vec<f32>,
}

impl SentimentLexicon {
    /// Loads `config/lexicon/sentiment.toml`.
    ///
    /// # Errors
    /// When the file is not of the form, a group is empty or a feature is weighed twice.
    pub(super) fn load(assets: &Assets) -> Result<Self> {
        let asset = assets.read(FILE)?;
        let file: File = parse_toml(&asset)?;
        for group in &file.group {
            if group.phrases.is_empty() || group.phrases.iter().any(|p| p.trim().is_empty()) {
                let at = group.name.span().start;
                let name = group.name.get_ref();
                return Err(mistake(&asset, at, format!("group `{name}` is empty or has an empty phrase")));
            }
        }
        Ok(Self {
            caller: Table::new(&asset, &file, Party::Caller, file.threshold.caller)?,
            agent: Table::new(&asset, &file, Party::Agent, file.threshold.agent)?,
            modifiers: Phrases::new(file.negations.iter().chain(file.degrees.keys())),
            negations: file.negations.len(),
            degrees: file.degrees.into_values().collect(),
        })
    }

    /// The feeling of every turn of a call.
    pub(super) fn call(&self, record: &CallRecord, turns: &[NormalizedTurn]) -> Vec<Sentiment> {
        let (mut mood, mut agent) = (0.0_f32, 0.0_f32);
        let mut felt = Vec::with_capacity(turns.len());
        for (i, turn) in turns.iter().enumerate() {
            let role = record.turns[i].role;
            let table = match role {
                Role::Caller => &self.caller,
                Role::Agent => &self.agent,
                Role::Bot | Role::Ivr | Role::Other => {
                    felt.push(Sentiment::NEUTRAL);
                    continue;
                }
            };
            if turn.fold.trim().is_empty() {
                felt.push(Sentiment::NEUTRAL);
                continue;
            }
            let mut features = look(&turn.fold);
            features[Feature::Opening as usize] = flag(i < OPENING);
            features[Feature::Ending as usize] = flag(i + ENDING >= turns.len());
            features[Feature::MoodPositive as usize] = mood.max(0.0);
            features[Feature::MoodNegative as usize] = (-mood).max(0.0);
            features[Feature::AgentPositive as usize] = agent.max(0.0);
            features[Feature::AgentNegative as usize] = (-agent).max(0.0);
            let sentiment = self.judge(table, &turn.fold, features);
            match role {
                Role::Caller => mood += MOOD_PACE * (sentiment.score - mood),
                _ => agent = sentiment.score,
            }
            felt.push(sentiment);
        }
        felt
    }

    /// The longest word that a text ends with: 特别 is a degree word although 别 negates.
    fn modifier(&self, before: &str) -> Modifier {
        let starts: [Option<usize>; WINDOW] = {
            let mut indices = before.char_indices().rev().map(|(start, _)| start);
            std::array::from_fn(|_| indices.next())
        };
        for start in starts.into_iter().rev().flatten() {
            if let Some(word) = self.modifiers.whole(&before[start..]) {
                let degree = word.checked_sub(self.negations).and_then(|at| self.degrees.get(at));
                return degree.map_or(Modifier::Negation, |&by| Modifier::Degree(by));
            }
        }
        Modifier::Degree(1.0)
    }

    fn judge(&self, table: &Table, fold: &str, mut features: [f32; FEATURES]) -> Sentiment {
        let mut hits = vec![0.0_f32; table.groups.len()];
        table.phrases.each_longest(fold, |found| {
            let group = table.patterns[found.phrase];
            let evidence = table.groups[group];
            let before = &fold[..found.bytes.start];
            if evidence == Evidence::default() {
                return;
            }
            match self.modifier(before) {
                Modifier::Negation => {
                    let turned = if evidence.positive > evidence.negative {
                        Feature::NegatedPositive
                    } else {
                        Feature::NegatedNegative
                    };
                    features[turned as usize] = (features[turned as usize] + 1.0).min(GROUP_CAP);
                }
                Modifier::Degree(by) => hits[group] = (hits[group] + by).min(GROUP_CAP),
            }
        });
        let mut sum = Evidence::default();
        for (evidence, by) in table.groups.iter().zip(&hits).chain(table.shape.iter().zip(&features)) {
            sum.positive += evidence.positive * by;
            sum.negative += evidence.negative * by;
        }
        let (positive, negative) = (probability(sum.positive), probability(sum.negative));
        let label = if positive.max(negative) < table.threshold {
            SentimentLabel::Neu
        } else if positive > negative {
            SentimentLabel::Pos
        } else {
            SentimentLabel::Neg
        };
        Sentiment { label, score: ((positive - negative) * 1000.0).round() / 1000.0 }
    }
}

/// What stands just before a phrase.
enum Modifier {
    Negation,
    Degree(f32),
}

impl Table {
    fn new(asset: &Asset, file: &File, party: Party, threshold: f32) -> Result<Self> {
        let (mut texts, mut patterns, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for group in file.group.iter().filter(|g| g.role.is_none_or(|role| role == party)) {
            texts.extend(group.phrases.iter().map(|phrase| phrase.to_lowercase()));
            patterns.resize(texts.len(), groups.len());
            groups.push(Evidence { positive: group.positive, negative: group.negative });
        }
        let mut shape = [Evidence::default(); FEATURES];
        for weighed in file.shape.iter().filter(|shape| shape.role == party) {
            let slot = &mut shape[weighed.feature as usize];
            if *slot != Evidence::default() {
                return Err(mistake(asset, 0, format!("shape `{:?}` is weighed twice", weighed.feature)));
            }
            *slot = Evidence { positive: weighed.positive, negative: weighed.negative };
        }
        Ok(Self { phrases: Phrases::new(texts), patterns, groups, shape, threshold })
    }
}

/// What can be seen in one turn on its own.
fn look(fold: &str) -> [f32; FEATURES] {
    let length = units(fold);
    let mut features = [0.0; FEATURES];
    features[Feature::Base as usize] = 1.0;
    features[Feature::Exclamation as usize] = fold.chars().filter(|c| matches!(c, '!' | '！')).take(3).count() as f32;
    features[Feature::Length as usize] = length.min(LONG) as f32 / LENGTH_UNIT;
    features[Feature::Short as usize] = flag(length <= SHORT);
    features[Feature::Question as usize] = flag(fold.contains(['?', '？']));
    features[Feature::Particle as usize] = flag(fold.contains(['呀', '嘛', '啊']));
    features
}

fn flag(set: bool) -> f32 {
    f32::from(u8::from(set))
}

fn probability(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

fn mistake(asset: &Asset, byte: usize, message: String) -> Error {
    Error::at(asset, byte, message)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::record::Turn;

    fn feel(turns: &[(Role, &str)]) -> Vec<Sentiment> {
        let mut record = CallRecord::new("t");
        record.turns = turns.iter().map(|(role, text)| Turn::new(*role, *text)).collect();
        let turns: Vec<_> = turns
            .iter()
            .map(|(_, text)| NormalizedTurn {
                text: (*text).to_owned(),
                fold: (*text).to_owned(),
                ..Default::default()
            })
            .collect();
        static LEXICON: LazyLock<SentimentLexicon> =
            LazyLock::new(|| SentimentLexicon::load(&Assets::embedded()).unwrap());
        LEXICON.call(&record, &turns)
    }

    fn label(role: Role, text: &str) -> SentimentLabel {
        feel(&[(role, text)])[0].label
    }

    use Role::{Agent, Caller};
    use SentimentLabel::{Neg, Neu, Pos};

    #[test]
    fn fixed_courtesy_and_a_problem_told_calmly_are_neutral() {
        for text in [
            "您好，请问是供水热线吗",
            "好的，谢谢，再见",
            "嗯嗯",
            "我家楼下的路灯上周三开始不亮了",
            "不急，我等着",
        ] {
            assert_eq!(label(Caller, text), Neu, "{text}");
        }
        for text in [
            "您好，市民热线，请问有什么可以帮您",
            "感谢您的来电，祝您生活愉快，再见",
            "请您稍等，我查一下",
        ] {
            assert_eq!(label(Agent, text), Neu, "{text}");
        }
    }

    #[test]
    fn warm_thanks_are_positive_and_distress_is_negative() {
        for text in [
            "太谢谢你了姑娘，帮了我大忙",
            "哎呀太好了，这下我踏实了",
            "你这个师傅真有耐心，我要表扬他",
        ] {
            assert_eq!(label(Caller, text), Pos, "{text}");
        }
        for text in [
            "凭什么扣我的钱，你们这不是欺负人吗",
            "我急死了，孩子不见了一晚上，求求你们",
            "我都打了三回了，没人管",
            "我真的不想活了",
        ] {
            assert_eq!(label(Caller, text), Neg, "{text}");
        }
        assert_eq!(label(Agent, "您做得太对了，真细心"), Pos);
        assert_eq!(label(Agent, "又不是我让它停的，骂我有什么用"), Neg);
    }

    #[test]
    fn a_negation_turns_a_phrase_round() {
        let plain = feel(&[(Caller, "这个师傅态度好")])[0];
        let negated = feel(&[(Caller, "这个师傅不态度好")])[0];
        assert!(plain.score > 0.4 && negated.score < plain.score - 0.4, "{plain:?} {negated:?}");
        let afraid = feel(&[(Caller, "我害怕")])[0];
        let calm = feel(&[(Caller, "我没害怕")])[0];
        assert!(calm.score > afraid.score + 0.2, "{calm:?} {afraid:?}");
    }

    #[test]
    fn degree_and_repetition_strengthen() {
        let score = |text: &str| feel(&[(Caller, text)])[0].score;
        assert!(score("特别窝火这个事") < score("有点窝火这个事"));
        assert!(score("你们不管不问") > score("你们不管不问不管不问"));
        assert!(score("没人管！！") < score("没人管"));
    }

    #[test]
    fn the_callers_mood_carries_over() {
        let calm = feel(&[
            (Agent, "您请讲"),
            (Caller, "是三号楼"),
            (Agent, "嗯"),
            (Caller, "那你把这个给我写上"),
        ]);
        let angry = feel(&[
            (Agent, "您请讲"),
            (Caller, "气死我了，你们到底管不管！"),
            (Agent, "嗯"),
            (Caller, "那你把这个给我写上"),
        ]);
        assert!(angry[3].score < calm[3].score);
    }

    #[test]
    fn machines_and_empty_turns_feel_nothing() {
        let felt = feel(&[(Role::Ivr, "气死我了"), (Caller, " "), (Role::Other, "太好了")]);
        assert!(felt.iter().all(|s| *s == Sentiment::NEUTRAL));
    }

    #[test]
    fn a_group_without_phrases_names_its_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("lexicon")).unwrap();
        let text = "threshold = { caller = 0.4, agent = 0.4 }\nnegations = []\nshape = []\n[degrees]\n[[group]]\nname = \"x\"\ntitle = \"x\"\npositive = 1.0\nnegative = 0.0\nphrases = []\n";
        std::fs::write(dir.path().join(FILE), text).unwrap();
        let error = SentimentLexicon::load(&Assets::with_overlay(dir.path()).unwrap()).unwrap_err().to_string();
        assert!(error.ends_with("sentiment.toml:6: group `x` is empty or has an empty phrase"), "{error}");
    }

    proptest! {
        #[test]
        fn scores_stay_in_range_and_agree_with_labels(
            texts in prop::collection::vec("(\\PC|凭什么|谢谢|太|不|！|气死){0,12}", 0..8)
        ) {
            let turns: Vec<_> =
                texts.iter().enumerate().map(|(i, t)| (if i % 2 == 0 { Caller } else { Agent }, t.as_str())).collect();
            let felt = feel(&turns);
            prop_assert_eq!(felt.len(), turns.len());
            for s in felt {
                prop_assert!((-1.0..=1.0).contains(&s.score));
                match s.label {
                    Pos => prop_assert!(s.score >= 0.0),
                    Neg => prop_assert!(s.score <= 0.0),
                    Neu => {}
                }
            }
        }
    }
}
