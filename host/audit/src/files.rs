//! Where the log lies: `audit/000001.jsonl` and so on, `audit/lock`, and the head beside the folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::AuditError;
use crate::error::failed;

/// The log's place in a state folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    dir: PathBuf,
    head: PathBuf,
}

impl Folder {
    pub(crate) fn of(state: &Path) -> Self {
        Self { dir: state.join("audit"), head: state.join("audit.head") }
    }

    /// Makes the folder if it is not there.
    pub(crate) fn make(&self) -> Result<(), AuditError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(failed("make", &self.dir))
    }

    pub(crate) fn head(&self) -> &Path {
        &self.head
    }

    pub(crate) fn file(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{number:06}.jsonl"))
    }

    /// Lists the files' numbers, oldest first. A folder that is not there has none.
    pub(crate) fn numbers(&self) -> Result<Vec<u32>, AuditError> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &self.dir)(error)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed("list", &self.dir))?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
            numbers.extend(
                number.filter(|digits| digits.len() >= 6).and_then(|digits| digits.parse::<u32>().ok()),
            );
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Makes the next file, empty. It has its name for good before anything is written to it.
    pub(crate) fn create(&self, number: u32) -> Result<File, AuditError> {
        let path = self.file(number);
        let make = || -> io::Result<File> {
            let file = OpenOptions::new().append(true).read(true).create_new(true).mode(0o600).open(&path)?;
            File::open(&self.dir)?.sync_all()?;
            Ok(file)
        };
        make().map_err(failed("make", &path))
    }

    pub(crate) fn open(&self, number: u32) -> Result<File, AuditError> {
        let path = self.file(number);
        OpenOptions::new().append(true).read(true).open(&path).map_err(failed("open", &path))
    }

    pub(crate) fn remove(&self, number: u32) -> Result<(), AuditError> {
        let path = self.file(number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Locks the log for whoever writes, who does so alone. Freed by dropping the file, and by the process's death.
    pub(crate) fn lock_to_write(&self) -> Result<File, AuditError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let path = self.dir.join("lock");
        self.lock(&options, FlockOperation::LockExclusive).map_err(failed("lock", &path))
    }

    /// Locks the log for readers, who may be many; `None` if there is nothing to lock. Needs no right to write, so that
    /// a copy on a medium that takes no more can be read.
    pub(crate) fn lock_to_read(&self) -> Result<Option<File>, AuditError> {
        match self.lock(OpenOptions::new().read(true), FlockOperation::LockShared) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("lock", &self.dir.join("lock"))(error)),
        }
    }

    fn lock(&self, options: &OpenOptions, how: FlockOperation) -> io::Result<File> {
        let path = self.dir.join("lock");
        loop {
            let file = options.open(&path)?;
            loop {
                match rustix::fs::flock(&file, how) {
                    Err(rustix::io::Errno::INTR) => {}
                    done => break done?,
                }
            }
            // Somebody may have removed the file meanwhile: then others lock another one.
            let same = fs::metadata(&path).is_ok_and(|now| {
                file.metadata().is_ok_and(|held| (held.dev(), held.ino()) == (now.dev(), now.ino()))
            });
            if same {
                return Ok(file);
            }
        }
    }
}
