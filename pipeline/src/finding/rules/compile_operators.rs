//! The operators of a condition: from the file format to what matches, with its checks.

use toml::Spanned;

use super::compile::{Compiler, at};
use super::condition::Similar;
use super::operator::{CallTest, Operator, Term};
use super::raw::{OneOrMany, RawActs, RawCall, RawCondition, RawKeywords};
use crate::Result;
use crate::assets::Asset;
use crate::normalize::fold_char;
use crate::pattern::{Globs, suggestion};
use crate::record::{Act, MaskKind};
use crate::shape::{Reading, Shape};

/// Largest compiled size of one pattern, bytes.
const REGEX_SIZE: usize = 1 << 20;

const MASKS: [(&str, MaskKind); 7] = [
    ("id_card", MaskKind::IdCard),
    ("bank_card", MaskKind::BankCard),
    ("phone", MaskKind::Phone),
    ("plate", MaskKind::Plate),
    ("email", MaskKind::Email),
    ("name", MaskKind::Name),
    ("address", MaskKind::Address),
];

impl Compiler<'_> {
    /// The operators that are asked of a turn, cheap ones first.
    pub(super) fn operators(&mut self, asset: &Asset, raw: &RawCondition) -> Result<Vec<Operator>> {
        let mut operators = Vec::new();
        if let Some(act) = &raw.act {
            operators.push(acts(asset, act)?);
        }
        if let Some(sentiment) = &raw.sentiment {
            operators.push(Operator::Sentiment {
                labels: sentiment.label.as_ref().map(|labels| labels.0.clone()).unwrap_or_default(),
                below: sentiment.below,
                above: sentiment.above,
            });
        }
        if let Some(mask) = &raw.mask {
            operators.push(Operator::Mask { kinds: masks(asset, mask)? });
        }
        if let Some(rate) = &raw.rate {
            let limits = rate.get_ref();
            if limits.over.is_none() && limits.under.is_none() {
                return Err(at(asset, rate, "`rate` needs `over` or `under`, in spoken units a second".to_owned()));
            }
            if !limits.average {
                operators.push(Operator::Rate { over: limits.over, under: limits.under });
            }
        }
        if let Some(overlap) = &raw.overlap {
            operators.push(Operator::Overlap {
                over_ms: overlap.over_ms,
                with: overlap.with,
                delay_ms: overlap.delay_ms,
            });
        }
        if let Some(silence) = &raw.silence {
            operators.push(Operator::Silence { over_ms: silence.over_ms, next: silence.next });
        }
        if let Some(keywords) = &raw.keywords {
            operators.push(self.keywords(asset, keywords)?);
        }
        if let Some(regex) = &raw.regex {
            operators.push(Operator::Regex {
                pattern: compile(asset, &regex.pattern)?,
                exclude: regex.exclude.as_ref().map(|exclude| compile(asset, exclude)).transpose()?,
            });
        }
        if let Some(repeats) = &raw.repeats {
            fraction(asset, &repeats.at_least)?;
            let except = repeats.except.iter().map(|phrase| Term::Phrase(self.phrase(phrase))).collect();
            operators.push(Operator::Repeats {
                at_least: *repeats.at_least.get_ref(),
                nth: repeats.nth.max(1),
                within: repeats.within,
                min_chars: repeats.min_chars,
                except,
            });
        }
        Ok(operators)
    }

    fn keywords(&mut self, asset: &Asset, raw: &Spanned<RawKeywords>) -> Result<Operator> {
        let lists = raw.get_ref();
        if lists.any.is_empty() && lists.all.is_empty() && lists.none.is_empty() {
            return Err(at(asset, raw, "`keywords` needs `any`, `all` or `none`".to_owned()));
        }
        let at_least = lists.at_least.unwrap_or(1);
        if lists.at_least.is_some() && !(1..=lists.any.len()).contains(&at_least) {
            let message = format!("`at_least` must be from 1 to the number of phrases in `any` ({})", lists.any.len());
            return Err(at(asset, raw, message));
        }
        Ok(Operator::Keywords {
            any: self.terms(asset, &lists.any)?,
            at_least,
            all: self.terms(asset, &lists.all)?,
            none: self.terms(asset, &lists.none)?,
        })
    }

    fn terms(&mut self, asset: &Asset, phrases: &[Spanned<String>]) -> Result<Vec<Term>> {
        phrases
            .iter()
            .map(|phrase| match phrase.get_ref().strip_prefix('@') {
                Some(name) if self.cues.contains(name) => Ok(Term::Cue(name.to_owned())),
                Some(name) => {
                    Err(at(asset, phrase, format!("unknown cue list `@{name}`; the lists are in config/lexicon/cues/")))
                }
                None if phrase.get_ref().trim().is_empty() => Err(at(asset, phrase, "an empty phrase".to_owned())),
                None => Ok(Term::Phrase(self.phrase(phrase.get_ref()))),
            })
            .collect()
    }

    /// The number of a phrase in the automaton.
    fn phrase(&mut self, phrase: &str) -> usize {
        let folded = fold(phrase);
        *self.numbers.entry(folded.clone()).or_insert_with(|| {
            self.phrases.push(folded);
            self.phrases.len() - 1
        })
    }

    /// The example sentences of `similar`, encoded.
    pub(super) fn similar(&self, asset: &Asset, raw: &RawCondition) -> Result<Option<Similar>> {
        let Some(similar) = &raw.similar else { return Ok(None) };
        fraction(asset, &similar.at_least)?;
        let sentences = similar.to.get_ref();
        if sentences.is_empty() {
            return Err(at(asset, &similar.to, "`to` needs at least one sentence".to_owned()));
        }
        let folded: Vec<String> = sentences.iter().map(|sentence| fold(sentence)).collect();
        let texts: Vec<&str> = folded.iter().map(String::as_str).collect();
        let vectors = self.encoder.encode(&texts)?;
        if let Some((sentence, _)) = sentences.iter().zip(&vectors).find(|(_, v)| v.iter().all(|x| *x == 0.0)) {
            return Err(at(asset, &similar.to, format!("the sentence `{sentence}` says nothing")));
        }
        Ok(Some(Similar { vectors, at_least: *similar.at_least.get_ref() }))
    }

    pub(super) fn call_test(raw: &RawCall) -> CallTest {
        let globs = |list: &Option<OneOrMany<String>>| list.as_ref().map(|list| Globs::new(&list.0));
        CallTest {
            queue: globs(&raw.queue),
            channel: globs(&raw.channel),
            region: globs(&raw.region),
            direction: raw.direction,
            hangup_by: raw.hangup_by.as_ref().map(|parties| parties.0.clone()),
            transferred: raw.transferred,
            duration_over_ms: raw.duration_over_ms,
            duration_under_ms: raw.duration_under_ms,
            wait_over_ms: raw.wait_over_ms,
            hold_over_ms: raw.hold_over_ms,
            turns_over: raw.turns_over,
            turns_under: raw.turns_under,
            rating_under: raw.rating_under,
            attributes: raw.attributes.iter().map(|(name, list)| (name.clone(), Globs::new(&list.0))).collect(),
        }
    }
}

