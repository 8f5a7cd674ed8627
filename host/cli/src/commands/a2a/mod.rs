//! `pointsman a2a`: this host as an agent for others, and a look at theirs.

mod card;
mod publish;
mod serve;

use crate::args::A2aCommand;
use crate::config::Loaded;
use crate::failure::Outcome;
use crate::terminal::Out;

pub(super) use publish::{Publishing, publish};

pub(super) fn run(out: Out, loaded: &Loaded, command: A2aCommand) -> Outcome {
    match command {
        A2aCommand::Card(args) => card::run(out, &args),
        A2aCommand::Serve(args) => serve::run(out, loaded, &args),
    }
}
