//! What each kind of request says, and in which order.

use pointsman_model::Approval;
use serde_json::{Map, Value};

use crate::sheet::{Extent, Sheet};
use crate::{diff, effect, one_line};

/// A word of a title is so long at most, in characters.
const WORDS: usize = 120;

/// Describes the exact request.
#[must_use]
pub fn describe(approval: &Approval, extent: Extent) -> Sheet {
    let mut sheet = Sheet::new(extent);
    let mut detail = match &approval.detail {
        Value::Object(detail) => detail.clone(),
        other => Map::from_iter([("detail".to_owned(), other.clone())]),
    };
    match approval.action.as_str() {
        "permission" => permission(&mut sheet, &mut detail),
        "process" => effect::process(&mut sheet, &mut detail),
        "request" => effect::request(&mut sheet, &mut detail),
        "peer_message" => effect::mail(&mut sheet, &mut detail),
        "continue" if detail.contains_key("mode") => effect::message(&mut sheet, &mut detail),
        action => launch(&mut sheet, action, &mut detail),
    }
    sheet.aside(|sheet| {
        sheet.field("why asked", &approval.reason);
        if let Some(rule) = &approval.rule {
            sheet.field("rule", rule);
        }
        let chain: Vec<_> = approval.chain.iter().map(|by| format!("{} ({})", by.name, by.role)).collect();
        sheet.field("asked by", &chain.join(" > "));
        sheet.field("digest", &approval.digest.to_string());
    });
    sheet
}

/// Says in a few words what is asked: `spawn codex (full) in /work`.
#[must_use]
pub fn title(approval: &Approval) -> String {
    let text = |key: &str| approval.detail.get(key).and_then(Value::as_str);
    if approval.action == "permission" {
        let kind = text("kind").unwrap_or("permission");
        return match text("title") {
            Some(title) => format!("{}: {}", one_line(kind, WORDS), one_line(title, WORDS)),
            None => one_line(kind, WORDS),
        };
    }
    if let Some(words) = effect::title(&approval.action, &approval.detail) {
        return one_line(&words, WORDS);
    }
    let mut words = one_line(&approval.action, WORDS);
    if let Some(backend) = text("backend") {
        words.push_str(&format!(" {}", one_line(backend, WORDS)));
    }
    if let Some(access) = text("access") {
        words.push_str(&format!(" ({})", one_line(access, WORDS)));
    }
    if let Some(cwd) = text("cwd") {
        words.push_str(&format!(" in {}", one_line(cwd, WORDS)));
    }
    words
}

/// Describes what is allowed in place of what was asked for.
#[must_use]
pub fn edited(input: &Value) -> Sheet {
    let mut sheet = Sheet::new(Extent::Whole);
    sheet.value("edited", input);
    sheet
}

