//! Why a turn failed, as a word for programs and a sentence for people.

use serde_json::{Map, Value};

/// A failure in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The word.
    pub(crate) reason: &'static str,
    /// The sentence.
    pub(crate) message: String,
}

/// What Claude Code says, and the word for it; the first that fits. Where a result has a status or a kind of error,
/// those count first.
const CAUSES: &[(&[&str], &str)] = &[
    (&["no conversation found", "no session found"], "session_not_found"),
    (&["credit balance", "usage limit", "quota", "billing"], "quota_exceeded"),
    (&["safeguards flagged", "usage policy", "legal/aup"], "refused"),
    (&["prompt is too long", "context window", "context length"], "context_too_long"),
    (
        &["not logged in", "please run /login", "invalid api key", "authentication", "oauth token"],
        "unauthorized",
    ),
    (&["rate limit", "rate_limit"], "rate_limited"),
    (&["overloaded"], "overloaded"),
    (&["--json-schema", "jsonschema", "not a valid json schema", "invalid schema"], "bad_output_schema"),
    (&["unknown option", "error: option", "invalid argument", "cannot be used with root"], "bad_arguments"),
    (
        &["connection", "network", "econnrefused", "econnreset", "timed out", "timeout", "stream ended"],
        "connection_lost",
    ),
    (&["server error", "server_error"], "server_error"),
];

impl Failure {
    /// Reads a result that says error.
    pub(crate) fn of_result(result: &Map<String, Value>) -> Self {
        let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
        let errors = result.get("errors").and_then(Value::as_array).into_iter().flatten();
        let errors: Vec<&str> = errors
            .filter_map(Value::as_str)
            // A note of Claude Code's to itself.
            .filter(|error| !error.starts_with("[ede_diagnostic]"))
            .collect();
        let said = if text("result").is_empty() { errors.join("\n") } else { text("result").to_owned() };
        let (terminal, subtype) = (text("terminal_reason"), text("subtype"));
        let by_terminal = match (terminal, subtype) {
            ("prompt_too_long", _) => Some("context_too_long"),
            ("max_turns", _) | (_, "error_max_turns") => Some("max_turns"),
            ("budget_exhausted", _) | (_, "error_max_budget_usd") => Some("budget_exhausted"),
            (_, "error_max_structured_output_retries") => Some("output_schema_mismatch"),
            ("aborted_streaming" | "aborted_tools", _) => Some("interrupted"),
            _ => None,
        };
        let by_type = match text("api_error_type") {
            "rate_limit_error" | "rate_limit" => Some("rate_limited"),
            "overloaded_error" | "overloaded" => Some("overloaded"),
            "authentication_error" | "authentication_failed" | "permission_error" => Some("unauthorized"),
            "billing_error" => Some("quota_exceeded"),
            "invalid_request_error" | "not_found_error" => Some("bad_request"),
            "request_too_large" => Some("context_too_long"),
            "connection_failed" | "timeout_error" => Some("connection_lost"),
            "api_error" if result.get("api_error_status").is_some_and(Value::is_number) => {
                Some("server_error")
            }
            _ => None,
        };
        let status = result.get("api_error_status").and_then(Value::as_u64);
        let reason = by_terminal
            .or(by_type)
            .or_else(|| status.and_then(by_status))
            .or_else(|| by_words(&said))
            .unwrap_or("turn_failed");
        let message = if said.is_empty() { in_words(reason, terminal, subtype) } else { said };
        Self { reason, message }
    }

    /// Reads what stands on standard error of a process that told no result.
    pub(crate) fn of_process(how: &str, stderr: &str) -> Self {
        const LINES: usize = 20;
        let telling: Vec<&str> =
            stderr.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).collect();
        let said = telling[telling.len().saturating_sub(LINES)..].join("\n");
        if said.is_empty() {
            return Self { reason: "exit_status", message: format!("claude {how} and said nothing") };
        }
        let reason = by_words(&said).unwrap_or("exit_status");
        Self { reason, message: format!("claude {how}: {said}") }
    }
}

fn by_status(status: u64) -> Option<&'static str> {
    match status {
        400 | 404 | 422 => Some("bad_request"),
        401 | 403 => Some("unauthorized"),
        402 => Some("quota_exceeded"),
        408 => Some("connection_lost"),
        413 => Some("context_too_long"),
        429 => Some("rate_limited"),
        503 | 529 => Some("overloaded"),
        500..=599 => Some("server_error"),
        _ => None,
    }
}

fn by_words(said: &str) -> Option<&'static str> {
    let lower = said.to_lowercase();
    CAUSES.iter().find(|(words, _)| words.iter().any(|word| lower.contains(word))).map(|(_, reason)| *reason)
}

/// Says something where Claude Code gives nothing but codes.
fn in_words(reason: &str, terminal: &str, subtype: &str) -> String {
    match reason {
        "max_turns" => "the agent took as many turns as it may, and was not done".to_owned(),
        "budget_exhausted" => "the agent spent as much as it may, and was not done".to_owned(),
        "output_schema_mismatch" => "the agent's answer did not satisfy the output schema".to_owned(),
        "interrupted" => "the turn was interrupted".to_owned(),
        _ => {
            let codes = [subtype, terminal].into_iter().filter(|code| !code.is_empty());
            let codes = codes.collect::<Vec<_>>().join(", ");
            format!("claude did not say why the turn failed ({codes})")
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!({"api_error_status": 429, "api_error_type": "rate_limit_error", "result": "slow"}), "rate_limited")]
    #[case(json!({"api_error_status": 529, "api_error_type": "overloaded_error", "result": "x"}), "overloaded")]
    #[case(json!({"api_error_status": 500, "api_error_type": "api_error", "result": "x"}), "server_error")]
    #[case(json!({"api_error_status": 401, "result": "x"}), "unauthorized")]
    #[case(json!({"api_error_status": null, "api_error_type": "connection_failed", "result": "x"}), "connection_lost")]
    #[case(json!({"result": "Not logged in · Please run /login"}), "unauthorized")]
    #[case(json!({"result": "Credit balance is too low"}), "quota_exceeded")]
    #[case(json!({"terminal_reason": "prompt_too_long", "result": "Prompt is too long"}), "context_too_long")]
    #[case(json!({"subtype": "error_max_turns"}), "max_turns")]
    #[case(json!({"subtype": "error_max_budget_usd"}), "budget_exhausted")]
    #[case(json!({"terminal_reason": "aborted_tools", "errors": ["[ede_diagnostic] x"]}), "interrupted")]
    #[case(json!({"errors": ["No conversation found with session ID: 7"]}), "session_not_found")]
    #[case(json!({"subtype": "error_of_tomorrow"}), "turn_failed")]
    fn results_have_words(#[case] result: Value, #[case] reason: &str) {
        let failure = Failure::of_result(result.as_object().unwrap());
        assert_eq!(failure.reason, reason);
        assert!(!failure.message.is_empty() && !failure.message.contains("ede_diagnostic"), "{failure:?}");
    }

    #[test]
    fn a_process_that_says_nothing_is_told_by_its_status() {
        assert!(Failure::of_process("exited with status 7", "\n").message.contains("status 7"));
        let root =
            "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons";
        assert_eq!(Failure::of_process("exited with status 1", root).reason, "bad_arguments");
    }
}
