//! What is to be known of the period in a few sentences. Each sentence is true of the figures below it, and is
//! left out where these do not carry it.

use maud::{Markup, html};

use crate::report::faults::FaultRow;
use crate::report::read::Report;
use crate::report::text::{count, duration, of, percent, points, signed};

/// Faults that are named as risen.
const RISEN: usize = 3;

pub(super) fn summary(report: &Report) -> Markup {
    let lines: Vec<String> = [
        volume(report),
        service(report),
        quality(report),
        risen(report),
        agents(report),
    ]
    .into_iter()
    .chain([bursts(report), data(report)])
    .flatten()
    .collect();
    html! {
        h2 { "要点" }
        ul.points { @for line in lines { li { (line) } } }
    }
}

fn volume(report: &Report) -> Option<String> {
    let offered = report.now.offered;
    if offered == 0 {
        return Some("本期没有来电记录。".to_owned());
    }
    let text = format!("来电 {} 通", count(offered));
    let expected = report.volume.expected(&report.period).filter(|expected| *expected > 0.0);
    Some(match expected {
        Some(expected) => {
            let change = (offered as f64 / expected - 1.0) * 100.0;
            format!("{text}，往周同日平均 {expected:.1} 通（{}%）。", signed(change, 1))
        }
        None => format!("{text}；往周同日没有完整数据可比。"),
    })
}

fn service(report: &Report) -> Option<String> {
    let now = &report.now;
    now.connected.value()?;
    let mut text = format!("接通率 {}（{}）", percent(now.connected), of(now.connected));
    if now.service_level().of > 0 {
        text += &format!("，{} 秒服务水平 {}", report.config.service_level_s, percent(now.service_level()));
    }
    if now.wait_ms.count() > 0 {
        text += &format!("，平均等待 {}", duration(now.wait_ms.value()));
    }
    Some(text + "。")
}

fn quality(report: &Report) -> Option<String> {
    let now = &report.now;
    let mean = now.score.value()?;
    let mut text = format!("质检均分 {mean:.1}（{} 通）", count(now.score.count()));
    if let Some(change) = now.score.less(&report.before.score) {
        let by = report.period.before_name();
        text += &if change.differs() {
            format!("，较{by} {}", signed(change.value, 1))
        } else {
            format!("，与{by}的差别（{}）在偶然波动以内", signed(change.value, 1))
        };
    }
    if now.fatal.part > 0 {
        text += &format!("；一票否决 {} 通", count(now.fatal.part));
    }
    Some(text + "。")
}

fn risen(report: &Report) -> Option<String> {
    let mut risen: Vec<(&FaultRow, f64, String)> = report
        .faults
        .iter()
        .filter_map(|row| {
            let change = row.change.filter(|change| change.low > 0.0)?;
            Some((row, change.value, points(&change)))
        })
        .collect();
    risen.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named: Vec<String> = risen.iter().take(RISEN).map(|(row, _, by)| format!("{}（{by}）", row.title)).collect();
    (!named.is_empty()).then(|| format!("明显增多的服务问题：{}。", named.join("、")))
}

fn agents(report: &Report) -> Option<String> {
    let below = report.agents.iter().filter(|agent| agent.below()).count();
    (below > 0).then(|| format!("建议辅导的坐席 {below} 人（得分低于同队列均分，且超出偶然波动）。"))
}

fn bursts(report: &Report) -> Option<String> {
    let found = report.matters.as_ref().ok().filter(|found| found.burst_count > 0)?;
    let newest = found.bursts.first()?;
    let at = newest.at.as_ref().map_or_else(String::new, |at| format!("（{}）", at.value));
    Some(format!(
        "突发诉求 {} 起，最近一起：{}{at}，{} 通。",
        found.burst_count, newest.label, newest.observed
    ))
}

fn data(report: &Report) -> Option<String> {
    let quarantined = report.intake.quarantined;
    (quarantined > 0).then(|| format!("有 {} 条记录无法读取、已隔离，未计入本报告。", count(quarantined)))
}
