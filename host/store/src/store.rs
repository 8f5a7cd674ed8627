//! The store.

use std::path::Path;

use pointsman_model::calls::ArtifactPage;
use pointsman_model::{
    AgentRecord, Approval, ApprovalId, ApprovalState, HostId, Mail, RunId, RunRecord, RunSpec, SessionId,
    SessionRecord,
};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    AgentFilter, ArtifactHandle, Commit, Creation, EventSlice, HostLease, NewMail, NewRun, Resolution,
    RunFilter, RunPage, StoreError,
};

/// The journal and index of all runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}

#[expect(clippy::unused_async, reason = "skeleton")]
#[expect(missing_docs, reason = "skeleton")]
#[expect(unused_variables, reason = "skeleton")]
#[expect(clippy::unimplemented, reason = "skeleton")]
impl Store {
    /// Blocking (about 1 ms).
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        unimplemented!()
    }
    /// Writes nothing to the database. Call once per process with a fresh id.
    pub fn register_host(&self, host: HostId) -> Result<HostLease, StoreError> {
        unimplemented!()
    }
    /// Hosts that own unfinished runs and are dead.
    pub fn dead_hosts(&self) -> Result<Vec<HostId>, StoreError> {
        unimplemented!()
    }
    pub fn is_alive(&self, host: HostId) -> Result<bool, StoreError> {
        unimplemented!()
    }

    // Writes. Always Flushed but for `commit`, which says.
    pub async fn create_run(&self, new: NewRun) -> Result<Creation, StoreError> {
        unimplemented!()
    }
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// False if somebody else took it, or it is over.
    pub async fn adopt(&self, run: RunId, from: HostId, to: HostId) -> Result<bool, StoreError> {
        unimplemented!()
    }
    pub async fn send_mail(&self, mail: NewMail) -> Result<Mail, StoreError> {
        unimplemented!()
    }

    /// Runs a read off the reactor: `store.read(move |store| store.run(id)).await`.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        unimplemented!()
    }

    // Reads: blocking, short.
    /// `None` if unknown.
    pub fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        unimplemented!()
    }
    pub fn run_spec(&self, run: RunId) -> Result<RunSpec, StoreError> {
        unimplemented!()
    }
    pub fn sealed_config(&self, run: RunId) -> Result<Value, StoreError> {
        unimplemented!()
    }
    pub fn entries(&self, run: RunId) -> Result<Vec<String>, StoreError> {
        unimplemented!()
    }
    pub fn owner(&self, run: RunId) -> Result<HostId, StoreError> {
        unimplemented!()
    }
    pub fn resolve(&self, agent_name: &str, cwd: Option<&str>) -> Result<Resolution, StoreError> {
        unimplemented!()
    }
    pub fn list_runs(
        &self,
        filter: &RunFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<RunPage, StoreError> {
        unimplemented!()
    }
    /// Oldest first.
    pub fn unfinished_runs_of(&self, host: HostId) -> Result<Vec<RunRecord>, StoreError> {
        unimplemented!()
    }
    /// Every unfinished run of every host, oldest first.
    pub fn unfinished_runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        unimplemented!()
    }
    /// Unfinished runs of a session, oldest first: what a further run of it has to queue behind.
    pub fn unfinished_runs_in(&self, session: SessionId) -> Result<Vec<RunRecord>, StoreError> {
        unimplemented!()
    }
    /// At least one event if there is any, then as many as fit into `limit` and `max_bytes` of JSON.
    pub fn events(
        &self,
        run: RunId,
        after_seq: u64,
        limit: u32,
        max_bytes: usize,
    ) -> Result<EventSlice, StoreError> {
        unimplemented!()
    }
    pub fn session(&self, session: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        unimplemented!()
    }
    /// Sessions of this name: several if `cwd` is not given.
    pub fn sessions_named(
        &self,
        agent_name: &str,
        cwd: Option<&str>,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        unimplemented!()
    }
    /// Newest first.
    pub fn agents(&self, filter: &AgentFilter, limit: u32) -> Result<Vec<AgentRecord>, StoreError> {
        unimplemented!()
    }
    pub fn artifact(
        &self,
        run: RunId,
        seq: u64,
        pointer: &str,
        offset: u64,
        limit: u32,
    ) -> Result<ArtifactPage, StoreError> {
        unimplemented!()
    }
    pub fn artifacts(&self, run: RunId, seq: u64) -> Result<Vec<ArtifactHandle>, StoreError> {
        unimplemented!()
    }
    pub fn approval(&self, approval: ApprovalId) -> Result<Option<Approval>, StoreError> {
        unimplemented!()
    }
    /// Newest first.
    pub fn approvals(&self, state: Option<ApprovalState>, limit: u32) -> Result<Vec<Approval>, StoreError> {
        unimplemented!()
    }
    pub fn approvals_of(&self, run: RunId) -> Result<Vec<Approval>, StoreError> {
        unimplemented!()
    }
    pub fn fetch_mail(
        &self,
        session: SessionId,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<Mail>, StoreError> {
        unimplemented!()
    }

    // Following.
    /// Rises with every write of this process to a run (its value means nothing more: ask `changed_since`). Writes of
    /// other processes do not wake it: poll `latest_change` (some 10 µs) for those.
    pub fn changes(&self) -> watch::Receiver<u64> {
        unimplemented!()
    }
    /// The number of the newest change of any run by any process.
    pub fn latest_change(&self) -> Result<u64, StoreError> {
        unimplemented!()
    }
    /// Runs that changed after `cursor`, each once with its newest change, oldest change first. `runs: None` means all.
    pub fn changed_since(
        &self,
        cursor: u64,
        runs: Option<&[RunId]>,
        limit: u32,
    ) -> Result<Vec<(u64, RunRecord)>, StoreError> {
        unimplemented!()
    }
}
