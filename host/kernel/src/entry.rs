//! What is known of a run, one fact at a time: the journal.

use pointsman_model::{
    Approval, ApprovalId, ApprovalState, Event, Outcome, Question, Ruling, RunId, RunSpec, SessionId,
    Standing, Supervision, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One fact about a run.
///
/// Stored as JSON; [`Entry::Event`] is stored among the events instead. New facts are added as new variants, so a
/// journal stays readable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// The run was accepted.
    Created {
        /// When.
        at: Timestamp,
        /// Its id.
        run_id: RunId,
        /// Its session.
        session_id: SessionId,
        /// The session's name.
        agent_name: String,
        /// What was asked.
        spec: Box<RunSpec>,
    },
    /// The policies spoke.
    Ruled {
        /// When.
        at: Timestamp,
        /// Their word.
        ruling: Ruling,
        /// What they were asked. Journals of older hosts do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<Box<Question>>,
    },
    /// A person was asked.
    Asked {
        /// The question, with its time.
        approval: Box<Approval>,
        /// The plugin's own id of it, if its agent asked.
        permission: Option<String>,
        /// What the policies were asked, if it was about a live run; what they were asked before the launch stands
        /// with their ruling. Journals of older hosts do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<Box<Question>>,
    },
    /// A question was answered, lapsed, was superseded or withdrawn, or a standing approval came to its end or was
    /// revoked.
    Settled {
        /// When.
        at: Timestamp,
        /// Which question.
        approval_id: ApprovalId,
        /// Where it stands now.
        state: ApprovalState,
        /// Who answered, or took the answer back.
        by: Option<String>,
        /// What was said along with a denial.
        feedback: Option<String>,
        /// What the answer covers beyond its first use.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standing: Option<Standing>,
        /// The question that took its place, or the answer that covers it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        superseded_by: Option<ApprovalId>,
    },
    /// An approval is used. On disk before anything that it allows can happen, and written by nobody but the host that
    /// holds the run: so whatever dies next, it is never used for a second time.
    Claimed {
        /// When.
        at: Timestamp,
        /// Which; perhaps one that stands, of an earlier run of the session.
        approval_id: ApprovalId,
        /// The plugin's own id of the question that it answers; none for a launch.
        permission: Option<String>,
    },
    /// The run was launched. An approval that this took is used up.
    Launched {
        /// When.
        at: Timestamp,
        /// The approval that was used.
        consumed: Option<ApprovalId>,
        /// What keeps its processes in check.
        supervision: Option<Supervision>,
    },
    /// The run told something.
    Event(Event),
    /// The plugin wants this kept.
    Remembered {
        /// When.
        at: Timestamp,
        /// What.
        value: Value,
    },
    /// Somebody wants the run to end. From here on it can only end as cancelled.
    CancelRequested {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
        /// Who wants it; none for the host itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The run ended. Stands right behind its terminal event.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Box<Outcome>,
    },
}
