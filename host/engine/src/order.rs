//! What the task that owns a run is told from outside.

use pointsman_kernel::Level;
use pointsman_model::{Answer, ApprovalId, Digest, Message, Principal, Question, Ruling};
use pointsman_store::NewMail;
use tokio::sync::oneshot;

use crate::{Client, Error};

/// What the task that owns a run is told from outside.
pub(crate) enum Order {
    /// End it. The reply says that it will; the task's end says that it has.
    Cancel {
        reason: String,
        /// Who wants it; none for the host itself.
        by: Option<String>,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    /// End it, because a budget that it draws from is used up.
    Exhaust { message: String },
    /// Tell that a budget is nearly used up.
    Warn(Level),
    /// Say something to its agent.
    Say {
        message: Message,
        /// Who says it.
        by: Speaking,
        reply: oneshot::Sender<Result<Heard, Error>>,
    },
    /// Ask a person about mail between agents, and send it when that one allows it.
    Post {
        mail: Box<NewMail>,
        question: Box<Question>,
        ruling: Ruling,
        reply: oneshot::Sender<Result<Heard, Error>>,
    },
    /// A person answers.
    Settle {
        approval_id: ApprovalId,
        digest: Digest,
        answer: Answer,
        by: String,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    /// A person takes back what was allowed.
    Revoke { approval_id: ApprovalId, by: String, reply: oneshot::Sender<Result<(), Error>> },
}

/// Who says something to a run.
pub(crate) struct Speaking {
    /// From the root.
    pub(crate) chain: Vec<Principal>,
    pub(crate) client: Client,
}

/// What became of a message.
pub(crate) enum Heard {
    /// It was handed over.
    Now,
    /// A person must confirm it; it is handed over then.
    Waits { question: ApprovalId, reason: String },
}

impl Heard {
    /// Says who must act, if somebody must.
    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Self::Now => None,
            Self::Waits { question, reason } => Some(format!(
                "a person must confirm this message: {reason}. They answer with: pointsman approvals allow {question}"
            )),
        }
    }
}
