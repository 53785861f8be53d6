//! What a set may say.

use super::*;

const SMALL: &str = r#"
id = "small"
version = 3
title = "小"
doc = "说明"
missing = "exclude"

[[first]]
id = "a"
title = "甲"
weight = 40
formula = "100 * kpi.connected"

[[first]]
id = "b"
title = "乙"
weight = 60

[[first.second]]
id = "c"
title = "丙"
weight = 59.5
formula = "100 * kpi.satisfied"
cap = 1.2

[[first.second]]
id = "d"
title = "丁"
weight = 0.5
formula = "kpi.score"
"#;

#[test]
fn the_shipped_sets_are_right_and_shaped_as_they_say() {
    let sets = embedded();
    let ids: Vec<&str> = sets.iter().map(|set| set.id.as_str()).collect();
    assert_eq!(ids, ["hotline-12345", "bank-branch"]);
    let of_level = |level: u8| sets[0].nodes.iter().filter(move |node| node.level == level);
    let first: Vec<&str> = of_level(1).map(|node| node.title.as_str()).collect();
    assert_eq!(first, ["服务响应", "服务规范", "问题解决"]);
    assert_eq!((of_level(2).count(), of_level(3).count()), (12, 27));
    // What is published is the names of the first level, and nothing else is said to be.
    assert!(sets[0].nodes.iter().all(|node| node.published == (node.level == 1)));
    assert!(sets[1].nodes.iter().all(|node| !node.published));
    assert!(sets.iter().all(|set| set.doc.contains("自定") && set.fingerprint.len() == 16));
}

#[test]
fn a_set_is_read_as_it_is_written() {
    let set = set(SMALL);
    let nodes: Vec<_> =
        set.nodes.iter().map(|node| (node.path.as_str(), node.level, node.weight.to_string())).collect();
    assert_eq!(
        nodes,
        [
            ("a", 1, "40".into()),
            ("b", 1, "60".into()),
            ("b.c", 2, "59.5".into()),
            ("b.d", 2, "0.5".into())
        ]
    );
    assert_eq!((set.version, set.find("b.d")), (3, Some(3)));
    assert_eq!(set.figures().into_iter().collect::<Vec<_>>(), ["kpi.connected", "kpi.satisfied", "kpi.score"]);
    assert_ne!(set.fingerprint, super::set(&SMALL.replace("40", "40.0")).fingerprint);
}

#[test]
fn mistakes_are_told_with_file_and_line_in_chinese() {
    for (from, to, expected) in [
        ("weight = 40", "weight = 41", "set.toml:9: 一级指标权重合计为 101，应为 100"),
        ("weight = 59.5", "weight = 59", "set.toml:15: “乙”的下级指标权重合计为 59.5，应为 60"),
        ("weight = 59.5", "weight = 59.501", "最多两位小数"),
        ("weight = 40", "weight = nan", "最多两位小数"),
        ("weight = 40", "weight = -40", "必须为 0 至 100"),
        ("weight = 40", "weight = 0", "权重必须大于 0"),
        ("kpi.connected", "kpi.connectd", "set.toml:12: 没有名为 kpi.connectd"),
        ("100 * kpi.connected", "kpi.connected > 1", "不能是真假"),
        ("cap = 1.2", "cap = 1.3", "必须为 1 至 1.2"),
        ("cap = 1.2", "cup = 1.2", "set.toml:24: unknown field `cup`"),
        ("id = \"d\"", "id = \"c\"", "已有编号为 b.c 的指标"),
        ("id = \"d\"", "id = \"丁\"", "编号只能由"),
        ("id = \"small\"", "id = \"\"", "编号只能由"),
        ("formula = \"kpi.score\"", "", "必须有公式"),
        ("weight = 60", "weight = 60\nformula = \"1\"", "set.toml:18: 有下级指标的指标不能有公式"),
        ("weight = 60", "weight = 60\ncap = 1.1", "只有带公式"),
        ("missing = \"exclude\"", "missing = \"guess\"", "unknown variant"),
        ("missing = \"exclude\"", "missing = \"exclude\"\nleast_weight = 101", "必须为 0 至 100"),
    ] {
        assert!(SMALL.contains(from), "{from}");
        let errors = Set::parse(&asset(&SMALL.replacen(from, to, 1)), &names()).unwrap_err();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|error| error.contains(expected)), "{to}: {told:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = SMALL.replace("kpi.connected", "kpi.x").replace("kpi.score", "kpi.y").replace("1.2", "2");
    assert_eq!(Set::parse(&asset(&text), &names()).unwrap_err().len(), 3);
}

#[test]
fn a_folder_of_the_users_goes_over_the_shipped_sets() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("indicators")).unwrap();
    std::fs::write(dir.path().join("indicators/bank-branch.toml"), SMALL).unwrap();
    let sets = load(&Assets::with_overlay(dir.path()).unwrap(), &names()).unwrap();
    assert_eq!(sets.iter().map(|set| set.id.as_str()).collect::<Vec<_>>(), ["hotline-12345", "small"]);
    std::fs::write(dir.path().join("indicators/other.toml"), SMALL).unwrap();
    let errors = load(&Assets::with_overlay(dir.path()).unwrap(), &names()).unwrap_err();
    assert!(errors[0].to_string().contains("已有编号为 small"), "{errors:?}");
}

#[test]
fn other_weights_leave_the_rest_in_proportion_and_add_up() {
    let set = set(SMALL);
    let other = set.with_weights(&weights(&[("a", 10)])).unwrap();
    let told: Vec<String> = other.nodes.iter().map(|node| node.weight.normalize().to_string()).collect();
    assert_eq!(told, ["10", "90", "89.25", "0.75"]);
    let inner = set.with_weights(&weights(&[("b.d", 20)])).unwrap();
    assert_eq!(inner.nodes[2].weight.normalize().to_string(), "40");
    let same = set.with_weights(&weights(&[])).unwrap();
    assert!(same.nodes.iter().zip(&set.nodes).all(|(a, b)| a.weight == b.weight));
    for (wrong, part) in [
        (weights(&[("x", 10)]), "没有编号为 x"),
        (weights(&[("a", 0)]), "必须大于 0"),
        (weights(&[("a", 101)]), "必须大于 0"),
        (weights(&[("a", 50), ("b", 60)]), "权重合计为 110"),
        (weights(&[("a", 100)]), "没有给 b（乙）留下权重"),
        (weights(&[("b.c", 70)]), "没有给 b.d"),
    ] {
        let told = set.with_weights(&wrong).unwrap_err().join("；");
        assert!(told.contains(part), "{told}");
    }
}
