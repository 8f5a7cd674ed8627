//! What is written to Claude Code: lines of its stdio control protocol.

use pointsman_sdk::backend::Effects;
use serde_json::{Map, Value, json};

use crate::PROCESS;

/// The id of the request that begins a conversation.
pub(crate) const INITIALIZE: &str = "initialize";
/// The id of the request that ends a turn early.
pub(crate) const INTERRUPT: &str = "interrupt";
/// The only hook: it is called back before every tool call.
pub(crate) const HOOK: &str = "before_tool";

/// How long Claude Code waits for a hook's answer: longer than anybody is asked, shorter than its timers count
/// (2³¹ milliseconds). When it runs out, the tool is not used.
const HOOK_SECONDS: u32 = 2_000_000;

/// Writes one line.
pub(crate) fn line(message: &Value, effects: &mut Effects) {
    let mut line = message.to_string();
    line.push('\n');
    effects.write(PROCESS, line);
}

/// Makes the first line.
pub(crate) fn initialize(instructions: Option<&str>, output_schema: Option<Value>) -> Value {
    let mut request = json!({
        "subtype": "initialize",
        "hooks": { "PreToolUse": [{
            "matcher": "*",
            "hookCallbackIds": [HOOK],
            "timeout": HOOK_SECONDS,
            // Without a well-formed answer the tool is not used.
            "onFailure": "block",
        }] },
    });
    if let Some(text) = instructions {
        // Behind the stock prompt, never in its place.
        request["appendSystemPrompt"] = text.into();
        // Else a resumed conversation would keep the profile that it began with.
        request["systemPromptSnapshot"] = false.into();
    }
    if let Some(schema) = output_schema {
        request["jsonSchema"] = schema;
    }
    request_of(INITIALIZE, request)
}

/// Makes the line that ends a turn early.
pub(crate) fn interrupt() -> Value {
    request_of(INTERRUPT, json!({ "subtype": "interrupt" }))
}

/// Makes a line that says something to the agent.
pub(crate) fn user(content: Vec<Value>, uuid: &str) -> Value {
    json!({
        "type": "user",
        "message": { "role": "user", "content": content },
        "parent_tool_use_id": null,
        "session_id": "",
        "uuid": uuid,
    })
}

/// Makes an answer to one of Claude Code's requests.
pub(crate) fn answer(request: &str, response: Value) -> Value {
    json!({
        "type": "control_response",
        "response": { "subtype": "success", "request_id": request, "response": response },
    })
}

/// Makes a refusal of one of Claude Code's requests.
pub(crate) fn refuse(request: &str, why: &str) -> Value {
    json!({
        "type": "control_response",
        "response": { "subtype": "error", "request_id": request, "error": why },
    })
}

/// Makes a hook's word on a tool call; none leaves it to Claude Code's own permission mode.
pub(crate) fn hook(
    decision: Option<&str>,
    reason: Option<&str>,
    input: Option<&Map<String, Value>>,
) -> Value {
    let mut output = json!({ "hookEventName": "PreToolUse" });
    if let Some(decision) = decision {
        output["permissionDecision"] = decision.into();
    }
    if let Some(reason) = reason {
        output["permissionDecisionReason"] = reason.into();
    }
    if let Some(input) = input {
        output["updatedInput"] = Value::Object(input.clone());
    }
    json!({ "hookSpecificOutput": output })
}

fn request_of(id: &str, request: Value) -> Value {
    json!({ "type": "control_request", "request_id": id, "request": request })
}
