//! What asking takes of the host.

use std::future::Future;
use std::time::Duration;

use pointsman_engine::{Error, Host, QuestionNews, Questions};
use pointsman_model::{Answer, Approval, ApprovalId, Digest, Timestamp};

/// What asking takes of the host: a seam, as [`Calls`](crate::calls::Calls) is for the tools.
pub(crate) trait Asks: Send + Sync + 'static {
    type News: News;
    /// Says whether nobody stands above the client: it is no agent of a run.
    fn is_root(&self) -> bool;
    /// Says whether whoever answers from a terminal is asked for a secret.
    fn needs_secret(&self) -> impl Future<Output = bool> + Send;
    fn longest_session(&self) -> Duration;
    fn now(&self) -> Timestamp;
    /// Follows the questions of every run of this host.
    fn questions(&self) -> Self::News;
    /// Gives those that wait now, oldest first.
    fn open_questions(&self) -> impl Future<Output = Result<Vec<ApprovalId>, Error>> + Send;
    fn approval(&self, id: ApprovalId) -> impl Future<Output = Result<Option<Approval>, Error>> + Send;
    fn answer_approval(
        &self,
        id: ApprovalId,
        shown: Digest,
        answer: Answer,
        by: &str,
    ) -> impl Future<Output = Result<Approval, Error>> + Send;
}

/// News of questions, one after the other; none when the host ends.
pub(crate) trait News: Send {
    fn next(&mut self) -> impl Future<Output = Option<QuestionNews>> + Send;
}

impl News for Questions {
    async fn next(&mut self) -> Option<QuestionNews> {
        Self::next(self).await
    }
}

// Inherent methods win over the trait's, so each of these hands on to the host itself.
impl Asks for Host {
    type News = Questions;

    fn is_root(&self) -> bool {
        self.above().is_empty()
    }

    async fn needs_secret(&self) -> bool {
        Self::needs_approver(self).await
    }

    fn longest_session(&self) -> Duration {
        self.settings().longest_session
    }

    fn now(&self) -> Timestamp {
        self.settings().clock.now()
    }

    fn questions(&self) -> Questions {
        Self::questions(self)
    }

    async fn open_questions(&self) -> Result<Vec<ApprovalId>, Error> {
        Self::open_questions(self).await
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
}
