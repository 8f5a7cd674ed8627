//! What this channel asks of a host. The engine's [`Host`] is one; tests have another.

use pointsman_engine::{Error, Host, QuestionNews, Questions};
use pointsman_model::{Answer, Approval, ApprovalId, Digest, Timestamp};

/// What this channel asks of a host.
pub(crate) trait Calls: Send + Sync + 'static {
    /// Gives a question; `None` if nobody knows it.
    fn approval(&self, id: ApprovalId) -> impl Future<Output = Result<Option<Approval>, Error>> + Send;

    /// Answers a question about exactly what was shown.
    fn answer(
        &self,
        id: ApprovalId,
        shown: Digest,
        answer: Answer,
        by: &str,
    ) -> impl Future<Output = Result<Approval, Error>> + Send;

    /// Reads the clock.
    fn now(&self) -> Timestamp;

    /// Gives how far in time an answer may reach, in seconds.
    fn longest_session(&self) -> u64;
}

impl Calls for Host {
    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, Error> {
        Self::approval(self, id).await
    }

    async fn answer(
        &self,
        id: ApprovalId,
        shown: Digest,
        answer: Answer,
        by: &str,
    ) -> Result<Approval, Error> {
        self.answer_approval(id, shown, answer, by).await
    }

    fn now(&self) -> Timestamp {
        self.settings().clock.now()
    }

    fn longest_session(&self) -> u64 {
        self.settings().longest_session.as_secs()
    }
}

/// What becomes of a host's questions.
pub(crate) trait News: Send + 'static {
    /// Waits for what comes next; `None` when the host ends.
    fn next(&mut self) -> impl Future<Output = Option<QuestionNews>> + Send;
}

impl News for Questions {
    async fn next(&mut self) -> Option<QuestionNews> {
        Self::next(self).await
    }
}
