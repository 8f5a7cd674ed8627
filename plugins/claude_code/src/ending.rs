//! How a run ends.

use pointsman_sdk::backend::{Effects, Exit, Exited, Outcome};
use serde_json::Value;

use crate::conversation::Conversation;
use crate::failure::Failure;

/// Ends a run with its process: the only place where a run that began ends.
pub(crate) fn end(
    talk: &mut Conversation,
    structured: bool,
    exited: &Exited,
    cancelled: Option<String>,
    effects: &mut Effects,
) {
    talk.close(effects);
    let usage = talk.usage();
    let outcome = match (cancelled, talk.fault.take(), talk.result.take()) {
        (Some(why), _, _) => Outcome::cancelled(why),
        (None, Some(fault), _) => failed(fault),
        // What counts: a result of subtype `success` may still be an error.
        (None, None, Some(result)) if result.get("is_error").and_then(Value::as_bool) == Some(true) => {
            failed(Failure::of_result(&result))
        }
        (None, None, Some(result)) => {
            let said = result.get("result").and_then(Value::as_str).filter(|said| !said.is_empty());
            if let Some(said) = said {
                talk.last_message = Some(said.to_owned());
            }
            let mut outcome = Outcome::completed(None);
            if structured {
                let value = result.get("structured_output").filter(|value| !value.is_null()).cloned();
                // The host holds it against the schema; here it only has to be JSON.
                let value = value.or_else(|| serde_json::from_str(talk.last_message.as_deref()?).ok());
                outcome.structured_output = value.map(|value| value.to_string());
            }
            outcome
        }
        (None, None, None) => failed(without_result(talk, exited)),
    };
    effects.finish(outcome.with_usage(usage).with_final_response(talk.last_message.take()));
}

/// Ends a run whose process never was.
pub(crate) fn never_began(reason: &str, why: &str, cancelled: Option<String>, effects: &mut Effects) {
    effects.finish(match cancelled {
        Some(why) => Outcome::cancelled(why),
        None => Outcome::failed(reason, format!("claude could not be started: {why}")),
    });
}

/// Finds words for a process that ended without a result.
fn without_result(talk: &Conversation, exited: &Exited) -> Failure {
    match exited.exit {
        Exit::Code(0) if talk.said_text => Failure {
            reason: "no_outcome",
            message: "claude exited with status 0, but what it printed is not its stream of JSON lines; is the program \
                      another one, or too old?"
                .to_owned(),
        },
        Exit::Code(0) => Failure {
            reason: "no_outcome",
            message: "claude exited with status 0 without a result".to_owned(),
        },
        exit => Failure::of_process(&exit.in_words(), &exited.stderr_tail),
    }
}

fn failed(failure: Failure) -> Outcome {
    Outcome::failed(failure.reason, failure.message)
}
