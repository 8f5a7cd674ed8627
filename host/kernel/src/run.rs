//! A run's state: the sum of its entries.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_model::{
    Approval, ApprovalId, ApprovalState, Digest, Event, EventKind, RemoteRef, Revocation, RunRecord, RunSpec,
    Scope, Status, Timestamp, Usage, Verdict, WaitingFor,
};
use serde_json::{Map, Value};

use crate::items::Items;
use crate::{Entry, summary};

/// What has to be done about a run, as far as its journal tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Ask the policies whether it may be launched.
    AskPolicies,
    /// Wait for a person: nothing was launched.
    AwaitPerson(ApprovalId),
    /// Launch it.
    Launch,
    /// It was launched: whoever launched it feeds it.
    Live,
    /// Nothing. It has ended.
    Nothing,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The policies have not spoken.
    Created,
    /// A person must speak.
    Parked(ApprovalId),
    /// It may be launched; by this approval, if one was needed.
    Cleared(Option<ApprovalId>),
    /// It was launched.
    Live,
    /// It is over.
    Ended,
}

/// A run's state: the sum of its entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Shared, because a prompt may be long and a state is copied for every batch.
    pub(crate) spec: Arc<RunSpec>,
    pub(crate) record: RunRecord,
    pub(crate) stage: Stage,
    pub(crate) approvals: BTreeMap<ApprovalId, Approval>,
    /// The plugin's ids of questions that its agent asked.
    pub(crate) permissions: BTreeMap<ApprovalId, String>,
    /// What the agent has begun and not finished.
    pub(crate) items: Items,
    /// The agent waits for its user, whatever else is asked meanwhile.
    pub(crate) awaits: Option<Status>,
    pub(crate) remembered: Option<Value>,
    pub(crate) cancel: Option<String>,
}

impl Run {
    /// Begins a state from a run's first entry; gives `None` for any other.
    #[must_use]
    pub fn begin(entry: &Entry) -> Option<Self> {
        let Entry::Created { at, run_id, session_id, agent_name, spec } = entry else { return None };
        Some(Self {
            record: RunRecord {
                run_id: *run_id,
                backend: spec.backend.clone(),
                role: spec.role,
                session_id: *session_id,
                agent_name: agent_name.clone(),
                status: Status::Queued,
                started_at: *at,
                updated_at: *at,
                completed_at: None,
                summary: "Run queued".to_owned(),
                last_seq: 0,
                cwd: spec.cwd.clone(),
                metadata: spec.metadata.clone(),
                remote_ref: None,
                access: Some(spec.access),
                final_response: None,
                structured_output: None,
                usage: None,
                error: None,
                waiting_for: None,
                resumed_from_run_id: spec.resumed_from,
                supervision: None,
                truncated: Vec::new(),
            },
            spec: Arc::new((**spec).clone()),
            stage: Stage::Created,
            approvals: BTreeMap::new(),
            permissions: BTreeMap::new(),
            items: Items::default(),
            awaits: None,
            remembered: None,
            cancel: None,
        })
    }

    /// Replays a journal; gives `None` if it does not begin with the run's creation.
    #[must_use]
    pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Option<Self> {
        let mut entries = entries.into_iter();
        let mut run = Self::begin(entries.next()?)?;
        for entry in entries {
            run.apply(entry);
        }
        Some(run)
    }

