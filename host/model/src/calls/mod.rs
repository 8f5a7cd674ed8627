//! What a face may ask of the host, and what the host answers: the shapes of the tools.
//!
//! Inputs take and ignore keys that they do not know, so that clients of every generation work; outputs are closed.
//! Optional inputs may be left out or `null`. The names, defaults and bounds of the ten tools are those of the
//! server that this host succeeds.

mod agents;
mod events;
mod runs;

pub use agents::{
    FetchAgentMessages, FetchedMessages, ListAgents, ListedAgents, SendAgentMessage, SentMessage,
};
pub use events::{
    ArtifactPage, EventPage, GetEventArtifact, PollEvents, RunChange, WaitForRuns, WaitMode, WaitOutcome,
};
pub use runs::{
    CancelRun, CancelledRun, ContinueMode, ContinueRun, ContinuedRun, GetRun, ListRuns, ListedRuns, RunRef, SpawnRun,
    SpawnedRun,
};
