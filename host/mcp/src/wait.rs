//! Waits: how long, until what, and what the client sees meanwhile.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use pointsman_engine::{Error, WaitLimits};
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::answer::Refusal;

/// Below the 60 seconds after which the strictest clients cut a call.
const MOST_FOR_ANYBODY: Duration = Duration::from_secs(40);
/// Below the two minutes after which Claude Code moves a call to the background.
const MOST_FOR_CLAUDE_CODE: Duration = Duration::from_secs(110);
/// Below the 300 seconds that Codex grants.
const MOST_FOR_CODEX: Duration = Duration::from_secs(240);

/// Gives how long `wait_for_runs` waits: what was asked, or the default, but no longer than this client bears.
pub(crate) fn bounded(asked: Option<u32>, limits: WaitLimits, client: &str) -> Duration {
    let most = limits.most.unwrap_or_else(|| most_for(client));
    asked.map_or(limits.default, |millis| Duration::from_millis(millis.into())).min(most)
}

fn most_for(client: &str) -> Duration {
    let client = client.to_ascii_lowercase();
    if client.starts_with("claude-code") {
        MOST_FOR_CLAUDE_CODE
    } else if client.starts_with("codex") {
        MOST_FOR_CODEX
    } else {
        MOST_FOR_ANYBODY
    }
}

/// One request that may have to wait.
pub(crate) struct Waiting {
    /// The client takes its request back.
    pub(crate) cancelled: CancellationToken,
    /// The client is gone.
    pub(crate) gone: CancellationToken,
    /// Whom to tell that the request is still alive, if it asked for that.
    pub(crate) progress: Option<(Peer<RoleServer>, ProgressToken)>,
    /// How often.
    pub(crate) every: Duration,
}

impl Waiting {
    /// Waits for an answer of the host; gives up, without any effect on the run, when nobody wants it any more.
    pub(crate) async fn on<T>(
        &self,
        what: &str,
        longest: Duration,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Refusal> {
        tokio::select! {
            biased;
            answer = answer => Ok(answer?),
            () = self.cancelled.cancelled() => Err(Refusal::Interrupted),
            () = self.gone.cancelled() => Err(Refusal::Interrupted),
            never = self.tell(what, longest) => match never {},
        }
    }

    async fn tell(&self, what: &str, longest: Duration) -> Infallible {
        let Some((peer, token)) = &self.progress else { return std::future::pending().await };
        let began = Instant::now();
        loop {
            tokio::time::sleep(self.every).await;
            let progress =
                ProgressNotificationParam::new(token.clone(), began.elapsed().as_secs_f64().round())
                    .with_total(longest.as_secs_f64())
                    .with_message(what);
            // A client that is gone is noticed elsewhere.
            let _ = peer.notify_progress(progress).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("claude-code", None, None, 40)]
    #[case("claude-code", None, Some(3_600_000), 110)]
    #[case("codex-mcp-client", None, Some(3_600_000), 240)]
    #[case("Visual Studio Code", None, Some(3_600_000), 40)]
    #[case("claude-ai", None, Some(50_000), 40)]
    #[case("codex-mcp-client", Some(20), Some(3_600_000), 20)]
    #[case("codex-mcp-client", Some(20), None, 20)]
    #[case("other", Some(300), Some(200_000), 200)]
    #[case("other", None, Some(0), 0)]
    fn waits_suit_the_client_unless_set(
        #[case] client: &str,
        #[case] most: Option<u64>,
        #[case] asked: Option<u32>,
        #[case] seconds: u64,
    ) {
        let limits = WaitLimits { default: Duration::from_secs(40), most: most.map(Duration::from_secs) };
        assert_eq!(bounded(asked, limits, client), Duration::from_secs(seconds));
    }
}
