//! Builds guest crates into components.
//!
//! A guest needs a target, a profile and a target directory of its own; whoever wants components (the build script of
//! `pointsman-bundle`, tests, xtask) says [`build`] and gets their paths. The nested cargo runs beside an outer one,
//! so it takes another target directory (two cargos in one would wait for each other) and sees nothing of what the
//! outer one decided for the host: flags, wrappers, features.
//!
//! **Deliberately missing:** dependencies. The crate stands in build scripts, in front of everything else.

mod environment;
mod error;
mod place;
mod target;

use std::path::PathBuf;
use std::process::{Command, Stdio};

pub use error::BuildError;
pub use place::{guest_dir, workspace};
pub use target::{TARGET, ensure_target};

/// The cargo profile that components are built with.
pub const PROFILE: &str = "guest";

/// Builds these workspace packages into components and gives their paths, in the same order.
///
/// What cargo has to say goes to standard error: a build script's standard output is read by cargo.
///
/// # Errors
///
/// If the target cannot be had, the build fails, or a package makes no component.
pub fn build(packages: &[&str]) -> Result<Vec<PathBuf>, BuildError> {
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    ensure_target()?;
    let dir = guest_dir();
    let mut cargo = environment::command("cargo");
    cargo.current_dir(workspace()).args(["build", "--profile", PROFILE, "--target", TARGET, "--target-dir"]);
    cargo.arg(&dir);
    for package in packages {
        cargo.args(["-p", package]);
    }
    run(&mut cargo, &packages.join(", "))?;
    packages.iter().map(|package| component(&dir, package)).collect()
}

/// Gives the path at which cargo leaves a package's component.
fn component(dir: &std::path::Path, package: &str) -> Result<PathBuf, BuildError> {
    let path = dir.join(TARGET).join(PROFILE).join(format!("{}.wasm", package.replace('-', "_")));
    if path.is_file() { Ok(path) } else { Err(BuildError::NoComponent { package: package.to_owned(), path }) }
}

/// Runs cargo and turns its status into words.
fn run(cargo: &mut Command, what: &str) -> Result<(), BuildError> {
    let status = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .map_err(|source| BuildError::Cargo { source })?;
    if status.success() { Ok(()) } else { Err(BuildError::Failed { packages: what.to_owned(), status }) }
}
