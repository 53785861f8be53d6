//! What a bulletin looks like: Markdown, and one HTML file without anything from outside, for the screen and for A4. Says in words
//! whether a change is more than chance.

use std::fmt::Write;

use maud::{Markup, html};

use super::bulletin::{Behaviour, Bulletin, Quality};
use super::example::{CaseStudy, speaker};
use super::rates::Beside;
use super::sheet_text::{plain, range};
use crate::report::charts::difference;
use crate::report::examples::Example;
use crate::report::html::document;
use crate::report::text::{NO_DATA, clock, count, of, percent, signed};

/// Lines of an example that are printed.
const LINES: usize = 6;

fn heading(bulletin: &Bulletin) -> String {
    let whose = bulletin.team.as_deref().unwrap_or("全热线");
    format!("{whose}{}", bulletin.title)
}

fn days(bulletin: &Bulletin) -> String {
    let Bulletin { since, until, before_since, before_until, before_name, .. } = bulletin;
    format!("{since} 至 {until} · 对比：{before_name}（{before_since} 至 {before_until}）")
}

/// A change in words.
fn change(behaviour: &Behaviour, name: &str) -> String {
    match (behaviour.beside, behaviour.change) {
        (Beside::Unknown, _) | (_, None) => "通话数还不够比较".to_owned(),
        (Beside::Alike, Some(by)) => format!("较{name} {} 个百分点，在偶然波动以内", signed(by.value * 100.0, 1)),
        (_, Some(by)) => format!(
            "较{name} {} 个百分点（95% 区间 {} 至 {}），超出偶然波动",
            signed(by.value * 100.0, 1),
            signed(by.low * 100.0, 1),
            signed(by.high * 100.0, 1)
        ),
    }
}

/// What is to be known in a few sentences.
fn summary(bulletin: &Bulletin) -> Vec<String> {
    let by = bulletin.before_name;
    let mut lines = vec![format!(
        "来电 {} 通（{by} {} 通），对话 {} 通，接通率 {}。",
        count(bulletin.offered),
        count(bulletin.offered_before),
        count(bulletin.conversations),
        percent(bulletin.connected)
    )];
    if bulletin.satisfied.now.of > 0 {
        let satisfied = &bulletin.satisfied;
        lines.push(format!(
            "来电人满意率 {}（{}），{}。",
            percent(satisfied.now),
            of(satisfied.now),
            change(satisfied, by)
        ));
    }
    match &bulletin.quality {
        None => {
            lines.push(format!("有评分通话的坐席不到 {} 人，按设置不通报质检情况，以免指向个人。", bulletin.min_group));
        }
        Some(quality) => {
            if let Some(mean) = quality.score.mean {
                let than = match quality.change {
                    Some(by_points) if by_points.differs() => {
                        format!("，较{by} {} 分，超出偶然波动", signed(by_points.value, 1))
                    }
                    Some(by_points) => format!("，与{by}的差别（{} 分）在偶然波动以内", signed(by_points.value, 1)),
                    None => String::new(),
                };
                lines.push(format!("质检均分 {mean:.1}（{} 通）{than}。", count(quality.score.calls)));
            }
            let faultless = &quality.faultless;
            lines.push(format!("没有服务问题的通话占 {}，{}。", percent(faultless.now), change(faultless, by)));
        }
    }
    if let Some(cases) = &bulletin.cases {
        lines.push(format!(
            "案件：新立 {} 件，办结 {} 件（按时 {} 件；{by}办结 {} 件），期末在办 {} 件，其中超期 {} 件。",
            cases.opened, cases.closed, cases.closed_on_time, cases.closed_before, cases.open, cases.overdue
        ));
    }
    lines
}

fn people(quality: &Quality) -> Vec<String> {
    if quality.compared == 0 {
        return vec![format!(
            "有评分通话的坐席 {} 人，各人的通话数都还不够比较。",
            quality.agents
        )];
    }
    let mut lines = vec![format!(
        "有评分通话的坐席 {} 人，其中通话数够比较的 {} 人：明显高于同队列均分的 {} 人，建议辅导的 {} 人，其余在偶然波动以内。",
        quality.agents, quality.compared, quality.above, quality.below
    )];
    if !quality.praised.is_empty() {
        lines.push(format!("表扬：{}。", quality.praised.join("、")));
    }
    if !quality.coached.is_empty() {
        lines.push(format!("安排辅导：{}。", quality.coached.join("、")));
    }
    lines
}

