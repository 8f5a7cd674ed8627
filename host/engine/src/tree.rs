//! Runs that agents launched end with the run of that agent.

use pointsman_model::{RunId, RunSpec, Status, reason};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::order::Order;
use crate::{Error, Host, Orphans};

/// Why such a run is cancelled.
pub(crate) const PARENT_OVER: &str = "the run that launched it is over";

impl Host {
    /// Refuses an agent whose run is over: whatever it launches would have nobody.
    pub(crate) async fn parent_must_live(&self) -> Result<(), Error> {
        let Some(parent) = self.parent() else { return Ok(()) };
        if self.parts.driven(parent).is_some() {
            return Ok(());
        }
        let this = self.parts.id;
        let (record, ours) = self
            .parts
            .read(move |store| {
                let record = store.run(parent)?;
                let ours = record.is_some() && store.owner(parent)? == this;
                Ok((record, ours))
            })
            .await?;
        match record {
            // The run of another host, or of another state, ends this host with it.
            Some(record) if ours || record.status.is_terminal() => Err(Error::Invalid(format!(
                "run {parent}, to which you belong, is over: it launches no more"
            ))),
            _ => Ok(()),
        }
    }

    /// Ends what a run launched, now that the run is over; comes back when nothing of that lives. Each of them ends its
    /// own in turn.
    pub(crate) async fn end_children(&self, parent: RunId) {
        let orphans = self.parts.settings.orphans;
        let children = self
            .parts
            .read(move |store| {
                let Some(record) = store.run(parent)? else { return Ok((Vec::new(), None)) };
                let used_up = record.error.filter(|why| why.reason == reason::BUDGET_EXHAUSTED);
                let used_up = used_up.map(|why| why.message);
                let over = match orphans {
                    Orphans::Cancel => record.status.is_terminal(),
                    Orphans::Keep => record.status == Status::Cancelled || used_up.is_some(),
                };
                let children = if over { store.unfinished_children(parent)? } else { Vec::new() };
                Ok((children, used_up))
            })
            .await;
        match children {
            Ok((children, used_up)) => {
                let mut ends = JoinSet::new();
                for child in children {
                    let (host, used_up) = (self.clone(), used_up.clone());
                    ends.spawn(async move {
                        match used_up {
                            Some(message) => host.end_by(child.run_id, Order::Exhaust { message }).await,
                            None => host.end_child(child.run_id).await,
                        }
                    });
                }
                while ends.join_next().await.is_some() {}
            }
            Err(error) => {
                tracing::error!(run = %parent, %error, "what a run launched could not be looked for, and goes on");
            }
        }
    }

    /// Cancels a run of this process; comes back when nothing of it lives. One that another process drives, an agent's
    /// own host, ends with that process.
    pub(crate) async fn end_child(&self, child: RunId) {
        let (reply, _unheard) = oneshot::channel();
        self.end_by(child, Order::Cancel { reason: PARENT_OVER.to_owned(), by: None, reply }).await;
    }

    async fn end_by(&self, child: RunId, order: Order) {
        let Some(mut live) = self.parts.driven(child) else { return };
        // A task that takes no orders any more is at its end.
        drop(live.orders.send(order).await);
        while live.over.changed().await.is_ok() {}
    }

    /// Says whether the run that launched this one is over, so that this one should be.
    pub(crate) async fn is_orphan(&self, spec: &RunSpec) -> Result<bool, Error> {
        let parent = spec.chain.last().and_then(|last| last.run_id.as_deref()?.parse::<RunId>().ok());
        let Some(parent) = parent else { return Ok(false) };
        let orphans = self.parts.settings.orphans;
        let record = self.parts.read(move |store| store.run(parent)).await?;
        Ok(record.is_some_and(|record| match orphans {
            Orphans::Cancel => record.status.is_terminal(),
            Orphans::Keep => record.status == Status::Cancelled,
        }))
    }
}
