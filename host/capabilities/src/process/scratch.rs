//! Files that live as long as the process that was given their paths.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

/// The longest name of a scratch file.
const LONGEST_NAME: usize = 128;

const PREFIX: &str = "scratch-";

/// A name that no scratch file may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("scratch file name {name:?} is not made of 1 to 128 letters, digits, `.`, `-` and `_`")]
pub struct InvalidScratchName {
    /// The name, cut to 80 characters.
    pub name: String,
}

/// Says whether a name is one component of a path and nothing else.
pub(crate) fn check_name(name: &str) -> Result<(), InvalidScratchName> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let fits =
        (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain) && !matches!(name, "." | "..");
    if fits { Ok(()) } else { Err(InvalidScratchName { name: name.chars().take(80).collect() }) }
}

/// A process's folder. Removed when it is dropped.
///
/// It is locked as long as its host lives, so that another host's [`sweep`] leaves it alone.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes a folder below `base` that only its owner can enter.
    pub(crate) fn new(base: &Path) -> io::Result<Self> {
        fs::create_dir_all(base)?;
        // Between being made and being locked the folder looks like a dead host's; a sweep waits for this lock.
        let making = File::open(base)?;
        flock(&making, FlockOperation::LockShared)?;
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(base)?;
        let lock = File::open(folder.path())?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Writes a file that only its owner can read, and gives its path.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        check_name(name).map_err(io::Error::other)?;
        let path = self.folder.path().join(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.write_all(content)?;
        Ok(path)
    }
}

/// Removes the scratch folders below `base` whose hosts are dead, and says how many there were.
///
/// # Errors
/// If `base` exists but cannot be read.
pub fn sweep(base: &Path) -> io::Result<usize> {
    let making = match File::open(base) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    flock(&making, FlockOperation::LockExclusive)?;
    let mut removed = 0;
    for entry in fs::read_dir(base)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok(folder) = File::open(entry.path()) else { continue };
        if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            match fs::remove_dir_all(entry.path()) {
                Ok(()) => removed += 1,
                Err(error) => {
                    tracing::warn!(path = %entry.path().display(), %error, "a stale scratch folder stays");
                }
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_can_read_and_nothing_stays() {
        let base = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(base.path()).unwrap();
        let file = scratch.write("schema.json", b"{}").unwrap();
        assert!(file.is_absolute());
        assert_eq!((mode(&file), mode(scratch.folder.path())), (0o600, 0o700));
        assert_eq!(fs::read(&file).unwrap(), b"{}");
        scratch.write("schema.json", b"again").expect_err("names are unique");
        drop(scratch);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_are_one_plain_component() {
        for name in ["", ".", "..", "a/b", "../a", "a b", "a\0", "\u{E4}", &"a".repeat(129)] {
            check_name(name).expect_err(name);
        }
        for name in ["schema.json", "-p", ".hidden", "a_B-1"] {
            check_name(name).unwrap();
        }
    }

    #[test]
    fn a_sweep_takes_what_dead_hosts_left_and_nothing_else() {
        let base = tempfile::tempdir().unwrap();
        assert_eq!(sweep(&base.path().join("none")).unwrap(), 0);
        let live = Scratch::new(base.path()).unwrap();
        live.write("a", b"").unwrap();
        fs::create_dir_all(base.path().join("scratch-dead/inner")).unwrap();
        fs::create_dir_all(base.path().join("other")).unwrap();
        assert_eq!(sweep(base.path()).unwrap(), 1);
        assert!(live.folder.path().join("a").exists() && base.path().join("other").exists());
        assert!(!base.path().join("scratch-dead").exists());
    }
}
