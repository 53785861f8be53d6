//! Texts of calls without the agent: name, id, and the staff number as it is said.

use qingting_pipeline::record::Agent;

/// What stands in the place of a name or number of the agent.
const SOMEBODY: &str = "＊＊";

/// A text without the agent's name and id; in what the agent says also without the staff number, which callers are told at the
/// beginning.
pub(super) fn without_agent(text: &str, agent: Option<&Agent>, spoken: bool) -> String {
    let mut text = text.to_owned();
    let names = agent.map(|agent| [agent.name.as_deref(), Some(agent.id.as_str())]);
    // A name of one character would take away words that have nothing to do with it.
    let names = names.into_iter().flatten().flatten().filter(|name| name.chars().count() > 1);
    for name in names {
        text = text.replace(name, SOMEBODY);
    }
    if spoken { without_staff_number(&text) } else { text }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || "零〇一二三四五六七八九幺两".contains(c)
}

/// Numerals that are told as a number of staff: behind 工号, or before 号 and a word for who serves.
fn without_staff_number(text: &str) -> String {
    const BEHIND: [&str; 3] = ["工号是", "工号为", "工号"];
    const WHO: [&str; 8] = ["坐席", "座席", "话务员", "客服", "接线员", "为您", "很高兴", "专员"];
    let characters: Vec<char> = text.chars().collect();
    let mut written = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let length = characters[at..].iter().take_while(|c| is_digit(**c)).count();
        if length == 0 {
            written.push(characters[at]);
            at += 1;
            continue;
        }
        let after: String = characters[at + length..].iter().take(4).collect();
        let after = after.strip_prefix('号').unwrap_or(&after);
        let told = BEHIND.iter().any(|word| written.ends_with(word)) || WHO.iter().any(|who| after.starts_with(who));
        if told {
            written.push_str(SOMEBODY);
        } else {
            written.extend(&characters[at..at + length]);
        }
        at += length;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_numbers_are_taken_out_and_others_stay() {
        for (said, kept) in [
            ("您好，市民热线，零一号坐席为您服务", "您好，市民热线，＊＊号坐席为您服务"),
            ("工号二一六，很高兴为您服务", "工号＊＊，很高兴为您服务"),
            ("工号1024为您服务", "工号＊＊为您服务"),
            ("您拨打的是12345，三号窗口办理", "您拨打的是12345，三号窗口办理"),
            ("五个工作日内回电", "五个工作日内回电"),
        ] {
            assert_eq!(without_staff_number(said), kept);
        }
    }
}
