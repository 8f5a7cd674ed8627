//! `pointsman a2a serve`: one backend as an A2A agent.

use crate::args::ServeArgs;
use crate::config::Loaded;
use crate::failure::{Failure, Outcome};

pub(super) fn run(_loaded: &Loaded, args: &ServeArgs) -> Outcome {
    Err(Failure::internal(format!("serving {} over A2A is being built", args.backend)))
}
