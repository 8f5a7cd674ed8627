//! What the face asks of the host.

use std::future::Future;
use std::time::Duration;

use pointsman_engine::{Client, Error, Host, WaitLimits};
use pointsman_model::RunRecord;
use pointsman_model::calls;

use crate::elicit::Asks;

/// What the face asks of the host: a seam, so that the wire is tested without an engine.
///
/// Whatever is optional and has a default or a bound arrives here filled in and checked.
pub(crate) trait Calls: Asks {
    fn waits(&self) -> WaitLimits;
    fn spawn_run(
        &self,
        client: &Client,
        call: calls::SpawnRun,
    ) -> impl Future<Output = Result<calls::SpawnedRun, Error>> + Send;
    fn get_run(&self, run: &calls::RunRef) -> impl Future<Output = Result<RunRecord, Error>> + Send;
    fn poll_events(
        &self,
        call: &calls::PollEvents,
    ) -> impl Future<Output = Result<calls::EventPage, Error>> + Send;
    fn wait_for_runs(
        &self,
        call: &calls::WaitForRuns,
        wait: Duration,
    ) -> impl Future<Output = Result<calls::WaitOutcome, Error>> + Send;
    fn cancel_run(
        &self,
        client: &Client,
        run: &calls::RunRef,
        reason: &str,
    ) -> impl Future<Output = Result<calls::CancelledRun, Error>> + Send;
    fn continue_run(
        &self,
        client: &Client,
        call: calls::ContinueRun,
    ) -> impl Future<Output = Result<calls::ContinuedRun, Error>> + Send;
    fn list_runs(
        &self,
        call: &calls::ListRuns,
    ) -> impl Future<Output = Result<calls::ListedRuns, Error>> + Send;
    fn get_event_artifact(
        &self,
        call: &calls::GetEventArtifact,
    ) -> impl Future<Output = Result<calls::ArtifactPage, Error>> + Send;
    fn list_agents(
        &self,
        call: &calls::ListAgents,
    ) -> impl Future<Output = Result<calls::ListedAgents, Error>> + Send;
    fn send_agent_message(
        &self,
        client: &Client,
        call: calls::SendAgentMessage,
    ) -> impl Future<Output = Result<calls::SentMessage, Error>> + Send;
    fn fetch_agent_messages(
        &self,
        call: &calls::FetchAgentMessages,
    ) -> impl Future<Output = Result<calls::FetchedMessages, Error>> + Send;
    fn explain_policy(
        &self,
        client: &Client,
        call: calls::ExplainPolicy,
    ) -> impl Future<Output = Result<calls::ExplainedPolicy, Error>> + Send;
}

// Inherent methods win over the trait's, so each of these hands on to the host itself.
impl Calls for Host {
    fn waits(&self) -> WaitLimits {
        self.settings().waits
    }

    async fn spawn_run(&self, client: &Client, call: calls::SpawnRun) -> Result<calls::SpawnedRun, Error> {
        Self::spawn_run(self, client, call).await
    }

    async fn get_run(&self, run: &calls::RunRef) -> Result<RunRecord, Error> {
        Self::get_run(self, run).await
    }

    async fn poll_events(&self, call: &calls::PollEvents) -> Result<calls::EventPage, Error> {
        Self::poll_events(self, call).await
    }

    async fn wait_for_runs(
        &self,
        call: &calls::WaitForRuns,
        wait: Duration,
    ) -> Result<calls::WaitOutcome, Error> {
        Self::wait_for_runs(self, call, wait).await
    }

    async fn cancel_run(
        &self,
        client: &Client,
        run: &calls::RunRef,
        reason: &str,
    ) -> Result<calls::CancelledRun, Error> {
        Self::cancel_run(self, client, run, reason).await
    }

    async fn continue_run(
        &self,
        client: &Client,
        call: calls::ContinueRun,
    ) -> Result<calls::ContinuedRun, Error> {
        Self::continue_run(self, client, call).await
    }

    async fn list_runs(&self, call: &calls::ListRuns) -> Result<calls::ListedRuns, Error> {
        Self::list_runs(self, call).await
    }

    async fn get_event_artifact(&self, call: &calls::GetEventArtifact) -> Result<calls::ArtifactPage, Error> {
        Self::get_event_artifact(self, call).await
    }

    async fn list_agents(&self, call: &calls::ListAgents) -> Result<calls::ListedAgents, Error> {
        Self::list_agents(self, call).await
    }

    async fn send_agent_message(
        &self,
        client: &Client,
        call: calls::SendAgentMessage,
    ) -> Result<calls::SentMessage, Error> {
        Self::send_agent_message(self, client, call).await
    }

    async fn fetch_agent_messages(
        &self,
        call: &calls::FetchAgentMessages,
    ) -> Result<calls::FetchedMessages, Error> {
        Self::fetch_agent_messages(self, call).await
    }

    async fn explain_policy(
        &self,
        client: &Client,
        call: calls::ExplainPolicy,
    ) -> Result<calls::ExplainedPolicy, Error> {
        Self::explain_policy(self, client, call).await
    }
}
