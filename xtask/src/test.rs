//! `cargo xtask test`.

use crate::cargo::{self, cargo};
use crate::{Failure, say};

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    pointsman_guest_build::ensure_target()?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    // Of one package, if the caller says so; else of all.
    let named = rest.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package"));
    let scope: &[&str] = if named { &[] } else { &["--workspace"] };
    if cargo::has("nextest") {
        // One failure hides no other: whoever waited for all of this wants to know all of it.
        return cargo::run("tests", cargo(&["nextest", "run", "--no-fail-fast"]).args(scope).args(rest));
    }
    say::line(say::dim("cargo-nextest is not there; cargo test does the same, a little slower"));
    cargo::run("tests", cargo(&["test", "--no-fail-fast"]).args(scope).args(rest))
}
