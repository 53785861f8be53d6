//! The rule reference out of the detectors and rules themselves, so that it cannot drift.

use std::fmt::Write;

use qingting_pipeline::finding::{CodeInfo, Finder, Level, detector_docs};
use qingting_pipeline::record::Severity;
use serde_json::json;

/// One line a detector or rule.
pub(super) fn table(finder: &Finder) -> String {
    let mut text = String::new();
    for detector in detector_docs() {
        let _ = writeln!(text, "{:<24} {:<28} {}", detector.id, detector.codes.join(","), detector.title);
    }
    for rule in finder.rules().iter() {
        let off = if rule.enabled { "" } else { "（停用）" };
        let _ = writeln!(text, "{:<24} {:<28} {}{off}  {}:{}", rule.id, rule.code, rule.title, rule.file, rule.line);
    }
    text
}

/// Everything as one JSON object.
pub(super) fn json(finder: &Finder) -> serde_json::Result<String> {
    let rules: Vec<_> = finder
        .rules()
        .iter()
        .map(|r| {
            json!({"id": r.id, "version": r.version, "title": r.title, "doc": r.doc, "code": r.code,
                   "enabled": r.enabled, "when": r.when, "file": r.file, "line": r.line})
        })
        .collect();
    serde_json::to_string(&json!({"detectors": detector_docs(), "rules": rules}))
}

/// The page that docs/rules.md holds.
pub(super) fn markdown(finder: &Finder) -> String {
    let mut page = String::from(
        "# Detectors and rules\n\nWritten by `qingting rules list --markdown`. Codes with T1 to T8 are the eight \
         taboos of telephone complaint handling (电话沟通八大禁忌).\n\n## Codes\n\n\
         | code | title | on | whose | taboo | severity |\n|---|---|---|---|---|---|\n",
    );
    for code in finder.catalog().iter() {
        let _ = writeln!(page, "{}", code_row(code));
    }
    page.push_str("\n## Detectors\n");
    for detector in detector_docs() {
        let codes = detector.codes.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
        let _ = write!(page, "\n### `{}` {}\n\n{}\n\nFinds {codes}.\n", detector.id, detector.title, detector.doc);
        if !detector.parameters.is_empty() {
            page.push_str("\n| setting in `[finding]` | |\n|---|---|\n");
            for parameter in detector.parameters {
                let _ = writeln!(page, "| `{}` | {} |", parameter.key, parameter.doc);
            }
        }
        page.push('\n');
        for example in detector.examples {
            let verdict = match example.finds {
                Some((code, Some(turn))) => format!("finds `{code}` on turn {turn}"),
                Some((code, None)) => format!("finds `{code}` on the call"),
                None => "finds nothing".to_owned(),
            };
            let lines: Vec<String> = example
                .lines
                .iter()
                .map(|(who, _, _, text)| format!("{} {text}", if *who == 'A' { "坐席：" } else { "来电人：" }))
                .collect();
            let _ = writeln!(page, "- {verdict}: {}", lines.join(" / "));
        }
    }
    page.push_str("\n## Rules\n");
    for rule in finder.rules().iter() {
        let _ = write!(
            page,
            "\n### `{}` {}\n\n{}\n\nFinds `{}` when `{}` (version {}, `{}`).\n",
            rule.id, rule.title, rule.doc, rule.code, rule.when, rule.version, rule.file
        );
    }
    page
}

fn code_row(code: &CodeInfo) -> String {
    let level = match code.level {
        Level::Turn => "turn",
        Level::Call => "call",
    };
    let severity = match code.severity {
        Severity::Minor => "minor",
        Severity::Major => "major",
        Severity::Fatal => "fatal",
    };
    let taboo = code.taboo.map_or_else(String::new, |t| format!("{t:?}"));
    format!("| `{}` | {} | {level} | {} | {taboo} | {severity} |", code.code, code.title, code.role.as_str())
}
