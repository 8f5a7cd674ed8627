//! Building outcomes.

use super::{Ending, Outcome, Usage};

impl Outcome {
    /// Makes the outcome of a task that was done.
    #[must_use]
    pub fn completed(final_response: Option<String>) -> Self {
        Self {
            ending: Ending::Completed,
            final_response,
            structured_output: None,
            usage: None,
            reason: None,
            error: None,
        }
    }

    /// Makes the outcome of a task that was not done: a stable word for programs, a sentence for people.
    #[must_use]
    pub fn failed(reason: impl Into<String>, error: impl Into<String>) -> Self {
        Self::without_success(Ending::Failed, reason.into(), error.into())
    }

    /// Makes the outcome of a task that somebody no longer wants.
    #[must_use]
    pub fn cancelled(error: impl Into<String>) -> Self {
        Self::without_success(Ending::Cancelled, "cancelled".to_owned(), error.into())
    }

    /// Adds what was used.
    #[must_use]
    pub fn with_usage(mut self, usage: Option<Usage>) -> Self {
        self.usage = usage;
        self
    }

    /// Adds the agent's last word.
    #[must_use]
    pub fn with_final_response(mut self, text: Option<String>) -> Self {
        self.final_response = text;
        self
    }

    fn without_success(ending: Ending, reason: String, error: String) -> Self {
        Self {
            ending,
            final_response: None,
            structured_output: None,
            usage: None,
            reason: Some(reason),
            error: Some(error),
        }
    }
}
