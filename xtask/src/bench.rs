//! `cargo xtask bench`.

use std::process::Command;

use crate::cargo::{self, cargo};
use crate::{Failure, say};

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    pointsman_guest_build::ensure_target()?;
    say::line(say::dim("release mode takes some minutes to build the first time"));
    // One build of everything: built one by one, cargo would choose other features for shared crates and build them twice.
    cargo::run("the program and its bench", &mut cargo(&["build", "--release", "--workspace", "--bins"]))?;
    say::step("measuring");
    let bench = cargo::target_dir().join("release").join("bench");
    let status =
        Command::new(&bench).args(rest).status().map_err(|error| format!("{}: {error}", bench.display()))?;
    if status.success() { Ok(()) } else { Err(format!("bench: {status}").into()) }
}
