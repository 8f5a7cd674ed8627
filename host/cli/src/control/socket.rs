//! Where the socket lies.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use pointsman_model::HostId;

/// The folder of all hosts' sockets, held open.
///
/// A socket's address holds some hundred bytes, and a state folder's path can be longer. On Linux the address goes
/// through the open folder instead (`/proc/self/fd/N/…`), so that any folder will do; elsewhere a path that is too
/// long is an error that says so.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    #[cfg(target_os = "linux")]
    open: File,
}

impl Folder {
    /// Opens the folder below the state folder.
    pub(super) fn open(state: &Path) -> io::Result<Self> {
        let path = state.join("hosts");
        Ok(Self {
            #[cfg(target_os = "linux")]
            open: File::open(&path)?,
            path,
        })
    }

    /// Opens the folder, and makes it first if it is not there.
    pub(super) fn create(state: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(state.join("hosts"))?;
        Self::open(state)
    }

    /// Gives the path for people.
    pub(super) fn path_of(&self, host: HostId) -> PathBuf {
        self.path.join(name(host))
    }

    /// Gives a path that fits into an address.
    #[cfg(target_os = "linux")]
    fn address(&self, name: &str) -> PathBuf {
        use std::os::fd::AsRawFd;
        Path::new("/proc/self/fd").join(self.open.as_raw_fd().to_string()).join(name)
    }

    #[cfg(not(target_os = "linux"))]
    fn address(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Listens for a host.
    ///
    /// The socket appears under its name only when it listens, so whoever finds one that refuses has found a dead
    /// host's.
    pub(super) fn listen(&self, host: HostId) -> io::Result<UnixListener> {
        let unfinished = format!(".{host}.new");
        let listener = UnixListener::bind(self.address(&unfinished))?;
        fs::set_permissions(self.path.join(&unfinished), fs::Permissions::from_mode(0o600))?;
        fs::rename(self.path.join(&unfinished), self.path_of(host))?;
        Ok(listener)
    }

    /// Connects to a host; `None` if it is not there.
    pub(super) fn connect(&self, host: HostId) -> io::Result<Option<UnixStream>> {
        match UnixStream::connect(self.address(&name(host))) {
            Ok(stream) => Ok(Some(stream)),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a host's socket.
    pub(super) fn remove(&self, host: HostId) {
        // What is gone already is as it should be.
        let _ = fs::remove_file(self.path_of(host));
    }

    /// Removes the sockets of hosts that died without a chance to do so.
    pub(super) fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let file = entry.file_name();
            let host =
                file.to_str().and_then(|name| name.strip_suffix(".sock")).and_then(|id| id.parse().ok());
            if let Some(host) = host
                && matches!(self.connect(host), Ok(None))
            {
                self.remove(host);
            }
        }
    }
}

fn name(host: HostId) -> String {
    format!("{host}.sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(byte: u8) -> HostId {
        HostId::from_random([byte; 16])
    }

    #[test]
    fn only_the_owner_may_use_it_and_the_dead_are_swept() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder::create(state.path()).unwrap();
        let listener = folder.listen(host(1)).unwrap();
        let mode = fs::metadata(folder.path_of(host(1))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(folder.connect(host(1)).unwrap().is_some());
        assert!(folder.connect(host(2)).unwrap().is_none());
        folder.sweep();
        assert!(folder.path_of(host(1)).exists(), "a living host keeps its socket");
        drop(listener);
        folder.sweep();
        assert!(!folder.path_of(host(1)).exists(), "a dead host's socket goes");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_long_path_is_no_hindrance() {
        let state = tempfile::tempdir().unwrap();
        let long = state.path().join("d".repeat(200));
        let folder = Folder::create(&long).unwrap();
        let _listener = folder.listen(host(1)).unwrap();
        assert!(folder.connect(host(1)).unwrap().is_some());
    }
}
