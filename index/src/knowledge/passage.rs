//! Cutting an article into passages that can be quoted: whole sentences up to a length, the
//! last short sentence of one repeated at the start of the next.

use qingting_pipeline::record::Span;

/// Characters of a passage at most.
pub const PASSAGE_CHARS: u32 = 240;

/// A sentence up to this length that ends a passage is repeated in the next.
pub const OVERLAP_CHARS: u32 = 48;

/// Cuts a text into passages, as character spans without white space at their ends. Together they
/// hold everything that is not white space.
pub fn cut(text: &str, longest: u32, overlap: u32) -> Vec<Span> {
    let chars: Vec<char> = text.chars().collect();
    let sentences = sentences(&chars, longest.max(1));
    let mut passages: Vec<Span> = Vec::new();
    let mut current: Option<Span> = None;
    let mut last: Option<Span> = None;
    for sentence in sentences {
        current = Some(match (current, last) {
            (Some(passage), _) if sentence.end - passage.start <= longest => Span::new(passage.start, sentence.end),
            (Some(passage), Some(previous)) => {
                passages.push(passage);
                let repeated = previous.start > passage.start
                    && previous.len() <= overlap
                    && sentence.end - previous.start <= longest;
                Span::new(if repeated { previous.start } else { sentence.start }, sentence.end)
            }
            _ => sentence,
        });
        last = Some(sentence);
    }
    passages.extend(current);
    let mut trimmed: Vec<Span> = Vec::with_capacity(passages.len());
    for passage in passages {
        let passage = trim(&chars, passage);
        // Of two that differ in white space and a repeated sentence only, the longer one stays.
        if passage.is_empty() || passage.end <= trimmed.last().map_or(0, |last| last.end) {
            continue;
        }
        trimmed.pop_if(|last| passage.start <= last.start);
        trimmed.push(passage);
    }
    trimmed
}

/// Sentences that touch each other, none longer than `longest`; too long ones break after a comma.
fn sentences(chars: &[char], longest: u32) -> Vec<Span> {
    let mut sentences = Vec::new();
    let mut start = 0u32;
    let mut comma = None;
    let mut ended = false;
    for (&c, at) in chars.iter().zip(0u32..) {
        let is_end = matches!(c, '。' | '！' | '？' | '!' | '?' | '；' | ';' | '\n' | '…');
        // Closing quotes and repeated marks belong to the sentence before them.
        let belongs = is_end || matches!(c, '”' | '’' | '」' | '』' | '）' | ')' | '"');
        if ended && !belongs {
            sentences.push(Span::new(start, at));
            (start, comma, ended) = (at, None, false);
        }
        if at - start >= longest {
            let end = comma.filter(|&end| end > start).unwrap_or(at);
            sentences.push(Span::new(start, end));
            (start, comma, ended) = (end, None, false);
        }
        if matches!(c, '，' | '、' | ',' | '：' | ' ') {
            comma = Some(at + 1);
        }
        ended |= is_end;
    }
    let end = chars.len() as u32;
    if start < end {
        sentences.push(Span::new(start, end));
    }
    sentences
}

fn trim(chars: &[char], span: Span) -> Span {
    let is_space = |at: u32| chars.get(at as usize).is_none_or(|c| c.is_whitespace());
    let mut trimmed = span;
    while trimmed.start < trimmed.end && is_space(trimmed.start) {
        trimmed.start += 1;
    }
    while trimmed.start < trimmed.end && is_space(trimmed.end - 1) {
        trimmed.end -= 1;
    }
    trimmed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::highlight::slice;

    fn texts(text: &str, longest: u32, overlap: u32) -> Vec<&str> {
        cut(text, longest, overlap).into_iter().map(|span| slice(text, span)).collect()
    }

    #[test]
    fn sentences_stay_whole_and_the_last_one_is_repeated() {
        let text = "带好身份证。到窗口办理！当天可取。费用二十元。";
        assert_eq!(
            texts(text, 12, 6),
            [
                "带好身份证。到窗口办理！",
                "到窗口办理！当天可取。",
                "当天可取。费用二十元。"
            ]
        );
        assert_eq!(texts(text, 12, 0), ["带好身份证。到窗口办理！", "当天可取。费用二十元。"]);
        assert_eq!(texts("他说：“好。”然后走了。", 7, 0), ["他说：“好。”", "然后走了。"]);
    }

    #[test]
    fn long_sentences_break_after_a_comma() {
        assert_eq!(texts("第一步登记，第二步缴费，第三步", 8, 0), ["第一步登记，", "第二步缴费，", "第三步"]);
        assert_eq!(texts("没有任何标点的长句子", 4, 0), ["没有任何", "标点的长", "句子"]);
    }

    #[test]
    fn a_repeated_sentence_before_white_space_makes_no_passage() {
        assert_eq!(texts(" ！ 乙\n \n甲 ", 5, 3), ["！ 乙", "甲"]);
    }

    proptest! {
        #[test]
        fn passages_hold_everything(text in "[甲乙。，！ \n”a]{0,80}", longest in 1u32..20, overlap in 0u32..10) {
            let chars: Vec<char> = text.chars().collect();
            let passages = cut(&text, longest, overlap);
            let mut covered = vec![false; chars.len()];
            for passage in &passages {
                prop_assert!(!passage.is_empty() && passage.len() <= longest && passage.end as usize <= chars.len());
                for at in passage.start..passage.end {
                    covered[at as usize] = true;
                }
            }
            prop_assert!(passages.windows(2).all(|p| p[0].start < p[1].start && p[0].end < p[1].end));
            for (c, covered) in chars.iter().zip(covered) {
                prop_assert!(covered || c.is_whitespace());
            }
        }
    }
}
