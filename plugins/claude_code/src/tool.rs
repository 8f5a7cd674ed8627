//! Tool calls: what each is in the words that all backends share.

use pointsman_sdk::backend::Permission;
use serde_json::{Map, Value, json};

/// A tool call as the agent made it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// Claude Code's id of it, and the item of its events.
    pub(crate) id: String,
    /// The tool's name: `Bash`, `mcp__server__tool`, …
    pub(crate) name: String,
    pub(crate) input: Map<String, Value>,
    /// The call by which a helper was started that makes this one.
    pub(crate) parent: Option<String>,
}

/// What a tool does, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Runs a command.
    Command,
    /// Writes a file.
    Edit,
    /// Reads files or folders.
    Read,
    /// Reads a web page.
    Fetch,
    /// Asks the user something.
    Question,
    /// Touches no file: keeps the conversation's books, searches the web, or starts helpers, whose calls are told
    /// and asked about like any other.
    Quiet,
    /// Anything else.
    Other,
}

impl Call {
    /// Says what the tool does.
    pub(crate) fn family(&self) -> Family {
        match self.name.as_str() {
            "Bash" | "PowerShell" => Family::Command,
            "Edit" | "MultiEdit" | "NotebookEdit" | "Write" => Family::Edit,
            "Read" | "NotebookRead" | "Glob" | "Grep" | "LS" => Family::Read,
            "WebFetch" => Family::Fetch,
            "AskUserQuestion" | "ExitPlanMode" => Family::Question,
            "Agent" | "BashOutput" | "EnterPlanMode" | "ReportFindings" | "StructuredOutput" | "Task"
            | "TaskCreate" | "TaskGet" | "TaskList" | "TaskOutput" | "TaskUpdate" | "TodoRead"
            | "TodoWrite" | "ToolSearch" | "WebSearch" => Family::Quiet,
            _ => Family::Other,
        }
    }

    /// Gives the MCP server and the tool's own name; a tool of Claude Code's has no server.
    pub(crate) fn server_and_tool(&self) -> (Option<&str>, &str) {
        let parts = self.name.strip_prefix("mcp__").and_then(|rest| rest.split_once("__"));
        parts.map_or((None, self.name.as_str()), |(server, tool)| (Some(server), tool))
    }

