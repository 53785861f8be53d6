//! Fail points: places at which a test lets a process of the program die, or the disk be full. Builds without debug
//! assertions, such as a release, have none of it.
//!
//! `QINGTING_FAULT=POINT:N:WHAT` names the point, which passing of it is meant (from 1), and what happens then: `kill` ends the
//! process at once, `full` is what the system says of a full disk.

/// Passes a point, whose name is only asked for where points are built in.
///
/// # Errors
/// When that is what `QINGTING_FAULT` asks for.
#[cfg(not(debug_assertions))]
#[inline]
#[allow(clippy::unnecessary_wraps, reason = "the other build fails here")]
pub fn at(_point: impl FnOnce() -> String) -> std::io::Result<()> {
    Ok(())
}

/// Passes a point, whose name is only asked for where points are built in.
///
/// # Errors
/// When that is what `QINGTING_FAULT` asks for.
#[cfg(debug_assertions)]
pub fn at(point: impl FnOnce() -> String) -> std::io::Result<()> {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    struct Wanted {
        point: String,
        passing: u64,
        kill: bool,
    }
    static WANTED: OnceLock<Option<Wanted>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("QINGTING_FAULT").ok()?;
        let mut parts = text.splitn(3, ':');
        let (point, passing, what) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Wanted { point: point.to_owned(), passing: passing.parse().ok()?, kill: what == "kill" })
    });
    match wanted {
        Some(wanted) if point() == wanted.point && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == wanted.passing => {
            if wanted.kill {
                // As a kill from outside: nothing is tidied up.
                std::process::abort();
            }
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        }
        _ => Ok(()),
    }
}
