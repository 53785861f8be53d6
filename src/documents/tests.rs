//! Which document counts, what changes between texts, and what may be published.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use qingting_index::Publication;
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;
use qingting_pipeline::pipeline::Stale;

use super::*;

static PIPELINE: LazyLock<Pipeline> =
    LazyLock::new(|| Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap());

fn rule(id: &str, version: u32, confidence: f32, word: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nversion = {version}\ntitle = \"x\"\ndoc = \"x\"\ncode = \"impatience\"\n\
         confidence = {confidence}\nexplanation = \"说了“{{quote}}”。\"\n[rule.condition.a]\nrole = \"agent\"\n\
         keywords = {{ any = [\"{word}\"] }}\n[[rule.example]]\nhit = true\nturns = [\"A: {word}\"]\n"
    )
}

fn version(document: &str, number: i64, version: u32, content: Option<&str>) -> Publication {
    Publication {
        number,
        document: document.into(),
        version,
        at: String::new(),
        who: "key:1".into(),
        name: "甲".into(),
        note: "n".into(),
        content: content.map(str::to_owned),
        sha256: String::new(),
        restores: None,
        fingerprint: String::new(),
    }
}

fn draft(name: &str, text: &str) -> Draft {
    Draft { name: name.into(), text: Some(text.into()) }
}

fn author() -> Author {
    Author { id: "key:1".into(), name: "甲".into() }
}

#[test]
fn names_are_those_of_files_that_something_reads() {
    for (name, kind) in [
        ("rules/handling.toml", Kind::Rules),
        ("scorecards/bank.toml", Kind::Scorecard),
        ("lexicon/cues/acts.toml", Kind::Phrases),
        ("lexicon/stopwords.txt", Kind::Lexicon),
        ("dict/90_本地.txt", Kind::Dictionary),
        ("synonyms/a.b.txt", Kind::Synonyms),
        ("taxonomy/12345.toml", Kind::Taxonomy),
        ("indicators/bank-branch.toml", Kind::Indicators),
    ] {
        assert_eq!(Kind::of(name), Ok(kind));
    }
    for name in [
        "",
        "rules",
        "rules/",
        "default.toml",
        "rules/.toml",
        "rules/..toml",
        "rules/x.txt",
        "dict/x.toml",
        "rules/a/b.toml",
        "../rules/x.toml",
        "rules/../x.toml",
        "/rules/x.toml",
        "rules/a b.toml",
        "rules/x\u{0}.toml",
        "demo/calls.jsonl",
    ] {
        assert!(Kind::of(name).is_err(), "{name:?}");
    }
    assert!(Kind::of(&format!("rules/{}.toml", "x".repeat(200))).is_err());
    // Every file that the program ships is a document or a setting.
    let shelf = Shelf::new(Assets::embedded(), []);
    let listed = shelf.list(&[]).unwrap();
    assert!(listed.iter().all(|document| document.source == Source::Program && document.version() == 0));
    assert_eq!(listed.iter().filter(|document| document.kind == Kind::Rules).count(), 4);
}

#[test]
fn what_is_published_goes_over_the_folder_and_the_folder_over_the_program() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("rules")).unwrap();
    let name = "rules/privacy.toml";
    std::fs::write(dir.path().join(name), "# folder\n").unwrap();
    let files = Assets::with_overlay(dir.path()).unwrap();
    let told = |newest: Vec<Publication>, name: &str| {
        let document = Shelf::new(files.clone(), newest).get(name).unwrap();
        document.map(|document| (document.source, document.version(), document.text))
    };
    assert_eq!(told(vec![], name), Some((Source::Folder, 0, "# folder\n".into())));
    let published = vec![version(name, 1, 1, Some("# published\n"))];
    assert_eq!(told(published, name), Some((Source::Published, 1, "# published\n".into())));
    assert_eq!(told(vec![version(name, 2, 2, None)], name), Some((Source::Folder, 2, "# folder\n".into())));
    let new = "rules/new.toml";
    assert_eq!(told(vec![version(new, 1, 1, Some(""))], new), Some((Source::Published, 1, String::new())));
    assert_eq!(told(vec![version(new, 1, 2, None)], new), None, "in no file");
    assert_eq!(told(vec![], "rules/nowhere.toml"), None);
    assert_eq!(told(vec![], "rules/opening.toml").unwrap().0, Source::Program);
    let shelf = Shelf::new(files.clone(), [version(new, 7, 1, Some(""))]);
    assert_eq!((shelf.number(), shelf.version(new), shelf.version(name)), (7, 1, 0));
    assert!(shelf.assets().names("rules", "toml").unwrap().contains(new));
}

