//! How often anybody is answered.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A bucket that fills with time: some may come at once, and more as it fills.
#[derive(Debug)]
pub(super) struct Pace {
    most: u32,
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: u32,
    /// Since when nothing was added.
    since: Instant,
}

impl Pace {
    /// Lets so many come at once, and one more in every such time.
    pub(super) fn new(most: u32, every: Duration) -> Self {
        Self { most, every, state: Mutex::new(State { left: most, since: Instant::now() }) }
    }

    /// Takes one; else says when there will be one.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = state.since.elapsed();
        let fresh = u32::try_from(gone.as_nanos() / self.every.as_nanos().max(1)).unwrap_or(u32::MAX);
        if fresh > 0 {
            state.left = state.left.saturating_add(fresh).min(self.most);
            // What is left of the time counts for the next one.
            state.since += self.every.saturating_mul(fresh);
        }
        if state.left == 0 {
            return Err(self.every.saturating_sub(state.since.elapsed()));
        }
        state.left -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_come_at_once_and_the_others_one_by_one() {
        let pace = Pace::new(3, Duration::from_secs(2));
        let taken = |wished: usize| (0..wished).filter(|_| pace.take().is_ok()).count();
        assert_eq!(taken(10), 3);
        tokio::time::advance(Duration::from_millis(3_500)).await;
        assert_eq!(taken(10), 1);
        assert_eq!(pace.take(), Err(Duration::from_millis(500)));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(taken(10), 1);
        tokio::time::advance(Duration::from_secs(1_000_000_000)).await;
        assert_eq!(taken(10), 3);
    }
}
