//! What a command leads to.

use pointsman_model::plugin::{InterruptionKind, Permission};
use pointsman_model::{
    Answer, Approval, ApprovalId, ApprovalState, Digest, Draft, Ending, Event, EventKind, Outcome, Ruling,
    Status, Timestamp, Verdict, reason,
};
use serde_json::{Map, Value, json};

use crate::command::Question;
use crate::run::Stage;
use crate::{Command, Entry, Refused, Run};

impl Run {
    /// Tries a command: gives the entries that it leads to, which are not applied yet.
    ///
    /// # Errors
    ///
    /// If the run is at a stage where the command means nothing, or the approval that it would need is not there.
    pub fn decide(&self, at: Timestamp, command: Command) -> Result<Vec<Entry>, Refused> {
        if self.stage == Stage::Ended {
            return Err(Refused::Ended(self.record.status));
        }
        let mut steps = Steps { run: self.clone(), at, entries: Vec::new() };
        match command {
            Command::Rule { ruling, question } => steps.rule(&ruling, question)?,
            Command::AskPermission { permission, ruling, question } => {
                steps.must_be_live("ask a permission of")?;
                steps.ask(&ruling, question, Some(permission));
            }
            Command::Withdraw { permission } => {
                steps.must_be_live("withdraw a question of")?;
                steps.withdraw(&permission);
            }
            Command::Settle { approval_id, digest, answer, by } => {
                steps.settle(approval_id, digest, answer, by)?;
            }
            Command::Lapse => steps.lapse(),
            Command::Launch { digest, supervision } => {
                let Stage::Cleared(consumed) = self.stage else { return Err(self.misplaced("launch")) };
                if let Some(approval) = consumed.and_then(|id| self.approvals.get(&id)) {
                    if approval.state != ApprovalState::Approved {
                        let state = approval.state.as_str();
                        return Err(Refused::AlreadySettled { approval_id: approval.approval_id, state });
                    }
                    if approval.digest != digest {
                        return Err(Refused::OtherRequest { approved: approval.digest, actual: digest });
                    }
                }
                steps.push(Entry::Launched { at, consumed, supervision });
            }
            Command::Emit(drafts) => {
                steps.must_be_live("tell something of")?;
                for draft in drafts {
                    steps.emit(draft);
                }
            }
            Command::Await(interruption) => {
                steps.must_be_live("interrupt")?;
                let kind = match interruption.kind {
                    InterruptionKind::Input => EventKind::INPUT_REQUIRED,
                    InterruptionKind::Auth => EventKind::AUTH_REQUIRED,
                };
                let mut data = Map::new();
                data.insert("text".to_owned(), Value::String(interruption.text));
                if let Some(detail) = interruption.detail {
                    data.insert("detail".to_owned(), detail);
                }
                steps.emit(Draft { ts: at, kind, data });
            }
            Command::Resume => {
                steps.must_be_live("say something to")?;
                steps.status(Status::Running, Some("continue_run"));
            }
            Command::Remember(value) => {
                steps.must_be_live("remember something of")?;
                steps.push(Entry::Remembered { at, value });
            }
            Command::Cancel(why) => {
                if self.cancel.is_none() {
                    steps.push(Entry::CancelRequested { at, reason: why.clone() });
                }
                // Before the launch there is nothing to stop, so the run ends here and now.
                if self.stage != Stage::Live {
                    steps.end(Outcome::without_result(Ending::Cancelled, reason::CANCELLED, why));
                }
            }
            Command::Finish(outcome) => steps.end(outcome),
        }
        Ok(steps.entries)
    }

    fn misplaced(&self, command: &'static str) -> Refused {
        Refused::Stage { command, status: self.record.status }
    }
}

/// Entries on their way, each applied to a copy of the run as it is made, so that the next one builds on it.
struct Steps {
    run: Run,
    at: Timestamp,
    entries: Vec<Entry>,
}

impl Steps {
    fn push(&mut self, entry: Entry) {
        self.run.apply(&entry);
        self.entries.push(entry);
    }

    fn must_be_live(&self, command: &'static str) -> Result<(), Refused> {
        if self.run.stage == Stage::Live { Ok(()) } else { Err(self.run.misplaced(command)) }
    }

    fn emit(&mut self, draft: Draft) {
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

    fn status(&mut self, status: Status, reason: Option<&str>) {
        self.tell(EventKind::STATUS_CHANGED, json!({"status": status.as_str(), "reason": reason}));
    }

    fn rule(&mut self, ruling: &Ruling, question: Question) -> Result<(), Refused> {
        if self.run.stage != Stage::Created {
            return Err(self.run.misplaced("rule on"));
        }
        self.push(Entry::Ruled { at: self.at, ruling: ruling.clone() });
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

    fn ask(&mut self, ruling: &Ruling, question: Question, permission: Option<Permission>) {
        let Question { approval_id, action, chain, detail, digest, expires_at } = question;
        let editable = permission.as_ref().is_some_and(|permission| permission.editable);
        let (permission, item) = permission.map_or((None, None), |asked| (Some(asked.id), asked.item));
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
        self.push(Entry::Asked { approval: Box::new(approval), permission });
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

    fn settle(
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
            Answer::Allow | Answer::AllowEdited { .. } => {
                self.close(approval_id, ApprovalState::Approved, Some(by), None);
            }
            Answer::Deny { feedback } => {
                let launched = self.run.stage == Stage::Live;
                self.close(approval_id, ApprovalState::Denied, Some(by.clone()), feedback.clone());
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
    fn withdraw(&mut self, permission: &str) {
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
            self.close(id, ApprovalState::Withdrawn, None, None);
        }
    }

    /// Lets every question lapse whose time is up. One that was approved but never used lapses too.
    fn lapse(&mut self) {
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
            self.close(id, ApprovalState::Expired, None, None);
            if self.run.stage != Stage::Live && self.run.stage != Stage::Ended {
                let message = "nobody answered in time; timeout is never a yes";
                self.end(Outcome::without_result(Ending::Rejected, reason::APPROVAL_EXPIRED, message));
            }
        }
    }

    fn close(&mut self, id: ApprovalId, state: ApprovalState, by: Option<String>, feedback: Option<String>) {
        self.push(Entry::Settled {
            at: self.at,
            approval_id: id,
            state,
            by: by.clone(),
            feedback: feedback.clone(),
        });
        self.tell(
            EventKind::APPROVAL_RESOLVED,
            json!({"approval_id": id, "resolution": state.as_str(), "by": by, "feedback": feedback}),
        );
    }

    /// Ends the run: open questions are withdrawn, then comes the terminal event, then the end itself.
    fn end(&mut self, mut outcome: Outcome) {
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
            .filter(|a| matches!(a.state, ApprovalState::Pending | ApprovalState::Approved))
            .map(|a| a.approval_id)
            .collect();
        for id in open {
            self.close(id, ApprovalState::Withdrawn, None, None);
        }
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
