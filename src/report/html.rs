//! The page: one self-contained HTML file in Chinese, readable when printed.

use chrono::NaiveDate;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{DayReport, Example, Share};

const STYLE: &str = "
body{font:15px/1.6 'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif;color:#222;max-width:60em;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin-bottom:0}h2{font-size:1.15em;border-bottom:1px solid #ccc;margin-top:2em}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25em .6em;border-bottom:1px solid #eee;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.kpi{display:flex;flex-wrap:wrap;gap:1em;margin:1em 0}.kpi div{border:1px solid #ddd;border-radius:4px;padding:.5em 1em;min-width:8em}
.kpi b{display:block;font-size:1.4em}.kpi small,.note{color:#666}
.bar{background:#3b6ea5;height:.8em;display:inline-block;min-width:1px}
.alert{border-left:4px solid #b00020;background:#fdecee;padding:.5em 1em}
blockquote{margin:.2em 0;color:#444}
@media print{body{max-width:none;margin:0}h2{break-after:avoid}tr{break-inside:avoid}.bar{print-color-adjust:exact}}
";

/// The report of one day.
pub fn page(date: NaiveDate, report: &DayReport) -> String {
    let top = report.faults.first().map_or(1, |f| f.2.max(1));
    let bands = ["60 分以下", "60–69", "70–79", "80–89", "90 及以上"];
    let most = report.scores.iter().copied().max().unwrap_or(1).max(1);
    document(
        &format!("热线质检日报 {date}"),
        &html! {
            h1 { "热线质检日报" }
            p.note { (date) "，共 " (report.offered) " 通" }
            @if !report.crises.is_empty() {
                div.alert {
                    strong { "危机情形 " (report.crises.len()) " 通，请优先处置" }
                    @for (call, quote) in &report.crises { div { (call) "：“" (quote) "”" } }
                }
            }
            div.kpi {
                (kpi("接通率", &percent(report.connected), &of(report.connected)))
                (kpi("20 秒服务水平", &percent(report.service_level), &of(report.service_level)))
                (kpi("平均等待", &seconds(report.asa_ms), "已接通来电"))
                (kpi("平均通话", &seconds(report.mean_talk_ms), "有时间信息的通话"))
                (kpi("满意率", &percent(report.satisfied), &of(report.satisfied)))
                (kpi("当场办结", &percent(report.resolved), &of(report.resolved)))
                (kpi("质检均分", &report.mean_score.map_or("—".into(), |s| format!("{s:.1}")), "全部已评分通话"))
            }
            h2 { "质检分分布" }
            table {
                @for (band, n) in bands.iter().zip(report.scores) {
                    tr { td { (band) } td.n { (n) } td { (bar(n, most)) } }
                }
            }
            h2 { "服务问题" }
            @if report.faults.is_empty() { p { "当日没有发现服务问题。" } }
            table {
                @for (code, title, n) in &report.faults {
                    tr { td { (title) } td.note { (code) } td.n { (n) " 通" } td { (bar(*n, top)) } }
                }
            }
            h2 { "需要关注的通话" }
            (examples(&report.worst))
            h2 { "优秀通话" }
            (examples(&report.best))
            h2 { "坐席" }
            p.note { "按均分从低到高；当日评分通话不足两通的坐席不列入。" }
            table {
                tr { th { "坐席" } th { "班组" } th.n { "通话" } th.n { "均分" } th { "主要问题" } }
                @for agent in &report.agents {
                    tr {
                        td { (agent.agent) } td { (agent.team) } td.n { (agent.calls) } td.n { (format!("{:.1}", agent.score)) }
                        td { @for (code, n) in agent.faults.iter().take(3) { (title_of(report, code)) " " (n) "　" } }
                    }
                }
            }
            h2 { "诉求类型" }
            table { @for (kind, n) in &report.appeals { tr { td { (kind) } td.n { (n) } } } }
            h2 { "诉求处理六步" }
            p.note { "投诉、举报、求助类通话；分母是需要该步骤的通话。" }
            table {
                @for (step, share) in &report.conduct {
                    tr { td { (step.zh()) } td.n { (percent(*share)) } td.n { (of(*share)) } td { (bar(share.part, share.of.max(1))) } }
                }
            }
            h2 { "来电人的需求" }
            table {
                @for (name, share) in ["情感需求得到回应", "事实需求得到解决"].iter().zip(report.needs) {
                    tr { td { (name) } td.n { (percent(share)) } td.n { (of(share)) } td { (bar(share.part, share.of.max(1))) } }
                }
            }
        },
    )
}

/// A self-contained page around `body`.
pub(super) fn document(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

fn title_of<'a>(report: &'a DayReport, code: &'a str) -> &'a str {
    report.faults.iter().find(|f| f.0 == code).map_or(code, |f| f.1.as_str())
}

fn kpi(name: &str, value: &str, note: &str) -> Markup {
    html! { div { (name) b { (value) } small { (note) } } }
}

fn percent(share: Share) -> String {
    share.value().map_or("—".into(), |v| format!("{:.1}%", v * 100.0))
}

fn of(share: Share) -> String {
    if share.of == 0 {
        "没有数据".into()
    } else {
        format!("{}/{}", share.part, share.of)
    }
}

fn seconds(ms: Option<f64>) -> String {
    ms.map_or("—".into(), |ms| format!("{:.0} 秒", ms / 1000.0))
}

fn bar(n: u64, most: u64) -> Markup {
    html! { span.bar style={ "width:" (n * 100 / most) "%" } {} }
}

fn examples(calls: &[Example]) -> Markup {
    html! {
        table {
            @for call in calls {
                tr {
                    td { (call.call_id) br; span.note { (call.agent) } }
                    td.n { (format!("{:.0} 分", call.score)) }
                    td {
                        @if call.findings.is_empty() { "没有发现问题" }
                        @for (title, explanation, evidence) in &call.findings {
                            div { strong { (title) } "：" (explanation) }
                            @if let Some(e) = evidence { blockquote { (clock(e.start_ms)) "“" (e.quote) "”" } }
                        }
                    }
                }
            }
        }
    }
}

fn clock(ms: Option<u64>) -> String {
    ms.map_or_else(String::new, |ms| format!("{:02}:{:02} ", ms / 60_000, ms / 1000 % 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_in_danger_come_before_every_figure() {
        let crises = vec![("c-1".to_owned(), "我不想活了".to_owned())];
        let page = page(NaiveDate::default(), &DayReport { crises, ..DayReport::default() });
        assert!(page.find("我不想活了").unwrap() < page.find("接通率").unwrap());
    }
}
