//! T3: a filler or pet phrase so frequent that a listener would notice it.

use super::{Detector, Example, Parameter, on_call, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;
use crate::record::Span;

/// Pet phrases, counted over the agent's speech.
pub(super) struct VerbalTic;

/// Turns and characters in them.
type Places = Vec<(usize, Span)>;

impl Detector for VerbalTic {
    fn id(&self) -> &'static str {
        "verbal_tic"
    }
    fn title(&self) -> &'static str {
        "口头禅多"
    }
    fn doc(&self) -> &'static str {
        "A phrase of an editable list that comes at least so many times in the agent's turns and so many times \
         for each hundred spoken units, in enough different turns."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["verbal_tic"]
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter { key: "verbal_tic.phrases", doc: "the phrases that are counted" },
            Parameter { key: "verbal_tic.min_count", doc: "fewest times in a call" },
            Parameter {
                key: "verbal_tic.min_per_100_units",
                doc: "fewest times for each 100 spoken units",
            },
        ]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_call(
                    "verbal_tic",
                    &[
                        ('A', 0, 0, "您好，那个，请讲"),
                        ('C', 0, 0, "我想问一下换证"),
                        ('A', 0, 0, "那个换证的话那个要带身份证"),
                        ('C', 0, 0, "照片呢"),
                        ('A', 0, 0, "那个照片那个现场拍"),
                        ('C', 0, 0, "几天能取"),
                        ('A', 0, 0, "那个一般那个十五天"),
                        ('C', 0, 0, "好"),
                        ('A', 0, 0, "那个感谢来电再见"),
                    ],
                ),
                silent(&[
                    ('A', 0, 0, "您好，请讲"),
                    ('C', 0, 0, "那个，我想问那个，那个换证，那个，那个怎么那个办"),
                    ('A', 0, 0, "换证要带身份证，然后到窗口拍照"),
                ]),
                silent(&[
                    ('A', 0, 0, "您好，请讲"),
                    ('C', 0, 0, "我想问一下换证"),
                    ('A', 0, 0, "您先在网上预约，然后带身份证到窗口，照片可以现场拍，然后十五天以后来取。"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        let settings = &scene.config.verbal_tic;
        let units: u32 = scene.agent.iter().map(|&turn| scene.units(turn)).sum();
        if units == 0 {
            return;
        }
        // Hits of a phrase do not overlap.
        let mut all = vec![Places::new(); settings.phrases.len()];
        for &turn in &scene.agent {
            let normalized = &scene.call.turns[turn];
            scene.tics.each(&normalized.fold, |found| {
                let span = normalized.span_of(found.bytes);
                let places = &mut all[found.phrase];
                if places.last().is_none_or(|(last, before)| *last != turn || before.end <= span.start) {
                    places.push((turn, span));
                }
            });
        }
        let mut worst: Option<(f32, &str, Places)> = None;
        for (phrase, places) in settings.phrases.iter().zip(all).filter(|(phrase, _)| !phrase.is_empty()) {
            let count = places.len() as f32;
            let rate = count * 100.0 / units as f32;
            let mut turns: Vec<usize> = places.iter().map(|&(turn, _)| turn).collect();
            turns.dedup();
            let spread = turns.len() as f32 / scene.agent.len() as f32;
            // 1 where both gates are just reached; a phrase in a few turns only is no habit.
            let gate = (count / settings.min_count.max(1) as f32).min(rate / settings.min_per_100_units.max(0.01));
            let strength = gate * (0.6 + spread).min(1.0);
            if worst.as_ref().is_none_or(|(most, ..)| strength > *most) {
                worst = Some((strength, phrase, places));
            }
        }
        let Some((strength, phrase, places)) = worst else {
            return;
        };
        if strength < 0.6 {
            return;
        }
        let confidence = (0.55 + (strength - 1.0) * 0.4).clamp(0.0, 0.97);
        let count = places.len();
        out.push(Candidate {
            code: self.id().to_owned(),
            turn: None,
            confidence,
            evidence: places.into_iter().take(8).collect(),
            rule: self.id().to_owned(),
            explanation: format!(
                "坐席全程说了{count}次“{phrase}”，平均每百字{:.1}次。",
                count as f32 * 100.0 / units as f32
            ),
            severity: None,
        });
    }
}
