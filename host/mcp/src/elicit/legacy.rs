//! Asking a client of the legacy era: by a request of the server's, one after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use pointsman_engine::QuestionNews;
use pointsman_model::{Approval, ApprovalId, ApprovalState};
use rmcp::RoleServer;
use rmcp::model::{ClientResult, ElicitRequest, ServerRequest};
use rmcp::service::{Peer, PeerRequestOptions, RequestHandle, ServiceError};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Elicitation, News, form, puttable, take};
use crate::calls::Calls;

/// So many questions wait for a client's person at most; others are for other channels. Each is a number here.
const QUEUE: usize = 1_000;

/// Puts every question to a client that was welcomed, until it or the host is gone.
pub(crate) async fn ask<C: Calls>(
    host: Arc<C>,
    peer: Peer<RoleServer>,
    client: String,
    settings: Elicitation,
    gone: CancellationToken,
) {
    let questions = host.questions();
    let mut desk = Desk { host, peer, client, settings, questions, queue: VecDeque::new() };
    tokio::select! {
        () = desk.work() => {}
        () = gone.cancelled() => {}
    }
}

struct Desk<C: Calls> {
    host: Arc<C>,
    peer: Peer<RoleServer>,
    client: String,
    settings: Elicitation,
    questions: C::News,
    queue: VecDeque<ApprovalId>,
}

/// What came of asking.
enum End {
    Answered(Value),
    /// The client says that it could not ask, or cannot be reached.
    Failed(ServiceError),
    /// It waits no more.
    Settled(ApprovalState),
    TimedOut,
    HostEnds,
}

impl<C: Calls> Desk<C> {
    async fn work(&mut self) {
        loop {
            let Some(id) = self.queue.pop_front() else {
                match self.questions.next().await {
                    Some(news) => self.note(&news),
                    None => return,
                }
                continue;
            };
            // Whatever happened since it was queued.
            let Some(approval) = puttable(self.host.as_ref(), &self.settings, id).await else { continue };
            if !self.put(&approval).await {
                return;
            }
        }
    }

    fn note(&mut self, news: &QuestionNews) {
        match news {
            QuestionNews::Asked(asked) if self.queue.len() < QUEUE => self.queue.push_back(asked.approval_id),
            QuestionNews::Asked(asked) => {
                tracing::warn!(approval = %asked.approval_id, client = self.client, "too many questions wait for this client; this one is for other channels");
            }
            QuestionNews::Settled { approval_id, .. } => self.queue.retain(|id| id != approval_id),
        }
    }

    /// Puts one question. Says whether there is any point in going on.
    async fn put(&mut self, approval: &Approval) -> bool {
        let id = approval.approval_id;
        let params = match form::request(approval, self.host.longest_session()) {
            Ok(params) => params,
            Err(error) => {
                tracing::error!(approval = %id, %error, "a question cannot be written as a form");
                return true;
            }
        };
        let request = ServerRequest::ElicitRequest(ElicitRequest::new(params));
        let sent = self.peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await;
        let mut asking = match sent {
            Ok(asking) => asking,
            Err(error) => {
                tracing::debug!(approval = %id, client = self.client, %error, "a client cannot be asked");
                return !matches!(error, ServiceError::TransportClosed);
            }
        };
        match self.wait(&mut asking, id).await {
            End::Answered(result) => {
                take(self.host.as_ref(), &self.settings, &self.client, approval, &result).await;
            }
            End::Failed(ServiceError::TransportClosed) => return false,
            End::Failed(error) => {
                tracing::info!(approval = %id, client = self.client, %error, "a client could not ask its person; the question waits for another channel");
            }
            End::Settled(state) => give_up(asking, over(state)).await,
            End::TimedOut => {
                give_up(asking, "nobody answered in time; the question waits for another channel").await;
            }
            End::HostEnds => {
                give_up(asking, "the host ends").await;
                return false;
            }
        }
        true
    }

    async fn wait(&mut self, asking: &mut RequestHandle<RoleServer>, id: ApprovalId) -> End {
        let mut time = std::pin::pin!(tokio::time::sleep(self.settings.time()));
        loop {
            tokio::select! {
                biased;
                result = &mut asking.rx => return match result {
                    Ok(Ok(result)) => End::Answered(as_json(&result)),
                    Ok(Err(error)) => End::Failed(error),
                    Err(_) => End::Failed(ServiceError::TransportClosed),
                },
                news = self.questions.next() => match news {
                    None => return End::HostEnds,
                    Some(QuestionNews::Settled { approval_id, state }) if approval_id == id => {
                        return End::Settled(state);
                    }
                    Some(news) => self.note(&news),
                },
                () = &mut time => return End::TimedOut,
            }
        }
    }
}

/// Takes a question back; the client closes its dialog. An answer that is on its way is heard by nobody.
async fn give_up(asking: RequestHandle<RoleServer>, why: &str) {
    if let Err(error) = asking.cancel(Some(why.to_owned())).await {
        tracing::debug!(%error, "a question cannot be taken back from a client");
    }
}

fn over(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Pending | ApprovalState::Approved | ApprovalState::Consumed => {
            "it was allowed elsewhere"
        }
        ApprovalState::Denied => "it was denied elsewhere",
        ApprovalState::Revoked => "it was allowed elsewhere, and then revoked",
        ApprovalState::Expired => "its time is over",
        ApprovalState::Superseded => "another question or answer took its place",
        ApprovalState::Withdrawn => "its run is over",
    }
}

/// Whatever shape a client's answer has, it is read in one place.
fn as_json(result: &ClientResult) -> Value {
    serde_json::to_value(result).unwrap_or_default()
}
