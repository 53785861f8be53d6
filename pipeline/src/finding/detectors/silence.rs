//! A long gap that the agent neither announced nor excused.

use super::{Detector, Example, Parameter, on_call, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;

/// Gaps inside the call, with what was said before and after them.
pub(super) struct UnexplainedSilence;

impl Detector for UnexplainedSilence {
    fn id(&self) -> &'static str {
        "unexplained_silence"
    }
    fn title(&self) -> &'static str {
        "无说明的长时间静默"
    }
    fn doc(&self) -> &'static str {
        "A gap over the limit between two turns. Announced (请稍等) by the agent in the last two turns before it, \
         excused (让您久等了) in the first turn after it, or asked for by the caller (我去拿一下), it is no fault; nor where the agent spoke last and the caller, \
         busy with what was asked, comes back without looking for the agent."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["unexplained_silence"]
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[Parameter { key: "silence.min_ms", doc: "shortest gap that needs to be announced or excused" }]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_call(
                    "unexplained_silence",
                    &[
                        ('C', 0, 3000, "我的户号是三二零七。"),
                        ('A', 18000, 20000, "欠费六十块。"),
                        ('C', 20500, 22000, "喂，我以为断了。"),
                    ],
                ),
                silent(&[
                    ('C', 0, 3000, "我的户号是三二零七。"),
                    ('A', 3200, 5000, "请您稍等，我查一下。"),
                    ('C', 5200, 5600, "好。"),
                    ('A', 20000, 22000, "欠费六十块。"),
                ]),
                silent(&[
                    ('C', 0, 3000, "户号我去拿一下单子，你等我。"),
                    ('A', 3200, 4000, "好的。"),
                    ('C', 20000, 22000, "三二零七。"),
                ]),
                silent(&[
                    ('C', 0, 3000, "那个开关在哪儿？"),
                    ('A', 3200, 5000, "在电表箱下面，您把它推上去看看。"),
                    ('C', 19000, 21000, "推上去了，灯亮了。"),
                ]),
                silent(&[
                    ('C', 0, 3000, "我的户号是三二零七。"),
                    ('A', 16000, 20000, "让您久等了，欠费六十块。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let turns = &scene.call.record.turns;
        let mut end: Option<(u64, usize)> = None;
        let mut worst: Option<(u64, usize, usize)> = None;
        for (turn, recorded) in turns.iter().enumerate() {
            let Some((start, stop)) = recorded.times() else { return };
            if let Some((before, last)) = end {
                let gap = start.saturating_sub(before);
                if gap > scene.config.silence.min_ms
                    && !explained(scene, last, turn)
                    && worst.is_none_or(|(longest, ..)| gap > longest)
                {
                    worst = Some((gap, last, turn));
                }
            }
            if end.is_none_or(|(before, _)| stop > before) {
                end = Some((stop, turn));
            }
        }
        let Some((gap, before, after)) = worst else { return };
        let evidence = [before, after]
            .into_iter()
            .filter(|&turn| !scene.call.turns[turn].text.is_empty())
            .map(|turn| scene.whole(turn))
            .collect::<Vec<_>>();
        if evidence.is_empty() {
            return;
        }
        out.push(Candidate {
            code: self.id().to_owned(),
            turn: None,
            confidence: if gap > 2 * scene.config.silence.min_ms {
                0.9
            } else {
                0.8
            },
            evidence,
            rule: self.id().to_owned(),
            explanation: format!("通话中有{:.0}秒无人说话，坐席事先没有说明，事后也没有致意。", gap as f32 / 1000.0),
            severity: None,
        });
    }
}

/// Whether somebody announced or excused the gap between two turns.
fn explained(scene: &Scene<'_>, before: usize, after: usize) -> bool {
    let mut agents = Vec::new();
    let mut at = Some(before).filter(|b| scene.agent.binary_search(b).is_ok()).or_else(|| scene.agent_before(before));
    for _ in 0..2 {
        let Some(turn) = at else { break };
        agents.push(turn);
        at = scene.agent_before(turn);
    }
    // An older announcement covers the gap only while nothing else was said since.
    let announced = agents.iter().enumerate().any(|(i, &turn)| {
        scene.has(turn, "hold_notice") && (i == 0 || scene.units(agents[0]) <= 4 && before - turn <= 4)
    });
    let next = Some(after).filter(|a| scene.agent.binary_search(a).is_ok()).or_else(|| scene.agent_after(after));
    let excused = next.is_some_and(|turn| turn <= after + 1 && scene.has(turn, "hold_excuse"));
    let callers = [Some(before), scene.caller_before(before)];
    let asked = callers
        .into_iter()
        .flatten()
        .any(|turn| scene.caller.binary_search(&turn).is_ok() && before - turn <= 2 && leaves_phone(scene.fold(turn)));
    announced || excused || asked || busy(scene, before, after)
}

/// Whether the gap is the caller's: the agent had spoken last, and the caller comes back without
/// asking where the agent is.
fn busy(scene: &Scene<'_>, before: usize, after: usize) -> bool {
    const CALLS: [&str; 10] = [
        "喂",
        "还在",
        "在吗",
        "在不在",
        "人呢",
        "没声",
        "听得到",
        "听得见",
        "断线",
        "怎么样",
    ];
    let back = scene.fold(after);
    scene.agent.binary_search(&before).is_ok()
        && scene.caller.binary_search(&after).is_ok()
        && !CALLS.iter().any(|call| back.chars().take(12).collect::<String>().contains(call))
}

/// Whether the caller asks the agent to wait.
fn leaves_phone(text: &str) -> bool {
    const MARKS: [&str; 22] = [
        "等我",
        "等一下",
        "等会",
        "等下",
        "等等",
        "等到起",
        "我去拿",
        "我去找",
        "我去看",
        "我找",
        "我翻",
        "我看一下",
        "我看看",
        "我瞅",
        "我拿",
        "我瞧",
        "你等",
        "您等",
        "别挂",
        "我换",
        "我弄一下",
        "我问问",
    ];
    MARKS.iter().any(|mark| text.contains(mark))
}
