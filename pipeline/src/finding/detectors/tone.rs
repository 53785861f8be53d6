//! T4 and T5: the agent's tone. What is said (constructions of `lexicon/tone.toml`) and how
//! the caller takes it.

use super::{Detector, Example, on_turn, silent};
use crate::finding::Candidate;
use crate::finding::scene::Scene;

/// A perfunctory, hurrying, scolding or rhetorical tone.
pub(super) struct Impatience;

/// The agent's own negative feeling.
pub(super) struct EmotionalDisplay;

impl Detector for Impatience {
    fn id(&self) -> &'static str {
        "impatience"
    }
    fn title(&self) -> &'static str {
        "语气随意或不耐烦"
    }
    fn doc(&self) -> &'static str {
        "Constructions of hurrying, scolding, belittling and rhetorical speech in an agent's turn. Several \
         add up; a caller who objects to the tone in the next turn raises the confidence, an apology, \
         empathy or concrete help in the same turn lowers it. Reported speech does not count."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["impatience"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn(
                    "impatience",
                    1,
                    &[
                        ('C', 0, 0, "那个验证码在哪里填啊"),
                        ('A', 0, 0, "我不是跟您说过了吗，就在下面，快点填吧"),
                        ('C', 0, 0, "你这什么态度"),
                    ],
                ),
                silent(&[
                    ('C', 0, 0, "我不太会用手机，这一步在哪里点"),
                    ('A', 0, 0, "没关系，您慢慢来，我一步一步陪您点"),
                ]),
                silent(&[
                    ('C', 0, 0, "窗口的人跟我说你怎么还不明白"),
                    ('A', 0, 0, "窗口工作人员说你怎么还不明白，这样确实不合适，我帮您反映"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        tone(scene, "impatience", self.id(), out);
    }
}

impl Detector for EmotionalDisplay {
    fn id(&self) -> &'static str {
        "emotional_display"
    }
    fn title(&self) -> &'static str {
        "流露个人情绪"
    }
    fn doc(&self) -> &'static str {
        "Constructions of complaint about work and colleagues, self-pity, sighing and sarcasm in an agent's \
         turn. The same about the caller's feelings (您受委屈了) is empathy and excepted. Several add up; a \
         caller's reaction to it in the next turn raises the confidence."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["emotional_display"]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn(
                    "emotional_display",
                    1,
                    &[
                        ('C', 0, 0, "麻烦你再帮我查一下"),
                        ('A', 0, 0, "我一天接一百多个电话，嗓子都哑了，也没人替我们想想"),
                        ('C', 0, 0, "哦，你们也不容易"),
                    ],
                ),
                silent(&[
                    ('C', 0, 0, "跑了三趟都没办成，我真是一肚子气"),
                    ('A', 0, 0, "让您受委屈了，换谁都会着急，我马上帮您核实"),
                ]),
                silent(&[
                    ('C', 0, 0, "孩子这几天住院"),
                    ('A', 0, 0, "哎呀，那您辛苦了，孩子现在好些了吗？"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        tone(scene, "emotional_display", self.id(), out);
    }
}

fn tone(scene: &Scene<'_>, code: &str, rule: &str, out: &mut Vec<Candidate>) {
    for &turn in &scene.agent {
        let weighed = scene.weigh(turn, code);
        if weighed.is_empty() {
            continue;
        }
        let mut confidence = weighed.confidence;
        if scene.any([scene.caller_after(turn)], "attitude") {
            confidence += 0.2;
        }
        if scene.has(turn, "acknowledge") {
            confidence -= 0.2;
        }
        if code == "impatience" && scene.has(turn, "help") {
            confidence -= 0.1;
        }
        out.extend(scene.candidate(rule, code, turn, confidence, &weighed, "坐席"));
    }
}
