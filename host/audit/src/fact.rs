//! What is recorded: kinds and their fields.

use pointsman_model::{
    Access, ApprovalId, ApprovalState, Digest, Principal, RunId, Scope, Status, Timestamp, Verdict,
};
use serde::{Deserialize, Serialize};

/// Somebody in a chain of principals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The agent's name, or the client's.
    pub name: String,
    /// Its run, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

impl From<&Principal> for Member {
    fn from(principal: &Principal) -> Self {
        Self { name: principal.name.clone(), run_id: principal.run_id.clone() }
    }
}

/// What came of an attempt to speak as the approver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// The secret was right.
    Right,
    /// The secret was wrong.
    Wrong,
    /// No secret came, and one is needed.
    Missing,
    /// Too many wrong ones came before; this one was not looked at.
    Locked,
    /// The stored secret is not the one that was set; nothing is taken until that is mended.
    Replaced,
}

/// What is recorded. `kind` names it in JSON.
///
/// Texts that somebody wrote (prompts, commands, reasons, feedback) and paths are never in it, only their digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// The log begins. The first record of all.
    Began {
        /// Random bytes that tell this log from any other.
        log: String,
    },
    /// A host started.
    HostStarted {
        /// Its version.
        version: String,
        /// Its process.
        pid: u32,
        /// Digest of what the operator decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<Digest>,
    },
    /// A host ended in order. One that was killed leaves none.
    HostStopped {},
    /// A component judges by other rules from here on.
    PolicyLoaded {
        /// The module.
        module: String,
        /// Digest of the component.
        component: Digest,
        /// Digest of its rules.
        rules: Digest,
        /// Digest of the rules before, if there were any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Digest>,
    },
    /// The policies spoke.
    Decision {
        /// The run that it was about, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_id: Option<RunId>,
        /// `spawn`, `continue`, `permission`, `process`, `request` or `peer_message`.
        action: String,
        /// Who asked, from the root.
        chain: Vec<Member>,
        /// The backend.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        backend: Option<String>,
        /// Their word.
        verdict: Verdict,
        /// Whose word it was.
        module: String,
        /// The rule that decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// The most that they grant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ceiling: Option<Access>,
        /// Digest of what they were asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<Digest>,
    },
    /// A person was asked.
    Asked {
        /// The run that waits.
        run_id: RunId,
        /// The question.
        approval_id: ApprovalId,
        /// What it is about, as in `decision`.
        action: String,
        /// Digest of the exact request, to which the answer is bound.
        digest: Digest,
        /// The rule that asks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// The widest that an answer may reach.
        #[serde(default, skip_serializing_if = "Scope::is_once")]
        scope: Scope,
        /// When it lapses.
        expires_at: Timestamp,
    },
    /// A question was answered, lapsed, was superseded or withdrawn.
    Settled {
        /// The run that waited.
        run_id: RunId,
        /// The question.
        approval_id: ApprovalId,
        /// Digest of the exact request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
        /// Where it stands now.
        state: ApprovalState,
        /// Who answered, and how; none if nobody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// How far the answer reaches.
        #[serde(default, skip_serializing_if = "Scope::is_once")]
        scope: Scope,
        /// When it ends at the latest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Digest of what was said along with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        feedback: Option<Digest>,
        /// The question that took its place, or the answer that covers it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        superseded_by: Option<ApprovalId>,
    },
    /// An approval is used: what it allows may happen from here on.
    Used {
        /// The run that uses it.
        run_id: RunId,
        /// The approval.
        approval_id: ApprovalId,
        /// Whether the run was launched on it, or its agent was allowed something.
        launch: bool,
    },
    /// A run is launched.
    Launched {
        /// The run.
        run_id: RunId,
        /// The backend.
        backend: String,
        /// Digest of the component that drives it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        component: Option<Digest>,
        /// What it may touch.
        access: Access,
        /// Digest of its working directory's path.
        cwd: Digest,
        /// What its component may do: the operator's grants.
        grants: Vec<String>,
        /// The approval that was used for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval_id: Option<ApprovalId>,
    },
    /// A component wanted something done that it was not given.
    Refused {
        /// The run that it drives.
        run_id: RunId,
        /// What it wanted: `spawn-process`, `send-request`, ….
        effect: String,
        /// The capability that it would need.
        capability: String,
        /// Digest of the reason that it was told.
        why: Digest,
    },
    /// Somebody wants a run to end.
    CancelRequested {
        /// The run.
        run_id: RunId,
        /// Who; none if the host itself does, because it ends or because the run's parent is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// Digest of the reason that was given.
        reason: Digest,
    },
    /// Somebody was turned away before any policy was asked: it wanted more than it may have, or is not who it would
    /// have to be.
    Denied {
        /// What it wanted: `spawn`, `continue`, `cancel`, `answer`, `revoke` or `attach`.
        action: String,
        /// Who, from the root, as far as it is known.
        chain: Vec<Member>,
        /// The question that it wanted to answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval_id: Option<ApprovalId>,
        /// Why: a stable word, such as `beyond_rights`.
        reason: String,
        /// Digest of what it was told.
        why: Digest,
    },
    /// A run ended.
    Ended {
        /// The run.
        run_id: RunId,
        /// How.
        status: Status,
        /// Why, if it did not end well: a stable word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Somebody spoke as the approver, or tried to.
    Approver {
        /// Who, as far as the host sees it.
        by: String,
        /// What came of it.
        attempt: Attempt,
        /// The question that was to be answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval_id: Option<ApprovalId>,
    },
    /// The approver's secret was set, changed or cleared.
    ApproverChanged {
        /// Who did it.
        by: String,
        /// Whether there is a secret from here on.
        set: bool,
    },
    /// What stood in an event before secrets were taken out of it is shown to somebody.
    Revealed {
        /// To whom, as far as the program sees it.
        by: String,
        /// The run.
        run_id: RunId,
        /// The event.
        seq: u64,
    },
    /// What is sealed in any case, originals of events among it, is written out in clear.
    Exported {
        /// For whom, as far as the program sees it.
        by: String,
        /// The run; all if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_id: Option<RunId>,
    },
    /// What stands before this line was not written to its end: its writer died.
    Torn {
        /// So many bytes.
        bytes: u64,
        /// Their digest.
        digest: Digest,
    },
    /// The log did not end where its head, or the host that writes this, says that it ended.
    Gap {
        /// The last record that is known to have been written; 0 if its head is gone.
        known: u64,
        /// The last record that was found.
        found: u64,
    },
    /// Records could not be written before this one, and the operator lets the host go on then.
    Missed {
        /// So many.
        records: u64,
    },
    /// Old files are removed, because the operator keeps no more.
    Pruned {
        /// The last record of them.
        through: u64,
        /// Its digest.
        digest: Digest,
    },
}
