//! Answers: shaped as every client takes them, and small.
//!
//! Nothing is cut silently: an answer that leaves something out says so in `truncated` (or in `has_more`) and says
//! where the rest begins.

mod fit;
mod measure;
mod record;

use pointsman_engine::Error;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::Value;

pub(crate) use fit::{
    agents_that_fit, artifact_bytes_that_fit, changes_that_fit, events_that_fit, mail_that_fits,
    runs_that_fit,
};
pub(crate) use measure::json_len;
pub(crate) use record::fitting_record;

use crate::arguments::Issues;

/// How large an answer may be if its caller does not say: more is cut by some client or other.
pub(crate) const DEFAULT_BYTES: u32 = 8_192;
/// What no answer exceeds unless its caller asked for a larger page by name.
pub(crate) const MOST_BYTES: usize = 40_000;
/// What a text about a failure may hold: clients cut longer ones in the middle.
const ERROR_BYTES: usize = 8_192;

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The arguments are wrong.
    Arguments(Issues),
    /// The host could not.
    Failed(Error),
    /// The client cancelled, or went, while the call waited.
    Interrupted,
    /// The answer could not be written as JSON.
    Unwritable(serde_json::Error),
}

impl From<Issues> for Refusal {
    fn from(issues: Issues) -> Self {
        Self::Arguments(issues)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::Unwritable(error)
    }
}

/// Makes the result that a client gets. A refusal carries no structured content.
pub(crate) fn result(answer: Result<Value, Refusal>) -> CallToolResult {
    let text = match answer {
        Ok(value) => {
            let mut result = CallToolResult::structured(value);
            // Absent means success in both eras.
            result.is_error = None;
            return result;
        }
        Err(Refusal::Arguments(issues)) => issues.text(),
        Err(Refusal::Failed(error)) => format!("Error: {error}"),
        Err(Refusal::Interrupted) => "Error: the wait was cut short; the runs go on".to_owned(),
        Err(Refusal::Unwritable(error)) => format!("Error: the answer could not be written: {error}"),
    };
    failure(text)
}

/// Makes a result that says what failed.
pub(crate) fn failure(mut text: String) -> CallToolResult {
    if text.len() > ERROR_BYTES {
        text.truncate(text.floor_char_boundary(ERROR_BYTES - '…'.len_utf8()));
        text.push('…');
    }
    CallToolResult::error(vec![ContentBlock::text(text)])
}
