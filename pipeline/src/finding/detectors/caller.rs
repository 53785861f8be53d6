//! What callers say of the contact itself: requests to repeat, repeated contacts, threats.

use super::{Detector, Example, on_turn, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;
use crate::record::Role;

/// Asks to repeat, or cannot follow.
pub(super) struct ClarificationRequest;

/// Says that this is not the first contact about it.
pub(super) struct RepeatContact;

/// Threatens with media, petition, superiors, lawsuit or a complaint about the agent.
pub(super) struct EscalationThreat;

impl Detector for ClarificationRequest {
    fn id(&self) -> &'static str {
        "clarification_request"
    }
    fn title(&self) -> &'static str {
        "来电人要求重复或解释"
    }
    fn doc(&self) -> &'static str {
        "Requests to repeat or slow down and questions about a word that the agent has just used; also a short \
         question that takes up the agent's own words."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["clarification_request"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn(
                    "clarification_request",
                    1,
                    &[
                        ('A', 0, 0, "要先做容缺受理再补件"),
                        ('C', 0, 0, "啊？什么受理？你再说一遍，我没听清。"),
                    ],
                ),
                silent(&[
                    ('A', 0, 0, "请讲"),
                    ('C', 0, 0, "楼上音乐声太大，我在屋里电视都听不见。"),
                ]),
                silent(&[('A', 0, 0, "三天内给您办好"), ('C', 0, 0, "这么快啊，谢谢。")]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        for &turn in &scene.caller {
            let Some(agent) = scene.agent_before(turn) else {
                continue;
            };
            let weighed = scene.weigh(turn, self.id());
            let echo = echoes(scene, turn, agent);
            if weighed.is_empty() && !echo {
                continue;
            }
            let mut confidence = weighed.confidence;
            if echo {
                confidence = 1.0 - (1.0 - confidence) * 0.45;
            }
            if let Some(candidate) = scene.candidate(self.id(), self.id(), turn, confidence, &weighed, "来电人") {
                out.push(candidate);
            } else {
                out.push(Candidate {
                    code: self.id().to_owned(),
                    turn: Some(turn),
                    confidence,
                    evidence: vec![scene.whole(turn)],
                    rule: self.id().to_owned(),
                    explanation: "来电人就坐席刚说的话反问，没有听清或听懂。".to_owned(),
                    severity: None,
                });
            }
        }
    }
}

/// A short question that takes up the agent's own words: 礼拜三那个姓啥.
fn echoes(scene: &Scene<'_>, turn: usize, agent: usize) -> bool {
    let text = scene.fold(turn);
    let asks = ["什么", "啥", "几", "哪", "多少", "谁"].iter().any(|mark| text.contains(mark));
    asks && scene.units(turn) <= 9 && scene.units(agent) >= 12 && scene.pairs(turn).shared(scene.pairs(agent)) >= 1
}

impl Detector for RepeatContact {
    fn id(&self) -> &'static str {
        "repeat_contact"
    }
    fn title(&self) -> &'static str {
        "重复来电"
    }
    fn doc(&self) -> &'static str {
        "The caller says to have called, reported or complained about the matter before. Contacts with somebody \
         else (物业, 商家 ...) are excepted. The first mention is the strongest."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["repeat_contact"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn(
                    "repeat_contact",
                    1,
                    &[
                        ('A', 0, 0, "您好，请讲"),
                        ('C', 0, 0, "我上个星期就打过一次电话了，到现在没人管。"),
                    ],
                ),
                silent(&[
                    ('A', 0, 0, "您好，请讲"),
                    ('C', 0, 0, "我头一回打这个电话，从来没投诉过。"),
                ]),
                silent(&[('A', 0, 0, "您好，请讲"), ('C', 0, 0, "我给物业打过电话，他们说不管。")]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let mut mentioned = false;
        for &turn in &scene.caller {
            let weighed = scene.weigh(turn, self.id());
            if weighed.is_empty() {
                continue;
            }
            let mut confidence = weighed.confidence;
            if mentioned {
                confidence -= 0.15;
            }
            mentioned |= confidence >= scene.config.threshold(self.id()).assert;
            out.extend(scene.candidate(self.id(), self.id(), turn, confidence, &weighed, "来电人"));
        }
    }
}

impl Detector for EscalationThreat {
    fn id(&self) -> &'static str {
        "escalation_threat"
    }
    fn title(&self) -> &'static str {
        "来电人表示将升级投诉"
    }
    fn doc(&self) -> &'static str {
        "Media, petition, superiors, lawsuit, a complaint about the agent: as something that the caller means to \
         do. Asking how to sue, reporting a wrong, quoting another's threat and declining to escalate are \
         excepted; an intention (我就, 再不, 等着) raises the confidence."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["escalation_threat"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn(
                    "escalation_threat",
                    1,
                    &[
                        ('A', 0, 0, "这个要等通知"),
                        ('C', 0, 0, "再没人管我就叫电视台来拍，我说到做到。"),
                    ],
                ),
                silent(&[
                    ('A', 0, 0, "您想怎么处理"),
                    ('C', 0, 0, "我不想找媒体，也没想投诉谁，就想把水修好。"),
                ]),
                silent(&[('A', 0, 0, "您好，请讲"), ('C', 0, 0, "请问劳动仲裁需要带什么材料？")]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        for &turn in &scene.caller {
            let weighed = scene.weigh(turn, self.id());
            if weighed.is_empty() {
                continue;
            }
            let text = scene.fold(turn);
            let mut confidence = weighed.confidence;
            confidence += if intends(text) { 0.2 } else { -0.15 };
            if scene.agent_before(turn).is_none_or(|a| scene.call.role(a) == Role::Agent && scene.agent[0] == a) {
                confidence -= 0.1;
            }
            out.extend(scene.candidate(self.id(), self.id(), turn, confidence, &weighed, "来电人"));
        }
    }
}

/// Whether the caller means to do it.
fn intends(text: &str) -> bool {
    const MARKS: [&str; 34] = [
        "我就",
        "我们就",
        "再不",
        "再没",
        "再拖",
        "不然",
        "要不",
        "否则",
        "等着",
        "连你",
        "我直接",
        "明天就",
        "现在就",
        "我要",
        "我这就",
        "信不信",
        "我告诉你",
        "我跟你讲",
        "我跟你说",
        "大不了",
        "逼",
        "我去",
        "我上",
        "我找",
        "我打",
        "我发",
        "我叫",
        "我写",
        "我也",
        "不行我",
        "我倒要",
        "那我",
        "工号",
        "我让",
    ];
    MARKS.iter().any(|mark| text.contains(mark))
}
