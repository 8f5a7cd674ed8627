//! The compilation target of guests.

use std::path::PathBuf;
use std::process::Stdio;

use crate::{BuildError, environment};

/// What guests are compiled for: std works there, and the linker makes a component in one step.
pub const TARGET: &str = "wasm32-wasip2";

/// Makes sure that the compiler can build guests; adds the target through rustup, and says so, if it is missing.
///
/// # Errors
///
/// If the target is missing and there is no rustup, or it could not add it.
pub fn ensure_target() -> Result<(), BuildError> {
    if is_there() {
        return Ok(());
    }
    say(&format!("adding the target {TARGET}, which guests are built for: rustup target add {TARGET}"));
    let missing = |why: String| BuildError::Target { target: TARGET, why };
    let status = environment::command("rustup")
        .current_dir(crate::workspace())
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .map_err(|error| missing(format!("rustup could not be started ({error})")))?;
    if status.success() && is_there() { Ok(()) } else { Err(missing(format!("rustup ended with {status}"))) }
}

/// Asks the compiler where that target's libraries would lie, and looks.
fn is_there() -> bool {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    environment::command(&compiler)
        .current_dir(crate::workspace())
        .args(["--print", "target-libdir", "--target", TARGET])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| {
            let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
            output.status.success() && path.is_dir()
        })
}

/// Tells the person who waits what takes the time.
fn say(line: &str) {
    use std::io::Write as _;
    // A closed standard error is no reason not to build.
    let _ = writeln!(std::io::stderr(), "{line}");
}
