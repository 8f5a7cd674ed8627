//! `cargo xtask check`.

use crate::cargo::{self, cargo};
use crate::{Failure, say};

pub(crate) fn run() -> Result<(), Failure> {
    pointsman_guest_build::ensure_target()?;
    cargo::run("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    cargo::run("lints", &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
    cargo::run("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    let pure = [
        "check",
        "-p",
        "pointsman-model",
        "-p",
        "pointsman-kernel",
        "--target",
        pointsman_guest_build::TARGET,
    ];
    cargo::run("model and kernel build for WebAssembly", &mut cargo(&pure))?;
    say::line(say::good("All is well."));
    Ok(())
}
