//! What the face asks of the host.

use std::future::Future;

use pointsman_engine::{Client, Error, Host, PublishedFilter, PublishedPage};
use pointsman_model::calls::{
    CancelledRun, ContinueRun, ContinuedRun, EventPage, PollEvents, RunRef, SpawnRun, SpawnedRun,
};
use pointsman_model::plugin::Feature;
use pointsman_model::{Answer, Approval, ApprovalId, Digest, Message, RunId, RunRecord, SessionId};

/// What the face asks of the host: a seam, so that the protocol is tested without an engine. The words are those of
/// [`Host`].
pub(crate) trait Calls: Send + Sync + 'static {
    fn spawn_run(
        &self,
        client: &Client,
        call: SpawnRun,
    ) -> impl Future<Output = Result<SpawnedRun, Error>> + Send;
    fn continue_run(
        &self,
        client: &Client,
        call: ContinueRun,
    ) -> impl Future<Output = Result<ContinuedRun, Error>> + Send;
    fn cancel_run(
        &self,
        client: &Client,
        run: &RunRef,
        reason: &str,
    ) -> impl Future<Output = Result<CancelledRun, Error>> + Send;
    fn get_run(&self, run: &RunRef) -> impl Future<Output = Result<RunRecord, Error>> + Send;
    fn poll_events(&self, call: &PollEvents) -> impl Future<Output = Result<EventPage, Error>> + Send;
    fn first_message(&self, run: RunId) -> impl Future<Output = Result<Message, Error>> + Send;
    fn approval(&self, id: ApprovalId) -> impl Future<Output = Result<Option<Approval>, Error>> + Send;
    fn answer_approval(
        &self,
        id: ApprovalId,
        shown: Digest,
        answer: Answer,
        by: &str,
    ) -> impl Future<Output = Result<Approval, Error>> + Send;
    fn moved_out(
        &self,
        run: RunId,
        seq: u64,
        pointer: &str,
        most: u64,
    ) -> impl Future<Output = Result<String, Error>> + Send;
    fn published_runs(
        &self,
        filter: PublishedFilter,
        cursor: Option<String>,
        limit: u32,
    ) -> impl Future<Output = Result<PublishedPage, Error>> + Send;
    fn newest_published_in(
        &self,
        agent: &str,
        client: &str,
        context: &str,
    ) -> impl Future<Output = Result<Option<RunRecord>, Error>> + Send;
    fn backend_features(&self, backend: &str) -> impl Future<Output = Result<Vec<Feature>, Error>> + Send;
    fn may_resume(&self, session: SessionId) -> impl Future<Output = Result<bool, Error>> + Send;
}

// Inherent methods win over the trait's, so each of these hands on to the host itself.
impl Calls for Host {
    async fn spawn_run(&self, client: &Client, call: SpawnRun) -> Result<SpawnedRun, Error> {
        Self::spawn_run(self, client, call).await
    }

    async fn continue_run(&self, client: &Client, call: ContinueRun) -> Result<ContinuedRun, Error> {
        Self::continue_run(self, client, call).await
    }

    async fn cancel_run(&self, client: &Client, run: &RunRef, reason: &str) -> Result<CancelledRun, Error> {
        Self::cancel_run(self, client, run, reason).await
    }

    async fn get_run(&self, run: &RunRef) -> Result<RunRecord, Error> {
        Self::get_run(self, run).await
    }

    async fn poll_events(&self, call: &PollEvents) -> Result<EventPage, Error> {
        Self::poll_events(self, call).await
    }

    async fn first_message(&self, run: RunId) -> Result<Message, Error> {
        Self::first_message(self, run).await
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, Error> {
        Self::approval(self, id).await
    }

    async fn answer_approval(
        &self,
        id: ApprovalId,
        shown: Digest,
        answer: Answer,
        by: &str,
    ) -> Result<Approval, Error> {
        Self::answer_approval(self, id, shown, answer, by).await
    }

    async fn moved_out(&self, run: RunId, seq: u64, pointer: &str, most: u64) -> Result<String, Error> {
        Self::moved_out(self, run, seq, pointer, most).await
    }

    async fn published_runs(
        &self,
        filter: PublishedFilter,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<PublishedPage, Error> {
        Self::published_runs(self, filter, cursor, limit).await
    }

    async fn newest_published_in(
        &self,
        agent: &str,
        client: &str,
        context: &str,
    ) -> Result<Option<RunRecord>, Error> {
        Self::newest_published_in(self, agent, client, context).await
    }

    async fn backend_features(&self, backend: &str) -> Result<Vec<Feature>, Error> {
        Self::backend_features(self, backend).await
    }

    async fn may_resume(&self, session: SessionId) -> Result<bool, Error> {
        Self::may_resume(self, session).await
    }
}
