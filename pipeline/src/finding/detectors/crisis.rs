//! Danger to life. Recall first: what is not sure goes to a human.

use super::{Detector, Example, on_turn, silent};
use crate::finding::Candidate;
use crate::finding::scene::{Scene, Weighed};

/// Self-harm, violence and accidents, with the look-alikes of everyday speech.
pub(super) struct Crisis;

/// Confidence of one turn from which the whole call is taken for a crisis.
const CERTAIN: f32 = 0.75;

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
         confidence; an agent who gives safety instructions raises it. Signs in \
         other turns make each of them more certain; once one of them is, turns in which the caller speaks on of \
         the danger while the agent guides count too. Anything above the review threshold is shown to a human."
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
        let seen: Vec<(usize, f32, Weighed<'_>)> = scene
            .caller
            .iter()
            .map(|&turn| (turn, scene.weigh(turn, self.id())))
            .filter(|(_, weighed)| !weighed.is_empty())
            .map(|(turn, weighed)| {
                let guided = scene.any([scene.agent_after(turn)], "urgent");
                let harmless = if scene.has(turn, "not_crisis") && !guided {
                    0.3
                } else {
                    0.0
                };
                (turn, weighed.confidence - harmless + if guided { 0.15 } else { -0.1 }, weighed)
            })
            .collect();
        for (at, (turn, alone, weighed)) in seen.iter().enumerate() {
            // Signs in other turns of the call speak for each other, whichever came first.
            let rest = seen.iter().enumerate().filter(|&(other, _)| other != at).map(|(_, (_, c, _))| *c);
            let confidence = alone
                + match rest.fold(0.0, f32::max) {
                    CERTAIN.. => 0.15,
                    0.2.. => 0.1,
                    _ => 0.0,
                };
            out.extend(scene.candidate(self.id(), self.id(), *turn, confidence, weighed, "来电人"));
        }
        if seen.iter().all(|(_, alone, _)| *alone < CERTAIN) {
            return;
        }
        for &turn in scene.caller.iter().filter(|turn| seen.iter().all(|(known, ..)| known != *turn)) {
            let ongoing = scene.weigh(turn, "crisis_ongoing");
            let guided = scene.any([scene.agent_after(turn), scene.agent_before(turn)], "urgent");
            let confidence = if guided { 0.55 } else { 0.3 };
            out.extend(scene.candidate(self.id(), self.id(), turn, confidence, &ongoing, "来电人"));
        }
    }
}
