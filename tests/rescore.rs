//! Changed rules and scorecards on stored calls: what is said beforehand, and what is written.

use std::path::Path;
use std::process::Output;

use qingting::config::Settings;
use qingting_index::{Context, DataDir, DateRange};
use qingting_pipeline::pipeline::same_judgement;
use qingting_pipeline::record::Analysis;
use qingting_pipeline::{Analyzed, Pipeline};
use serde_json::Value;

use crate::cli::{demo_calls, ok, qingting};

const RULE: &str = r#"
[[code]]
code = "asks_where"
title = "询问地点"
level = "turn"
role = "agent"

[[rule]]
id = "asks-where"
version = 1
title = "询问地点"
doc = "坐席问在哪里。"
code = "asks_where"
confidence = 0.8
explanation = "坐席问“{quote}”。"

[rule.condition.asks]
role = "agent"
keywords = { any = ["哪里", "哪个", "哪条"] }

[[rule.example]]
hit = true
turns = ["A: 请问在哪个小区？"]
"#;

const CARD: &str = r#"
id = "hotline-12345"
version = 9
title = "试"
doc = "试。"

[[section]]
id = "s"
title = "试"

[[section.item]]
id = "where"
title = "问地点"
points = 10
deduct = [{ codes = ["asks_where"], points = 3 }]
"#;

fn stored(data: &Path, pipeline: &Pipeline) -> Vec<Analyzed> {
    let data = DataDir::open_reader(data, Context::new(pipeline)).unwrap();
    data.scan(DateRange::ALL).unwrap().map(Result::unwrap).collect()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&ok(output)).unwrap()
}

#[test]
fn changed_rules_and_scorecards_reach_stored_calls_without_their_inputs() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| qingting(dir.path(), &[args, &["--data", "data"]].concat());
    ok(&run(&["ingest", &demo_calls().display().to_string()]));
    let (settings, assets) = Settings::load(None).unwrap();
    let old = Pipeline::new(&settings.pipeline(), &assets).unwrap();
    let before = stored(&dir.path().join("data"), &old);

    for (folder, name, text) in [("rules", "own.toml", RULE), ("scorecards", "hotline-12345.toml", CARD)] {
        std::fs::create_dir_all(dir.path().join("new").join(folder)).unwrap();
        std::fs::write(dir.path().join("new").join(folder).join(name), text).unwrap();
    }
    let said = json(&run(&["rules", "backtest", "--rules", "new", "--json", "--out", "changes.csv"]));
    let changed = said["changed"].as_u64().unwrap();
    assert!(changed > 10 && said["calls"] == 34 && said["analyzed_afresh"] == 0, "{said:#}");
    let code = said["codes"].as_array().unwrap().iter().find(|code| code["code"] == "asks_where").unwrap();
    assert!(code["before"] == 0 && code["gained"].as_u64().unwrap() > 5, "{code:#}");
    assert!(code["gained_examples"][0]["quote"].as_str().unwrap().starts_with('哪'), "{code:#}");
    let moved: u64 = said["moves"].as_array().unwrap().iter().map(|moves| moves["calls"].as_u64().unwrap()).sum();
    assert_eq!(moved, said["scores"]["scored"].as_u64().unwrap());
    let table = std::fs::read_to_string(dir.path().join("changes.csv")).unwrap();
    assert_eq!(table.lines().count() as u64, changed + 1);
    assert!(table.lines().nth(1).unwrap().starts_with("demo-"), "{table}");
    let text = ok(&run(&["rules", "backtest", "--rules", "new/rules/own.toml"]));
    assert!(text.contains("asks_where：0 →") && text.contains("轮“哪"), "{text}");

    let rescore = |more: &[&str]| json(&run(&[&["rescore", "--config", "new", "--json"], more].concat()));
    let would = rescore(&["--dry-run"]);
    let done = rescore(&[]);
    assert_eq!(would, done);
    assert!(
        done["calls"] == 34 && done["ruled"] == 34 && done["need_input"] == serde_json::json!({}),
        "{done:#}"
    );
    assert!(done["changed"].as_u64().unwrap() >= changed);
    let again = rescore(&[]);
    assert_eq!((again["changed"].as_u64(), again["calls"].as_u64()), (Some(0), Some(34)), "{again:#}");
    assert!(ok(&run(&["search", "code:asks_where", "--config", "new"])).contains("demo-"));

    // What is kept now is what the inputs would give; callers and sources are who and what they were.
    let (settings, assets) = Settings::load(Some(&dir.path().join("new"))).unwrap();
    let new = Pipeline::new(&settings.pipeline(), &assets).unwrap();
    let after = stored(&dir.path().join("data"), &new);
    assert_eq!(after.len(), before.len());
    let input = demo_calls().display().to_string();
    let afresh = ok(&qingting(dir.path(), &["analyze", &input, "--config", "new"]));
    let afresh: Vec<Analysis> = afresh.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (call, earlier) in after.iter().zip(&before) {
        assert_eq!(call.record, earlier.record);
        let afresh = afresh.iter().find(|analysis| analysis.call_id == call.record.call_id).unwrap();
        assert!(same_judgement(&call.analysis, afresh), "{}", call.record.call_id);
    }
    // Days outside of the range stay.
    assert_eq!(rescore(&["--from", "2030-01-01"])["calls"], 0);
}

#[test]
fn more_than_rules_and_scorecards_asks_for_the_inputs() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| qingting(dir.path(), &[args, &["--data", "data"]].concat());
    ok(&run(&["ingest", &demo_calls().display().to_string()]));
    std::fs::create_dir_all(dir.path().join("new")).unwrap();
    std::fs::write(dir.path().join("new/default.toml"), "[finding]\nassert = 0.9\n").unwrap();
    let said = json(&run(&["rescore", "--config", "new", "--json"]));
    assert_eq!(said["changed"], 0);
    let (why, reason) = said["need_input"].as_object().unwrap().iter().next().unwrap();
    assert!(why.contains("more than rules") && reason["calls"] == 34, "{said:#}");
    assert!(ok(&run(&["rescore", "--config", "new"])).contains("ingest their files again"));
}
