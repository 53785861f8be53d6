//! How callers felt on the way through their calls, and what goes with dissatisfied ones.

use maud::{Markup, html};

use crate::journey::drivers::{CAVEAT, Driver};
use crate::journey::mean::{LEAST_CALLS, band};
use crate::journey::{CallStep, Course, Drivers, chart};
use crate::report::figures::Mean;
use crate::report::read::Report;
use crate::report::text::{NO_DATA, count, of, percent, signed};

/// Drivers that are told in words.
const TOLD: usize = 5;

pub(super) fn journey(report: &Report) -> Markup {
    let mean = &report.journey;
    if mean.calls < LEAST_CALLS {
        return html! {
            h2 { "情绪曲线与峰终" }
            p { (NO_DATA) "：本期有来电人话语的对话不足 " (LEAST_CALLS) " 通。" }
        };
    }
    html! {
        h2 { "情绪曲线与峰终" }
        figure {
            figcaption { "本期 " (count(mean.calls)) " 通对话的平均情绪曲线（每通按时间归一；−1 负面，1 正面）" }
            (chart::mean("journey-mean", "平均情绪曲线", mean))
        }
        div.two {
            div {
                h3 { "各环节来电人情绪" }
                table {
                    @for (step, mean) in CallStep::ALL.iter().zip(&mean.steps) {
                        tr { td { (step.zh()) } td.n { (feeling(mean)) } td.n { small { (count(mean.count())) " 通" } } }
                    }
                }
            }
            div {
                h3 { "峰终与走势" }
                table {
                    tr { td { "平均峰值" } td.n { (feeling(&mean.peak)) } td {} }
                    tr { td { "平均结束" } td.n { (feeling(&mean.end)) } td {} }
                    tr { td { "平均峰终" } td.n { (feeling(&mean.peak_end)) } td {} }
                    @for course in Course::ALL {
                        tr { td { (course.zh()) } td.n { (percent(mean.course(course))) } td.n { small { (of(mean.course(course))) } } }
                    }
                }
                p.note { "峰终为峰值与结束的平均：人们记住一段经历，主要凭最强烈的一刻和结尾。" }
            }
        }
        (drivers(report))
    }
}

fn feeling(mean: &Mean) -> String {
    match band(mean) {
        None => NO_DATA.to_owned(),
        Some(band) => match band.low.zip(band.high) {
            Some((low, high)) => format!("{}（{} 至 {}）", signed(band.value, 2), signed(low, 2), signed(high, 2)),
            None => signed(band.value, 2),
        },
    }
}

fn drivers(report: &Report) -> Markup {
    html! {
        h3 { "关键时刻：与不满意相伴的因素" }
        @match &report.drivers {
            Err(few) => { p { (few.zh()) "。" } }
            Ok(found) => { (told(found)) }
        }
    }
}

fn told(found: &Drivers) -> Markup {
    let clear: Vec<&Driver> = found.drivers.iter().filter(|driver| driver.clear).take(TOLD).collect();
    html! {
        p.note.lead { (found.basis()) (CAVEAT) }
        figure { (chart::drivers(found)) }
        @if clear.is_empty() { p { "没有超出偶然的关联。" } } @else {
            ul {
                @for driver in &clear {
                    li {
                        (driver.zh())
                        @if let Some(example) = &driver.example {
                            "：请听 " (example.call_id) " 第 " (example.turn + 1) " 轮“" (example.quote) "”"
                        }
                    }
                }
            }
        }
    }
}
