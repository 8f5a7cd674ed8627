//! Builds the first-party guests, so that the program carries them inside and is one file to install.

use std::path::Path;
use std::{env, fs};

use pointsman_guest_build::{build, workspace};

/// Package, name of the component in the program.
const GUESTS: &[(&str, &str)] = &[
    ("pointsman-acp", "acp"),
    ("pointsman-claude-code", "claude_code"),
    ("pointsman-codex", "codex"),
    ("pointsman-command", "command"),
    ("pointsman-remote-a2a", "remote_a2a"),
    ("pointsman-redact", "redact"),
    ("pointsman-spill", "spill"),
    ("pointsman-rules", "rules"),
];

/// What a component is made of, from the workspace's root.
const SOURCES: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "plugins/acp/Cargo.toml",
    "plugins/acp/src",
    "plugins/claude_code/Cargo.toml",
    "plugins/claude_code/src",
    "plugins/codex/Cargo.toml",
    "plugins/codex/src",
    "plugins/command/Cargo.toml",
    "plugins/command/src",
    "plugins/remote_a2a/Cargo.toml",
    "plugins/remote_a2a/src",
    "plugins/redact/Cargo.toml",
    "plugins/redact/src",
    "plugins/sdk/Cargo.toml",
    "plugins/sdk/src",
    "plugins/spill/Cargo.toml",
    "plugins/spill/src",
    "policies/rules/Cargo.toml",
    "policies/rules/src",
    "rust-toolchain.toml",
    "wit",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = workspace();
    for source in SOURCES {
        // Where a component comes from is named exactly: without this, cargo would look at this package alone.
        cargo(&format!("rerun-if-changed={}", root.join(source).display()));
    }
    cargo("rerun-if-env-changed=CARGO_TARGET_DIR");
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for build scripts")?;
    let packages: Vec<&str> = GUESTS.iter().map(|(package, _)| *package).collect();
    for ((_, name), component) in GUESTS.iter().zip(build(&packages)?) {
        // A copy: the guests' target directory may be cleaned or rebuilt while the program still compiles.
        fs::copy(component, Path::new(&out).join(format!("{name}.wasm")))?;
    }
    Ok(())
}

/// Tells cargo something.
fn cargo(instruction: &str) {
    println!("cargo::{instruction}");
}
