//! `cargo xtask demo`: what the program does, seen from a client.
//!
//! One run that the policy allows and one that it asks about, with the events as they come, the question with its
//! reason, a person's answer from another process, the results, and a page of what was too long for an event. With
//! Node there the agent is the real Codex CLI, which talks to a model server on this machine; else it is a small
//! agent of our own. Nothing needs credentials, and everything lies below `target/demo`.

mod agent;
mod client;
mod codex;
mod folder;
mod scene;
mod show;

pub(crate) use agent::agent;

use std::path::PathBuf;

use self::client::Client;
use self::codex::Codex;
use self::folder::Folder;
use crate::cargo::{self, cargo, target_dir};
use crate::{Failure, say};

/// The hidden task by which this program is the demo's own agent.
pub(crate) const AGENT: &str = "__demo-agent";

/// Which agent plays.
#[derive(Debug)]
enum Cast {
    /// The real Codex CLI, against a model server that is kept alive here.
    Codex(Codex),
    /// This program.
    Own,
}

impl Cast {
    fn backend(&self) -> &'static str {
        match self {
            Self::Codex(_) => "codex",
            Self::Own => "demo",
        }
    }
}

pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let own = match args {
        [] => false,
        [only] if only == "--without-node" => true,
        _ => return Err("cargo xtask demo takes nothing but --without-node".into()),
    };
    pointsman_guest_build::ensure_target()?;
    let program = build()?;
    let folder = Folder::create()?;
    let cast = cast(&folder, own)?;
    folder.write_config(&cast)?;
    let mut client = Client::start(&program, &folder)?;
    scene::play(&mut client, &folder, &cast, &program)?;
    client.stop()?;
    drop(cast);
    folder.farewell(&program)
}

/// Builds the program, the components included, the way `cargo install` would, only faster.
fn build() -> Result<PathBuf, Failure> {
    cargo::run("the program, with its components inside", &mut cargo(&["build", "--workspace", "--bins"]))?;
    Ok(target_dir().join("debug").join(format!("pointsman{}", std::env::consts::EXE_SUFFIX)))
}

fn cast(folder: &Folder, own: bool) -> Result<Cast, Failure> {
    if own {
        return Ok(Cast::Own);
    }
    if !codex::node_is_there() {
        say::line(say::warn(
            "Node is not there, so a small agent of our own plays instead of the Codex CLI.",
        ));
        return Ok(Cast::Own);
    }
    match Codex::prepare(folder) {
        Ok(codex) => Ok(Cast::Codex(codex)),
        Err(why) => {
            say::line(say::warn(format!(
                "The Codex CLI cannot be had ({why}), so a small agent of our own plays."
            )));
            Ok(Cast::Own)
        }
    }
}
