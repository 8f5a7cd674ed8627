//! Agents that try again, and say so in ways of their own: the protocol has no words for it.
//!
//! A run that waits for a provider looks like one that hangs, so what is known of it is told, as the other backends do:
//! `reasoning` with `retry`.

use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// A text is told up to this size: some agents print whole answers of their providers.
const TEXT_BYTES: usize = 2_000;

/// Reads an update of the session: Codex's adapter hands an error on that Codex is going to get over.
pub(crate) fn in_update(update: &Map<String, Value>) -> Option<Draft> {
    let error = update.get("_meta")?.pointer("/codex/error")?;
    if error["willRetry"] != true {
        return None;
    }
    let words = ["message", "additionalDetails"].iter().filter_map(|key| error[*key].as_str());
    let text = words.collect::<Vec<_>>().join(": ");
    let reason = Failure::of_retry(&text, &error.to_string()).reason;
    let rest = update.iter().filter(|(key, _)| !matches!(key.as_str(), "sessionUpdate" | "_meta"));
    let rest = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
    Some(told(&text, reason).fields(rest).maybe("meta", update.get("_meta").cloned()))
}

/// Reads a line of standard error: Gemini says only there that an attempt has failed, and only when it leaves.
pub(crate) fn in_line(line: &str) -> Option<Draft> {
    is_told(line).then(|| told(line.trim(), Failure::of_retry(line, "").reason))
}

/// Says whether a line of standard error tells of another attempt.
pub(crate) fn is_told(line: &str) -> bool {
    line.starts_with("Attempt ") && line.contains("Retrying")
}

fn told(text: &str, reason: &str) -> Draft {
    let end = (0..=text.len().min(TEXT_BYTES)).rev().find(|end| text.is_char_boundary(*end));
    let text = end.and_then(|end| text.get(..end)).unwrap_or_default();
    Draft::new(kind::REASONING).field("text", text).field("retry", true).field("reason", reason)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn data(draft: Option<Draft>) -> Value {
        let event = pointsman_sdk::types::Event::from(draft.unwrap());
        serde_json::from_str(&event.data).unwrap()
    }

    #[rstest]
    #[case("Attempt 1 failed with status 429. Retrying with backoff... _ApiError: {}", "rate_limited")]
    #[case("Attempt 2 failed with status 529. Retrying with backoff... _ApiError: {}", "overloaded")]
    #[case(
        "Attempt 2 failed. Retrying with backoff... Error: exception TypeError: fetch failed sending request",
        "connection_lost"
    )]
    #[case("Attempt 3 failed. Retrying with backoff... Error: the moon is full", "turn_failed")]
    fn geminis_attempts_are_told(#[case] line: &str, #[case] reason: &str) {
        assert_eq!(data(in_line(line)), json!({ "text": line, "retry": true, "reason": reason }));
    }

    #[rstest]
    #[case("    at async retryWithBackoff (file:///gemini.js:1:2)")]
    #[case("Ripgrep is not available. Falling back to GrepTool.")]
    fn other_lines_are_not(#[case] line: &str) {
        assert!(in_line(line).is_none());
    }

    #[test]
    fn codex_is_read_by_its_status() {
        let update = |will: bool| {
            let error = json!({
                "message": "Reconnecting... 1/5", "additionalDetails": "it was too much", "willRetry": will,
                "codexErrorInfo": { "responseStreamDisconnected": { "httpStatusCode": 529 } },
            });
            json!({ "_meta": { "codex": { "error": error } } }).as_object().cloned().unwrap()
        };
        let told = data(in_update(&update(true)));
        assert_eq!(
            (&told["text"], &told["reason"]),
            (&json!("Reconnecting... 1/5: it was too much"), &json!("overloaded"))
        );
        assert!(in_update(&update(false)).is_none());
    }

    #[test]
    fn a_long_line_is_cut_between_letters() {
        let line = format!("Attempt 1 failed. Retrying {}", "ü".repeat(TEXT_BYTES));
        let told = data(in_line(&line));
        assert!(told["text"].as_str().unwrap().len() <= TEXT_BYTES);
    }
}
