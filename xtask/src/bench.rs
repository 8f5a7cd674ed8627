//! `cargo xtask bench`.

use crate::cargo::{self, cargo};
use crate::{Failure, say};

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    pointsman_guest_build::ensure_target()?;
    say::line(say::dim("release mode takes some minutes to build the first time"));
    // Both at once, so that they are built with the same features and nothing is built twice.
    let build = ["build", "--release", "--workspace", "--bin", "pointsman", "--bench", "figures"];
    cargo::run("the program and what measures it", &mut cargo(&build))?;
    let bench = ["bench", "--workspace", "--bench", "figures", "--"];
    cargo::run("measuring", cargo(&bench).args(rest))
}
