//! What the tests with real processes share.

#![expect(dead_code, reason = "each test program uses a part of it")]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pointsman_capabilities::process::{
    AuthorizedProcess, Child, HostEnvironment, Limits, ProcessEvent, Processes, ProgramEntry, Programs,
    SupervisorCommand, authorize,
};
use pointsman_capabilities::secret::{SecretSource, Secrets};
use pointsman_capabilities::{Asker, Refusal};
use pointsman_model::plugin::{Argument, ErrorStream, Exit, Framing, OutputStream, Process};
use pointsman_model::{CapabilityRequest, Grant, Leaf};
use tempfile::TempDir;
use tokio::sync::mpsc;

pub(crate) const HOST: &str = env!("CARGO_BIN_EXE_capabilities-test-host");

/// Long enough for the slowest machine; nothing waits for it unless it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A host in a folder of its own, with the programs `sh` and `self` (the test host).
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) programs: Programs,
    pub(crate) secrets: Secrets,
    pub(crate) limits: Limits,
    pub(crate) supervisor: SupervisorCommand,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(ProgramEntry::default(), HostEnvironment::of_this_process())
    }

    /// With this entry for `sh`, but for its command.
    pub(crate) fn with(entry: ProgramEntry, host: HostEnvironment) -> Self {
        let sh = ProgramEntry { command: "/bin/sh".into(), ..entry };
        let own = ProgramEntry { command: HOST.into(), ..ProgramEntry::default() };
        let gone = ProgramEntry { command: "no-such-agent".into(), ..ProgramEntry::default() };
        let entries = [("sh", sh), ("self", own), ("gone", gone)].map(|(id, entry)| (id.to_owned(), entry));
        Self {
            folder: tempfile::tempdir().unwrap(),
            programs: Programs::resolve(entries, host).unwrap(),
            secrets: Secrets::new(BTreeMap::from([(
                "path".to_owned(),
                SecretSource::Env("PATH".to_owned()),
            )])),
            limits: Limits { leftovers_grace: Duration::from_millis(100), ..Limits::standard() },
            supervisor: SupervisorCommand { program: HOST.into(), args: vec!["__supervise".into()] },
        }
    }

    pub(crate) fn portable() -> Self {
        let mut bench = Self::new();
        bench.supervisor.args = vec!["__supervise-portable".into()];
        bench
    }

    pub(crate) fn authorize(&self, process: &Process) -> Result<AuthorizedProcess, Refusal> {
        let leaves = [Leaf::ProcessSpawn, Leaf::SecretUse];
        let requests = leaves.map(|leaf| CapabilityRequest { leaf, target: "*".into(), why: String::new() });
        let grants = leaves.map(|leaf| Grant { leaf, target: "*".into() });
        let asker = Asker { table: "backends.test", requests: &requests, grants: &grants };
        authorize(process, &asker, &self.programs, &self.secrets)
    }

    pub(crate) fn processes(&self) -> Processes {
        Processes::new(self.supervisor.clone(), self.limits.clone(), self.scratch())
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    pub(crate) async fn start(&self, process: &Process) -> (Child, mpsc::Receiver<ProcessEvent>) {
        let process = self.authorize(process).unwrap();
        self.processes().spawn(process, self.folder.path(), &[]).await.unwrap()
    }

    /// Runs a script whose input is closed, and gives everything that it did.
    pub(crate) async fn run(&self, process: &Process) -> Vec<ProcessEvent> {
        let (mut child, mut events) = self.start(process).await;
        child.close_input();
        all(&mut events).await
    }

    /// A mark that no other process of the machine has in its arguments.
    pub(crate) fn mark(&self) -> String {
        format!("mark-{}", self.folder.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.'))
    }
}

pub(crate) fn script(text: &str) -> Process {
    Process {
        id: 7,
        program: "sh".into(),
        args: vec![Argument::Plain("-c".into()), Argument::Plain(text.into())],
        env: Vec::new(),
        framing: Framing::Lines,
        errors: ErrorStream::Tail,
    }
}

pub(crate) async fn next(events: &mut mpsc::Receiver<ProcessEvent>) -> ProcessEvent {
    tokio::time::timeout(PATIENCE, events.recv()).await.expect("in time").expect("an event")
}

/// Takes everything up to the exit, which is the last.
pub(crate) async fn all(events: &mut mpsc::Receiver<ProcessEvent>) -> Vec<ProcessEvent> {
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(ProcessEvent::Exited { .. })) {
        seen.push(next(events).await);
    }
    let after = tokio::time::timeout(PATIENCE, events.recv()).await.expect("in time");
    assert_eq!(after, None, "nothing comes after the exit");
    seen
}

pub(crate) fn lines(events: &[ProcessEvent], from: OutputStream) -> Vec<&str> {
    let of = |event| match event {
        &ProcessEvent::Output { stream, ref lines, .. } if stream == from => lines.as_slice(),
        _ => &[],
    };
    events.iter().flat_map(of).map(String::as_str).collect()
}

pub(crate) fn output(events: &[ProcessEvent]) -> Vec<&str> {
    lines(events, OutputStream::StandardOutput)
}

pub(crate) fn exit(events: &[ProcessEvent]) -> (Exit, &str) {
    match events.last() {
        Some(ProcessEvent::Exited { exit, stderr_tail }) => (*exit, stderr_tail),
        other => panic!("no exit but {other:?}"),
    }
}

/// Gives every living process with the mark in its arguments. Zombies have no arguments.
pub(crate) fn alive(mark: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let marked = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(mark))
    };
    pids.filter(marked).collect()
}

/// Waits until something is so. Looks again and again; the pause between is no guess about when.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn exists(path: impl AsRef<Path>) -> bool {
    path.as_ref().exists()
}
