//! Clocks that show what the host feeds them.

use pointsman_model::Timestamp;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};

use super::Wasi;
use super::io::Wait;

const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A guest's time, in nanoseconds since the Unix epoch.
///
/// It stands still while the guest computes: how long that takes differs from machine to machine, and a replay must
/// see what the first run saw.
#[derive(Default)]
pub(super) struct Clock {
    wall: u64,
    /// As `wall`, but never goes back when the host's clock was set.
    monotonic: u64,
}

impl Clock {
    pub(super) fn set(&mut self, at: Timestamp) {
        self.wall = at.as_millis().saturating_mul(NANOS_PER_MILLI);
        self.monotonic = self.monotonic.max(self.wall);
    }

    pub(super) fn monotonic(&self) -> u64 {
        self.monotonic
    }

    /// Goes on to a moment that the guest waits for.
    ///
    /// There is nothing outside that could happen while a guest sleeps, so it need not really pass: the thread is not
    /// held up, and the guest sees what it would see after a sleep.
    pub(super) fn skip_to(&mut self, monotonic: u64) {
        let skipped = monotonic.saturating_sub(self.monotonic);
        self.monotonic += skipped;
        self.wall = self.wall.saturating_add(skipped);
    }
}

impl wall_clock::Host for Wasi {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let nanoseconds = (self.clock.wall % NANOS_PER_SECOND) as u32;
        Ok(wall_clock::Datetime { seconds: self.clock.wall / NANOS_PER_SECOND, nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: NANOS_PER_MILLI as u32 })
    }
}

impl monotonic_clock::Host for Wasi {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.monotonic)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(NANOS_PER_MILLI)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe(Wait::Until(when))
    }

    fn subscribe_duration(&mut self, how_long: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe(Wait::Until(self.clock.monotonic.saturating_add(how_long)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_time_never_goes_back_and_sleep_moves_both() {
        let mut clock = Clock::default();
        clock.set(Timestamp::from_millis(5_000));
        clock.skip_to(clock.monotonic() + 7 * NANOS_PER_MILLI);
        assert_eq!(clock.wall, 5_007 * NANOS_PER_MILLI);
        clock.set(Timestamp::from_millis(5_001));
        assert_eq!(clock.wall, 5_001 * NANOS_PER_MILLI);
        assert_eq!(clock.monotonic(), 5_007 * NANOS_PER_MILLI);
        clock.skip_to(0);
        assert_eq!(clock.monotonic(), 5_007 * NANOS_PER_MILLI);
    }
}
