//! From what becomes of questions to messages about them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pointsman_engine::QuestionNews;
use pointsman_model::{Approval, ApprovalId};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::calls::{Calls, News};
use crate::deliver::{Courier, Message};
use crate::http::ANSWER;
use crate::link::{Choice, Links};
use crate::{Events, message, random};

/// How often it is tried to say that a question waits no more: it can be seen at the link as well.
const TRIES: u32 = 6;
/// How long the last messages may take when the host ends.
const FAREWELL: Duration = Duration::from_millis(300);

/// Tells the receiver of questions.
pub(crate) struct Teller<C> {
    pub(crate) calls: Arc<C>,
    pub(crate) courier: Arc<Courier>,
    pub(crate) links: Links,
    /// What stands before a link.
    pub(crate) base: String,
    pub(crate) events: Events,
}

/// A question that the receiver was told of, or is being told of.
struct Told {
    telling: Option<AbortHandle>,
    begun: Arc<AtomicBool>,
}

impl<C: Calls> Teller<C> {
    /// Tells of every question until the host, or this channel, ends.
    pub(crate) async fn tell<N: News>(self, mut news: N, ending: CancellationToken) {
        let mut told: HashMap<ApprovalId, Told> = HashMap::new();
        let (mut asking, mut settling) = (JoinSet::new(), JoinSet::new());
        while let Some(Some(news)) = ending.run_until_cancelled(news.next()).await {
            while asking.try_join_next().is_some() || settling.try_join_next().is_some() {}
            match news {
                QuestionNews::Asked(approval) => {
                    let begun = Arc::new(AtomicBool::new(!self.events.asked));
                    let telling = self.events.asked.then(|| {
                        let (courier, begun) = (Arc::clone(&self.courier), Arc::clone(&begun));
                        let message = self.asked(&approval);
                        // Ended by the answer, or by the end of the question's time, which is news as well.
                        asking.spawn(async move { courier.deliver(&message, &begun, u32::MAX).await })
                    });
                    told.insert(approval.approval_id, Told { telling, begun });
                }
                QuestionNews::Settled { approval_id, .. } => {
                    let Some(Told { telling, begun }) = told.remove(&approval_id) else { continue };
                    if let Some(telling) = telling {
                        telling.abort();
                    }
                    // Whoever never heard of the question need not hear that it is over.
                    if !self.events.settled || !begun.load(Ordering::Acquire) {
                        continue;
                    }
                    match self.calls.approval(approval_id).await {
                        Ok(Some(approval)) => {
                            let courier = Arc::clone(&self.courier);
                            let message = Message::new(message::settled(&approval));
                            settling.spawn(async move { courier.deliver(&message, &begun, TRIES).await });
                        }
                        Ok(None) => {}
                        Err(error) => {
                            tracing::warn!(%error, approval = %approval_id, "a settled question cannot be read");
                        }
                    }
                }
            }
        }
        asking.abort_all();
        let last = async { while settling.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, last).await.is_err() {
            tracing::debug!("the receiver was not told of every answer before the host ended");
        }
    }

    fn asked(&self, approval: &Approval) -> Message {
        let link = |choice| format!("{}/{ANSWER}/{}", self.base, self.links.of(approval, choice, random()));
        Message::new(message::asked(approval, &link(Choice::Allow), &link(Choice::Deny)))
    }
}
