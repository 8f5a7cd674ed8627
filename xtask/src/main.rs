//! `cargo xtask`: set-up and tasks.
//!
//! Each task installs what it needs and can be installed without asking, says what it does, and leaves everything it
//! makes below `target/`.

mod bench;
mod cargo;
mod check;
mod demo;
mod guests;
mod say;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask TASK

  demo     build the program and watch it work: one run that policy allows, and one that a person must confirm
  test     run every test; what follows is handed on, as in: cargo xtask test -p pointsman-kernel
  bench    measure, in release mode; what follows is handed on
  check    formatting, lints, documentation, and that model and kernel do no I/O
  guests   build the components and say where they are";

/// Why a task did not end well.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match task.as_str() {
        "demo" => demo::run(&rest),
        "test" => test::run(&rest),
        "bench" => bench::run(&rest),
        "check" => check::run(),
        "guests" => guests::run(),
        // What the demo's host starts when there is no Node for the real thing.
        demo::AGENT => demo::agent(),
        "" | "help" | "-h" | "--help" => {
            say::line(USAGE);
            return ExitCode::SUCCESS;
        }
        unknown => Err(format!("there is no task {unknown:?}\n\n{USAGE}").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::failure(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}
