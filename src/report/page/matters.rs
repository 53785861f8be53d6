//! What people called about: topics, bursts, hot spots; and what the knowledge base had no answer to.

use maud::{Markup, html};
use qingting_pipeline::topic::hotspot::Hotspot;
use qingting_pipeline::topic::trend::BurstAlert;

use crate::report::charts;
use crate::report::matters::{Matters, TopicRow};
use crate::report::read::Report;

/// Calls that are named of a burst or a gap.
const CALLS: usize = 3;

pub(super) fn matters(report: &Report) -> Markup {
    html! {
        h2 { "诉求主题" }
        @match &report.matters {
            Err(why) => { p { "无数据：" (why) "。" } }
            Ok(found) => { (topics(report, found)) (bursts(found)) (hotspots(found)) }
        }
    }
}

fn topics(report: &Report, found: &Matters) -> Markup {
    let days = found.days.length();
    html! {
        p.note.lead {
            (found.days.from()) " 至 " (found.days.to()) "（" (days) " 天）通数最多与明显上升的主题"
            @if found.compared { "，与此前同样长的一段相比。" } @else { "；此前没有同样长的一段数据可比。" }
            @if found.until < report.period.to() { "主题只更新到 " (found.until) "，其后的来电尚未归入。" }
        }
        table {
            thead { tr { th { "主题" } th.n { "通数" } th.n { "此前" } th { "变化" } th { "每日" } } }
            tbody { @for row in &found.topics { (topic(row, found.compared)) } }
        }
    }
}

fn topic(row: &TopicRow, compared: bool) -> Markup {
    let trend = &row.trend;
    let daily: Vec<Option<f64>> = trend.daily.iter().map(|&n| Some(n as f64)).collect();
    let said = trend.daily.iter().map(usize::to_string).collect::<Vec<_>>().join("，");
    html! {
        tr {
            td { (trend.label) " " small { (trend.topic) } }
            td.n { (trend.calls) }
            td.n { @if compared { (trend.before) } @else { small { "无数据" } } }
            td.w { @if row.rising { span.mark { "明显上升" } } @else if compared && trend.before == 0 { small { "此前没有" } } }
            td { (charts::spark(&format!("topic-{}", trend.topic), &format!("{}每日通数", trend.label), &daily, &said)) }
        }
    }
}

fn bursts(found: &Matters) -> Markup {
    html! {
        h3 { "突发诉求" }
        @if found.bursts.is_empty() { p { "本期没有发现突发诉求（历史不足 17 天的主题不作判断）。" } } @else {
            table {
                thead { tr { th { "诉求" } th { "日期" } th.n { "通数" } th.n { "预期" } th { "通话" } } }
                tbody { @for burst in &found.bursts { (burst_row(burst)) } }
            }
            @if found.burst_count > found.bursts.len() {
                p.note { "只列出最近 " (found.bursts.len()) " 起，共 " (found.burst_count) " 起。" }
            }
        }
    }
}

fn burst_row(burst: &BurstAlert) -> Markup {
    html! {
        tr {
            td { (burst.label) @if let Some(at) = &burst.at { "（" (at.value) "）" } " " small { (burst.topic) } }
            td.w { (burst.from) @if burst.until != burst.from { " 至 " (burst.until) } }
            td.n { (burst.observed) }
            td.n { (format!("{:.1}", burst.expected)) }
            td { small { (named(&burst.call_ids)) } }
        }
    }
}

fn hotspots(found: &Matters) -> Markup {
    html! {
        h3 { "热点" }
        @if found.hotspots.is_empty() { p { "近 " (found.hotspot_days) " 天没有达到最少通数的热点。" } } @else {
            p.note.lead { "近 " (found.hotspot_days) " 天同一地点或单位的同一主题；热度 0–100，算法见说明。" }
            table {
                thead {
                    tr { th { "地点或单位" } th { "主题" } th.n { "热度" } th.n { "通数" } th.n { "预期" } th.n { "不满或激动" } th.n { "重复" } }
                }
                tbody { @for spot in &found.hotspots { (spot_row(spot)) } }
            }
        }
    }
}

fn spot_row(spot: &Hotspot) -> Markup {
    html! {
        tr {
            td { (spot.at.value) }
            td { (spot.label) }
            td.n { (format!("{:.0}", spot.heat)) }
            td.n { (spot.calls) }
            td.n { (format!("{:.1}", spot.expected)) }
            td.n { (format!("{:.0}%", spot.negative * 100.0)) }
            td.n { (format!("{:.0}%", spot.repeated * 100.0)) }
        }
    }
}

fn named(calls: &[String]) -> String {
    let more = if calls.len() > CALLS { " 等" } else { "" };
    format!("{}{more}", calls.iter().take(CALLS).map(String::as_str).collect::<Vec<_>>().join("、"))
}

pub(super) fn gaps(report: &Report) -> Markup {
    html! {
        h2 { "知识缺口" }
        @match &report.gaps {
            Err(why) => { p { "无数据：" (why) "。" } }
            Ok(gaps) if gaps.is_empty() => { p { "本期没有发现知识库答不了的问题。" } }
            Ok(gaps) => {
                p.note.lead { "本期未解决的来电与坐席检索中，知识库没有可靠答案的问题。" }
                table {
                    thead { tr { th { "问题" } th.n { "次数" } th { "最接近的条目" } th { "通话" } } }
                    tbody {
                        @for gap in gaps {
                            tr {
                                td { (gap.question) }
                                td.n { (gap.times) }
                                td { @match &gap.nearest { Some((id, title)) => { (title) " " small { (id) } }, None => { "没有" } } }
                                td { small { (named(&gap.calls)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
