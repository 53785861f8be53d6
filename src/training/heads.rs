//! The heads over text: their names, their labels, and training them on some of the samples.

use std::collections::BTreeMap;

use qingting_models::Shelf;
use qingting_models::text::{Example, TextModel, Training};
use qingting_pipeline::Pipeline;
use qingting_pipeline::fact::class_name;
use qingting_pipeline::finding::{CodeInfo, Level};
use qingting_pipeline::learned::{CALL_MODEL, Documents, TurnModel, call_document, call_fields, turn_fields};
use qingting_pipeline::record::{Act, Role, SentimentLabel};
use qingting_pipeline::signal::act_name;
use rayon::prelude::*;

use super::{Data, Error, Options};

/// The appeal types and outcomes of the guide.
pub(super) const APPEAL_TYPES: [&str; 6] = ["投诉", "求助", "咨询", "举报", "建议", "表扬"];
pub(super) const OUTCOMES: [&str; 3] = ["follow_up", "resolved", "unresolved"];
/// Most grams of a model over turns, and over calls.
const TURN_GRAMS: usize = 60_000;
const CALL_GRAMS: usize = 40_000;
/// The head over whole calls for any fault of the agent.
pub(super) const FAULT: &str = "fault";

/// Every example of one model.
pub(super) struct Examples {
    name: &'static str,
    heads: Vec<String>,
    /// Sample and example.
    rows: Vec<(usize, Example)>,
}

/// The examples of every model.
pub(super) fn examples(pipeline: &Pipeline, documents: &Documents, data: &Data) -> Vec<Examples> {
    let catalog = pipeline.finder().catalog();
    let codes = |level: Level, role: Role| -> Vec<String> {
        catalog.iter().filter(|i| i.level == level && i.role == role).map(|i| i.code.clone()).collect()
    };
    let sentiments = [SentimentLabel::Pos, SentimentLabel::Neu, SentimentLabel::Neg];
    let mut all = Vec::new();
    for model in TurnModel::ALL {
        let role = if model == TurnModel::Agent {
            Role::Agent
        } else {
            Role::Caller
        };
        let codes = codes(Level::Turn, role);
        let acts: Vec<Act> = Act::ALL.iter().copied().filter(|act| act.role() == role).collect();
        let mut heads = codes.clone();
        heads.extend(sentiments.iter().map(|s| format!("sentiment.{}", s.as_str())));
        heads.extend(acts.iter().map(|act| act_name(*act)));
        let rows = data
            .samples
            .par_iter()
            .enumerate()
            .flat_map_iter(|(index, sample)| {
                let turns = pipeline.normalizer().call(&sample.record);
                let rows: Vec<(usize, Example)> = sample
                    .labels
                    .turns
                    .iter()
                    .filter_map(|labels| {
                        let (which, document) = documents.turn(&sample.record, &turns, labels.turn as usize)?;
                        let mut known: Vec<Option<bool>> =
                            codes.iter().map(|code| Some(labels.codes.contains(code))).collect();
                        known.extend(sentiments.iter().map(|s| labels.sentiment.map(|gold| gold == *s)));
                        known.extend(acts.iter().map(|act| labels.acts.as_ref().map(|gold| gold.contains(act))));
                        let weight = if sample.whole { 1.0 } else { 0.0 };
                        (which == model).then_some((index, Example { document, labels: known, weight }))
                    })
                    .collect();
                rows
            })
            .collect();
        all.push(Examples { name: model.name(), heads, rows });
    }
    let call_codes = codes(Level::Call, Role::Agent);
    // Whether the code is on any turn: what the other party makes of it counts too.
    let somewhere = [codes(Level::Turn, Role::Agent), codes(Level::Turn, Role::Caller)].concat();
    let mut heads = [call_codes.clone(), somewhere.clone()].concat();
    heads.push(FAULT.to_owned());
    heads.extend(APPEAL_TYPES.iter().map(|class| class_name("appeal", class)));
    heads.extend(OUTCOMES.iter().map(|class| class_name("outcome", class)));
    let rows = data
        .samples
        .iter()
        .enumerate()
        .filter(|(_, sample)| sample.whole)
        .map(|(index, sample)| {
            let turns = pipeline.normalizer().call(&sample.record);
            let labels = &sample.labels;
            let fault = |code: &String| catalog.get(code).is_some_and(CodeInfo::is_fault);
            let faulty = labels.call.iter().chain(labels.turns.iter().flat_map(|t| &t.codes)).any(fault);
            let class = |classes: &[&str], gold: &Option<String>| -> Vec<Option<bool>> {
                classes.iter().map(|class| gold.as_ref().map(|gold| gold == class)).collect()
            };
            let mut known: Vec<Option<bool>> = call_codes.iter().map(|c| Some(labels.call.contains(c))).collect();
            let on_turn = |code: &String| labels.turns.iter().any(|turn| turn.codes.contains(code));
            known.extend(somewhere.iter().map(|code| Some(on_turn(code))));
            known.push(Some(faulty));
            known.extend(class(&APPEAL_TYPES, &labels.appeal_type));
            known.extend(class(&OUTCOMES, &labels.outcome));
            (index, Example { document: call_document(&sample.record, &turns), labels: known, weight: 1.0 })
        })
        .collect();
    all.push(Examples { name: CALL_MODEL, heads, rows });
    all
}

/// Trains every model on the samples that `wanted` names.
///
/// # Errors
/// When the models cannot be stored.
pub(super) fn train(
    all: &[Examples],
    documents: &Documents,
    wanted: impl Fn(usize) -> bool,
    options: &Options,
) -> Result<Shelf, Error> {
    let mut models = BTreeMap::new();
    for examples in all {
        let rows: Vec<Example> = examples
            .rows
            .iter()
            .filter(|(sample, _)| wanted(*sample))
            .map(|(_, example)| {
                let weight = if example.weight > 0.0 {
                    example.weight
                } else {
                    options.single_weight
                };
                Example { weight, ..example.clone() }
            })
            .collect();
        let (fields, keep, meaning) = if examples.name == CALL_MODEL {
            (call_fields(), CALL_GRAMS, None)
        } else {
            (turn_fields(), TURN_GRAMS, Some(&**documents.vectors()))
        };
        let how = Training { cost: options.cost, seed: options.seed, keep, meaning };
        let model = TextModel::train(fields, &examples.heads, &rows, &how);
        models.insert(examples.name.to_owned(), model);
    }
    Ok(Shelf::new(models)?)
}
