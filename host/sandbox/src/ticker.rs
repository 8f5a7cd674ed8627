//! The clock behind deadlines.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::Engine;

/// How exact deadlines are.
const TICK: Duration = Duration::from_millis(10);

/// Advances the engine's epoch while guests run, and sleeps for good while none does: an idle host wakes nobody.
pub(crate) struct Ticker(Arc<Shared>);

struct Shared {
    engine: Engine,
    /// Guests that run now.
    running: AtomicUsize,
    /// Whether the thread waits to be woken. Only then does a call pay for waking it.
    asleep: AtomicBool,
    stopped: AtomicBool,
    gate: Mutex<()>,
    wake: Condvar,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engine,
            running: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            gate: Mutex::new(()),
            wake: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("guest-deadlines".to_owned()).spawn(move || theirs.tick())?;
        Ok(Self(shared))
    }

    /// Makes time pass for as long as the returned value lives.
    pub(crate) fn running(&self) -> Running<'_> {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        // Either the thread sees the count before it sleeps, or this sees that it is asleep: both are SeqCst.
        if self.0.asleep.load(Ordering::SeqCst) {
            self.0.ring();
        }
        Running(&self.0)
    }

    /// Gives the number of ticks that cover this time.
    pub(crate) fn ticks(time: Duration) -> u64 {
        let ticks = time.as_millis().div_ceil(TICK.as_millis());
        // The tick under way may be about to end.
        u64::try_from(ticks).unwrap_or(u64::MAX / 2).saturating_add(1).min(u64::MAX / 2)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::SeqCst);
        self.0.ring();
    }
}

impl Shared {
    fn ring(&self) {
        drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }

    fn tick(&self) {
        while !self.stopped.load(Ordering::SeqCst) {
            self.wait_for_a_guest();
            // Once awake it stays so for a whole tick, so that a burst of short calls wakes it once and not each time.
            std::thread::sleep(TICK);
            self.engine.increment_epoch();
        }
    }

    fn wait_for_a_guest(&self) {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.asleep.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0 && !self.stopped.load(Ordering::SeqCst) {
            gate = self.wake.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// A guest runs.
pub(crate) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_shorter_than_asked_for() {
        assert_eq!(Ticker::ticks(Duration::from_millis(1)), 2);
        assert_eq!(Ticker::ticks(Duration::from_millis(10)), 2);
        assert_eq!(Ticker::ticks(Duration::from_millis(11)), 3);
        assert!(Ticker::ticks(Duration::MAX) > 0);
    }

    /// An idle host wakes nobody.
    #[test]
    fn it_sleeps_while_no_guest_runs_and_wakes_for_the_next() {
        let ticker = Ticker::start(Engine::default()).expect("a thread");
        let wait_until_asleep = |expected| {
            while ticker.0.asleep.load(Ordering::SeqCst) != expected {
                std::thread::yield_now();
            }
        };
        for _ in 0..3 {
            wait_until_asleep(true);
            let running = ticker.running();
            wait_until_asleep(false);
            drop(running);
        }
        wait_until_asleep(true);
    }
}
