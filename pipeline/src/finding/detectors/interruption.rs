//! T1: the agent takes the floor while the caller is still in the middle of a thought.

use super::{Detector, Example, Parameter, on_turn, silent};
use crate::finding::Candidate;
use crate::finding::scene::{Scene, bigrams, letters, shared};

/// Overlap, text on both sides and what the caller does next.
pub(super) struct Interruption;

/// Characters of which a backchannel is made.
const BACKCHANNEL: &str = "嗯哦噢喔啊呀哎唉诶欸呃额对是的好行中成吧呢嘛了哈呵嘿哇哟呦嗨没错明白了解知道清楚懂理晓得可不就这样啦要得听着在记您说讲你请接着继续我都先完";

/// Characters with which an affirmed completion begins.
const AFFIRM: &str = "对是嗯哎啊诶欸没好就可哈噢哦";

impl Detector for Interruption {
    fn id(&self) -> &'static str {
        "interruption"
    }
    fn title(&self) -> &'static str {
        "抢话打断"
    }
    fn doc(&self) -> &'static str {
        "An agent's turn that starts while the caller is speaking, by more than the last syllables. \
         Left out: backchannels and listening prompts, an echo or completion of the caller's words that \
         the caller affirms, two who start at once or an agent who hands the floor back, and safety \
         instructions to a caller in danger. What raises the confidence: a longer overlap, a caller's turn \
         that breaks off, an agent who goes on alone, and a caller who protests or starts again. Needs times."
    }
    fn codes(&self) -> &'static [&'static str] {
        &["interruption"]
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter {
                key: "interruption.min_overlap_ms",
                doc: "a start within so many milliseconds of the caller's end is no interruption",
            },
            Parameter {
                key: "interruption.simultaneous_ms",
                doc: "two who start within so many milliseconds started at once",
            },
            Parameter {
                key: "interruption.completion_units",
                doc: "longest turn, in spoken units, that may be a completion",
            },
        ]
    }
    fn examples(&self) -> &'static [Example] {
        const {
            &[
                on_turn(
                    "interruption",
                    1,
                    &[
                        ('C', 0, 6000, "我家这个水表是去年十月换的，换完以后我就发现那个……"),
                        ('A', 5200, 8000, "水表户号报一下。"),
                        ('C', 8300, 12000, "你让我说完，我发现那个数字一直在走。"),
                    ],
                ),
                on_turn(
                    "interruption",
                    1,
                    &[
                        ('C', 0, 5000, "我想问的不是金额我是想问那个利息它是"),
                        ('A', 4400, 8200, "金额以账单为准您自己看账单就可以"),
                        ('C', 8600, 11000, "我说的是利息"),
                    ],
                ),
                silent(&[
                    ('C', 0, 6000, "那天下午我去了三趟，头一趟说人不在，"),
                    ('A', 5000, 5600, "嗯，您说。"),
                    ('C', 6100, 9000, "第二趟又说要预约。"),
                ]),
                silent(&[
                    ('C', 0, 4000, "就是那个叫什么，公交站旁边那个派出……"),
                    ('A', 3600, 4300, "派出所？"),
                    ('C', 4500, 6000, "对，派出所，我在那儿等了半天。"),
                ]),
                silent(&[
                    ('C', 0, 4000, "屋里味道特别冲，我现在去把灯打开看看……"),
                    ('A', 3000, 5800, "先别开灯！马上到屋外去！"),
                    ('C', 6000, 8000, "好好，我出来了。"),
                ]),
                silent(&[
                    ('A', 0, 1500, "您是哪个小区？"),
                    ('C', 1700, 4000, "我是翠园小区的。"),
                    ('A', 3850, 6000, "翠园小区几号楼？"),
                ]),
            ]
        }
    }

    fn detect(&self, scene: &Scene<'_>, out: &mut Vec<Candidate>) {
        for &turn in &scene.agent {
            if let Some(candidate) = judge(scene, turn) {
                out.push(candidate);
            }
        }
    }
}

