//! How long an approval stays valid: `"90s"`, `"30m"`, `"24h"`, `"7d"` or a number of seconds.

/// The longest that a person's word may hold: a year.
const LONGEST: u64 = 365 * 24 * 3600;

/// Reads a duration as seconds.
///
/// # Errors
///
/// What is wrong with it, and how it is written.
pub(crate) fn parse(text: &str) -> Result<u32, String> {
    let wrong =
        || format!("`{text}` is no duration: write \"90s\", \"30m\", \"24h\", \"7d\" or seconds as a number");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong()),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    // Only digits are left, so the one thing that may fail is their number.
    let seconds = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).unwrap_or(u64::MAX);
    seconds_within(seconds)
}

/// Checks a number of seconds.
///
/// # Errors
///
/// Zero, and more than a year.
pub(crate) fn seconds_within(seconds: u64) -> Result<u32, String> {
    match u32::try_from(seconds) {
        Ok(0) => Err("a ttl of nothing would let every approval expire at once".to_owned()),
        Ok(valid) if seconds <= LONGEST => Ok(valid),
        _ => Err("a ttl is at most a year (\"365d\")".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("90s", Ok(90))]
    #[case("30m", Ok(1800))]
    #[case("24h", Ok(86_400))]
    #[case("7d", Ok(604_800))]
    #[case("45", Ok(45))]
    #[case("365d", Ok(31_536_000))]
    fn durations_are_read(#[case] text: &str, #[case] seconds: Result<u32, String>) {
        assert_eq!(parse(text), seconds);
    }

    #[rstest]
    #[case("")]
    #[case("m")]
    #[case("-5m")]
    #[case("1.5h")]
    #[case("5 m")]
    #[case("5w")]
    #[case("0s")]
    #[case("366d")]
    #[case("99999999999999999999999d")]
    #[case("٣s")]
    fn what_is_no_duration_is_refused(#[case] text: &str) {
        parse(text).unwrap_err();
    }
}
