//! Cases: opened, closed, on time, late, contested.

use maud::{Markup, html};

use crate::case::{Cause, Counts};
use crate::report::figures::Share;
use crate::report::read::Report;
use crate::report::text::{count, of, percent};

fn on_time(counts: &Counts) -> Share {
    Share::new(counts.closed_on_time, counts.closed)
}

fn cells(label: &str, now: &Counts, before: &Counts) -> Markup {
    html! {
        tr {
            td.w { (label) }
            td.n { (count(now.opened)) } td.n { (count(before.opened)) }
            td.n { (count(now.closed)) } td.n { (count(before.closed)) }
            td.n { (percent(on_time(now))) } td.n { (of(on_time(now))) }
            td.n { (count(now.open)) } td.n { (count(now.overdue)) }
            td.n { (count(now.contested)) } td.n { (count(now.excluded)) }
        }
    }
}

fn title(cause: &str) -> &str {
    match Cause::parse(cause) {
        Some(cause) => cause.zh(),
        None => cause,
    }
}

pub(super) fn cases(report: &Report) -> Markup {
    html! {
        h2 { "督办与整改" }
        @match &report.cases {
            Err(why) => { p { "无数据：" (why) "。" } }
            Ok(figures) if figures.now == Counts::default() => { p { "本期没有案件。" } }
            Ok(figures) => {
                p.note.lead {
                    "案件按规则或人工立案，依次核实、派单、整改、回复来电人、复核、办结；认定为误评的不计入立案与办结。"
                    "按期为在总时限内办结；未办结与逾期为期末数。"
                }
                table {
                    thead {
                        tr {
                            th.w { "原因、班组" } th.n { "立案" } th.n { (report.period.before_name()) } th.n { "办结" }
                            th.n { (report.period.before_name()) } th.n { "按期办结率" } th.n { "件数" } th.n { "未办结" }
                            th.n { "其中逾期" } th.n { "误评申诉" } th.n { "认定误评" }
                        }
                    }
                    tbody {
                        (cells("合计", &figures.now, &figures.before))
                        @for (group, before) in &figures.causes {
                            (cells(title(&group.name), &group.counts, before))
                        }
                        @for (group, before) in &figures.teams {
                            (cells(if group.name.is_empty() { "班组不详" } else { &group.name }, &group.counts, before))
                        }
                    }
                }
            }
        }
    }
}
