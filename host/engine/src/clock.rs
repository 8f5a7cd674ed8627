//! Time and randomness: read here and nowhere else, then handed down as data.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pointsman_model::Timestamp;

/// What tells the time, by which questions lapse. Tests have one that they set themselves.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Reads it.
    fn now(&self) -> Timestamp;

    /// Waits until it shows a time.
    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let wait = at.as_millis().saturating_sub(self.now().as_millis());
        Box::pin(tokio::time::sleep(Duration::from_millis(wait)))
    }
}

/// Draws random bytes from the operating system.
///
/// # Panics
///
/// If the operating system has none to give, in which case no id could be made at all.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "without randomness there are no ids; nothing sensible is left to do"
    )]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
