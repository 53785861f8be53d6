//! What the figures rest on, and what they mean.

use maud::{Markup, html};

use crate::report::figures::Share;
use crate::report::read::Report;
use crate::report::text::{count, of, percent};

pub(super) fn quality(report: &Report) -> Markup {
    let now = &report.now;
    let answered = Share::new(now.connected.of, now.offered);
    let rows: [(&str, Share, &str); 8] = [
        ("说明是否接通", answered, "接通率、服务水平"),
        ("接通且有等待时间", now.waits, "平均等待、服务水平"),
        ("每句话都有时间", now.timed, "平均通话、抢话、语速、静默"),
        ("来电人有评价", now.rated, "满意率；参评率的分子"),
        ("写明坐席", now.agent_known, "坐席辅导建议"),
        ("有质检得分", now.scored, "均分、得分分布、坐席"),
        ("有待人工复核的发现", now.in_review, "不计分、不计入任何指标"),
        ("没有服务问题", now.faultless, "—"),
    ];
    html! {
        h2 { "数据质量：各项指标的分母" }
        p.note.lead {
            "本期记录 " (count(now.records)) " 条：来电 " (count(now.offered)) "（其中未接通 " (count(now.unanswered)) "）、呼出 "
            (count(now.outbound)) "、书面留言 " (count(now.written)) "；有内容的对话 " (count(now.conversations)) " 通。"
            "待复核的发现 " (count(now.review_findings)) " 条。"
        }
        table {
            thead { tr { th { "字段" } th.n { "具备的比例" } th.n { "通数" } th { "影响的指标" } } }
            tbody {
                @for (name, share, what) in rows {
                    tr { td { (name) } td.n { (percent(share)) } td.n { (of(share)) } td { small { (what) } } }
                }
                tr {
                    td { "无法读取、已隔离的记录" }
                    td.n { }
                    td.n { @if report.intake.files == 0 { "无数据" } @else { (count(report.intake.quarantined)) } }
                    td {
                        small {
                            @if report.intake.files == 0 { "自本期开始没有从文件导入" }
                            @else { "自本期开始导入的 " (count(report.intake.files)) " 个文件，读入 " (count(report.intake.calls)) " 通；不计入任何指标" }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn terms(report: &Report) -> Markup {
    let limit = report.config.service_level_s;
    let weeks = report.config.baseline_weeks;
    let terms: [(&str, String); 15] = [
        ("来电量", "呼入的通话，不含呼出与书面留言；未接通的也算。".to_owned()),
        ("接通率", "接通的来电 ÷ 写明是否接通的来电。".to_owned()),
        (
            "服务水平",
            format!(
                "{limit} 秒内接通的来电 ÷（未接通的来电 + 接通且有等待时间的来电）。接通的来电都没有等待时间时为无数据。"
            ),
        ),
        ("平均等待（ASA）", "接通的来电从进入排队到接听的平均时间；没有等待时间的不计。".to_owned()),
        (
            "平均通话",
            "每句话都有时间的接通来电，从第一句开始到最后一句结束的平均时长；不含话后处理。".to_owned(),
        ),
        ("满意率", "来电人评价 4、5 分的 ÷ 有评价的。评价来自来电人，不用机器预测代替。".to_owned()),
        ("参评率", "有评价的来电 ÷ 接通的来电。全无评价时为无数据。".to_owned()),
        ("质检得分", "评分表的得分，0–100；一票否决为 0。待复核的发现不扣分。".to_owned()),
        ("服务问题比例", "出现该问题的对话 ÷ 全部对话（有内容的通话，呼入与呼出）。".to_owned()),
        ("往周同日平均", format!("前 {weeks} 周中同一星期几、有来电的日子的平均，不区分节假日。")),
        ("* 与 95% 区间", "比例用 Newcombe 区间，均值用 Welch 区间；区间不含 0 时标 *。".to_owned()),
        ("同队列均分", "该坐席的通话若都得所在队列的本期均分，平均应得的分数。".to_owned()),
        ("典型问题", "坐席至少两通出现、且比全体高出最多的问题；例子取把握最大的一通。".to_owned()),
        (
            "明显上升、突发",
            "上升：两段通数之差超过其标准差的 2 倍。突发：通数超出往周预期，且误报受限。".to_owned(),
        ),
        ("热度", "通数、增长、不满或激动、重复来电四项的加权平均。".to_owned()),
    ];
    html! {
        h2 { "指标说明" }
        dl.terms { @for (term, text) in &terms { dt { (term) } dd { (text) } } }
    }
}
