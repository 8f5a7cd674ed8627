//! Questions about what a run's plugin would set in motion, and about messages.

use serde_json::{Map, Value};

use crate::describe::{message_of, taken};
use crate::sheet::Sheet;

/// Says in a few words what is asked, if it is one of these.
pub(crate) fn title(action: &str, detail: &Value) -> Option<String> {
    let text = |key: &str| detail.get(key).and_then(Value::as_str);
    match action {
        "process" => Some(format!("start {}", text("program")?)),
        "request" => Some(format!("{} {}{}", text("method")?, text("origin")?, text("path")?)),
        "peer_message" => Some(format!("mail to {}", text("to")?)),
        "continue" => text("mode").map(|_| format!("message to {}", text("agent_name").unwrap_or("a run"))),
        _ => None,
    }
}

/// A program that would be started.
pub(crate) fn process(sheet: &mut Sheet, asked: &mut Map<String, Value>) {
    let program = taken(asked, "program");
    sheet.title("Start a program for the agent", program.as_deref());
    match taken(asked, "path") {
        Some(path) => sheet.field("path", &path),
        None => sheet.warn("path", "the program is not there"),
    }
    for argument in list(asked, "args") {
        sheet.text("argument", &argument);
    }
    if let Some(cwd) = taken(asked, "cwd") {
        sheet.field("in", &cwd);
    }
    let variables = list(asked, "env").join(" ");
    sheet.field("variables", &variables);
    sheet.rest(std::mem::take(asked));
}

/// A request that would be sent.
pub(crate) fn request(sheet: &mut Sheet, asked: &mut Map<String, Value>) {
    let origin = taken(asked, "origin");
    sheet.title("Send a request for the agent", origin.as_deref());
    for (name, key) in [("method", "method"), ("path", "path")] {
        if let Some(value) = taken(asked, key) {
            sheet.field(name, &value);
        }
    }
    let headers = list(asked, "headers").join(" ");
    sheet.field("headers", &headers);
    asked.retain(|_, value| !value.is_null());
    sheet.rest(std::mem::take(asked));
}

/// Mail between agents.
pub(crate) fn mail(sheet: &mut Sheet, asked: &mut Map<String, Value>) {
    let to = taken(asked, "to");
    sheet.title("Deliver mail to", to.as_deref());
    if let Some(from) = taken(asked, "from") {
        sheet.field("from", &from);
    }
    // It stands in the message, with whatever else that holds.
    asked.remove("text");
    asked.retain(|_, value| !value.is_null());
    said(sheet, asked);
}

/// A message to a run that lives.
pub(crate) fn message(sheet: &mut Sheet, asked: &mut Map<String, Value>) {
    let to = taken(asked, "agent_name");
    sheet.title("Say something to", to.as_deref());
    asked.remove("mode");
    said(sheet, asked);
}

fn said(sheet: &mut Sheet, asked: &mut Map<String, Value>) {
    if let Some(message) = asked.remove("message") {
        message_of(sheet, message);
    }
    sheet.rest(std::mem::take(asked));
}

/// Takes a list of texts; what is none of these stays, and is shown with the rest.
fn list(from: &mut Map<String, Value>, key: &str) -> Vec<String> {
    let texts = from.get(key).and_then(Value::as_array).and_then(|all| {
        all.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
    });
    if texts.is_some() {
        from.remove(key);
    }
    texts.unwrap_or_default()
}
