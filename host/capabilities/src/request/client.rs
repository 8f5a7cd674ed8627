//! The requests of one run.

use std::collections::HashMap;
use std::sync::Arc;

use pointsman_model::Leaf;
use pointsman_model::plugin::{HandleId, Input, RequestFault, ServerEvent};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;

use super::authorize::AuthorizedRequest;
use super::exchange::exchange;
use super::network::Network;
use super::origin::Origin;
use crate::Refusal;

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseEvent {
    /// The response has begun. The first, if it comes.
    Head {
        /// Its status.
        status: u16,
        /// Its headers, without cookies.
        headers: Vec<(String, String)>,
    },
    /// Events came.
    Events(Vec<ServerEvent>),
    /// A piece of the body came.
    Bytes(Vec<u8>),
    /// The response is complete. The last event.
    Ended,
    /// It came to nothing, or broke off. The last event.
    Failed {
        /// Why.
        fault: RequestFault,
        /// The same for people.
        text: String,
    },
}

impl ResponseEvent {
    /// Makes the input that a plugin gets.
    #[must_use]
    pub fn into_input(self, id: HandleId) -> Input {
        match self {
            Self::Head { status, headers } => Input::ResponseHead { id, status, headers },
            Self::Events(events) => Input::ResponseEvents(id, events),
            Self::Bytes(bytes) => Input::ResponseBytes(id, bytes),
            Self::Ended => Input::ResponseEnded(id),
            Self::Failed { fault, text } => Input::RequestFailed { id, fault, text },
        }
    }
}

/// The requests of one run, and the connections that they share. Connections are shared with no other run: a plugin
/// that reads slowly holds up nobody else.
#[derive(Debug)]
pub struct Client {
    network: Network,
    pools: HashMap<Origin, Arc<OnceCell<reqwest::Client>>>,
    room: Arc<Semaphore>,
}

impl Client {
    /// Makes one for a run.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        let room = Arc::new(Semaphore::new(network.limits().live));
        Self { network: network.clone(), pools: HashMap::new(), room }
    }

    /// Sends a request. Must be called inside a tokio runtime.
    ///
    /// The socket is not read while an event waits to be taken: so a slow plugin holds the server up, not the memory.
    ///
    /// # Errors
    /// If too many live already.
    pub fn send(
        &mut self,
        request: AuthorizedRequest,
    ) -> Result<(LiveRequest, mpsc::Receiver<ResponseEvent>), Refusal> {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            let most = self.network.limits().live;
            let reason = format!("a run may have {most} requests at once; abort one first");
            return Err(Refusal {
                effect: "send-request",
                id: Some(request.id),
                leaf: Leaf::RequestSend,
                reason,
            });
        };
        let pool = Arc::clone(self.pools.entry(request.rules.origin.clone()).or_default());
        let (events, receiver) = mpsc::channel(1);
        let task = tokio::spawn(exchange(self.network.clone(), pool, request, events));
        Ok((LiveRequest { task: task.abort_handle(), _permit: permit }, receiver))
    }
}

/// A request that is under way. Dropping it aborts it, and closes its connection.
#[derive(Debug)]
pub struct LiveRequest {
    task: AbortHandle,
    _permit: OwnedSemaphorePermit,
}

impl Drop for LiveRequest {
    fn drop(&mut self) {
        self.task.abort();
    }
}
