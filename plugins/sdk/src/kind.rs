//! The kinds of events that have a meaning of their own.
//!
//! Others are called `x_<plugin>_<name>`. Kinds that end a run or concern its approval are the host's: they come of
//! [`finish`](crate::backend::Effects::finish), [`await_input`](crate::backend::Effects::await_input) and
//! [`ask_permission`](crate::backend::Effects::ask_permission).

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $word:literal),+ $(,)?) => {
        $($(#[$doc])+ pub const $name: &str = $word;)+

        /// All of them.
        pub const ALL: &[&str] = &[$($word),+];
    };
}

kinds! {
    /// The agent was launched: the first event of a run.
    RUN_STARTED = "run_started",
    /// `data.status` is the run's status from now on.
    STATUS_CHANGED = "status_changed",
    /// The agent said `data.text`.
    AGENT_MESSAGE = "agent_message",
    /// A message was added to the conversation, by whomever.
    MESSAGE_ADDED = "message_added",
    /// The agent thought, or its program warned: `data.text`.
    REASONING = "reasoning",
    /// A command begins: `data.command`.
    COMMAND_STARTED = "command_started",
    /// A command has printed more.
    COMMAND_UPDATED = "command_updated",
    /// A command has ended: `data.output`, `data.exit_code`, `data.status`.
    COMMAND_FINISHED = "command_finished",
    /// Files were or are being changed: `data.changes`, `data.status`.
    FILE_CHANGED = "file_changed",
    /// A tool is called: `data.server`, `data.tool`, `data.arguments`.
    TOOL_STARTED = "tool_started",
    /// A tool has answered: `data.result` or `data.error`.
    TOOL_FINISHED = "tool_finished",
    /// The agent has produced something: `data.parts`.
    ARTIFACT_ADDED = "artifact_added",
    /// The agent's plan: `data.items`.
    TODO_UPDATED = "todo_updated",
    /// What the run has used by now: `data.input_tokens`, `data.cached_input_tokens`, `data.output_tokens`,
    /// `data.cost_micro_usd`. Budgets count it before the outcome says it.
    USAGE_UPDATED = "usage_updated",
}

#[cfg(test)]
mod tests {
    use pointsman_model::EventKind;

    #[test]
    fn each_is_a_kind_that_a_plugin_may_emit() {
        for word in super::ALL {
            let kind = EventKind::try_from((*word).to_owned()).unwrap();
            assert!(EventKind::KNOWN.contains(word) && !kind.is_reserved(), "{word}");
        }
    }
}
