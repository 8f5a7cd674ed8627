//! The state folder: everything in it is its owner's alone.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::FlockOperation;

use crate::StoreError;

pub(crate) const JOURNAL: &str = "journal.sqlite";
const HOSTS: &str = "hosts";
/// Locked by everybody who has the state open.
const USE: &str = "use.lock";
/// How long those who use a state wait for those who rewrite it, which takes long or is all but over.
const BRIEFLY: Duration = Duration::from_millis(250);
/// How long those who rewrite a state wait for those who use it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The state folder, opened. All files but SQLite's own are reached through it.
#[derive(Debug)]
pub(crate) struct StateFolder {
    path: PathBuf,
    dir: Dir,
}

impl StateFolder {
    /// Opens the folder; makes it, and what lies above it, if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |doing| file_error(doing, path);
        match std::fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                use std::os::unix::fs::DirBuilderExt as _;
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(path)
                    .map_err(failed("could not make the state folder"))?;
            }
            Err(error) => return Err(failed("could not look at the state folder")(error)),
        }
        let dir = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(failed("could not open the state folder"))?;
        let folder = Self { path: path.to_owned(), dir };
        folder.refuse_exposed()?;
        Ok(folder)
    }

    /// Whoever can put files here can become this user's agent, so nobody else may.
    fn refuse_exposed(&self) -> Result<(), StoreError> {
        let about = std::fs::metadata(&self.path).map_err(file_error("could not look at", &self.path))?;
        let me = rustix::process::geteuid().as_raw();
        let why = if about.uid() != me {
            format!("belongs to user {}, not to {me}", about.uid())
        } else if about.mode() & 0o022 != 0 {
            format!("may be changed by others (mode {:o})", about.mode() & 0o777)
        } else {
            return Ok(());
        };
        Err(StoreError::Exposed { path: self.path.clone(), why })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Makes an empty database file that only its owner can read; SQLite gives its companions the same mode.
    ///
    /// A file that is there is not even opened: closing it again would free SQLite's locks, which belong to the
    /// process as a whole.
    pub(crate) fn ensure_journal(&self) -> Result<(), StoreError> {
        match self.dir.open_with(JOURNAL, OpenOptions::new().write(true).create_new(true).mode(0o600)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(file_error("could not make", &self.journal())(error))
            }
            _ => Ok(()),
        }
    }

    /// Keeps other processes from making the tables at the same time, until the file is dropped.
    pub(crate) fn lock_while_founding(&self) -> Result<File, StoreError> {
        let name = "founding.lock";
        let file = self.lock_file(name)?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| file_error("could not lock", &self.path.join(name))(error.into()))?;
        Ok(file)
    }

    /// Says that this process has the state open, until the file is dropped.
    ///
    /// Whoever rewrites a state takes this lock alone, so nobody who has read how payload is stored sees that change.
    pub(crate) fn lock_shared(&self) -> Result<File, StoreError> {
        let lock = self.lock_file(USE)?;
        if self.try_lock(&lock, FlockOperation::NonBlockingLockShared, BRIEFLY)? {
            return Ok(lock);
        }
        Err(StoreError::Rewritten { path: self.path.clone(), pids: holders(&lock) })
    }

    /// Says that this process alone has the state open, until the file is dropped.
    pub(crate) fn lock_alone(&self) -> Result<File, StoreError> {
        let in_use = |pids| StoreError::InUse { path: self.path.clone(), pids };
        let lock = self.lock_file(USE)?;
        if !self.try_lock(&lock, FlockOperation::NonBlockingLockExclusive, PATIENCE)? {
            return Err(in_use(holders(&lock)));
        }
        // Hosts of older versions know nothing of that lock, but have one each.
        let hosts = self.hosts()?;
        let failed = file_error("could not look at the locks in", &self.path.join(HOSTS));
        for entry in hosts.entries().map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name();
            if name.to_str().is_none_or(|name| !name.ends_with(".lock")) {
                continue;
            }
            let Ok(host) = hosts.open(&name) else { continue };
            let host = host.into_std();
            if rustix::fs::flock(&host, FlockOperation::NonBlockingLockShared).is_err() {
                return Err(in_use(holders(&host)));
            }
        }
        Ok(lock)
    }

    /// Tries to lock for a while: commands that look something up have the state open for a moment, and so has a child
    /// that was forked and has not begun its own program yet.
    fn try_lock(&self, lock: &File, how: FlockOperation, most: Duration) -> Result<bool, StoreError> {
        let begun = Instant::now();
        loop {
            match rustix::fs::flock(lock, how) {
                Ok(()) => return Ok(true),
                Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() >= most => return Ok(false),
                Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(10)),
                Err(error) => {
                    return Err(file_error("could not lock", &self.path.join(USE))(error.into()));
                }
            }
        }
    }

    fn lock_file(&self, name: &str) -> Result<File, StoreError> {
        let file = self.dir.open_with(name, OpenOptions::new().write(true).create(true).mode(0o600));
        Ok(file.map_err(file_error("could not open", &self.path.join(name)))?.into_std())
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        match self.dir.remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(file_error("could not remove", &self.path.join(name))(error))
            }
            _ => Ok(()),
        }
    }

    /// Opens the folder of the hosts' locks; makes it if it is not there.
    pub(crate) fn hosts(&self) -> Result<Dir, StoreError> {
        let failed = file_error("could not open", &self.path.join(HOSTS));
        make_private_dir(&self.dir, HOSTS).and_then(|()| self.dir.open_dir(HOSTS)).map_err(failed)
    }

    /// Says whether there is a file of this name.
    pub(crate) fn has(&self, name: &str) -> Result<bool, StoreError> {
        self.dir.try_exists(name).map_err(file_error("could not look for", &self.path.join(name)))
    }

    /// Reads a small file, or makes it of what `content` gives; of several that do so at once, one wins.
    pub(crate) fn read_or_found(
        &self,
        name: &str,
        content: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> Result<Vec<u8>, StoreError> {
        let read_or_found = || -> io::Result<Vec<u8>> {
            match self.dir.read(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => return other,
            }
            let own = format!(".{name}.{}", std::process::id());
            let own = format!("{own}.{}", crate::random::hex8()?);
            let mut file =
                self.dir.open_with(&own, OpenOptions::new().write(true).create_new(true).mode(0o600))?;
            let linked = file
                .write_all(&content()?)
                .and_then(|()| file.sync_all())
                // A link, unlike a rename, never replaces what another process has put there meanwhile.
                .and_then(|()| self.dir.hard_link(&own, &self.dir, name));
            self.dir.remove_file(&own)?;
            match linked {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => self.dir.read(name),
            }
        };
        let content = read_or_found().map_err(file_error("could not read or make", &self.path.join(name)))?;
        Ok(content)
    }
}

/// Gives the other processes that hold a lock on a file, as far as the system tells.
fn holders(file: &File) -> Vec<u32> {
    let Ok(about) = file.metadata() else { return Vec::new() };
    // Linux lists all locks: `1: FLOCK  ADVISORY  READ 4711 00:2c:1234 0 EOF`.
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let (inode, me) = (format!(":{}", about.ino()), std::process::id());
    let mut pids: Vec<u32> = locks
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let at = words.iter().position(|word| *word == "FLOCK")?;
            let (pid, place) = (words.get(at + 3)?, words.get(at + 4)?);
            // Waiting ones are marked by an arrow; they hold nothing.
            (place.ends_with(&inode) && !words.contains(&"->")).then_some(())?;
            pid.parse().ok().filter(|pid| *pid != me)
        })
        .collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

fn make_private_dir(dir: &Dir, name: &str) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    match dir.create_dir_with(name, &builder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Says what was being done with which file.
pub(crate) fn file_error(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::File { doing, path: path.clone(), source: Arc::new(source) },
    }
}