/// A phrase as turns are folded: simplified, half-width, lower case.
fn fold(phrase: &str) -> String {
    phrase.chars().map(fold_char).collect()
}

fn compile(asset: &Asset, pattern: &Spanned<String>) -> Result<Box<Shape>> {
    let reading = Reading { any_case: true, size: REGEX_SIZE };
    let shape = Shape::new(pattern.get_ref(), reading).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        at(asset, pattern, format!("bad regex `{}`: {reason}", pattern.get_ref()))
    })?;
    if shape.matches_nothing() {
        return Err(at(asset, pattern, format!("the regex `{}` matches the empty text", pattern.get_ref())));
    }
    Ok(Box::new(shape))
}

fn acts(asset: &Asset, raw: &Spanned<RawActs>) -> Result<Operator> {
    let parse = |names: &[Spanned<String>]| {
        names
            .iter()
            .map(|name| {
                Act::parse(name.get_ref()).ok_or_else(|| {
                    let hint = suggestion(name.get_ref(), Act::ALL.iter().map(|act| act.as_str()));
                    at(asset, name, format!("unknown act `{}`{hint}", name.get_ref()))
                })
            })
            .collect::<Result<Vec<Act>>>()
    };
    let lists = raw.get_ref();
    let (any, all, none) = (parse(&lists.any)?, parse(&lists.all)?, parse(&lists.none)?);
    if any.is_empty() && all.is_empty() && none.is_empty() {
        return Err(at(asset, raw, "`act` needs `any`, `all` or `none`".to_owned()));
    }
    Ok(Operator::Act { any, all, none })
}

fn masks(asset: &Asset, raw: &Spanned<OneOrMany<String>>) -> Result<Vec<MaskKind>> {
    raw.get_ref()
        .0
        .iter()
        .map(|name| {
            MASKS.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind).ok_or_else(|| {
                let hint = suggestion(name, MASKS.map(|(known, _)| known));
                at(asset, raw, format!("unknown kind of personal data `{name}`{hint}"))
            })
        })
        .collect()
}

fn fraction(asset: &Asset, value: &Spanned<f32>) -> Result<()> {
    if (0.0..=1.0).contains(value.get_ref()) {
        return Ok(());
    }
    Err(at(asset, value, "`at_least` must be from 0 to 1".to_owned()))
}
