//! T2: the caller gave cause, and through the whole call the agent offered nothing for it.

use super::{Detector, Example, on_call, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;
use crate::record::SentimentLabel;

/// No empathy, thanks, apology or praise beyond greeting and closing.
pub(super) struct NoAcknowledgement;

impl Detector for NoAcknowledgement {
    fn id(&self) -> &'static str {
        "no_acknowledgement"
    }
    fn title(&self) -> &'static str {
        "吝啬赞美与共情"
    }
    fn doc(&self) -> &'static str {
        "Cause (the caller's distress, a long wait, trouble taken, a suggestion, warm thanks), and no turn of \
         the agent between greeting and closing that shows empathy, thanks, apology or praise. The more cause, \
         the more confident."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["no_acknowledgement"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_call(
                    "no_acknowledgement",
                    &[
                        ('A', 0, 0, "您好，请讲。"),
                        ('C', 0, 0, "我妈住院三天了，医保卡刷不出来，我急得一宿没睡。"),
                        ('A', 0, 0, "卡号报一下。"),
                        ('C', 0, 0, "我跑了两趟窗口都没办成，老人还躺着呢，我实在没办法了。"),
                        ('A', 0, 0, "系统里是停保状态。"),
                        ('C', 0, 0, "那怎么办啊，我都快急哭了。"),
                        ('A', 0, 0, "补缴就行。感谢来电，再见。"),
                    ],
                ),
                silent(&[
                    ('A', 0, 0, "您好，请讲。"),
                    ('C', 0, 0, "我妈住院三天了，医保卡刷不出来，我急得一宿没睡。"),
                    ('A', 0, 0, "您别着急，老人住院确实让人揪心，我马上帮您查。"),
                    ('C', 0, 0, "我跑了两趟窗口都没办成。"),
                    ('A', 0, 0, "让您跑两趟实在抱歉。感谢来电，再见。"),
                ]),
                silent(&[
                    ('A', 0, 0, "您好，请讲。"),
                    ('C', 0, 0, "请问居住证在哪里办？"),
                    ('A', 0, 0, "在户籍地派出所，带身份证就可以。"),
                    ('C', 0, 0, "好的。"),
                    ('A', 0, 0, "感谢来电，再见。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let n = scene.agent.len();
        if n < 2 || scene.caller.len() < 2 {
            return;
        }
        let closing = scene.agent[n - 1];
        let offered =
            scene.agent.iter().enumerate().filter(|&(position, &turn)| {
                position > 0 && (turn != closing || n < 3) && scene.has(turn, "acknowledge")
            });
        if offered.count() > 0 {
            return;
        }
        let mut causes: Vec<(usize, f32)> = Vec::new();
        for &turn in &scene.caller {
            let weighed = scene.weigh(turn, "cause");
            let mut weight = weighed.confidence;
            if scene.call.signal(turn).sentiment.label == SentimentLabel::Neg {
                weight = 1.0 - (1.0 - weight) * 0.7;
            }
            if weight > 0.0 {
                causes.push((turn, weight));
            }
        }
        let doubt: f32 = causes.iter().map(|(_, weight)| 1.0 - weight * 0.6).product();
        let confidence = (1.0 - doubt) * 0.95;
        causes.sort_by(|a, b| b.1.total_cmp(&a.1));
        let Some(&(strongest, _)) = causes.first() else { return };
        let evidence = causes.iter().take(3).map(|&(turn, _)| first_cause(scene, turn)).collect();
        let span = first_cause(scene, strongest).1;
        out.push(Candidate {
            code: self.id().to_owned(),
            turn: None,
            confidence,
            evidence,
            rule: self.id().to_owned(),
            explanation: format!(
                "来电人说到“{}”，坐席全程没有一句共情、致歉、感谢或肯定。",
                scene.quote(strongest, span)
            ),
            severity: None,
        });
    }
}

fn first_cause(scene: &Scene<'_>, turn: usize) -> (usize, crate::record::Span) {
    match scene.weigh(turn, "cause").hits.first() {
        Some((_, hit)) => (turn, scene.span(turn, hit)),
        None => scene.whole(turn),
    }
}
