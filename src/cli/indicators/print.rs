//! Outcomes for people.

use crate::indicator::told::{Told, ToldAdjustment, ToldInput, ToldNode};

fn or_none(value: Option<&str>) -> &str {
    value.unwrap_or("无数据")
}

pub(super) fn node(node: &ToldNode) {
    let indent = "  ".repeat(usize::from(node.level));
    let (score, points) = (or_none(node.score.as_deref()), or_none(node.points.as_deref()));
    let weight = if node.known_weight == node.weight || node.reason.is_some() {
        node.weight.clone()
    } else {
        format!("{}（有数据的权重 {}）", node.weight, node.known_weight)
    };
    println!("{indent}{}  得分率 {score}  {points} / {weight}  {}", node.title, node.path);
    if let Some(reason) = &node.reason {
        println!("{indent}    {reason}");
    }
}

pub(super) fn adjustment(kind: &str, of: &ToldAdjustment) {
    println!("  {kind}：{}  {}（{}）", of.title, or_none(of.points.as_deref()), of.explanation);
}

pub(super) fn head(told: &Told) {
    println!("{} 第 {} 版（{}）", told.set_id, told.set_version, told.set_fingerprint);
    println!("{} 至 {}，{} 通", told.since, told.until, told.call_count);
}

pub(super) fn whole(told: &Told) {
    head(told);
    println!("总分 {}：{}", or_none(told.total.as_deref()), told.explanation);
    told.nodes.iter().for_each(node);
    told.deductions.iter().for_each(|of| adjustment("扣分", of));
    told.bonuses.iter().for_each(|of| adjustment("加分", of));
}

pub(super) fn input(of: &ToldInput) {
    println!("  {}（{}）", of.explanation, of.id);
    for (what, filter) in [
        ("符合", &of.numerator_filter),
        ("计入", &of.denominator_filter),
        ("缺数据", &of.missing_filter),
    ] {
        if let Some(filter) = filter {
            println!("      {what}的通话：qingting search '' --filter '{filter}'");
        }
    }
}
