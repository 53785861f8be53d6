//! The socket in the data folder, by which programs on this machine hand in calls and manage keys while the server
//! runs. Who can open it can write the folder too, so nobody is asked for a key there.

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Its name in the folder.
const NAME: &str = "serve.sock";
/// Longest path that a socket address holds; the system's limit is 108 with the end.
const LONGEST: usize = 100;

/// The socket, gone when it is dropped.
pub(super) struct LocalSocket {
    path: PathBuf,
    /// Of the folder, where its own path is too long for an address.
    _folder: Option<std::fs::File>,
}

impl LocalSocket {
    /// Listens in a folder whose only writer this process is.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn bind(folder: &Path) -> std::io::Result<(UnixListener, Self)> {
        let (path, open) = address(folder)?;
        // What an earlier server left that was killed: the lock of the folder says that it is gone.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, owner_only)?;
        Ok((listener, Self { path, _folder: open }))
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        // One that stays behind is removed by the next server.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Where the socket of a folder can be reached, and what has to stay open for that.
///
/// # Errors
/// When the folder cannot be opened.
pub fn address(folder: &Path) -> std::io::Result<(PathBuf, Option<std::fs::File>)> {
    let path = folder.join(NAME);
    if path.as_os_str().len() <= LONGEST {
        return Ok((path, None));
    }
    let open = std::fs::File::open(folder)?;
    Ok((PathBuf::from(format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd())), Some(open)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn folders_with_long_paths_have_a_socket_too() {
        let dir = tempfile::tempdir().unwrap();
        for folder in [dir.path().to_owned(), dir.path().join("长".repeat(60))] {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(NAME), "left by an earlier server").unwrap();
            let (listener, socket) = LocalSocket::bind(&folder).unwrap();
            let mode = std::fs::metadata(folder.join(NAME)).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
            let (path, _open) = address(&folder).unwrap();
            let (connected, accepted) = tokio::join!(tokio::net::UnixStream::connect(path), listener.accept());
            assert!(connected.is_ok() && accepted.is_ok());
            drop(socket);
            assert!(!folder.join(NAME).exists());
        }
    }
}
