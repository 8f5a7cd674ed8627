//! Questions to a person: asked, answered, used, lapsed.

use pointsman_model::plugin::Permission;
use pointsman_model::{
    Answer, Approval, ApprovalId, ApprovalState, Digest, Ending, EventKind, Outcome, Ruling, Scope, Standing,
    Timestamp, Verdict, reason,
};
use serde_json::{Value, json};

use crate::command::Question;
use crate::denial::item_of;
use crate::run::Stage;
use crate::steps::Steps;
use crate::{Entry, Refused};

/// What settles a question.
struct Settled {
    state: ApprovalState,
    by: Option<String>,
    feedback: Option<String>,
    /// What a person put in place of the tool's own input.
    input: Option<Value>,
    standing: Option<Standing>,
    superseded_by: Option<ApprovalId>,
}

impl Settled {
    fn to(state: ApprovalState) -> Self {
        Self { state, by: None, feedback: None, input: None, standing: None, superseded_by: None }
    }

    fn allowed(by: String) -> Self {
        Self { by: Some(by), ..Self::to(ApprovalState::Approved) }
    }
}

impl Steps {
    pub(crate) fn ask(&mut self, ruling: &Ruling, question: Question, permission: Option<Permission>) {
        let Question { approval_id, action, chain, detail, digest, expires_at, judged } = question;
        let editable = permission.as_ref().is_some_and(|permission| permission.editable);
        // A launch happens once: there is nothing that an answer could reach beyond it.
        let live = self.run.stage == Stage::Live;
        let widest = if live { ruling.scope.unwrap_or(Scope::Session) } else { Scope::Once };
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
            scope: widest,
            rule: ruling.rule.clone(),
            reason: ruling.reason.clone(),
            asked_at: self.at,
            expires_at,
            state: ApprovalState::Pending,
            settled_at: None,
            settled_by: None,
            feedback: None,
            standing: None,
            uses: 0,
            used_at: None,
            superseded_by: None,
            revoked: None,
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
                "scope": widest,
                "expires_at": expires_at,
                "how": format!("a person answers with: pointsman approvals allow {approval_id}"),
            }),
        );
    }

    /// Asks what the agent wishes, which may have asked under the same id before: the same thing is asked once, another
    /// takes its place.
    pub(crate) fn ask_anew(&mut self, ruling: &Ruling, question: Question, permission: Permission) {
        for (id, digest) in self.open_under(&permission.id) {
            if digest == question.digest {
                return;
            }
            let superseded_by = Some(question.approval_id);
            self.close(id, Settled { superseded_by, ..Settled::to(ApprovalState::Superseded) });
        }
        self.introduce(&permission);
        self.ask(ruling, question, Some(permission));
    }

    pub(crate) fn settle(
        &mut self,
        approval_id: ApprovalId,
        digest: Digest,
        answer: Answer,
        by: String,
        latest: Timestamp,
    ) -> Result<(), Refused> {
        self.lapse();
        let approval = self.run.approvals.get(&approval_id).ok_or(Refused::NoSuchQuestion(approval_id))?;
        if approval.state != ApprovalState::Pending {
            return Err(Refused::already(approval));
        }
        if approval.digest != digest {
            return Err(Refused::OtherRequest { approved: approval.digest, actual: digest });
        }
        match answer {
            Answer::AllowEdited { .. } if !approval.editable => {
                return Err(Refused::NotEditable(approval_id));
            }
            Answer::Allow { scope, until } => {
                let standing = self.reach(approval, scope, until, latest)?;
                self.close(approval_id, Settled { standing, ..Settled::allowed(by) });
                if standing.is_some() {
                    self.cover(approval_id, digest)?;
                }
            }
            Answer::AllowEdited { input } => {
                self.close(approval_id, Settled { input: Some(input), ..Settled::allowed(by) });
            }
            Answer::Deny { feedback } => {
                let launched = self.run.stage == Stage::Live;
                let denied = Settled {
                    by: Some(by.clone()),
                    feedback: feedback.clone(),
                    ..Settled::to(ApprovalState::Denied)
                };
                self.close(approval_id, denied);
                if !launched {
                    let asked = self.asked_by(approval_id);
                    let message = match feedback {
                        Some(feedback) => format!("denied by {by}: {feedback}{asked}"),
                        None => format!("denied by {by}{asked}"),
                    };
                    self.end(Outcome::without_result(Ending::Rejected, reason::APPROVAL_DENIED, message));
                }
            }
        }
        Ok(())
    }

    /// Takes back what a person allowed and nothing has used up. A launch that waited for its turn is put to the policies
    /// anew; what stood is asked about when it is wanted next.
    pub(crate) fn revoke(&mut self, approval_id: ApprovalId, by: String) -> Result<(), Refused> {
        self.lapse();
        let approval = self.run.approvals.get(&approval_id).ok_or(Refused::NoSuchQuestion(approval_id))?;
        if let Some(refused) = Refused::irrevocable(approval) {
            return Err(refused);
        }
        self.close(approval_id, Settled { by: Some(by), ..Settled::to(ApprovalState::Revoked) });
        Ok(())
    }

    /// Says what an allowance covers beyond its first use, if it may.
    fn reach(
        &self,
        approval: &Approval,
        scope: Scope,
        until: Option<Timestamp>,
        latest: Timestamp,
    ) -> Result<Option<Standing>, Refused> {
        let approval_id = approval.approval_id;
        if scope > approval.scope {
            return Err(Refused::TooWide { approval_id, asked: scope, widest: approval.scope });
        }
        let wrong = |why: String| Err(Refused::WrongEnd { approval_id, why });
        match (scope, until) {
            (Scope::Once, None) => Ok(None),
            (Scope::Once, Some(_)) => wrong("an end goes with the scopes run and session".to_owned()),
            (Scope::Session, None) => wrong("the scope session needs an end".to_owned()),
            (_, Some(until)) if until <= self.at => wrong(format!("its end {until} is over already")),
            (_, Some(until)) if until > latest => {
                wrong(format!("its end {until} is too late: {latest} is as far as this host goes"))
            }
            (scope, until) => Ok(Some(Standing { scope, until })),
        }
    }

    /// Answers what else waits and is the same request, by an approval that stands.
    fn cover(&mut self, by: ApprovalId, digest: Digest) -> Result<(), Refused> {
        let alike =
            |approval: &&Approval| approval.state == ApprovalState::Pending && approval.digest == digest;
        let covered: Vec<ApprovalId> =
            self.run.approvals.values().filter(alike).map(|approval| approval.approval_id).collect();
        for id in covered {
            self.close(id, Settled { superseded_by: Some(by), ..Settled::to(ApprovalState::Superseded) });
            let permission = self.run.permissions.get(&id).cloned();
            self.use_up(by, permission)?;
        }
        Ok(())
    }

    /// Uses an approval for the question that it answers.
    pub(crate) fn claim(&mut self, approval_id: ApprovalId) -> Result<(), Refused> {
        let permission = self.run.permissions.get(&approval_id).cloned();
        self.use_up(approval_id, permission)
    }

    fn use_up(&mut self, approval_id: ApprovalId, permission: Option<String>) -> Result<(), Refused> {
        if let Some(why) = &self.run.cancel {
            return Err(Refused::Ending(why.clone()));
        }
        let approval = self.run.approvals.get(&approval_id).ok_or(Refused::NoSuchQuestion(approval_id))?;
        if approval.state != ApprovalState::Approved {
            return Err(Refused::already(approval));
        }
        if let Some(standing) = approval.standing.filter(|standing| standing.is_over(self.at)) {
            return Err(Refused::over(approval, standing));
        }
        self.push(Entry::Claimed { at: self.at, approval_id, permission });
        Ok(())
    }

    /// Uses an approval that stands for what the agent, or the run's plugin, wishes now.
    pub(crate) fn use_standing(
        &mut self,
        wish: Option<&Permission>,
        ruling: &Ruling,
        digest: Digest,
        given: &Approval,
    ) -> Result<(), Refused> {
        if let Some(why) = &self.run.cancel {
            return Err(Refused::Ending(why.clone()));
        }
        // Of its own approvals the run knows better than whoever looked them up.
        let known = self.run.approvals.get(&given.approval_id).unwrap_or(given).clone();
        let approval_id = known.approval_id;
        if known.digest != digest {
            return Err(Refused::OtherRequest { approved: known.digest, actual: digest });
        }
        let Some(standing) = known.standing.filter(|_| known.state == ApprovalState::Approved) else {
            return Err(Refused::already(&known));
        };
        if standing.is_over(self.at) {
            return Err(Refused::over(&known, standing));
        }
        // Policies may have become stricter since: what they say now holds.
        let widest = match ruling.verdict {
            Verdict::Deny => Scope::Once,
            _ => ruling.scope.unwrap_or(Scope::Session),
        };
        let elsewhere = known.run_id != self.run.record.run_id;
        if standing.scope > widest || (elsewhere && standing.scope != Scope::Session) {
            return Err(Refused::TooWide { approval_id, asked: standing.scope, widest });
        }
        let item = wish.map(|wish| self.introduce(wish));
        self.push(Entry::Claimed { at: self.at, approval_id, permission: wish.map(|wish| wish.id.clone()) });
        self.tell(
            EventKind::APPROVAL_RESOLVED,
            json!({
                "approval_id": approval_id,
                "item_id": item,
                "action": known.action,
                "title": wish.map(|wish| &wish.title),
                "resolution": ApprovalState::Approved.as_str(),
                "by": known.settled_by,
                "scope": standing.scope,
                "until": standing.until,
                "standing": true,
            }),
        );
        Ok(())
    }

    /// Gives the open questions of this id, with what they are about.
    fn open_under(&self, permission: &str) -> Vec<(ApprovalId, Digest)> {
        let named = self.run.permissions.iter().filter(|(_, id)| *id == permission);
        let open = named
            .filter_map(|(id, _)| self.run.approvals.get(id))
            .filter(|approval| approval.state == ApprovalState::Pending);
        open.map(|approval| (approval.approval_id, approval.digest)).collect()
    }

    /// Closes the question of this id, if it is still open: its agent took it back.
    pub(crate) fn withdraw(&mut self, permission: &str) {
        for (id, _) in self.open_under(permission) {
            self.close(id, Settled::to(ApprovalState::Superseded));
        }
    }

    /// Closes a question that was not put by the agent, if it is still open: what it is about is not wanted any more.
    pub(crate) fn retract(&mut self, id: ApprovalId) {
        let open = self.run.approvals.get(&id).is_some_and(|it| it.state == ApprovalState::Pending);
        if open && !self.run.permissions.contains_key(&id) {
            self.close(id, Settled::to(ApprovalState::Superseded));
        }
    }

    /// Closes what nobody has answered, because the run is to end.
    pub(crate) fn withdraw_all(&mut self) {
        let pending = |approval: &&Approval| approval.state == ApprovalState::Pending;
        let open: Vec<ApprovalId> =
            self.run.approvals.values().filter(pending).map(|approval| approval.approval_id).collect();
        for id in open {
            self.close(id, Settled::to(ApprovalState::Withdrawn));
        }
    }

    /// Names the rule that asked, for whoever hears of the end.
    fn asked_by(&self, id: ApprovalId) -> String {
        let rule = self.run.approvals.get(&id).and_then(|approval| approval.rule.as_deref());
        rule.map(|rule| format!(" (asked by rule {rule})")).unwrap_or_default()
    }

    /// Lets everything lapse whose time is up: questions, answers that nobody used, and those that stand until a time.
    pub(crate) fn lapse(&mut self) {
        let late: Vec<ApprovalId> = self
            .run
            .approvals
            .values()
            .filter(|approval| self.run.has_lapsed(approval, self.at))
            .map(|approval| approval.approval_id)
            .collect();
        for id in late {
            self.close(id, Settled::to(ApprovalState::Expired));
            if self.run.stage != Stage::Live && self.run.stage != Stage::Ended {
                let message = format!("nobody answered in time; timeout is never a yes{}", self.asked_by(id));
                self.end(Outcome::without_result(Ending::Rejected, reason::APPROVAL_EXPIRED, message));
            }
        }
    }

    /// Settles a question, or ends what an answer to it covers.
    fn close(&mut self, id: ApprovalId, settled: Settled) {
        let Settled { state, by, feedback, input, standing, superseded_by } = settled;
        let stood = self.run.approvals.get(&id).is_some_and(|it| it.standing.is_some());
        self.push(Entry::Settled {
            at: self.at,
            approval_id: id,
            state,
            by: by.clone(),
            feedback: feedback.clone(),
            standing,
            superseded_by,
        });
        self.tell(
            EventKind::APPROVAL_RESOLVED,
            json!({
                "approval_id": id,
                "resolution": state.as_str(),
                "by": by,
                "feedback": feedback,
                "input": input,
                "scope": standing.map(|it| it.scope),
                "until": standing.and_then(|it| it.until),
                "superseded_by": superseded_by,
                "standing": stood.then_some(true),
            }),
        );
    }

    /// Closes every question and what answers to them cover, because the run is over. What covers the session goes on.
    pub(crate) fn close_questions(&mut self) {
        self.withdraw_all();
        let left: Vec<(ApprovalId, bool)> = self
            .run
            .approvals
            .values()
            .filter(|approval| approval.state == ApprovalState::Approved)
            .filter(|approval| {
                approval.standing.is_none_or(|it| it.scope != Scope::Session || it.is_over(self.at))
            })
            .map(|approval| (approval.approval_id, approval.uses > 0))
            .collect();
        for (approval_id, used) in left {
            if !used {
                self.close(approval_id, Settled::to(ApprovalState::Withdrawn));
                continue;
            }
            self.push(Entry::Settled {
                at: self.at,
                approval_id,
                state: ApprovalState::Consumed,
                by: None,
                feedback: None,
                standing: None,
                superseded_by: None,
            });
        }
    }
}
