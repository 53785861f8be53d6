//! Coaching as a process: sheets, phrases, bulletins, and the case library, in the data folder and through the server that holds it.

use crate::cli::{demo_calls, ok, qingting, serve};

#[test]
fn an_agent_gets_a_sheet_a_team_a_bulletin_and_two_people_an_example() {
    let dir = tempfile::tempdir().unwrap();
    ok(&qingting(dir.path(), &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    let coaching = |args: &[&str]| qingting(dir.path(), &[&["coaching"], args].concat());
    let days = ["--from", "2026-11-23", "--to", "2026-11-27"];
    let sheet = ok(&coaching(&[&["sheet", "--agent", "A02", "--data", "data"], &days[..]].concat()));
    assert!(sheet.starts_with("# 辅导单：A02") && sheet.contains("数据不足"), "{sheet}");
    let json = ok(&coaching(&[&["sheet", "--agent", "A02", "--json", "--data", "data"], &days[..]].concat()));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["score"]["calls"].as_u64(), json["is_enough"].as_bool()), (Some(3), Some(false)));
    let nobody = coaching(&["sheet", "--agent", "nobody", "--data", "data"]);
    assert_eq!(nobody.status.code(), Some(1));

    let phrases = ok(&coaching(&["phrases", "--code", "impatience", "--sector", "bank"]));
    assert!(phrases.contains("不要说") && phrases.contains("银行") && !phrases.contains("政务"), "{phrases}");
    let bulletin = &[&["bulletin", "--html", "b.html", "--data", "data"], &days[..]].concat();
    let told = ok(&coaching(bulletin));
    assert!(told.contains("全热线期间通报") && !told.contains("A02"), "{told}");
    let page = std::fs::read_to_string(dir.path().join("b.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("<script"));
    let proposed = ok(&coaching(&[&["examples", "propose", "--data", "data"], &days[..]].concat()));
    assert!(proposed.contains("示范"), "{proposed}");

    let example = |args: &[&str]| coaching(&[&["examples"], args, &["--data", "data"]].concat());
    let words = [
        "--title",
        "先体谅再核对",
        "--lesson",
        "先说一句体谅，再问地点",
        "--who",
        "甲",
    ];
    ok(&example(&[&["nominate", "--call", "demo-001"], &words[..]].concat()));
    let own = example(&["approve", "1", "--who", "甲"]);
    assert!(String::from_utf8_lossy(&own.stderr).contains("nominated"), "{own:?}");
    {
        let _served = serve(dir.path());
        assert!(ok(&example(&["approve", "1", "--who", "乙"])).contains("已入库"));
        assert!(ok(&example(&["search", "菜市场卸货"])).contains("case:1"));
        let words = ["--title", "核对材料", "--lesson", "逐项核对", "--who", "甲"];
        assert!(ok(&example(&[&["nominate", "--call", "demo-013"], &words[..]].concat())).contains("3 号"));
    }
    let answers = ok(&qingting(dir.path(), &["kb", "search", "菜市场卸货", "--data", "data"]));
    assert!(!answers.contains("case:1"), "callers are not answered by it: {answers}");
    assert!(ok(&example(&["withdraw", "1", "--who", "丙"])).contains("已撤回"));
    assert!(ok(&example(&["search", "菜市场卸货"])).contains("没有找到"));
    assert!(ok(&example(&["list", "--state", "nominated"])).contains("3 号"));
}
