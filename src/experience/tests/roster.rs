//! Who may become an officer, what is kept of them, and how the roster is made up.

use qingting_pipeline::assets::Asset;

use super::*;
use crate::case::Calendar;

#[test]
fn criteria_are_checked_and_neither_age_nor_employer_is_kept() {
    let now = at("2026-03-02T01:30:00Z");
    let mut programme = Programme::default();
    let Entry::Officer(good) = officer("o1", 64, "近郊") else {
        unreachable!()
    };
    let with = |name: &str, value: &str| {
        let mut attributes = good.attributes.clone();
        attributes.insert(name.into(), value.into());
        OfficerEntry { attributes, ..good.clone() }
    };
    let wrong = [
        (OfficerEntry { age: Some(17), ..good.clone() }, "age"),
        (OfficerEntry { age: None, ..good.clone() }, "age"),
        (OfficerEntry { employee: true, ..good.clone() }, "employee"),
        (OfficerEntry { attributes: BTreeMap::new(), ..good.clone() }, "attributes.occupation"),
        (OfficerEntry { name: String::new(), ..good.clone() }, "name"),
        (with("district", "火星"), "attributes.district"),
        (with("phone", "13800138000"), "attributes.phone"),
    ];
    for (entry, expected) in wrong {
        match give(&mut programme, &Entry::Officer(entry), &given(now)) {
            Err(Refusal::Wrong { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    give(&mut programme, &Entry::Officer(good.clone()), &given(now)).unwrap();
    let known = &programme.officers["o1"];
    assert_eq!((known.attributes[AGE_GROUP].as_str(), known.until), ("60+", day("2028-01-04")));
    let rows = programme.decide(&Entry::Officer(good.clone()), &given(now), rules()).unwrap();
    let kept = format!("{:?}", rows[0].to_entry().unwrap());
    assert!(!kept.contains("64") && !kept.contains("employee"), "{kept}");
    // Later on the group stays without an age.
    let moved = OfficerEntry { age: None, ..with("district", "远郊") };
    give(&mut programme, &Entry::Officer(moved), &Given { expected: Some(1), ..given(now) }).unwrap();
    assert_eq!((programme.officers["o1"].version, programme.officers["o1"].code.clone()), (2, given(now).code));
    let twice = Given { expected: Some(0), ..given(now) };
    assert!(matches!(give(&mut programme, &Entry::Officer(good), &twice), Err(Refusal::Exists(_))));
}

#[test]
fn wanted_have_and_missing_add_up() {
    let now = at("2026-03-02T01:30:00Z");
    let programme = with_officers(7, now);
    let rows = structure(&programme, rules(), day("2026-03-02"));
    let row = |attribute: &str, value: &str| {
        let row = rows.iter().find(|row| row.attribute == attribute && row.value == value).unwrap();
        (row.wanted, row.have, row.missing())
    };
    assert_eq!(row("", ""), (Some(20), 7, 13));
    assert_eq!(row(AGE_GROUP, "18-34"), (Some(6), 3, 3));
    assert_eq!(row("occupation", "退休"), (Some(4), 7, 0));
    assert_eq!(row("district", "远郊"), (Some(4), 0, 4));
    assert_eq!(row("language", ""), (None, 7, 0), "nobody said it");
    for attribute in &rules().attributes {
        let have: u32 = rows.iter().filter(|row| row.attribute == attribute.name).map(|row| row.have).sum();
        assert_eq!(have, 7, "{}", attribute.name);
    }
    assert_eq!(structure(&programme, rules(), day("2028-02-01"))[0].have, 0, "their terms are over");
    let soon = reminders(&programme, rules(), at("2027-12-30T01:00:00Z"));
    assert_eq!((soon.len(), soon[0].due), (7, Due::Term));
}

#[test]
fn mistakes_in_the_file_are_named_with_their_line() {
    let read = |name: &str| Assets::embedded().read(name).unwrap().text.into_owned();
    let calendar = Asset { origin: "c.toml".into(), text: read("calendars/example.toml").into() };
    let calendar = Calendar::parse(&calendar).unwrap();
    let good = read("experience.toml");
    let parse =
        |text: String| Rules::parse(&Asset { origin: "experience.toml".into(), text: text.into() }, calendar.clone());
    parse(good.clone()).unwrap();
    for (from, to) in [
        ("size = 20", "size = 0"),
        ("size = 20", "sise = 20"),
        ("min_group = 5", "min_group = 2"),
        ("bands = [18, 35, 60]", "bands = [20, 35, 60]"),
        ("bands = [18, 35, 60]", "bands = [18, 60, 35]"),
        ("term_months = 24", "term_months = 0"),
        ("name = \"district\"", "name = \"occupation\""),
        ("name = \"district\"", "name = \"age_group\""),
        ("share = 0.4", "share = 0.5"),
        ("share = 0.4", "share = 1.5"),
        ("number = 1", "number = 21"),
        ("value = \"手语\"", "value = \"唇语\""),
        ("number = 1", ""),
        ("answer = \"2d\"", "answer = \"2\""),
    ] {
        assert!(good.contains(from), "{from}");
        let error = parse(good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with("experience.toml:"), "{to}: {error}");
    }
}
