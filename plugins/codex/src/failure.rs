//! Why a turn failed, as a word for programs and a sentence for people.
//!
//! `codex exec` tells causes as text only, so the words are found by what its messages say. Each of them occurs in a
//! recording under `tests/transcripts`, or in what the program is known to print. Its app server has words of its own
//! for most causes, and says the same texts besides.

use serde_json::Value;

/// A failure in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The word.
    pub(crate) reason: &'static str,
    /// The sentence.
    pub(crate) message: String,
}

/// What a message says, and the word for it; the first that fits.
const CAUSES: &[(&[&str], &str)] = &[
    (&["quota exceeded", "insufficient_quota", "usage limit", "billing"], "quota_exceeded"),
    (&["rate limit", "rate_limit", "too many requests"], "rate_limited"),
    (
        &["ran out of room", "context window", "context_length_exceeded", "prompt is too long"],
        "context_too_long",
    ),
    (&["at capacity", "overloaded"], "overloaded"),
    (
        &[
            "unauthorized",
            "missing environment variable",
            "invalid api key",
            "not logged in",
            "authentication",
        ],
        "unauthorized",
    ),
    (&["no rollout found", "thread not found"], "session_not_found"),
    (&["output schema file", "invalid_json_schema"], "bad_output_schema"),
    (&["unexpected argument", "unrecognized subcommand", "invalid value"], "bad_arguments"),
    (&["invalid_request_error", "bad request"], "bad_request"),
    (
        &[
            "stream disconnected",
            "stream closed",
            "network error",
            "error sending request",
            "connection",
            "timed out",
        ],
        "connection_lost",
    ),
    (&["high demand", "internal server error", "server_error"], "server_error"),
];

impl Failure {
    /// Reads what codex said of a turn.
    pub(crate) fn of_turn(said: &str) -> Self {
        Self::read(said, "turn_failed")
    }

    /// Reads an error of the app server: its own word for the cause, else what its text says.
    pub(crate) fn of_error(error: &Value) -> Self {
        let said =
            error.get("message").and_then(Value::as_str).unwrap_or("codex did not say why the turn failed");
        let details = error.get("additionalDetails").and_then(Value::as_str);
        let read = Self::of_turn(said);
        let reason = error.get("codexErrorInfo").and_then(|info| by_info(info, &said.to_lowercase()));
        let message = match details {
            Some(details) if !details.is_empty() && details != said => format!("{}: {details}", read.message),
            _ => read.message,
        };
        Self { reason: reason.unwrap_or(read.reason), message }
    }

    /// Reads what stands on standard error of a process that said nothing else.
    pub(crate) fn of_process(how: &str, stderr: &str) -> Self {
        let said = last_words(stderr);
        if said.is_empty() {
            return Self { reason: "exit_status", message: format!("codex {how} and said nothing") };
        }
        let Self { reason, message } = Self::read(&said, "exit_status");
        Self { reason, message: format!("codex {how}: {message}") }
    }

    fn read(said: &str, otherwise: &'static str) -> Self {
        let (message, hints) = unwrapped(said);
        let lower = format!("{message}\n{hints}").to_lowercase();
        let reason = by_status(&lower)
            .or_else(|| {
                let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
                CAUSES.iter().find(|(words, _)| says(words)).map(|(_, reason)| *reason)
            })
            .unwrap_or(otherwise);
        Self { reason, message }
    }
}

/// Finds the word for what the app server calls a cause; nothing if it calls it no more than "other".
fn by_info(info: &Value, lower: &str) -> Option<&'static str> {
    let (name, status) = match info {
        Value::String(name) => (name.as_str(), None),
        Value::Object(fields) => {
            let (name, about) = fields.iter().next()?;
            (name.as_str(), about.get("httpStatusCode").and_then(Value::as_u64))
        }
        _ => return None,
    };
    match name {
        "usageLimitExceeded" | "sessionBudgetExceeded" => Some("quota_exceeded"),
        "rateLimitExceeded" => Some("rate_limited"),
        "contextWindowExceeded" => Some("context_too_long"),
        "serverOverloaded" | "flexUnavailable" | "policyCapacityUnavailable" => Some("overloaded"),
        "internalServerError" => Some("server_error"),
        "unauthorized" => Some("unauthorized"),
        "badRequest" | "modelNotFound" => Some("bad_request"),
        "cyberPolicy" | "misalignmentPolicyViolation" | "inferenceHookDenied" => Some("provider_policy"),
        "tooManyDenials" => Some("too_many_denials"),
        "sandboxError" => Some("sandbox_failed"),
        "responseStreamDisconnected"
        | "responseStreamConnectionFailed"
        | "httpConnectionFailed"
        | "responseTooManyFailedAttempts" => status
            .and_then(|status| of_status(u16::try_from(status).ok()?, lower))
            .or(Some("connection_lost")),
        _ => None,
    }
}