fn topics(bulletin: &Bulletin) -> Vec<String> {
    match &bulletin.risen {
        None => vec!["尚无可以比较的主题数据。".to_owned()],
        Some(risen) if risen.is_empty() => vec!["没有超出偶然波动的上升主题。".to_owned()],
        Some(risen) => risen
            .iter()
            .map(|row| format!("{}：{} 通，之前同样天数 {} 通", row.label, row.calls, row.before))
            .collect(),
    }
}

fn when(example: &Example) -> String {
    example.started_at.map_or_else(|| "时间不详".to_owned(), |at| at.format("%m-%d").to_string())
}

/// The bulletin as Markdown.
pub fn markdown(bulletin: &Bulletin) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "# {}\n\n{}\n", plain(&heading(bulletin)), days(bulletin));
    for line in summary(bulletin) {
        let _ = writeln!(text, "- {}", plain(&line));
    }
    if let Some(quality) = &bulletin.quality {
        text.push_str("\n## 服务问题\n\n");
        if quality.faults.is_empty() {
            text.push_str("本期没有发现服务问题。\n");
        } else {
            let _ =
                writeln!(text, "| 问题 | 通话 | 比例（95% 区间） | 较{} |\n|---|---:|---:|---|", bulletin.before_name);
            for row in &quality.faults {
                let _ = writeln!(text, "{}", table_row(row, bulletin.before_name));
            }
        }
        if !quality.steps.is_empty() {
            let _ = writeln!(
                text,
                "\n## 诉求处理\n\n| 步骤 | 做到 | 比例（95% 区间） | 较{} |\n|---|---:|---:|---|",
                bulletin.before_name
            );
            for row in &quality.steps {
                let _ = writeln!(text, "{}", table_row(row, bulletin.before_name));
            }
        }
        text.push_str("\n## 坐席\n\n");
        for line in people(quality) {
            let _ = writeln!(text, "{}\n", plain(&line));
        }
        if !quality.best.is_empty() {
            text.push_str("## 值得听的通话\n\n");
            for example in &quality.best {
                let score = example.score.map_or_else(String::new, |score| format!("{score:.0} 分"));
                let who = example.agent.as_ref().map_or_else(String::new, |agent| format!(" · 坐席 {}", plain(agent)));
                let _ = writeln!(text, "- {} · {score}{who}", when(example));
                for point in example.points.iter().filter(|point| !point.quote.is_empty()) {
                    let _ = writeln!(text, "  - {}：“{}”", plain(&point.title), plain(&point.quote));
                }
            }
        }
    }
    text.push_str("\n## 上升的主题\n\n");
    for line in topics(bulletin) {
        let _ = writeln!(text, "- {}", plain(&line));
    }
    if !bulletin.studies.is_empty() {
        text.push_str("\n## 本期入库案例\n\n");
        for study in &bulletin.studies {
            let _ = writeln!(text, "{}", study_text(study));
        }
    }
    text.push_str(
        "\n---\n\n本通报由机器判断汇总，已改判的不计，申诉中的通话不计；用于改进服务，不用于考核个人。带区间的变化只有超出偶然波动才算变化。\n",
    );
    text
}

fn table_row(row: &Behaviour, before: &str) -> String {
    let interval = row.now.interval().map_or_else(|| NO_DATA.to_owned(), |interval| range(&interval));
    format!(
        "| {} | {} | {}（{interval}） | {} |",
        plain(&row.title),
        of(row.now),
        percent(row.now),
        change(row, before)
    )
}

/// An example of the case library as Markdown.
pub fn study_text(study: &CaseStudy) -> String {
    let nomination = &study.nomination;
    let kind = if nomination.good { "示范" } else { "反面" };
    let mut text = format!("**{}**（{kind}）：{}\n", plain(&nomination.title), plain(&nomination.lesson));
    for line in nomination.lines.iter().take(LINES) {
        let _ = writeln!(text, "> {}：{}  ", speaker(line.role), plain(&line.text));
    }
    if nomination.lines.len() > LINES {
        let _ = writeln!(text, "> ……（共 {} 句）", nomination.lines.len());
    }
    text
}

