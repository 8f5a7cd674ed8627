//! Why a plugin could not be loaded or did not answer.

use std::time::Duration;

use pointsman_model::plugin::Finding;

/// The versions of the contract that this host speaks.
pub const SUPPORTED_CONTRACTS: &[&str] = &["pointsman:plugin@0.1.0"];

/// The sandbox could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up WebAssembly: {message}")]
pub struct SandboxError {
    /// What the runtime says.
    pub message: String,
}

/// A component could not be loaded as a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are no component that this host can compile.
    #[error("plugin {plugin}: not a WebAssembly component: {message}")]
    NotAComponent {
        /// The plugin's name.
        plugin: String,
        /// What the compiler says.
        message: String,
    },
    /// It does not export what its kind of plugin must.
    #[error(
        "plugin {plugin}: the component does not export `{wanted}`, but {}; this host speaks {}",
        list(found, "nothing"),
        SUPPORTED_CONTRACTS.join(", ")
    )]
    MissingExport {
        /// The plugin's name.
        plugin: String,
        /// The interface that is missing.
        wanted: &'static str,
        /// What it exports.
        found: Vec<String>,
    },
    /// It imports what no plugin gets.
    #[error(
        "plugin {plugin}: the component imports `{import}`, which no plugin gets; this host speaks {} over WASI 0.2",
        SUPPORTED_CONTRACTS.join(", ")
    )]
    UnknownImport {
        /// The plugin's name.
        plugin: String,
        /// The import.
        import: String,
    },
    /// Its types are not those of the contract that it names.
    #[error(
        "plugin {plugin}: the component does not fit its contract: {message}; this host speaks {}",
        SUPPORTED_CONTRACTS.join(", ")
    )]
    Mismatch {
        /// The plugin's name.
        plugin: String,
        /// What does not fit.
        message: String,
    },
    /// It says something of itself that cannot be.
    #[error("plugin {plugin}: its description is not valid: {message}")]
    Description {
        /// The plugin's name.
        plugin: String,
        /// What is wrong.
        message: String,
    },
    /// It failed while it was made or described itself.
    #[error(transparent)]
    Guest(#[from] GuestFailure),
}

fn list(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

/// A call that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The plugin itself says no, and why.
    #[error("{0}")]
    Refused(String),
    /// The host was about to hand over something that the contract cannot carry.
    #[error("cannot be handed to plugin {plugin}: {what}")]
    Input {
        /// The plugin's name.
        plugin: String,
        /// What is wrong with it.
        what: String,
    },
    /// The plugin failed.
    #[error(transparent)]
    Guest(#[from] GuestFailure),
}

/// A plugin failed: which one, where, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin {plugin} failed in `{export}`: {cause}")]
pub struct GuestFailure {
    /// The plugin's name.
    pub plugin: String,
    /// The export that was called; `instantiate` while an instance was made.
    pub export: &'static str,
    /// How it failed.
    pub cause: Cause,
}

/// How a plugin failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// It trapped.
    #[error("it trapped: {message}")]
    Trap {
        /// What the runtime says.
        message: String,
    },
    /// It used up its fuel.
    #[error("it ran out of fuel ({limit} units for a call)")]
    OutOfFuel {
        /// What it had.
        limit: u64,
    },
    /// It took too long.
    #[error("it passed its deadline of {limit:?}")]
    Deadline {
        /// What it had.
        limit: Duration,
    },
    /// It trapped after it was denied memory.
    #[error("it ran out of memory ({limit} bytes)")]
    OutOfMemory {
        /// What it may take.
        limit: usize,
    },
    /// It returned more than is taken.
    #[error("it returned too much: more than {limit} {what}")]
    ReturnedTooMuch {
        /// Of what.
        what: &'static str,
        /// What is taken.
        limit: usize,
    },
    /// It returned what cannot be.
    #[error("it returned something that is not valid: {what}")]
    Malformed {
        /// What, and why not.
        what: String,
    },
    /// An earlier call of this instance failed.
    #[error("an earlier call failed, and its instance is not used again")]
    Poisoned,
    /// There are as many instances as there can be.
    #[error("there is no room for another instance: {message}")]
    NoRoom {
        /// What the runtime says.
        message: String,
    },
}

/// A policy's configuration was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyLoadError {
    /// The policy found something wrong with it.
    #[error("policy {module}: {}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Findings {
        /// The policy's name.
        module: String,
        /// What is wrong.
        findings: Vec<Finding>,
    },
    /// The policy failed.
    #[error(transparent)]
    Guest(#[from] GuestFailure),
}
