//! Ending a process the way a person would: asking first.

use super::{Effects, HandleId, Stop};

/// Ends a process by an interrupt, then a terminate, then a kill, each a while after the other.
///
/// Needs `timer/set@1`; where that is not granted, pass the refusal to [`GentleStop::harder`] and nothing waits for
/// a timer that never rings.
#[derive(Debug)]
pub struct GentleStop {
    process: HandleId,
    timer: HandleId,
    patience_ms: u32,
    asked: Option<Stop>,
}

impl GentleStop {
    /// Prepares to end this process with the help of this timer, which nothing else may use.
    ///
    /// Two waits fit into the grace period that a host gives a cancelled run by default.
    #[must_use]
    pub fn new(process: HandleId, timer: HandleId) -> Self {
        Self { process, timer, patience_ms: 1_000, asked: None }
    }

    /// Begins, if it has not begun.
    pub fn begin(&mut self, effects: &mut Effects) {
        if self.asked.is_none() {
            self.harder(effects);
        }
    }

    /// Says whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.asked.is_some()
    }

    /// Asks once more and more firmly: the timer has rung, or cannot be had.
    pub fn harder(&mut self, effects: &mut Effects) {
        let next = match self.asked {
            None => Stop::Interrupt,
            Some(Stop::Interrupt) => Stop::Terminate,
            Some(Stop::Terminate) => Stop::Kill,
            Some(Stop::Kill) => return,
        };
        self.asked = Some(next);
        effects.stop(self.process, next);
        if next != Stop::Kill {
            effects.set_timer(self.timer, self.patience_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Effect;

    #[test]
    fn it_asks_three_times_and_then_no_more() {
        let (mut stop, mut effects) = (GentleStop::new(1, 2), Effects::new());
        stop.begin(&mut effects);
        stop.begin(&mut effects);
        for _ in 0..5 {
            stop.harder(&mut effects);
        }
        assert_eq!(
            effects.into_vec(),
            [
                Effect::StopProcess((1, Stop::Interrupt)),
                Effect::SetTimer((2, 1_000)),
                Effect::StopProcess((1, Stop::Terminate)),
                Effect::SetTimer((2, 1_000)),
                Effect::StopProcess((1, Stop::Kill)),
            ]
        );
    }
}
