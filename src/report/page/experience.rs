//! Experience officers: what they reported, and what is due.

use maud::{Markup, html};

use crate::experience::Figures;
use crate::report::read::Report;
use crate::report::text::count;

fn stars(figures: &Figures) -> String {
    figures.rating().map_or_else(|| "—".to_owned(), |rating| format!("{rating:.1}"))
}

fn row(label: &str, now: u64, before: u64) -> Markup {
    html! { tr { td.w { (label) } td.n { (count(now)) } td.n { (count(before)) } } }
}

pub(super) fn experience(report: &Report) -> Markup {
    html! {
        @match &report.experience {
            Ok(None) => {}
            Err(why) => { h2 { "体验官" } p { "无数据：" (why) "。" } }
            Ok(Some([now, before])) => {
                h2 { "体验官" }
                p.note.lead {
                    "体验官的报告和意见与来电一样分析，但不计入来电量、服务水平、通话时长等指标。到期任务为本期应提交报告的任务，已取消的除外；"
                    "逾期为期末仍未提交报告的任务。"
                }
                table {
                    thead { tr { th.w { "项目" } th.n { "本期" } th.n { (report.period.before_name()) } } }
                    tbody {
                        (row("在任体验官", now.officers, before.officers))
                        (row("体验报告", now.reports, before.reports))
                        tr { td.w { "平均评分（1 至 5）" } td.n { (stars(now)) } td.n { (stars(before)) } }
                        (row("反映问题的报告", now.problems, before.problems))
                        (row("讨论意见", now.opinions, before.opinions))
                        (row("截止的投票", now.polls, before.polls))
                        (row("到期任务", now.due, before.due))
                        (row("其中按期提交", now.in_time, before.in_time))
                        (row("期末逾期任务", now.overdue, before.overdue))
                    }
                }
            }
        }
    }
}
