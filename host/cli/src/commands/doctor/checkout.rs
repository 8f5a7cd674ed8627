//! What building from source takes, if this is a source checkout.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::finding::{Finding, Health};

/// What components are compiled for.
const TARGET: &str = "wasm32-wasip2";

/// Looks for the WebAssembly target, where it matters.
pub(super) fn check() -> Finding {
    let subject = "wasm target";
    let Some(root) = root() else {
        return Finding::new(subject, Health::Good, "not needed: the components are inside this program");
    };
    let libraries = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(&root)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match libraries {
        Ok(output) if Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir() => Finding::new(
            subject,
            Health::Good,
            format!("{TARGET} is there, for the checkout at {}", root.display()),
        ),
        Ok(_) => Finding::new(
            subject,
            Health::Note,
            format!("{TARGET} is not there; building from source needs it"),
        )
        .mend(format!("rustup target add {TARGET}")),
        Err(_) => Finding::new(subject, Health::Note, "no rustc; building from source needs it")
            .mend("install rustup, then: rustup target add wasm32-wasip2"),
    }
}

/// Finds the checkout that this program was built in, if it still lies there.
fn root() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let is_checkout = |folder: &&Path| {
        folder.join("wit/types.wit").is_file() && folder.join("host/cli/Cargo.toml").is_file()
    };
    program.ancestors().skip(1).find(is_checkout).map(Path::to_owned)
}
