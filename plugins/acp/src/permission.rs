//! An agent's questions whether it may use a tool, and the answers to them.

use pointsman_sdk::Draft;
use pointsman_sdk::backend::{Answer, Effects, Permission};
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::tools::{self, Tools};
use crate::transcript::own_kind;
use crate::wire;

/// Questions that nobody has answered yet.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    open: Vec<Question>,
    /// How many there were.
    count: u64,
}

/// A question.
#[derive(Debug)]
struct Question {
    /// Ours, and the host's.
    id: String,
    /// The agent's.
    rpc: Value,
    item: String,
    title: String,
    options: Vec<Value>,
}

/// What an answer came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    /// What was denied, and what was said about it.
    pub(crate) denial: Option<(String, String)>,
    /// The turn is to end.
    pub(crate) ends: bool,
}

impl Questions {
    /// Says whether any is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Puts a question to the host, behind the event of the call that it is about.
    pub(crate) fn ask(
        &mut self,
        rpc: Value,
        mut params: Map<String, Value>,
        cwd: &str,
        tools: &mut Tools,
        effects: &mut Effects,
    ) {
        self.count += 1;
        let id = format!("permission-{}", self.count);
        let said = match params.remove("toolCall") {
            Some(Value::Object(said)) => said,
            _ => Map::new(),
        };
        let item = tools::id_of(&said).unwrap_or_else(|| id.clone());
        let call = tools.asked(&item, said, effects);
        let options = params.remove("options");
        let options = options.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
        params.remove("sessionId");
        let (kind, detail) = detail(&call, cwd, params);
        let title = if call.is_command() {
            call.command()
        } else {
            call.title.clone().unwrap_or_else(|| call.tool().to_owned())
        };
        effects.ask_permission(Permission {
            id: id.clone(),
            item: Some(item.clone()),
            kind: kind.to_owned(),
            title: title.lines().next().unwrap_or_default().to_owned(),
            detail: Value::Object(detail).to_string(),
            // An agent takes a yes or a no.
            editable: false,
        });
        self.open.push(Question { id, rpc, item, title, options });
    }

    /// Hands an answer to the agent.
    pub(crate) fn answer(
        &mut self,
        id: &str,
        answer: Answer,
        tools: &mut Tools,
        effects: &mut Effects,
    ) -> Answered {
        let Some(at) = self.open.iter().position(|question| question.id == id) else {
            return Answered::default();
        };
        let question = self.open.remove(at);
        match answer {
            Answer::Allow => {
                let Some(option) = question.option(&["allow_once"]) else {
                    return question.cannot_be_allowed(tools, effects);
                };
                select(&question.rpc, option, effects);
                Answered::default()
            }
            Answer::Deny(why) => question.deny(why, tools, effects),
            // Nobody can have answered so: these questions are not editable.
            Answer::AllowEdited(_) => {
                question.deny("an edited answer cannot be honoured".to_owned(), tools, effects)
            }
            Answer::Cancelled => {
                tools.denied(&question.item);
                cancelled(&question.rpc, effects);
                Answered { ends: true, ..Answered::default() }
            }
        }
    }

    /// Takes back what the agent no longer asks; says whether that was one of these.
    pub(crate) fn withdraw(&mut self, rpc: &Value, effects: &mut Effects) -> bool {
        let Some(at) = self.open.iter().position(|question| question.rpc == *rpc) else { return false };
        let question = self.open.remove(at);
        effects.withdraw_permission(question.id);
        wire::refuse(&question.rpc, wire::REQUEST_CANCELLED, "cancelled as asked", effects);
        true
    }

    /// Answers all that is open by saying that the turn ends; the host has no need to know what becomes of them.
    pub(crate) fn cancel_all(&mut self, tools: &mut Tools, effects: &mut Effects) {
        for question in self.open.drain(..) {
            tools.denied(&question.item);
            cancelled(&question.rpc, effects);
        }
    }

    /// Takes back all that is open: the turn has ended without it.
    pub(crate) fn withdraw_all(&mut self, effects: &mut Effects) {
        for question in self.open.drain(..) {
            effects.withdraw_permission(question.id);
            cancelled(&question.rpc, effects);
        }
    }
}

