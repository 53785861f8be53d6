//! The frame of a call: greeting and closing.

use super::{Detector, Example, on_call, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;
use crate::record::Party;

/// The first turn of the agent has no greeting.
pub(super) struct Greeting;

/// The call ends by the agent without a closing.
pub(super) struct Closing;

impl Detector for Greeting {
    fn id(&self) -> &'static str {
        "missing_greeting"
    }
    fn title(&self) -> &'static str {
        "缺少开场问候"
    }
    fn doc(&self) -> &'static str {
        "The agent's first turn has no greeting formula. A recording that begins in the middle (the first turn \
         answers a caller who spoke before at length) is kept for review."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["missing_greeting"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_call("missing_greeting", &[('A', 0, 0, "喂，什么事？"), ('C', 0, 0, "我想查一下水费。")]),
                silent(&[('A', 0, 0, "您好，供水热线，请讲。"), ('C', 0, 0, "我想查一下水费。")]),
                silent(&[('C', 0, 0, "喂，你好。"), ('A', 0, 0, "早上好，很高兴为您服务。")]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let Some(&first) = scene.agent.first() else { return };
        // A greeting split over two turns by the recogniser is one greeting.
        let greeted = scene
            .agent
            .iter()
            .take(2)
            .any(|&turn| scene.has(turn, "greeting") && scene.caller_before(turn).is_none_or(|c| c < first));
        if greeted || scene.caller.is_empty() || !scene.call.record.spoken() {
            return;
        }
        let before: u32 = scene.caller.iter().take_while(|&&c| c < first).map(|&c| scene.units(c)).sum();
        let confidence = if before > 12 { 0.45 } else { 0.9 };
        out.push(Candidate {
            code: self.id().to_owned(),
            turn: None,
            confidence,
            evidence: vec![scene.whole(first)],
            rule: self.id().to_owned(),
            explanation: format!("坐席开口就是“{}”，没有问候。", scene.quote(first, scene.call.turns[first].whole())),
            severity: None,
        });
    }
}

impl Detector for Closing {
    fn id(&self) -> &'static str {
        "missing_closing"
    }
    fn title(&self) -> &'static str {
        "缺少结束语"
    }
    fn doc(&self) -> &'static str {
        "Neither of the agent's last two turns has a closing formula. Excused when the caller hangs up: the \
         record says so, or the caller has the last word in anger or while the matter is open."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["missing_closing"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_call(
                    "missing_closing",
                    &[
                        ('A', 0, 0, "您好，请讲。"),
                        ('C', 0, 0, "我想查水费。"),
                        ('A', 0, 0, "一百二十块。"),
                        ('C', 0, 0, "好，知道了。"),
                        ('A', 0, 0, "嗯，挂了。"),
                    ],
                ),
                silent(&[
                    ('A', 0, 0, "您好，请讲。"),
                    ('C', 0, 0, "我想查水费。"),
                    ('A', 0, 0, "一百二十块。"),
                    ('C', 0, 0, "好，知道了。"),
                    ('A', 0, 0, "感谢来电，再见。"),
                ]),
                silent(&[
                    ('A', 0, 0, "您好，请讲。"),
                    ('C', 0, 0, "我想查水费。"),
                    ('A', 0, 0, "户号是多少？"),
                    ('C', 0, 0, "你什么态度，我不跟你说了，挂了！"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let n = scene.agent.len();
        let (Some(&last), true) = (scene.agent.last(), n >= 2) else {
            return;
        };
        if scene.agent[n - 2..].iter().any(|&turn| scene.has(turn, "closing"))
            || scene.call.record.hangup_by == Some(Party::Caller)
            || !scene.call.record.spoken()
        {
            return;
        }
        // The caller's word after the agent's last one: a leave-taking leaves the closing to the
        // agent, anything else is a caller who has gone.
        let after = scene.caller_after(last);
        let confidence = match after {
            None => 0.85,
            Some(turn) if leaves(scene.fold(turn)) => 0.6,
            Some(turn) if calls_after(scene.fold(turn)) => 0.7,
            Some(_) => 0.2,
        };
        out.push(Candidate {
            code: self.id().to_owned(),
            turn: None,
            confidence,
            evidence: vec![scene.whole(last)],
            rule: self.id().to_owned(),
            explanation: format!("通话停在坐席的“{}”，没有结束语。", scene.quote(last, scene.call.turns[last].whole())),
            severity: None,
        });
    }
}

fn leaves(text: &str) -> bool {
    text.chars().count() <= 14
        && ["没有了", "没了", "好", "行", "嗯", "谢谢", "再见", "知道了"]
            .iter()
            .any(|mark| text.contains(mark))
        && !["等着", "厉害", "真行", "挂了", "不跟你", "算了", "告", "投诉"]
            .iter()
            .any(|mark| text.contains(mark))
}

/// Whether the caller calls after an agent who has gone.
fn calls_after(text: &str) -> bool {
    text.starts_with("喂") && text.chars().count() <= 10
}
