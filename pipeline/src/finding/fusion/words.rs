//! Evidence and words of what only the heads saw.

use crate::finding::construction::is_punctuation;
use crate::finding::scene::Scene;
use crate::record::Span;

/// Longest evidence of a turn without punctuation, in characters.
const WINDOW: usize = 14;

/// The part between two marks that adds most to the margin, as characters of the shown text.
/// A long part is cut to the window that adds most.
pub(super) fn strongest(scene: &Scene<'_>, turn: usize, shares: &[f32]) -> Option<Span> {
    let fold = scene.fold(turn);
    let chars: Vec<(usize, char)> = fold.char_indices().collect();
    if chars.len() != shares.len() || chars.is_empty() {
        return None;
    }
    let mut parts: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    for (i, (_, c)) in chars.iter().enumerate() {
        if is_punctuation(*c) {
            parts.push((start, i));
            start = i + 1;
        }
    }
    parts.push((start, chars.len()));
    let mut best: Option<(f32, usize, usize)> = None;
    for (from, to) in parts.into_iter().filter(|(from, to)| to > from) {
        let width = (to - from).min(WINDOW);
        for at in from..=to - width {
            let sum: f32 = shares[at..at + width].iter().sum();
            if best.is_none_or(|(most, ..)| sum > most) {
                best = Some((sum, at, at + width));
            }
        }
    }
    let (_, from, to) = best?;
    let byte = |i: usize| chars.get(i).map_or(fold.len(), |(byte, _)| *byte);
    Some(scene.call.turns[turn].span_of(byte(from)..byte(to)))
}

/// One sentence for the supervisor.
pub(super) fn explanation(code: &str, quote: &str) -> String {
    let what = match code {
        "interruption" => "坐席在来电人话没说完时接过了话头",
        "impatience" => "坐席的语气显得敷衍、催促或责备",
        "emotional_display" => "坐席把自己的负面情绪带进了通话",
        "dismissive" => "坐席没有回应来电人的意见，只重复自己的说法",
        "forbidden_phrase" => "坐席说了服务禁语",
        "deflection" => "坐席把事情推开，没有给出可走的下一步",
        "overpromise" => "坐席对结果或时间作了无法控制的承诺",
        "clarification_request" => "来电人没听清或没听懂，要求重复、解释",
        "repeat_contact" => "来电人表示已为此事联系过",
        "escalation_threat" => "来电人表示要向媒体、上级或法院等处反映",
        "crisis" => "来电人的话里有危及生命安全的情形",
        _ => "模型判断为该项行为",
    };
    format!("{what}：“{quote}”。")
}
