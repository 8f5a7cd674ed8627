//! A run that outlives the terminal: a host of its own in the background, for as long as the run takes.
//!
//! It is not handed to a host that happens to be there. That one belongs to somebody's client and ends with it, and the
//! run would end too; a host of its own depends on nobody. It listens like any other, so the run is followed, answered
//! and ended from any terminal.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::process::{Command, Stdio};

use pointsman_model::calls::{PollEvents, SpawnRun, SpawnedRun};
use pointsman_model::{RunId, Status};
use serde::{Deserialize, Serialize};

use super::foreground::refused;
use super::hosted::{Hosted, runtime};
use super::report;
use super::signals::Signals;
use crate::args::OutputForm;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::terminal::{Out, say, visible};

/// What the background tells the foreground, in one line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// The run is on disk, and the policies have spoken.
    Spawned(Box<SpawnedRun>),
    /// Nothing was started.
    Failed { exit: Exit, message: String, help: Option<String> },
}

/// Starts the background and waits until the run is durable.
pub(super) fn launch(out: Out, loaded: &Loaded, form: OutputForm, call: &SpawnRun) -> Outcome {
    let state = loaded.state_dir()?;
    let failed = |error: std::io::Error| Failure::error(format!("no host in the background: {error}"));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&state).map_err(failed)?;
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(state.join("detached.log"));
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    if let Some(path) = &loaded.path {
        command.arg("--config").arg(path);
    }
    // Not the directory of the shell, which may be removed or unmounted while the run goes on.
    command.arg("__detached").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log.map_err(failed)?);
    let mut child = command.spawn().map_err(failed)?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::internal("the host in the background has no pipes"));
    };
    let call = serde_json::to_vec(call).map_err(Failure::internal)?;
    // One that has ended already says why below.
    let _ = input.write_all(&call);
    drop(input);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).map_err(failed)?;
    let word = serde_json::from_str(&line).map_err(|_| {
        Failure::error("the host in the background ended before it had launched anything")
            .help(format!("it says why in {}", state.join("detached.log").display()))
    })?;
    match word {
        Word::Spawned(spawned) => tell(out, form, &spawned),
        Word::Failed { exit, message, help } => Err(Failure { exit, message, help }),
    }
}

fn tell(out: Out, form: OutputForm, spawned: &SpawnedRun) -> Outcome {
    let id = spawned.run_id;
    if form == OutputForm::Text {
        out.line(id.to_string())?;
        if let Some(note) = &spawned.note {
            say(visible(note));
        }
        if !spawned.status.is_terminal() {
            say(format!("Follow it:   pointsman runs events --follow {id}"));
            say(format!("Its answer:  pointsman runs result {id}"));
        }
    } else {
        out.json(spawned)?;
    }
    // Waiting for a person is no failure of a launch.
    Ok(if spawned.status == Status::Rejected { report::exit(spawned.status) } else { Exit::Ok })
}

/// The background: drives the one run that standard input asks for, to its end.
pub(crate) fn drive(loaded: &Loaded) -> Outcome {
    // Fails only for a process that leads a session already, which is as good.
    let _ = rustix::process::setsid();
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        let mut signals = Signals::heard()?;
        match begin(loaded).await {
            Ok((hosted, spawned)) => {
                let run = spawned.run_id;
                tell_foreground(&Word::Spawned(Box::new(spawned)))?;
                tokio::select! {
                    _ = signals.next() => {}
                    over = until_over(&hosted, run) => over?,
                }
                hosted.end().await;
                Ok(Exit::Ok)
            }
            Err(Failure { exit, message, help }) => {
                tell_foreground(&Word::Failed { exit, message, help })?;
                Ok(exit)
            }
        }
    });
    runtime.shutdown_background();
    done
}

async fn begin(loaded: &Loaded) -> Result<(Hosted, SpawnedRun), Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::internal(format!("no request came: {error}")))?;
    let call: SpawnRun = serde_json::from_str(&text)
        .map_err(|error| Failure::new(Exit::Usage, format!("not a request: {error}")))?;
    let hosted = Hosted::start(loaded, true).await?;
    match hosted.host.spawn_run(&hosted.client, call).await {
        Ok(spawned) => Ok((hosted, spawned)),
        Err(error) => {
            hosted.end().await;
            Err(refused(error))
        }
    }
}

fn tell_foreground(word: &Word) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(word).map_err(Failure::internal)?;
    line.push(b'\n');
    let mut stdout = std::io::stdout().lock();
    // The foreground may have been killed; the run goes on.
    let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
    Ok(())
}

async fn until_over(hosted: &Hosted, run: RunId) -> Result<(), Failure> {
    let mut look = PollEvents {
        run_id: Some(run.to_string()),
        agent_name: None,
        cwd: None,
        after_seq: 0,
        limit: Some(1000),
        wait_ms: Some(30_000),
        max_bytes: Some(1 << 20),
    };
    loop {
        let page = hosted.host.poll_events(&look).await?;
        if page.status.is_terminal() {
            return Ok(());
        }
        look.after_seq = page.next_after_seq;
    }
}
