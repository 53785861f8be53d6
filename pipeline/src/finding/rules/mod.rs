//! Declarative rules: `config/rules/*.toml`, compiled once and run on every call. Owns
//! the format (documented in `docs/rules-format.md`), its checks and its evaluation; what
//! becomes of the candidates is [`super::Finder`]'s business.

mod compile;
mod compile_operators;
mod condition;
mod example;
mod expr;
mod operator;
mod raw;
mod scan;
mod template;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use qingting_models::Encoder;

use self::compile::Compiler;
use self::condition::{Condition, Evaluation, Hit};
use self::example::Example;
use self::expr::{Expr, Truth};
use self::operator::Operator;
use self::raw::RawFile;
use self::scan::Scan;
use self::template::{Template, Values};
use super::{Candidate, Catalog, Level};
use crate::assets::{Assets, parse_toml};
use crate::phrases::Phrases;
use crate::record::{CallContext, CallRecord, Role, Severity, Span};
use crate::signal::CueLists;
use crate::{Error, Result};

pub use self::example::ExampleFailure;

/// Most pieces of evidence of one finding; the explanation gives their number.
const MAX_EVIDENCE: usize = 5;

/// Takes a call through the stages before this one and hands the result to the function given.
pub type WithContext<'a> = dyn Fn(&CallRecord, &mut dyn FnMut(&CallContext<'_>)) + 'a;

/// Every rule, compiled.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    phrases: Phrases,
    encoder: Arc<dyn Encoder>,
    needs: Needs,
}

/// What rules may ask for that cannot be told from a masked call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Speech rates.
    pub rates: bool,
    /// Names of attributes.
    pub attributes: BTreeSet<String>,
}

impl Needs {
    fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut needs = Self::default();
        for condition in rules.flat_map(|rule| &rule.conditions) {
            needs.rates |= condition.average_rate.is_some()
                || condition.operators.iter().any(|operator| matches!(operator, Operator::Rate { .. }));
            let asked = condition.call.iter().flat_map(|call| &call.attributes);
            needs.attributes.extend(asked.map(|(name, _)| name.clone()));
        }
        needs
    }
}

/// What a rule is, for lists and references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// Unique id.
    pub id: String,
    /// Counted up by its author with every change.
    pub version: u32,
    /// What supervisors read.
    pub title: String,
    /// What it is for and when it does not apply.
    pub doc: String,
    /// The code that it finds.
    pub code: String,
    /// Whether it runs.
    pub enabled: bool,
    /// The combination of its conditions.
    pub when: String,
    /// File, as the user finds it.
    pub file: String,
    /// Line of the id.
    pub line: usize,
    /// Examples that it must hit.
    pub positive_examples: usize,
    /// Examples that it must miss.
    pub negative_examples: usize,
}

/// A rule, ready to run.
#[derive(Debug)]
struct Rule {
    info: RuleInfo,
    level: Level,
    role: Role,
    confidence: f32,
    severity: Option<Severity>,
    when: Expr,
    /// Index of the condition whose hits are the evidence.
    on: usize,
    explanation: Template,
    /// By name.
    conditions: Vec<Condition>,
    examples: Vec<Example>,
}

impl RuleSet {
    /// Loads every file of `config/rules/` and adds the codes that they define to the catalog.
    ///
    /// # Errors
    /// [`Error::Config`] with file and line for any mistake; [`Error::Model`] when the encoder fails
    /// on an example sentence.
    pub fn load(assets: &Assets, cues: &CueLists, encoder: Arc<dyn Encoder>, catalog: &mut Catalog) -> Result<Self> {
        let mut first = None;
        let rules = Self::load_noting(assets, cues, encoder, catalog, &mut |mistake| {
            first.get_or_insert(mistake);
        })?;
        match first {
            Some(mistake) => Err(mistake),
            None => Ok(rules),
        }
    }

