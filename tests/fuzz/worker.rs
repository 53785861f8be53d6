//! The process of one target: replays the corpus, then changes what it has for as long as it was given. An input whose
//! outcome has a shape that was not seen before is kept and changed further, which leads from one message of an error
//! to the next without instrumented code.
//!
//! Before each run the input is written to a file, so that the supervisor has it when this process is no more. Panics
//! are caught here; a run that takes too long, or asks for more memory than its input may, ends the process.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::MEMORY;
use crate::arguments::Arguments;
use crate::minimise::minimise;
use crate::mutate::Mutator;
use crate::targets::{Run, TARGETS, Target};

/// Ends of a worker that are not its target's.
pub(crate) const FOUND: u8 = 10;
pub(crate) const HUNG: u8 = 11;
pub(crate) const SLOW: u8 = 12;

/// The stack of a worker thread of rayon or tokio, on which inputs are read in earnest.
const STACK: usize = 2 << 20;
/// Of a target that was given no time.
const MOMENT: Duration = Duration::from_millis(400);
/// What takes longer is run, but not changed further: ten others can be run meanwhile.
const QUICK: Duration = Duration::from_millis(500);
/// Inputs that are kept for their outcome.
const MOST_KEPT: usize = 4000;
/// How often the same failure is written down.
const SAME: usize = 1;
const MINIMISING: Duration = Duration::from_secs(10);

/// Place and message of the last panic, on whichever thread.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// The last panic, which is then forgotten. For targets that look after other threads.
pub(crate) fn take_panic() -> Option<String> {
    PANIC.lock().unwrap().take()
}

/// Since when the present input runs, in milliseconds after the start plus one; 0 between inputs.
static RUNNING_SINCE: AtomicU64 = AtomicU64::new(0);

/// The most memory that was seen while an input was replayed.
static MOST: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let Some(target) = TARGETS.iter().find(|target| arguments.wants(target.name)) else {
        eprintln!("no such target");
        return ExitCode::from(2);
    };
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
        let said = info.payload_as_str().unwrap_or("not a text");
        *PANIC.lock().unwrap() = Some(format!("{place}: {said}"));
    }));
    let arguments = arguments.clone();
    let work = move || Worker::open(target, &arguments).work(&arguments);
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread");
    match thread.join() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FOUND),
        Err(_) => ExitCode::FAILURE,
    }
}

struct Worker {
    target: &'static Target,
    run: Box<dyn Run>,
    current: Option<File>,
    findings: PathBuf,
    failures: HashMap<String, usize>,
    runs: u64,
    slowest: Duration,
}

impl Worker {
    fn open(target: &'static Target, arguments: &Arguments) -> Self {
        let run = (target.open)();
        let current = arguments.current.as_ref().map(|path| File::create(path).expect("the file of the present input"));
        let findings = arguments.findings.join(target.name);
        Self {
            target,
            run,
            current,
            findings,
            failures: HashMap::new(),
            runs: 0,
            slowest: Duration::ZERO,
        }
    }

