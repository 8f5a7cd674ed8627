//! Building the entries of a command one after the other.

use pointsman_model::plugin::Permission;
use pointsman_model::{
    Answer, Approval, ApprovalId, ApprovalState, Digest, Draft, Ending, Event, EventKind, Outcome, Ruling,
    Status, Timestamp, Verdict, reason,
};
use serde_json::{Map, Value, json};

use crate::command::Question;
use crate::run::Stage;
use crate::{Entry, Refused, Run};

/// Entries on their way, each applied to a copy of the run as it is made, so that the next one builds on it.
pub(crate) struct Steps {
    run: Run,
    at: Timestamp,
    entries: Vec<Entry>,
}

impl Steps {
    /// Begins with a run as it is.
    pub(crate) fn new(run: Run, at: Timestamp) -> Self {
        Self { run, at, entries: Vec::new() }
    }

    /// Gives what the steps came to.
    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.run.apply(&entry);
        self.entries.push(entry);
    }

    pub(crate) fn must_be_live(&self, command: &'static str) -> Result<(), Refused> {
        if self.run.stage == Stage::Live { Ok(()) } else { Err(self.run.misplaced(command)) }
    }

    pub(crate) fn emit(&mut self, draft: Draft) {
        let record = &self.run.record;
        let event = Event {
            seq: record.last_seq + 1,
            ts: draft.ts,
            run_id: record.run_id,
            session_id: record.session_id,
            backend: record.backend.clone(),
            kind: draft.kind,
            data: draft.data,
        };
        self.push(Entry::Event(event));
    }

    fn tell(&mut self, kind: EventKind, data: Value) {
        let Value::Object(mut data) = data else { return };
        data.retain(|_, value| !value.is_null());
        self.emit(Draft { ts: self.at, kind, data });
    }

    pub(crate) fn status(&mut self, status: Status, reason: Option<&str>) {
        self.tell(EventKind::STATUS_CHANGED, json!({"status": status.as_str(), "reason": reason}));
    }

    pub(crate) fn rule(&mut self, ruling: &Ruling, mut question: Question) -> Result<(), Refused> {
        if self.run.stage != Stage::Created {
            return Err(self.run.misplaced("rule on"));
        }
        let judged = question.judged.take();
        self.push(Entry::Ruled { at: self.at, ruling: ruling.clone(), question: judged });
        match ruling.verdict {
            Verdict::Allow => {}
            Verdict::Deny => {
                let message = match &ruling.rule {
                    Some(rule) => format!("{} (rule {rule} of policy {})", ruling.reason, ruling.module),
                    None => format!("{} (policy {})", ruling.reason, ruling.module),
                };
                self.end(Outcome::without_result(Ending::Rejected, reason::POLICY_DENIED, message));
            }
            Verdict::Ask | Verdict::Abstain => self.ask(ruling, question, None),
        }
        Ok(())
    }

    pub(crate) fn ask(&mut self, ruling: &Ruling, question: Question, permission: Option<Permission>) {
        let Question { approval_id, action, chain, detail, digest, expires_at, judged } = question;
        let editable = permission.as_ref().is_some_and(|permission| permission.editable);
        let (permission, item) = match permission {
            Some(asked) => (Some(asked.id.clone()), Some(item_of(&asked))),
            None => (None, None),
        };
        let approval = Approval {
            approval_id,
            run_id: self.run.record.run_id,
            action: action.clone(),
            chain,
            detail: detail.clone(),
            editable,
            digest,
            rule: ruling.rule.clone(),
            reason: ruling.reason.clone(),
            asked_at: self.at,
            expires_at,
            state: ApprovalState::Pending,
            settled_at: None,
            settled_by: None,
            feedback: None,
        };
        self.push(Entry::Asked { approval: Box::new(approval), permission, question: judged });
        self.tell(
            EventKind::APPROVAL_REQUIRED,
            json!({
                "approval_id": approval_id,
                "action": action,
                "item_id": item,
                "reason": ruling.reason,
                "rule": ruling.rule,
                "request": detail,
                "digest": digest,
                "expires_at": expires_at,
                "how": format!("a person answers with: pointsman approvals allow {approval_id}"),
            }),
        );
    }

    pub(crate) fn settle(
        &mut self,
        approval_id: ApprovalId,
        digest: Digest,
        answer: Answer,
        by: String,
    ) -> Result<(), Refused> {
        self.lapse();
        let approval = self.run.approvals.get(&approval_id).ok_or(Refused::NoSuchQuestion(approval_id))?;
        if approval.state != ApprovalState::Pending {
            return Err(Refused::AlreadySettled { approval_id, state: approval.state.as_str() });
        }
        if approval.digest != digest {
            return Err(Refused::OtherRequest { approved: approval.digest, actual: digest });
        }
        match answer {
            Answer::AllowEdited { .. } if !approval.editable => {
                return Err(Refused::NotEditable(approval_id));
            }
            Answer::Allow => self.close(approval_id, ApprovalState::Approved, Some(by), None, None),
            Answer::AllowEdited { input } => {
                self.close(approval_id, ApprovalState::Approved, Some(by), None, Some(input));
            }
            Answer::Deny { feedback } => {
                let launched = self.run.stage == Stage::Live;
                self.close(approval_id, ApprovalState::Denied, Some(by.clone()), feedback.clone(), None);
                if !launched {
                    let message = match feedback {
                        Some(feedback) => format!("denied by {by}: {feedback}"),
                        None => format!("denied by {by}"),
                    };
                    self.end(Outcome::without_result(Ending::Rejected, reason::APPROVAL_DENIED, message));
                }
            }
        }
        Ok(())
    }

    /// Closes the question of this id, if it is still open.
    pub(crate) fn withdraw(&mut self, permission: &str) {
        let open: Vec<ApprovalId> = self
            .run
            .permissions
            .iter()
            .filter(|(_, id)| *id == permission)
            .filter_map(|(id, _)| self.run.approvals.get(id))
            .filter(|approval| approval.state == ApprovalState::Pending)
            .map(|approval| approval.approval_id)
            .collect();
        for id in open {
            self.close(id, ApprovalState::Withdrawn, None, None, None);
        }
    }

    /// Closes a question that was not put by the agent, if it is still open.
    pub(crate) fn retract(&mut self, id: ApprovalId) {
        let open = self.run.approvals.get(&id).is_some_and(|a| a.state == ApprovalState::Pending);
        if open && !self.run.permissions.contains_key(&id) {
            self.close(id, ApprovalState::Withdrawn, None, None, None);
        }
    }

    /// Lets every question lapse whose time is up. One that was approved but never used lapses too.
    pub(crate) fn lapse(&mut self) {
        let late: Vec<ApprovalId> = self
            .run
            .approvals
            .values()
            .filter(|a| {
                matches!(a.state, ApprovalState::Pending | ApprovalState::Approved) && a.expires_at <= self.at
            })
            .filter(|a| {
                a.state == ApprovalState::Pending || self.run.stage == Stage::Cleared(Some(a.approval_id))
            })
            .map(|a| a.approval_id)
            .collect();
        for id in late {
            self.close(id, ApprovalState::Expired, None, None, None);
            if self.run.stage != Stage::Live && self.run.stage != Stage::Ended {
                let message = "nobody answered in time; timeout is never a yes";
                self.end(Outcome::without_result(Ending::Rejected, reason::APPROVAL_EXPIRED, message));
            }
        }
    }

    /// Settles a question. `input` is what a person put in place of the tool's own.
    fn close(
        &mut self,
        id: ApprovalId,
        state: ApprovalState,
        by: Option<String>,
        feedback: Option<String>,
        input: Option<Value>,
    ) {
        self.push(Entry::Settled {
            at: self.at,
            approval_id: id,
            state,
            by: by.clone(),
            feedback: feedback.clone(),
        });
        self.tell(
            EventKind::APPROVAL_RESOLVED,
            json!({
                "approval_id": id, "resolution": state.as_str(), "by": by, "feedback": feedback, "input": input,
            }),
        );
    }

    /// No question and no denial stands without the tool call that it is about: a plugin that told of none gets one.
    pub(crate) fn introduce(&mut self, permission: &Permission) -> String {
        let item = item_of(permission);
        if !self.run.items.is_open(&item) {
            let command = permission.detail.get("command");
            let (kind, data) = match (permission.kind.as_str(), command) {
                ("command", Some(command)) => {
                    (EventKind::COMMAND_STARTED, json!({"item_id": item, "command": command}))
                }
                (kind, _) => {
                    let data = json!({
                        "item_id": item, "tool": kind, "title": permission.title, "input": permission.detail,
                    });
                    (EventKind::TOOL_STARTED, data)
                }
            };
            self.tell(kind, data);
        }
        item
    }

    pub(crate) fn denied(&mut self, permission: &Permission, ruling: &Ruling, item: &str) {
        self.tell(
            EventKind::APPROVAL_RESOLVED,
            json!({
                "item_id": item,
                "action": "permission",
                "title": permission.title,
                "resolution": ApprovalState::Denied.as_str(),
                "by": format!("policy:{}", ruling.module),
                "rule": ruling.rule,
                "feedback": ruling.reason,
            }),
        );
    }

    /// Tells that policies denied what is no tool call of the agent's.
    pub(crate) fn refused(&mut self, action: &str, detail: &Value, ruling: &Ruling) {
        self.tell(
            EventKind::APPROVAL_RESOLVED,
            json!({
                "action": action,
                "request": detail,
                "resolution": ApprovalState::Denied.as_str(),
                "by": format!("policy:{}", ruling.module),
                "rule": ruling.rule,
                "feedback": ruling.reason,
            }),
        );
    }

    /// Ends what the agent began and can no longer finish, so that every start has its end.
    fn close_items(&mut self) {
        let open: Vec<(String, EventKind)> =
            self.run.items.open().map(|(item, ends)| (item.to_owned(), ends.clone())).collect();
        for (item, ends) in open {
            self.tell(ends, json!({"item_id": item, "status": "interrupted"}));
        }
    }

    /// Ends the run: open questions are withdrawn, then comes the terminal event, then the end itself.
    pub(crate) fn end(&mut self, mut outcome: Outcome) {
        // Cancel wins over an outcome that came late.
        if let Some(why) = &self.run.cancel {
            outcome.ending = Ending::Cancelled;
            outcome.failure = Some(pointsman_model::Failure {
                reason: if why == reason::SHUTDOWN { reason::SHUTDOWN } else { reason::CANCELLED }.to_owned(),
                message: why.clone(),
            });
        }
        let open: Vec<ApprovalId> = self
            .run
            .approvals
            .values()
            .filter(|a| match a.state {
                ApprovalState::Pending => true,
                // What a live run was allowed was used at once; who gave it stays on record.
                ApprovalState::Approved => self.run.stage != Stage::Live,
                _ => false,
            })
            .map(|a| a.approval_id)
            .collect();
        for id in open {
            self.close(id, ApprovalState::Withdrawn, None, None, None);
        }
        self.close_items();
        let message = outcome.failure.as_ref().map(|failure| failure.message.clone());
        let why = outcome.failure.as_ref().map(|failure| failure.reason.clone());
        match outcome.ending {
            Ending::Completed => self.completed(&outcome),
            Ending::Failed => {
                let usage = outcome.usage;
                self.tell(EventKind::RUN_FAILED, json!({"message": message, "reason": why, "usage": usage}));
            }
            Ending::Rejected => self.tell(EventKind::REJECTED, json!({"message": message, "reason": why})),
            Ending::Cancelled => self.status(Status::Cancelled, why.as_deref()),
        }
        self.push(Entry::Ended { at: self.at, outcome: Box::new(outcome) });
    }

    fn completed(&mut self, outcome: &Outcome) {
        let mut data = Map::new();
        // The one field that is there even when it says nothing.
        data.insert("final_response".to_owned(), json!(outcome.final_response));
        if let Some(value) = &outcome.structured_output {
            data.insert("structured_output".to_owned(), value.clone());
        }
        if let Some(usage) = &outcome.usage {
            data.insert("usage".to_owned(), json!(usage));
        }
        self.emit(Draft { ts: self.at, kind: EventKind::RUN_COMPLETED, data });
    }
}

/// Gives the item that a permission is about: one that names none is an item of its own.
fn item_of(permission: &Permission) -> String {
    permission.item.clone().unwrap_or_else(|| permission.id.clone())
}
