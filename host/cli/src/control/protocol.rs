//! What is said over the socket.

use pointsman_approver::Secret;
use pointsman_engine::PolicyState;
use pointsman_model::calls::{CancelledRun, ContinuedRun};
use pointsman_model::{Answer, Approval, ApprovalId, Digest, HostId, Message, RunId};
use serde::{Deserialize, Serialize};

use crate::exit::Exit;

/// A line may be so long: a question and its answer hold the input of a tool, which may be a whole file.
pub(super) const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// What another terminal asks of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Are you there?
    Ping {},
    /// What do you judge by?
    Policies {},
    /// End a run.
    CancelRun {
        /// The run.
        run_id: RunId,
        /// Why.
        reason: String,
    },
    /// Say something to a run that is not over.
    ContinueRun {
        /// The run.
        run_id: RunId,
        /// What is said.
        message: Message,
    },
    /// Settle a question. Who answers is not said here: the host sees it.
    AnswerApproval {
        /// The question.
        approval_id: ApprovalId,
        /// The digest of the request that the person saw.
        digest: Digest,
        /// The answer.
        answer: Answer,
        /// The approver's secret, as it was typed. The host checks it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Secret>,
    },
    /// Take back what was allowed.
    RevokeApproval {
        /// The question.
        approval_id: ApprovalId,
        /// The approver's secret, as it was typed. The host checks it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Secret>,
    },
}

/// What the host answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// It is there.
    Pong {
        /// Who it is.
        host_id: HostId,
        /// Its process.
        pid: u32,
    },
    /// What it judges by; nothing if it was asked nothing yet.
    Policies {
        /// Its modules, in their order.
        held: Option<Vec<PolicyState>>,
        /// Its process.
        pid: u32,
    },
    /// The run has ended.
    Cancelled(CancelledRun),
    /// The run has the message.
    Continued(ContinuedRun),
    /// The question is settled, or its answer taken back.
    Settled(Box<Approval>),
    /// It was not done.
    Refused {
        /// What kind of refusal.
        kind: Refusal,
        /// Why.
        message: String,
    },
}

/// Why something was not done, as far as the exit status tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    /// There is no such thing.
    NotFound,
    /// It cannot be done, or whoever asks may not.
    Refused,
}

impl From<Refusal> for Exit {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::NotFound,
            Refusal::Refused => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_one_object_with_one_key() {
        let id: ApprovalId = "6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10".parse().unwrap();
        let digest = Digest::of(b"request");
        let request =
            Request::AnswerApproval { approval_id: id, digest, answer: Answer::allow_once(), secret: None };
        let line =
            json!({"answer_approval": {"approval_id": id, "digest": digest, "answer": {"answer": "allow"}}});
        assert_eq!(serde_json::to_value(&request).unwrap(), line);
        assert_eq!(serde_json::from_value::<Request>(line).unwrap(), request);
        serde_json::from_str::<Request>(r#"{"grant":{}}"#).expect_err("no such request");
    }
}
