//! A complaint or request is taken down and its key facts are never restated.

use super::{Detector, Example, on_call, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;

/// Registered without a recap.
pub(super) struct NoRecap;

impl Detector for NoRecap {
    fn id(&self) -> &'static str {
        "no_recap"
    }
    fn title(&self) -> &'static str {
        "未复述确认"
    }
    fn doc(&self) -> &'static str {
        "The agent registers or passes on a matter, and no turn restates its key facts: neither a formula of \
         recap nor a turn that takes up the words of several of the caller's turns."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["no_recap"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_call(
                    "no_recap",
                    &[
                        ('A', 0, 0, "您好，请讲。"),
                        ('C', 0, 0, "我们小区东门的路灯坏了半个月了。"),
                        ('A', 0, 0, "小区叫什么？"),
                        ('C', 0, 0, "青松苑，在学府路上，晚上老人出门看不见。"),
                        ('A', 0, 0, "好，给您登记派单了。"),
                        ('C', 0, 0, "多久有人来？"),
                        ('A', 0, 0, "五个工作日内联系您，再见。"),
                    ],
                ),
                silent(&[
                    ('A', 0, 0, "您好，请讲。"),
                    ('C', 0, 0, "我们小区东门的路灯坏了半个月了。"),
                    ('A', 0, 0, "小区叫什么？"),
                    ('C', 0, 0, "青松苑，在学府路上，晚上老人出门看不见。"),
                    ('A', 0, 0, "跟您核对一下，学府路青松苑东门的路灯坏了半个月，晚上老人出行不便，要求尽快修，对吗？"),
                    ('C', 0, 0, "对。"),
                    ('A', 0, 0, "给您派单了，感谢来电，再见。"),
                ]),
                silent(&[
                    ('A', 0, 0, "您好，请讲。"),
                    ('C', 0, 0, "请问护照怎么办？"),
                    ('A', 0, 0, "带身份证到出入境大厅。"),
                    ('C', 0, 0, "好。"),
                    ('A', 0, 0, "感谢来电，再见。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let Some(&first) = scene.agent.first() else { return };
        let registered: Vec<usize> =
            scene.agent.iter().copied().filter(|&turn| turn != first && scene.has(turn, "register")).collect();
        let Some(&at) = registered.first() else { return };
        let mut best = 0.0f32;
        for &turn in scene.agent.iter().skip(1) {
            best = best.max(restates(scene, turn));
        }
        let mut confidence = 0.75 - best;
        if registered.len() >= 2 {
            confidence += 0.05;
        }
        let evidence = registered
            .iter()
            .take(2)
            .map(|&turn| {
                let hit = scene.hits(turn, "register").next().map(|(_, hit)| scene.span(turn, hit));
                (turn, hit.unwrap_or_else(|| scene.call.turns[turn].whole()))
            })
            .collect();
        out.push(Candidate {
            code: self.id().to_owned(),
            turn: None,
            confidence,
            evidence,
            rule: self.id().to_owned(),
            explanation: format!(
                "坐席受理了诉求（“{}”），没有把关键信息复述给来电人确认。",
                scene.quote(at, scene.call.turns[at].whole())
            ),
            severity: None,
        });
    }
}

/// How much a turn of the agent restates what the caller has said: 0 to 1.
fn restates(scene: &Scene<'_>, turn: usize) -> f32 {
    let own = scene.pairs(turn);
    let mut taken = 0;
    let mut sources = 0;
    for &caller in scene.caller.iter().filter(|&&c| c < turn) {
        let common = own.shared(scene.pairs(caller));
        if common >= 2 {
            sources += 1;
            taken += common;
        }
    }
    let formula = scene.has(turn, "recap");
    let breadth = match (taken, sources) {
        (12.., 2..) => 0.6,
        (9.., 2..) | (12.., 1) => 0.4,
        (6.., 2..) => 0.25,
        (4.., 1..) => 0.1,
        _ => 0.0,
    };
    let check = if formula && scene.units(turn) >= 12 { 0.25 } else { 0.0 };
    breadth + if breadth > 0.0 { check } else { check * 0.4 }
}
