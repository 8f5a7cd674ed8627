//! A host and its supervisor in one small program, for the tests of this crate.
//!
//! `__supervise` and `__supervise-portable` are supervisors. `host SCRIPT FOLDER` is a host: it runs a shell script
//! in a folder, writes `started`, and waits to be killed. `chain` forks and leaves, for ever: it is hard to catch.

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use pointsman_capabilities::process::{
    HostEnvironment, Limits, Processes, ProgramEntry, Programs, SupervisorCommand, authorize,
    portable_supervisor_main, supervisor_main,
};
use pointsman_capabilities::{Asker, secret::Secrets};
use pointsman_model::plugin::{Argument, ErrorStream, Framing, Process};
use pointsman_model::{CapabilityRequest, Grant, Leaf};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["__supervise"] => return supervisor_main(),
        ["__supervise-portable"] => return portable_supervisor_main(),
        ["host", script, folder] => host(script, Path::new(folder)),
        ["chain", mark] => chain(mark),
        other => Err(format!("unknown arguments {other:?}").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "what the test reads")]
#[tokio::main(flavor = "current_thread")]
async fn host(script: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let shell = ProgramEntry { command: "/bin/sh".into(), ..ProgramEntry::default() };
    let programs = Programs::resolve([("sh".to_owned(), shell)], HostEnvironment::of_this_process())?;
    let requests = [CapabilityRequest { leaf: Leaf::ProcessSpawn, target: "sh".into(), why: String::new() }];
    let grants = [Grant { leaf: Leaf::ProcessSpawn, target: "sh".into() }];
    let asker = Asker { table: "backends.test", requests: &requests, grants: &grants };
    let process = Process {
        id: 1,
        program: "sh".into(),
        args: vec![Argument::Plain("-c".into()), Argument::Plain(script.into())],
        env: Vec::new(),
        framing: Framing::Lines,
        errors: ErrorStream::Tail,
    };
    let process = authorize(&process, &asker, &programs, &Secrets::default())?;
    let processes = Processes::new(
        SupervisorCommand::this_program("__supervise")?,
        Limits { host_gone_grace: std::time::Duration::from_millis(100), ..Limits::standard() },
        folder.join("scratch"),
    );
    let (_child, mut events) = processes.spawn(process, folder, &[]).await?;
    while let Some(event) = events.recv().await {
        println!("{event:?}");
    }
    Ok(())
}

/// Starts itself again in a session of its own and ends at once, so that nothing is ever where it was seen last.
fn chain(mark: &str) -> Result<(), Box<dyn Error>> {
    let _ = rustix::process::setsid();
    Command::new(std::env::current_exe()?).args(["chain", mark]).stdin(Stdio::null()).spawn()?;
    Ok(())
}
