//! T8: the agent overrides what the caller says without taking it up.

use super::{Detector, Example, on_turn, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;
use crate::record::SentimentLabel;

/// Own statement repeated or asserted against the caller's point.
pub(super) struct Dismissive;

impl Detector for Dismissive {
    fn id(&self) -> &'static str {
        "dismissive"
    }
    fn title(&self) -> &'static str {
        "不听取用户意见"
    }
    fn doc(&self) -> &'static str {
        "An agent's turn after an objection or a suggestion that repeats the agent's own earlier statement, \
         leans on rule or system alone, or brushes the point aside. Taking the point up (a question about it, \
         an apology or thanks, noting it down, a concrete step) speaks against it; a caller who says in the \
         next turn not to have been heard speaks for it."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["dismissive"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn(
                    "dismissive",
                    3,
                    &[
                        ('C', 0, 0, "这个水费比上个月多了两百块"),
                        ('A', 0, 0, "系统显示抄表数据是准确的，以系统为准。"),
                        ('C', 0, 0, "可是我自己看了表，数字比账单上的小。"),
                        ('A', 0, 0, "抄表数据是准确的，您的看法不作数，以系统为准。"),
                        ('C', 0, 0, "你到底有没有听我说？"),
                    ],
                ),
                silent(&[
                    ('C', 0, 0, "可是我自己看了表，数字比账单上的小。"),
                    ('A', 0, 0, "您看得很仔细，表上的数字是多少？我把您说的读数登记下来，请抄表员复核。"),
                ]),
                silent(&[
                    ('C', 0, 0, "我建议把这个窗口改成下午也开"),
                    ('A', 0, 0, "谢谢您的建议，我记下来转给大厅，五个工作日内给您回复。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        for (position, &turn) in scene.agent.iter().enumerate() {
            let Some(caller) = scene.caller_before(turn).filter(|_| position > 0) else {
                continue;
            };
            let weighed = scene.weigh(turn, "dismissive");
            let objected = scene.has(caller, "objection");
            let unheard = scene.any([scene.caller_after(turn)], "unheard");
            let contested = objected || unheard || scene.call.signal(caller).sentiment.label == SentimentLabel::Neg;
            let repeated = repeats(scene, position, if objected || unheard { 2 } else { 3 });
            if weighed.is_empty() && repeated.is_none() {
                continue;
            }
            let mut confidence = weighed.confidence;
            if objected {
                confidence += 0.15;
            }
            if unheard {
                confidence += 0.2;
            }
            if repeated.is_some() && contested {
                confidence += if takes_up(scene, turn) { 0.1 } else { 0.35 };
            }
            if scene.has(turn, "help") || scene.has(turn, "register") {
                confidence -= 0.3;
            }
            if scene.has(turn, "probe") {
                confidence -= 0.15;
            }
            if weighed.hits.iter().all(|(c, _)| c.name != "stance.appease") && scene.has(turn, "acknowledge") {
                confidence -= 0.25;
            }
            if !objected && !unheard {
                confidence -= 0.2;
            }
            if let Some(candidate) = candidate(scene, turn, caller, confidence, &weighed, repeated) {
                out.push(candidate);
            }
        }
    }
}

/// Whether a turn does anything with what the caller said: asks, helps, notes it down, owns the
/// feeling, or yields.
fn takes_up(scene: &Scene<'_>, turn: usize) -> bool {
    [
        "help",
        "register",
        "probe",
        "acknowledge",
        "recap",
        "yield",
        "hold_notice",
    ]
    .iter()
    .any(|group| scene.has(turn, group))
}

/// An earlier turn of the agent of which this one repeats the substance, in at least `least` pairs
/// of characters that are not the caller's own, though the caller has spoken in between.
fn repeats(scene: &Scene<'_>, position: usize, least: usize) -> Option<usize> {
    let turn = scene.agent[position];
    let own = scene.pairs(turn);
    if own.len() < least {
        return None;
    }
    let caller = scene.caller_before(turn)?;
    let theirs = scene.pairs(caller);
    scene.agent[position.saturating_sub(4)..position].iter().rev().copied().find(|&earlier| {
        let before = scene.pairs(earlier);
        let common = own.shared_without(before, theirs);
        earlier < caller && common >= least && common * 10 >= own.len().min(before.len()) * 3
    })
}

fn candidate(
    scene: &Scene<'_>,
    turn: usize,
    caller: usize,
    confidence: f32,
    weighed: &crate::finding::scene::Weighed<'_>,
    repeated: Option<usize>,
) -> Option<Candidate> {
    let mut made = match scene.candidate("dismissive", "dismissive", turn, confidence, weighed, "坐席") {
        Some(made) => made,
        None => Candidate {
            code: "dismissive".to_owned(),
            turn: Some(turn),
            confidence,
            evidence: vec![scene.whole(turn)],
            rule: "dismissive".to_owned(),
            explanation: String::new(),
            severity: None,
        },
    };
    if let Some(earlier) = repeated {
        made.evidence.push(scene.whole(earlier));
        made.explanation = "来电人提出不同意见后，坐席把自己先前的说法又讲了一遍，没有回应对方的意见。".to_owned();
    }
    made.evidence.push(scene.whole(caller));
    Some(made)
}
