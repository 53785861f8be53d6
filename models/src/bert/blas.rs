//! What OpenBLAS and the allocator have to be told before they are loaded. They read their settings
//! from the environment when the dynamic linker loads them, that is before `main`, so a program that
//! wants others has to start itself again.
//!
//! Without them OpenBLAS runs one matrix product on all cores (slower than one product a core), and on
//! processors newer than itself it falls back to code for those of 2004: Debian 12's knows no
//! Sapphire Rapids and is five times slower there than it need be. And glibc gives the memory of every large tensor back to
//! the system, which in training costs as much as the matrix products.

use std::ffi::OsString;
use std::process::Command;

use crate::{Error, Result};

/// Settings that are missing from the environment, for this processor.
pub fn missing_settings() -> Vec<(&'static str, &'static str)> {
    let wanted = [
        ("OPENBLAS_NUM_THREADS", Some("1")),
        ("OMP_NUM_THREADS", Some("1")),
        (CORE, core()),
    ];
    wanted
        .into_iter()
        .filter(|(name, _)| std::env::var_os(name).is_none())
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Starts this program again with its own arguments when settings are missing, and does not
/// return then; returns when there are none, or where programs cannot be replaced.
///
/// # Errors
/// When the program cannot be started.
pub fn restart_if_needed() -> Result<()> {
    let missing = missing_settings();
    if missing.is_empty() {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(|error| Error::Engine(format!("cannot start again: {error}")))?;
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    replace(Command::new(program).args(arguments).envs(missing))
}

#[cfg(unix)]
fn replace(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(Error::Engine(format!("cannot start again: {}", command.exec())))
}

#[cfg(not(unix))]
fn replace(_: &mut Command) -> Result<()> {
    Ok(())
}

const CORE: &str = "OPENBLAS_CORETYPE";

/// OpenBLAS's name for the newest of its processors whose instructions this one has.
#[cfg(target_arch = "x86_64")]
fn core() -> Option<&'static str> {
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    if avx512 {
        Some("SkylakeX")
    } else if avx2 {
        Some("Haswell")
    } else {
        None
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn core() -> Option<&'static str> {
    None
}