#[test]
fn changes_are_told_item_by_item() {
    let told = |kind, old: &str, new: &str| -> Vec<String> {
        let changes = items(kind, old, new);
        changes.iter().map(|c| format!("{}{} {}", c.change.sign(), c.item, c.fields.join(","))).collect()
    };
    let old = format!("{}{}", rule("a", 1, 0.8, "甲乙"), rule("b", 1, 0.8, "丙丁"));
    let new = format!("{}{}", rule("a", 2, 0.9, "甲戊"), rule("c", 1, 0.8, "丙丁"));
    assert_eq!(
        told(Kind::Rules, &old, &new),
        ["~rule:a condition.a,confidence,example,version", "-rule:b ", "+rule:c "]
    );
    let card = |points: u32| {
        format!(
            "id = \"x\"\nversion = 1\n[[section]]\nid = \"s\"\ntitle = \"t\"\n[[section.item]]\nid = \"i\"\npoints = {points}\n\
             [[section.item]]\nid = \"j\"\npoints = 1\n"
        )
    };
    assert_eq!(told(Kind::Scorecard, &card(3), &card(5)), ["~section:s/item:i points"]);
    assert_eq!(
        told(Kind::Dictionary, "居住证\n社保卡 n # x\n", "# y\n社保卡 nz\n公积金\n"),
        ["+公积金 ", "-居住证 ", "~社保卡 "]
    );
    assert_eq!(told(Kind::Rules, "[[rule", &new), Vec::<String>::new(), "the lines tell more");
    let lines = unified(("a", "一\n二\n三\n"), ("b", "一\n2\n三\n"));
    assert_eq!(lines, "--- a\n+++ b\n@@ -1,3 +1,3 @@\n 一\n-二\n+2\n 三\n");
    assert_eq!(unified(("a", "一\n"), ("b", "一\n")), "");
}

#[test]
fn drafts_are_checked_with_everything_else() {
    let shelf = Shelf::new(Assets::embedded(), []);
    let config = PipelineConfig::default();
    let checked = |drafts: &[Draft]| check(&PIPELINE, &config, &shelf, drafts);
    let wrong =
        |drafts: &[Draft]| -> Vec<String> { checked(drafts).unwrap_err().iter().map(ToString::to_string).collect() };
    let good = checked(&[draft("rules/own.toml", &rule("own", 1, 0.9, "您好"))]).unwrap();
    assert_eq!((good.affected, good.needs_reindex, good.warnings.len()), (Stale::Rules, false, 0));
    let bad = rule("own", 1, 0.9, "您好").replace("A: 您好", "A: 再见").replace("\"impatience\"", "\"no_such\"");
    let told = wrong(&[draft("rules/own.toml", &bad)]);
    assert!(told.len() == 1 && told[0].starts_with("rules/own.toml:6:8: unknown code"), "{told:?}");
    let example = rule("own", 1, 0.9, "您好").replace("A: 您好", "A: 再见");
    let told = wrong(&[draft("rules/own.toml", &example)]);
    assert!(told.len() == 1 && told[0].contains("rule `own`"), "{told:?}");
    // A code goes on which a scorecard rests: the mistake is in the scorecard.
    let code = "[[code]]\ncode = \"mine\"\ntitle = \"x\"\nlevel = \"call\"\nrole = \"agent\"\n";
    let card = "id = \"own\"\nversion = 1\ntitle = \"x\"\ndoc = \"x\"\n[[section]]\nid = \"s\"\ntitle = \"x\"\n\
                [[section.item]]\nid = \"i\"\ntitle = \"x\"\npoints = 10\ndeduct = [{ codes = [\"mine\"], points = 3 }]\n";
    let both = [draft("rules/own.toml", code), draft("scorecards/own.toml", card)];
    checked(&both).unwrap();
    let published = [
        version("rules/own.toml", 1, 1, Some(code)),
        version("scorecards/own.toml", 2, 1, Some(card)),
    ];
    let shelf_with = Shelf::new(Assets::embedded(), published);
    let told = check(&PIPELINE, &config, &shelf_with, &[draft("rules/own.toml", "")]).unwrap_err();
    assert_eq!((told.len(), told[0].document.as_str(), told[0].line), (1, "scorecards/own.toml", 12));
    // What is wrong whatever the text.
    let twice = [draft("rules/own.toml", ""), draft("rules/own.toml", "")];
    assert!(wrong(&twice)[0].contains("given twice"));
    assert!(wrong(&[draft("lexicon/own.toml", "")])[0].contains("nothing reads"));
    assert!(wrong(&[draft("rules/own.toml", &"#".repeat(MAX_BYTES + 1))])[0].contains("longer than"));
    assert!(wrong(&[draft("default.toml", "")])[0].contains("one of the folders"));
    // What is worth knowing.
    let opening = shelf.get("rules/opening.toml").unwrap().unwrap().text;
    let changed = checked(&[draft("rules/opening.toml", &opening.replacen("0.9", "0.8", 1))]).unwrap();
    assert_eq!(changed.warnings.len(), 1, "{:?}", changed.warnings);
    assert!(changed.warnings[0].message.contains("rule `no-staff-id` changes and its `version` does not"));
    let words = checked(&[draft("dict/zz.txt", "停水抢修\n")]).unwrap();
    assert_eq!((words.needs_reindex, words.affected, words.warnings.len()), (true, Stale::Everything, 1));
    let same = checked(&[draft("synonyms/zz.txt", "停水抢修 断水抢修\n")]).unwrap();
    assert_eq!((same.needs_reindex, same.affected), (false, Stale::Nothing));
}

