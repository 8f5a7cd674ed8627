//! `pointsman a2a`: this host as an agent for others, and a look at theirs.

mod serve;

use crate::args::A2aCommand;
use crate::config::Loaded;
use crate::failure::Outcome;

pub(super) fn run(loaded: &Loaded, command: A2aCommand) -> Outcome {
    match command {
        A2aCommand::Serve(args) => serve::run(loaded, &args),
    }
}
