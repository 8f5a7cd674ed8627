//! Times as people say them.

use std::time::{SystemTime, UNIX_EPOCH};

use pointsman_model::Timestamp;

/// Gives the present.
pub(crate) fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Says how long ago something was: `4 s ago`.
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    format!("{} ago", span(now.as_millis().saturating_sub(then.as_millis())))
}

/// Says when something will be: `in 23 h`, or `now`.
pub(crate) fn in_future(now: Timestamp, then: Timestamp) -> String {
    match then.as_millis().saturating_sub(now.as_millis()) {
        0 => "now".to_owned(),
        millis => format!("in {}", span(millis)),
    }
}

/// Gives the time of day of a moment, in UTC: `03:14:57.123`.
pub(crate) fn clock(when: Timestamp) -> String {
    let text = when.to_string();
    text.get(11..23).unwrap_or(&text).to_owned()
}

fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(900, "0 s")]
    #[case(119_000, "119 s")]
    #[case(120_000, "2 min")]
    #[case(7_200_000, "2 h")]
    #[case(200_000_000, "2 d")]
    fn spans_are_said_in_one_unit(#[case] millis: u64, #[case] said: &str) {
        assert_eq!(span(millis), said);
    }

    #[test]
    fn the_time_of_day_is_read_off_the_written_form() {
        assert_eq!(clock(Timestamp::from_millis(1_795_230_897_123)).len(), "03:14:57.123".len());
    }
}
