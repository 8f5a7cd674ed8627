//! What may be tried on a run.

use pointsman_model::plugin::{Interruption, Permission};
use pointsman_model::{
    Answer, Approval, ApprovalId, ApprovalState, Digest, Draft, Outcome, Principal, Ruling, Scope, Standing,
    Status, Supervision, Timestamp,
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
        /// No answer reaches further in time than this.
        latest: Timestamp,
    },
    /// A person takes back what was allowed: it is good for no further use.
    Revoke {
        /// Which question.
        approval_id: ApprovalId,
        /// Who takes it back, and how.
        by: String,
    },
    /// What a person allowed in a live run is about to happen: the agent is told, an effect performed. Nothing of the
    /// kind happens unless this was written.
    Claim {
        /// The approval that is used.
        approval_id: ApprovalId,
    },
    /// An approval that stands covers what a live run's agent or plugin wishes to do.
    UseStanding {
        /// The wish, if it is the agent's.
        permission: Option<Permission>,
        /// What policy says of it now.
        ruling: Ruling,
        /// The digest of the request.
        digest: Digest,
        /// The approval: this run's, or one of an earlier run of its session.
        standing: Box<Approval>,
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
    Cancel {
        /// Why.
        reason: String,
        /// Who wants it; none for the host itself.
        by: Option<String>,
    },
    /// The run ends.
    Finish(Outcome),
}

impl Command {
    /// Ends the run for the host's own sake.
    #[must_use]
    pub fn cancel(reason: &str) -> Self {
        Self::Cancel { reason: reason.to_owned(), by: None }
    }
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
    #[error("approval {approval_id} is already {}{}", .state.as_str(), settled(.by.as_deref(), *.at))]
    AlreadySettled {
        /// The question.
        approval_id: ApprovalId,
        /// Where it stands.
        state: ApprovalState,
        /// Who settled it, if anybody did.
        by: Option<String>,
        /// When.
        at: Option<Timestamp>,
    },
    /// There is nothing to take back.
    #[error("approval {approval_id} cannot be revoked: {}", irrevocable(*.state))]
    NotRevocable {
        /// The question.
        approval_id: ApprovalId,
        /// Where it stands.
        state: ApprovalState,
    },
    /// The answer reaches further than policy lets it.
    #[error("approval {approval_id} can be allowed for {} at the widest, not for {}", reach(*.widest), reach(*.asked))]
    TooWide {
        /// The question.
        approval_id: ApprovalId,
        /// How far the answer reaches.
        asked: Scope,
        /// How far it may.
        widest: Scope,
    },
    /// The answer has no sensible end.
    #[error("approval {approval_id}: {why}")]
    WrongEnd {
        /// The question.
        approval_id: ApprovalId,
        /// What is wrong with its `until`.
        why: String,
    },
    /// The run is to end, so nothing is allowed any more.
    #[error("the run is to end: {0}")]
    Ending(String),
    /// What was seen or is to be done is not what the question is about.
    #[error(
        "the request is not the one that was asked about: its digest is {actual}, the question's is {approved}"
    )]
    OtherRequest {
        /// What the question is about.
        approved: Digest,
        /// What was seen, or was to be done.
        actual: Digest,
    },
}

impl Refused {
    /// Says that a question was settled before, by whom and when.
    #[must_use]
    pub fn already(approval: &Approval) -> Self {
        Self::AlreadySettled {
            approval_id: approval.approval_id,
            state: approval.state,
            by: approval.settled_by.clone(),
            at: approval.settled_at,
        }
    }

    /// Says why a question that stands where it stands cannot be revoked; `None` if it can.
    #[must_use]
    pub fn irrevocable(approval: &Approval) -> Option<Self> {
        let (approval_id, state) = (approval.approval_id, approval.state);
        (state != ApprovalState::Approved).then_some(Self::NotRevocable { approval_id, state })
    }

    /// Says that an answer's time is over, whether or not anybody has noted it.
    pub(crate) fn over(approval: &Approval, standing: Standing) -> Self {
        Self::AlreadySettled {
            approval_id: approval.approval_id,
            state: ApprovalState::Expired,
            by: approval.settled_by.clone(),
            at: standing.until,
        }
    }
}

fn settled(by: Option<&str>, at: Option<Timestamp>) -> String {
    match (by, at) {
        (Some(by), Some(at)) => format!(" ({by} answered at {at})"),
        (Some(by), None) => format!(" ({by} answered)"),
        (None, Some(at)) => format!(" (since {at})"),
        (None, None) => String::new(),
    }
}

fn irrevocable(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Pending => "nobody has allowed it yet; deny it instead",
        ApprovalState::Approved => "it has just changed; try again",
        ApprovalState::Consumed => {
            "it was used, and is good for nothing more; what it allowed is ended with its run (pointsman runs cancel)"
        }
        ApprovalState::Denied => "it was denied",
        ApprovalState::Expired => "its time is over",
        ApprovalState::Superseded => "another question or answer has taken its place",
        ApprovalState::Withdrawn => "its run is over",
        ApprovalState::Revoked => "it was revoked before",
    }
}

fn reach(scope: Scope) -> &'static str {
    match scope {
        Scope::Once => "one use",
        Scope::Run => "its run",
        Scope::Session => "its session",
    }
}
