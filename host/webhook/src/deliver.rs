//! Bringing a message to the receiver, however long that takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pointsman_engine::Clock;
use tokio::sync::Semaphore;

use crate::backoff;
use crate::post::{Post, Sent};
use crate::random;

/// Messages under way at once: more would not be read any sooner.
const AT_ONCE: usize = 4;

/// Sends messages until they are taken.
pub(crate) struct Courier {
    post: Post,
    room: Semaphore,
    clock: Arc<dyn Clock>,
}

/// A message.
pub(crate) struct Message {
    /// By which the receiver knows it when it comes twice.
    pub(crate) id: String,
    /// What it says.
    pub(crate) body: String,
}

impl Message {
    pub(crate) fn new(body: String) -> Self {
        Self { id: format!("msg_{}", URL_SAFE_NO_PAD.encode(random::<16>())), body }
    }
}

impl Courier {
    pub(crate) fn new(post: Post, clock: Arc<dyn Clock>) -> Self {
        Self { post, room: Semaphore::new(AT_ONCE), clock }
    }

    /// Sends a message until it is taken, or so many times. Sets `begun` when something may have reached the receiver.
    pub(crate) async fn deliver(&self, message: &Message, begun: &AtomicBool, tries: u32) {
        let place = self.post.place();
        for failures in 1..=tries {
            let (why, asked) = match self.send(message, begun).await {
                Sent::Taken => {
                    if failures > 1 {
                        tracing::info!(
                            receiver = place,
                            message = message.id,
                            failures,
                            "a message was taken at last"
                        );
                    }
                    return;
                }
                Sent::Gone => {
                    tracing::warn!(
                        receiver = place,
                        message = message.id,
                        "the receiver says that it is gone (status 410): this message is not sent again"
                    );
                    return;
                }
                Sent::Failed { why, again } => (why, again),
            };
            let wait = backoff::wait(failures, u32::from_be_bytes(random()), asked);
            if failures == 1 {
                tracing::warn!(
                    receiver = place,
                    message = message.id,
                    why,
                    "a message was not taken; it is sent again"
                );
            } else {
                tracing::debug!(
                    receiver = place,
                    message = message.id,
                    why,
                    ?wait,
                    failures,
                    "a message was not taken"
                );
            }
            if failures < tries {
                self.pause(wait).await;
            }
        }
    }

    async fn send(&self, message: &Message, begun: &AtomicBool) -> Sent {
        // Never closed, so there is room in the end.
        let _room = self.room.acquire().await;
        begun.store(true, Ordering::Release);
        self.post.send(&message.id, &message.body, self.clock.now()).await
    }

    async fn pause(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let until = self.clock.now().as_millis().saturating_add(wait);
        self.clock.sleep_until(pointsman_model::Timestamp::from_millis(until)).await;
    }
}
