//! Programs of the operator's table, run under supervision (`process/spawn@1`).
//!
//! A plugin names a program and its arguments; [`authorize`] says whether it may, [`Processes::spawn`] starts it, and
//! a [`Child`] with its [`ProcessEvent`]s is what the engine then deals with.
//!
//! # Supervision
//!
//! Agents put the commands that they run into sessions of their own, so killing an agent's process group misses them,
//! and killing the host misses everything. So each program runs under a small *supervisor* process of its own: the
//! host's own program, started again to run [`supervisor_main`]. It adopts whatever the program leaves behind, finds
//! the whole tree, and ends it when it is told to, when the program itself has ended, or when the host is gone. An
//! exit is reported only when nothing of the tree lives any more.
//!
//! What only Linux has stands in `tree/linux.rs`; [`supervision`] says what is active.

mod authorize;
mod child;
mod control;
mod environment;
mod follow;
mod input;
mod line;
mod output;
mod pipes;
mod program;
mod scratch;
mod spawn;
mod spawn_error;
mod supervisor;
mod tail;
mod tree;

pub use authorize::{AuthorizedProcess, StandardInput, authorize};
pub use child::{Child, ProcessEvent};
pub use environment::{HostEnvironment, InvalidName, NamePattern};
pub use input::WriteError;
pub use line::{Line, LineFramer};
pub use program::{InvalidProgram, Missing, Program, ProgramEntry, Programs, Resolution};
pub use scratch::{InvalidScratchName, sweep};
pub use spawn::{Limits, Processes, SupervisorCommand};
pub use spawn_error::SpawnError;
#[doc(hidden)]
pub use supervisor::portable_supervisor_main;
pub use supervisor::supervisor_main;
pub use tree::supervision;