    /// Gives a text of the input.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.input.get(key).and_then(Value::as_str)
    }

    /// Gives the path that an edit is about.
    pub(crate) fn path(&self) -> Option<&str> {
        self.text("file_path").or_else(|| self.text("notebook_path")).or_else(|| self.text("path"))
    }

    /// Makes the question whether the call may be made.
    pub(crate) fn question(&self, id: String, asked: &Asked<'_>) -> Permission {
        let mut detail = Map::new();
        let family = match self.family() {
            // A tool that this adapter does not know, or that does more, and runs a command in a shell all the same.
            Family::Other if self.server_and_tool().0.is_none() && self.text("command").is_some() => {
                Family::Command
            }
            family => family,
        };
        let (kind, title) = match family {
            Family::Command => {
                let command = self.text("command").unwrap_or_default();
                // Rules read a line as a POSIX shell does, and another shell's line is another line.
                let line = match self.name.as_str() {
                    "PowerShell" => format!("powershell -Command '{}'", command.replace('\'', r"'\''")),
                    _ => command.to_owned(),
                };
                detail.insert("command".to_owned(), line.into());
                detail.insert("cwd".to_owned(), asked.cwd.into());
                ("command", format!("Run {}", first_line(command)))
            }
            Family::Edit => {
                let path = self.path().unwrap_or_default();
                let mut change = self.change(asked.known);
                change["path"] = located(asked.cwd, path).into();
                detail.insert("changes".to_owned(), json!([change]));
                (
                    "edit",
                    format!("{} {}", if self.name == "Write" { "Write" } else { "Edit" }, first_line(path)),
                )
            }
            Family::Read => {
                let path = self.path().unwrap_or(asked.cwd);
                let what = self.text("pattern");
                // A pattern may lead elsewhere by itself.
                let leads = |pattern: &&str| pattern.starts_with(['/', '~']) || pattern.contains("..");
                let read = what.filter(leads).filter(|_| self.name == "Glob").unwrap_or(path);
                detail.insert("path".to_owned(), located(asked.cwd, read).into());
                (
                    "read",
                    match what {
                        Some(pattern) => {
                            format!("{} {} in {}", self.name, first_line(pattern), first_line(path))
                        }
                        None => format!("{} {}", self.name, first_line(path)),
                    },
                )
            }
            Family::Fetch => {
                let url = self.text("url").unwrap_or_default();
                detail.insert("url".to_owned(), url.into());
                ("fetch", format!("Fetch {}", first_line(url)))
            }
            Family::Question | Family::Quiet | Family::Other => {
                let (server, tool) = self.server_and_tool();
                detail.insert("tool".to_owned(), tool.into());
                if let Some(server) = server {
                    detail.insert("server".to_owned(), server.into());
                }
                (
                    "tool",
                    match server {
                        Some(server) => format!("Use {tool} of {server}"),
                        None => format!("Use {tool}"),
                    },
                )
            }
        };
        // Commands run with the user's rights: Claude Code has no sandbox of its own unless its settings give it one.
        detail.insert("sandboxed".to_owned(), false.into());
        detail.insert("input".to_owned(), Value::Object(self.input.clone()));
        let reason = asked.reason.or_else(|| self.text("description"));
        if let Some(reason) = reason {
            detail.insert("reason".to_owned(), reason.into());
        }
        let mut ids = Map::new();
        if let Some(parent) = &self.parent {
            ids.insert("parent_tool_use_id".to_owned(), parent.as_str().into());
        }
        for (key, value) in asked.more {
            // Names this one helper: another one that does the same asks for the same.
            if key == "agent_id" {
                ids.insert(key.clone(), value.clone());
                continue;
            }
            detail.entry(key.clone()).or_insert_with(|| value.clone());
        }
        if !ids.is_empty() {
            detail.insert("ids".to_owned(), Value::Object(ids));
        }
        Permission {
            id,
            item: Some(self.id.clone()),
            kind: kind.to_owned(),
            title,
            detail: Value::Object(detail).to_string(),
            editable: true,
        }
    }

    /// Gives the change that an edit would make.
    pub(crate) fn change(&self, known: bool) -> Value {
        let kind = if self.name == "Write" && !known { "add" } else { "update" };
        json!({ "path": self.path().unwrap_or_default(), "kind": kind, "diff": self.diff() })
    }

    /// Writes what an edit takes away and puts in place, line by line.
    fn diff(&self) -> String {
        let mut diff = String::new();
        let mut piece = |old: &str, new: &str| {
            diff.push_str("@@\n");
            for (sign, text) in [('-', old), ('+', new)] {
                for line in text.lines() {
                    diff.push(sign);
                    diff.push_str(line);
                    diff.push('\n');
                }
            }
        };
        let of =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match self.name.as_str() {
            "Write" => piece("", self.text("content").unwrap_or_default()),
            "NotebookEdit" => piece("", self.text("new_source").unwrap_or_default()),
            "MultiEdit" => {
                for edit in self.input.get("edits").and_then(Value::as_array).into_iter().flatten() {
                    piece(&of(edit, "old_string"), &of(edit, "new_string"));
                }
            }
            _ => piece(
                self.text("old_string").unwrap_or_default(),
                self.text("new_string").unwrap_or_default(),
            ),
        }
        diff
    }
}

/// What a question says besides the call.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) cwd: &'a str,
    /// Why Claude Code asks.
    pub(crate) reason: Option<&'a str>,
    /// Whether the conversation has seen the file, so that it is there.
    pub(crate) known: bool,
    /// What Claude Code says besides.
    pub(crate) more: &'a Map<String, Value>,
}

/// Gives a path as Claude Code takes it: from the folder where its shell stands by now. What it makes something else of
/// stays as it is.
fn located(cwd: &str, path: &str) -> String {
    let own = path.is_empty() || path.starts_with(['/', '~']) || path.trim() != path || path.contains(':');
    if own { path.to_owned() } else { format!("{}/{path}", cwd.trim_end_matches('/')) }
}