/// A live agent's wish.
fn permission(sheet: &mut Sheet, asked: &mut Map<String, Value>) {
    let kind = taken(asked, "kind");
    let title = taken(asked, "title");
    let mut detail = match asked.remove("detail") {
        Some(Value::Object(detail)) => detail,
        Some(other) => Map::from_iter([("detail".to_owned(), other)]),
        None => Map::new(),
    };
    let wants = match kind.as_deref() {
        Some("command") => "The agent wants to run a command",
        Some("edit") => "The agent wants to change files",
        Some("read") => "The agent wants to read",
        Some("fetch") => "The agent wants to fetch",
        Some("tool") => "The agent wants to use a tool",
        _ => "The agent asks for permission",
    };
    sheet.title(wants, title.as_deref());
    if kind.as_deref().is_none_or(|kind| !["command", "edit", "read", "fetch", "tool"].contains(&kind)) {
        sheet.field("kind", kind.as_deref().unwrap_or("not said"));
    }
    // What is shown here is not shown again below.
    let mut told = true;
    match kind.as_deref() {
        Some("command") => match taken(&mut detail, "command") {
            Some(command) => sheet.text("command", &command),
            None => told = false,
        },
        Some("edit") => match detail.remove("changes") {
            Some(Value::Array(changes)) => changes.iter().for_each(|change| diff::change(sheet, change)),
            _ => told = false,
        },
        Some("read") => told = taken(&mut detail, "path").map(|path| sheet.text("path", &path)).is_some(),
        Some("fetch") => told = taken(&mut detail, "url").map(|url| sheet.text("url", &url)).is_some(),
        Some("tool") => {
            let tool = taken(&mut detail, "tool").unwrap_or_else(|| "not said".to_owned());
            match taken(&mut detail, "server") {
                Some(server) => sheet.field("tool", &format!("{tool} of {server}")),
                None => sheet.field("tool", &tool),
            }
            told = false;
        }
        _ => told = false,
    }
    if let Some(cwd) = taken(&mut detail, "cwd") {
        sheet.field("in", &cwd);
    }
    match detail.remove("sandboxed") {
        Some(Value::Bool(true)) => sheet.field("sandbox", "the agent's own keeps it inside the run's access"),
        Some(Value::Bool(false)) => sheet.warn("sandbox", "none: it can do whatever your user can"),
        Some(other) => sheet.value("sandboxed", &other),
        None => {}
    }
    if let Some(reason) = taken(&mut detail, "reason") {
        sheet.aside(|sheet| sheet.text("agent says", &reason));
    }
    if let Some(input) = detail.remove("input")
        && (!told || sheet.is_whole())
    {
        sheet.value("input", &input);
    }
    // Codex's own reading of the command, which stands above.
    if told && !sheet.is_whole() {
        detail.remove("command_actions");
    }
    sheet.rest(detail);
    sheet.rest(std::mem::take(asked));
}

/// A run that wants to begin.
fn launch(sheet: &mut Sheet, action: &str, asked: &mut Map<String, Value>) {
    let backend = taken(asked, "backend").unwrap_or_else(|| "an agent".to_owned());
    let title = match action {
        "spawn" => "Launch",
        "continue" => "Go on with",
        other => other,
    };
    sheet.title(title, Some(&backend));
    for (name, key) in [("access", "access"), ("in", "cwd"), ("as", "role"), ("named", "agent_name")] {
        match taken(asked, key) {
            Some(full) if full == "full" => {
                sheet.warn(name, "full: whatever your user may do, network included");
            }
            Some(value) => sheet.field(name, &value),
            None => {}
        }
    }
    match asked.remove("message") {
        Some(message) => message_of(sheet, message),
        None => sheet.field("told", "nothing"),
    }
    match asked.remove("profile") {
        Some(Value::Object(mut profile)) => {
            sheet.field("profile", &taken(&mut profile, "path").unwrap_or_default());
            if let Some(text) = taken(&mut profile, "text") {
                sheet.text("it says", &text);
            }
            sheet.rest(profile);
        }
        Some(Value::Null) | None => {}
        Some(other) => sheet.value("profile", &other),
    }
    sheet.rest(std::mem::take(asked));
}

pub(crate) fn message_of(sheet: &mut Sheet, message: Value) {
    let parts = message["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut all_text = message["role"] == "user" && message.get("metadata").is_none_or(Value::is_null);
    for part in parts {
        match (part["type"].as_str(), part["text"].as_str()) {
            (Some("text"), Some(text)) => sheet.text("told", text),
            _ => all_text = false,
        }
    }
    if !all_text {
        sheet.value("message", &message);
    }
}

pub(crate) fn taken(from: &mut Map<String, Value>, key: &str) -> Option<String> {
    match from.remove(key) {
        Some(Value::String(text)) => Some(text),
        Some(Value::Null) | None => None,
        // Not what was agreed: it stays, and is shown with the rest.
        Some(other) => {
            from.insert(key.to_owned(), other);
            None
        }
    }
}
