//! What the program prints, and who reads it.

use std::io::Read;
use std::process::{Command, Stdio};

/// It panicked, with a backtrace, under `| head`.
#[test]
fn whoever_stops_reading_hears_nothing_of_it() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_qingting"))
        .args(["rules", "list", "--markdown"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds is to be written when nobody is there any more.
    let mut begun = [0; 16];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut begun).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{said}");
    assert!(matches!(output.status.code(), Some(0 | 141)), "{:?}", output.status);
}