impl Question {
    /// Finds the first option of one of these kinds. The ids mean something to their agent alone.
    fn option(&self, kinds: &[&str]) -> Option<&Value> {
        kinds.iter().find_map(|kind| {
            let option = self.options.iter().find(|option| option["kind"] == *kind)?;
            option.get("optionId")
        })
    }

    fn deny(&self, why: String, tools: &mut Tools, effects: &mut Effects) -> Answered {
        tools.denied(&self.item);
        match self.option(&["reject_once", "reject_always"]) {
            Some(option) => select(&self.rpc, option, effects),
            None => cancelled(&self.rpc, effects),
        }
        let said = Some(why).filter(|why| !why.trim().is_empty());
        Answered { denial: said.map(|why| (self.title.clone(), why)), ends: false }
    }

    /// Denies what was allowed once, where the agent would take a yes only for ever.
    fn cannot_be_allowed(&self, tools: &mut Tools, effects: &mut Effects) -> Answered {
        let why = "it was allowed once, but this agent offers no option for once alone";
        let draft = Draft::new(own_kind("permission_unanswerable")).item(&self.item);
        effects.emit(draft.field("text", why).field("options", self.options.clone()));
        self.deny(why.to_owned(), tools, effects)
    }
}

fn select(rpc: &Value, option: &Value, effects: &mut Effects) {
    wire::answer(rpc, &json!({ "outcome": { "outcome": "selected", "optionId": option } }), effects);
}

fn cancelled(rpc: &Value, effects: &mut Effects) {
    wire::answer(rpc, &json!({ "outcome": { "outcome": "cancelled" } }), effects);
}

/// What policies read in a question, which no agent may say of itself.
const WORDS: &[&str] = &[
    "changes",
    "command",
    "cwd",
    "input",
    "path",
    "paths",
    "reason",
    "sandboxed",
    "server",
    "title",
    "tool",
    "tool_kind",
    "url",
];