fn judge(scene: &Scene<'_>, turn: usize) -> Option<Candidate> {
    let settings = &scene.config.interruption;
    let (start, end) = scene.times(turn)?;
    let caller = overlapped(scene, turn, start)?;
    let (caller_start, caller_end) = scene.times(caller)?;
    let overlap = caller_end.saturating_sub(start);
    if overlap < settings.min_overlap_ms || start.saturating_sub(caller_start) < settings.simultaneous_ms {
        return None;
    }
    let text = scene.fold(turn);
    let said = letters(text);
    if said.iter().all(|c| BACKCHANNEL.contains(*c)) {
        return None;
    }
    let next = scene.caller_after(turn);
    if yields(scene, turn, &said)
        || completes(scene, turn, caller, next)
        || scene.has(turn, "urgent") && danger(scene, turn)
    {
        return None;
    }

    let mut confidence = match overlap {
        0..400 => 0.3,
        400..700 => 0.5,
        700..1500 => 0.58,
        _ => 0.65,
    };
    let open = breaks_off(scene, caller);
    confidence += match open {
        Some(true) => 0.15,
        Some(false) => -0.25,
        None => 0.05,
    };
    let protest = next.filter(|&n| protests(scene, n));
    if protest.is_some() {
        confidence += 0.25;
    }
    // Who has the floor afterwards: the agent who goes on alone has taken it, the caller who
    // talks on through a short remark has kept it.
    let kept = caller_end > end;
    confidence += if kept { -0.25 } else { 0.1 };
    if said.len() <= 3 {
        confidence -= 0.1;
    }
    if said.first().is_some_and(|c| "嗯哎哦噢哈".contains(*c)) {
        confidence -= 0.2;
    }

    let whole = scene.call.turns[turn].whole();
    let mut evidence = vec![(turn, whole), tail(scene, caller)];
    if let Some(protest) = protest {
        evidence.push(scene.whole(protest));
    }
    let seconds = overlap as f32 / 1000.0;
    let then = match (protest, kept) {
        (Some(_), _) => "来电人随后不得不重新说起",
        (None, false) => "来电人的话没有说完就被接了过去",
        (None, true) => "来电人仍在往下说",
    };
    Some(Candidate {
        code: "interruption".to_owned(),
        turn: Some(turn),
        confidence,
        evidence,
        rule: Interruption.id().to_owned(),
        explanation: format!("来电人话没说完，坐席插进来，重叠{seconds:.1}秒，{then}。"),
        severity: None,
    })
}

/// The caller's turn that was going on when the agent came in.
fn overlapped(scene: &Scene<'_>, turn: usize, start: u64) -> Option<usize> {
    let mut before = scene.caller_before(turn);
    for _ in 0..6 {
        let caller = before?;
        let (from, to) = scene.times(caller)?;
        if from < start && start < to {
            return Some(caller);
        }
        before = scene.caller_before(caller);
    }
    None
}

/// Whether the agent at once hands the floor back.
fn yields(scene: &Scene<'_>, turn: usize, said: &[char]) -> bool {
    said.len() <= 16 && scene.has(turn, "yield")
}

/// Whether the agent echoes the caller's words or finishes them for the caller, who then agrees.
fn completes(scene: &Scene<'_>, turn: usize, caller: usize, next: Option<usize>) -> bool {
    let said = bigrams(scene.fold(turn));
    let theirs = bigrams(&last(scene.fold(caller), 40));
    let echoed = shared(&said, &theirs);
    if !said.is_empty() && echoed * 2 >= said.len() && scene.units(turn) <= 14 {
        return true;
    }
    let Some(next) = next else { return false };
    let answer = letters(scene.fold(next));
    let affirmed = answer.first().is_some_and(|c| AFFIRM.contains(*c))
        || shared(&said, &bigrams(&scene.fold(next).chars().take(14).collect::<String>())) >= 1;
    scene.units(turn) <= scene.config.interruption.completion_units && affirmed && !protests(scene, next) && {
        let question = scene.has(turn, "probe");
        !question || shared(&said, &bigrams(scene.fold(next))) >= 1
    }
}

/// Whether somebody is in danger around this turn.
fn danger(scene: &Scene<'_>, turn: usize) -> bool {
    let mut at = scene.caller_before(turn);
    for _ in 0..3 {
        let Some(caller) = at else { break };
        if scene.has(caller, "crisis") {
            return true;
        }
        at = scene.caller_before(caller);
    }
    scene.fold(turn).contains('!') || scene.fold(turn).contains("千万") || scene.fold(turn).contains("别")
}

/// Whether the caller's turn ends in the air; `None` where the transcript has no punctuation.
fn breaks_off(scene: &Scene<'_>, caller: usize) -> Option<bool> {
    let text = scene.fold(caller).trim_end();
    if text.ends_with(['…', '.', ',', '，', '、', '—', '-']) {
        return Some(true);
    }
    if text.ends_with(['。', '!', '！', '?', '？', '~']) {
        return Some(false);
    }
    if text.contains(['。', ',', '，', '?', '？']) {
        return Some(true);
    }
    None
}

/// Whether the caller asks to be let finish, corrects the agent or takes the thread up again.
fn protests(scene: &Scene<'_>, turn: usize) -> bool {
    const MARKS: [&str; 22] = [
        "说完",
        "讲完",
        "没说完",
        "没讲完",
        "听我说",
        "听我讲",
        "让我说",
        "我刚要说",
        "我正要说",
        "我刚才要说",
        "我刚才是想",
        "我是想",
        "我是说",
        "我是问",
        "我想问",
        "我想说",
        "我说的",
        "我问的",
        "说到哪",
        "讲到哪",
        "别打断",
        "插嘴",
    ];
    let text = scene.fold(turn);
    let head: String = text.chars().take(24).collect();
    MARKS.iter().any(|mark| head.contains(mark)) || text.starts_with("不是") || text.starts_with("我没")
}

fn last(text: &str, n: usize) -> String {
    let skip = text.chars().count().saturating_sub(n);
    text.chars().skip(skip).collect()
}

/// The end of the caller's turn, where it was cut.
fn tail(scene: &Scene<'_>, turn: usize) -> (usize, crate::record::Span) {
    let whole = scene.call.turns[turn].whole();
    (turn, crate::record::Span::new(whole.end.saturating_sub(12), whole.end))
}
