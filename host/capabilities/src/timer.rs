//! Timers: a plugin asks to be woken later.

use std::collections::HashMap;
use std::time::Duration;

use pointsman_model::Leaf;
use pointsman_model::plugin::HandleId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::{Asker, Refusal};

/// Timers that one run may have set at once. A state machine needs a few; thousands are a mistake or an attack.
const MOST: usize = 64;

/// The timers of one run.
#[derive(Debug)]
pub struct Timers {
    orders: mpsc::UnboundedSender<Order>,
    live: HashMap<HandleId, u64>,
    next: u64,
}

#[derive(Debug)]
enum Order {
    Set(HandleId, u64, Instant),
    Clear(HandleId),
}

/// A timer that has gone off. [`Timers::accept`] says whether it still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    id: HandleId,
    setting: u64,
}

impl Timers {
    /// Makes a run's timers, and the channel on which they ring. Must be called inside a tokio runtime.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Ring>) {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (bell, rings) = mpsc::channel(MOST);
        tokio::spawn(keep(inbox, bell));
        (Self { orders, live: HashMap::new(), next: 0 }, rings)
    }

    /// Sets a timer, or moves it if it is live. Needs `timer/set@1`.
    ///
    /// # Errors
    /// If it is not granted, or too many are live.
    pub fn set(&mut self, asker: &Asker<'_>, id: HandleId, after: Duration) -> Result<(), Refusal> {
        let refuse = |reason| Refusal { effect: "set-timer", id: Some(id), leaf: Leaf::TimerSet, reason };
        asker.check(Leaf::TimerSet, "*").map_err(refuse)?;
        if self.live.len() >= MOST && !self.live.contains_key(&id) {
            return Err(refuse(format!("a run may have {MOST} timers at once; clear one first")));
        }
        self.next += 1;
        self.live.insert(id, self.next);
        // The task behind the channel lives as long as this end of it.
        let _ = self.orders.send(Order::Set(id, self.next, Instant::now() + after));
        Ok(())
    }

    /// Clears a timer. One that is not live is left as it is.
    pub fn clear(&mut self, id: HandleId) {
        if self.live.remove(&id).is_some() {
            let _ = self.orders.send(Order::Clear(id));
        }
    }

    /// Takes a ring: the timer's id, or `None` if it was cleared or set again while the ring was under way.
    pub fn accept(&mut self, ring: Ring) -> Option<HandleId> {
        if self.live.get(&ring.id) != Some(&ring.setting) {
            return None;
        }
        self.live.remove(&ring.id);
        Some(ring.id)
    }
}

async fn keep(mut inbox: mpsc::UnboundedReceiver<Order>, bell: mpsc::Sender<Ring>) {
    let mut due: HashMap<HandleId, (u64, Instant)> = HashMap::new();
    loop {
        let first = due.iter().map(|(id, (setting, at))| (*at, *setting, *id)).min();
        let order = match first {
            None => inbox.recv().await,
            Some((at, setting, id)) => tokio::select! {
                biased;
                order = inbox.recv() => order,
                () = tokio::time::sleep_until(at) => {
                    due.remove(&id);
                    if bell.send(Ring { id, setting }).await.is_err() {
                        return;
                    }
                    continue;
                }
            },
        };
        match order {
            None => return,
            Some(Order::Set(id, setting, at)) => {
                due.insert(id, (setting, at));
            }
            Some(Order::Clear(id)) => {
                due.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_model::{CapabilityRequest, Grant};

    use super::*;

    fn with_grant<T>(body: impl FnOnce(&Asker<'_>) -> T) -> T {
        let requests = [CapabilityRequest { leaf: Leaf::TimerSet, target: "*".into(), why: String::new() }];
        let grants = [Grant { leaf: Leaf::TimerSet, target: "*".into() }];
        body(&Asker { table: "backends.x", requests: &requests, grants: &grants })
    }

    #[tokio::test]
    async fn timers_ring_in_order_and_a_moved_one_rings_once() {
        let (mut timers, mut rings) = Timers::new();
        with_grant(|asker| {
            timers.set(asker, 1, Duration::from_millis(40)).unwrap();
            timers.set(asker, 2, Duration::from_millis(1)).unwrap();
            timers.set(asker, 3, Duration::from_millis(2)).unwrap();
            timers.set(asker, 3, Duration::from_millis(20)).unwrap();
        });
        let mut rung = Vec::new();
        while rung.len() < 3 {
            let ring = rings.recv().await.unwrap();
            rung.extend(timers.accept(ring));
        }
        assert_eq!(rung, [2, 3, 1]);
    }

    #[tokio::test]
    async fn a_ring_under_way_when_its_timer_is_cleared_does_not_count() {
        let (mut timers, mut rings) = Timers::new();
        with_grant(|asker| timers.set(asker, 1, Duration::ZERO)).unwrap();
        let ring = rings.recv().await.unwrap();
        timers.clear(1);
        assert_eq!(timers.accept(ring), None);
    }

    #[tokio::test]
    async fn timers_need_a_grant_and_are_counted() {
        let (mut timers, _rings) = Timers::new();
        let nothing = Asker { table: "backends.x", requests: &[], grants: &[] };
        let refusal = timers.set(&nothing, 1, Duration::ZERO).expect_err("not granted");
        assert!(refusal.reason.contains("timer/set@1 *"), "{refusal}");
        with_grant(|asker| {
            for id in 0..64 {
                timers.set(asker, id, Duration::from_secs(60)).unwrap();
            }
            timers.set(asker, 64, Duration::ZERO).expect_err("one too many");
            timers.set(asker, 0, Duration::from_secs(60)).unwrap();
        });
    }
}
