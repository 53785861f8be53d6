//! By which vectors articles are found: what the command line does with the choice.

use std::path::Path;
use std::process::{Command, Output};

/// On a machine without weights, whatever is installed on this one.
fn kb(dir: &Path, args: &[&str]) -> Output {
    let data = dir.join("data");
    Command::new(env!("CARGO_BIN_EXE_qingting"))
        .arg("kb")
        .args(args)
        .args(["--data".as_ref(), data.as_os_str()])
        .env("QINGTING_MODELS", dir.join("none"))
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    // Long lines of a message are wrapped and marked.
    let text = String::from_utf8_lossy(&output.stderr).replace('│', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn without_weights_articles_are_found_by_the_static_vectors_and_the_transformer_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let articles = dir.path().join("articles.jsonl");
    std::fs::write(&articles, "{\"id\": \"a\", \"title\": \"路灯报修\", \"body\": \"拨打城管热线。\"}\n").unwrap();
    let articles = articles.to_str().unwrap();
    for models in ["bert", "cascade"] {
        let refused = kb(dir.path(), &["import", articles, "--models", models]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("scripts/setup-bert") && said(&refused).contains("static"), "{refused:?}");
    }
    let imported = kb(dir.path(), &["import", articles]);
    assert!(imported.status.success() && said(&imported).contains("1 articles imported"), "{imported:?}");
    let found = kb(dir.path(), &["search", "路灯不亮"]);
    assert!(String::from_utf8_lossy(&found.stdout).contains("路灯报修") && said(&found).is_empty(), "{found:?}");
    assert_eq!(kb(dir.path(), &["search", "路灯不亮", "--models", "bert"]).status.code(), Some(1));
}

#[test]
fn a_knowledge_base_encoded_elsewhere_is_searched_with_a_warning_and_can_be_encoded_anew() {
    let dir = tempfile::tempdir().unwrap();
    let articles = dir.path().join("articles.jsonl");
    std::fs::write(&articles, "{\"id\": \"a\", \"title\": \"路灯报修\", \"body\": \"拨打城管热线。\"}\n").unwrap();
    let articles = articles.to_str().unwrap();
    assert!(kb(dir.path(), &["import", articles]).status.success());
    let index = dir.path().join("data/index/knowledge");
    std::fs::write(index.join("transformer.json"), "{\"name\": \"other-model\", \"fingerprint\": \"12ab\"}").unwrap();
    let found = kb(dir.path(), &["search", "路灯不亮"]);
    assert!(String::from_utf8_lossy(&found.stdout).contains("路灯报修"), "{found:?}");
    assert!(said(&found).contains("warning") && said(&found).contains("other-model (12ab)"), "{found:?}");
    assert!(
        said(&kb(dir.path(), &["search", "路灯不亮", "--models", "static"])).is_empty(),
        "as it was asked for"
    );
    let refused = kb(dir.path(), &["import", articles]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("kb reindex --models static"), "{refused:?}");
    let anew = kb(dir.path(), &["reindex"]);
    assert!(said(&anew).contains("1 articles encoded, 1 passages: static vectors"), "{anew:?}");
    assert!(!index.join("transformer.json").exists());
    assert!(!index.with_file_name("knowledge.old").exists() && !index.with_file_name("knowledge.new").exists());
    let found = kb(dir.path(), &["search", "路灯不亮"]);
    assert!(String::from_utf8_lossy(&found.stdout).contains("路灯报修") && said(&found).is_empty(), "{found:?}");
}
