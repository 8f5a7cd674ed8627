//! What a face may ask of the host, and what the host answers: the shapes of the tools.
//!
//! Inputs take and ignore keys that they do not know, so that clients of every generation work; outputs are closed.
//! Optional inputs may be left out or `null`. The names, defaults and bounds of the ten tools are those of the
//! server that this host succeeds.

/// Gives calls that carry the three fields of a run reference a way to hand them on.
macro_rules! names_a_run {
    ($($name:ident),+) => {
        $(impl $name {
            /// Gives the run it names.
            #[must_use]
            pub fn run(&self) -> $crate::calls::RunRef {
                $crate::calls::RunRef {
                    run_id: self.run_id.clone(),
                    agent_name: self.agent_name.clone(),
                    cwd: self.cwd.clone(),
                }
            }
        })+
    };
}

mod agents;
mod events;
mod policy;
mod runs;

pub use agents::{
    FetchAgentMessages, FetchedMessages, ListAgents, ListedAgents, SendAgentMessage, SentMessage,
};
pub use events::{
    ArtifactPage, EventPage, GetEventArtifact, PollEvents, RunChange, WaitForRuns, WaitMode, WaitOutcome,
};
pub use policy::{ExplainPolicy, ExplainedPolicy};
pub use runs::{
    CancelRun, CancelledRun, ContinueMode, ContinueRun, ContinuedRun, GetRun, ListRuns, ListedRuns, RunRef,
    SpawnRun, SpawnedRun,
};
