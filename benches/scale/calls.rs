//! As many calls as wanted: turns of `models/data/calls/` and sentences of `models/data/messages/`,
//! their clauses recombined, with invented names, places and numbers so that the vocabulary grows with the
//! number of calls. What an analysis would say about them is drawn at random: the index alone is measured.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration};
use qingting_pipeline::Analyzed;
use qingting_pipeline::record::{
    Agent, Analysis, CallRecord, Facts, Finding, Need, Needs, Provenance, Role, Score, Sentiment, Severity,
    SignalReport, Taboo, Ticket, Turn, TurnAnalysis,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Turns of a call of usual length.
pub(crate) const TURNS: usize = 30;
/// Invented names; the one of rank r is as frequent as 1 / r.
const NAMES: f64 = 3e6;
/// What follows the invented name of a place.
const PLACES: [&str; 10] = [
    "小区", "花园", "大厦", "公寓", "大道", "市场", "村", "广场", "家园", "新城",
];
const SURNAMES: [&str; 12] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙"];
const CODES: [&str; 10] = [
    "impatience",
    "deflection",
    "interruption",
    "no_apology",
    "no_closing",
    "crisis",
    "promise",
    "empathy",
    "jargon",
    "dead_air",
];
const OUTCOMES: [&str; 3] = ["resolved", "follow_up", "unresolved"];
const APPEALS: [&str; 6] = ["咨询", "求助", "投诉", "举报", "建议", "表扬"];
const TABOOS: [Taboo; 4] = [Taboo::T1, Taboo::T2, Taboo::T4, Taboo::T7];

/// Makes calls; each depends on the seed and its number alone.
pub(crate) struct Generator {
    seed: u64,
    /// Calls in the year.
    calls: u64,
    /// Turns of a call.
    turns: usize,
    agent: Vec<Vec<String>>,
    caller: Vec<Vec<String>>,
    categories: Vec<Vec<String>>,
    queues: Vec<String>,
    chars: Vec<char>,
}

impl Generator {
    /// Reads the project's own calls and messages.
    pub(crate) fn new(seed: u64, calls: u64, turns: usize) -> Self {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/data");
        let (mut agent, mut caller, mut queues) = (Vec::new(), Vec::new(), BTreeSet::new());
        for file in files(&data.join("calls"), "jsonl") {
            let text = std::fs::read_to_string(&file).expect("calls are in the repository");
            for line in text.lines() {
                let call: CallRecord = serde_json::from_str(line).expect("a call record");
                queues.extend(call.queue);
                for turn in call.turns {
                    match turn.role {
                        Role::Agent => agent.push(clauses(&turn.text)),
                        _ => caller.push(clauses(&turn.text)),
                    }
                }
            }
        }
        let mut categories = BTreeSet::new();
        for file in files(&data.join("messages"), "tsv") {
            let mut reader =
                csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_path(&file).expect("a readable file");
            for row in reader.records() {
                let row = row.expect("a row of category, title and text");
                categories.insert(row[0].split('/').map(str::to_owned).collect());
                caller.extend(row[2].split_inclusive(['。', '！', '？']).map(clauses));
            }
        }
        let chars: BTreeSet<char> = caller.iter().flatten().flat_map(|c| c.chars()).filter(|&c| c >= '一').collect();
        agent.retain(|turn| !turn.is_empty());
        caller.retain(|turn| !turn.is_empty());
        Self {
            seed,
            calls,
            turns,
            agent,
            caller,
            categories: categories.into_iter().collect(),
            queues: queues.into_iter().collect(),
            chars: chars.into_iter().filter(|&c| c <= '龥').collect(),
        }
    }

    /// The call of this number.
    pub(crate) fn call(&self, number: u64) -> Analyzed {
        let mut rng = StdRng::seed_from_u64(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        let rng = &mut rng;
        let mut at = 1_000;
        let turns: Vec<Turn> = (0..self.turns)
            .map(|i| {
                let role = if i % 2 == 0 { Role::Agent } else { Role::Caller };
                let text = self.turn(role, rng);
                let end = at + 230 * text.chars().count() as u64;
                let turn = Turn::timed(role, at, end, text.as_str());
                at = end + rng.random_range(100..900);
                turn
            })
            .collect();
        let mut record = CallRecord::new(format!("call-{number:08}"));
        let begin = DateTime::parse_from_rfc3339("2025-01-01T08:00:00+08:00").expect("a time");
        // A year of calls in their order, as they would be ingested.
        record.started_at = Some(begin + Duration::seconds((365 * 86_400 * number / self.calls).cast_signed()));
        let agent = rng.random_range(0..400);
        record.agent = Some(Agent {
            id: format!("agent-{agent:03}"),
            team: Some(format!("team-{:02}", agent / 20)),
            ..Agent::default()
        });
        record.queue = Some(pick(&self.queues, rng).clone());
        record.region = Some(format!("region-{:02}", rng.random_range(0..24)));
        record.rating = rng.random_bool(0.3).then(|| rng.random_range(1..=5));
        record.wait_ms = Some(rng.random_range(0..90_000));
        record.ticket = rng.random_bool(0.4).then(|| ticket(rng.random_range(0..1_000_000_000)));
        let analysis = self.analysis(&record, at, rng);
        record.turns = turns;
        let analysed = record.turns.iter().zip(0u32..).map(|(turn, i)| TurnAnalysis {
            turn: i,
            text: turn.text.clone(),
            sentiment: Sentiment::NEUTRAL,
            emotion: None,
            acts: Vec::new(),
        });
        let turns = analysed.collect();
        Analyzed::new(record, Analysis { turns, ..analysis })
    }

    /// A turn of the stock, often with a clause of another one and sometimes with a name nobody has heard.
    fn turn(&self, role: Role, rng: &mut StdRng) -> String {
        let stock = if role == Role::Agent { &self.agent } else { &self.caller };
        let mut turn = pick(stock, rng).clone();
        if rng.random_bool(0.4) {
            let place = rng.random_range(0..turn.len());
            let other: &Vec<String> = pick(stock, rng);
            turn[place].clone_from(pick(other, rng));
        }
        if rng.random_bool(0.15) {
            let invented = self.invented(rng);
            turn.insert(rng.random_range(0..=turn.len()), invented);
        }
        turn.concat()
    }

    fn invented(&self, rng: &mut StdRng) -> String {
        let rank = NAMES.powf(rng.random::<f64>()) as u64;
        let mut letters = StdRng::seed_from_u64(rank);
        let length = if rank.is_multiple_of(3) { 3 } else { 2 };
        let name: String = (0..length).map(|_| *pick(&self.chars, &mut letters)).collect();
        match rng.random_range(0..4) {
            0 => format!("我叫{}{name}，", pick(&SURNAMES, rng)),
            1 => format!("单号是{}，", rng.random_range(100_000..100_000_000)),
            _ => format!("{name}{}{}号，", PLACES[rank as usize % PLACES.len()], rng.random_range(1..400)),
        }
    }

    fn analysis(&self, record: &CallRecord, duration: u64, rng: &mut StdRng) -> Analysis {
        let findings = (0..rng.random_range(0..5)).map(|_| {
            let code = ((CODES.len() as f64).powf(rng.random::<f64>()) - 0.5) as usize;
            finding(CODES[code.min(CODES.len() - 1)], rng)
        });
        let findings: Vec<Finding> = findings.collect();
        let total = f64::from(rng.random_range(300..=1000u32)) / 10.0;
        Analysis {
            call_id: record.call_id.clone(),
            turns: Vec::new(),
            signals: SignalReport {
                duration_ms: Some(duration),
                longest_silence_ms: Some(rng.random_range(500..20_000)),
                interruptions: Some(rng.random_range(0..4)),
                ..SignalReport::default()
            },
            findings,
            uncertain: Vec::new(),
            conduct: None,
            facts: Facts {
                appeal_type: (*pick(&APPEALS, rng)).to_owned(),
                outcome: (*pick(&OUTCOMES, rng)).to_owned(),
                satisfaction: rng.random_range(10..=50) as f32 / 10.0,
                category: pick(&self.categories, rng).clone(),
                category_confidence: 0.5,
                needs: Needs {
                    emotional: *pick(&[Need::Met, Need::Unmet, Need::None], rng),
                    factual: *pick(&[Need::Met, Need::Unmet], rng),
                    emotional_turns: Vec::new(),
                    factual_turns: Vec::new(),
                },
                repeat_contact: rng.random_bool(0.2),
                crisis: rng.random_bool(0.002),
                language: "zh".to_owned(),
            },
            score: Some(Score {
                scorecard: "hotline".to_owned(),
                total,
                potential: 100.0,
                normalized: total / 100.0,
                fatal: Vec::new(),
                items: Vec::new(),
            }),
            provenance: Provenance::default(),
        }
    }
}

fn ticket(number: u32) -> Ticket {
    Ticket {
        id: format!("T{number:09}"),
        category: None,
        department: Some(format!("department-{:02}", number % 60)),
        status: Some("closed".to_owned()),
        opened_at: None,
        closed_at: None,
        due_at: None,
    }
}

fn finding(code: &str, rng: &mut StdRng) -> Finding {
    Finding {
        code: code.to_owned(),
        turn: Some(0),
        role: Role::Agent,
        severity: *pick(&[Severity::Minor, Severity::Major, Severity::Fatal], rng),
        confidence: 0.9,
        taboo: rng.random_bool(0.2).then(|| *pick(&TABOOS, rng)),
        evidence: Vec::new(),
        rule: format!("detector/{code}"),
        explanation: String::new(),
    }
}

fn pick<'a, T>(from: &'a [T], rng: &mut StdRng) -> &'a T {
    &from[rng.random_range(0..from.len())]
}

fn clauses(text: &str) -> Vec<String> {
    text.split_inclusive(['，', '。', '！', '？', '、']).map(str::to_owned).collect()
}

/// Files of a folder in the order of their names.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("the data are in the repository");
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}