/// Takes the message out of a provider's body, which codex hands on as it is; and what else helps to judge it.
fn unwrapped(said: &str) -> (String, String) {
    let body: Option<Value> =
        said.trim_start().starts_with('{').then(|| serde_json::from_str(said).ok()).flatten();
    let error = body.as_ref().and_then(|body| body.get("error"));
    match error.and_then(|error| error.get("message")).and_then(Value::as_str) {
        Some(message) => (message.to_owned(), said.to_owned()),
        None => (said.to_owned(), String::new()),
    }
}

/// Finds an HTTP status that the text calls one; a bare number may be anything.
fn by_status(lower: &str) -> Option<&'static str> {
    lower.match_indices("status").find_map(|(at, word)| {
        let behind = lower[at + word.len()..].trim_start_matches([':', ' ']);
        let digits = behind.get(..3)?;
        of_status(digits.parse().ok()?, lower)
    })
}

/// Gives the word for an HTTP status.
fn of_status(status: u16, lower: &str) -> Option<&'static str> {
    match status {
        400 | 404 | 422 => Some("bad_request"),
        401 | 403 => Some("unauthorized"),
        413 => Some("context_too_long"),
        // The provider may say more precisely which limit it was.
        429 if lower.contains("quota") => Some("quota_exceeded"),
        429 => Some("rate_limited"),
        503 | 529 => Some("overloaded"),
        500..=599 => Some("server_error"),
        _ => None,
    }
}

/// Gives the last lines of standard error that say something.
fn last_words(stderr: &str) -> String {
    const LINES: usize = 20;
    let telling: Vec<&str> = stderr
        .lines()
        .map(str::trim_end)
        // What codex says whenever it reads a prompt from standard input.
        .filter(|line| !line.trim().is_empty() && !line.starts_with("Reading additional input from stdin"))
        .filter(|line| !line.starts_with("Reading prompt from stdin"))
        .collect();
    telling[telling.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("exceeded retry limit, last status: 429 Too Many Requests, request id: req_1", "rate_limited")]
    #[case("Quota exceeded. Check your plan and billing details.", "quota_exceeded")]
    #[case("Selected model is at capacity. Please try a different model.", "overloaded")]
    #[case("unexpected status 401 Unauthorized: Invalid API key, request id: req_503", "unauthorized")]
    #[case("unexpected status 502 Bad Gateway: x", "server_error")]
    #[case("Missing environment variable: `KEY`.", "unauthorized")]
    #[case("Codex ran out of room in the model's context window. Start a new thread.", "context_too_long")]
    #[case("stream disconnected before completion: Transport error: network error", "connection_lost")]
    #[case("We’re currently experiencing high demand, which may cause temporary errors.", "server_error")]
    #[case("the moon is full", "turn_failed")]
    fn messages_have_words(#[case] said: &str, #[case] reason: &str) {
        assert_eq!(
            Failure::of_turn(said),
            Failure { reason: Failure::of_turn(said).reason, message: said.into() }
        );
        assert_eq!(Failure::of_turn(said).reason, reason);
    }

    #[rstest]
    #[case(json!("usageLimitExceeded"), "x", "quota_exceeded")]
    #[case(json!("serverOverloaded"), "x", "overloaded")]
    #[case(json!({"responseTooManyFailedAttempts": {"httpStatusCode": 429}}), "x", "rate_limited")]
    #[case(json!({"httpConnectionFailed": {"httpStatusCode": 401}}), "x", "unauthorized")]
    #[case(json!({"responseStreamDisconnected": {"httpStatusCode": null}}), "x", "connection_lost")]
    #[case(json!("other"), "stream disconnected before completion", "connection_lost")]
    #[case(json!("aWordOfTomorrow"), "x", "turn_failed")]
    #[case(json!(null), "Selected model is at capacity.", "overloaded")]
    #[case(json!(7), "x", "turn_failed")]
    fn the_app_servers_words_have_words(#[case] info: Value, #[case] said: &str, #[case] reason: &str) {
        let failure = Failure::of_error(&json!({"message": said, "codexErrorInfo": info}));
        assert_eq!((failure.reason, failure.message.as_str()), (reason, said));
    }

    #[test]
    fn a_providers_body_is_unwrapped() {
        let said = r#"{"error":{"message":"No such tool","type":"invalid_request_error"}}"#;
        assert_eq!(Failure::of_turn(said), Failure { reason: "bad_request", message: "No such tool".into() });
    }

    #[test]
    fn a_process_that_says_nothing_is_told_by_its_status() {
        let failure = Failure::of_process("exited with status 7", "Reading additional input from stdin...\n");
        assert_eq!(failure.reason, "exit_status");
        assert!(failure.message.contains("status 7"));
    }
}
