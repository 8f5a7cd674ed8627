//! What codex asks before it acts, as permissions, and the answers in its words.

use pointsman_sdk::backend::{Answer, Permission};
use serde_json::{Map, Value, json};

use super::confined::Sandbox;
use super::wire::text;
use crate::open::OpenItems;

/// A request of codex's that waits for an answer.
#[derive(Debug)]
pub(super) struct Asked {
    /// The request's id.
    pub(super) request: Value,
    /// The conversation that it belongs to.
    pub(super) thread: Option<String>,
    /// What a person was shown of it.
    pub(super) title: String,
    /// The item that was made for it, because codex has none.
    pub(super) made: Option<String>,
    /// The words that it is answered in.
    reply: Reply,
}

/// The words that a request is answered in.
#[derive(Debug)]
enum Reply {
    /// A decision about a command or an edit.
    Decision,
    /// What becomes of a form.
    Action,
    /// The permissions that were asked for, or none.
    Grant(Value),
}

impl Asked {
    /// Gives codex's words for an answer.
    pub(super) fn answer(&self, answer: &Answer) -> Value {
        let allowed = matches!(answer, Answer::Allow);
        match &self.reply {
            Reply::Decision => {
                let decision = match answer {
                    Answer::Allow => "accept",
                    // What was allowed is not what codex would do.
                    Answer::AllowEdited(_) | Answer::Deny(_) => "decline",
                    Answer::Cancelled => "cancel",
                };
                json!({ "decision": decision })
            }
            Reply::Action => {
                let (action, content) = match answer {
                    Answer::Allow => ("accept", json!({})),
                    Answer::AllowEdited(_) | Answer::Deny(_) => ("decline", Value::Null),
                    Answer::Cancelled => ("cancel", Value::Null),
                };
                json!({ "action": action, "content": content, "_meta": null })
            }
            Reply::Grant(permissions) => {
                let permissions = if allowed { permissions.clone() } else { json!({}) };
                json!({ "permissions": permissions, "scope": "turn" })
            }
        }
    }
}

/// A request on its way to being asked.
pub(super) struct Request<'a> {
    pub(super) id: Value,
    pub(super) params: &'a Map<String, Value>,
    pub(super) open: &'a OpenItems,
    pub(super) sandbox: &'a Sandbox,
    pub(super) cwd: &'a str,
}

