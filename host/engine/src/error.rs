//! What the host answers when it cannot do what it was asked.

use pointsman_kernel::Refused;
use pointsman_model::{Beyond, Limit, RunId, SessionId, Status};

/// What the host answers when it cannot do what it was asked.
///
/// The messages of the first group are those of the server that this host succeeds: clients match on them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No run has this id.
    #[error("Unknown run_id: {0}")]
    UnknownRun(String),
    /// No agent has this name.
    #[error("Unknown agent_name{}: {name}", in_cwd(cwd.as_deref()))]
    UnknownAgent {
        /// The name.
        name: String,
        /// Where it was looked for, if not everywhere.
        cwd: Option<String>,
    },
    /// The agent has no run.
    #[error("No runs found for agent_name{}: {name}", in_cwd(cwd.as_deref()))]
    NoRuns {
        /// The name.
        name: String,
        /// Where it was looked for, if not everywhere.
        cwd: Option<String>,
    },
    /// Anything else about the input; the message says what is wrong and what would help.
    #[error("{0}")]
    Invalid(String),
    /// The run is none that this agent launched.
    #[error(
        "run {run_id} is none of yours: an agent may look at, continue and end only what it, or its own runs, launched"
    )]
    NotYours {
        /// The run.
        run_id: String,
    },
    /// The session is none of what this agent launched.
    #[error(
        "session {session_id} is none of yours: an agent may go on with the sessions of what it launched"
    )]
    OtherSession {
        /// The session.
        session_id: SessionId,
    },
    /// The run is the agent's own.
    #[error("run {run_id} is your own: whoever works in it can neither end it nor answer for its user")]
    Oneself {
        /// The run.
        run_id: String,
    },
    /// A budget leaves nothing for one more run.
    #[error(
        "budget_exhausted: {} is used up ({most}), by the account of run {account}; an operator raises it with {key}",
        limit.as_str()
    )]
    Budget {
        /// Which.
        limit: Limit,
        /// The run whose budget it is.
        account: RunId,
        /// What it allows.
        most: String,
        /// The operator's line.
        key: String,
    },
    /// What was asked for is beyond what may be given.
    #[error("{what} {} is beyond what {who}: {}; an operator widens it with [{table}] {what}", beyond.wished, beyond.allowed)]
    Beyond {
        /// What, as in the operator's table.
        what: &'static str,
        /// Whose bound it is, and of what kind.
        who: String,
        /// What was asked for and what is allowed.
        beyond: Box<Beyond>,
        /// The operator's table.
        table: String,
    },
    /// The inbox is none that this agent may read.
    #[error(
        "the inbox of {name} is none of yours: an agent reads its own, and those of agents that it launched"
    )]
    OtherInbox {
        /// Whose it is.
        name: String,
    },
    /// The run has ended.
    #[error("run is already terminal: {0}")]
    AlreadyTerminal(Status),
    /// Another process drives the run.
    #[error("run is not active in this process: {run_id} ({hint})")]
    NotActiveHere {
        /// The run.
        run_id: String,
        /// Who drives it and what can be done.
        hint: String,
    },
    /// The run takes no message now.
    #[error("run is not awaiting additional input: {0}")]
    NotAwaitingInput(Status),
    /// The run is running, and its backend takes no messages meanwhile.
    #[error(
        "run is not awaiting additional input: running (backend {backend} takes no message while it runs; after its end \
         continue_run goes on with the session)"
    )]
    TakesNoMessage {
        /// The backend.
        backend: String,
    },
    /// A person's answer cannot be taken: the question is settled, is about something else, or takes no such answer.
    #[error(transparent)]
    Answer(Refused),
    /// The policies deny it.
    #[error("{0}")]
    Denied(String),
    /// Whoever answers did not show that it is the approver.
    #[error("{0}")]
    Approver(String),
    /// A plugin could not be loaded.
    #[error("plugin {name}: {message}")]
    Plugin {
        /// The plugin.
        name: String,
        /// Why, and what would help.
        message: String,
    },
    /// A policy does not take its configuration.
    #[error("policy {name}: {}", findings.join("; "))]
    Rules {
        /// The policy.
        name: String,
        /// All that is wrong with it, each with its rule and its place.
        findings: Vec<String>,
    },
    /// What the operator wrote for a plugin makes no sense.
    #[error("plugin {name}: configuration: {}", crate::fault::listed(faults))]
    Configuration {
        /// The plugin.
        name: String,
        /// What is wrong, each with its place in the operator's document.
        faults: Vec<crate::Fault>,
    },
    /// The state could not be read or written.
    #[error("{0}")]
    Store(String),
    /// The host is shutting down.
    #[error("the host is shutting down")]
    ShuttingDown,
}

impl From<pointsman_store::StoreError> for Error {
    fn from(error: pointsman_store::StoreError) -> Self {
        Self::Store(match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        })
    }
}

fn in_cwd(cwd: Option<&str>) -> String {
    cwd.map(|cwd| format!(" in cwd {cwd}")).unwrap_or_default()
}
