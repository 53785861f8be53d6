//! The tiles of figures, the volume, the scores, and how demands were handled.

use maud::{Markup, html};

use crate::report::charts;
use crate::report::figures::{Interval, Mean, Share};
use crate::report::read::Report;
use crate::report::text::{NO_DATA, count, duration, mean, of, percent, points, signed};

struct Tile {
    name: String,
    value: String,
    of: String,
    change: Option<(String, bool)>,
}

fn share(name: &str, now: Share, before: Share) -> Tile {
    Tile {
        name: name.to_owned(),
        value: percent(now),
        of: if now.of == 0 { String::new() } else { of(now) },
        change: now.less(before).map(|change| (points(&change), change.differs())),
    }
}

fn average(name: &str, now: &Mean, before: &Mean, write: fn(&Mean) -> String, by: fn(f64) -> String) -> Tile {
    let change = now.value().zip(before.value()).map(|(now, before)| now - before);
    let differs = now.less(before).as_ref().is_some_and(Interval::differs);
    Tile {
        name: name.to_owned(),
        value: write(now),
        of: if now.count() == 0 {
            String::new()
        } else {
            format!("{} 通", count(now.count()))
        },
        change: change.map(|change| (by(change), differs)),
    }
}

fn offered(report: &Report) -> Tile {
    let (now, before) = (report.now.offered, report.before.offered);
    let change = (now as f64 / before.max(1) as f64 - 1.0) * 100.0;
    Tile {
        name: "来电量".to_owned(),
        value: count(now),
        of: report
            .volume
            .expected(&report.period)
            .map_or_else(|| "通".to_owned(), |n| format!("往周同日平均 {n:.1}")),
        // Two counts differ by more than chance when their difference is over two standard deviations.
        change: (before > 0).then(|| {
            let apart = (now as f64 - before as f64).abs() / ((now + before) as f64).sqrt();
            (format!("{}%", signed(change, 1)), apart > 1.96)
        }),
    }
}

pub(super) fn kpis(report: &Report) -> Markup {
    let (now, before) = (&report.now, &report.before);
    let seconds = |ms: f64| format!("{} 秒", signed(ms / 1000.0, 1));
    let tiles = [
        offered(report),
        share("接通率", now.connected, before.connected),
        share(
            &format!("服务水平（{} 秒内）", report.config.service_level_s),
            now.service_level(),
            before.service_level(),
        ),
        average("平均等待", &now.wait_ms, &before.wait_ms, |m| duration(m.value()), seconds),
        average("平均通话", &now.talk_ms, &before.talk_ms, |m| duration(m.value()), seconds),
        share("满意率", now.satisfied, before.satisfied),
        share("参评率", now.rated(), before.rated()),
        average("质检均分", &now.score, &before.score, mean, |by| format!("{} 分", signed(by, 1))),
    ];
    let by = report.period.before_name();
    html! {
        h2 { "关键指标" }
        div.kpi {
            @for tile in &tiles {
                div {
                    (tile.name)
                    b { (tile.value) }
                    small { @if tile.of.is_empty() { "　" } @else { (tile.of) } }
                    small {
                        @match &tile.change {
                            Some((change, true)) => { "较" (by) " " span.mark { (change) " *" } }
                            Some((change, false)) => { "较" (by) " " (change) }
                            None => { (by) (NO_BEFORE) }
                        }
                    }
                }
            }
        }
        p.note { "数字下方为分子/分母或通数。* 表示变化超出偶然波动（95%）；没有 * 的变化不宜解读。" }
    }
}

const NO_BEFORE: &str = "无数据可比";

pub(super) fn volume(report: &Report) -> Markup {
    let (volume, period) = (&report.volume, &report.period);
    let weeks = report.config.baseline_weeks;
    let days = volume.baseline.len();
    let expected = volume.expected(period);
    let key = html! {
        span.key {} "本期　"
        @if days > 0 { span.key.line {} "前 " (weeks) " 周同一星期几的平均（" (days) " 天有数据）" }
        @else { "前 " (weeks) " 周同一星期几没有数据，无从比较" }
    };
    html! {
        h2 { "来电量" }
        @if report.now.offered == 0 { p { (NO_DATA) } } @else {
            @if period.length() > 1 {
                figure { figcaption { "每日来电（通）　" (key) } (charts::days(volume, period)) }
            }
            figure {
                figcaption {
                    @if period.length() > 1 { "各时段来电（通，全期合计）　" } @else { "各时段来电（通）　" }
                    (key)
                }
                (charts::hours(volume, period))
            }
            @if expected.is_none() && days > 0 {
                p.note { "有的星期几在前 " (weeks) " 周没有数据，因此不画全期合计的比较线。" }
            }
        }
    }
}

pub(super) fn scores(report: &Report) -> Markup {
    let now = &report.now;
    html! {
        h2 { "质检得分" }
        @if now.score.count() == 0 { p { (NO_DATA) "：本期没有评分的通话。" } } @else {
            figure { (charts::scores(&now.bands)) }
            p.note {
                "评分 " (of(now.scored)) " 通对话；均分 " (mean(&now.score))
                @if let Some(span) = now.score.interval().filter(|_| now.score.count() >= u64::from(report.config.min_agent_calls)) {
                    "（95% 区间 " (format!("{:.1}–{:.1}", span.low.max(0.0), span.high.min(100.0))) "）"
                }
                "；一票否决 " (of(now.fatal)) "；没有服务问题的对话 " (of(now.faultless)) "。"
            }
        }
    }
}

pub(super) fn handling(report: &Report) -> Markup {
    let now = &report.now;
    if now.conversations == 0 {
        return html! {};
    }
    let mut appeals: Vec<_> = now.appeals.iter().collect();
    appeals.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    html! {
        h2 { "诉求与办理" }
        div.two {
            div {
                h3 { "诉求类型" }
                table {
                    @for (kind, n) in appeals {
                        (row(kind, Share::new(*n, now.conversations)))
                    }
                }
                h3 { "结果与需求" }
                table {
                    (row("当场办结", now.resolved))
                    (row("重复来电", now.repeated))
                    (row("情感需求得到回应", now.needs[0]))
                    (row("办事需求得到解决", now.needs[1]))
                }
            }
            div {
                h3 { "诉求处理六步" }
                table { @for (step, share) in &now.conduct { (row(step.zh(), *share)) } }
                p.note { "投诉、举报、求助类对话中做到该步骤的比例；分母为需要该步骤的对话。" }
            }
        }
    }
}

fn row(name: &str, share: Share) -> Markup {
    html! {
        tr {
            td { (name) }
            td.n { (percent(share)) }
            td.n { @if share.of > 0 { small { (of(share)) } } }
            td style="width:30%" {
                @if let Some(value) = share.value() { span.bar style={ "width:" (format!("{:.1}", value * 100.0)) "%" } {} }
            }
        }
    }
}
