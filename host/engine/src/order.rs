//! What the task that owns a run is told from outside.

use pointsman_model::{Answer, ApprovalId, Digest, Message};
use tokio::sync::oneshot;

use crate::Error;

/// What the task that owns a run is told from outside.
pub(crate) enum Order {
    /// End it. The reply says that it will; the task's end says that it has.
    Cancel { reason: String, reply: oneshot::Sender<Result<(), Error>> },
    /// Say something to its agent.
    Say { message: Message, reply: oneshot::Sender<Result<(), Error>> },
    /// A person answers.
    Settle {
        approval_id: ApprovalId,
        digest: Digest,
        answer: Answer,
        by: String,
        reply: oneshot::Sender<Result<(), Error>>,
    },
}
