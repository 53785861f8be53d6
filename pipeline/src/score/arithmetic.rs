//! The arithmetic of a scorecard on one call: deductions, caps, N/A, fatal items, bonus,
//! and the sentence that explains each line.

use super::card::{Bonus, Item, Scorecard};
use crate::record::{Act, CallRecord, Facts, Finding, ItemScore, Role, Score, Severity};

/// What a scorecard looks at.
pub(super) struct Scored<'a> {
    pub(super) record: &'a CallRecord,
    /// Acts of every turn.
    pub(super) acts: &'a [&'a [Act]],
    pub(super) findings: &'a [Finding],
    pub(super) facts: &'a Facts,
}

impl Scorecard {
    /// The score of one call; `None` when no item applies.
    pub(super) fn score(&self, call: &Scored<'_>) -> Option<Score> {
        let all_acts: Vec<Act> = call.acts.iter().flat_map(|acts| acts.iter().copied()).collect();
        let mut items = Vec::new();
        let mut fatal = Vec::new();
        for section in &self.sections {
            for item in &section.items {
                let line = match &item.bonus {
                    Some(bonus) => bonus_line(item, bonus, section.weight, call),
                    None => item_line(item, section.weight, call, &all_acts, &mut fatal),
                };
                items.push(line);
            }
        }
        let potential = round(items.iter().map(|line| line.potential).sum());
        if potential <= 0.0 {
            return None;
        }
        spend_bonus(&mut items, potential);
        let awarded: f64 = items.iter().map(|line| line.awarded).sum();
        let normalized = round((awarded / potential).clamp(0.0, 1.0));
        let total = if fatal.is_empty() {
            round(normalized * 100.0)
        } else {
            0.0
        };
        Some(Score { scorecard: self.id.clone(), total, potential, normalized, fatal, items })
    }
}

/// Six decimals: sums of tenths come out as written.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn item_line(item: &Item, weight: f64, call: &Scored<'_>, acts: &[Act], fatal: &mut Vec<String>) -> ItemScore {
    let potential = round(item.points * weight);
    let concerns = |finding: &Finding| {
        item.deductions.iter().any(|deduction| deduction.code == finding.code)
            || item.fatal.iter().flat_map(|f| &f.codes).any(|(code, _)| *code == finding.code)
    };
    let findings = (0u32..).zip(call.findings).filter(|(_, finding)| concerns(finding)).map(|(i, _)| i).collect();
    let mut line = ItemScore {
        id: item.id.clone(),
        awarded: potential,
        potential,
        na: false,
        reason: String::new(),
        findings,
    };
    if let Some(na) = item.na.iter().find(|na| na.holds(call.record, acts, call.facts)) {
        line.awarded = 0.0;
        line.potential = 0.0;
        line.na = true;
        line.reason = format!("不适用：{}。", na.reason.trim_end_matches('。'));
        return line;
    }
    if let Some(title) = failed(item, call.findings) {
        fatal.push(item.id.clone());
        line.awarded = 0.0;
        line.reason = format!("一票否决：{title}，整通电话记 0 分。");
        return line;
    }
    let mut lost = 0.0;
    let mut parts = Vec::new();
    for deduction in &item.deductions {
        let count = call.findings.iter().filter(|finding| finding.code == deduction.code).count();
        if count > 0 {
            let cost = round(deduction.points * weight);
            lost += count as f64 * cost;
            parts.push(match count {
                1 => format!("{}，扣 {cost} 分", deduction.title),
                _ => format!("{} {count} 处，每处扣 {cost} 分", deduction.title),
            });
        }
    }
    let lost = round(lost);
    let cap = round(item.cap * weight);
    line.awarded = round(potential - lost.min(cap));
    line.reason = match parts.as_slice() {
        [] => "未发现问题，不扣分。".to_owned(),
        _ if lost > cap => format!("{}；按上限扣 {cap} 分。", parts.join("；")),
        [part] if !part.contains('每') => format!("{part}。"),
        _ => format!("{}；共扣 {lost} 分。", parts.join("；")),
    };
    line
}

/// Title of the first code that fails the call.
fn failed<'a>(item: &'a Item, findings: &[Finding]) -> Option<&'a str> {
    let fatal = item.fatal.as_ref()?;
    let grave = |finding: &&Finding| finding.severity >= fatal.severity && finding.confidence >= fatal.confidence;
    findings
        .iter()
        .filter(grave)
        .find_map(|finding| fatal.codes.iter().find(|(code, _)| *code == finding.code).map(|(_, title)| title.as_str()))
}

/// Given where the agent does enough and no fault of the call is more than minor.
fn bonus_line(item: &Item, bonus: &Bonus, weight: f64, call: &Scored<'_>) -> ItemScore {
    let does = |acts: &[Act]| bonus.acts.iter().any(|act| acts.contains(act));
    let turns = call.record.turns.iter().zip(call.acts);
    let count = turns.filter(|(turn, acts)| turn.role == Role::Agent && does(acts)).count();
    let faults = call.findings.iter().filter(|f| f.role == Role::Agent && f.severity > Severity::Minor).count();
    let names: Vec<&str> = bonus.acts.iter().map(|act| act.zh()).collect();
    let names = names.join("、");
    let (awarded, reason) = match (count >= bonus.turns, faults) {
        (true, 0) => (round(item.points * weight), format!("{names} {count} 轮。")),
        (true, n) => (0.0, format!("{names} {count} 轮，但有较重问题 {n} 处，不加分。")),
        (false, _) => (0.0, format!("{names} {count} 轮，未达到 {} 轮，不加分。", bonus.turns)),
    };
    ItemScore {
        id: item.id.clone(),
        awarded,
        potential: 0.0,
        na: awarded == 0.0,
        reason,
        findings: Vec::new(),
    }
}

/// Bonus makes up for deductions at most: what would exceed the full score is not awarded.
fn spend_bonus(items: &mut [ItemScore], potential: f64) {
    let is_bonus = |line: &ItemScore| line.potential == 0.0 && line.awarded > 0.0;
    let base: f64 = items.iter().filter(|line| !is_bonus(line)).map(|line| line.awarded).sum();
    let mut room = round(potential - base);
    for line in items.iter_mut().filter(|line| is_bonus(line)) {
        let spent = line.awarded.min(room);
        line.reason = match spent > 0.0 {
            true => format!("{}加 {spent} 分。", line.reason.replace('。', "，")),
            false => format!("{}已是满分，不再加分。", line.reason.replace('。', "，")),
        };
        line.na = spent == 0.0;
        line.awarded = spent;
        room = round(room - spent);
    }
}
