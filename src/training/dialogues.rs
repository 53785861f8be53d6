//! The training data as the transformer sees it: folded turns with their labels.

use qingting_models::dialogue::{Dialogue, Speaker, TurnLabels, Utterance};
use qingting_pipeline::Pipeline;
use qingting_pipeline::learned::utterance;

use super::Data;

/// One dialogue for each sample, in order.
pub fn dialogues(pipeline: &Pipeline, data: &Data) -> Vec<Dialogue> {
    let one = |sample: &super::Sample| {
        let turns = pipeline.normalizer().call(&sample.record);
        let turns = turns.iter().zip(&sample.record.turns).enumerate().map(|(i, (turn, recorded))| {
            let labels = sample.labels.turns.iter().find(|t| t.turn as usize == i);
            let known = labels.filter(|_| utterance(recorded.role, turn).speaker != Speaker::Other);
            Utterance {
                labels: known.map(|labels| TurnLabels {
                    codes: labels.codes.iter().cloned().collect(),
                    acts: labels.acts.as_ref().map(|acts| acts.iter().map(|act| act.as_str().to_owned()).collect()),
                    sentiment: labels.sentiment.map(|sentiment| sentiment.as_str().to_owned()),
                    emotion: None,
                }),
                ..utterance(recorded.role, turn)
            }
        });
        Dialogue {
            id: sample.record.call_id.clone(),
            set: sample.set.clone(),
            turns: turns.collect(),
        }
    };
    data.samples.iter().map(one).collect()
}
