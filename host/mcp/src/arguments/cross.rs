//! What a schema cannot say portably: keys that need or replace each other.

use serde_json::{Map, Value, json};

use super::Issue;
use crate::tool::Tool;

/// The keys that name a run. Models fill keys that they do not need with empty strings; here these mean nothing.
const RUN: [&str; 3] = ["run_id", "agent_name", "cwd"];

pub(super) fn check(tool: Tool, value: &mut Value, issues: &mut Vec<Issue>) {
    let Value::Object(arguments) = value else { return };
    match tool {
        Tool::GetRun | Tool::PollEvents | Tool::CancelRun | Tool::GetEventArtifact => {
            names_a_run(arguments, issues);
        }
        Tool::ContinueRun => {
            names_a_run(arguments, issues);
            message("input_message", arguments, issues);
        }
        Tool::SpawnRun => spawn(arguments, issues),
        Tool::ExplainPolicy => names_a_backend(arguments, issues),
        Tool::SendAgentMessage => message("message", arguments, issues),
        Tool::ListRuns | Tool::ListAgents | Tool::FetchAgentMessages | Tool::WaitForRuns => {}
    }
}

fn names_a_run(arguments: &mut Map<String, Value>, issues: &mut Vec<Issue>) {
    for key in RUN {
        if arguments.get(key).and_then(Value::as_str) == Some("") {
            arguments.remove(key);
        }
    }
    if !arguments.contains_key("run_id") && !arguments.contains_key("agent_name") {
        issues.push(custom(json!(["run_id"]), "run_id or agent_name is required, to name the run"));
    }
}

fn names_a_backend(arguments: &Map<String, Value>, issues: &mut Vec<Issue>) {
    let says = |key: &str| arguments.get(key).is_some_and(|value| value.as_str() != Some(""));
    if !says("backend") && !says("profile") {
        issues.push(custom(json!(["backend"]), "backend is required: give it, or a profile that does"));
    }
}

fn spawn(arguments: &mut Map<String, Value>, issues: &mut Vec<Issue>) {
    names_a_backend(arguments, issues);
    if arguments.get("session_mode").and_then(Value::as_str) == Some("resume")
        && !arguments.contains_key("session_id")
    {
        issues.push(custom(json!(["session_id"]), "session_id is required when session_mode is \"resume\""));
    }
    if !arguments.contains_key("prompt") && !arguments.contains_key("input_message") {
        issues.push(custom(json!(["prompt"]), "Either prompt or input_message is required"));
    }
    message("input_message", arguments, issues);
}

/// Each kind of part needs its own key; the merged object that is published cannot say so.
fn message(key: &str, arguments: &Map<String, Value>, issues: &mut Vec<Issue>) {
    let Some(parts) = arguments.get(key).and_then(|message| message.get("parts")).and_then(Value::as_array)
    else {
        return;
    };
    for (place, part) in parts.iter().enumerate() {
        let needed = match part.get("type").and_then(Value::as_str) {
            Some("text") => "text",
            Some("data") => "data",
            _ => continue,
        };
        if part.get(needed).is_none() {
            issues.push(Issue {
                code: "invalid_type",
                path: vec![key.into(), "parts".into(), place.into(), needed.into()],
                message: format!("{key}.parts[{place}].{needed} is required when type is {needed:?}"),
            });
        }
    }
}

fn custom(path: Value, message: &str) -> Issue {
    let path = match path {
        Value::Array(path) => path,
        other => vec![other],
    };
    Issue { code: "custom", path, message: message.to_owned() }
}
