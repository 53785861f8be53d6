//! What a coaching sheet says in words, as Markdown: to the agent, by what was heard, and what went well first.

use std::fmt::Write;

use super::phrases::Phrase;
use super::rates::{Beside, Rate};
use super::sheet::{Habit, Sheet, Strength};
use crate::report::examples::Example;
use crate::report::figures::{Interval, Share};
use crate::report::text::{clock, of, percent, signed};

/// Calls that are shown of a habit.
const SHOWN: usize = 2;
/// Habits that are told at length.
const HABITS: usize = 6;

/// Markdown takes marks at the beginning of words and lines for its own.
pub(super) fn plain(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Renderers let HTML through.
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '&' => written.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '#' | '[' | ']' | '|' | '~' | '!' => {
                written.push('\\');
                written.push(c);
            }
            '\n' | '\r' => written.push(' '),
            _ => written.push(c),
        }
    }
    written
}

/// Both ends of an interval of shares, in percent.
pub(super) fn range(interval: &Interval) -> String {
    format!("{:.0}%–{:.0}%", interval.low * 100.0, interval.high * 100.0)
}

fn hourly(rate: Rate) -> Option<String> {
    let interval = rate.interval()?;
    Some(format!("每小时通话 {:.1} 次（95% 区间 {:.1}–{:.1}）", interval.value, interval.low, interval.high))
}

/// Why a habit is practised.
pub(super) fn why(habit: &Habit) -> String {
    let heard = format!("{} 通里有 {} 通听到", habit.own.of, habit.own.part);
    match (habit.beside_team, habit.beside_before) {
        (Beside::More, _) => format!("{heard}，比班组其他同事多，先从这里练起最见效。"),
        (_, Beside::More) => format!("{heard}，比{}多了，趁还没成习惯改过来。", "上一期"),
        (_, Beside::Fewer) => format!("{heard}，已经比上一期少了，再巩固一下。"),
        _ => format!("{heard}，练熟替换的说法就能少下去。"),
    }
}

/// Percentage points of what is more.
fn points(value: f64) -> String {
    format!("{:.1}", value * 100.0)
}

fn beside_team(habit: &Habit) -> String {
    let Some(team) = habit.team else {
        return "没有可以比较的班组数据。".to_owned();
    };
    let all = percent(team);
    match (habit.beside_team, habit.difference) {
        (Beside::More, Some(by)) => format!(
            "班组其他同事 {all}，您多 {} 个百分点（95% 区间 {} 至 {}），超出偶然波动。",
            points(by.value),
            points(by.low),
            points(by.high)
        ),
        (Beside::Fewer, _) => format!("班组其他同事 {all}，您比大家少，保持住。"),
        (Beside::Alike, _) => format!("班组其他同事 {all}，差别在偶然波动以内。"),
        _ => format!("班组其他同事 {all}，通话数还不够比较。"),
    }
}

fn beside_before(habit: &Habit, name: &str) -> String {
    if habit.before.of == 0 {
        return format!("{name}没有评分通话。");
    }
    let before = format!("{name} {}（{}）", percent(habit.before), of(habit.before));
    match habit.beside_before {
        Beside::More => format!("{before}，本期明显增多。"),
        Beside::Fewer => format!("{before}，本期明显减少，是进步。"),
        Beside::Alike => format!("{before}，变化在偶然波动以内。"),
        Beside::Unknown => format!("{before}，通话数还不够比较。"),
    }
}

fn strength(of_agent: &Strength) -> String {
    let Strength { title, own, team, beside_team, is_absence, .. } = of_agent;
    let title = plain(title);
    let all = team.map_or_else(String::new, |team| format!("班组其他同事 {}", percent(team)));
    if *is_absence {
        return format!("“{title}”只有 {}（{}），{all}，比大家少。", percent(*own), self::of(*own));
    }
    let done = format!("{title}：需要的 {} 通里做到 {} 通（{}）", own.of, own.part, percent(*own));
    match (team, beside_team) {
        (Some(_), Beside::More) => format!("{done}，高于{all}。"),
        (Some(_), _) => format!("{done}；{all}。"),
        (None, _) => format!("{done}。"),
    }
}

/// How much is told of what a point means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing: it went well.
    Words,
    /// What the words do not show, such as times. What a detector says of a tone, around the same words, is for whoever judges,
    /// not for whoever is coached.
    Beside,
    /// All of it.
    Whole,
}

