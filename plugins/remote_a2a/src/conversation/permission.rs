//! Permissions that the agent's host hands on to this one's person: the extension `urn:pointsman:a2a:permission:v1`.
//!
//! The far end asks with data parts of a status message. Each becomes a question of this run's, bound to the exact
//! request; what its person says goes back as a data part. Nothing is answered here.

use pointsman_sdk::backend::{Answer, Effects, Permission};
use pointsman_sdk::types::Part;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value, json};

use super::Conversation;
use crate::reply::data_of;
use crate::state::State;

/// Questions that are taken at once; the far end goes on waiting for the rest.
const MOST: usize = 64;

/// What the agent's host asks, and what was said to it so far.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    id: String,
    digest: String,
    tool: String,
    answer: Option<Value>,
}

impl Permissions {
    /// Says whether any is asked.
    pub(super) fn any(&self) -> bool {
        !self.open.is_empty()
    }
}

impl Conversation {
    /// Puts what the agent's host asks to this one's person, as far as that was not done, and takes back what it asks no
    /// more. Says whether it asks anything that may be answered here.
    pub(super) fn ask_permissions(&mut self, effects: &mut Effects) -> bool {
        if self.book.state != Some(State::InputRequired) {
            self.withdraw_permissions(effects);
            return false;
        }
        let parts = self.book.last_word.as_ref().map(|said| said.parts.as_slice()).unwrap_or_default();
        let asked: Vec<Map<String, Value>> =
            parts.iter().filter_map(data_of).filter_map(request).take(MOST).cloned().collect();
        let is_asked = |open: &Open| {
            asked.iter().any(|request| {
                let said = |key: &str| request.get(key).and_then(Value::as_str);
                said("approval_id") == Some(&open.id) && said("digest") == Some(&open.digest)
            })
        };
        let (still, settled) = std::mem::take(&mut self.permissions.open).into_iter().partition(is_asked);
        self.permissions.open = still;
        withdraw(settled, effects);
        if asked.is_empty() {
            return false;
        }
        let agent = self.base.url();
        for mut request in asked {
            let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (id, tool) = (text("approval_id"), text("kind"));
            if self.permissions.open.iter().any(|open| open.id == id) {
                continue;
            }
            let editable = request.get("editable") == Some(&Value::Bool(true));
            let far = request.get("detail").cloned().unwrap_or_default();
            // What may be edited is the tool's input; else all of the request is shown in its place.
            let input = far.get("input").filter(|_| editable).cloned().unwrap_or_else(|| far.clone());
            effects.emit(
                Draft::new(kind::TOOL_STARTED)
                    .item(id.as_str())
                    .field("tool", tool.as_str())
                    .field("server", agent.as_str())
                    .field("input", input.clone()),
            );
            let (title, reason, digest) = (text("title"), text("reason"), text("digest"));
            // What names this one occurrence alone: the same request has others when it comes again.
            let ids: Map<String, Value> = ["approval_id", "expires_at"]
                .into_iter()
                .filter_map(|name| request.remove_entry(name))
                .collect();
            // A tool of another host's: rules about this machine's paths and commands do not fit it.
            let detail = json!({
                "tool": tool, "server": agent, "input": input, "reason": reason, "remote": request, "ids": ids,
            });
            effects.ask_permission(Permission {
                id: id.clone(),
                item: Some(id.clone()),
                kind: "tool".to_owned(),
                title,
                detail: detail.to_string(),
                editable,
            });
            self.permissions.open.push(Open { id, digest, tool, answer: None });
        }
        // What was left open is settled by now: the rest was answered here.
        if !self.send_answers(effects) {
            self.listen(effects);
        }
        true
    }

    /// Takes what this host's person says. Once all is answered, the agent's host is told.
    pub(crate) fn permission(&mut self, id: &str, answer: Answer, effects: &mut Effects) {
        let Some(open) = self.permissions.open.iter_mut().find(|open| open.id == id) else { return };
        let mut reply = json!({"type": "permission_answer", "approval_id": open.id, "digest": open.digest});
        let status = match answer {
            Answer::Allow => {
                reply["answer"] = json!("allow");
                "allowed"
            }
            Answer::AllowEdited(input) => {
                reply["answer"] = json!("allow_edited");
                reply["input"] = serde_json::from_str(&input).unwrap_or_default();
                "allowed"
            }
            Answer::Deny(feedback) => {
                reply["answer"] = json!("deny");
                reply["feedback"] = json!(feedback);
                "denied"
            }
            // The run ends; cancelling the task says no to all that is open.
            Answer::Cancelled => return,
        };
        effects.emit(
            Draft::new(kind::TOOL_FINISHED)
                .item(id)
                .field("tool", open.tool.as_str())
                .field("status", status),
        );
        open.answer = Some(reply);
        self.send_answers(effects);
    }

    /// Tells the agent's host once all is answered. Says whether it was.
    fn send_answers(&mut self, effects: &mut Effects) -> bool {
        if self.permissions.open.iter().any(|open| open.answer.is_none()) {
            return false;
        }
        let answers = std::mem::take(&mut self.permissions.open).into_iter().filter_map(|open| open.answer);
        let parts = answers.map(|answer| Part::Data(answer.to_string())).collect();
        self.reply(parts, None, effects);
        true
    }

    /// Takes back what nobody needs to answer any more.
    pub(super) fn withdraw_permissions(&mut self, effects: &mut Effects) {
        withdraw(std::mem::take(&mut self.permissions.open), effects);
    }
}

fn withdraw(settled: Vec<Open>, effects: &mut Effects) {
    // What was answered here has its end.
    for open in settled.into_iter().filter(|open| open.answer.is_none()) {
        effects.withdraw_permission(open.id.as_str());
        effects.emit(
            Draft::new(kind::TOOL_FINISHED)
                .item(open.id)
                .field("tool", open.tool)
                .field("status", "withdrawn"),
        );
    }
}

/// Gives a data part that is a question which may be answered here.
fn request(data: &Value) -> Option<&Map<String, Value>> {
    let data = data.as_object()?;
    let said = |key: &str| data.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let is_one = data.get("type").and_then(Value::as_str) == Some("permission_request");
    let answerable = data.get("answerable") != Some(&Value::Bool(false));
    (is_one && answerable && said("approval_id") && said("digest")).then_some(data)
}
