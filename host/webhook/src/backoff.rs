//! When a message that was not taken is sent again.

use std::time::Duration;

/// The first wait; each is twice the one before.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait. A person may be asked for days, and a receiver that comes back should not be waited for as long.
const LONGEST: Duration = Duration::from_secs(300);

/// Gives how long to wait behind so many failures. `random` spreads the waits of several messages between the half and
/// the whole, so that they do not all come at once to a receiver that has just come back. What the receiver asked for
/// is waited for in any case.
pub(crate) fn wait(failures: u32, random: u32, asked: Option<Duration>) -> Duration {
    let whole = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST);
    let half = whole / 2;
    let spread = half.mul_f64(f64::from(random) / f64::from(u32::MAX));
    match asked {
        // Behind the time that was asked for, not before it.
        Some(asked) => asked.max(half).saturating_add(spread),
        None => half + spread,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_grow_to_a_bound_and_never_vanish(failures in 1_u32..5_000, random in any::<u32>()) {
            let waited = wait(failures, random, None);
            prop_assert!(waited >= FIRST / 2 && waited <= LONGEST, "{waited:?}");
            prop_assert!(waited <= wait(failures + 1, u32::MAX, None));
        }

        #[test]
        fn a_receiver_is_left_alone_for_as_long_as_it_asked(
            failures in 1_u32..5_000, random in any::<u32>(), seconds in 0..u64::from(u32::MAX),
        ) {
            let asked = Duration::from_secs(seconds);
            prop_assert!(wait(failures, random, Some(asked)) >= asked);
        }
    }

    #[test]
    fn waits_double() {
        let waits: Vec<u64> = (1..=11).map(|n| wait(n, u32::MAX, None).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait(1, 0, None), FIRST / 2);
    }
}
