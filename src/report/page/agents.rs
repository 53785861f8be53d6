//! Agents to coach. Named is only who is below the mean of the queue by more than chance explains.

use maud::{Markup, html};

use super::calls::explained;
use crate::report::agents::{AgentRow, Typical};
use crate::report::charts;
use crate::report::examples::Point;
use crate::report::read::Report;
use crate::report::text::{count, mean, percent, signed};

/// Agents shown.
const MOST: usize = 10;

pub(super) fn agents(report: &Report) -> Markup {
    let least = report.config.min_agent_calls;
    let compared: Vec<&AgentRow> = report.agents.iter().filter(|agent| agent.compared).collect();
    let below: Vec<&AgentRow> = compared.iter().copied().filter(|agent| agent.below()).collect();
    let spans = below.iter().filter_map(|agent| agent.difference).map(|d| d.low.abs().max(d.high.abs()));
    let scale = spans.fold(5.0, f64::max);
    html! {
        h2 { "坐席辅导建议" }
        @if report.agents.is_empty() { p { "无数据：没有写明坐席的评分通话。" } } @else {
            p.note.lead {
                "有评分通话的坐席 " (report.agents.len()) " 人，其中达到 " (least) " 通、可以比较的 " (compared.len())
                " 人。每通与同队列均分相比；只列低 2 分以上、且差值的 95% 区间整个低于 0 的坐席。即使人人一样，也会偶然列入约 2.5%。"
            }
            @if compared.is_empty() { p { "本期没有坐席达到 " (least) " 通评分通话，不作比较。" } }
            @else if below.is_empty() { p { "没有坐席低于同队列均分 2 分以上且超出偶然波动。" } }
            @else {
                table {
                    thead {
                        tr {
                            th.w { "坐席" } th.n { "评分通话" } th.n { "均分" } th.n { "同队列" } th.w { "差值与区间" } th { "典型问题与例子" }
                        }
                    }
                    tbody { @for agent in below.iter().take(MOST) { (row(report, agent, scale)) } }
                }
                @if below.len() > MOST { p.note { "只列出前 " (MOST) " 人，共 " (below.len()) " 人。" } }
            }
        }
    }
}

fn row(report: &Report, agent: &AgentRow, scale: f64) -> Markup {
    html! {
        tr {
            td.w {
                (agent.id)
                @if let Some(name) = &agent.name { " " (name) }
                @if let Some(team) = &agent.team { br; small { (team) } }
            }
            td.n { (count(agent.score.count())) }
            td.n { (mean(&agent.score)) }
            td.n { (format!("{:.1}", agent.expected)) }
            td.w {
                @if let Some(difference) = &agent.difference {
                    (charts::difference(&format!("agent-{}", agent.id), &format!("坐席 {} 的差值", agent.id), difference, scale))
                    small { (signed(difference.value, 1)) "（" (signed(difference.low, 1)) " 至 " (signed(difference.high, 1)) "）" }
                }
            }
            td { @match &agent.typical { Some(typical) => (typical_of(report, typical)), None => { "没有突出的单一问题" } } }
        }
    }
}

fn typical_of(report: &Report, typical: &Typical) -> Markup {
    html! {
        div {
            strong { (report.title(&typical.code)) }
            "：" (count(typical.share.of)) " 通中 " (count(typical.share.part)) " 通（" (percent(typical.share)) "，全体 " (percent(typical.all)) "）"
        }
        (explained(&Point { title: format!("例 {}", typical.call_id), ..typical.point.clone() }))
    }
}
