//! T6: the agent only reacts: no probing, no check, no next step, no alternative.

use super::{Detector, Example, on_call, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;

/// Answers and nothing more, though the need was unclear or more could be done.
pub(super) struct PassiveService;

impl Detector for PassiveService {
    fn id(&self) -> &'static str {
        "passive_service"
    }
    fn title(&self) -> &'static str {
        "被动执行、没有主动挖掘"
    }
    fn doc(&self) -> &'static str {
        "Over the whole call: few turns that probe, register, offer a step or check understanding, short \
         answers, a caller who asks question after question and gives up or leaves without a result."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["passive_service"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_call(
                    "passive_service",
                    &[
                        ('A', 0, 0, "您好，请讲。"),
                        ('C', 0, 0, "我申请的租房补贴一直没下来。"),
                        ('A', 0, 0, "没下来就是还在审。"),
                        ('C', 0, 0, "那卡在哪一步了？"),
                        ('A', 0, 0, "以审核为准。"),
                        ('C', 0, 0, "我是不是材料不齐？"),
                        ('A', 0, 0, "有可能。"),
                        ('C', 0, 0, "那我现在能做什么？"),
                        ('A', 0, 0, "等通知吧。"),
                        ('C', 0, 0, "算了，我再问问别人吧。"),
                        ('A', 0, 0, "好的，感谢来电，再见。"),
                    ],
                ),
                silent(&[
                    ('A', 0, 0, "您好，请讲。"),
                    ('C', 0, 0, "我申请的租房补贴一直没下来。"),
                    ('A', 0, 0, "您是哪天交的申请？我帮您查一下进度。"),
                    ('C', 0, 0, "上个月八号。"),
                    ('A', 0, 0, "查到了，缺一份租赁备案，您可以在小程序里补传，我把链接发您手机上。"),
                    ('C', 0, 0, "好的谢谢。"),
                    ('A', 0, 0, "感谢来电，再见。"),
                ]),
                silent(&[
                    ('A', 0, 0, "您好，请讲。"),
                    ('C', 0, 0, "请问社保大厅几点下班？"),
                    ('A', 0, 0, "下午五点，周末不上班，您要办什么业务？"),
                    ('C', 0, 0, "没事了，谢谢。"),
                    ('A', 0, 0, "感谢来电，再见。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let n = scene.agent.len();
        if n < 4 || scene.caller.len() < 3 {
            return;
        }
        // Greeting and closing say nothing of the conduct between them.
        let middle = &scene.agent[1..n - 1];
        let count = |group: &str| middle.iter().filter(|&&turn| scene.has(turn, group)).count() as f32;
        let turns = middle.len() as f32;
        let (probe, help, register) = (count("probe"), count("help"), count("register"));
        let recap = count("recap");
        let active = middle
            .iter()
            .filter(|&&turn| {
                ["probe", "help", "register", "recap", "urgent"].iter().any(|group| scene.has(turn, group))
            })
            .count() as f32;
        let deflected = middle.iter().filter(|&&turn| scene.weigh(turn, "deflection").confidence >= 0.4).count() as f32;
        let units: f32 = middle.iter().map(|&turn| scene.units(turn) as f32).sum();
        let last_callers = scene.caller.iter().rev().take(3);
        let given_up = last_callers.filter(|&&turn| scene.has(turn, "given_up")).count() as f32;
        let asked = scene.caller.iter().filter(|&&turn| asks(scene.fold(turn))).count() as f32;

        let mut score = 0.25;
        score += 0.5 * (0.45 - active / turns);
        score += if register == 0.0 { 0.12 } else { -0.2 };
        score += if help == 0.0 { 0.12 } else { -0.06 * help.min(4.0) };
        score += if probe == 0.0 { 0.06 } else { -0.02 * probe.min(5.0) };
        score += if recap == 0.0 { 0.0 } else { -0.15 };
        score += 0.1 * given_up.min(2.0);
        score += 0.06 * deflected.min(4.0);
        score += if units / turns < 16.0 { 0.08 } else { -0.05 };
        score += 0.02 * (asked - 2.0).clamp(0.0, 5.0);

        let idle: Vec<usize> = middle
            .iter()
            .copied()
            .filter(|&turn| !["probe", "help", "register", "yield"].iter().any(|group| scene.has(turn, group)))
            .take(3)
            .collect();
        let Some(&first) = idle.first() else { return };
        let evidence: Vec<_> = idle.iter().map(|&turn| scene.whole(turn)).collect();
        out.push(Candidate {
            code: self.id().to_owned(),
            turn: None,
            confidence: score,
            evidence,
            rule: self.id().to_owned(),
            explanation: format!(
                "坐席问一句答一句（如“{}”），没有追问需求，也没有主动给出下一步或替代办法。",
                scene.quote(first, scene.call.turns[first].whole())
            ),
            severity: None,
        });
    }
}

/// Whether a caller's turn asks something.
fn asks(text: &str) -> bool {
    text.contains(['?', '？'])
        || ["吗", "呢", "怎么", "什么", "哪", "咋", "多久", "能不能"].iter().any(|mark| text.contains(mark))
}
