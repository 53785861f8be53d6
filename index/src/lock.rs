//! One writer of a data folder at a time: a lock of the operating system on `writer.lock`,
//! which ends with its process however that ends. The file says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::{Error, Result};

const FILE: &str = "writer.lock";

/// The lock, held until it is dropped. The file stays: deleting it would let two writers in.
#[derive(Debug)]
pub(crate) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock for `who`, such as `qingting ingest`.
    ///
    /// # Errors
    /// [`Error::Locked`] when another writer holds it, with what it wrote about itself.
    pub(crate) fn take(data: &Path, who: &str) -> Result<Self> {
        let path = data.join(FILE);
        let io = |e| Error::io(&path, e);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder may be about to write its name: then its name is not known.
                let _ = file.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    holder => holder.to_owned(),
                };
                return Err(Error::Locked { path: data.to_owned(), holder });
            }
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{who} (process {})", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::take(dir.path(), "qingting serve").unwrap();
        let error = WriterLock::take(dir.path(), "qingting ingest").unwrap_err();
        let Error::Locked { holder, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*holder, format!("qingting serve (process {})", std::process::id()));
        drop(first);
        WriterLock::take(dir.path(), "qingting ingest").unwrap();
    }
}
