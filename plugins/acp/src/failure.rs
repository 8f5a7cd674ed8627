//! Why an agent failed, as a word for programs and a sentence for people.
//!
//! The protocol has one error for all of it. Some agents add a word of their own (`data.errorKind`,
//! `data.codex_error_info`), others only text; the words given here are those of the other backends.

use serde_json::Value;

use crate::retry;
use crate::wire::Fault;

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
    (
        &[
            "quota exceeded",
            "insufficient_quota",
            "usage limit",
            "usage_limit",
            "usagelimit",
            "billing",
            "resource_exhausted",
        ],
        "quota_exceeded",
    ),
    (&["rate limit", "rate_limit", "ratelimit", "too many requests"], "rate_limited"),
    (
        &[
            "ran out of room",
            "context window",
            "context_window",
            "context_length",
            "contextwindow",
            "prompt is too long",
            "prompt_too_long",
        ],
        "context_too_long",
    ),
    (&["at capacity", "overloaded"], "overloaded"),
    (
        &[
            "unauthorized",
            "unauthenticated",
            "missing environment variable",
            "invalid api key",
            "not logged in",
            "authentication",
            "auth_required",
        ],
        "unauthorized",
    ),
    (
        &["session not found", "no rollout found", "thread not found", "no previous sessions"],
        "session_not_found",
    ),
    (&["invalid_request", "bad request", "bad_request"], "bad_request"),
    (
        &[
            "stream disconnected",
            "stream closed",
            "fetch failed",
            "incomplete json",
            "stream_disconnected",
            "connection",
            "network error",
            "error sending request",
            "timed out",
        ],
        "connection_lost",
    ),
    (&["high demand", "internal server error", "server_error", "server error"], "server_error"),
];

impl Failure {
    /// Reads an error that a request was answered with.
    pub(crate) fn of_fault(fault: &Fault) -> Self {
        let Fault { code, message, data } = fault;
        // What Node's client says of a stream that broke, and Gemini hands on.
        if message == "terminated" {
            let message = "the connection to the provider broke off (terminated)".to_owned();
            return Self { reason: "connection_lost", message };
        }
        let message = message.strip_prefix("Internal error: ").unwrap_or(message);
        let more =
            ["details", "message", "error"].iter().find_map(|key| data.get(*key).and_then(Value::as_str));
        let message = match more.filter(|more| !message.contains(*more)) {
            Some(more) => format!("{message}: {more}"),
            None => message.to_owned(),
        };
        let hints = if data.is_null() { String::new() } else { data.to_string() };
        let otherwise = match code {
            -32601 => "method_not_found",
            -32602 => "bad_request",
            // Gemini hands its provider's status on as the code; 500 is what it says when it knows of none.
            500 => "turn_failed",
            code => {
                u16::try_from(*code).ok().and_then(|status| of_status(status, "")).unwrap_or("turn_failed")
            }
        };
        Self::read(message, &hints, otherwise)
    }

    /// Reads an error that an agent told as if it were an answer.
    pub(crate) fn of_text(said: &str) -> Self {
        Self::read(said.trim().to_owned(), "", "turn_failed")
    }

    /// Reads what stands on standard error of an agent that ended without an answer.
    pub(crate) fn of_process(how: &str, during: &str, stderr: &str) -> Self {
        let said = last_words(stderr);
        if said.is_empty() {
            let message = format!(
                "the agent {how} {during}, and said nothing; is it the right program, with the right arguments?"
            );
            return Self { reason: "exit_status", message };
        }
        let Self { reason, message } = Self::read(said, "", "exit_status");
        Self { reason, message: format!("the agent {how} {during}: {message}") }
    }

    /// Reads why an agent tries again.
    pub(crate) fn of_retry(said: &str, hints: &str) -> Self {
        Self::read(said.trim().to_owned(), hints, "turn_failed")
    }

    /// Judges a silence by what stands on standard error: an agent that tries again and again says there why.
    pub(crate) fn of_silence(message: String, stderr: &str) -> Self {
        let said = last_words(stderr);
        let retried = stderr.lines().rev().find(|line| retry::is_told(line));
        let reason = retried.map_or("timeout", |line| Self::read(line.to_owned(), "", "timeout").reason);
        let message =
            if said.is_empty() { message } else { format!("{message}; on standard error it said: {said}") };
        Self { reason, message }
    }

    fn read(message: String, hints: &str, otherwise: &'static str) -> Self {
        let lower = format!("{message}\n{hints}").to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let reason = by_status(&lower)
            .or_else(|| CAUSES.iter().find(|(words, _)| says(words)).map(|(_, reason)| *reason))
            .unwrap_or(otherwise);
        Self { reason, message }
    }
}

/// Finds an HTTP status that the text calls one; a bare number may be anything.
fn by_status(lower: &str) -> Option<&'static str> {
    lower.match_indices("status").find_map(|(at, word)| {
        let behind = lower.get(at + word.len()..)?;
        let behind =
            behind.trim_start_matches("_code").trim_start_matches("code").trim_start_matches(['"', ':', ' ']);
        of_status(behind.get(..3)?.parse().ok()?, lower)
    })
}

