//! Forbidden phrases, deflection and overpromises: what is said, and whether a usable next
//! step stands beside it.

use super::{Detector, Example, on_turn, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;

/// Phrases that service rules ban outright.
pub(super) struct ForbiddenPhrase;

/// The matter pushed away.
pub(super) struct Deflection;

/// A guarantee of what the agent cannot control.
pub(super) struct Overpromise;

impl Detector for ForbiddenPhrase {
    fn id(&self) -> &'static str {
        "forbidden_phrase"
    }
    fn title(&self) -> &'static str {
        "使用服务禁语"
    }
    fn doc(&self) -> &'static str {
        "Banned phrases (不知道, 不归我们管, 没办法 as the whole answer; dares and insults). A phrase of refusal \
         followed by help in the same turn is harmless; reported speech does not count."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["forbidden_phrase"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn("forbidden_phrase", 1, &[('C', 0, 0, "那什么时候能修好"), ('A', 0, 0, "这个我哪知道。")]),
                on_turn(
                    "forbidden_phrase",
                    1,
                    &[
                        ('C', 0, 0, "你们不管我就去投诉"),
                        ('A', 0, 0, "您去投诉好了，爱找谁找谁。"),
                    ],
                ),
                silent(&[('C', 0, 0, "你说"), ('A', 0, 0, "不知道您现在方不方便把订单号念一下？")]),
                silent(&[
                    ('C', 0, 0, "这个要多久"),
                    ('A', 0, 0, "具体时间我不清楚，我马上帮您核实，稍后给您回电话。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        for &turn in &scene.agent {
            let weighed = scene.weigh(turn, "forbidden_phrase");
            if weighed.is_empty() {
                continue;
            }
            let blatant = weighed.hits.iter().any(|(c, _)| c.weight >= 0.8);
            let mut confidence = weighed.confidence;
            if scene.has(turn, "help") {
                confidence -= if blatant { 0.15 } else { 0.4 };
            }
            if !blatant {
                let short = scene.units(turn) <= 16;
                confidence += if short { 0.1 } else { -0.1 };
                if scene.has(turn, "acknowledge") {
                    confidence -= 0.25;
                }
                if scene.any([scene.agent_after(turn)], "help") {
                    confidence -= 0.1;
                }
            }
            if scene.any([scene.caller_after(turn)], "attitude") {
                confidence += 0.15;
            }
            out.extend(scene.candidate(self.id(), self.id(), turn, confidence, &weighed, "坐席"));
        }
    }
}

impl Detector for Deflection {
    fn id(&self) -> &'static str {
        "deflection"
    }
    fn title(&self) -> &'static str {
        "推诿"
    }
    fn doc(&self) -> &'static str {
        "The caller is sent elsewhere, to search or to wait, and neither this turn nor the agent's next one \
         gives a number, a ticket, a transfer or another concrete step. Several ways of pushing away add up; \
         a caller who says to have tried that, or gives up, raises the confidence."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["deflection"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn(
                    "deflection",
                    1,
                    &[
                        ('C', 0, 0, "楼上漏水物业不管，我该找谁"),
                        ('A', 0, 0, "这个您还是找物业沟通沟通吧，我们这边受理不了。"),
                        ('C', 0, 0, "物业要是管我还打给你们干什么"),
                    ],
                ),
                silent(&[
                    ('C', 0, 0, "这个归谁管"),
                    ('A', 0, 0, "这个归住建局管，您可以找他们的物业科，电话八六五五零零一二，我也给您登记一份。"),
                ]),
                silent(&[
                    ('C', 0, 0, "那怎么办"),
                    ('A', 0, 0, "我这边给您转接到供热公司，三方通话您别挂。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        for &turn in &scene.agent {
            let weighed = scene.weigh(turn, "deflection");
            if weighed.is_empty() {
                continue;
            }
            let mut confidence = weighed.confidence;
            if scene.has(turn, "help") {
                confidence -= 0.35;
            } else if scene.any([scene.agent_after(turn)], "help") {
                confidence -= 0.15;
            }
            if scene.has(turn, "forbidden_phrase") {
                confidence += 0.1;
            }
            let next = scene.caller_after(turn);
            if scene.any([next], "unheard") || scene.any([next], "given_up") || scene.any([next], "objection") {
                confidence += 0.1;
            }
            if scene.any([next], "attitude") {
                confidence += 0.1;
            }
            out.extend(scene.candidate(self.id(), self.id(), turn, confidence, &weighed, "坐席"));
        }
    }
}

impl Detector for Overpromise {
    fn id(&self) -> &'static str {
        "overpromise"
    }
    fn title(&self) -> &'static str {
        "过度承诺"
    }
    fn doc(&self) -> &'static str {
        "A guarantee of an outcome or a time that the agent cannot control. A promise of the agent's own \
         action, a published time limit and a refusal to guarantee are excepted; a caller who asks \
         真的吗 in the next turn raises the confidence."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["overpromise"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn(
                    "overpromise",
                    1,
                    &[
                        ('C', 0, 0, "这笔钱能退吗"),
                        ('A', 0, 0, "您放一百个心，下周三之前肯定能到您账上。"),
                        ('C', 0, 0, "真的啊？"),
                    ],
                ),
                silent(&[
                    ('C', 0, 0, "你能保证明天修好吗"),
                    ('A', 0, 0, "这个我不能跟您保证，我一定帮您登记催办，按规定三个工作日内答复。"),
                ]),
                silent(&[
                    ('C', 0, 0, "几天有结果"),
                    ('A', 0, 0, "公布的时限是七个工作日，我马上为您登记。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        for &turn in &scene.agent {
            let weighed = scene.weigh(turn, "overpromise");
            if weighed.is_empty() {
                continue;
            }
            let mut confidence = weighed.confidence;
            if scene.caller_after(turn).is_some_and(|next| doubts(scene.fold(next))) {
                confidence += 0.2;
            }
            out.extend(scene.candidate(self.id(), self.id(), turn, confidence, &weighed, "坐席"));
        }
    }
}

/// Whether the caller is surprised at a promise or builds on it.
fn doubts(text: &str) -> bool {
    const MARKS: [&str; 12] = [
        "真的",
        "真能",
        "真假",
        "能保证",
        "你能包",
        "这么快",
        "这么痛快",
        "说话算",
        "算数",
        "万一",
        "那就好",
        "那太好了",
    ];
    let head: String = text.chars().take(16).collect();
    MARKS.iter().any(|mark| head.contains(mark))
}