/// A call with its points.
fn example(text: &mut String, example: &Example, told: Told) {
    let at = example.started_at.map_or_else(String::new, |at| at.format(" %m-%d %H:%M").to_string());
    let score = example.score.map_or_else(String::new, |score| format!("，{score:.0} 分"));
    let _ = writeln!(text, "- 通话 `{}`{at}{score}", example.call_id.replace('`', "'"));
    for point in &example.points {
        let time = point.at_ms.map_or_else(String::new, |ms| format!("[{}] ", clock(ms)));
        let turn = point.turn.map_or_else(String::new, |turn| format!("第 {} 句，", turn + 1));
        let title = plain(&point.title);
        let explanation = match told {
            Told::Words => "",
            Told::Beside if !point.quote.is_empty() && point.explanation.contains(&point.quote) => "",
            Told::Beside | Told::Whole => &point.explanation,
        };
        let explanation = plain(explanation);
        let quote = match point.quote.is_empty() || explanation.contains(&plain(&point.quote)) {
            true => String::new(),
            false => format!("“{}”", plain(&point.quote)),
        };
        let _ = writeln!(text, "  - {time}{turn}{title}：{explanation}{quote}");
    }
}

/// A phrase in Markdown.
pub fn phrase(phrase: &Phrase) -> String {
    let sector = phrase.sector.map_or("通用", |sector| sector.zh());
    let mut text = format!("- {}（{sector}）\n", plain(&phrase.situation));
    if let Some(caller) = &phrase.caller {
        let _ = writeln!(text, "  - 来电人：“{}”", plain(caller));
    }
    let _ = writeln!(text, "  - 不要说：“{}”", plain(&phrase.said));
    let _ = writeln!(text, "  - 可以说：“{}”", plain(&phrase.instead));
    let _ = writeln!(text, "  - 为什么：{}", plain(&phrase.why));
    text
}

/// The sheet as Markdown.
pub fn markdown(sheet: &Sheet) -> String {
    let mut text = String::new();
    let who = sheet.name.as_ref().map_or_else(|| sheet.agent.clone(), |name| format!("{name}（{}）", sheet.agent));
    let _ = writeln!(text, "# 辅导单：{}\n", plain(&who));
    let team = sheet.team.as_ref().map_or_else(String::new, |team| format!(" · {}", plain(team)));
    let _ = writeln!(text, "{} 至 {}{team} · 评分通话 {} 通\n", sheet.since, sheet.until, sheet.score.calls);
    summary(&mut text, sheet);
    let _ = writeln!(text, "\n## 做得好的\n");
    match (sheet.is_enough, sheet.praise.is_empty()) {
        (false, _) => text.push_str("数据不足，先听一听下面的通话。\n"),
        (true, true) => text.push_str("本期的通话里还没有足够多的投诉、举报和求助，可以看出哪一步做得稳。\n"),
        (true, false) => sheet.praise.iter().for_each(|item| {
            let _ = writeln!(text, "- {}", strength(item));
        }),
    }
    if !sheet.best.is_empty() {
        text.push_str("\n值得照着讲的通话：\n\n");
        sheet.best.iter().for_each(|call| example(&mut text, call, Told::Words));
    }
    let _ = writeln!(text, "\n## 习惯\n");
    if sheet.habits.is_empty() {
        text.push_str("本期评分通话里没有听到服务问题。\n");
    }
    for habit in sheet.habits.iter().take(HABITS) {
        habit_text(&mut text, habit, sheet);
    }
    if sheet.habits.len() > HABITS {
        let others = sheet.habits.iter().skip(HABITS);
        let others: Vec<String> =
            others.map(|habit| format!("{} {} 通", plain(&habit.title), habit.own.part)).collect();
        let _ = writeln!(text, "另外听到过：{}。", others.join("、"));
    }
    practice_text(&mut text, sheet);
    trend_text(&mut text, sheet);
    text.push_str(
        "\n---\n\n这份辅导单由机器判断汇总，已改判的不计，申诉中的通话不计。每一条都请先听录音再谈；它用来练习，不用来考核。\n",
    );
    text
}

