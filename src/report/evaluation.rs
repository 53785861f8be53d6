//! The page of `qingting eval --html`: figures with their intervals, what was taken for what,
//! the reliability diagram, and every error with its words. Self-contained, in Chinese.

use maud::{Markup, html};

use super::html::document;
use crate::evaluate::{CodeRow, Confusion, Counts, Evaluation, Interval, Mistake, Reliability};

/// Side of the reliability diagram, and the room around it for its marks, in pixels.
const SIDE: f64 = 260.0;
const MARGIN: f64 = 36.0;

/// The page for the labelled calls named `title`.
pub fn evaluation_page(title: &str, result: &Evaluation) -> String {
    document(
        &format!("质检准确性评估 {title}"),
        &html! {
            h1 { "质检准确性评估" }
            p.note { (title) "，标注通话 " (result.calls) " 通。区间为按通话重抽样的 95% 区间。" }
            div.kpi {
                (kpi("八大禁忌平均 F1", result.taboo_f1))
                (kpi("话轮级平均 F1", result.turn_f1))
                div { "无过错通话被误判" b { (result.clean_calls_flagged.len()) "/" (result.clean_calls) } small { "通" } }
                div { "诉求类型一致" b { (result.appeal_type.0) "/" (result.appeal_type.1) } small { "通" } }
                div { "办理结果一致" b { (result.outcome.0) "/" (result.outcome.1) } small { "通" } }
            }
            @for (level, heading) in [("turn", "话轮级编码"), ("call", "通话级编码")] {
                h2 { (heading) }
                table {
                    tr { th { "编码" } th.n { "精确率" } th.n { "召回率" } th.n { "F1" } th.n { "95% 区间" } th.n { "κ" } th.n { "命中/误报/漏报" } }
                    @for row in result.codes.iter().filter(|row| row.level == level) { (code(row)) }
                }
            }
            h2 { "置信度是否可信" }
            p.note { "横轴为机器给出的把握，纵轴为其中判断正确的比例；点在对角线上即名副其实。校准误差 " (format!("{:.3}", result.reliability.error())) "。" }
            (diagram(&result.reliability))
            @for (name, heading) in [("codes", "编码混淆（“-”为无）"), ("sentiment", "情感混淆"), ("appeal_type", "诉求类型混淆"), ("outcome", "办理结果混淆")] {
                @if let Some(confusion) = result.confusion.get(name) {
                    h2 { (heading) }
                    (matrix(confusion))
                }
            }
            h2 { "分歧清单" }
            @if result.mistakes.is_empty() { p { "没有分歧。" } }
            table { @for mistake in &result.mistakes { (entry(mistake)) } }
        },
    )
}

fn kpi(name: &str, interval: Interval) -> Markup {
    html! { div { (name) b { (format!("{:.3}", interval.value)) } small { (span(interval)) } } }
}

fn span(interval: Interval) -> String {
    format!("{:.2}–{:.2}", interval.low, interval.high)
}

fn code(row: &CodeRow) -> Markup {
    let counts: Counts = row.on_turns.unwrap_or(row.on_calls);
    html! {
        tr {
            td { (row.title) " " span.note { (row.code) } }
            td.n { (format!("{:.3}", counts.precision())) }
            td.n { (format!("{:.3}", counts.recall())) }
            td.n { (format!("{:.3}", counts.f1())) }
            td.n { (span(row.f1_interval)) }
            td.n { (format!("{:.3}", counts.kappa())) }
            td.n { (counts.tp) "/" (counts.fp) "/" (counts.fn_) }
        }
    }
}

fn diagram(reliability: &Reliability) -> Markup {
    let x = |share: f64| MARGIN + share * SIDE;
    let y = |share: f64| MARGIN + (1.0 - share) * SIDE;
    let size = SIDE + 2.0 * MARGIN;
    let most = reliability.bins.iter().map(|bin| bin.findings).max().unwrap_or(1).max(1) as f64;
    html! {
        svg width=(size) height=(size) viewBox=(format!("0 0 {size} {size}")) role="img" {
            rect x=(MARGIN) y=(MARGIN) width=(SIDE) height=(SIDE) fill="none" stroke="#999" {}
            line x1=(x(0.0)) y1=(y(0.0)) x2=(x(1.0)) y2=(y(1.0)) stroke="#bbb" stroke-dasharray="4 4" {}
            @for mark in [0.0, 0.5, 1.0] {
                text x=(x(mark)) y=(y(0.0) + 18.0) font-size="11" text-anchor="middle" { (mark) }
                text x=(x(0.0) - 6.0) y=(y(mark) + 4.0) font-size="11" text-anchor="end" { (mark) }
            }
            @for bin in &reliability.bins {
                @if let Some((confidence, right)) = bin.means() {
                    circle cx=(x(confidence)) cy=(y(right)) r=(3.0 + 7.0 * (bin.findings as f64 / most).sqrt()) fill="#3b6ea5" fill-opacity="0.7" {
                        title { (bin.right) "/" (bin.findings) }
                    }
                }
            }
        }
    }
}

fn matrix(confusion: &Confusion) -> Markup {
    let found: std::collections::BTreeSet<&String> = confusion.cells.values().flat_map(|row| row.keys()).collect();
    html! {
        table {
            tr { th { "人工＼机器" } @for name in &found { th.n { (name) } } }
            @for (gold, row) in &confusion.cells {
                tr {
                    th { (gold) }
                    @for name in &found { td.n { @if let Some(n) = row.get(*name) { (n) } } }
                }
            }
        }
    }
}

fn entry(mistake: &Mistake) -> Markup {
    let missed = mistake.kind == "missed";
    html! {
        tr {
            td { @if missed { "漏报" } @else { "误报" } br; span.note { (mistake.code) } }
            td { (mistake.call_id) br; span.note { @match mistake.turn { Some(turn) => { "第 " (turn) " 轮" } None => "全程" } } }
            td {
                @if let Some(before) = &mistake.before { div.note { (before) } }
                @if let Some(text) = &mistake.text { div { (text) } }
                @if let Some(explanation) = &mistake.explanation {
                    div.note { (explanation) @if let Some(p) = mistake.confidence { "（把握 " (format!("{p:.2}")) "）" } }
                }
            }
        }
    }
}
