//! The host's side.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pointsman_engine::{Host, TurnedAway};
use pointsman_mcp::{Elicitation, ServeOptions};
use pointsman_model::HostId;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admit::{self, Standing, Stranger};
use super::hello::{Hello, LONGEST, Welcome};
use crate::control::socket::{Folder, Name};

/// Clients at once; the rest wait in the kernel's queue.
const CLIENTS: usize = 256;
/// How long a client may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last clients have for their answers.
const FAREWELL: Duration = Duration::from_millis(100);

/// Whom a host lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Every client of its user, and its agents.
    Everybody,
    /// Its agents: it is there for one run and ends with it.
    Agents,
}

/// Lets clients in, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    folder: Folder,
    host_id: HostId,
    clients: TaskTracker,
    ending: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Begins to let clients in, of which some may be asked for answers.
    pub(crate) fn start(
        state: &Path,
        host: Host,
        door: Door,
        elicitation: Elicitation,
    ) -> std::io::Result<Self> {
        let host_id = host.id();
        let folder = Folder::create(state)?;
        let listener = folder.listen(Name::mcp(host_id))?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let (clients, ending) = (TaskTracker::new(), CancellationToken::new());
        let entrance = Entrance { host, door, elicitation, ending: ending.clone() };
        let task = tokio::spawn(accept(listener, Arc::new(entrance), clients.clone()));
        Ok(Self { folder, host_id, clients, ending, task })
    }

    /// Waits until nobody is attached any more; lets nobody in from here on.
    pub(crate) async fn until_alone(&self) {
        self.task.abort();
        self.folder.remove(Name::mcp(self.host_id));
        self.clients.close();
        self.clients.wait().await;
    }

    /// Ends every conversation.
    pub(crate) async fn finish(self) {
        self.task.abort();
        self.ending.cancel();
        self.clients.close();
        if tokio::time::timeout(FAREWELL, self.clients.wait()).await.is_err() {
            tracing::debug!("an attached client is still there");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.ending.cancel();
        self.folder.remove(Name::mcp(self.host_id));
    }
}

struct Entrance {
    host: Host,
    door: Door,
    elicitation: Elicitation,
    ending: CancellationToken,
}

async fn accept(listener: UnixListener, entrance: Arc<Entrance>, clients: TaskTracker) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        // Never closed, so this never fails.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let entrance = Arc::clone(&entrance);
                clients.spawn(async move {
                    if let Err(error) = converse(stream, &entrance).await {
                        tracing::debug!(%error, "an attached client went away");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the socket for clients cannot take one");
                // Out of descriptors, most likely; there is nothing to wait for but that somebody gives some back.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn converse(mut stream: UnixStream, entrance: &Entrance) -> std::io::Result<()> {
    let mut line = String::new();
    let heard = {
        // Byte for byte: what stands behind the line is MCP already.
        let mut bounded = BufReader::with_capacity(1, (&mut stream).take(LONGEST));
        tokio::time::timeout(PATIENCE, bounded.read_line(&mut line)).await
    };
    let Ok(length) = heard else { return Ok(()) };
    if length? == 0 {
        return Ok(());
    }
    let (welcome, host) = match let_in(&stream, &line, entrance).await {
        Ok((host, run)) => (Welcome::Attached { host_id: entrance.host.id() }, Some((host, run))),
        Err(refused) => (refused, None),
    };
    let mut answer = serde_json::to_vec(&welcome)?;
    answer.push(b'\n');
    stream.write_all(&answer).await?;
    let Some((host, run)) = host else { return Ok(()) };
    let gone = entrance.ending.child_token();
    // Whoever is let in as an agent is below one, and is not asked whatever it calls itself.
    let elicitation = entrance.elicitation.clone();
    let options = ServeOptions { shutdown: gone.clone(), elicitation, ..ServeOptions::default() };
    let (read, write) = stream.into_split();
    let over = async {
        match run {
            // The token is dead from then on, and so is what it gave.
            Some(run) => host.until_over(run).await,
            None => std::future::pending().await,
        }
        gone.cancel();
        std::future::pending::<()>().await;
    };
    let served = tokio::select! {
        served = pointsman_mcp::serve(host.clone(), read, write, options) => served,
        () = over => Ok(()),
    };
    if let Err(error) = served {
        tracing::warn!(%error, "an attached client could not be served");
    }
    Ok(())
}

/// Gives the host as the client meets it, and the client's run if it is an agent.
async fn let_in(
    stream: &UnixStream,
    line: &str,
    entrance: &Entrance,
) -> Result<(Host, Option<pointsman_model::RunId>), Welcome> {
    let refused = |message: String| Welcome::Refused { elsewhere: false, message };
    let Ok(Hello::Attach { token }) = serde_json::from_str(line) else {
        // The line itself may hold a token, so it is not repeated.
        return Err(refused("the first line is no greeting of pointsman serve --attach".to_owned()));
    };
    let standing = match admit::identify(stream, token.as_deref(), &entrance.host).await {
        Ok(standing) => standing,
        Err(stranger) => {
            let told = stranger.to_string();
            let (reason, agent_of) = stranger.for_the_record();
            let who = TurnedAway { action: "attach", agent_of, approval_id: None, reason, told: &told };
            entrance.host.turned_away(who).await;
            return Err(refused(told));
        }
    };
    match standing {
        Standing::Client if entrance.door == Door::Agents => Err(Welcome::Refused {
            elsewhere: true,
            message: "this host is there for one run, and lets in the agents of that run alone".to_owned(),
        }),
        Standing::Client => Ok((entrance.host.clone(), None)),
        Standing::Agent(run) => match entrance.host.as_agent_of(run).await {
            Ok(Some(host)) => Ok((host, Some(run))),
            Ok(None) => Err(refused(Stranger::NotHere(run).to_string())),
            Err(error) => Err(refused(error.to_string())),
        },
    }
}