#[test]
fn sets_of_indicators_are_checked_with_what_they_name() {
    let (shelf, config) = (Shelf::new(Assets::embedded(), []), PipelineConfig::default());
    let checked = |shelf: &Shelf, drafts: &[Draft]| check(&PIPELINE, &config, shelf, drafts);
    let set = |figure: &str, version: u32| {
        format!(
            "id = \"own\"\nversion = {version}\ntitle = \"x\"\ndoc = \"x\"\nmissing = \"exclude\"\n[[first]]\nid = \"a\"\n\
             title = \"甲\"\nweight = 100\nformula = \"1.0 - {figure}\"\n"
        )
    };
    let name = "indicators/own.toml";
    let good = checked(&shelf, &[draft(name, &set("finding.impatience", 1))]).unwrap();
    assert_eq!((good.affected, good.needs_reindex, good.warnings.len()), (Stale::Nothing, false, 0));
    let told = checked(&shelf, &[draft(name, &set("finding.no_such", 1))]).unwrap_err();
    assert_eq!((told.len(), told[0].document.as_str(), told[0].line), (1, name, 10), "{told:?}");
    // A code goes that a set names: the mistake is in the set.
    let code = "[[code]]\ncode = \"mine\"\ntitle = \"x\"\nlevel = \"call\"\nrole = \"agent\"\n";
    let (rules, own) = ("rules/own.toml", set("finding.mine", 1));
    checked(&shelf, &[draft(rules, code), draft(name, &own)]).unwrap();
    let shelf = Shelf::new(Assets::embedded(), [version(rules, 1, 1, Some(code)), version(name, 2, 1, Some(&own))]);
    let told = checked(&shelf, &[draft(rules, "")]).unwrap_err();
    assert_eq!((told.len(), told[0].document.as_str(), told[0].line), (1, name, 10), "{told:?}");
    let warned = checked(&shelf, &[draft(name, &own.replace("甲", "乙"))]).unwrap().warnings;
    assert!(
        warned.len() == 1 && warned[0].message.contains("the set changes and its `version` does not"),
        "{warned:?}"
    );
    assert!(
        checked(&shelf, &[draft(name, &own.replace("version = 1", "version = 2"))])
            .unwrap()
            .warnings
            .is_empty()
    );
}