    /// Takes up one fact.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            // A second creation would be another run's; the journal of this one knows its own.
            Entry::Created { .. } => {}
            Entry::Ruled { at, ruling, .. } => {
                if let Some(ceiling) = ruling.ceiling {
                    let access = self.spec.access.min(ceiling);
                    Arc::make_mut(&mut self.spec).access = access;
                    self.record.access = Some(access);
                }
                if ruling.verdict == Verdict::Allow {
                    self.stage = Stage::Cleared(None);
                }
                self.touch(*at);
            }
            Entry::Asked { approval, permission, .. } => {
                match permission {
                    Some(id) => {
                        self.permissions.insert(approval.approval_id, id.clone());
                    }
                    // What is asked about a live run parks what it is about, not the run.
                    None if self.stage == Stage::Live => {}
                    None => self.stage = Stage::Parked(approval.approval_id),
                }
                self.approvals.insert(approval.approval_id, (**approval).clone());
                self.touch(approval.asked_at);
                self.reflect_questions();
            }
            Entry::Settled { at, approval_id, state, by, feedback, standing, superseded_by } => {
                if let Some(approval) = self.approvals.get_mut(approval_id) {
                    // Who answered stays on record, whatever becomes of the answer.
                    if approval.state == ApprovalState::Pending {
                        approval.settled_at = Some(*at);
                        approval.settled_by.clone_from(by);
                        approval.feedback.clone_from(feedback);
                        approval.standing = *standing;
                        approval.superseded_by = *superseded_by;
                    }
                    if *state == ApprovalState::Revoked {
                        approval.revoked = Some(Revocation { at: *at, by: by.clone().unwrap_or_default() });
                    }
                    approval.state = *state;
                }
                // A launch whose allowance was taken back is put to the policies anew.
                if self.stage == Stage::Cleared(Some(*approval_id)) && *state == ApprovalState::Revoked {
                    self.stage = Stage::Created;
                }
                if self.stage == Stage::Parked(*approval_id) && *state == ApprovalState::Approved {
                    self.stage = Stage::Cleared(Some(*approval_id));
                }
                self.touch(*at);
                self.reflect_questions();
            }
            Entry::Claimed { at, approval_id, .. } => {
                if let Some(approval) = self.approvals.get_mut(approval_id) {
                    approval.uses = approval.uses.saturating_add(1);
                    approval.used_at = Some(*at);
                    if approval.standing.is_none() {
                        approval.state = ApprovalState::Consumed;
                    }
                }
                self.touch(*at);
            }
            Entry::Launched { at, consumed, supervision } => {
                // Older journals have no claim of their own.
                if let Some(approval) = consumed.and_then(|id| self.approvals.get_mut(&id)) {
                    approval.state = ApprovalState::Consumed;
                }
                self.record.supervision.clone_from(supervision);
                self.stage = Stage::Live;
                self.record.status = Status::Running;
                self.touch(*at);
            }
            Entry::Event(event) => self.apply_event(event),
            Entry::Remembered { at, value } => {
                self.remembered = Some(value.clone());
                self.touch(*at);
            }
            Entry::CancelRequested { at, reason, .. } => {
                self.cancel = Some(reason.clone());
                self.touch(*at);
            }
            Entry::Ended { at, outcome } => {
                self.stage = Stage::Ended;
                self.record.status = outcome.ending.into();
                self.record.completed_at = Some(*at);
                self.record.final_response.clone_from(&outcome.final_response);
                self.record.structured_output.clone_from(&outcome.structured_output);
                self.record.usage = outcome.usage;
                self.record.error.clone_from(&outcome.failure);
                self.record.waiting_for = None;
                self.touch(*at);
            }
        }
    }

    fn apply_event(&mut self, event: &Event) {
        self.record.last_seq = event.seq;
        self.record.summary = summary::of(event);
        self.items.note(&event.kind, &event.data);
        if self.stage == Stage::Live
            && let Some(status) = status_of(&event.kind, &event.data)
        {
            self.awaits = matches!(status, Status::InputRequired | Status::AuthRequired).then_some(status);
            if self.waiting().is_none() {
                self.record.status = status;
            }
        }
        if event.kind == EventKind::USAGE_UPDATED
            && let Some(usage) = Usage::of_event(&event.data)
        {
            // What a run has used is known before it ends, and to others than its host.
            self.record.usage = Some(usage);
        }
        if let Some(merged) =
            RemoteRef::merged(self.record.remote_ref.as_ref(), &self.spec.backend, &event.data)
        {
            self.record.remote_ref = Some(merged);
        }
        self.touch(event.ts);
    }

    /// The status and the question that everybody sees follow from the questions that are open.
    fn reflect_questions(&mut self) {
        let waiting = self.waiting().cloned();
        self.record.waiting_for = waiting.as_ref().map(|approval| WaitingFor {
            approval_id: approval.approval_id,
            reason: approval.reason.clone(),
            rule: approval.rule.clone(),
            expires_at: approval.expires_at,
            how: format!("pointsman approvals allow {}", approval.approval_id),
        });
        self.record.status = match (waiting, self.stage) {
            (Some(_), _) => Status::ApprovalRequired,
            (None, Stage::Live) => self.awaits.unwrap_or(Status::Running),
            (None, _) => Status::Queued,
        };
    }

    fn touch(&mut self, at: Timestamp) {
        // Events are stamped by whoever made them; a run never looks older than it did.
        self.record.updated_at = self.record.updated_at.max(at);
    }

    /// Gives the oldest question that waits for a person.
    #[must_use]
    pub fn waiting(&self) -> Option<&Approval> {
        self.approvals.values().filter(|a| a.state == ApprovalState::Pending).min_by_key(|a| a.asked_at)
    }

    /// Gives an approval of this run that covers a request of this digest now, where policy lets it reach so far.
    #[must_use]
    pub fn standing(&self, digest: Digest, widest: Scope, at: Timestamp) -> Option<&Approval> {
        self.approvals.values().find(|approval| {
            approval.state == ApprovalState::Approved
                && approval.digest == digest
                && approval.standing.is_some_and(|it| it.scope <= widest && !it.is_over(at))
        })
    }

    /// Says whether the time of a question or of an answer is over, if anything comes of it.
    pub(crate) fn has_lapsed(&self, approval: &Approval, at: Timestamp) -> bool {
        self.lapse_of(approval).is_some_and(|lapses| lapses <= at)
    }

    /// Gives when the next question or answer lapses, if any does.
    #[must_use]
    pub fn next_lapse(&self) -> Option<Timestamp> {
        self.approvals.values().filter_map(|approval| self.lapse_of(approval)).min()
    }

    fn lapse_of(&self, approval: &Approval) -> Option<Timestamp> {
        match (approval.state, approval.standing) {
            (ApprovalState::Pending, _) => Some(approval.expires_at),
            (ApprovalState::Approved, Some(standing)) => standing.until,
            // What a person allowed and nobody launched.
            (ApprovalState::Approved, None) => {
                (self.stage == Stage::Cleared(Some(approval.approval_id))).then_some(approval.expires_at)
            }
            _ => None,
        }
    }

    /// Says what has to be done.
    #[must_use]
    pub fn next(&self) -> Next {
        match self.stage {
            Stage::Created => Next::AskPolicies,
            Stage::Parked(id) => Next::AwaitPerson(id),
            Stage::Cleared(_) => Next::Launch,
            Stage::Live => Next::Live,
            Stage::Ended => Next::Nothing,
        }
    }

    /// Says whether the agent waits for its user, whatever a person is asked besides.
    #[must_use]
    pub fn awaits_input(&self) -> bool {
        self.stage == Stage::Live && self.awaits.is_some()
    }

    /// Gives what was asked, with the access that policy left of it.
    #[must_use]
    pub fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// Gives what everybody may know.
    #[must_use]
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// Gives what the session's next run should be handed.
    #[must_use]
    pub fn remembered(&self) -> Option<&Value> {
        self.remembered.as_ref()
    }

    /// Gives why the run is to end, if somebody wants that.
    #[must_use]
    pub fn cancel_requested(&self) -> Option<&str> {
        self.cancel.as_deref()
    }

    /// Gives every question of this run.
    pub fn approvals(&self) -> impl Iterator<Item = &Approval> {
        self.approvals.values()
    }

    /// Gives the plugin's own id of a question that its agent asked.
    #[must_use]
    pub fn permission_of(&self, approval: ApprovalId) -> Option<&str> {
        self.permissions.get(&approval).map(String::as_str)
    }
}

/// Gives the status that an event of a live run brings. Terminal ones come from [`Entry::Ended`] alone.
fn status_of(kind: &EventKind, data: &Map<String, Value>) -> Option<Status> {
    if *kind == EventKind::RUN_STARTED {
        return Some(Status::Running);
    }
    if *kind == EventKind::INPUT_REQUIRED {
        return Some(Status::InputRequired);
    }
    if *kind == EventKind::AUTH_REQUIRED {
        return Some(Status::AuthRequired);
    }
    if *kind != EventKind::STATUS_CHANGED {
        return None;
    }
    let status = Status::from_word(data.get("status")?.as_str()?)?;
    matches!(status, Status::Queued | Status::Running | Status::InputRequired | Status::AuthRequired)
        .then_some(status)
}
