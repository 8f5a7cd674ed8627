//! Why a command could not be done, with what would help.

use std::fmt;

use pointsman_engine::Fault;

use crate::config::{ConfigError, Loaded};
use crate::exit::Exit;

/// Why a command could not be done.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the program ends with.
    pub(crate) exit: Exit,
    /// What failed and why, as a lower-case fragment.
    pub(crate) message: String,
    /// What would help.
    pub(crate) help: Option<String>,
}

impl Failure {
    /// Makes a failure without advice.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), help: None }
    }

    /// Makes an ordinary failure.
    pub(crate) fn error(message: impl fmt::Display) -> Self {
        Self::new(Exit::Error, message)
    }

    /// Makes a failure about something that is not there.
    pub(crate) fn not_found(message: impl fmt::Display) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// Makes a failure that only a defect can cause.
    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        Self::new(Exit::Internal, message)
    }

    /// Adds what would help.
    pub(crate) fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = Some(help.to_string());
        self
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let help = error.help();
        Self::new(Exit::Configuration, error).help(help)
    }
}

impl From<pointsman_engine::Error> for Failure {
    fn from(error: pointsman_engine::Error) -> Self {
        use pointsman_engine::Error as E;
        match error {
            E::UnknownRun(_) | E::UnknownAgent { .. } | E::NoRuns { .. } => {
                Self::not_found(error).help("`pointsman runs list` shows what there is")
            }
            E::Plugin { .. } => Self::error(error).help("`pointsman plugin list` shows which plugins load"),
            E::Rules { .. } => Self::new(Exit::Configuration, error)
                .help("`pointsman policy check FILE` says it line by line"),
            E::Store(_) => Self::error(error).help("`pointsman doctor` looks at the state folder"),
            _ => Self::error(error),
        }
    }
}

impl Failure {
    /// Makes a failure of a host's error: what is wrong with the configuration is said with its place.
    pub(crate) fn located(loaded: &Loaded, error: pointsman_engine::Error) -> Self {
        match error {
            pointsman_engine::Error::Configuration { faults, .. } => Self::faults(loaded, &faults),
            other => other.into(),
        }
    }

    /// Makes a failure of what is wrong with a plugin's configuration.
    pub(crate) fn faults(loaded: &Loaded, faults: &[Fault]) -> Self {
        let said: Vec<String> =
            faults.iter().map(|fault| format!("{}: {fault}", loaded.place_of(&fault.key))).collect();
        Self::new(Exit::Configuration, said.join("\n")).help("`pointsman config example` shows every key")
    }
}

/// What a command gives back: how the program ends.
pub(crate) type Outcome = Result<Exit, Failure>;
