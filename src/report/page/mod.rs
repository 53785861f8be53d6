//! The page: one self-contained HTML file in Chinese, for the morning of a quality supervisor and of the head of
//! a hotline, on screen and on A4. Owns the order of the sections; each section is a file.

mod agents;
mod calls;
mod cases;
mod experience;
mod faults;
mod figures;
mod journey;
mod matters;
mod quality;
mod summary;

use maud::html;

use super::html::document;
use super::period::weekday;
use super::read::Report;

/// The report as a page.
pub fn page(report: &Report) -> String {
    let title = report.period.title();
    let before = report.period.before();
    document(
        &format!("{title} {}", report.period.label()),
        &html! {
            header.head {
                h1 { (title) }
                p.note {
                    (report.period.label()) " · 对比：" (report.period.before_name()) "（" (before.from())
                    @if before.from() == before.to() { " " (weekday(before.from())) } @else { " 至 " (before.to()) }
                    "）"
                }
            }
            (calls::crises(report))
            (summary::summary(report))
            (figures::kpis(report))
            (figures::volume(report))
            (figures::scores(report))
            (faults::faults(report))
            (calls::worst(report))
            (calls::best(report))
            (journey::journey(report))
            (agents::agents(report))
            (cases::cases(report))
            (experience::experience(report))
            (matters::matters(report))
            (matters::gaps(report))
            (figures::handling(report))
            (quality::quality(report))
            (quality::terms(report))
            footer.note {
                "本报告由倾听自动生成。机器判定是“请听这一段”的提示，不是对个人的结论；考核前请先核听录音。"
            }
        },
    )
}
