//! Publishing agents while a host runs.

use pointsman_a2a::{Bound, Settings, bind};
use pointsman_engine::Host;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Published;
use crate::failure::Failure;

/// Agents that are being published.
pub(crate) struct Publishing {
    urls: Vec<String>,
    ending: CancellationToken,
    task: JoinHandle<()>,
}

/// Takes the address and begins to answer.
pub(crate) async fn publish(host: &Host, published: Published) -> Result<Publishing, Failure> {
    let Published { settings, address } = published;
    let bound = bind(&settings, address).await.map_err(Failure::error)?;
    Ok(answer(host, settings, bound))
}

fn answer(host: &Host, settings: Settings, bound: Bound) -> Publishing {
    let urls = settings.agents.iter().map(|agent| bound.url_of(&agent.name)).collect();
    let ending = CancellationToken::new();
    let serving = bound.serve(host.clone(), settings, ending.clone());
    let task = tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "agents are no longer published over A2A");
        }
    });
    Publishing { urls, ending, task }
}

impl Publishing {
    /// Gives where the agents lie.
    pub(crate) fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Ends streams and takes no more requests.
    pub(crate) async fn end(self) {
        self.ending.cancel();
        // Its own failure was told already.
        let _ended = self.task.await;
    }
}
