//! The tools: their names, what a model reads about them, and their schemas.

use std::sync::{Arc, LazyLock};

use pointsman_model::RunRecord;
use pointsman_model::calls;
use rmcp::model::{JsonObject, Tool as Definition, ToolAnnotations};

use crate::schema;

/// What the server says about itself to a model that meets it.
pub(crate) const INSTRUCTIONS: &str = include_str!("instructions.md");

/// A tool of this server, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tool {
    SpawnRun,
    GetRun,
    PollEvents,
    CancelRun,
    ContinueRun,
    ListRuns,
    GetEventArtifact,
    ListAgents,
    SendAgentMessage,
    FetchAgentMessages,
    WaitForRuns,
    ExplainPolicy,
}

/// Gives the names of the tools that this server has.
pub fn tool_names() -> impl Iterator<Item = &'static str> {
    Tool::ALL.into_iter().map(Tool::name)
}

impl Tool {
    pub(crate) const ALL: [Self; 12] = [
        Self::SpawnRun,
        Self::GetRun,
        Self::PollEvents,
        Self::CancelRun,
        Self::ContinueRun,
        Self::ListRuns,
        Self::GetEventArtifact,
        Self::ListAgents,
        Self::SendAgentMessage,
        Self::FetchAgentMessages,
        Self::WaitForRuns,
        Self::ExplainPolicy,
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SpawnRun => "spawn_run",
            Self::GetRun => "get_run",
            Self::PollEvents => "poll_events",
            Self::CancelRun => "cancel_run",
            Self::ContinueRun => "continue_run",
            Self::ListRuns => "list_runs",
            Self::GetEventArtifact => "get_event_artifact",
            Self::ListAgents => "list_agents",
            Self::SendAgentMessage => "send_agent_message",
            Self::FetchAgentMessages => "fetch_agent_messages",
            Self::WaitForRuns => "wait_for_runs",
            Self::ExplainPolicy => "explain_policy",
        }
    }

    /// Says whether a call may wait for something to happen.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::WaitForRuns | Self::PollEvents)
    }

    fn title(self) -> &'static str {
        match self {
            Self::SpawnRun => "Launch an agent",
            Self::GetRun => "Look at a run",
            Self::PollEvents => "Follow a run",
            Self::CancelRun => "Stop a run",
            Self::ContinueRun => "Answer a run",
            Self::ListRuns => "List runs",
            Self::GetEventArtifact => "Read a large value",
            Self::ListAgents => "List agents",
            Self::SendAgentMessage => "Send mail to an agent",
            Self::FetchAgentMessages => "Read an agent's mail",
            Self::WaitForRuns => "Wait for runs",
            Self::ExplainPolicy => "Ask policy beforehand",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::SpawnRun => {
                "Launch another agent on a task. Returns at once with run_id; the agent works in the background. \
                 Status approval_required means a person must allow it first (see note)."
            }
            Self::GetRun => {
                "Status and, when the run is over, its result: final_response, structured_output, usage, error. \
                 Fields named in truncated were shortened."
            }
            Self::PollEvents => {
                "Events of one run after a number, waiting for the first. To wait for an end, wait_for_runs is \
                 cheaper."
            }
            Self::CancelRun => "End a run and every process of it.",
            Self::ContinueRun => {
                "Say something to a run that waits (input_required), or go on with the session of one that is over, \
                 as a new run."
            }
            Self::ListRuns => "Runs, newest first, without results. next_cursor leads to the next page.",
            Self::GetEventArtifact => {
                "Read a value that was too large for its event, page by page: the event's artifact_refs name it."
            }
            Self::ListAgents => "Named agents (sessions) and what they are doing, newest first.",
            Self::SendAgentMessage => {
                "Put a message into an agent's inbox in the same cwd. It starts nothing; use continue_run for that."
            }
            Self::FetchAgentMessages => "Read an agent's inbox after a number. Takes nothing away.",
            Self::WaitForRuns => {
                "Wait until any (or all) of several runs needs attention: over, or waiting for somebody. Returns only \
                 what changed since cursor. done false means time ran out: call again with next_cursor."
            }
            Self::ExplainPolicy => {
                "What policy would say of a spawn_run: allow, ask (a person) or deny, with the rule and its reason. \
                 Launches nothing."
            }
        }
    }

    /// Truthful, as some clients skip a question to their user because of these.
    fn annotations(self) -> ToolAnnotations {
        let reads =
            ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false);
        let writes = ToolAnnotations::new().read_only(false);
        match self {
            Self::GetRun
            | Self::PollEvents
            | Self::ListRuns
            | Self::GetEventArtifact
            | Self::ListAgents
            | Self::FetchAgentMessages
            | Self::WaitForRuns
            | Self::ExplainPolicy => reads,
            // An agent changes files and talks to its provider.
            Self::SpawnRun | Self::ContinueRun => writes.destructive(true).idempotent(false).open_world(true),
            Self::CancelRun => writes.destructive(true).idempotent(true).open_world(false),
            Self::SendAgentMessage => writes.destructive(false).idempotent(false).open_world(false),
        }
    }

    fn schemas(self) -> (JsonObject, JsonObject) {
        use schema::{input, output};
        match self {
            Self::SpawnRun => (input::<calls::SpawnRun>(), output::<calls::SpawnedRun>()),
            Self::GetRun => (input::<calls::GetRun>(), output::<RunRecord>()),
            Self::PollEvents => (input::<calls::PollEvents>(), output::<calls::EventPage>()),
            Self::CancelRun => (input::<calls::CancelRun>(), output::<calls::CancelledRun>()),
            Self::ContinueRun => (input::<calls::ContinueRun>(), output::<calls::ContinuedRun>()),
            Self::ListRuns => (input::<calls::ListRuns>(), output::<calls::ListedRuns>()),
            Self::GetEventArtifact => (input::<calls::GetEventArtifact>(), output::<calls::ArtifactPage>()),
            Self::ListAgents => (input::<calls::ListAgents>(), output::<calls::ListedAgents>()),
            Self::SendAgentMessage => (input::<calls::SendAgentMessage>(), output::<calls::SentMessage>()),
            Self::FetchAgentMessages => {
                (input::<calls::FetchAgentMessages>(), output::<calls::FetchedMessages>())
            }
            Self::WaitForRuns => (input::<calls::WaitForRuns>(), output::<calls::WaitOutcome>()),
            Self::ExplainPolicy => (input::<calls::ExplainPolicy>(), output::<calls::ExplainedPolicy>()),
        }
    }

    /// Gives what is published of the tool; made once.
    pub(crate) fn definition(self) -> &'static Definition {
        // `ALL` is in the order of the variants, so a variant's number is its place.
        &DEFINITIONS[self as usize]
    }

    /// Gives every definition, in order.
    pub(crate) fn definitions() -> Vec<Definition> {
        DEFINITIONS.clone()
    }

    fn define(self) -> Definition {
        let (input, output) = self.schemas();
        Definition::new(self.name(), self.description(), Arc::new(input))
            .with_title(self.title())
            .with_raw_output_schema(Arc::new(output))
            .with_annotations(self.annotations())
    }
}

static DEFINITIONS: LazyLock<Vec<Definition>> =
    LazyLock::new(|| Tool::ALL.into_iter().map(Tool::define).collect());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_found_by_its_name_and_in_its_place() {
        for tool in Tool::ALL {
            assert_eq!(Tool::named(tool.name()), Some(tool));
            assert_eq!(tool.definition().name, tool.name());
        }
        assert_eq!(Tool::named("answer_approval"), None);
    }
}
