//! The tool call that a question or a denial is about, and the denials of policies.

use pointsman_model::plugin::Permission;
use pointsman_model::{ApprovalState, EventKind, Ruling};
use serde_json::{Value, json};

use crate::steps::Steps;

impl Steps {
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
}

/// Gives the item that a permission is about: one that names none is an item of its own.
pub(crate) fn item_of(permission: &Permission) -> String {
    permission.item.clone().unwrap_or_else(|| permission.id.clone())
}
