//! Starts a program under its supervisor, and follows both to their end.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pointsman_model::plugin::{Argument, ErrorStream, Framing, OutputStream};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::authorize::{AuthorizedProcess, EnvironmentValue};
use super::child::{Child, ProcessEvent};
use super::control::{self, Graces, Job, Report};
use super::follow::Follower;
use super::input::InputQueue;
use super::line::LineFramer;
use super::output::{Cut, Outlet};
use super::pipes::Pipes;
use super::program::Resolution;
use super::scratch::Scratch;
use super::spawn_error::SpawnError;
use super::tail::Tail;

/// Events that wait for the engine at most; behind them the program's pipe is not read.
const EVENTS: usize = 8;

/// The variable of a run that its supervisors have as well.
const RUN_ID: &str = "POINTSMAN_RUN_ID";

/// How a supervisor is started: the host's own program, told to run
/// [`supervisor_main`](super::supervisor_main).
#[derive(Debug, Clone)]
pub struct SupervisorCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

impl SupervisorCommand {
    /// Starts this same program with one argument.
    ///
    /// # Errors
    /// If the program's own place cannot be found.
    pub fn this_program(argument: &str) -> io::Result<Self> {
        // On Linux this link leads to the very file that is running, even if an upgrade has put another in its place.
        let link = Path::new("/proc/self/exe");
        let program = if link.exists() { link.to_owned() } else { std::env::current_exe()? };
        Ok(Self { program, args: vec![argument.into()] })
    }
}

/// What a program may use of its host, and how long its ends may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a line; longer ones are clipped.
    pub line_bytes: usize,
    /// Bytes of standard error that come with an exit.
    pub stderr_tail_bytes: usize,
    /// Bytes that may wait for a program to read them.
    pub input_bytes: usize,
    /// How long what a program leaves behind has to end after `terminate`.
    pub leftovers_grace: Duration,
    /// How long a tree has to end after `terminate` once its host is gone.
    pub host_gone_grace: Duration,
    /// How long a supervisor has to start a program.
    pub start_timeout: Duration,
}

impl Limits {
    /// The usual: lines of 16 MiB, 64 KiB of standard error, 16 MiB of input, two seconds to end, ten to start.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            line_bytes: 16 * 1024 * 1024,
            stderr_tail_bytes: 64 * 1024,
            input_bytes: 16 * 1024 * 1024,
            leftovers_grace: Duration::from_secs(2),
            host_gone_grace: Duration::from_secs(2),
            start_timeout: Duration::from_secs(10),
        }
    }
}

/// Starts programs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Processes {
    settings: Arc<Settings>,
}

#[derive(Debug)]
struct Settings {
    supervisor: SupervisorCommand,
    limits: Limits,
    scratch: PathBuf,
}

impl Processes {
    /// Takes how supervisors are started, what programs may use, and the folder below which scratch files are kept
    /// (see [`sweep`](super::sweep)).
    #[must_use]
    pub fn new(supervisor: SupervisorCommand, limits: Limits, scratch: PathBuf) -> Self {
        Self { settings: Arc::new(Settings { supervisor, limits, scratch }) }
    }

    /// Starts a program in `cwd`. `run_env` are the host's own variables of this run; nothing overrides them.
    ///
    /// May be cancelled: what was started by then is ended. The child's input is open unless the process says
    /// otherwise.
    ///
    /// # Errors
    /// If the program is missing or cannot be started. Nothing of it runs then.
    pub async fn spawn(
        &self,
        process: AuthorizedProcess,
        cwd: &Path,
        run_env: &[(String, String)],
    ) -> Result<(Child, mpsc::Receiver<ProcessEvent>), SpawnError> {
        let limits = &self.settings.limits;
        let program = process.program.clone();
        let path = match &process.resolution {
            Resolution::Found(path) => path.clone(),
            Resolution::Missing(missing) => return Err(missing.clone().into()),
        };
        check_directory(cwd)
            .map_err(|source| SpawnError::WorkingDirectory { cwd: cwd.display().to_string(), source })?;
        let (args, scratch) = self.place_files(&program, process.args).await?;
        let job = Job {
            program: path.clone().into(),
            args,
            cwd: cwd.into(),
            env: environment(process.env, run_env),
            graces: Graces { leftovers: limits.leftovers_grace, host_gone: limits.host_gone_grace },
        };
        let job = job.encode().map_err(|_| SpawnError::HoldsNul { program: program.clone() })?;
        let pipes = Pipes::new(process.input)
            .map_err(|source| SpawnError::Pipes { program: program.clone(), source })?;
        let (mut supervisor, control) = self.start_supervisor(run_env)?;
        let Pipes { input, output, errors, theirs } = pipes;
        let failed = |why: String| SpawnError::SupervisorFailed {
            supervisor: self.settings.supervisor.program.display().to_string(),
            program: program.clone(),
            why,
        };
        let handshake = async {
            control::send_streams(&control, theirs.each_ref().map(|stream| stream.as_fd()))?;
            // From here on the program alone holds its ends, or they would never come to an end.
            drop(theirs);
            control.set_nonblocking(true)?;
            let (reports, mut commands) = UnixStream::from_std(control)?.into_split();
            commands.write_all(&job).await?;
            let mut reports = BufReader::new(reports).lines();
            let report = next_report(&mut reports).await?;
            io::Result::Ok((report, reports, commands))
        };
        let answer = tokio::time::timeout(limits.start_timeout, handshake).await;
        let (pid, reports, commands) = match answer {
            Ok(Ok((Some(Report::Started { pid }), reports, commands))) => (pid, reports, commands),
            Ok(Ok((Some(Report::Failed { why }), ..))) => {
                return Err(SpawnError::Refused { program, path: path.display().to_string(), why });
            }
            Ok(Ok((Some(other), ..))) => return Err(failed(format!("it reported {other:?} first"))),
            Ok(Ok((None, ..)) | Err(_)) => {
                let status = tokio::time::timeout(limits.start_timeout, supervisor.wait()).await;
                return Err(failed(ended(status.ok())));
            }
            Err(_) => return Err(failed(format!("it said nothing for {:?}", limits.start_timeout))),
        };

        let (events, receiver) = mpsc::channel(EVENTS);
        let gone = CancellationToken::new();
        let lines = || Cut::Lines(LineFramer::new(limits.line_bytes));
        let output_outlet = Outlet {
            stream: OutputStream::StandardOutput,
            cut: if process.framing == Framing::Bytes { Cut::Bytes } else { lines() },
            tail: None,
            events: events.clone(),
        };
        let errors_outlet = Outlet {
            stream: OutputStream::StandardError,
            cut: if process.errors == ErrorStream::Lines { lines() } else { Cut::Nothing },
            tail: Some(Tail::new(limits.stderr_tail_bytes)),
            events: events.clone(),
        };
        let (stops, stop_requests) = mpsc::unbounded_channel();
        let follower = Follower {
            program,
            pid,
            supervisor,
            reports,
            commands,
            stops: stop_requests,
            events,
            gone: gone.clone(),
            output: tokio::spawn(output_outlet.pump(output, gone.clone())),
            errors: tokio::spawn(errors_outlet.pump(errors, gone.clone())),
            scratch,
        };
        tokio::spawn(follower.follow());
        let input = input.map(|pipe| InputQueue::start(pipe, limits.input_bytes));
        Ok((Child { pid, input, stops, gone }, receiver))
    }

