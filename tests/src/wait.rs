//! Waiting for the thing itself.

use std::time::{Duration, Instant};

/// How long anything may take before the test gives up: generous, because machines that test are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something, and gives it; ends the test if it does not come.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: has not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
