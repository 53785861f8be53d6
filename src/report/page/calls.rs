//! Calls with what is to be heard in them: lives in danger, the worst, the best.

use maud::{Markup, html};

use crate::report::examples::{Example, Point};
use crate::report::read::Report;
use crate::report::text::{clock, count};

/// Lives in danger, before everything else; nothing where there are none.
pub(super) fn crises(report: &Report) -> Markup {
    let ((sure, calls), (doubtful, doubtful_calls)) = (&report.crises, &report.doubtful_crises);
    if *sure + *doubtful == 0 {
        return html! {};
    }
    html! {
        section.alert {
            h2 { "危机情形 " (count(*sure)) " 通" @if *doubtful > 0 { "，另有疑似 " (count(*doubtful)) " 通" } " — 请优先处置" }
            (list(calls, *sure, false))
            (list(doubtful_calls, *doubtful, true))
        }
    }
}

fn list(calls: &[Example], all: u64, doubtful: bool) -> Markup {
    html! {
        @if !calls.is_empty() {
            table {
                @for call in calls {
                    tr {
                        td.w { (when(call)) "　" small { (call.call_id) } }
                        td {
                            @if doubtful { span.tag { "疑似，待复核" } " " }
                            @for point in &call.points { (quote(point)) }
                        }
                        td.w { @if let Some(agent) = &call.agent { small { "坐席 " (agent) } } }
                    }
                }
            }
        }
        @if all > calls.len() as u64 { p.note { "只列出最近 " (calls.len()) " 通，共 " (count(all)) " 通。" } }
    }
}

pub(super) fn worst(report: &Report) -> Markup {
    html! {
        h2 { "需要关注的通话" }
        @if report.worst.is_empty() { p { "没有既评了分又发现服务问题的通话。" } } @else {
            p.note.lead { "得分最低的 " (report.worst.len()) " 通，每通列最严重的问题及原话。" }
            @for call in &report.worst { (shown(call)) }
        }
    }
}

pub(super) fn best(report: &Report) -> Markup {
    html! {
        h2 { "优秀通话" }
        @if report.best.is_empty() { p { "没有达到 90 分、没有服务问题且有可引用之处的通话。" } } @else {
            p.note.lead { "90 分以上、没有服务问题的通话中，得分最高、步骤最完整的 " (report.best.len()) " 通，可作示范。" }
            @for call in &report.best { (shown(call)) }
        }
    }
}

fn shown(call: &Example) -> Markup {
    html! {
        div.call {
            div {
                @if let Some(score) = call.score { b.score { (format!("{score:.0}")) " 分" } " " }
                @if call.fatal { span.tag { "一票否决" } }
                br;
                small {
                    (call.call_id) br; (when(call))
                    @if let Some(agent) = &call.agent { br; "坐席 " (agent) }
                    @if let Some(rating) = call.rating { br; "来电人评价 " (rating) " 分" }
                }
            }
            div { @for point in &call.points { (explained(point)) } }
        }
    }
}

/// A point with its explanation and its quote, which is not said twice.
pub(super) fn explained(point: &Point) -> Markup {
    let said = !point.quote.is_empty() && point.explanation.contains(&point.quote);
    html! {
        div.point {
            @if let Some(ms) = point.at_ms.filter(|_| said) { time { (clock(ms)) } }
            strong { (point.title) }
            @if !point.explanation.is_empty() { "：" (point.explanation) }
        }
        @if !said { (quote(point)) }
    }
}

fn quote(point: &Point) -> Markup {
    html! {
        @if !point.quote.is_empty() {
            blockquote {
                @if let Some(ms) = point.at_ms { time { (clock(ms)) } }
                "“" (point.quote) "”"
            }
        }
    }
}

fn when(call: &Example) -> String {
    call.started_at.map_or_else(|| "时间不详".to_owned(), |at| at.format("%m-%d %H:%M").to_string())
}
