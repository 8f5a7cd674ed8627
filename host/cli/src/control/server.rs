//! The host's side.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pointsman_engine::{Client, Host, TurnedAway};
use pointsman_model::HostId;
use pointsman_model::calls::{ContinueRun, RunRef};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::peer::{self, Stranger};
use super::protocol::{LONGEST_LINE, Refusal, Reply, Request};
use super::socket::{Folder, Name};

/// Callers at once; the rest wait in the kernel's queue.
const CALLERS: usize = 16;
/// How long the last callers have for their answers.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a caller may be silent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens for another terminal, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    folder: Folder,
    host_id: HostId,
    callers: Arc<Semaphore>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Begins to listen.
    pub(crate) fn start(state: &Path, host: Host) -> std::io::Result<Self> {
        let host_id = host.id();
        let folder = Folder::create(state)?;
        folder.sweep();
        let listener = folder.listen(Name::control(host_id))?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let callers = Arc::new(Semaphore::new(CALLERS));
        let task = tokio::spawn(accept(listener, host, Arc::clone(&callers)));
        Ok(Self { folder, host_id, callers, task })
    }

    /// Takes no more callers, and lets those who were heard have their answers: whoever ended the last run of a host is
    /// told so before the host goes.
    pub(crate) async fn finish(self) {
        self.task.abort();
        let all = u32::try_from(CALLERS).unwrap_or(u32::MAX);
        let gone = tokio::time::timeout(FAREWELL, self.callers.acquire_many(all)).await;
        if gone.is_err() {
            tracing::debug!("a caller of the control socket is still there");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.folder.remove(Name::control(self.host_id));
    }
}

async fn accept(listener: UnixListener, host: Host, callers: Arc<Semaphore>) {
    loop {
        // Never closed, so this never fails.
        let Ok(place) = callers.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let host = host.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &host).await {
                        tracing::debug!(%error, "a caller of the control socket went away");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot take a caller");
                // Out of descriptors, most likely; there is nothing to wait for but that somebody gives some back.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, host: &Host) -> std::io::Result<()> {
    let caller = peer::identify(&stream);
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        let mut bounded = (&mut read).take(LONGEST_LINE);
        let reading = bounded.read_line(&mut line);
        let Ok(length) = tokio::time::timeout(PATIENCE, reading).await else { return Ok(()) };
        if length? == 0 {
            return Ok(());
        }
        let reply = match (&caller, serde_json::from_str(&line)) {
            (Err(stranger), request) => {
                turn_away(host, stranger, request.ok()).await;
                refused(Refusal::Refused, stranger)
            }
            (Ok(_), Err(error)) => refused(Refusal::Refused, format!("not a request: {error}")),
            (Ok(by), Ok(request)) => answer(host, request, by).await,
        };
        let mut line = serde_json::to_vec(&reply)?;
        line.push(b'\n');
        write.write_all(&line).await?;
    }
}

/// Records that an agent wanted what is for people.
async fn turn_away(host: &Host, stranger: &Stranger, request: Option<Request>) {
    let (action, approval_id) = match request {
        Some(Request::AnswerApproval { approval_id, .. }) => ("answer", Some(approval_id)),
        Some(Request::RevokeApproval { approval_id, .. }) => ("revoke", Some(approval_id)),
        Some(Request::CancelRun { .. }) => ("cancel", None),
        Some(Request::ContinueRun { .. }) => ("continue", None),
        Some(Request::Ping {} | Request::Policies {}) | None => return,
    };
    let (agent_of, reason) = match stranger {
        // What cannot be told any more is not told.
        Stranger::Agent { trail, .. } => (trail.clone().run_in(host).await.ok().flatten().flatten(), "agent"),
        Stranger::User(_) => (None, "other_user"),
        Stranger::Unknown(_) | Stranger::Unseen(_) => (None, "unknown_caller"),
    };
    let told = stranger.to_string();
    host.turned_away(TurnedAway { action, agent_of, approval_id, reason, told: &told }).await;
}

fn caller(by: &str) -> Client {
    Client { name: by.to_owned(), version: None }
}

async fn answer(host: &Host, request: Request, by: &str) -> Reply {
    let done = match request {
        Request::Ping {} => Ok(Reply::Pong { host_id: host.id(), pid: std::process::id() }),
        Request::Policies {} => {
            let asked = host.clone();
            let held = tokio::task::spawn_blocking(move || asked.held_policies()).await;
            Ok(Reply::Policies { held: held.unwrap_or_default(), pid: std::process::id() })
        }
        Request::CancelRun { run_id, reason } => {
            let run = RunRef { run_id: Some(run_id.to_string()), ..RunRef::default() };
            host.cancel_run(&caller(by), &run, &reason).await.map(Reply::Cancelled)
        }
        Request::ContinueRun { run_id, message } => {
            let call = ContinueRun {
                run_id: Some(run_id.to_string()),
                agent_name: None,
                cwd: None,
                input_message: message,
            };
            host.continue_run(&caller(by), call).await.map(Reply::Continued)
        }
        Request::AnswerApproval { approval_id, digest, answer, secret } => {
            match host.admit_approver(secret, approval_id, by).await {
                Ok(()) => host
                    .answer_approval(approval_id, digest, answer, by)
                    .await
                    .map(|settled| Reply::Settled(Box::new(settled))),
                Err(error) => Err(error),
            }
        }
        Request::RevokeApproval { approval_id, secret } => {
            match host.admit_approver(secret, approval_id, by).await {
                Ok(()) => host
                    .revoke_approval(approval_id, by)
                    .await
                    .map(|revoked| Reply::Settled(Box::new(revoked))),
                Err(error) => Err(error),
            }
        }
    };
    done.unwrap_or_else(|error| {
        let kind = match error {
            pointsman_engine::Error::UnknownRun(_) => Refusal::NotFound,
            _ => Refusal::Refused,
        };
        refused(kind, error)
    })
}

fn refused(kind: Refusal, message: impl ToString) -> Reply {
    Reply::Refused { kind, message: message.to_string() }
}
