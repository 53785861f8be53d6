//! Danger to life. Recall first: what is not sure goes to a human.

use super::{Detector, Example, on_turn, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;

/// Self-harm, violence and accidents, with the look-alikes of everyday speech.
pub(super) struct Crisis;

impl Detector for Crisis {
    fn id(&self) -> &'static str {
        "crisis"
    }
    fn title(&self) -> &'static str {
        "危机情形"
    }
    fn doc(&self) -> &'static str {
        "Danger to the caller's or another's life: self-harm, violence, gas and fire, medical emergencies. \
         Figures of speech (热死了, 跳楼价), things of the past, films and games are excepted or lower the \
         confidence; an agent who gives safety instructions raises it. Once a call is a crisis, weaker signs \
         in later turns suffice. Anything above the review threshold is shown to a human."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["crisis"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn("crisis", 1, &[('A', 0, 0, "您好，请讲"), ('C', 0, 0, "我不想活了，我就在楼顶上坐着。")]),
                on_turn(
                    "crisis",
                    1,
                    &[
                        ('A', 0, 0, "您好，请讲"),
                        ('C', 0, 0, "快来人，隔壁男的拿着刀打人，女的一直喊救命！"),
                    ],
                ),
                silent(&[
                    ('A', 0, 0, "您好，请讲"),
                    ('C', 0, 0, "家里空调坏了，热死了，孩子烦死了。"),
                ]),
                silent(&[
                    ('A', 0, 0, "您好，请讲"),
                    ('C', 0, 0, "那个店打着跳楼价的牌子，吓死我了，一结账贵得要死。"),
                ]),
                silent(&[
                    ('A', 0, 0, "您好，请讲"),
                    ('C', 0, 0, "剧本杀店里演一个人跳楼，我想投诉他不退款。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let mut certain = false;
        for &turn in &scene.caller {
            let weighed = scene.weigh(turn, self.id());
            if weighed.is_empty() {
                continue;
            }
            let mut confidence = weighed.confidence;
            let guided = scene.any([scene.agent_after(turn)], "urgent");
            if scene.has(turn, "not_crisis") && !guided {
                confidence -= 0.3;
            }
            confidence += if guided { 0.15 } else { -0.1 };
            if certain {
                confidence += 0.15;
            }
            certain |= confidence >= 0.75;
            out.extend(scene.candidate(self.id(), self.id(), turn, confidence, &weighed, "来电人"));
        }
    }
}
