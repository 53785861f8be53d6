//! The programme of experience officers: an input is an import file, which is taken in twice, or, before a line of `====`, the rules
//! of the programme with a calendar behind it.

use chrono::{DateTime, Utc};
use qingting::case::{Calendar, Who};
use qingting::experience::{
    Given, Programme, Recorded, Rules, call_of, digest, figures, read, reminders, results, structure,
};
use qingting_pipeline::assets::{Asset, Assets};

use super::{Run, few, sections};

pub(super) const WORDS: &[&str] = &[
    "{\"kind\":\"officer\",\"id\":\"o-01\",",
    "{\"kind\":\"vote\",\"poll\":\"v-01\",",
    "{\"kind\":\"step\",\"task\":\"t-01\",\"step\":",
    "\"report\"",
    "\"opinion\"",
    "\"discussion_end\"",
    "\"poll_end\"",
    "\"retirement\"",
    "\"choices\":[1]",
    "\"accompanied\"",
    "\"age\":",
    "\"2026-03-02\"",
    "\"2026-03-20T09:00:00+08:00\"",
    "\"+262142-12-31T23:59:59Z\"",
    "kind,id,officer,task,rating,step.wait.rating,options",
    "|",
    "=",
    "[[target]]",
    "share = 0.3",
    "bands = [18, 35]",
];

struct Files {
    rules: Rules,
    now: DateTime<Utc>,
}

pub(super) fn open() -> Box<dyn Run> {
    let rules = Rules::load(&Assets::embedded()).unwrap();
    let now = DateTime::parse_from_rfc3339("2026-04-30T00:00:00Z").unwrap().to_utc();
    Box::new(Files { rules, now })
}

fn asset(bytes: &[u8]) -> Asset {
    Asset {
        origin: "input.toml".into(),
        text: String::from_utf8_lossy(bytes).into_owned().into(),
    }
}

impl Files {
    /// Takes in a file; how many things were new, and how many were not taken.
    fn take(&self, programme: &mut Programme, text: &str) -> (usize, usize) {
        let (mut new, mut bad) = (0, 0);
        for line in read(text) {
            let Ok(entry) = line.entry else {
                bad += 1;
                continue;
            };
            if let Some(record) = call_of(&entry) {
                assert!(record.agent.is_none() && record.caller.is_none() && !record.spoken());
            }
            let given = Given {
                who: Who::rule(),
                now: self.now,
                expected: None,
                digest: digest(&entry),
                code: format!("p{}", line.number),
                catching_up: true,
            };
            match programme.decide(&entry, &given, &self.rules) {
                Ok(rows) => {
                    new += usize::from(!rows.is_empty());
                    for row in rows {
                        let again = Recorded::of(row.to_entry().unwrap()).unwrap();
                        assert_eq!(again, row);
                        programme.add(again);
                    }
                }
                Err(_) => bad += 1,
            }
        }
        (new, bad)
    }
}

impl Run for Files {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let read = |name: &str| Assets::embedded().read(name).unwrap().text.into_owned();
        let (rules, calendar) = (read("experience.toml"), read("calendars/example.toml"));
        let table =
            "kind,id,name,age,attributes.occupation,attributes.district,since\nofficer,o1,甲,30,退休,近郊,2026-01-05\n";
        vec![
            read("demo/experience.jsonl").into_bytes(),
            table.to_owned().into_bytes(),
            format!("{rules}\n====\n{calendar}").into_bytes(),
        ]
    }

    fn run(&mut self, input: &[u8]) -> String {
        if let [rules, calendar] = sections(input)[..] {
            return match Calendar::parse(&asset(calendar)).and_then(|calendar| Rules::parse(&asset(rules), calendar)) {
                Ok(rules) => {
                    assert!(rules.targets.iter().all(|target| target.wanted <= rules.size));
                    "rules".to_owned()
                }
                Err(error) => error.to_string(),
            };
        }
        let text = String::from_utf8_lossy(input);
        let mut programme = Programme::default();
        let (new, bad) = self.take(&mut programme, &text);
        let before = programme.clone();
        let (again, _) = self.take(&mut programme, &text);
        // What was refused at first because of what came later may be taken now; what was taken is not taken twice.
        assert!(again <= bad, "{again} of {new} were taken again");
        if again == 0 {
            assert_eq!(programme, before);
        }
        for poll in programme.polls.values() {
            let came = results(&programme, poll, &self.rules, DateTime::<Utc>::MAX_UTC);
            assert!(came.groups.iter().all(|group| group.voted >= self.rules.min_group));
            assert!(came.answers.iter().all(|answer| answer.votes <= came.voted));
        }
        let march = self.rules.calendar.period("2026-03-01".parse().unwrap(), "2026-03-31".parse().unwrap());
        let counted = figures(&programme, &self.rules, &march);
        assert!(counted.in_time <= counted.due);
        let due = reminders(&programme, &self.rules, self.now).len();
        let rows = structure(&programme, &self.rules, self.rules.calendar.day(self.now)).len();
        format!("{} new, {} bad, {} due, {} rows", few(new), few(bad), few(due), few(rows))
    }
}
