//! Running cargo.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{Failure, say};

/// Gives a cargo command in the workspace: the very cargo that runs us.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(pointsman_guest_build::workspace());
    command
}

/// Says what is done and why, and does it; cargo shows its own progress.
pub(crate) fn run(why: &str, command: &mut Command) -> Result<(), Failure> {
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let line = format!("cargo {}", args.join(" "));
    say::step(format!("{why}: {line}"));
    let status =
        command.stdin(Stdio::null()).status().map_err(|error| format!("cargo cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{line}: {status}").into()) }
}

/// Says whether cargo has a further command.
pub(crate) fn has(command: &str) -> bool {
    cargo(&[command, "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Gives the folder that cargo builds in.
pub(crate) fn target_dir() -> PathBuf {
    let dir = std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
    pointsman_guest_build::workspace().join(dir.map_or_else(|| PathBuf::from("target"), PathBuf::from))
}