/// The bulletin as one HTML file.
pub fn page(bulletin: &Bulletin) -> String {
    let title = heading(bulletin);
    document(
        &format!("{title} {} 至 {}", bulletin.since, bulletin.until),
        &html! {
            header.head {
                h1 { (title) }
                p.note { (days(bulletin)) }
            }
            h2 { "要点" }
            ul.points { @for line in summary(bulletin) { li { (line) } } }
            @if let Some(quality) = &bulletin.quality { (quality_markup(quality, bulletin)) }
            h2 { "上升的主题" }
            ul.points { @for line in topics(bulletin) { li { (line) } } }
            @if !bulletin.studies.is_empty() {
                h2 { "本期入库案例" }
                @for study in &bulletin.studies { (study_markup(study)) }
            }
            footer.note {
                "本通报由机器判断汇总，已改判的不计，申诉中的通话不计；用于改进服务，不用于考核个人。变化只有在 95% 区间不含 0 时才算变化，以 * 标出。"
            }
        },
    )
}

fn quality_markup(quality: &Quality, bulletin: &Bulletin) -> Markup {
    html! {
        h2 { "服务问题" }
        @if quality.faults.is_empty() { p { "本期没有发现服务问题。" } }
        @else { (table(&quality.faults, bulletin, "通话")) }
        @if !quality.steps.is_empty() {
            h2 { "诉求处理" }
            p.note.lead { "需要这一步的投诉、举报和求助里做到的比例。" }
            (table(&quality.steps, bulletin, "做到"))
        }
        h2 { "坐席" }
        @for line in people(quality) { p { (line) } }
        @if !quality.best.is_empty() {
            h2 { "值得听的通话" }
            @for example in &quality.best { (example_markup(example)) }
        }
    }
}

fn table(rows: &[Behaviour], bulletin: &Bulletin, counted: &str) -> Markup {
    // One scale for all rows, at least five points wide, so that small changes look small.
    let reach = rows.iter().filter_map(|row| row.change).map(|by| by.low.abs().max(by.high.abs()) * 100.0);
    let most = reach.fold(5.0, f64::max);
    html! {
        table {
            thead {
                tr {
                    th { "项目" } th.n { (counted) } th.n { "比例" } th.n { "95% 区间" }
                    th.n { "较" (bulletin.before_name) br; "（百分点）" } th { "差别及区间" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        td { (row.title) }
                        td.n { (of(row.now)) }
                        td.n { (percent(row.now)) }
                        td.n { @if let Some(interval) = row.now.interval() { (range(&interval)) } }
                        td.n {
                            @match row.change {
                                Some(by) if by.differs() => { span.mark { (signed(by.value * 100.0, 1)) " *" } }
                                Some(by) => { (signed(by.value * 100.0, 1)) }
                                None => { small { "不够比较" } }
                            }
                        }
                        td {
                            @if let Some(by) = row.change {
                                (difference(
                                    &format!("change-{}", row.id),
                                    &format!("{}的变化", row.title),
                                    &scaled(by),
                                    most,
                                ))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn scaled(by: crate::report::figures::Interval) -> crate::report::figures::Interval {
    crate::report::figures::Interval { value: by.value * 100.0, low: by.low * 100.0, high: by.high * 100.0 }
}

fn example_markup(example: &Example) -> Markup {
    html! {
        div.call {
            div {
                @if let Some(score) = example.score { b.score { (format!("{score:.0}")) " 分" } br; }
                small {
                    (when(example))
                    @if let Some(agent) = &example.agent { br; "坐席 " (agent) }
                    @if let Some(rating) = example.rating { br; "来电人评价 " (rating) " 分" }
                }
            }
            div {
                @for point in &example.points {
                    div.point { strong { (point.title) } }
                    @if !point.quote.is_empty() {
                        blockquote { @if let Some(ms) = point.at_ms { time { (clock(ms)) } } "“" (point.quote) "”" }
                    }
                }
            }
        }
    }
}

fn study_markup(study: &CaseStudy) -> Markup {
    let nomination = &study.nomination;
    html! {
        div.call {
            div { b { (nomination.title) } br; span.tag { @if nomination.good { "示范" } @else { "反面" } } }
            div {
                p { (nomination.lesson) }
                @for line in nomination.lines.iter().take(LINES) {
                    blockquote { (speaker(line.role)) "：" (line.text) }
                }
                @if nomination.lines.len() > LINES { p.note { "共 " (nomination.lines.len()) " 句" } }
            }
        }
    }
}