/// Tells the exact thing asked for, in the words that policies read.
///
/// A question whose facts are not known is of kind `tool`: rules that allow by path must not allow what names none.
fn detail(call: &Call, cwd: &str, more: Map<String, Value>) -> (&'static str, Map<String, Value>) {
    // What an agent adds is shown, and stands for nothing: least of all for a sandbox.
    let (words, mut detail): (Map<_, _>, Map<_, _>) =
        more.into_iter().partition(|(key, _)| WORDS.contains(&key.as_str()));
    if !words.is_empty() {
        detail.insert("said_besides".to_owned(), words.into());
    }
    let mut say = |key: &str, value: Value| drop(detail.insert(key.to_owned(), value));
    let input = |keys: &[&str]| keys.iter().find_map(|key| call.input.get(*key)?.as_str()).map(str::to_owned);
    let kind = match call.kind.as_deref().unwrap_or("other") {
        "execute" => {
            say("command", call.command().into());
            say("cwd", call.cwd().unwrap_or_else(|| cwd.to_owned()).into());
            "command"
        }
        "edit" | "delete" | "move" => {
            let changes = call.changes();
            if changes.is_empty() {
                "tool"
            } else {
                say("changes", changes.into());
                "edit"
            }
        }
        "read" | "search" => {
            match (call.paths().as_slice(), input(&["path", "file_path", "filePath", "absolute_path"])) {
                ([path], None) => {
                    say("path", (*path).into());
                    "read"
                }
                (paths, Some(path)) if paths.iter().all(|named| *named == path) => {
                    say("path", path.into());
                    "read"
                }
                _ => "tool",
            }
        }
        "fetch" => match input(&["url"]) {
            Some(url) => {
                say("url", url.into());
                "fetch"
            }
            None => "tool",
        },
        _ => "tool",
    };
    if kind == "tool" {
        say("tool", call.tool().into());
        say("tool_kind", call.kind.as_deref().unwrap_or("other").into());
        let paths = call.paths();
        if !paths.is_empty() {
            say("paths", paths.into());
        }
        let changes = call.changes();
        if !changes.is_empty() {
            say("changes", changes.into());
        }
    }
    if !call.input.is_null() {
        say("input", call.input.clone());
    }
    if let Some(reason) = call.text() {
        say("reason", reason.into());
    }
    if let Some(title) = call.title.as_deref().filter(|title| !call.is_command() || *title != call.command())
    {
        say("title", title.into());
    }
    (kind, detail)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// A rule may allow what a sandbox confines, so an agent must not get there by saying so.
    #[test]
    fn no_agent_speaks_for_its_own_question() {
        let call = Call::new("c".to_owned());
        let more = json!({ "sandboxed": true, "path": "/a", "server": null, "note": "x" });
        let (kind, detail) = detail(&call, "/workspace", more.as_object().cloned().unwrap());
        assert_eq!((kind, &detail["note"]), ("tool", &json!("x")));
        assert_eq!(detail["said_besides"], json!({ "sandboxed": true, "path": "/a", "server": null }));
        assert!(!["sandboxed", "path", "server"].iter().any(|word| detail.contains_key(*word)), "{detail:?}");
    }

    fn told(said: Value) -> (&'static str, Value) {
        let mut call = Call::new("c".to_owned());
        if let Value::Object(said) = said {
            call.merge(said);
        }
        let (kind, detail) = detail(&call, "/workspace", Map::new());
        (kind, detail.into())
    }

    #[rstest]
    #[case::command(json!({ "kind": "execute", "title": "ls" }), "command", json!({ "command": "ls", "cwd": "/workspace" }))]
    #[case::by_its_name(json!({ "kind": "execute", "rawInput": { "command": "ls", "sandboxed": true } }), "command",
        json!({ "command": "ls", "cwd": "/workspace", "input": { "command": "ls", "sandboxed": true } }))]
    #[case::elsewhere(json!({ "kind": "execute", "rawInput": { "command": "ls", "cwd": "/tmp" } }), "command",
        json!({ "command": "ls", "cwd": "/tmp", "input": { "command": "ls", "cwd": "/tmp" } }))]
    #[case::edit_by_place(json!({ "kind": "delete", "title": "rm", "locations": [{ "path": "/a" }] }), "edit",
        json!({ "changes": [{ "path": "/a", "kind": "delete", "diff": "" }], "title": "rm" }))]
    #[case::edit_of_nothing_known(json!({ "kind": "edit", "title": "Edit" }), "tool",
        json!({ "tool": "Edit", "tool_kind": "edit", "title": "Edit" }))]
    #[case::read(json!({ "kind": "read", "locations": [{ "path": "/a" }] }), "read", json!({ "path": "/a" }))]
    #[case::read_of_two(json!({ "kind": "read", "locations": [{ "path": "/a" }, { "path": "/b" }] }), "tool",
        json!({ "tool": "read", "tool_kind": "read", "paths": ["/a", "/b"] }))]
    #[case::read_of_another(json!({ "kind": "read", "locations": [{ "path": "/a" }], "rawInput": { "path": "/b" } }), "tool",
        json!({ "tool": "read", "tool_kind": "read", "paths": ["/a"], "input": { "path": "/b" } }))]
    #[case::fetch(json!({ "kind": "fetch", "rawInput": { "url": "https://a.example/" } }), "fetch",
        json!({ "url": "https://a.example/", "input": { "url": "https://a.example/" } }))]
    #[case::unknown(json!({ "title": "Dance" }), "tool", json!({ "tool": "Dance", "tool_kind": "other", "title": "Dance" }))]
    fn policies_read_what_is_known(#[case] said: Value, #[case] kind: &str, #[case] detail: Value) {
        assert_eq!(told(said), (kind, detail));
    }

    #[test]
    fn an_edit_names_every_file_that_it_touches() {
        let (kind, detail) = told(json!({
            "kind": "edit",
            "content": [{ "type": "diff", "path": "/a", "oldText": null, "newText": "x\n" }],
            "locations": [{ "path": "/a" }, { "path": "/b" }],
        }));
        assert_eq!(kind, "edit");
        let paths: Vec<&str> = detail["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| change["path"].as_str().unwrap())
            .collect();
        assert_eq!(paths, ["/a", "/b"]);
    }
}
