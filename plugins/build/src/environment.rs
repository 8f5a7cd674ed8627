//! What a nested cargo must not inherit from the outer one.

use std::env;
use std::process::Command;

/// Variables by which an outer cargo, clippy or coverage tool steers the compiler, and those that a build script is
/// told its own package by. Flags for the host break a WebAssembly build or make it differ from one to the next.
const LEAKS: &[&str] = &[
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_TARGET_DIR",
    "CLIPPY_ARGS",
    "DEBUG",
    "HOST",
    "LD_LIBRARY_PATH",
    "LLVM_PROFILE_FILE",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "TARGET",
];

/// Whole families of the same.
const LEAKING: &[&str] = &[
    "CARGO_BIN_",
    "CARGO_CFG_",
    "CARGO_FEATURE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "DEP_",
];

/// Says whether a variable belongs to the outer build.
///
/// What concerns the machine stays: `CARGO_HOME`, `CARGO_NET_*`, `CARGO_REGISTRIES_*`, `RUSTUP_*`, `RUSTC`, and the
/// job server in `CARGO_MAKEFLAGS`, by which both cargos share the machine's cores.
fn leaks(name: &str) -> bool {
    LEAKS.contains(&name) || LEAKING.iter().any(|family| name.starts_with(family))
}

/// Prepares a program of the toolchain, preferring the very cargo that runs us.
pub(crate) fn command(program: &str) -> Command {
    let chosen = if program == "cargo" { env::var_os("CARGO") } else { None };
    let mut command = Command::new(chosen.unwrap_or_else(|| program.into()));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(leaks) {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::leaks;

    #[test]
    fn the_outer_build_stays_outside_and_the_machine_does_not() {
        for name in ["RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CARGO_FEATURE_STD", "CARGO_PKG_NAME", "OUT_DIR"]
        {
            assert!(leaks(name), "{name} would leak");
        }
        for name in
            ["PATH", "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_MAKEFLAGS", "RUSTUP_TOOLCHAIN", "RUSTC"]
        {
            assert!(!leaks(name), "{name} would be missing");
        }
    }
}
