//! A process and what it cost.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::common::memory;

/// How often the memory of the process is looked at. Its own peak is kept by the system; what of it are
/// not pages of files has to be seen when it is so.
const LOOK: Duration = Duration::from_millis(20);

/// What a finished process took.
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// Most memory, bytes, mapped files counted.
    pub(crate) peak: u64,
    /// Most memory that was not pages of files, bytes.
    pub(crate) peak_own: u64,
}

/// Runs a process to its end. CPU time is that of all children since the last one was waited for.
pub(crate) fn run(mut command: Command) -> Cost {
    let before = children();
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
    let (mut peak, mut peak_own) = (0, 0);
    let status = loop {
        peak = peak.max(memory(child.id(), "VmHWM"));
        peak_own = peak_own.max(memory(child.id(), "RssAnon"));
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
        std::thread::sleep(LOOK);
    };
    let wall = begin.elapsed();
    assert!(status.success(), "{status}");
    Cost { wall, cpu: children() - before, peak, peak_own }
}

/// CPU time of the children that were waited for. The system counts it in hundredths of a second; see `proc_pid_stat(5)`,
/// fields 16 and 17.
fn children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the proc file system");
    // The name of the program, which may hold anything, ends with the last parenthesis; field 3 follows.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields.split_whitespace().skip(13).take(2).map(|field| field.parse().unwrap_or(0)).sum();
    Duration::from_millis(ticks * 10)
}
