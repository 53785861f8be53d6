//! What the harness is told on its command line. Unknown options are ignored, since the test runner of Rust hands its
//! own to every test program.

use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
cargo test --test fuzz -- [TARGET...] [--seconds N] [--jobs N] [--findings DIR] [--corpus DIR] [--seed N] [--replay FILE]
  TARGET      a part of the name of a target; all when left out
  --seconds   seconds of all targets together; without it every target replays its corpus and mutates for a moment
  --jobs      processes at a time [default: 2]
  --findings  where inputs that fail are kept [default: target/fuzz/findings]
  --corpus    a further corpus, with a folder a target: read, and added to by what is new
  --seed      begins the random numbers [default: the time]
  --replay    runs one input once and stops";

/// What this process is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// Start a process for every target.
    Supervise,
    /// Be such a process.
    Work,
    /// Tell the test runner that there are no tests that it would know.
    List,
}

#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) job: Job,
    /// Parts of names.
    pub(crate) targets: Vec<String>,
    /// Time of all targets together; of one, for a worker.
    pub(crate) time: Option<Duration>,
    pub(crate) jobs: usize,
    pub(crate) findings: PathBuf,
    pub(crate) corpus: Option<PathBuf>,
    pub(crate) seed: u64,
    pub(crate) replay: Option<PathBuf>,
    /// Of a worker: where it leaves the input that it is at.
    pub(crate) current: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn of(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let target = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
        let mut arguments = Self {
            job: Job::Supervise,
            targets: Vec::new(),
            time: None,
            jobs: 2,
            findings: target.join("fuzz").join("findings"),
            corpus: None,
            seed: now,
            replay: None,
            current: None,
        };
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{argument} needs a value"));
            let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
            match argument.as_str() {
                "--seconds" => arguments.time = Some(Duration::from_secs(number(value()?)?)),
                "--millis" => arguments.time = Some(Duration::from_millis(number(value()?)?)),
                "--jobs" => arguments.jobs = number(value()?)?.clamp(1, 64) as usize,
                "--seed" => arguments.seed = number(value()?)?,
                "--findings" => arguments.findings = value()?.into(),
                "--corpus" => arguments.corpus = Some(value()?.into()),
                "--replay" => arguments.replay = Some(value()?.into()),
                "--current" => arguments.current = Some(value()?.into()),
                "--work" => arguments.job = Job::Work,
                "--list" => arguments.job = Job::List,
                option if option.starts_with('-') => {}
                _ => arguments.targets.push(argument),
            }
        }
        Ok(arguments)
    }

    /// Whether a target is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let asked = |part: &String| name.contains(part.as_str());
        let exact = |part: &String| self.job == Job::Work && part != name;
        self.targets.is_empty() || self.targets.iter().any(|part| asked(part) && !exact(part))
    }
}
