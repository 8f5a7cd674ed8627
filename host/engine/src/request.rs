//! The exact request: what is said, what policies judge, and what an approval is bound to.

use pointsman_model::{Digest, Message, Part, Question, RunSpec, Speaker, digest_of};
use serde_json::{Value, json};

use crate::Error;

/// The exact request: what policies judge, what a person sees, and what an approval is bound to.
///
/// Whatever might be a secret in the backend's configuration is not in it; its digest is.
pub(crate) fn detail(spec: &RunSpec, agent_name: &str, config: &Value) -> Value {
    json!({
        "backend": spec.backend,
        "role": spec.role,
        "cwd": spec.cwd,
        "session_mode": spec.session_mode,
        "agent_name": agent_name,
        "access": spec.access,
        "message": spec.message,
        "profile": spec.profile.as_ref().map(|(path, text)| json!({"path": path, "text": text})),
        "output_schema": spec.output_schema,
        "metadata": spec.metadata,
        "resumed_from_run_id": spec.resumed_from,
        "plugin": spec.plugin,
        "backend_config_digest": digest_of(config).ok(),
    })
}

/// Gives what an approval is bound to.
///
/// What only names this one occurrence is left out, so that the same request has the same digest when it comes again:
/// the name that a launched agent gets, and the `ids` of an adapter. An approval is bound to its run all the same.
pub(crate) fn digest(action: &str, spec: &RunSpec, detail: &Value) -> Digest {
    let mut request = detail.clone();
    let (within, name) = if action == "permission" {
        (request.get_mut("detail"), "ids")
    } else {
        (Some(&mut request), "agent_name")
    };
    if let Some(Value::Object(fields)) = within {
        fields.remove(name);
    }
    let bound = json!({
        "action": action,
        "chain": spec.chain,
        "cwd": spec.cwd,
        "access": spec.access,
        "request": request,
    });
    // A JSON value always has a canonical form; its plain form is as good a name for it if not.
    digest_of(&bound).unwrap_or_else(|_| Digest::of(bound.to_string().as_bytes()))
}

/// Gives what an approval is bound to that is about a live run.
pub(crate) fn digest_of_question(question: &Question) -> Digest {
    let bound = json!({
        "action": question.action,
        "chain": question.chain,
        "cwd": question.cwd,
        "access": question.access,
        "request": question.detail,
    });
    digest_of(&bound).unwrap_or_else(|_| Digest::of(bound.to_string().as_bytes()))
}

/// Takes the message of a call, or makes one of its prompt.
pub(crate) fn message(prompt: Option<String>, message: Option<Message>) -> Result<Message, Error> {
    let prompt = prompt.filter(|prompt| !prompt.trim().is_empty());
    let message = match (message, prompt) {
        (Some(message), _) => message,
        (None, Some(prompt)) => Message::text(Speaker::User, prompt),
        (None, None) => return Err(Error::Invalid("Either prompt or input_message is required".to_owned())),
    };
    if message.parts.is_empty() || is_blank(&message.parts) {
        return Err(Error::Invalid("Either prompt or input_message is required".to_owned()));
    }
    if message.parts.iter().any(|part| matches!(part, Part::Text { text } if text.is_empty())) {
        return Err(Error::Invalid("input_message: a text part must not be empty".to_owned()));
    }
    Ok(message)
}

/// Says whether a message says anything.
fn is_blank(parts: &[Part]) -> bool {
    parts.iter().all(|part| matches!(part, Part::Text { text } if text.trim().is_empty()))
}