fn summary(text: &mut String, sheet: &Sheet) {
    if let Some(mean) = sheet.score.mean {
        let _ = write!(text, "均分 {mean:.1}");
        if let (Some(team), Some(by)) = (sheet.team_score.and_then(|score| score.mean), sheet.score_difference) {
            let how = if by.differs() {
                "超出偶然波动"
            } else {
                "在偶然波动以内"
            };
            let _ = write!(text, "，班组其他同事 {team:.1}，相差 {} 分，{how}", signed(by.value, 1));
        }
        if let (Some(before), Some(by)) = (sheet.before_score.mean, sheet.score_change) {
            let how = if by.differs() {
                "有明显变化"
            } else {
                "在偶然波动以内"
            };
            let _ = write!(text, "；{} {before:.1}，{} 分，{how}", sheet.before_name, signed(by.value, 1));
        }
        text.push_str("。\n");
    }
    if !sheet.is_enough {
        let _ = writeln!(
            text,
            "\n本期评分通话 {} 通，不到 {} 通：数据不足，不与班组比较，也不列练习。下面的实例可以一起听。",
            sheet.score.calls, sheet.least
        );
    }
    if sheet.contested > 0 {
        let _ = writeln!(text, "\n另有 {} 通正在申诉，裁定之前不计入，也不展示。", sheet.contested);
    }
}

fn habit_text(text: &mut String, habit: &Habit, sheet: &Sheet) {
    let _ = writeln!(text, "### {}\n", plain(&habit.title));
    let counted = match sheet.is_enough.then(|| habit.own.interval()).flatten() {
        Some(interval) => format!("{}（95% 区间 {}）", percent(habit.own), range(&interval)),
        None => "数据不足，不作评价".to_owned(),
    };
    let _ = write!(text, "{} 通里有 {} 通，{counted}", habit.own.of, habit.own.part);
    if let Some(rate) = hourly(habit.rate).filter(|_| sheet.is_enough) {
        let _ = write!(text, "；{rate}");
    }
    text.push_str("。\n");
    if sheet.is_enough {
        let _ = writeln!(text, "{}{}", beside_team(habit), beside_before(habit, sheet.before_name));
    }
    if !habit.worst.is_empty() {
        let told = if habit.is_of_call { Told::Whole } else { Told::Beside };
        text.push_str("\n请听这几处：\n\n");
        habit.worst.iter().take(SHOWN).for_each(|call| example(text, call, told));
    }
    if let Some(best) = habit.best.first() {
        text.push_str("\n您接的这一通就做得好：\n\n");
        example(text, best, Told::Words);
    }
    text.push('\n');
}

fn practice_text(text: &mut String, sheet: &Sheet) {
    if sheet.practice.is_empty() {
        if sheet.is_enough {
            text.push_str("\n## 练习\n\n这一期不用专门练什么，保持现在的做法。\n");
        }
        return;
    }
    let _ = writeln!(text, "\n## 这一期练 {} 件事\n", sheet.practice.len());
    for (nth, practice) in sheet.practice.iter().enumerate() {
        let _ = writeln!(text, "{}. **{}**：{}\n", nth + 1, plain(&practice.title), practice.reason);
        for suggested in &practice.phrases {
            for line in phrase(suggested).lines() {
                let _ = writeln!(text, "   {line}");
            }
        }
        text.push('\n');
    }
}

fn trend_text(text: &mut String, sheet: &Sheet) {
    let told: Vec<_> = sheet.trend.iter().filter(|point| point.score.calls > 0).collect();
    if told.len() < 2 {
        return;
    }
    let named: Vec<&Habit> = sheet.habits.iter().take(3).collect();
    text.push_str("\n## 走势\n\n| 日期 | 通话 | 均分 |");
    for habit in &named {
        let _ = write!(text, " {} |", plain(&habit.title));
    }
    text.push_str("\n|---|---:|---:|");
    text.push_str(&"---:|".repeat(named.len()));
    text.push('\n');
    for point in told {
        let days = match point.since == point.until {
            true => point.since.format("%m-%d").to_string(),
            false => format!("{} 至 {}", point.since.format("%m-%d"), point.until.format("%m-%d")),
        };
        let mean = point.score.mean.map_or_else(String::new, |mean| format!("{mean:.1}"));
        let _ = write!(text, "| {days} | {} | {mean} |", point.score.calls);
        for share in point.faults.iter().take(named.len()) {
            let _ = write!(text, " {} |", count_of(*share));
        }
        text.push('\n');
    }
}

fn count_of(share: Share) -> String {
    if share.of == 0 {
        "无数据".to_owned()
    } else {
        format!("{}/{}", share.part, share.of)
    }
}
