//! This program as a shell that stands before commands and keeps variables from them.
//!
//! Some agents take a program of which they start every command and every server, with the whole command line as its one
//! argument (Claude Code's `CLAUDE_CODE_SHELL_PREFIX`). That has to be one path, without arguments, so which variables are
//! kept is said by one of them, which is kept as well.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::terminal::say;

/// Names the variables, separated by commas.
const HIDDEN: &str = "POINTSMAN_HIDDEN_ENV";

/// Runs the command line that is the only argument, if variables are to be kept from it; comes back otherwise, or if there
/// is no shell.
pub(crate) fn run() -> Option<ExitCode> {
    let hidden = std::env::var_os(HIDDEN)?;
    let mut args = std::env::args_os().skip(1);
    let (line, None) = (args.next()?, args.next()) else { return None };
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "sh".into());
    let mut command = Command::new(shell);
    command.arg("-c").arg(line).env_remove(HIDDEN);
    for name in hidden.to_string_lossy().split(',').filter(|name| !name.is_empty()) {
        command.env_remove(OsString::from(name));
    }
    say(format!("the command could not be started: {}", become_it(command)));
    Some(ExitCode::from(126))
}

#[cfg(unix)]
fn become_it(mut command: Command) -> std::io::Error {
    use std::os::unix::process::CommandExt as _;
    command.exec()
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> std::io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(126)),
        Err(error) => error,
    }
}
