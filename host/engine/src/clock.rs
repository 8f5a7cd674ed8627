//! Time and randomness: read here and nowhere else, then handed down as data.

use std::time::{SystemTime, UNIX_EPOCH};

use pointsman_model::Timestamp;

/// Reads the clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
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
