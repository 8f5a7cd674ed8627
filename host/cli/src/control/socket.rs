//! Where a host's sockets lie.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pointsman_model::HostId;

/// Which socket of which host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    host: HostId,
    suffix: &'static str,
}

impl Name {
    /// By which its user's other terminals reach it.
    pub(crate) fn control(host: HostId) -> Self {
        Self { host, suffix: ".sock" }
    }

    /// By which clients attach.
    pub(crate) fn mcp(host: HostId) -> Self {
        Self { host, suffix: ".mcp.sock" }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.host, self.suffix)
    }
}

/// The folder of all hosts' sockets, held open.
///
/// A socket's address holds some hundred bytes, and a state folder's path can be longer. On Linux the address goes
/// through the open folder instead (`/proc/self/fd/N/…`), so that any folder will do; elsewhere a path that is too
/// long is an error that says so.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    #[cfg(target_os = "linux")]
    open: File,
}

impl Folder {
    /// Opens the folder below the state folder.
    pub(crate) fn open(state: &Path) -> io::Result<Self> {
        let path = state.join("hosts");
        Ok(Self {
            #[cfg(target_os = "linux")]
            open: File::open(&path)?,
            path,
        })
    }

    /// Opens the folder, and makes it first if it is not there.
    pub(crate) fn create(state: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(state.join("hosts"))?;
        Self::open(state)
    }

    /// Gives the path for people.
    fn path_of(&self, name: Name) -> PathBuf {
        self.path.join(name.to_string())
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

    /// Listens under a name.
    ///
    /// The socket appears under its name only when it listens, so whoever finds one that refuses has found a dead
    /// host's.
    pub(crate) fn listen(&self, name: Name) -> io::Result<UnixListener> {
        let unfinished = format!(".{name}.new");
        let listener = UnixListener::bind(self.address(&unfinished))?;
        fs::set_permissions(self.path.join(&unfinished), fs::Permissions::from_mode(0o600))?;
        fs::rename(self.path.join(&unfinished), self.path_of(name))?;
        Ok(listener)
    }

    /// Connects to a host; `None` if it is not there.
    pub(crate) fn connect(&self, name: Name) -> io::Result<Option<UnixStream>> {
        match UnixStream::connect(self.address(&name.to_string())) {
            Ok(stream) => Ok(Some(stream)),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a socket.
    pub(crate) fn remove(&self, name: Name) {
        // What is gone already is as it should be.
        let _ = fs::remove_file(self.path_of(name));
    }

    /// Removes the sockets of hosts that died without a chance to do so.
    pub(crate) fn sweep(&self) {
        for kind in [Name::control, Name::mcp] {
            for (host, _) in self.hosts(kind) {
                if matches!(self.connect(kind(host)), Ok(None)) {
                    self.remove(kind(host));
                }
            }
        }
    }

    /// Lists the hosts that have a socket of a kind, and since when.
    pub(crate) fn hosts(&self, kind: fn(HostId) -> Name) -> Vec<(HostId, SystemTime)> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let known = |entry: fs::DirEntry| {
            let file = entry.file_name();
            let host: HostId = file.to_str()?.split_once('.')?.0.parse().ok()?;
            let since = entry.metadata().and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            (file.to_str() == Some(&kind(host).to_string())).then_some((host, since))
        };
        entries.flatten().filter_map(known).collect()
    }
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
        let listener = folder.listen(Name::control(host(1))).unwrap();
        let mode = fs::metadata(folder.path_of(Name::control(host(1)))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(folder.connect(Name::control(host(1))).unwrap().is_some());
        assert!(folder.connect(Name::mcp(host(1))).unwrap().is_none());
        folder.sweep();
        assert!(folder.path_of(Name::control(host(1))).exists(), "a living host keeps its socket");
        drop(listener);
        folder.sweep();
        assert!(!folder.path_of(Name::control(host(1))).exists(), "a dead host's socket goes");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_long_path_is_no_hindrance() {
        let state = tempfile::tempdir().unwrap();
        let long = state.path().join("d".repeat(200));
        let folder = Folder::create(&long).unwrap();
        let _listener = folder.listen(Name::control(host(1))).unwrap();
        assert!(folder.connect(Name::control(host(1))).unwrap().is_some());
    }
}
