//! The `pointsman` program: configuration, wiring and commands.
//!
//! Everything that is decided is decided in the floors below. **Deliberately missing:** logic about runs.

mod approver;
mod args;
mod attach;
mod commands;
mod config;
mod control;
mod curtain;
mod exit;
mod failure;
mod lineage;
mod logging;
mod plugins;
mod question;
mod state;
mod terminal;
mod user;

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{ColorChoice, Paint, say};

/// The hidden first argument by which the host starts itself again as the supervisor of one process tree.
const SUPERVISE: &str = "__supervise";

fn main() -> ExitCode {
    // Before anything else: the supervisor stands between the host and each agent and must start in no time.
    if std::env::args_os().nth(1).is_some_and(|first| first == OsStr::new(SUPERVISE)) {
        return supervise();
    }
    if let Some(exit) = curtain::run() {
        return exit;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way, too, and are no errors.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            let _ = error.print();
            return exit.into();
        }
    };
    let color = cli.global.color;
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            report(&failure, color);
            failure.exit.into()
        }
    }
}

fn report(failure: &Failure, color: ColorChoice) {
    let paint = Paint::new(color, std::io::stderr().is_terminal());
    say(format!("{} {}", paint.bad("error:"), failure.message));
    if let Some(help) = &failure.help {
        say(format!("{} {help}", paint.bold("help:")));
    }
}

fn supervise() -> ExitCode {
    pointsman_capabilities::process::supervisor_main()
}
