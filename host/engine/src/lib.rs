//! Drives runs: one task per run feeds its plugin, asks the policies, performs the effects and wakes the waiters.
//!
//! **Knows nothing about** how it is spoken to: MCP, HTTP and the command line are faces above it.

mod error;
mod settings;

pub use error::Error;
pub use settings::{
    BackendSettings, ComponentSource, PolicySettings, SanitizerSettings, SecretSource, Settings, WaitLimits,
};

use pointsman_model::calls;
use pointsman_model::{Answer, Approval, ApprovalId, RunRecord};

/// Who calls: the root of every chain of principals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// What the client calls itself, such as `claude-code`.
    pub name: String,
    /// Its version, if it says one.
    pub version: Option<String>,
}

/// A host: everything that a face may ask of it. Cheap to clone.
#[derive(Clone)]
pub struct Host {}

#[expect(clippy::unused_async, reason = "skeleton")]
#[expect(missing_docs, reason = "skeleton")]
#[expect(unused_variables, reason = "skeleton")]
#[expect(clippy::unimplemented, reason = "skeleton")]
impl Host {
    /// Opens the state, recovers what a dead host left, and answers calls. Loads no plugin.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        unimplemented!()
    }
    pub fn settings(&self) -> &Settings {
        unimplemented!()
    }
    pub async fn spawn_run(
        &self,
        client: &Client,
        call: calls::SpawnRun,
    ) -> Result<calls::SpawnedRun, Error> {
        unimplemented!()
    }
    pub async fn get_run(&self, run: &calls::RunRef) -> Result<RunRecord, Error> {
        unimplemented!()
    }
    /// `limit`, `wait_ms` and `max_bytes` are taken as given; the face has put in defaults and checked bounds.
    pub async fn poll_events(&self, call: &calls::PollEvents) -> Result<calls::EventPage, Error> {
        unimplemented!()
    }
    pub async fn wait_for_runs(
        &self,
        call: &calls::WaitForRuns,
        wait: std::time::Duration,
    ) -> Result<calls::WaitOutcome, Error> {
        unimplemented!()
    }
    pub async fn cancel_run(&self, run: &calls::RunRef, reason: &str) -> Result<calls::CancelledRun, Error> {
        unimplemented!()
    }
    pub async fn continue_run(
        &self,
        client: &Client,
        call: calls::ContinueRun,
    ) -> Result<calls::ContinuedRun, Error> {
        unimplemented!()
    }
    pub async fn list_runs(&self, call: &calls::ListRuns) -> Result<calls::ListedRuns, Error> {
        unimplemented!()
    }
    pub async fn get_event_artifact(
        &self,
        call: &calls::GetEventArtifact,
    ) -> Result<calls::ArtifactPage, Error> {
        unimplemented!()
    }
    pub async fn list_agents(&self, call: &calls::ListAgents) -> Result<calls::ListedAgents, Error> {
        unimplemented!()
    }
    pub async fn send_agent_message(
        &self,
        call: calls::SendAgentMessage,
    ) -> Result<calls::SentMessage, Error> {
        unimplemented!()
    }
    pub async fn fetch_agent_messages(
        &self,
        call: &calls::FetchAgentMessages,
    ) -> Result<calls::FetchedMessages, Error> {
        unimplemented!()
    }
    /// Pending ones, or all.
    pub async fn list_approvals(&self, all: bool) -> Result<Vec<Approval>, Error> {
        unimplemented!()
    }
    /// Answers a question. `by` says who and how, such as `cli:ada`. Never offered to a client of MCP.
    pub async fn answer_approval(&self, id: ApprovalId, answer: Answer, by: &str) -> Result<Approval, Error> {
        unimplemented!()
    }
    /// Ends every run of this host, its processes included, and releases the state.
    pub async fn shutdown(&self) {
        unimplemented!()
    }
}
