//! Questions to people, answered by a script.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pointsman_engine::{Error, QuestionNews};
use pointsman_model::{Answer, Approval, ApprovalId, ApprovalState, Digest, Scope, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::fake::{Fake, run_id};
use crate::elicit::{Asks, News};

pub(crate) fn approval_id(n: u8) -> ApprovalId {
    ApprovalId::from_random([n; 16])
}

/// A question of an agent that wants to run a command.
pub(crate) fn question(n: u8, command: &str, scope: Scope) -> Approval {
    serde_json::from_value(json!({
        "approval_id": approval_id(n),
        "run_id": run_id(1),
        "action": "permission",
        "chain": [{"name": "cli:ada", "role": "client", "run_id": null, "depth": 0}],
        "detail": {"kind": "command", "title": command, "detail": {"command": command, "cwd": "/repo"}},
        "digest": Digest::of(command.as_bytes()),
        "scope": scope,
        "rule": "unsandboxed-command",
        "reason": "nothing confines it",
        "asked_at": "2026-11-21T06:00:00.000Z",
        "expires_at": "2026-11-21T06:30:00.000Z",
        "state": "pending",
    }))
    .unwrap()
}

/// Everybody who is asked, as far as the host knows.
pub(crate) struct People {
    approvals: watch::Sender<Vec<Approval>>,
    answers: Mutex<Vec<Value>>,
    /// Whether the client is a person's, and no run's agent.
    root: bool,
    pub(crate) secret: AtomicBool,
}

impl Default for People {
    fn default() -> Self {
        Self {
            approvals: watch::Sender::new(Vec::new()),
            answers: Mutex::default(),
            root: true,
            secret: AtomicBool::new(false),
        }
    }
}

impl People {
    /// The client is a run's agent.
    pub(crate) fn of_an_agent() -> Self {
        Self { root: false, ..Self::default() }
    }

    pub(crate) fn ask(&self, approval: Approval) {
        self.approvals.send_modify(|all| all.push(approval));
    }

    /// Settles a question on another channel.
    pub(crate) fn settle(&self, id: ApprovalId, state: ApprovalState) {
        self.approvals.send_modify(|all| {
            all.iter_mut().filter(|it| it.approval_id == id).for_each(|it| it.state = state);
        });
    }

    /// Gives what was answered, by whom.
    pub(crate) fn answers(&self) -> Vec<Value> {
        self.answers.lock().unwrap().clone()
    }

    fn pending(&self) -> Vec<Approval> {
        self.approvals.borrow().iter().filter(|it| it.state == ApprovalState::Pending).cloned().collect()
    }
}

pub(crate) struct Told {
    approvals: watch::Receiver<Vec<Approval>>,
    open: BTreeSet<ApprovalId>,
}

impl News for Told {
    async fn next(&mut self) -> Option<QuestionNews> {
        loop {
            for approval in self.approvals.borrow_and_update().iter() {
                let (id, state) = (approval.approval_id, approval.state);
                if state == ApprovalState::Pending && self.open.insert(id) {
                    return Some(QuestionNews::Asked(Box::new(approval.clone())));
                }
                if state != ApprovalState::Pending && self.open.remove(&id) {
                    return Some(QuestionNews::Settled { approval_id: id, state });
                }
            }
            self.approvals.changed().await.ok()?;
        }
    }
}

impl Asks for Fake {
    type News = Told;

    fn is_root(&self) -> bool {
        self.people.root
    }

    async fn needs_secret(&self) -> bool {
        self.people.secret.load(Ordering::SeqCst)
    }

    fn longest_session(&self) -> Duration {
        Duration::from_secs(1_800)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000)
    }

    fn questions(&self) -> Told {
        Told { approvals: self.people.approvals.subscribe(), open: BTreeSet::new() }
    }

    async fn open_questions(&self) -> Result<Vec<ApprovalId>, Error> {
        Ok(self.people.pending().into_iter().map(|it| it.approval_id).collect())
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, Error> {
        Ok(self.people.approvals.borrow().iter().find(|it| it.approval_id == id).cloned())
    }

    async fn answer_approval(
        &self,
        id: ApprovalId,
        shown: Digest,
        answer: Answer,
        by: &str,
    ) -> Result<Approval, Error> {
        let unknown = || Error::Invalid("it is not open".to_owned());
        let mut found =
            self.people.pending().into_iter().find(|it| it.approval_id == id).ok_or_else(unknown)?;
        if found.digest != shown {
            return Err(Error::Invalid("something else was shown".to_owned()));
        }
        let mut said = serde_json::to_value(&answer).unwrap();
        said["by"] = json!(by);
        said["command"] = found.detail["title"].clone();
        self.people.answers.lock().unwrap().push(said);
        found.state = match answer {
            Answer::Deny { .. } => ApprovalState::Denied,
            _ => ApprovalState::Consumed,
        };
        self.people.settle(id, found.state);
        Ok(found)
    }
}
