//! What a command leads to.

use pointsman_model::plugin::InterruptionKind;
use pointsman_model::{ApprovalState, Draft, Ending, EventKind, Outcome, Status, Timestamp, reason};
use serde_json::{Map, Value};

use crate::run::Stage;
use crate::steps::Steps;
use crate::{Command, Entry, Refused, Run};

impl Run {
    /// Tries a command: gives the entries that it leads to, which are not applied yet.
    ///
    /// # Errors
    ///
    /// If the run is at a stage where the command means nothing, or the approval that it would need is not there.
    pub fn decide(&self, at: Timestamp, command: Command) -> Result<Vec<Entry>, Refused> {
        if self.stage == Stage::Ended {
            if let Command::Settle { approval_id, .. } = &command
                && let Some(approval) = self.approvals.get(approval_id)
            {
                return Err(Refused::already(approval));
            }
            if let Command::Revoke { approval_id, .. } = &command
                && let Some(refused) = self.approvals.get(approval_id).and_then(Refused::irrevocable)
            {
                return Err(refused);
            }
            return Err(Refused::Ended(self.record.status));
        }
        let mut steps = Steps::new(self.clone(), at);
        match command {
            Command::Rule { ruling, question } => steps.rule(&ruling, question)?,
            Command::AskPermission { permission, ruling, question } => {
                steps.must_be_live("ask a permission of")?;
                steps.ask_anew(&ruling, question, permission);
            }
            Command::DenyPermission { permission, ruling } => {
                steps.must_be_live("deny a permission of")?;
                let item = steps.introduce(&permission);
                steps.denied(&permission, &ruling, &item);
            }
            Command::AskAbout { ruling, question } => {
                steps.must_be_live("ask about something of")?;
                steps.ask(&ruling, question, None);
            }
            Command::Deny { action, detail, ruling } => {
                steps.must_be_live("deny something of")?;
                steps.refused(&action, &detail, &ruling);
            }
            Command::Retract { approval_id } => {
                steps.must_be_live("withdraw a question of")?;
                steps.retract(approval_id);
            }
            Command::Withdraw { permission } => {
                steps.must_be_live("withdraw a question of")?;
                steps.withdraw(&permission);
            }
            Command::Settle { approval_id, digest, answer, by, latest } => {
                steps.settle(approval_id, digest, answer, by, latest)?;
            }
            Command::Revoke { approval_id, by } => steps.revoke(approval_id, by)?,
            Command::Claim { approval_id } => {
                steps.must_be_live("tell an answer to")?;
                steps.claim(approval_id)?;
            }
            Command::UseStanding { permission, ruling, digest, standing } => {
                steps.must_be_live("ask a permission of")?;
                steps.use_standing(permission.as_ref(), &ruling, digest, &standing)?;
            }
            Command::Lapse => steps.lapse(),
            Command::Launch { digest, supervision } => {
                let Stage::Cleared(consumed) = self.stage else { return Err(self.misplaced("launch")) };
                if let Some(approval) = consumed.and_then(|id| self.approvals.get(&id)) {
                    let approval_id = approval.approval_id;
                    if approval.state != ApprovalState::Approved {
                        return Err(Refused::already(approval));
                    }
                    if self.has_lapsed(approval, at) {
                        let state = ApprovalState::Expired;
                        let at = Some(approval.expires_at);
                        return Err(Refused::AlreadySettled { approval_id, state, by: None, at });
                    }
                    if approval.digest != digest {
                        return Err(Refused::OtherRequest { approved: approval.digest, actual: digest });
                    }
                    steps.push(Entry::Claimed { at, approval_id, permission: None });
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
            Command::Cancel { reason: why, by } => {
                if self.cancel.is_none() {
                    steps.push(Entry::CancelRequested { at, reason: why.clone(), by });
                }
                // Whoever answers now comes too late: the agent hears of the end, and of nothing else.
                steps.withdraw_all();
                // Before the launch there is nothing to stop, so the run ends here and now.
                if self.stage != Stage::Live {
                    steps.end(Outcome::without_result(Ending::Cancelled, reason::CANCELLED, why));
                }
            }
            Command::Finish(outcome) => steps.end(outcome),
        }
        Ok(steps.into_entries())
    }

    pub(crate) fn misplaced(&self, command: &'static str) -> Refused {
        Refused::Stage { command, status: self.record.status }
    }
}