    fn work(mut self, arguments: &Arguments) -> bool {
        watch(self.target.longest);
        if let Some(path) = &arguments.replay {
            let input = fs::read(path).expect("the input to replay");
            let before = MEMORY.allocated();
            std::thread::spawn(|| {
                loop {
                    MOST.fetch_max(MEMORY.allocated(), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            let outcome = self.once(&input);
            let most = MOST.load(Ordering::Relaxed).saturating_sub(before) >> 20;
            println!("{}: {outcome:?} in {:?} with {most} MiB", path.display(), self.slowest);
            return outcome.is_ok();
        }
        let mut seeds = self.run.seeds();
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(self.target.name);
        let further = arguments.corpus.as_ref().map(|folder| folder.join(self.target.name));
        for folder in [Some(own), further.clone()].into_iter().flatten() {
            seeds.extend(files(&folder));
        }
        let seeded = seeds.len();
        let mut words: Vec<String> = self.target.words.iter().map(|word| (*word).to_owned()).collect();
        words.sort();
        let mut seen = HashSet::new();
        let mut pool = Vec::new();
        for seed in seeds {
            let began = Instant::now();
            seen.insert(self.shape(&seed));
            if began.elapsed() < QUICK {
                pool.push(seed);
            }
        }
        let mut mutator = Mutator { random: StdRng::seed_from_u64(arguments.seed), words };
        let quick = pool.len();
        let until = Instant::now() + arguments.time.unwrap_or(MOMENT);
        while Instant::now() < until {
            let none = Vec::new();
            let base = pool.choose(&mut mutator.random).unwrap_or(&none).clone();
            let other = pool.choose(&mut mutator.random).unwrap_or(&none).clone();
            let input = mutator.change(&base, &other);
            let began = Instant::now();
            let shape = self.shape(&input);
            if pool.len() < MOST_KEPT && seen.insert(shape) && began.elapsed() < QUICK {
                if let Some(folder) = &further {
                    fs::create_dir_all(folder).expect("the further corpus");
                    fs::write(folder.join(name_of(&input)), &input).expect("the further corpus");
                }
                pool.push(input);
            }
        }
        let kept = pool.len().saturating_sub(quick);
        println!(
            "{}: {} runs, {seeded} seeds, {kept} kept for their outcome, slowest {} ms, {} failures",
            self.target.name,
            self.runs,
            self.slowest.as_millis(),
            self.failures.len()
        );
        self.failures.is_empty()
    }

    /// The shape of what came of an input: its outcome without numbers and names.
    fn shape(&mut self, input: &[u8]) -> u64 {
        let outcome = match self.once(input) {
            Ok(outcome) => outcome,
            Err(failure) => {
                self.fail(input, &failure);
                failure
            }
        };
        let mut hasher = DefaultHasher::new();
        let mut quoted = false;
        for c in outcome.chars() {
            quoted ^= matches!(c, '"' | '`');
            if !quoted && !c.is_ascii_digit() {
                c.hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    fn once(&mut self, input: &[u8]) -> Result<String, String> {
        if let Some(file) = &self.current {
            file.set_len(input.len() as u64).expect("the file of the present input");
            file.write_all_at(input, 0).expect("the file of the present input");
        }
        let began = Instant::now();
        RUNNING_SINCE.store(now() + 1, Ordering::Relaxed);
        let bound = self.target.most_memory + self.target.memory_per_byte * input.len();
        let _ = MEMORY.set_limit(MEMORY.allocated() + bound);
        let run = &mut self.run;
        let outcome = catch_unwind(AssertUnwindSafe(|| run.run(input)));
        let _ = MEMORY.set_limit(usize::MAX);
        RUNNING_SINCE.store(0, Ordering::Relaxed);
        self.runs += 1;
        let took = began.elapsed();
        if took > self.slowest && took > self.target.longest / 5 {
            self.note(&format!("slow-{}", took.as_millis()), input);
        }
        self.slowest = self.slowest.max(took);
        outcome.map_err(|_| take_panic().unwrap_or_default())
    }

    /// Writes a failing input down, and a smaller one that fails in the same place.
    fn fail(&mut self, input: &[u8], failure: &str) {
        let place = kind_of(failure);
        let times = self.failures.entry(place.clone()).or_default();
        *times += 1;
        if *times > SAME {
            return;
        }
        let smaller =
            minimise(input, MINIMISING, |input| self.once(input).is_err_and(|other| kind_of(&other) == place));
        let path = self.note(&format!("panic-{}", name_of(&smaller)), &smaller);
        eprintln!("{}: {failure}\n  input: {}", self.target.name, path.display());
    }

    fn note(&self, name: &str, input: &[u8]) -> PathBuf {
        fs::create_dir_all(&self.findings).expect("the folder of findings");
        let path = self.findings.join(name);
        fs::write(&path, input).expect("the folder of findings");
        path
    }
}

/// What failures of one cause have in common: the place and the message up to the first value in it.
fn kind_of(failure: &str) -> String {
    let (place, message) = failure.split_once(": ").unwrap_or((failure, ""));
    let said = message.split(['"', '`', '{', '[', '(', '\n']).next().unwrap_or_default();
    let said: String = said.chars().filter(|c| !c.is_ascii_digit()).collect();
    format!("{place}: {said}")
}

/// Ends the process when an input takes longer than `longest`: of the processor, since the machine may be shared, or
/// many times that of the clock.
fn watch(longest: Duration) {
    const OF_THE_CLOCK: u64 = 12;
    let longest = longest.as_millis() as u64;
    now();
    std::thread::spawn(move || {
        let (mut input, mut used_before) = (0, None);
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let since = RUNNING_SINCE.load(Ordering::Relaxed);
            let used = processor_time();
            if since != input {
                (input, used_before) = (since, used);
            }
            let took = used.map_or_else(|| now() + 1 - since, |used| used - used_before.unwrap_or(used));
            if since != 0 && now() + 1 > since + OF_THE_CLOCK * longest {
                std::process::exit(HUNG.into());
            }
            if since != 0 && took > longest {
                std::process::exit(SLOW.into());
            }
        }
    });
}

/// Milliseconds of processor time of this process, where the system tells.
fn processor_time() -> Option<u64> {
    /// Of a tick of the clock in which the kernel counts, on every platform that there is.
    const MILLIS: u64 = 10;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) * MILLIS)
}

/// Milliseconds since the first call.
fn now() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64
}

pub(crate) fn name_of(input: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The contents of the files of a folder, in order of their names; none where there is no folder.
pub(crate) fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| fs::read(path).ok()).collect()
}