/// Gives the word for an HTTP status; the text may say more precisely which limit it was.
fn of_status(status: u16, lower: &str) -> Option<&'static str> {
    match status {
        400 | 404 | 422 => Some("bad_request"),
        401 | 403 => Some("unauthorized"),
        413 => Some("context_too_long"),
        429 if lower.contains("quota") => Some("quota_exceeded"),
        429 => Some("rate_limited"),
        503 | 529 => Some("overloaded"),
        500..=599 => Some("server_error"),
        _ => None,
    }
}

/// Gives the last lines of standard error that say something: places in a program's code do not.
fn last_words(stderr: &str) -> String {
    const LINES: usize = 20;
    let tells = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("at ");
    let telling: Vec<&str> = stderr.lines().map(str::trim_end).filter(tells).collect();
    telling.get(telling.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn fault(code: i64, message: &str, data: Value) -> Failure {
        Failure::of_fault(&Fault { code, message: message.to_owned(), data })
    }

    #[rstest]
    #[case::claude("Internal error: API Error: Request rejected (429)", json!({ "errorKind": "rate_limit" }), "rate_limited")]
    #[case::claude("Internal error: x", json!({ "errorKind": "server_error" }), "server_error")]
    #[case::claude("Internal error: x", json!({ "errorKind": "overloaded" }), "overloaded")]
    #[case::claude("Internal error: x", json!({ "errorKind": "authentication_failed" }), "unauthorized")]
    #[case::zed("x", json!({ "codex_error_info": { "response_too_many_failed_attempts": { "http_status_code": 429 } } }), "rate_limited")]
    #[case::zed("x", json!({ "codex_error_info": "server_overloaded" }), "overloaded")]
    #[case::opencode("Internal error: Rate limit reached", json!({ "service": "session", "errorName": "APIError" }), "rate_limited")]
    #[case::opencode("Internal error: Internal server error", json!({ "errorName": "APIError" }), "server_error")]
    #[case::gemini("Internal error", json!({ "details": "No previous sessions found for this project." }), "session_not_found")]
    #[case::gemini("terminated", Value::Null, "connection_lost")]
    #[case::opencode("Connection reset by server", json!({ "errorName": "APIError" }), "connection_lost")]
    #[case::nothing("Internal error", Value::Null, "turn_failed")]
    fn errors_have_words(#[case] message: &str, #[case] data: Value, #[case] reason: &str) {
        assert_eq!(fault(-32603, message, data).reason, reason);
    }

    #[rstest]
    #[case(503, "The service is currently unavailable.", "overloaded")]
    #[case(429, "Resource has been exhausted (e.g. check quota).", "rate_limited")]
    #[case(500, "Cannot read properties of undefined", "turn_failed")]
    #[case(-32602, "x", "bad_request")]
    fn codes_that_are_statuses_have_words(#[case] code: i64, #[case] message: &str, #[case] reason: &str) {
        assert_eq!(fault(code, message, Value::Null).reason, reason);
    }

    #[test]
    fn details_stand_behind_the_message() {
        let failure = fault(-32603, "Internal error", json!({ "details": "the moon is full" }));
        assert_eq!(
            failure,
            Failure { reason: "turn_failed", message: "Internal error: the moon is full".to_owned() }
        );
    }

    #[rstest]
    #[case("exceeded retry limit, last status: 429 Too Many Requests, request id: req_1\n\n", "rate_limited")]
    #[case("We’re currently experiencing high demand, which may cause temporary errors.", "server_error")]
    fn errors_told_as_answers_have_words(#[case] said: &str, #[case] reason: &str) {
        assert_eq!(
            Failure::of_text(said),
            Failure { reason: Failure::of_text(said).reason, message: said.trim().to_owned() }
        );
        assert_eq!(Failure::of_text(said).reason, reason);
    }

    #[rstest]
    #[case("", "timeout")]
    #[case("Ripgrep is not available.", "timeout")]
    #[case("Attempt 1 failed with status 429. Retrying with backoff...", "rate_limited")]
    #[case("Attempt 4 failed with status 500. Retrying with backoff...", "server_error")]
    #[case("Attempt 2 failed. Retrying with backoff... fetch failed\n    at f (a.js:1:2)", "connection_lost")]
    #[case(
        "Attempt 1 failed with status 429. Retrying\nAttempt 2 failed with status 529. Retrying",
        "overloaded"
    )]
    fn a_silence_is_judged_by_what_stands_beside_it(#[case] stderr: &str, #[case] reason: &str) {
        assert_eq!(Failure::of_silence("silent".to_owned(), stderr).reason, reason);
    }

    #[test]
    fn an_agent_that_says_nothing_is_told_by_its_status() {
        let failure = Failure::of_process("exited with status 7", "before its session stood", "\n");
        assert_eq!(failure.reason, "exit_status");
        assert!(failure.message.contains("status 7"));
    }
}
