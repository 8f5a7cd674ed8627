//! Effects as JSON that people compare.

use serde_json::{Value, json};

use crate::backend::{Argument, Effect, Ending, Outcome, Stop};
use crate::types::Event;

/// Gives an effect under its name in the contract.
pub(super) fn effect(effect: &Effect) -> Value {
    match effect {
        Effect::Emit(emitted) => json!({ "emit": event(emitted) }),
        Effect::StartProcess(process) => json!({
            "start-process": { "id": process.id, "program": process.program, "args": args(&process.args) }
        }),
        Effect::WriteProcess((id, bytes)) => {
            json!({ "write-process": { "id": id, "text": String::from_utf8_lossy(bytes) } })
        }
        Effect::CloseInput(id) => json!({ "close-input": id }),
        Effect::StopProcess((id, how)) => {
            json!({ "stop-process": { "id": id, "how": stop(*how) } })
        }
        Effect::SendRequest(request) => json!({
            "send-request": { "id": request.id, "method": request.method, "url": request.url }
        }),
        Effect::AbortRequest(id) => json!({ "abort-request": id }),
        Effect::SetTimer((id, milliseconds)) => json!({ "set-timer": { "id": id, "ms": milliseconds } }),
        Effect::ClearTimer(id) => json!({ "clear-timer": id }),
        Effect::AskPermission(asked) => json!({
            "ask-permission": { "id": asked.id, "kind": asked.kind, "title": asked.title,
                "item": asked.item, "detail": parsed(&asked.detail), "editable": asked.editable }
        }),
        Effect::WithdrawPermission(id) => json!({ "withdraw-permission": id }),
        Effect::AwaitInput(interruption) => json!({ "await-input": interruption.text }),
        Effect::Remember(value) => json!({ "remember": parsed(value) }),
        Effect::Finish(finished) => json!({ "finish": outcome(finished) }),
        Effect::Extension((name, value)) => json!({ "extension": { "name": name, "value": parsed(value) } }),
    }
}

/// Gives an event.
pub(super) fn event(event: &Event) -> Value {
    let mut seen = json!({ "kind": event.kind, "data": parsed(&event.data) });
    if let Some(item) = &event.item {
        seen["item"] = Value::from(item.as_str());
    }
    seen
}

/// Gives arguments, files as `<name>`.
pub(super) fn args(args: &[Argument]) -> Vec<String> {
    args.iter()
        .map(|arg| match arg {
            Argument::Plain(text) => text.clone(),
            Argument::File(file) => format!("<{}>", file.name),
        })
        .collect()
}

fn outcome(outcome: &Outcome) -> Value {
    let mut seen = json!({ "ending": ending(outcome.ending) });
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            seen[name] = value;
        }
    };
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    say("final_response", text(&outcome.final_response));
    say("structured_output", outcome.structured_output.as_deref().map(parsed));
    say("reason", text(&outcome.reason));
    say("error", text(&outcome.error));
    say(
        "usage",
        outcome.usage.map(|usage| {
            json!({
                "input_tokens": usage.input_tokens,
                "cached_input_tokens": usage.cached_input_tokens,
                "output_tokens": usage.output_tokens,
                "cost_micro_usd": usage.cost_micro_usd,
            })
        }),
    );
    seen
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Completed => "completed",
        Ending::Failed => "failed",
        Ending::Rejected => "rejected",
        Ending::Cancelled => "cancelled",
    }
}

fn stop(how: Stop) -> &'static str {
    match how {
        Stop::Interrupt => "interrupt",
        Stop::Terminate => "terminate",
        Stop::Kill => "kill",
    }
}

/// Gives JSON text as a value; a rehearsal has checked that it is one.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| Value::from(json))
}
