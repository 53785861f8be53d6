//! T1: the agent takes the floor while the caller is still in the middle of a thought.

mod answers;
mod floor;
mod wording;

use self::answers::Assent;
use self::floor::Overlap;
use self::wording::{Ending, Marks, Opening};
use super::{Detector, Example, Parameter, on_turn, silent};
use crate::finding::Candidate;
use crate::finding::construction::is_punctuation;
use crate::finding::pairs::Pairs;
use crate::finding::scene::{Scene, letters};
use crate::record::Span;

/// Overlap, text on both sides and what the caller does next.
pub(super) struct Interruption;

impl Detector for Interruption {
    fn id(&self) -> &'static str {
        "interruption"
    }
    fn title(&self) -> &'static str {
        "抢话打断"
    }
    fn doc(&self) -> &'static str {
        "An agent's turn that starts while the caller is in the middle of a thought and takes the floor. \
         Left out: backchannels and listening prompts; an echo of the caller's words, or a word found for the \
         caller, who affirms it; two who start at once; safety instructions to a caller in danger; the last syllables of a turn that was ending. What \
         raises the confidence: a caller's turn that breaks off (by its mark where the transcript's marks tell, \
         else by its last words), an agent who keeps the floor, a demand or a contradiction, a caller who \
         protests or starts again. What lowers it: a caller who talks on or came in on the agent, assent from either side, a remark of \
         a word or two. Turns of one speaker a breath apart count as one. Needs times."
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
                    ('C', 0, 6000, "那天下午我去了三趟，头一趟说人不在，"),
                    ('A', 4600, 5900, "嗯，这个确实折腾。"),
                    ('C', 5950, 9000, "第二趟又说要预约。"),
                ]),
                silent(&[
                    ('A', 0, 4000, "材料一共是三样，身份证、户口本，"),
                    ('C', 3500, 4300, "哦，三样。"),
                    ('A', 4250, 6500, "还有一样是租房的合同。"),
                    ('C', 6800, 7400, "好。"),
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
        let marks = Marks::of(scene.agent.iter().chain(&scene.caller).map(|&turn| scene.fold(turn)));
        for &turn in &scene.agent {
            if let Some(candidate) = judge(scene, turn, marks) {
                out.push(candidate);
            }
        }
    }
}

/// Two who speak at once for so long contend for the floor; a supporting remark is shorter.
const CONTEST_MS: u64 = 2000;

