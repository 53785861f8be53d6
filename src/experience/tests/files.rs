//! Import files, and what a call of an officer looks like.

use qingting_pipeline::record::Role;

use super::*;

fn sample() -> String {
    Assets::embedded().read("demo/experience.jsonl").unwrap().text.into_owned()
}

/// Takes in a file; how many things were new, and what was refused.
fn take(programme: &mut Programme, text: &str) -> (usize, Vec<String>) {
    let (mut new, mut refused) = (0, Vec::new());
    for (line, nth) in read(text).into_iter().zip(0..) {
        let entry = line.entry.unwrap();
        let given = Given {
            digest: digest(&entry),
            code: format!("p{nth}"),
            catching_up: true,
            ..given(at("2026-04-30T00:00:00Z"))
        };
        match give(programme, &entry, &given) {
            Ok(rows) => new += usize::from(rows > 0),
            Err(refusal) => refused.push(format!("{}: {refusal}", line.number)),
        }
    }
    (new, refused)
}

#[test]
fn the_sample_is_taken_in_once() {
    let mut programme = Programme::default();
    assert_eq!(take(&mut programme, &sample()), (56, Vec::new()));
    let once = programme.clone();
    assert_eq!(take(&mut programme, &sample()), (0, Vec::new()), "twice changes nothing");
    assert_eq!(programme, once);
    assert_eq!((programme.officers.len(), programme.reports.len(), programme.opinions.len()), (12, 6, 4));
    let state = |id: &str| programme.tasks[id].state;
    assert_eq!(
        (state("t-01"), state("t-04"), state("t-05")),
        (TaskState::Closed, TaskState::Checked, TaskState::Cancelled)
    );
    assert_eq!(
        (state("t-02"), state("t-07"), state("t-08")),
        (TaskState::Reported, TaskState::Accepted, TaskState::Planned)
    );
    let march = at("2026-02-28T16:00:00Z")..at("2026-03-31T16:00:00Z");
    let counted = figures(&programme, rules(), &march);
    assert_eq!((counted.officers, counted.reports, counted.problems, counted.opinions), (12, 6, 4, 4));
    assert_eq!((counted.rating(), counted.due, counted.in_time, counted.overdue), (Some(3.0), 6, 5, 1));
    assert_eq!(counted.polls, 2);
}

#[test]
fn a_report_becomes_a_call_that_does_not_say_whose_it_is() {
    let entries: Vec<Entry> = read(&sample()).into_iter().map(|line| line.entry.unwrap()).collect();
    let records: Vec<_> = entries.iter().filter_map(call_of).collect();
    assert_eq!(records.len(), 10);
    for record in &records {
        assert_eq!((record.channel.as_str(), record.spoken()), (CHANNEL, false));
        assert!(record.turns.iter().all(|turn| turn.role == Role::Caller && !turn.text.is_empty()));
        assert!(record.started_at.is_some() && record.agent.is_none() && record.caller.is_none());
        assert_eq!((record.rating, record.wait_ms), (None, None), "these are of callers");
        assert!(!serde_json::to_string(record).unwrap().contains("o-0"), "{record:?}");
    }
    assert_eq!(records[1].call_id, "experience-report-r-02");
    assert_eq!((records[1].attributes[RATING].as_str(), records[1].attributes[LOWEST].as_str()), ("2", "1"));
    assert_eq!(records[1].turns.len(), 6);
    assert_eq!(records[6].turns.len(), 2, "a paragraph each");
}

/// The ledger could not be read any more: years below 0 and above 9999 were written in a form that is not read.
#[test]
fn a_year_out_of_this_world_made_the_ledger_unreadable() {
    let mut programme = with_officers(1, at("2026-03-02T01:30:00Z"));
    let catching_up = Given { catching_up: true, ..given(at("2026-04-30T00:00:00Z")) };
    let Entry::Task(good) = task("t", "") else {
        unreachable!()
    };
    for from in ["-0005-01-01", "1999-12-31", "+12026-03-02"] {
        let entry = Entry::Task(TaskEntry { from: day(from), due: day("+20000-01-01"), ..good.clone() });
        assert!(matches!(give(&mut programme, &entry, &catching_up), Err(Refusal::Wrong { .. })), "{from}");
    }
}

#[test]
fn a_table_says_the_same_as_lines_of_json() {
    let csv = "kind,id,name,age,attributes.occupation,attributes.district,since,officer,task,at,way,rating,step.wait.rating,\
               step.wait.remark,steps,theme,mode,from,due,problems,evidence,poll,choices,question,options,closes_at,multiple\n\
               officer,o1,青杏,64,退休,近郊,2026-01-05,,,,,,,,,,,,,,,,,,,,\n\
               task,t1,,,,,,o1,,,,,,,wait=等候|manner=态度,夜里拨打,alone,2026-03-02,2026-03-13,,,,,,,,\n\
               ,,,,,,,,,,,,,,,,,,,,,,,,,,\n\
               report,r1,,,,,,o1,t1,2026-03-04T09:00:00+08:00,12345电话,2,3,\"等了，很久\",,,,,,没人接,call-1|单.jpg=aa,,,,,,\n\
               poll,v1,,,,,,,,,,,,,,,,,,,,,,先办什么,办证|看病,2026-03-30T18:00:00+08:00,是\n\
               vote,,,,,,,o1,,,,,,,,,,,,,,v1,1|2,,,,\n\
               officer,o2,老槐,六十,,,2026-01-05,,,,,,,,,,,,,,,,,,,,\n";
    let lines = read(csv);
    let numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
    assert_eq!(numbers, [2, 3, 5, 6, 7, 8], "where they stand in the file");
    let json = |nth: usize| serde_json::to_value(lines[nth].entry.as_ref().unwrap()).unwrap();
    assert_eq!(json(0)["age"], 64);
    assert_eq!(json(1)["steps"][1], serde_json::json!({"id": "manner", "text": "态度"}));
    assert_eq!(json(2)["steps"]["wait"], serde_json::json!({"rating": 3, "remark": "等了，很久"}));
    assert_eq!(json(2)["evidence"][0]["call"], "call-1");
    assert_eq!((json(3)["multiple"].as_bool(), json(3)["options"][1].as_str()), (Some(true), Some("看病")));
    assert_eq!(json(4)["choices"], serde_json::json!([1, 2]));
    let bad = lines[5].entry.as_ref().unwrap_err();
    assert!(bad.reason.starts_with("age:"), "{bad:?}");
    assert!(read("id,name\n1,2\n")[0].entry.as_ref().unwrap_err().reason.contains("kind"));
    assert!(read("").is_empty());
    for wrong in [
        "{\"kind\":\"officer\"}",
        "{",
        "{\"kind\":\"herald\",\"id\":\"x\"}",
        "{\"kind\":\"vote\",\"more\":1}",
    ] {
        assert!(read(wrong)[0].entry.is_err(), "{wrong}");
    }
}

/// A column of five thousand names, one in the other, made the thread that dropped the row run out of stack.
#[test]
fn a_column_of_many_names_is_refused() {
    let deep = format!("kind,id,{}\nofficer,o1,x\n", vec!["a"; 5000].join("."));
    let refused = read(&deep).remove(0).entry.unwrap_err();
    assert!(refused.reason.ends_with("at most 3 names, such as step.wait.rating"), "{}", refused.reason.len());
    let plain = "kind,id,age,attributes.district,since\nofficer,o1,30,近郊,2026-01-05\n";
    assert!(
        read(plain)
            .iter()
            .all(|line| line.entry.as_ref().err().is_none_or(|bad| !bad.reason.contains("names")))
    );
}
