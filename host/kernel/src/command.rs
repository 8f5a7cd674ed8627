//! What may be tried on a run.

use pointsman_model::plugin::{Interruption, Permission};
use pointsman_model::{
    Answer, ApprovalId, Digest, Draft, Outcome, Principal, Ruling, Status, Supervision, Timestamp,
};
use serde_json::Value;

/// A question as policy put it, with what a person needs to answer it.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The id that the question gets if a person is asked.
    pub approval_id: ApprovalId,
    /// `spawn`, `continue`, `permission`, `process`, `request` or `peer_message`.
    pub action: String,
    /// Who asks, from the root.
    pub chain: Vec<Principal>,
    /// The exact request.
    pub detail: Value,
    /// Its digest.
    pub digest: Digest,
    /// When the question lapses.
    pub expires_at: Timestamp,
    /// What the policies were asked, word for word: kept, so that their ruling can be explained later.
    pub judged: Option<Box<pointsman_model::Question>>,
}

/// What may be tried on a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The policies have spoken about launching it.
    Rule {
        /// Their word.
        ruling: Ruling,
        /// What they were asked.
        question: Question,
    },
    /// The policies want a person's word on what the live agent wishes to do.
    AskPermission {
        /// The wish.
        permission: Permission,
        /// Why a person is asked.
        ruling: Ruling,
        /// What the person is asked.
        question: Question,
    },
    /// The policies deny what the live agent wishes to do; no person is asked.
    DenyPermission {
        /// The wish.
        permission: Permission,
        /// Their word.
        ruling: Ruling,
    },
    /// The policies want a person's word on what a live run's plugin would set in motion, or on what would be said to
    /// its agent or by it.
    AskAbout {
        /// Why a person is asked.
        ruling: Ruling,
        /// What the person is asked.
        question: Question,
    },
    /// The policies deny such a thing; no person is asked.
    Deny {
        /// `process`, `request`, `continue` or `peer_message`.
        action: String,
        /// The exact request.
        detail: Value,
        /// Their word.
        ruling: Ruling,
    },
    /// What a person was asked about is not wanted any more.
    Retract {
        /// The question.
        approval_id: ApprovalId,
    },
    /// The agent no longer wants to know.
    Withdraw {
        /// The plugin's own id of the question.
        permission: String,
    },
    /// A person answers.
    Settle {
        /// Which question.
        approval_id: ApprovalId,
        /// The digest that the person saw.
        digest: Digest,
        /// The answer.
        answer: Answer,
        /// Who answered, and how.
        by: String,
    },
    /// Time has passed: whatever lapsed by now lapses.
    Lapse,
    /// The run is about to be launched with exactly this request.
    Launch {
        /// The digest of what will be launched.
        digest: Digest,
        /// What keeps its processes in check.
        supervision: Option<Supervision>,
    },
    /// The plugin tells something.
    Emit(Vec<Draft>),
    /// The agent cannot go on without its user.
    Await(Interruption),
    /// The user said something to a waiting agent.
    Resume,
    /// The plugin wants this kept for the session's next run.
    Remember(Value),
    /// Somebody wants the run to end; the text says why.
    Cancel(String),
    /// The run ends.
    Finish(Outcome),
}

/// A command that cannot be carried out now. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The run has ended.
    #[error("run is already terminal: {0}")]
    Ended(Status),
    /// The run is at another stage.
    #[error("cannot {command} a run that is {status}")]
    Stage {
        /// What was tried.
        command: &'static str,
        /// What the run is doing.
        status: Status,
    },
    /// The run waits for no such answer.
    #[error("no question {0} is open for this run")]
    NoSuchQuestion(ApprovalId),
    /// The question cannot be answered with another input.
    #[error("approval {0} cannot be edited: its agent takes a plain yes or no")]
    NotEditable(ApprovalId),
    /// The question has been settled already.
    #[error("approval {approval_id} is already {state}")]
    AlreadySettled {
        /// The question.
        approval_id: ApprovalId,
        /// Where it stands.
        state: &'static str,
    },
    /// The request is not the one that was approved.
    #[error(
        "the request is not the one that was approved: its digest is {actual}, the approval's is {approved}"
    )]
    OtherRequest {
        /// What was approved.
        approved: Digest,
        /// What was to be used.
        actual: Digest,
    },
}
