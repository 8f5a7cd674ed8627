//! How long a program may take, the time apart in which it waits for a person.

use pointsman_sdk::backend::{Effects, Timestamp};

use crate::TIMEOUT;

/// How long the first look at the clock may be put off.
const FIRST_LOOK_MS: u32 = 1_000;

/// How long a program may still take.
#[derive(Debug)]
pub(crate) struct Patience {
    /// Milliseconds that are left, as of `since`.
    left: u64,
    /// When the timer was last set; unknown until the first input, as a task does not say when it is begun.
    since: Option<Timestamp>,
    /// Behind the first look at the clock, the timer rings for the end.
    looked: bool,
    waits: bool,
}

impl Patience {
    /// Begins to count.
    pub(crate) fn begin(milliseconds: u32, interactive: bool, effects: &mut Effects) -> Self {
        // Only of a program that may wait is it necessary to know when it began.
        let first = if interactive { milliseconds.min(FIRST_LOOK_MS) } else { milliseconds };
        effects.set_timer(TIMEOUT, first);
        let looked = first == milliseconds;
        Self { left: milliseconds.into(), since: None, looked, waits: false }
    }

    /// Notes whether the program waits for a person now.
    pub(crate) fn waits(&mut self, waits: bool, at: Timestamp, effects: &mut Effects) {
        let since = *self.since.get_or_insert(at);
        if waits == self.waits {
            return;
        }
        self.waits = waits;
        if waits {
            self.left = self.left.saturating_sub(at.saturating_sub(since));
            effects.clear_timer(TIMEOUT);
        } else {
            self.set(at, effects);
        }
    }

    /// Takes the timer's ring; says whether the time is up.
    pub(crate) fn rings(&mut self, at: Timestamp, effects: &mut Effects) -> bool {
        if self.waits {
            return false;
        }
        if self.looked {
            return true;
        }
        // It was set to ring after the first look's time, whatever came between.
        let gone = self.since.map_or(FIRST_LOOK_MS.into(), |since| at.saturating_sub(since));
        self.left = self.left.saturating_sub(gone);
        self.set(at, effects);
        false
    }

    fn set(&mut self, at: Timestamp, effects: &mut Effects) {
        self.looked = true;
        self.since = Some(at);
        effects.set_timer(TIMEOUT, u32::try_from(self.left.max(1)).unwrap_or(u32::MAX));
    }
}
