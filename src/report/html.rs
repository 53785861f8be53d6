//! What pages have in common: the frame of a self-contained document, and its looks on screen and on paper.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "
:root{--ink:#1f2933;--soft:#52606d;--line:#dde3e9;--bar:#5b7fa6;--alert:#a3261b}
*{box-sizing:border-box}
body{font:14px/1.6 'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif;color:var(--ink);background:#fff;max-width:60rem;margin:2rem auto;padding:0 1.25rem;font-variant-numeric:tabular-nums}
h1{font-size:1.6rem;margin:0;line-height:1.3}
h2{font-size:1.1rem;margin:2.2rem 0 .6rem;padding-bottom:.25rem;border-bottom:2px solid var(--ink)}
h3{font-size:.95rem;margin:1.2rem 0 .3rem}
p{margin:.4rem 0}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.32rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:.86rem;border-bottom-color:#9aa5b1}
td.n,th.n{text-align:right;white-space:nowrap}
td.w,th.w{white-space:nowrap}
small,.note{color:var(--soft);font-size:.86rem}
.head{border-top:4px solid var(--ink);padding-top:.8rem}
.head .note{font-size:.95rem}
.kpi{display:grid;grid-template-columns:repeat(auto-fill,minmax(12rem,1fr));gap:.6rem;margin:.8rem 0}
.kpi>div{border:1px solid var(--line);border-radius:4px;padding:.55rem .8rem;color:var(--soft);font-size:.86rem}
.kpi b{display:block;font-size:1.45rem;line-height:1.35;color:var(--ink);font-weight:600}
.kpi small{display:block;line-height:1.45}
.bar{background:var(--bar);height:.7rem;display:inline-block;min-width:1px;vertical-align:middle}
.alert{border:2px solid var(--alert);border-radius:4px;padding:.6rem 1rem;margin:1rem 0}
.alert h2{border:0;margin:0;padding:0;color:var(--alert)}
.alert td.w{width:1%}
.alert table td{border-bottom:0;border-top:1px solid var(--line)}
.mark{font-weight:600;color:var(--ink)}
ul.points{margin:.4rem 0;padding-left:1.2rem}
blockquote{margin:.1rem 0 .3rem;padding-left:.7rem;border-left:3px solid var(--line);color:#3e4c59}
blockquote time,.point time{color:var(--soft);font-size:.86rem;margin-right:.4rem}
.call{border-top:1px solid var(--line);padding:.55rem 0;display:grid;grid-template-columns:11rem 1fr;gap:.2rem 1rem}
.call b.score{font-size:1.15rem}
.point{margin:.1rem 0}
.tag{border:1px solid currentColor;border-radius:3px;padding:0 .3em;font-size:.8rem;white-space:nowrap}
figure{margin:.6rem 0}
figcaption{color:var(--soft);font-size:.86rem}
svg.chart{width:100%;height:auto;display:block}
svg.spark{display:block}
.key{display:inline-block;width:1.2em;height:.7em;background:var(--bar);vertical-align:baseline;margin-right:.3em}
.key.line{height:0;border-top:2px solid var(--ink);background:none;vertical-align:middle}
.two{display:grid;grid-template-columns:1fr 1fr;gap:0 2rem}
dl.terms{display:grid;grid-template-columns:9rem 1fr;gap:.2rem 1rem;font-size:.86rem}
dl.terms dt{font-weight:600}dl.terms dd{margin:0;color:var(--soft)}
footer{margin-top:2rem;border-top:1px solid var(--line);padding-top:.5rem}
@media(max-width:40rem){.two,.call,dl.terms{grid-template-columns:1fr}}
@page{size:A4;margin:14mm 13mm}
@media print{
body{max-width:none;margin:0;padding:0;font-size:9.5pt}
h2,h3,figcaption,.note.lead{break-after:avoid}
tr,figure,.call,.kpi>div,.two>div,li,dt,dd{break-inside:avoid}
h2{margin-top:1.4rem}
.alert{-webkit-box-decoration-break:clone;box-decoration-break:clone}
thead{display:table-header-group}
.kpi{grid-template-columns:repeat(4,1fr)}.kpi>div{padding:.4rem .5rem}.kpi small{font-size:8pt}
.bar,.key,svg{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
";

/// A self-contained page around `body`.
pub(crate) fn document(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
    .into_string()
}
