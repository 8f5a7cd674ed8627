//! A host and its supervisor in one small program, for the tests of this crate.

use std::process::ExitCode;

use pointsman_capabilities::process::{portable_supervisor_main, supervisor_main};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("__supervise") => supervisor_main(),
        Some("__supervise-portable") => portable_supervisor_main(),
        _ => ExitCode::FAILURE,
    }
}
