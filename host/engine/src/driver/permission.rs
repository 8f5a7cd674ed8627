//! What a live agent wishes to do: to the policies, to a person where they say so, and back to the agent.

use pointsman_kernel::{Command, Refused};
use pointsman_model::plugin::{Input, Permission, PermissionAnswer};
use pointsman_model::{Answer, Approval, ApprovalId, ApprovalState, Digest, Ruling, Scope, Verdict};
use pointsman_store::{Durability, Store};
use serde_json::{Map, Value, json};

use super::hands::refused;
use super::live::Stage;
use super::{Driver, in_words};
use crate::journal::JournalError;
use crate::judge::{Moment, judge, told_of};
use crate::{Error, request};

/// By these names agents' tools take the path that they work on.
const PATHS: [&str; 3] = ["path", "file_path", "notebook_path"];

/// Questions of one run that may wait for a person at once. An agent has a few; whoever floods a person with questions
/// hopes that one is answered unread.
pub(super) const OPEN_QUESTIONS: usize = 64;

impl Driver {
    /// Puts an agent's wish to the policies.
    pub(super) async fn permit(
        &mut self,
        stage: &mut Stage,
        permission: Permission,
    ) -> Result<(), JournalError> {
        if self.journal.run().cancel_requested().is_some() {
            // It asks while it is being stopped.
            stage.own.push_back(Input::Permission(permission.id, PermissionAnswer::Cancelled));
            return Ok(());
        }
        if let Some(reason) = self.unaskable(&permission) {
            stage.own.push_back(refused("ask-permission", None, "", reason));
            return Ok(());
        }
        let spec = self.journal.run().spec().clone();
        let detail = json!({"kind": permission.kind, "title": permission.title, "detail": permission.detail});
        let question = self.question("permission", &spec, detail.clone()).await;
        let ruling =
            judge(&self.parts, Some(self.journal.run().record().run_id), &question, Moment::Live).await;
        let id = permission.id.clone();
        let answer = match ruling.verdict {
            Verdict::Allow => PermissionAnswer::Allow,
            Verdict::Deny => {
                let why = told_of(&ruling);
                self.write(Command::DenyPermission { permission, ruling }, Durability::Flushed).await?;
                PermissionAnswer::Deny(why)
            }
            Verdict::Ask | Verdict::Abstain => {
                let digest = request::digest("permission", &spec, &detail);
                if let Some(standing) = self.standing(&ruling, digest).await? {
                    let using = Command::UseStanding {
                        permission: Some(permission.clone()),
                        ruling: ruling.clone(),
                        digest,
                        standing: Box::new(standing),
                    };
                    match self.write(using, Durability::Flushed).await {
                        Ok(()) => {
                            stage.own.push_back(Input::Permission(id, PermissionAnswer::Allow));
                            return Ok(());
                        }
                        // It ended between the look and the use.
                        Err(JournalError::Refused(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                let asked = self.asked("permission", &spec, question, detail, ruling.ttl_seconds);
                let ask = Command::AskPermission { permission, ruling, question: asked };
                return self.write(ask, Durability::Flushed).await;
            }
        };
        stage.own.push_back(Input::Permission(id, answer));
        Ok(())
    }

    /// Says why a question cannot be put: a person must be able to read them all. One that takes another's place adds
    /// none.
    fn unaskable(&self, permission: &Permission) -> Option<String> {
        let run = self.journal.run();
        let pending = |approval: &&Approval| approval.state == ApprovalState::Pending;
        let open = || run.approvals().filter(pending);
        let anew = open().any(|approval| run.permission_of(approval.approval_id) == Some(&permission.id));
        (open().count() >= OPEN_QUESTIONS && !anew)
            .then(|| format!("{OPEN_QUESTIONS} questions of this run wait for a person already"))
    }

    /// Finds an approval that covers a request: one of this run, or one of an earlier run of its session.
    pub(super) async fn standing(
        &self,
        ruling: &Ruling,
        digest: Digest,
    ) -> Result<Option<Approval>, JournalError> {
        let (run, at) = (self.journal.run(), self.parts.now());
        let widest = ruling.scope.unwrap_or(Scope::Session);
        if let Some(approval) = run.standing(digest, widest, at) {
            return Ok(Some(approval.clone()));
        }
        if widest != Scope::Session {
            return Ok(None);
        }
        let session = run.record().session_id;
        let looked = move |store: &Store| store.standing_approval(session, digest, at);
        Ok(self.parts.store.read(looked).await?)
    }

    /// Takes a person's answer and hands it to the agent.
    pub(super) async fn settle_live(
        &mut self,
        stage: &mut Stage,
        approval_id: ApprovalId,
        digest: Digest,
        answer: Answer,
        by: String,
    ) -> Result<Result<(), Error>, JournalError> {
        if let Answer::AllowEdited { input } = &answer
            && let Some(denied) = self.judge_edited(approval_id, input).await
        {
            return Ok(Err(denied));
        }
        let latest = self.latest();
        let settle = Command::Settle { approval_id, digest, answer: answer.clone(), by, latest };
        match self.write(settle, Durability::Flushed).await {
            Ok(()) => {}
            Err(JournalError::Refused(refused)) => return Ok(Err(in_words(&refused))),
            Err(JournalError::Audit(error)) => return Ok(Err(Error::Store(error.to_string()))),
            Err(error) => return Err(error),
        }
        let told = match answer {
            Answer::Deny { .. } => answer.into(),
            // Used before it is told: whoever dies in between has told nothing, and nobody can tell it again.
            allowed => match self.write(Command::Claim { approval_id }, Durability::Flushed).await {
                Ok(()) => allowed.into(),
                Err(JournalError::Refused(Refused::Ending(_))) => PermissionAnswer::Cancelled,
                Err(JournalError::Refused(refused)) => PermissionAnswer::Deny(refused.to_string()),
                Err(error) => return Err(error),
            },
        };
        // One that was asked anew has another digest.
        let covers = |it: &&Approval| it.superseded_by == Some(approval_id) && it.digest == digest;
        let alike = self.journal.run().approvals().filter(covers).map(|approval| approval.approval_id);
        let answered: Vec<ApprovalId> = alike.chain([approval_id]).collect();
        for question in answered {
            match self.journal.run().permission_of(question) {
                Some(id) => stage.own.push_back(Input::Permission(id.to_owned(), told.clone())),
                None => self.answered(stage, question, &told).await?,
            }
        }
        Ok(Ok(()))
    }

    /// Holds what a person put in place against the policies: a person may allow what policies ask about, not what
    /// they deny.
    async fn judge_edited(&self, approval_id: ApprovalId, input: &Value) -> Option<Error> {
        let run = self.journal.run();
        let approval = run.approvals().find(|approval| approval.approval_id == approval_id)?;
        if !approval.editable {
            return Some(in_words(&Refused::NotEditable(approval_id)));
        }
        let detail = edited(approval, input);
        let spec = run.spec().clone();
        let question = self.question("permission", &spec, detail).await;
        let ruling =
            judge(&self.parts, Some(self.journal.run().record().run_id), &question, Moment::Live).await;
        (ruling.verdict == Verdict::Deny)
            .then(|| Error::Invalid(format!("policy denies what was put in place: {}", told_of(&ruling))))
    }

    /// Lets questions lapse whose time is up: the agent hears that nobody answered, which is never a yes.
    pub(super) async fn lapse_live(&mut self, stage: &mut Stage) -> Result<(), JournalError> {
        let open = |driver: &Self| -> Vec<ApprovalId> {
            let pending = |approval: &&Approval| approval.state == ApprovalState::Pending;
            driver.journal.run().approvals().filter(pending).map(|approval| approval.approval_id).collect()
        };
        let before = open(self);
        self.write(Command::Lapse, Durability::Flushed).await?;
        let after = open(self);
        for id in before.into_iter().filter(|id| !after.contains(id)) {
            if let Some(permission) = self.journal.run().permission_of(id) {
                let answer = PermissionAnswer::Deny("nobody answered in time".to_owned());
                stage.own.push_back(Input::Permission(permission.to_owned(), answer));
            } else {
                self.not_allowed(stage, id, "nobody answered in time".to_owned()).await?;
            }
        }
        Ok(())
    }
}

/// Gives the request as it would be with another input.
///
/// Policies read the fields that adapters agree on, and these repeat what stands in the input under the same name; so
/// a name that both have is taken from the new input.
fn edited(approval: &Approval, input: &Value) -> Value {
    let mut request = approval.detail.clone();
    if let Some(Value::Object(detail)) = request.get_mut("detail") {
        overlay(detail, input);
        detail.insert("input".to_owned(), input.clone());
        detail.insert("edited".to_owned(), Value::Bool(true));
    }
    request
}

fn overlay(detail: &mut Map<String, Value>, input: &Value) {
    for (name, value) in input.as_object().into_iter().flatten() {
        if let Some(known) = detail.get_mut(name) {
            known.clone_from(value);
        }
    }
    // Paths that the adapter named by its agent's input. What the new input does not name is not known any more, and
    // rules that read it cannot be judged: they deny and ask all the same, and allow nothing.
    let path = PATHS.iter().find_map(|name| input.get(name)).cloned();
    for change in detail.get_mut("changes").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(change) = change.as_object_mut() else { continue };
        change.retain(|name, _| name == "kind");
        if let Some(path) = &path {
            change.insert("path".to_owned(), path.clone());
        }
    }
    if detail.contains_key("path") {
        match path {
            Some(path) => detail.insert("path".to_owned(), path),
            None => detail.remove("path"),
        };
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(json!({"command": "ls", "cwd": "/a"}), json!({"command": "rm x"}), json!({"command": "rm x", "cwd": "/a"}))]
    #[case(
        json!({"changes": [{"path": "/a/b", "kind": "update", "diff": "+x"}]}),
        json!({"file_path": "/etc/hosts", "content": "x"}),
        json!({"changes": [{"path": "/etc/hosts", "kind": "update"}]}),
    )]
    #[case(
        json!({"changes": [{"path": "/a/b", "kind": "add"}]}),
        json!({"where": "/etc/hosts"}),
        json!({"changes": [{"kind": "add"}]}),
    )]
    #[case(json!({"path": "/a"}), json!({"file_path": "/b"}), json!({"path": "/b"}))]
    #[case(json!({"path": "/a"}), json!({"where": "/b"}), json!({}))]
    fn what_was_put_in_place_is_what_policies_see(
        #[case] detail: Value,
        #[case] input: Value,
        #[case] seen: Value,
    ) {
        let Value::Object(mut detail) = detail else { panic!("a detail is an object") };
        overlay(&mut detail, &input);
        assert_eq!(Value::Object(detail), seen);
    }
}
