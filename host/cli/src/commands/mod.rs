//! What the commands do.

mod a2a;
mod agents;
mod answer;
mod approvals;
mod approver;
mod audit;
mod config;
mod doctor;
mod events;
mod plugin;
mod policy;
mod profiles;
mod reveal;
mod rules_file;
mod run;
mod runs;
mod serve;
mod state;
mod webhook;

use clap::CommandFactory;

use crate::args::{Cli, Command};
use crate::config::load;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::logging;
use crate::terminal::Out;

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> Outcome {
    let Cli { global, command } = cli;
    let out = Out::new(global.json, global.color);
    let named = global.config.as_deref();
    match command {
        // These two work with a broken configuration: they are where one looks for what is wrong with it.
        Command::Config(command) => return config::run(out, named, command),
        Command::Doctor => return doctor::run(out, named),
        Command::Completions { shell } => return completions(out, shell),
        _ => {}
    }
    let loaded = load(named)?;
    logging::start(&loaded.config)?;
    match command {
        Command::Serve(args) => serve::run(&loaded, &args),
        Command::Run(args) => run::run(out, &loaded, global.color, &args),
        Command::Detached => run::drive_detached(&loaded),
        Command::Runs(command) => runs::run(out, &loaded, command),
        Command::Approvals(command) => approvals::run(out, &loaded, command),
        Command::Approver(command) => approver::run(out, &loaded, &command),
        Command::Audit(command) => audit::run(out, &loaded, command),
        Command::A2a(command) => a2a::run(out, &loaded, command),
        Command::Policy(command) => policy::run(out, &loaded, &command),
        Command::Plugin(command) => plugin::run(out, &loaded, &command),
        Command::Profiles(command) => profiles::run(out, &loaded, &command),
        Command::State(command) => state::run(out, &loaded, command),
        Command::Config(_) | Command::Doctor | Command::Completions { .. } => Ok(Exit::Ok),
    }
}

fn completions(out: Out, shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pointsman", &mut script);
    out.raw(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
