//! Reaching whoever can change a run: its living host, or its state if the host is dead.

use std::future::Future;

use pointsman_engine::Host;
use pointsman_model::RunId;

use crate::config::{Loaded, settings};
use crate::control::{Client, Reply, Request};
use crate::failure::Failure;
use crate::state::State;

/// Asks the host that drives a run; `None` if that host is dead.
pub(super) fn ask_owner(state: &State, run: RunId, request: &Request) -> Result<Option<Reply>, Failure> {
    let Some(owner) = state.living_owner(run)? else { return Ok(None) };
    match Client::connect(&state.dir, owner)? {
        Some(mut host) => host.ask(request).map(Some),
        // It holds its lease and does not listen: it is just starting, or just ending.
        None if state.living_owner(run)? == Some(owner) => {
            Err(Failure::error(format!("host {owner} drives run {run} and does not listen"))
                .help("it is just starting or ending: try again"))
        }
        None => Ok(None),
    }
}

/// Does something as a host of one's own, which takes over what dead hosts left, and launches nothing.
pub(super) fn as_host<T, F>(loaded: &Loaded, act: impl FnOnce(Host) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, pointsman_engine::Error>>,
{
    let mut settings = settings(loaded)?;
    // No room for live runs: what is allowed here stays queued until a host that lasts takes it up.
    settings.live_runs = 0;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(async {
        let host = Host::start(settings).await.map_err(|error| Failure::located(loaded, error))?;
        let done = act(host.clone()).await;
        host.shutdown().await;
        Ok(done?)
    })
}
