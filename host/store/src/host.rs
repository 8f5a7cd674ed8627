//! Hosts: processes over the same state, alive as long as they hold a lock.
//!
//! A host's lock is the file `hosts/<id>.lock`. It is locked before it gets this name, so a file of this name that
//! can be locked belongs to a host that is dead; and as ids are never used again, a dead host stays dead. Whoever
//! finds that out may act on it without haste.

use std::fs::File;
use std::io;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use pointsman_model::HostId;
use rustix::fs::FlockOperation;

use crate::folder::file_error;
use crate::{Store, StoreError};

/// A host's sign of life: a locked file, freed by dropping this and by the death of the process, however it dies.
///
/// Processes that are forked without running another program keep the lock; those that run another do not.
#[derive(Debug)]
pub struct HostLease {
    host: HostId,
    hosts: Dir,
    // Closing it frees the lock.
    _lock: File,
}

impl HostLease {
    /// Names the host.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.host
    }
}

impl Drop for HostLease {
    fn drop(&mut self) {
        // A file that stays behind is a dead host's, and harmless.
        let _gone_or_harmless = self.hosts.remove_file(lock_name(self.host));
    }
}

fn lock_name(host: HostId) -> String {
    format!("{host}.lock")
}

impl Store {
    /// Says that a host lives, until the lease is dropped or this process ends. Writes nothing to the database.
    ///
    /// The id must be fresh: a dead host never lives again.
    ///
    /// # Errors
    ///
    /// If the lock cannot be made.
    pub fn register_host(&self, host: HostId) -> Result<HostLease, StoreError> {
        let hosts = self.folder().hosts()?;
        let failed =
            file_error("could not make the lock of this host in", &self.folder().path().join("hosts"));
        let temporary = format!(".{host}");
        let lock = || -> io::Result<File> {
            let file = hosts
                .open_with(&temporary, OpenOptions::new().write(true).create_new(true).mode(0o600))?
                .into_std();
            rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            hosts.rename(&temporary, &hosts, lock_name(host))?;
            Ok(file)
        };
        let lock = lock().map_err(failed)?;
        Ok(HostLease { host, hosts, _lock: lock })
    }

    /// Says whether a host lives.
    ///
    /// # Errors
    ///
    /// If its lock cannot be looked at.
    pub fn is_alive(&self, host: HostId) -> Result<bool, StoreError> {
        let hosts = self.folder().hosts()?;
        let name = lock_name(host);
        let failed =
            file_error("could not look at the lock", &self.folder().path().join("hosts").join(&name));
        let file = match hosts.open(&name) {
            Ok(file) => file.into_std(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Gives the dead hosts that left runs behind which are not over, and clears away the locks of other dead hosts.
    ///
    /// # Errors
    ///
    /// If the database or the locks cannot be read.
    pub fn dead_hosts(&self) -> Result<Vec<HostId>, StoreError> {
        let owners = self.with_reader(|connection| {
            let mut owners = connection.prepare_cached("SELECT DISTINCT host FROM runs WHERE ended = 0")?;
            let owners = owners.query_map([], |row| row.get::<_, String>(0))?;
            owners.map(|owner| Ok(owner?)).collect::<Result<Vec<String>, StoreError>>()
        })?;
        let mut dead = Vec::new();
        for owner in owners {
            let owner: HostId = owner
                .parse()
                .map_err(|_| StoreError::Damaged { what: format!("a run's host is {owner:?}") })?;
            if !self.is_alive(owner)? {
                dead.push(owner);
            }
        }
        self.sweep_locks()?;
        Ok(dead)
    }

    fn sweep_locks(&self) -> Result<(), StoreError> {
        let hosts = self.folder().hosts()?;
        let failed = file_error("could not list", &self.folder().path().join("hosts"));
        for entry in hosts.entries().map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name();
            let host =
                name.to_str().and_then(|name| name.strip_suffix(".lock")).and_then(|id| id.parse().ok());
            if let Some(host) = host
                && !self.is_alive(host)?
            {
                // Another process may have been faster.
                let _gone = hosts.remove_file(&name);
            }
        }
        Ok(())
    }
}
