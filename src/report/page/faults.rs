//! The agents' faults: how often, over the last days, and against the period before.

use maud::{Markup, html};
use qingting_pipeline::record::Severity;

use crate::report::charts;
use crate::report::read::Report;
use crate::report::text::{count, percent, signed};

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Minor => "轻微",
        Severity::Major => "一般",
        Severity::Fatal => "严重",
    }
}

pub(super) fn faults(report: &Report) -> Markup {
    let trend = report.period.trend(report.config.trend_days);
    let by = report.period.before_name();
    html! {
        h2 { "服务问题" }
        @if report.now.conversations == 0 { p { "无数据：本期没有可判断的对话。" } }
        @else if report.faults.is_empty() { p { "本期与" (by) "都没有发现服务问题。" } }
        @else {
            p.note.lead {
                "占本期 " (count(report.now.conversations)) " 通对话的比例；一通对话中同一问题只计一次，待复核的不计。走势为 "
                (trend.from()) " 至 " (trend.to()) " 每日比例，各行纵轴各自从 0 起；断开处当日无数据。"
            }
            table {
                thead {
                    tr {
                        th { "问题" } th { "程度" } th.n { "对话" } th.n { "比例" } th.n { "较" (by) br; "（百分点）" } th { "走势" }
                    }
                }
                tbody {
                    @for row in &report.faults {
                        tr {
                            td { (row.title) " " small { (row.code) } }
                            td.w { (severity(row.severity)) }
                            td.n { (count(row.now.part)) }
                            td.n { (percent(row.now)) }
                            td.n {
                                @match &row.change {
                                    Some(change) if change.differs() => { span.mark { (signed(change.value * 100.0, 1)) " *" } }
                                    Some(change) => { (signed(change.value * 100.0, 1)) }
                                    None => { small { "无数据可比" } }
                                }
                            }
                            td {
                                (charts::spark(
                                    &format!("trend-{}", row.code),
                                    &format!("{}每日比例", row.title),
                                    &row.daily,
                                    &said(&row.daily),
                                ))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn said(daily: &[Option<f64>]) -> String {
    let day = |value: &Option<f64>| value.map_or_else(|| "无数据".to_owned(), |v| format!("{:.1}%", v * 100.0));
    daily.iter().map(day).collect::<Vec<_>>().join("，")
}