/// Gives the first line of a text, short enough for a title.
fn first_line(text: &str) -> String {
    const MOST: usize = 120;
    let line = text.trim().lines().next().unwrap_or_default();
    let short: String = line.chars().take(MOST).collect();
    if short.len() < text.trim().len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn call(name: &str, input: Value) -> Call {
        Call {
            id: "toolu_1".into(),
            name: name.into(),
            input: input.as_object().unwrap().clone(),
            parent: None,
        }
    }

    fn detail(call: &Call) -> (String, String, Value) {
        let more = Map::new();
        let asked = Asked { cwd: "/workspace", reason: None, known: false, more: &more };
        let permission = call.question("q".to_owned(), &asked);
        (permission.kind, permission.title, serde_json::from_str(&permission.detail).unwrap())
    }

    #[rstest]
    #[case("Bash", json!({"command": "make\nmake test"}), "command", "Run make…", "command", json!("make\nmake test"))]
    #[case("PowerShell", json!({"command": "echo 'a' \\; del b"}), "command", "Run echo 'a' \\; del b", "command",
        json!(r"powershell -Command 'echo '\''a'\'' \; del b'"))]
    #[case("Read", json!({"file_path": "/a"}), "read", "Read /a", "path", json!("/a"))]
    #[case("Grep", json!({"pattern": "x"}), "read", "Grep x in /workspace", "path", json!("/workspace"))]
    #[case("Grep", json!({"pattern": "x", "path": "src"}), "read", "Grep x in src", "path", json!("/workspace/src"))]
    #[case("Glob", json!({"pattern": "**/*.rs"}), "read", "Glob **/*.rs in /workspace", "path", json!("/workspace"))]
    #[case("Glob", json!({"pattern": "/etc/*"}), "read", "Glob /etc/* in /workspace", "path", json!("/etc/*"))]
    #[case("Glob", json!({"pattern": "../*"}), "read", "Glob ../* in /workspace", "path", json!("/workspace/../*"))]
    #[case("Read", json!({"file_path": "~/.ssh/a"}), "read", "Read ~/.ssh/a", "path", json!("~/.ssh/a"))]
    #[case("Write", json!({"file_path": "f", "content": ""}), "edit", "Write f", "changes",
        json!([{"path": "/workspace/f", "kind": "add", "diff": "@@\n"}]))]
    #[case("WebFetch", json!({"url": "https://x.test"}), "fetch", "Fetch https://x.test", "url", json!("https://x.test"))]
    #[case("mcp__git__log", json!({}), "tool", "Use log of git", "server", json!("git"))]
    #[case("mcp__a__b__c", json!({}), "tool", "Use b__c of a", "tool", json!("b__c"))]
    #[case("Monitor", json!({"command": "tail -f x"}), "command", "Run tail -f x", "command", json!("tail -f x"))]
    #[case("mcp__a__run", json!({"command": "x"}), "tool", "Use run of a", "server", json!("a"))]
    #[case("Dream", json!({"n": 1}), "tool", "Use Dream", "tool", json!("Dream"))]
    #[case("Edit", json!({"file_path": "/f", "old_string": "a\nb", "new_string": "c"}), "edit", "Edit /f", "changes",
        json!([{"path": "/f", "kind": "update", "diff": "@@\n-a\n-b\n+c\n"}]))]
    #[case("Write", json!({"file_path": "/f", "content": "a\n"}), "edit", "Write /f", "changes",
        json!([{"path": "/f", "kind": "add", "diff": "@@\n+a\n"}]))]
    fn each_call_is_asked_about_in_shared_words(
        #[case] name: &str,
        #[case] input: Value,
        #[case] kind: &str,
        #[case] title: &str,
        #[case] field: &str,
        #[case] value: Value,
    ) {
        let (asked_kind, asked_title, asked) = detail(&call(name, input.clone()));
        assert_eq!((asked_kind.as_str(), asked_title.as_str()), (kind, title));
        assert_eq!((&asked[field], &asked["input"], &asked["sandboxed"]), (&value, &input, &json!(false)));
    }

    #[test]
    fn input_of_the_wrong_shape_is_still_a_question() {
        for name in ["Bash", "Edit", "MultiEdit", "Write", "Read", "WebFetch"] {
            let (_, _, asked) =
                detail(&call(name, json!({"command": 7, "edits": 7, "file_path": [], "url": {}})));
            assert_eq!(asked["input"]["edits"], 7, "{name}");
        }
    }
}
