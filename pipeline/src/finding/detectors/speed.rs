//! T7: the agent speaks too fast to follow.

use super::{Detector, Example, Parameter, on_call, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;

/// Spoken units a second over the agent's longer turns, with the caller's requests to slow down.
pub(super) struct FastSpeech;

impl Detector for FastSpeech {
    fn id(&self) -> &'static str {
        "fast_speech"
    }
    fn title(&self) -> &'static str {
        "语速过快"
    }
    fn doc(&self) -> &'static str {
        "The agent's rate over all longer turns together, well above six units a second; a caller who asks to \
         repeat or slow down lowers the limit. Two long fast turns after which the caller at once asks again \
         are enough, however slow the rest is. Needs times."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["fast_speech"]
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter {
                key: "fast_speech.rate",
                doc: "units a second from which speech is fast by itself",
            },
            Parameter {
                key: "fast_speech.rate_with_request",
                doc: "the same where the caller asks to repeat or slow down",
            },
            Parameter { key: "fast_speech.min_units", doc: "shortest turn, in units, whose rate counts" },
        ]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_call(
                    "fast_speech",
                    &[
                        ('A', 0, 1500, "您好请问有什么可以帮您"),
                        ('C', 1800, 4000, "我想问一下怎么办护照"),
                        ('A', 4200, 8000, "带身份证户口本到出入境大厅先取号再填表拍照采指纹最后缴费等十五天来取"),
                        ('C', 8300, 10000, "你慢一点说，我没记住"),
                        ('A', 10200, 13800, "身份证户口本出入境大厅取号填表拍照采指纹缴费十五天以后来拿"),
                    ],
                ),
                on_call(
                    "fast_speech",
                    &[
                        ('A', 0, 3000, "您好请问有什么可以帮您"),
                        ('C', 3200, 6000, "我想问一下怎么办护照"),
                        ('A', 6200, 10400, "带身份证户口本到出入境大厅先取号再填表拍照采指纹最后缴费等十五天"),
                        ('C', 10600, 12000, "你慢着点，先带什么"),
                        ('A', 12200, 17000, "先带身份证和户口本这两样就行了"),
                        ('C', 17200, 18000, "然后呢"),
                        ('A', 18200, 22300, "到了大厅取号填表拍照采指纹窗口交材料网上缴费半个月以后来领证"),
                        ('C', 22500, 24000, "太快了，我跟不上"),
                        ('A', 24200, 30000, "好的，我一样一样说，第一样是取号"),
                    ],
                ),
                silent(&[
                    ('A', 0, 3000, "您好请问有什么可以帮您"),
                    ('C', 3200, 6000, "我想问一下怎么办护照"),
                    ('A', 6200, 14000, "带身份证户口本到出入境大厅先取号再填表拍照采指纹最后缴费"),
                ]),
                silent(&[
                    ('A', 0, 3000, "您好请问有什么可以帮您"),
                    ('C', 3200, 6000, "刚才信号不好，你再说一遍"),
                    ('A', 6200, 9000, "您好请问有什么可以帮您"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let settings = &scene.config.fast_speech;
        let (mut units, mut millis) = (0u64, 0u64);
        let mut fastest: Vec<(f32, usize)> = Vec::new();
        for &turn in &scene.agent {
            let said = scene.units(turn);
            let Some((start, end)) = scene.times(turn).filter(|_| said >= settings.min_units) else {
                continue;
            };
            let took = end.saturating_sub(start).max(1);
            units += u64::from(said);
            millis += took;
            fastest.push((said as f32 * 1000.0 / took as f32, turn));
        }
        let requests: Vec<usize> = scene.caller.iter().copied().filter(|&t| slow_down(scene.fold(t))).collect();
        let asked = requests.len();
        if millis == 0 || units < 30 {
            return;
        }
        let rate = units as f32 * 1000.0 / millis as f32;
        let limit = if asked > 0 {
            settings.rate_with_request
        } else {
            settings.rate
        };
        let lost = lost_in(scene, &fastest, settings.rate);
        let mut confidence = (0.55 + (rate - limit) * 0.35 + 0.05 * asked.min(3) as f32).min(0.97);
        if lost.len() > 1 {
            // One slow answer after another does not make up for those that the caller lost.
            confidence = confidence.max(0.75);
        }
        fastest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut evidence: Vec<_> = fastest.iter().take(2).map(|&(_, turn)| scene.whole(turn)).collect();
        let heard_in: Vec<usize> = lost.iter().map(|&(_, caller)| caller).collect();
        let shown = if requests.is_empty() { &heard_in } else { &requests };
        evidence.extend(shown.iter().take(2).map(|&turn| scene.whole(turn)));
        let heard = if lost.len() > 1 {
            format!("，其中{}次说完来电人就跟不上", lost.len())
        } else if asked > 0 {
            format!("，来电人{asked}次请其放慢或重复")
        } else {
            String::new()
        };
        out.push(Candidate {
            code: self.id().to_owned(),
            turn: None,
            confidence,
            evidence,
            rule: self.id().to_owned(),
            explanation: format!("坐席平均每秒{rate:.1}个字{heard}。"),
            severity: None,
        });
    }
}

/// Shortest turn, in spoken units, in which a listener gets lost by speed alone.
const LONG_UNITS: u32 = 20;

/// The fast long turns after which the caller at once asks again or to slow down, with that turn
/// of the caller.
fn lost_in(scene: &Scene<'_>, rates: &[(f32, usize)], limit: f32) -> Vec<(usize, usize)> {
    rates
        .iter()
        .filter(|&&(rate, turn)| rate >= limit && scene.units(turn) >= LONG_UNITS)
        .filter_map(|&(_, turn)| Some((turn, scene.caller_after(turn)?)))
        .filter(|&(_, caller)| {
            slow_down(scene.fold(caller)) || scene.weigh(caller, "clarification_request").confidence >= 0.3
        })
        .collect()
}

/// Whether a caller's turn asks the agent to slow down.
fn slow_down(text: &str) -> bool {
    const MARKS: [&str; 18] = [
        "慢着",
        "撵不上",
        "接不住",
        "跟不牢",
        "慢点",
        "慢一点",
        "慢些",
        "慢着点",
        "太快",
        "跟不上",
        "没记住",
        "记不住",
        "记不下",
        "记不过来",
        "机关枪",
        "没跟上",
        "一口气",
        "慢慢说",
    ];
    MARKS.iter().any(|mark| text.contains(mark))
}
