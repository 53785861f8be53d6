//! Calls that are made up, the program as a process, and everything that a data folder says about its calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use qingting_index::calls::{CallQuery, NoLookup};
use qingting_index::{Context, DataDir, DateRange};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::columnar;
use qingting_pipeline::config::PipelineConfig;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A folder with inputs `in/`, configuration `cfg/`, and any number of data folders that pseudonymise alike.
pub(crate) struct Place(tempfile::TempDir);

const SAID: [&str; 10] = [
    "我们小区停水两天了，什么时候能来水？",
    "楼上半夜装修，吵得睡不着，投诉好几次了没人管。",
    "我想问一下医保卡丢了怎么补办，需要带什么材料。",
    "路灯坏了三天，晚上走路很危险。",
    "物业费涨了一倍，谁定的标准，太不合理了。",
    "公交车总是晚点，上班天天迟到。",
    "你们上次说三天内回复，到现在一个电话都没有。",
    "孩子入学要什么证明，我跑了三趟都没办成。",
    "暖气一直不热，家里老人受不了。",
    "谢谢，上次反映的垃圾问题已经解决了。",
];
const ANSWERED: [&str; 4] = [
    "好的，我帮您登记，三个工作日内回复您。",
    "非常抱歉给您带来不便，我马上转给供水公司处理。",
    "这个不归我们管，您打别的电话问吧。",
    "请您带身份证和户口本到窗口办理，还有什么可以帮您？",
];

/// A call that is the same for the same id and version.
pub(crate) fn call(id: &str, version: u64) -> String {
    let seed: u64 = id.bytes().fold(version.wrapping_mul(977), |sum, b| sum.wrapping_mul(31).wrapping_add(b.into()));
    let mut random = StdRng::seed_from_u64(seed);
    let mut turns = vec![json!({"role": "agent", "start_ms": 0, "end_ms": 2000, "text": "您好，市民热线，请讲。"})];
    let mut at = 2500;
    for turn in 0..random.random_range(4..9) {
        let (role, text) = match turn % 2 {
            0 => ("caller", SAID[random.random_range(0..SAID.len())]),
            _ => ("agent", ANSWERED[random.random_range(0..ANSWERED.len())]),
        };
        turns.push(json!({"role": role, "start_ms": at, "end_ms": at + 3000, "text": text}));
        at += 3500;
    }
    let (day, minute) = (random.random_range(1..4), random.random_range(0..60));
    json!({
        "call_id": id, "started_at": format!("2026-03-{day:02}T09:{minute:02}:00+08:00"),
        "agent": {"id": format!("A{}", seed % 5)}, "caller": {"number": format!("1390000{:04}", seed % 9999)},
        "turns": turns,
    })
    .to_string()
}

impl Place {
    /// With these files of lines in `in/`.
    pub(crate) fn new(files: &[(&str, Vec<String>)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.path("in")).unwrap();
        for (name, lines) in files {
            place.input(name, &(lines.join("\n") + "\n"));
        }
        std::fs::create_dir(place.path("cfg")).unwrap();
        let settings = "[batch]\nthreads = 1\nchunk_calls = 8\ncommit_calls = 20\n";
        std::fs::write(place.path("cfg/default.toml"), settings).unwrap();
        place
    }

    /// The nightly batch of most of these tests: some calls come again later with another text, often of another
    /// day, and some records are bad.
    pub(crate) fn with_batch(files: usize, calls: usize) -> Self {
        let mut all = Vec::new();
        for file in 0..files {
            let mut lines: Vec<String> = (0..calls).map(|n| call(&format!("call-{file:02}-{n:02}"), 0)).collect();
            if file > 0 {
                lines.insert(calls / 2, call(&format!("call-{:02}-01", file - 1), 1));
            }
            if file % 3 == 1 {
                lines.insert(3, format!("{{\"call_id\": \"bad-{file}\", \"turns\": 7}}"));
            }
            all.push((format!("calls-{file:02}.jsonl"), lines));
        }
        let all: Vec<(&str, Vec<String>)> = all.iter().map(|(name, lines)| (name.as_str(), lines.clone())).collect();
        Self::new(&all)
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn input(&self, name: &str, text: &str) {
        std::fs::write(self.path("in").join(name), text).unwrap();
    }

    /// A data folder that is not begun yet, but for the key.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.join("keys")).unwrap();
        std::fs::write(path.join("keys/caller.key"), "5a".repeat(32) + "\n").unwrap();
        path
    }

