//! `pointsman serve`: MCP on standard input and output.

use std::path::Path;
use std::time::Duration;

use pointsman_engine::Host;
use pointsman_mcp::{Elicitation, ServeOptions};
use pointsman_store::Store;
use pointsman_webhook::Webhook;
use tokio::signal::unix::{SignalKind, signal};

use super::a2a::{Publishing, publish};
use super::webhook::tell;
use crate::args::{Attach, HostArgs};
use crate::attach::{Door, Server as Entrance, attach};
use crate::config::{Loaded, elicitation, published, settings, state_key, webhook};
use crate::control::Server;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::lineage::ancestors;

/// Little is computed here: components run on threads of their own, and agents are other processes.
const WORKERS: usize = 2;

pub(super) fn run(loaded: &Loaded, args: &HostArgs) -> Outcome {
    let Some(when) = args.attach else { return host(loaded, args) };
    let state = match &args.state {
        Some(state) => state.clone(),
        None => loaded.state_dir()?,
    };
    let runtime = runtime()?;
    let relayed = runtime.block_on(async {
        let told = ended()?;
        match attach(&state, args.host).await? {
            Some(attached) => attached.relay(told).await.map(Some),
            None => Ok(None),
        }
    });
    // A thread may still wait for standard input; there is nothing to wait for any more.
    runtime.shutdown_timeout(Duration::ZERO);
    match (relayed?, when) {
        (Some(exit), _) => Ok(exit),
        (None, Attach::Auto) => host(loaded, args),
        (None, Attach::Running) => Err(match args.host {
            Some(host) => Failure::not_found(format!("host {host} does not run")),
            None => Failure::not_found(format!("no host runs over the state in {}", state.display())),
        }
        .help("start one with `pointsman serve --socket-only`, or have one started with --attach=auto")),
    }
}

/// Is a host, for a client of its own and for those that attach.
fn host(loaded: &Loaded, args: &HostArgs) -> Outcome {
    let mut settings = settings(loaded)?;
    settings.key = state_key(loaded)?;
    settings.ancestors = ancestors(|| Store::open_with(&settings.state, settings.key.as_ref()))?;
    let state = settings.state.clone();
    let published = published(loaded, &settings.secrets)?;
    let webhook = webhook(loaded, &settings.secrets)?;
    let elicitation = elicitation(loaded)?;
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        let options = ServeOptions { elicitation: elicitation.clone(), ..ServeOptions::default() };
        let shutdown = options.shutdown.clone();
        let told = shutdown.clone();
        // Before anything else: a signal that comes during the start ends it as well.
        let signalled = ended()?;
        tokio::spawn(async move {
            signalled.await;
            shutdown.cancel();
        });
        let host = Host::start(settings).await.map_err(|error| Failure::located(loaded, error))?;
        let control = Server::start(&state, host.clone());
        if let Err(error) = &control {
            tracing::warn!(%error, "no control socket: approvals cannot be answered while this host lives");
        }
        let publishing = match published {
            Some(published) => announced(publish(&host, published).await),
            None => None,
        };
        let telling = tell(&host, webhook);
        let attached = entrance(&state, &host, Door::Everybody, elicitation);
        let served = if args.socket_only {
            if attached.is_none() {
                return Err(Failure::error(
                    "nobody could attach to this host, and it would serve nobody else",
                ));
            }
            tracing::info!(host = %host.id(), "clients attach with: pointsman serve --attach");
            told.cancelled().await;
            Ok(())
        } else {
            pointsman_mcp::serve_stdio(host.clone(), options).await.map_err(Failure::error)
        };
        if let (true, Some(attached)) = (args.stay, &attached) {
            tokio::select! {
                () = attached.until_alone() => {}
                () = told.cancelled() => {}
            }
        }
        tokio::join!(stop(&host, publishing, telling), async {
            if let Some(attached) = attached {
                attached.finish().await;
            }
        });
        drop(control);
        served
    });
    // A thread may still wait for standard input; there is nothing to wait for any more.
    runtime.shutdown_timeout(Duration::ZERO);
    served.map(|()| Exit::Ok)
}

/// Opens the door for clients that attach.
pub(super) fn entrance(state: &Path, host: &Host, door: Door, elicitation: Elicitation) -> Option<Entrance> {
    match Entrance::start(state, host.clone(), door, elicitation) {
        Ok(entrance) => Some(entrance),
        Err(error) => {
            tracing::warn!(%error, "no socket for clients: agents cannot attach to this host");
            None
        }
    }
}

/// Makes what everything runs on.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("pointsman")
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("the runtime cannot be started: {error}")))
}

/// Says where agents were published, or why they were not. The client of this host is served all the same: another
/// host of the same configuration may have the address.
fn announced(publishing: Result<Publishing, Failure>) -> Option<Publishing> {
    match publishing {
        Ok(publishing) => {
            for url in publishing.urls() {
                tracing::info!(url, "an agent is published over A2A");
            }
            Some(publishing)
        }
        Err(failure) => {
            tracing::warn!(error = failure.message, "no agent is published over A2A by this host");
            None
        }
    }
}

/// Ends a host, what it publishes and what it tells, at once: together they have a second.
pub(super) async fn stop(host: &Host, publishing: Option<Publishing>, telling: Option<Webhook>) {
    let published = async {
        if let Some(publishing) = publishing {
            publishing.end().await;
        }
    };
    let told = async {
        if let Some(telling) = telling {
            telling.end().await;
        }
    };
    tokio::join!(host.shutdown(), published, told);
}

/// Comes back when the process is told to end.
pub(super) fn ended() -> Result<impl Future<Output = ()>, Failure> {
    let failed = |error| Failure::internal(format!("signals cannot be heard: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}