#[test]
fn versions_are_made_of_what_changes_something_and_is_of_the_newest() {
    let name = "rules/own.toml";
    let (config, text) = (PipelineConfig::default(), rule("own", 1, 0.9, "您好"));
    let shelf = Shelf::new(Assets::embedded(), []);
    let prepared = |shelf: &Shelf, draft: Draft, expected: u32, note: &str| {
        prepare(&PIPELINE, &config, shelf, &[(draft, expected)], None, (&author(), note))
    };
    assert!(matches!(prepared(&shelf, draft(name, &text), 0, " "), Err(Refusal::Note(_))));
    assert!(matches!(prepared(&shelf, draft(name, &text), 0, &"长".repeat(MAX_NOTE + 1)), Err(Refusal::Note(_))));
    let conflict = prepared(&shelf, draft(name, &text), 1, "试");
    assert!(matches!(conflict, Err(Refusal::Conflict { expected: 1, current: 0, .. })));
    let none = Draft { name: name.into(), text: None };
    assert!(matches!(prepared(&shelf, none.clone(), 0, "试"), Err(Refusal::Same(_))));
    let first = prepared(&shelf, draft(name, &text), 0, " 试行 ").unwrap();
    let row = &first.versions[0];
    assert_eq!((row.version, row.note.as_str(), row.content.as_deref()), (1, "试行", Some(text.as_str())));
    assert_eq!(row.fingerprint, first.checked.pipeline.provenance().config_fingerprint);
    assert_eq!(row.sha256, digest(&text));
    let shelf = first.shelved(&shelf, &[41]);
    assert_eq!((shelf.number(), shelf.version(name)), (41, 1));
    assert!(matches!(prepared(&shelf, draft(name, &text), 1, "试"), Err(Refusal::Same(_))));
    assert!(matches!(prepared(&shelf, draft(name, ""), 0, "试"), Err(Refusal::Conflict { current: 1, .. })));
    let back = roll_back(&shelf, name, 0, None).unwrap();
    assert_eq!(back, none);
    let gone = prepared(&shelf, back, 1, "撤回").unwrap().shelved(&shelf, &[42]);
    assert_eq!((gone.get(name).unwrap(), gone.version(name)), (None, 2));
    let old = Some(version(name, 41, 1, Some(&text)));
    assert_eq!(roll_back(&gone, name, 1, old.clone()).unwrap(), draft(name, &text));
    assert!(matches!(roll_back(&gone, name, 3, old), Err(Refusal::Unknown(_))));
    assert!(matches!(roll_back(&gone, name, 3, None), Err(Refusal::Unknown(_))));
    assert!(matches!(roll_back(&gone, "rules/opening.toml", 0, None), Err(Refusal::Unknown(_))));
    let _shared: Arc<Pipeline> = first.checked.pipeline;
}

proptest! {
    #[test]
    fn the_newest_version_counts_whatever_came_before(texts in prop::collection::vec(prop::option::of("[甲乙a\n]{0,8}"), 1..12)) {
        let name = "synonyms/10_hotline.txt";
        let files = Assets::embedded().read(name).unwrap().text.into_owned();
        let mut shelf = Shelf::new(Assets::embedded(), []);
        for (at, text) in (1..).zip(&texts) {
            shelf = shelf.with_versions([version(name, at, at as u32, text.as_deref())]);
            let document = shelf.get(name).unwrap().unwrap();
            prop_assert_eq!(&document.text, text.as_ref().unwrap_or(&files));
            prop_assert_eq!((document.version(), shelf.number()), (at as u32, at));
            prop_assert_eq!(document.source == Source::Published, text.is_some());
        }
    }

    #[test]
    fn a_comparison_the_other_way_round_has_the_same_items(old in "([a-d]( [xy])?\n){0,6}", new in "([a-d]( [xy])?\n){0,6}") {
        let there = items(Kind::Dictionary, &old, &new);
        let back = items(Kind::Dictionary, &new, &old);
        let turned: Vec<_> = there.iter().map(|c| (c.item.clone(), match c.change {
            Change::Added => Change::Removed,
            Change::Removed => Change::Added,
            Change::Changed => Change::Changed,
        })).collect();
        prop_assert_eq!(back.iter().map(|c| (c.item.clone(), c.change)).collect::<Vec<_>>(), turned);
        prop_assert!(items(Kind::Dictionary, &old, &old).is_empty());
        let lines = unified(("a", &old), ("b", &new));
        let counted = |sign: char| lines.lines().skip(2).filter(|line| line.starts_with(sign)).count() as i64;
        prop_assert_eq!(counted('+') - counted('-'), new.lines().count() as i64 - old.lines().count() as i64);
        prop_assert_eq!(lines.is_empty(), old == new);
    }

    #[test]
    fn no_name_leads_out_of_its_folder(name in "\\PC{0,40}") {
        if let Ok(kind) = Kind::of(&name) {
            let path = std::path::Path::new(&name);
            prop_assert_eq!(path.parent().unwrap(), std::path::Path::new(kind.folder()));
            prop_assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
        }
    }
}