fn judge(scene: &Scene<'_>, turn: usize, marks: Marks) -> Option<Candidate> {
    let overlap = floor::overlap(scene, turn)?;
    let text = scene.fold(turn);
    let ending = match wording::ending(scene.fold(overlap.caller), last_word(scene, overlap.caller), marks) {
        // How a turn ends that outlasts the agent's is not the agent's doing.
        _ if overlap.goes_on || overlap.taken < -300 => Ending::Unknown,
        ending => ending,
    };
    let settings = &scene.config.interruption;
    if wording::only_listens(text)
        || wording::only_listens(scene.fold(overlap.caller))
        || overlap.spoken < settings.simultaneous_ms
        || overlap.left < settings.min_overlap_ms && !cuts_short(scene, turn, &overlap, ending)
    {
        return None;
    }
    let protest = overlap.next.filter(|&next| protests(scene, next));
    if finds_word(scene, turn, &overlap)
        || yields(scene, turn)
        || guides(scene, turn)
        || protest.is_none() && completes(scene, turn, &overlap)
    {
        return None;
    }
    let confidence = chance(odds(scene, turn, &overlap, ending, protest.is_some()));
    let mut evidence = vec![(turn, scene.call.turns[turn].whole()), tail(scene, overlap.caller)];
    evidence.extend(protest.map(|next| scene.whole(next)));
    let seconds = overlap.together as f32 / 1000.0;
    let then = match (protest, overlap.taken > 0) {
        (Some(_), _) => "来电人随后不得不重新说起",
        (None, true) => "来电人的话没有说完就被接了过去",
        (None, false) => "来电人仍在往下说",
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

/// How the signs of an overlap add up, as the logarithm of odds.
fn odds(scene: &Scene<'_>, turn: usize, overlap: &Overlap, ending: Ending, protest: bool) -> f32 {
    let text = scene.fold(turn);
    // A turn that breaks off may do so at once; one that was ending is talked into its last words;
    // two who go on speaking at once for longer than a remark takes contend for the floor.
    let mut odds: f32 = match (ending, overlap.left, overlap.together) {
        (Ending::Open, _, CONTEST_MS..) => 1.4,
        (Ending::Open, 0..400, _) => 0.5,
        (Ending::Open, 400..1000, _) => 0.9,
        (Ending::Open, ..) => 1.1,
        (Ending::Unknown, _, CONTEST_MS..) => 0.9,
        (Ending::Unknown, 0..400, _) => -1.1,
        (Ending::Unknown, 400..700, _) => 0.0,
        (Ending::Unknown, 700..1500, _) => 0.2,
        (Ending::Unknown, ..) => 0.4,
        (Ending::Closed, _, CONTEST_MS..) => 0.2,
        (Ending::Closed, 0..1000, _) => -1.6,
        (Ending::Closed, ..) => -0.5,
    };
    if overlap.spoken < 2 * scene.config.interruption.simultaneous_ms {
        odds -= 0.4;
    }
    if overlap.resumes {
        odds -= 0.8;
    }
    // Who has the floor afterwards: the agent who goes on alone has taken it, the caller who talks
    // on through a remark has kept it.
    let demands = answers::demands(text);
    let opening = match wording::opening(text) {
        Opening::Plain | Opening::Claims | Opening::Continues if overlap.assented => Opening::Agrees,
        opening => opening,
    };
    odds += match overlap.taken {
        ..-300 if overlap.together >= CONTEST_MS => -0.4,
        // Butting in with a matter of one's own disturbs even where the other talks on.
        ..-300 if scene.units(turn) > 5 && matches!(opening, Opening::Claims | Opening::Opposes) => -1.0,
        ..-300 => -1.5,
        -300..0 => -0.3,
        0..500 => 0.2,
        500..2500 => 0.8,
        // A turn of one's own, not a remark.
        _ => 1.3,
    };
    if latches(scene, turn, overlap.caller) && !demands && !protest {
        odds -= 0.6;
    }
    if stumbles(scene, overlap, turn) {
        odds += 0.6;
    }
    odds += match opening {
        Opening::Agrees if protest => -0.3,
        Opening::Agrees if demands => -0.5,
        // A word of assent is support; a long turn of one's own may begin with it too.
        Opening::Agrees if scene.units(turn) <= 14 => -1.6,
        Opening::Agrees => -0.9,
        Opening::Opposes => 0.6,
        Opening::Continues => -0.8,
        Opening::Claims => 0.3,
        Opening::Plain => 0.0,
    };
    if protest {
        odds += 2.0;
    } else if let Some(next) = overlap.next {
        odds += match answers::assent(scene.fold(next)) {
            Assent::Strong => -1.2,
            Assent::Weak => -0.6,
            Assent::None if takes_up(scene, overlap.caller, next) => 0.6,
            Assent::None => 0.0,
        };
    }
    if demands {
        // Who was cut and is asked something drops the thread to answer.
        odds += if ending == Ending::Open { 0.9 } else { 0.6 };
    } else if scene.units(turn) <= 3 {
        // Too short to be more than a start that was broken off itself.
        odds -= 1.2;
    } else if scene.units(turn) <= 6 && !protest {
        odds -= 0.4;
    }
    if ["impatience", "deflection", "dismissive", "forbidden_phrase"]
        .iter()
        .any(|code| scene.has(turn, code))
    {
        odds += 0.5;
    } else if !protest && !demands && scene.units(turn) <= 12 && scene.has(turn, "acknowledge") {
        odds -= 0.8;
    }
    odds
}

/// Whether the agent begins with the words on which the caller is, as one does who helps along.
fn latches(scene: &Scene<'_>, turn: usize, caller: usize) -> bool {
    let head: String = letters(scene.fold(turn)).into_iter().take(6).collect();
    let heard = last(scene.fold(caller).trim_end_matches(is_punctuation), 10);
    Pairs::of(&head).shared(&Pairs::of(&heard)) >= 1
}

/// Whether the caller, a moment after the agent came in, says a word twice. Where in the text that
/// was is taken from the share of the turn's time that had passed.
fn stumbles(scene: &Scene<'_>, overlap: &Overlap, turn: usize) -> bool {
    let (Some((from, to)), Some((start, _))) = (scene.times(overlap.caller), scene.times(turn)) else {
        return false;
    };
    let said = letters(scene.fold(overlap.caller));
    let at = said.len() as u64 * start.saturating_sub(from) / to.saturating_sub(from).max(1);
    let moment = said.iter().skip((at as usize).saturating_sub(1)).take(10).copied().collect::<Vec<_>>();
    moment.windows(4).any(|w| w[0] == w[2] && w[1] == w[3])
}

fn chance(odds: f32) -> f32 {
    1.0 / (1.0 + (-odds).exp())
}

/// Whether so short an overlap still cut a thought: the caller's last words hang, and the agent
/// keeps the floor.
fn cuts_short(scene: &Scene<'_>, turn: usize, overlap: &Overlap, ending: Ending) -> bool {
    ending == Ending::Open
        && overlap.taken > 0
        && !answers::searches_word(scene.fold(overlap.caller))
        && scene.units(turn) > 3
}

/// Whether the caller asks to be let finish, corrects the agent, or gives up.
fn protests(scene: &Scene<'_>, next: usize) -> bool {
    answers::protests(scene.fold(next)) || scene.hits(next, "given_up").any(|(_, hit)| hit.bytes.start == 0)
}

/// Whether the caller says the words again on which the turn broke off.
fn takes_up(scene: &Scene<'_>, caller: usize, next: usize) -> bool {
    scene.pairs(next).shared(&Pairs::of(&last(scene.fold(caller), 24))) >= 2
}

/// Whether the agent at once hands the floor back, or tells the caller to take the time.
fn yields(scene: &Scene<'_>, turn: usize) -> bool {
    let said = letters(scene.fold(turn)).len();
    said <= 16 && scene.has(turn, "yield") || said <= 8 && scene.has(turn, "hold_notice")
}

/// Whether the agent offers a word for which the caller is looking.
fn finds_word(scene: &Scene<'_>, turn: usize, overlap: &Overlap) -> bool {
    scene.units(turn) <= 6 && answers::searches_word(scene.fold(overlap.caller))
}

/// Whether the agent echoes the caller's words, or finishes them for the caller, who agrees.
fn completes(scene: &Scene<'_>, turn: usize, overlap: &Overlap) -> bool {
    let text = scene.fold(turn);
    let units = scene.units(turn);
    let heard = last(scene.fold(overlap.caller), 40);
    if ["impatience", "forbidden_phrase"].iter().any(|code| scene.has(turn, code)) {
        return false;
    }
    let asks = answers::demands(text);
    let said = letters(text);
    let echoed = said.iter().filter(|c| heard.contains(**c) || "嗯哦对好是哎呀".contains(**c)).count();
    let words = said.len() <= 4 || scene.pairs(turn).shared(&Pairs::of(&heard)) >= 1;
    if !asks && units <= 14 && echoed * 4 >= said.len() * 3 && words {
        return true;
    }
    let Some(next) = overlap.next else { return false };
    let answer: String = scene.fold(next).chars().take(14).collect();
    let longest = scene.config.interruption.completion_units;
    match answers::assent(&answer) {
        Assent::Strong => units <= longest * 2,
        Assent::Weak => !asks && units <= longest,
        Assent::None => !asks && units <= longest / 2 && scene.pairs(turn).shared(&Pairs::of(&answer)) >= 1,
    }
}

/// Whether the agent guides a caller in danger.
fn guides(scene: &Scene<'_>, turn: usize) -> bool {
    let text = scene.fold(turn);
    let mut danger = false;
    let mut at = scene.caller_before(turn);
    for _ in 0..8 {
        let Some(caller) = at else { break };
        danger |= scene.weigh(caller, "crisis").confidence >= 0.5;
        at = scene.caller_before(caller);
    }
    let urgent = scene.has(turn, "urgent");
    urgent && (danger || text.contains('!') || text.contains("千万") || answers::forbids(text))
        || danger
            && !answers::demands(text)
            && (scene.has(turn, "acknowledge") || answers::leads(text) || answers::forbids(text))
}

/// The last word of a turn.
fn last_word<'a>(scene: &Scene<'a>, turn: usize) -> Option<&'a str> {
    let fold = scene.fold(turn);
    let mut words = scene.call.tokens.get(turn)?.iter().rev().map(|token| token.word(fold));
    words.find(|word| !word.chars().all(is_punctuation))
}

fn last(text: &str, n: usize) -> String {
    let skip = text.chars().count().saturating_sub(n);
    text.chars().skip(skip).collect()
}

/// The end of the caller's turn, where it was cut.
fn tail(scene: &Scene<'_>, turn: usize) -> (usize, Span) {
    let whole = scene.call.turns[turn].whole();
    (turn, Span::new(whole.end.saturating_sub(12), whole.end))
}
