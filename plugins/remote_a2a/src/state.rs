//! What a task is doing, in the words of every version.

/// The state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Submitted,
    Working,
    InputRequired,
    AuthRequired,
    Completed,
    Failed,
    Canceled,
    Rejected,
}

impl State {
    /// Reads `input-required`, `TASK_STATE_INPUT_REQUIRED` and the like. Both spellings of cancelled occur.
    pub(crate) fn read(word: &str) -> Option<Self> {
        let lower = word.to_ascii_lowercase().replace('_', "-");
        Some(match lower.strip_prefix("task-state-").unwrap_or(&lower) {
            "submitted" => Self::Submitted,
            "working" => Self::Working,
            "input-required" => Self::InputRequired,
            "auth-required" => Self::AuthRequired,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            "rejected" => Self::Rejected,
            _ => return None,
        })
    }

    /// Says whether nothing comes after it.
    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Rejected)
    }

    /// Says whether the agent waits for its user.
    pub(crate) fn is_interrupted(self) -> bool {
        matches!(self, Self::InputRequired | Self::AuthRequired)
    }

    /// Gives the run's status, unless the host tells that itself: it does for an end and for a question.
    pub(crate) fn status(self) -> Option<&'static str> {
        match self {
            Self::Submitted => Some("queued"),
            Self::Working => Some("running"),
            _ => None,
        }
    }

    /// Gives the word of 0.3, for what is told and remembered.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Working => "working",
            Self::InputRequired => "input-required",
            Self::AuthRequired => "auth-required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Rejected => "rejected",
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("TASK_STATE_CANCELED", Some(State::Canceled))]
    #[case("TASK_STATE_CANCELLED", Some(State::Canceled))]
    #[case("canceled", Some(State::Canceled))]
    #[case("input-required", Some(State::InputRequired))]
    #[case("TASK_STATE_INPUT_REQUIRED", Some(State::InputRequired))]
    #[case("TASK_STATE_UNSPECIFIED", None)]
    #[case("unknown", None)]
    #[case("dreaming", None)]
    fn every_spelling_is_read(#[case] word: &str, #[case] state: Option<State>) {
        assert_eq!(State::read(word), state);
    }
}
