//! Why a program could not be started.

use std::io;

use super::program::Missing;

/// A program that could not be started. Becomes `process-failed`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// It is not on this machine.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// It would have nowhere to work.
    #[error("working directory {cwd} cannot be used: {source}")]
    WorkingDirectory {
        /// The directory.
        cwd: String,
        /// Why not.
        source: io::Error,
    },
    /// Its files could not be written.
    #[error("scratch files of program {program:?} could not be written below {base}: {source}")]
    Scratch {
        /// The program's id.
        program: String,
        /// Where they belong.
        base: String,
        /// Why not.
        source: io::Error,
    },
    /// An argument, a variable or the working directory that no program can be given.
    #[error(
        "program {program:?} cannot be started: an argument, a variable or the working directory holds a NUL byte"
    )]
    HoldsNul {
        /// The program's id.
        program: String,
    },
    /// The host is out of descriptors or memory.
    #[error("pipes for program {program:?} could not be made: {source}")]
    Pipes {
        /// The program's id.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// The supervisor could not be started.
    #[error("supervisor {supervisor} could not be started: {source}")]
    Supervisor {
        /// Its program.
        supervisor: String,
        /// Why not.
        source: io::Error,
    },
    /// The supervisor ended, or said nothing that could be understood.
    #[error("supervisor {supervisor} did not start program {program:?}: {why}")]
    SupervisorFailed {
        /// Its program.
        supervisor: String,
        /// The program's id.
        program: String,
        /// What it did instead.
        why: String,
    },
    /// The operating system refused the program.
    #[error("program {program:?} ({path}) could not be started: {why}")]
    Refused {
        /// The program's id.
        program: String,
        /// Its place.
        path: String,
        /// Why not.
        why: String,
    },
}
