//! The form: what a person sees, and what they can answer.

use std::time::Duration;

use pointsman_model::{Answer, Approval, Scope, Timestamp};
use pointsman_question::{brief, visible};
use rmcp::model::ElicitRequestParams;
use serde_json::{Map, Value, json};

/// The text of a question is so long at most, in characters: a dialog is no pager.
const LONGEST: usize = 4_000;
/// What a person says along with a denial is so long at most, in characters.
const FEEDBACK: usize = 2_000;
/// So long an answer for a session reaches, unless the operator allows less.
const SESSION: Duration = Duration::from_secs(3_600);

/// What a client's answer means.
#[derive(Debug, PartialEq)]
pub(super) enum Reading {
    /// A person has spoken.
    Answer(Answer),
    /// A person was asked and did not answer.
    None,
    /// It has not the shape of the form.
    Misfit(&'static str),
}

/// Writes the form for a question.
///
/// The answer has no default, and denying stands first: a dialog that is confirmed without a choice is not to allow.
pub(super) fn request(
    approval: &Approval,
    longest: Duration,
) -> Result<ElicitRequestParams, serde_json::Error> {
    let mut properties = Map::new();
    properties.insert(
        "answer".to_owned(),
        json!({
            "type": "string",
            "title": "Answer",
            "description": "deny: it is not done, and the agent is told. allow: exactly this is done.",
            "enum": ["deny", "allow"],
        }),
    );
    let scopes: Vec<&str> = scopes(approval).map(Scope::as_str).collect();
    if scopes.len() > 1 {
        let session = match approval.scope {
            Scope::Session => format!("; session: also in later runs of the session, for {}", span(longest)),
            Scope::Once | Scope::Run => String::new(),
        };
        properties.insert(
            "scope".to_owned(),
            json!({
                "type": "string",
                "title": "How far allowing reaches",
                "description": format!("run: exactly the same again, in this run{session}"),
                "enum": scopes,
                "default": "once",
            }),
        );
    }
    properties.insert(
        "feedback".to_owned(),
        json!({
            "type": "string",
            "title": "If denied, what the agent should know",
            "maxLength": FEEDBACK,
        }),
    );
    serde_json::from_value(json!({
        "mode": "form",
        "message": message(approval),
        "requestedSchema": { "type": "object", "properties": properties, "required": ["answer"] },
    }))
}

fn message(approval: &Approval) -> String {
    let mut text = brief(approval, LONGEST).text;
    text.push_str(&format!(
        "\n  approval   {}, of run {}, lapses {}",
        approval.approval_id, approval.run_id, approval.expires_at
    ));
    text
}

/// Reads what a client sent as the result of its asking.
pub(super) fn read(result: &Value, approval: &Approval, longest: Duration, now: Timestamp) -> Reading {
    match result.get("action").and_then(Value::as_str) {
        Some("accept") => match result.get("content") {
            Some(Value::Object(content)) => accepted(content, approval, longest, now),
            Some(_) => Reading::Misfit("its content is no object"),
            None => Reading::Misfit("it accepts, without content"),
        },
        Some("decline") => Reading::Answer(Answer::Deny { feedback: None }),
        Some("cancel") => Reading::None,
        Some(_) => Reading::Misfit("its action is none of accept, decline and cancel"),
        None => Reading::Misfit("it has no action"),
    }
}

/// Only the very word allows.
fn accepted(content: &Map<String, Value>, approval: &Approval, longest: Duration, now: Timestamp) -> Reading {
    match content.get("answer").and_then(Value::as_str) {
        Some("allow") => match scope(content.get("scope"), approval) {
            Some(Scope::Session) => {
                let until = Some(now.plus_seconds(session(longest).as_secs()));
                Reading::Answer(Answer::Allow { scope: Scope::Session, until })
            }
            Some(scope) => Reading::Answer(Answer::Allow { scope, until: None }),
            None => Reading::Misfit("its scope is none that the question offers"),
        },
        Some("deny") => match content.get("feedback") {
            None | Some(Value::Null) => Reading::Answer(Answer::Deny { feedback: None }),
            Some(Value::String(text)) if text.chars().count() <= FEEDBACK => {
                let text = visible(text.trim()).into_owned();
                Reading::Answer(Answer::Deny { feedback: (!text.is_empty()).then_some(text) })
            }
            Some(_) => Reading::Misfit("its feedback is no text, or too long"),
        },
        Some(_) => Reading::Misfit("its answer is neither allow nor deny"),
        None => Reading::Misfit("it has no answer"),
    }
}

fn scope(said: Option<&Value>, approval: &Approval) -> Option<Scope> {
    match said {
        None | Some(Value::Null) => Some(Scope::Once),
        Some(said) => scopes(approval).find(|scope| said == scope.as_str()),
    }
}

fn scopes(approval: &Approval) -> impl Iterator<Item = Scope> {
    let widest = approval.scope;
    [Scope::Once, Scope::Run, Scope::Session].into_iter().filter(move |scope| *scope <= widest)
}

fn session(longest: Duration) -> Duration {
    SESSION.min(longest)
}

fn span(longest: Duration) -> String {
    match session(longest).as_secs() {
        seconds if seconds >= 3_600 => "an hour".to_owned(),
        seconds if seconds >= 120 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}