impl Request<'_> {
    /// Reads a question about a command.
    pub(super) fn command(self) -> (Permission, Asked) {
        let item = self.item();
        let known = item.as_deref().and_then(|item| self.open.get(item));
        let of_item = |name: &str| known.and_then(|item| text(item, name));
        let command = text(self.params, "command").or_else(|| of_item("command")).unwrap_or_default();
        let mut detail = Map::new();
        detail.insert("command".to_owned(), command.into());
        let cwd = text(self.params, "cwd").or_else(|| of_item("cwd")).unwrap_or(self.cwd);
        detail.insert("cwd".to_owned(), cwd.into());
        detail.insert("sandboxed".to_owned(), self.sandbox.confines(self.params).into());
        self.copy(
            &mut detail,
            &[
                ("reason", "reason"),
                ("commandActions", "command_actions"),
                ("additionalPermissions", "additional_permissions"),
                ("networkApprovalContext", "network"),
            ],
        );
        if let Some(asked) = text(self.params, "kind").filter(|asked| *asked != "command") {
            detail.insert("asked".to_owned(), asked.into());
        }
        let (kind, title) = match self.params.get("networkApprovalContext").and_then(Value::as_object) {
            Some(network) => {
                let part = |name: &str| text(network, name).unwrap_or_default();
                let url = format!("{}://{}", part("protocol"), part("host"));
                detail.insert("url".to_owned(), url.as_str().into());
                ("fetch", url)
            }
            None => ("command", self.plain_command().unwrap_or_else(|| command.to_owned())),
        };
        self.ask(kind, &title, detail, item, Reply::Decision, None)
    }

    /// Reads a question about an edit. Its changes stand in the item alone.
    pub(super) fn edit(self) -> (Permission, Asked) {
        let item = self.item();
        let known = item.as_deref().and_then(|item| self.open.get(item));
        let changes = known.and_then(|item| item.get("arguments")).and_then(|input| input.get("changes"));
        let paths: Vec<&str> = changes
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|change| change.get("path").and_then(Value::as_str))
            .collect();
        let title = match paths.as_slice() {
            [] => "edit files".to_owned(),
            [one] => format!("edit {one}"),
            [first, rest @ ..] => format!("edit {first} and {} more", rest.len()),
        };
        let mut detail = Map::new();
        // Once it is allowed, nothing keeps an edit inside the run's access but whoever looks at its paths.
        detail.insert("sandboxed".to_owned(), false.into());
        detail.insert("changes".to_owned(), changes.cloned().unwrap_or_else(|| json!([])));
        self.copy(&mut detail, &[("reason", "reason"), ("grantRoot", "grant_root")]);
        self.ask("edit", &title, detail, item, Reply::Decision, None)
    }

    /// Reads a question for wider permissions.
    pub(super) fn permissions(self) -> (Permission, Asked) {
        let wanted = self.params.get("permissions").cloned().unwrap_or_else(|| json!({}));
        let mut what = Vec::new();
        if wanted.pointer("/network/enabled").is_some_and(|enabled| *enabled == true) {
            what.push("network".to_owned());
        }
        for mode in ["read", "write"] {
            let paths = wanted.pointer(&format!("/fileSystem/{mode}")).and_then(Value::as_array);
            what.extend(
                paths.into_iter().flatten().filter_map(Value::as_str).map(|path| format!("{mode} {path}")),
            );
        }
        let title = if what.is_empty() { "wider permissions".to_owned() } else { what.join(", ") };
        let mut detail = Map::new();
        detail.insert("sandboxed".to_owned(), false.into());
        detail.insert("permissions".to_owned(), wanted.clone());
        self.copy(&mut detail, &[("reason", "reason"), ("cwd", "cwd")]);
        let item = self.item();
        let made = item.clone();
        self.ask("other", &format!("wider permissions: {title}"), detail, item, Reply::Grant(wanted), made)
    }

    /// Reads a question about a tool of an MCP server, which codex puts as a form.
    pub(super) fn tool(self) -> (Permission, Asked) {
        let none = Map::new();
        let meta = self.params.get("_meta").and_then(Value::as_object).unwrap_or(&none);
        let server = text(self.params, "serverName").unwrap_or_default();
        let tool = text(meta, "tool_name").unwrap_or_default();
        let input = meta.get("tool_params").cloned().unwrap_or_else(|| json!({}));
        let same = |name: &str, data: &Map<String, Value>, value: &str| text(data, name) == Some(value);
        let of_tool = |data: &Map<String, Value>| same("server", data, server) && same("tool", data, tool);
        let item = self
            .open
            .find(|_, data| of_tool(data) && data.get("arguments") == Some(&input))
            .or_else(|| self.open.find(|_, data| of_tool(data)));
        let mut detail = Map::new();
        detail.insert("server".to_owned(), server.into());
        detail.insert("tool".to_owned(), tool.into());
        detail.insert("input".to_owned(), input);
        detail.insert("sandboxed".to_owned(), false.into());
        self.copy(&mut detail, &[("message", "reason")]);
        let about = meta.get("tool_description").filter(|about| about.is_string());
        detail.extend(about.map(|about| ("description".to_owned(), about.clone())));
        let title = if tool.is_empty() {
            text(self.params, "message").unwrap_or("use a tool").to_owned()
        } else {
            format!("{server}: {tool}")
        };
        let kind = if tool.is_empty() { "other" } else { "tool" };
        self.ask(kind, &title, detail, item, Reply::Action, None)
    }

    fn item(&self) -> Option<String> {
        text(self.params, "itemId").map(str::to_owned)
    }

    /// Gives a command without the shell around it, as far as codex could tell them apart.
    fn plain_command(&self) -> Option<String> {
        let actions = self.params.get("commandActions").and_then(Value::as_array)?;
        let commands: Option<Vec<&str>> =
            actions.iter().map(|action| action.get("command").and_then(Value::as_str)).collect();
        commands.filter(|commands| !commands.is_empty()).map(|commands| commands.join("; "))
    }

    /// Adds what codex says besides, under names of ours.
    fn copy(&self, detail: &mut Map<String, Value>, names: &[(&str, &str)]) {
        for (from, to) in names {
            if let Some(value) = self.params.get(*from).filter(|value| !value.is_null()) {
                detail.insert((*to).to_owned(), value.clone());
            }
        }
    }

    fn ask(
        self,
        kind: &str,
        title: &str,
        detail: Map<String, Value>,
        item: Option<String>,
        reply: Reply,
        made: Option<String>,
    ) -> (Permission, Asked) {
        let turn = text(self.params, "turnId").unwrap_or("codex");
        let number = match &self.id {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        };
        let title = one_line(title);
        let permission = Permission {
            id: format!("{turn}/{number}"),
            item,
            kind: kind.to_owned(),
            title: title.clone(),
            detail: Value::Object(detail).to_string(),
            // Codex takes a yes or a no.
            editable: false,
        };
        let thread = text(self.params, "threadId").map(str::to_owned);
        (permission, Asked { request: self.id, thread, title, made, reply })
    }
}

/// Cuts a text to a line that a person reads at a glance.
fn one_line(text: &str) -> String {
    const LENGTH: usize = 200;
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LENGTH + 1).collect();
    if line.chars().count() > LENGTH {
        line.pop();
        line.push('…');
    }
    line
}
