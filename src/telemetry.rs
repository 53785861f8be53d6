//! Logs: structured, on stderr, quiet unless asked for.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Sets up logging once. `QINGTING_LOG` takes filters such as `info` or `qingting=debug`; lines are JSON
/// when stderr is not a terminal.
pub fn init() {
    let filter = EnvFilter::try_from_env("QINGTING_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // A log that cannot be written is no reason to stop: told of on stderr, as it would be, it panics where
    // stderr is closed, and with it whatever was being logged about.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    // A second call (tests) finds a subscriber in place, which is as well.
    let _ = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().try_init()
    };
}