    /// The same with every rule and file left out that is wrong, and every mistake told.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub(super) fn load_noting(
        assets: &Assets,
        cues: &CueLists,
        encoder: Arc<dyn Encoder>,
        catalog: &mut Catalog,
        note: &mut dyn FnMut(Error),
    ) -> Result<Self> {
        let mut files = Vec::new();
        for asset in assets.read_dir("rules", "toml")? {
            match parse_toml::<RawFile>(&asset) {
                Ok(file) => files.push((asset, file)),
                Err(mistake) => note(mistake),
            }
        }
        let mut compiler = Compiler {
            cues,
            encoder: &encoder,
            catalog,
            phrases: Vec::new(),
            numbers: HashMap::new(),
            ids: BTreeSet::new(),
        };
        for (asset, file) in &files {
            compiler.add_codes(asset, file, note);
        }
        let mut rules = Vec::new();
        for (asset, file) in files {
            for raw in file.rule {
                match compiler.rule(&asset, raw) {
                    Ok(rule) => rules.push(rule),
                    Err(mistake) => note(mistake),
                }
            }
        }
        let phrases = Phrases::new(&compiler.phrases);
        let needs = Needs::of(rules.iter().filter(|rule| rule.info.enabled));
        Ok(Self { rules, phrases, encoder, needs })
    }

    /// What the enabled rules ask for beyond text, acts, sentiment and times.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// What the rules are, in order of file and place.
    pub fn iter(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.iter().map(|rule| &rule.info)
    }

    /// Runs every enabled rule on one call and adds what it finds to `out`.
    pub fn run(&self, context: &CallContext<'_>, out: &mut Vec<Candidate>) {
        let scan = Scan::new(context, &self.phrases, &*self.encoder);
        for rule in self.rules.iter().filter(|rule| rule.info.enabled) {
            rule.run(&scan, out);
        }
    }

    /// Runs the examples of every rule, also of those that are not enabled.
    pub fn check_examples(&self, with_context: &WithContext<'_>) -> Vec<ExampleFailure> {
        let mut failures = Vec::new();
        for rule in &self.rules {
            for example in &rule.examples {
                let mut found = Vec::new();
                with_context(&example.record, &mut |context| {
                    rule.run(&Scan::new(context, &self.phrases, &*self.encoder), &mut found);
                });
                let turns: Vec<Option<usize>> = found.iter().map(|candidate| candidate.turn).collect();
                if let Some(message) = example.mismatch(&turns) {
                    failures.push(ExampleFailure {
                        rule: rule.info.id.clone(),
                        file: rule.info.file.clone(),
                        line: example.line,
                        message,
                    });
                }
            }
        }
        failures
    }
}

impl Rule {
    fn run(&self, scan: &Scan<'_>, out: &mut Vec<Candidate>) {
        let mut evaluation = Evaluation::new(&self.conditions, scan);
        let truth =
            self.when
                .eval(&mut |name| match self.conditions.iter().position(|condition| condition.name == name) {
                    Some(index) => evaluation.outcome(index).truth,
                    None => Truth::Unknown,
                });
        if truth != Truth::Yes {
            return;
        }
        let outcome = evaluation.outcome(self.on);
        match self.level {
            Level::Turn => {
                for hit in &outcome.hits {
                    let evidence = spans(scan.context, hit).take(MAX_EVIDENCE).collect();
                    out.push(self.candidate(scan.context, Some(hit.turn), evidence, hit, outcome.hits.len()));
                }
            }
            Level::Call => {
                let whole;
                let hits: &[Hit] = if outcome.hits.is_empty() {
                    // Nothing was said that could be shown: the first words of whoever it is about.
                    let Some(turn) = first_words(scan.context, self.role) else {
                        return;
                    };
                    whole = [Hit { turn, ..Hit::default() }];
                    &whole
                } else {
                    &outcome.hits
                };
                let evidence: Vec<_> =
                    hits.iter().filter_map(|hit| spans(scan.context, hit).next()).take(MAX_EVIDENCE).collect();
                if let Some(first) = hits.first() {
                    out.push(self.candidate(scan.context, None, evidence, first, outcome.hits.len()));
                }
            }
        }
    }

    fn candidate(
        &self,
        context: &CallContext<'_>,
        turn: Option<usize>,
        evidence: Vec<(usize, Span)>,
        hit: &Hit,
        count: usize,
    ) -> Candidate {
        let shown = &context.turns[hit.turn];
        let quoted = evidence.first().map_or_else(|| shown.whole(), |(_, span)| *span);
        let values = Values {
            quote: shown.quote(quoted),
            text: &shown.text,
            turn: hit.turn,
            count,
            ms: hit.ms,
            rate: hit.rate,
            similarity: hit.similarity,
        };
        Candidate {
            code: self.info.code.clone(),
            turn,
            confidence: self.confidence,
            rule: self.info.id.clone(),
            explanation: self.explanation.fill(&values),
            severity: self.severity,
            evidence,
        }
    }
}

/// What of a hit's turn is the evidence: what was seen, or all of it.
fn spans<'a>(context: &'a CallContext<'_>, hit: &'a Hit) -> impl Iterator<Item = (usize, Span)> + 'a {
    let whole = hit.spans.is_empty().then(|| context.turns[hit.turn].whole());
    hit.spans.iter().copied().chain(whole).map(|span| (hit.turn, span))
}

fn first_words(context: &CallContext<'_>, role: Role) -> Option<usize> {
    let first = context.turns_of(role).next();
    first.or_else(|| (0..context.turns.len()).find(|&turn| !context.fold(turn).is_empty()))
}
