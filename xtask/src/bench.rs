//! `cargo xtask bench`.

use crate::cargo::{self, cargo};
use crate::{Failure, say};

pub(crate) fn run(rest: &[String]) -> Result<(), Failure> {
    pointsman_guest_build::ensure_target()?;
    say::line(say::dim("release mode takes some minutes to build the first time"));
    cargo::run("the program to be measured", &mut cargo(&["build", "--release", "-p", "pointsman"]))?;
    let bench = ["run", "--release", "-p", "pointsman-tests", "--bin", "bench", "--"];
    cargo::run("measuring", cargo(&bench).args(rest))
}
