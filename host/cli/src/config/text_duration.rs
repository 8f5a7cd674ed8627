//! Durations as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A duration with its unit: `250ms`, `5s`, `15m`, `24h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]+(ms|s|m|h|d)$"))]
pub(crate) struct TextDuration(Duration);

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number and a unit, such as 250ms, 5s, 15m, 24h or 7d, not {text:?}")]
pub(crate) struct InvalidDuration {
    text: String,
}

impl TextDuration {
    pub(crate) const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub(crate) fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for TextDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let invalid = || InvalidDuration { text: text.chars().take(80).collect() };
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(invalid()),
        };
        number.checked_mul(millis).map(|millis| Self(Duration::from_millis(millis))).ok_or_else(invalid)
    }
}

impl TryFrom<String> for TextDuration {
    type Error = InvalidDuration;

    fn try_from(text: String) -> Result<Self, InvalidDuration> {
        text.parse()
    }
}

impl From<TextDuration> for String {
    fn from(duration: TextDuration) -> Self {
        duration.to_string()
    }
}

impl fmt::Display for TextDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
            if millis >= size && millis.is_multiple_of(size) {
                return write!(f, "{}{unit}", millis / size);
            }
        }
        write!(f, "{millis}ms")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("250ms", Some(250))]
    #[case("5s", Some(5_000))]
    #[case("90m", Some(5_400_000))]
    #[case("24h", Some(86_400_000))]
    #[case("7d", Some(604_800_000))]
    #[case("5", None)]
    #[case("s", None)]
    #[case("", None)]
    #[case("-5s", None)]
    #[case("5 s", None)]
    #[case("99999999999999999999s", None)]
    #[case("99999999999999999d", None)]
    fn reads_a_number_with_a_unit(#[case] text: &str, #[case] millis: Option<u64>) {
        assert_eq!(
            text.parse::<TextDuration>().ok().map(TextDuration::get),
            millis.map(Duration::from_millis)
        );
    }

    #[rstest]
    #[case("90s", "90s")]
    #[case("120s", "2m")]
    #[case("0s", "0ms")]
    fn writes_the_largest_unit_that_fits(#[case] text: &str, #[case] written: &str) {
        assert_eq!(text.parse::<TextDuration>().unwrap().to_string(), written);
    }
}
