//! When wrong secrets were tried: few may be, over all processes and restarts.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use pointsman_model::Timestamp;
use rustix::fs::FlockOperation;

use crate::ApproverError;
use crate::error::failed;

/// So many wrong ones may be tried…
pub(crate) const MOST: usize = 5;
/// … in so many minutes.
pub(crate) const MINUTES: u64 = 10;

/// The attempts that count, locked until this is dropped: whoever else tries waits.
pub(crate) struct Attempts {
    file: File,
    times: Vec<u64>,
}

impl Attempts {
    /// Reads them. `remembered` are those that this process knows of, whatever the file says now.
    pub(crate) fn open(path: &Path, remembered: &[u64], now: Timestamp) -> Result<Self, ApproverError> {
        let open = || -> io::Result<Self> {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path)?;
            rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
            let mut text = String::new();
            (&mut file).take(64 * 1024).read_to_string(&mut text)?;
            let mut times: Vec<u64> = serde_json::from_str(&text).unwrap_or_default();
            times.extend_from_slice(remembered);
            times.sort_unstable();
            times.dedup();
            // A clock that was set back must not lock anybody out for longer than the time that it is about.
            let (now, span) = (now.as_millis(), MINUTES * 60_000);
            times.retain(|at| *at <= now.saturating_add(span) && now.saturating_sub(*at) < span);
            Ok(Self { file, times })
        };
        open().map_err(failed("read", path))
    }

    /// Gives for how many seconds nothing may be tried.
    pub(crate) fn locked(&self, now: Timestamp) -> Option<u64> {
        let decisive = self.times.len().checked_sub(MOST).and_then(|at| self.times.get(at))?;
        let until = decisive + MINUTES * 60_000;
        Some(until.saturating_sub(now.as_millis()).div_ceil(1000).max(1))
    }

    /// Counts one, on disk, before it is looked at: whoever is killed in between has tried.
    pub(crate) fn count(&mut self, now: Timestamp) -> io::Result<()> {
        let mut at = now.as_millis();
        // Each is one of its own, however fast they come.
        while self.times.contains(&at) {
            at += 1;
        }
        self.times.push(at);
        self.write()
    }

    /// Forgets all: the right one came.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        self.times.clear();
        self.write()
    }

    pub(crate) fn left(&self) -> usize {
        MOST.saturating_sub(self.times.len())
    }

    pub(crate) fn times(&self) -> Vec<u64> {
        self.times.clone()
    }

    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_string(&self.times).map_err(io::Error::other)?;
        self.file.write_all_at(text.as_bytes(), 0)?;
        self.file.set_len(text.len() as u64)?;
        self.file.sync_data()
    }
}
