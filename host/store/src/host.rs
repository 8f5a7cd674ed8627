//! Hosts: processes over the same state, alive as long as they hold a lock.

use pointsman_model::HostId;

/// A host's sign of life: a locked file, freed by dropping this and by the death of the process, however it dies.
#[derive(Debug)]
pub struct HostLease {
    host: HostId,
}

impl HostLease {
    /// Names the host.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.host
    }
}
