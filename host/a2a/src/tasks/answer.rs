//! Answers to permissions, where the operator lets a token's holder speak for a person.

use pointsman_model::{Answer, Approval, ApprovalId, Digest, RunRecord, Scope, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::{Tasks, Viewer};
use crate::calls::Calls;
use crate::view::{Content, Message};
use crate::wire::Fault;

/// A data part that answers a question.
#[derive(Debug, Deserialize)]
struct Reply {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    approval_id: ApprovalId,
    digest: Digest,
    answer: Word,
    #[serde(default)]
    feedback: Option<String>,
    #[serde(default)]
    input: Option<Value>,
    #[serde(default)]
    scope: Option<Scope>,
    #[serde(default)]
    until: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Allow,
    AllowEdited,
    Deny,
}

impl<C: Calls> Tasks<C> {
    /// Answers what a message answers: everything in it, or, where anything in it is wrong, nothing.
    pub(super) async fn answer(
        &self,
        viewer: &Viewer,
        record: &RunRecord,
        open: &[Approval],
        message: &Message,
    ) -> Result<(), Fault> {
        if !viewer.answers {
            return Err(Fault::Unsupported {
                message: format!(
                    "task {} waits for a person of this agent's host, and goes on by itself afterwards",
                    record.run_id
                ),
            });
        }
        let mut answers: Vec<(ApprovalId, Digest, Answer)> = Vec::new();
        for part in &message.parts {
            let Content::Data(value) = &part.content else { continue };
            let (id, digest, answer) = read(value)?;
            let Some(asked) = open.iter().find(|approval| approval.approval_id == id) else {
                return Err(wrong(format!("no question {id} of this task is open")));
            };
            if asked.digest != digest {
                return Err(wrong(format!("digest: question {id} is about something else; read it again")));
            }
            if matches!(answer, Answer::AllowEdited { .. }) && !asked.editable {
                return Err(wrong(format!("question {id} takes no other input: answer allow or deny")));
            }
            if answers.iter().any(|(other, ..)| *other == id) {
                return Err(wrong(format!("question {id} is answered twice")));
            }
            if let Answer::Allow { scope, .. } = answer
                && scope > asked.scope
            {
                let widest = asked.scope.as_str();
                return Err(wrong(format!("question {id} can be allowed for {widest} at the widest")));
            }
            answers.push((id, digest, answer));
        }
        if answers.is_empty() {
            return Err(wrong(
                "the task waits for a permission: answer with a data part that has approval_id, digest and answer"
                    .to_owned(),
            ));
        }
        for (id, digest, answer) in answers {
            self.host.answer_approval(id, digest, answer, &viewer.principal()).await?;
        }
        Ok(())
    }
}

fn read(value: &Value) -> Result<(ApprovalId, Digest, Answer), Fault> {
    let reply =
        Reply::deserialize(value).map_err(|error| wrong(format!("no answer to a permission: {error}")))?;
    if reply.kind.is_some_and(|kind| kind != "permission_answer") {
        return Err(wrong("no answer to a permission: its type must be permission_answer".to_owned()));
    }
    if (reply.scope.is_some() || reply.until.is_some()) && !matches!(reply.answer, Word::Allow) {
        return Err(wrong("scope and until go with allow alone".to_owned()));
    }
    match (reply.scope.unwrap_or_default(), reply.until) {
        (Scope::Session, None) => return Err(wrong("the scope session needs until, a time".to_owned())),
        (Scope::Once, Some(_)) => {
            return Err(wrong("until goes with the scopes run and session".to_owned()));
        }
        _ => {}
    }
    let answer = match (reply.answer, reply.input) {
        (Word::Allow, None) => Answer::Allow { scope: reply.scope.unwrap_or_default(), until: reply.until },
        (Word::AllowEdited, Some(input)) => Answer::AllowEdited { input },
        (Word::Deny, None) => Answer::Deny { feedback: reply.feedback },
        (Word::AllowEdited, None) => return Err(wrong("allow_edited needs input".to_owned())),
        (_, Some(_)) => return Err(wrong("input goes with allow_edited alone".to_owned())),
    };
    Ok((reply.approval_id, reply.digest, answer))
}

fn wrong(message: String) -> Fault {
    Fault::invalid("message.parts", message)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn reply(more: Value) -> Value {
        let mut reply = json!({
            "approval_id": ApprovalId::from_random([7; 16]), "digest": Digest::of(b"request"), "answer": "allow",
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            reply[key] = value.clone();
        }
        reply
    }

    const UNTIL: &str = "2026-11-21T12:00:00.000Z";

    #[rstest]
    #[case(json!({}), json!({"answer": "allow"}))]
    #[case(json!({"type": "permission_answer", "scope": "once"}), json!({"answer": "allow"}))]
    #[case(json!({"scope": "run"}), json!({"answer": "allow", "scope": "run"}))]
    #[case(json!({"scope": "run", "until": UNTIL}), json!({"answer": "allow", "scope": "run", "until": UNTIL}))]
    #[case(json!({"scope": "session", "until": UNTIL}), json!({"answer": "allow", "scope": "session", "until": UNTIL}))]
    #[case(json!({"answer": "deny", "feedback": "no"}), json!({"answer": "deny", "feedback": "no"}))]
    #[case(json!({"answer": "allow_edited", "input": {"a": 1}}), json!({"answer": "allow_edited", "input": {"a": 1}}))]
    fn an_answer_is_read(#[case] more: Value, #[case] expected: Value) {
        let (id, digest, answer) = read(&reply(more)).expect("it is well made");
        assert_eq!((id, digest), (ApprovalId::from_random([7; 16]), Digest::of(b"request")));
        assert_eq!(json!(answer), expected);
    }

    #[rstest]
    #[case(json!({"scope": "session"}), "needs until")]
    #[case(json!({"until": UNTIL}), "until goes with the scopes")]
    #[case(json!({"scope": "once", "until": UNTIL}), "until goes with the scopes")]
    #[case(json!({"scope": "for ever"}), "unknown variant")]
    #[case(json!({"scope": "run", "until": "tomorrow"}), "no answer to a permission")]
    #[case(json!({"scope": "run", "until": 3600}), "no answer to a permission")]
    #[case(json!({"answer": "deny", "scope": "run"}), "go with allow alone")]
    #[case(json!({"answer": "allow_edited", "input": {}, "until": UNTIL}), "go with allow alone")]
    #[case(json!({"answer": "allow_edited"}), "needs input")]
    #[case(json!({"input": {}}), "input goes with allow_edited alone")]
    #[case(json!({"answer": "Allow"}), "unknown variant")]
    #[case(json!({"type": "permission"}), "type must be")]
    #[case(json!({"digest": "sha256:0"}), "no answer to a permission")]
    fn what_is_no_answer_is_told_why(#[case] more: Value, #[case] why: &str) {
        let fault = read(&reply(more)).expect_err("it is none");
        assert!(fault.to_string().contains(why), "{fault}");
    }
}