    /// Writes the files among the arguments and puts their paths in their places.
    async fn place_files(
        &self,
        program: &str,
        args: Vec<Argument>,
    ) -> Result<(Vec<OsString>, Option<Scratch>), SpawnError> {
        let base = self.settings.scratch.clone();
        let place = move || {
            let mut scratch = None;
            let mut placed = Vec::with_capacity(args.len());
            for arg in args {
                placed.push(match arg {
                    Argument::Plain(text) => text.into(),
                    Argument::File { name, content } => {
                        let folder = match &scratch {
                            Some(folder) => folder,
                            None => scratch.insert(Scratch::new(&base)?),
                        };
                        folder.write(&name, &content)?.into_os_string()
                    }
                });
            }
            io::Result::Ok((placed, scratch))
        };
        let placed =
            tokio::task::spawn_blocking(place).await.unwrap_or_else(|join| Err(io::Error::other(join)));
        placed.map_err(|source| SpawnError::Scratch {
            program: program.to_owned(),
            base: self.settings.scratch.display().to_string(),
            source,
        })
    }

    fn start_supervisor(
        &self,
        run_env: &[(String, String)],
    ) -> Result<(tokio::process::Child, StdUnixStream), SpawnError> {
        let command = &self.settings.supervisor;
        let start = || {
            let (ours, theirs) = StdUnixStream::pair()?;
            let child = tokio::process::Command::new(&command.program)
                .args(&command.args)
                // Neither the host's environment nor the agent's stands where other programs look for it.
                .env_clear()
                // But for the run: by it whoever looks from below learns whose tree this is, whatever the agent's own
                // environment says by then.
                .envs(run_env.iter().filter(|(name, _)| name == RUN_ID).map(|(name, value)| (name, value)))
                .current_dir("/")
                .stdin(OwnedFd::from(theirs))
                .stdout(Stdio::null())
                // Not the host's: whoever waits for that to be closed would wait for the supervisor as well.
                .stderr(Stdio::null())
                // It must outlive the host by the moment that it needs to end the tree.
                .kill_on_drop(false)
                .spawn()?;
            Ok((child, ours))
        };
        start().map_err(|source| SpawnError::Supervisor {
            supervisor: command.program.display().to_string(),
            source,
        })
    }
}

fn check_directory(cwd: &Path) -> io::Result<()> {
    if !cwd.is_absolute() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not an absolute path"));
    }
    if std::fs::metadata(cwd)?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

fn environment(
    mut env: std::collections::BTreeMap<OsString, EnvironmentValue>,
    run_env: &[(String, String)],
) -> Vec<(OsString, OsString)> {
    for (name, value) in run_env {
        env.insert(name.into(), EnvironmentValue::Plain(value.into()));
    }
    let plain = |value| match value {
        EnvironmentValue::Plain(text) => text,
        EnvironmentValue::Secret(secret) => secret.expose().into(),
    };
    env.into_iter().map(|(name, value)| (name, plain(value))).collect()
}

/// Gives the supervisor's next report, `None` at the end.
pub(crate) async fn next_report(reports: &mut Lines<BufReader<OwnedReadHalf>>) -> io::Result<Option<Report>> {
    match reports.next_line().await? {
        Some(line) => Ok(Some(serde_json::from_str(&line)?)),
        None => Ok(None),
    }
}

fn ended(status: Option<io::Result<ExitStatus>>) -> String {
    match status {
        Some(Ok(status)) => format!("it ended with {status}"),
        Some(Err(error)) => format!("it cannot be waited for ({error})"),
        None => "it closed its control socket".to_owned(),
    }
}
