//! How a turn ended, whichever protocol told it.

use pointsman_sdk::backend::Outcome;
use serde_json::Value;

use crate::failure::Failure;

/// Makes the outcome of a turn that was completed.
pub(crate) fn completed(last_message: Option<&str>, structured: bool) -> Outcome {
    let mut outcome = Outcome::completed(None);
    if structured {
        // Codex does not hold the answer against the schema, the host does; here it only has to be JSON.
        outcome.structured_output = last_message
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .map(|value| value.to_string());
    }
    outcome
}

/// Makes the outcome of a failure.
pub(crate) fn failed(failure: Failure) -> Outcome {
    Outcome::failed(failure.reason, failure.message)
}

/// Makes the outcome of a run whose process never was.
pub(crate) fn never_began(reason: &str, why: &str, cancelled: Option<String>) -> Outcome {
    match cancelled {
        Some(why) => Outcome::cancelled(why),
        None => Outcome::failed(reason, format!("codex could not be started: {why}")),
    }
}
