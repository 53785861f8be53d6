//! What is taken out of text because nothing could show it: control characters, and the
//! markup of annotation tools. Owns no normalization.

use std::borrow::Cow;

/// Whether a character is never shown: controls but for tab and line feed, marks that turn the
/// direction of writing, and zero-width marks. The joiner of emoji (U+200D) stays.
fn unprintable(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{feff}' | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text without unprintable characters, and whether there were any. Line ends become `\n`,
/// which is no change worth a word.
pub(super) fn clean(text: String) -> (String, bool) {
    if !text.contains(unprintable) {
        return (text, false);
    }
    let text = if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text
    };
    if !text.contains(unprintable) {
        return (text, false);
    }
    (text.replace(unprintable, ""), true)
}

/// An id or another name as every format has it: without unprintable characters and blanks around it, so that a call keeps its
/// id whichever file tells of it.
pub(super) fn label(text: &str) -> String {
    clean(text.to_owned()).0.trim().to_owned()
}

/// Text without the upper-case tags of annotators (`<UNSURE>…</UNSURE>`, `<UNIN/>`): the words
/// inside stay.
pub(super) fn without_markup(text: &str) -> Cow<'_, str> {
    if !text.contains('<') {
        return Cow::Borrowed(text.trim());
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        match after.split_once('>').filter(|(tag, _)| is_annotation(tag)) {
            Some((_, behind)) => rest = behind,
            None => {
                out.push('<');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out.trim().to_owned())
}

fn is_annotation(tag: &str) -> bool {
    let name = tag.trim_matches('/');
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || matches!(c, '_' | ' ' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_go_and_emoji_stay() {
        assert_eq!(clean("您\u{0}好\u{7}\u{202e}".to_owned()), ("您好".to_owned(), true));
        assert_eq!(clean("第一行\r\n第二行\t完".to_owned()), ("第一行\n第二行\t完".to_owned(), false));
        let family = "👨\u{200d}👩\u{200d}👧 谢谢";
        assert_eq!(clean(family.to_owned()), (family.to_owned(), false));
    }

    #[test]
    fn annotators_tags_go_and_their_words_stay() {
        assert_eq!(without_markup("<UNIN/> Sorry. <UNSURE>Bye</UNSURE>."), "Sorry. Bye.");
        assert_eq!(without_markup(" a < b > c "), "a < b > c");
    }
}