    /// Copies a data folder.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let from = self.path(from);
        for file in files_of(&from) {
            let target = self.path(to).join(file.strip_prefix(&from).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::copy(file, target).unwrap();
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qingting"));
        command.args(args).current_dir(self.root()).env_remove("QINGTING_FAULT").env_remove("QINGTING_LOG");
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The arguments of an import of everything in `in/`.
    pub(crate) fn ingest<'a>(&self, data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["ingest", "in", "--config", "cfg", "--data", data], more].concat()
    }

    /// An import to its end.
    pub(crate) fn ingested(&self, data: &str) -> Output {
        let output = self.run(&self.ingest(data, &[]));
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
        output
    }
}

/// What a process said on stderr.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// That it failed, and the words with which it says why and what to do.
pub(crate) fn failed(output: &Output, words: &[&str]) {
    let text = said(output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

pub(crate) fn pipeline() -> &'static Pipeline {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    PIPELINE.get_or_init(|| Pipeline::new(&PipelineConfig::default(), &Assets::embedded()).unwrap())
}

/// Waits until the process writes the data folder; false when it ended before.
pub(crate) fn wait_for_lock(data: &Path, child: &mut Child) -> bool {
    let holder = format!("(process {})", child.id());
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(120), "the process neither has the folder nor ends");
        if std::fs::read_to_string(data.join("writer.lock")).is_ok_and(|text| text.contains(&holder)) {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Everything that a data folder says about its calls. What does not differ is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// SHA-256 of record and analysis of each call in the store.
    pub(crate) calls: BTreeMap<String, String>,
    /// Calls in the index.
    indexed: BTreeSet<String>,
    /// Calls in the ledger.
    ledger: BTreeSet<String>,
    /// Path, content, calls and bad records of each input that is done.
    sources: Vec<(String, String, i64, i64)>,
    /// Lines of the quarantine, but for when.
    quarantine: Vec<String>,
}

impl State {
    /// One hash over all calls.
    pub(crate) fn hash(&self) -> String {
        let all = self.calls.iter().fold(Sha256::new(), |hash, (id, call)| hash.chain_update(id).chain_update(call));
        hex(&all.finalize())
    }
}

/// That two are the same, with what differs rather than with everything.
pub(crate) fn same(left: &State, right: &State, of: &str) {
    let differ = |a: &[String], b: &[String]| -> Vec<String> { a.iter().filter(|x| !b.contains(x)).cloned().collect() };
    let calls =
        |state: &State| -> Vec<String> { state.calls.iter().map(|(id, hash)| format!("{id} {hash}")).collect() };
    let (a, b) = (calls(left), calls(right));
    assert!(a == b, "{of}: calls {:?} instead of {:?}", differ(&a, &b), differ(&b, &a));
    assert!(left.sources == right.sources, "{of}: inputs {:?} instead of {:?}", left.sources, right.sources);
    assert!(
        left.quarantine == right.quarantine,
        "{of}: {:#?} instead of {:#?}",
        left.quarantine,
        right.quarantine
    );
    assert!(left == right, "{of}: index or ledger");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The calls that a reader finds; nobody may find one twice.
pub(crate) fn calls(data: &DataDir) -> BTreeMap<String, String> {
    let mut calls = BTreeMap::new();
    for call in data.scan(DateRange::ALL).unwrap() {
        let call = call.unwrap();
        let text = serde_json::to_vec(&(&call.record, &call.analysis)).unwrap();
        let before = calls.insert(call.record.call_id.clone(), hex(&Sha256::digest(text)));
        assert!(before.is_none(), "{} is there twice", call.record.call_id);
    }
    calls
}

pub(crate) fn reader(data: &Path) -> DataDir {
    DataDir::open_reader(data, Context::new(pipeline())).unwrap()
}

/// Reads a data folder that a run was finished in, and makes sure that it agrees with itself.
pub(crate) fn state(data: &Path) -> State {
    let folder = reader(data);
    let calls = calls(&folder);
    let mut indexed = BTreeSet::new();
    let mut query = CallQuery { limit: 1000, turns_per_call: 0, ..CallQuery::default() };
    loop {
        let page = folder.search(&query, &NoLookup).unwrap();
        for hit in page.hits {
            assert!(indexed.insert(hit.call_id.clone()), "{} is in the index twice", hit.call_id);
        }
        query.page_token = page.next;
        if query.page_token.is_none() {
            assert_eq!(page.total as usize, indexed.len());
            break;
        }
    }
    let ledger = rusqlite::Connection::open(data.join("ledger.sqlite")).unwrap();
    let ids = |sql: &str| -> Vec<String> {
        ledger
            .prepare(sql)
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(|id| id.unwrap())
            .collect()
    };
    let known: BTreeSet<String> = ids("SELECT call_id FROM calls").into_iter().collect();
    let (live, rows): (i64, i64) = ledger
        .query_row("SELECT total(live), total(rows) FROM files", [], |row| {
            Ok((row.get::<_, f64>(0)? as i64, row.get::<_, f64>(1)? as i64))
        })
        .unwrap();
    assert_eq!((live as usize, rows as usize), (known.len(), known.len()), "rows that do not count are left");
    let sources = ledger
        .prepare("SELECT path, sha256, calls, quarantined FROM sources ORDER BY path")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .map(|row| row.unwrap())
        .collect();
    // As any other engine reads the Parquet files.
    let (mut of_calls, mut of_analyses, mut litter) = (Vec::new(), Vec::new(), Vec::new());
    for path in files_of(data) {
        let name = path.strip_prefix(data).unwrap().display().to_string();
        match path.extension().and_then(|e| e.to_str()) {
            Some("parquet") if name.starts_with("calls/") => {
                of_calls.extend(columnar::read_calls(&path).unwrap().map(|call| call.unwrap().call_id));
            }
            Some("parquet") if name.starts_with("analyses/") => {
                of_analyses.extend(columnar::read_analyses(&path).unwrap().map(|call| call.unwrap().call_id));
            }
            Some("tmp" | "wal") => litter.push(name),
            _ => {}
        }
    }
    of_calls.sort();
    of_analyses.sort();
    let stored: Vec<String> = calls.keys().cloned().collect();
    assert_eq!((of_calls, of_analyses), (stored.clone(), stored.clone()), "each call once in the files");
    assert_eq!(litter, Vec::<String>::new());
    let stored: BTreeSet<String> = stored.into_iter().collect();
    assert_eq!((&indexed, &known), (&stored, &stored), "index and ledger have the calls of the store");
    State { calls, indexed, ledger: known, sources, quarantine: quarantine(data) }
}

/// The lines of the quarantine, but for when, sorted.
pub(crate) fn quarantine(data: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(data.join("quarantine.jsonl")).unwrap_or_default();
    let line = |line: &str| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        value.as_object_mut().unwrap().remove("at").unwrap();
        value.to_string()
    };
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.sort();
    lines
}

/// Every file below a folder.
pub(crate) fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files_of(&path));
        } else {
            all.push(path);
        }
    }
    all.sort();
    all
}

/// Name, length and time of every file. The ledger's shared memory is left out: it is mapped, the kernel writes the time
/// of a mapped change down when it likes, and SQLite makes it anew from the wal.
pub(crate) fn snapshot(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let all = files_of(folder).into_iter().filter(|path| path.extension().is_none_or(|kind| kind != "sqlite-shm"));
    all.map(|path| {
        let meta = std::fs::metadata(&path).unwrap();
        (path, meta.len(), meta.modified().unwrap())
    })
    .collect()
}
