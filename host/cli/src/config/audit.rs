//! `[audit]`: how the audit log is kept.

use std::fmt;
use std::str::FromStr;

use pointsman_audit::{Keep, Options};
use pointsman_engine::{AuditFailure, AuditSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::Config;

/// The audit log: what was decided, by whom, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Audit {
    /// A file of this size is followed by a new one: a whole number and B, KiB, MiB or GiB.
    pub(crate) rotate: TextSize,
    /// How many files stay, or `"forever"`.
    pub(crate) keep: Kept,
    /// What becomes of something that cannot be recorded: `refuse` (it does not happen) or `warn` (it happens, and the
    /// log of the host says so).
    pub(crate) on_failure: Unrecorded,
}

impl Default for Audit {
    fn default() -> Self {
        Self { rotate: TextSize(16 << 20), keep: Kept::All(Forever::Forever), on_failure: Unrecorded::Refuse }
    }
}

/// How many files stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "give how many files stay, at least 1, or \"forever\"")]
pub(crate) enum Kept {
    /// So many of the newest.
    Files(#[schemars(range(min = 1))] std::num::NonZeroU32),
    /// All.
    All(Forever),
}

/// The word for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Forever {
    /// None is ever removed.
    Forever,
}

/// What becomes of something that cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unrecorded {
    /// It does not happen.
    Refuse,
    /// It happens.
    Warn,
}

/// A size with its unit: `512KiB`, `16MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]+(B|KiB|MiB|GiB)$"))]
pub(crate) struct TextSize(u64);

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a size is a whole number and a unit, such as 512KiB or 16MiB, not {text:?}")]
pub(crate) struct InvalidSize {
    text: String,
}

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl FromStr for TextSize {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let bytes = UNITS.iter().find_map(|(unit, size)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(*size)
        });
        bytes.map(Self).ok_or_else(|| InvalidSize { text: text.chars().take(80).collect() })
    }
}

impl TryFrom<String> for TextSize {
    type Error = InvalidSize;

    fn try_from(text: String) -> Result<Self, InvalidSize> {
        text.parse()
    }
}

impl From<TextSize> for String {
    fn from(size: TextSize) -> Self {
        size.to_string()
    }
}

impl fmt::Display for TextSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, size): &&(&str, u64)| self.0 >= *size && self.0.is_multiple_of(*size);
        let (unit, size) = UNITS.iter().find(fits).copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

/// Makes settings of the section. The whole configuration leaves its digest in the log.
pub(super) fn audit(config: &Config) -> AuditSettings {
    let Audit { rotate, keep, on_failure } = &config.audit;
    AuditSettings {
        options: Options {
            rotate: rotate.0,
            keep: match keep {
                Kept::Files(files) => Keep::Newest(files.get()),
                Kept::All(Forever::Forever) => Keep::Forever,
            },
        },
        on_failure: match on_failure {
            Unrecorded::Refuse => AuditFailure::Refuse,
            Unrecorded::Warn => AuditFailure::Warn,
        },
        // It holds names of secrets and no values.
        config: pointsman_model::digest_of(config).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for text in ["16MiB", "1GiB", "1536KiB", "1000B"] {
            assert_eq!(text.parse::<TextSize>().unwrap().to_string(), text);
        }
        assert_eq!("2048KiB".parse::<TextSize>().unwrap().to_string(), "2MiB");
        for text in ["16", "MiB", "16MB", "-1KiB", "1.5GiB", "99999999999GiB", ""] {
            text.parse::<TextSize>().expect_err(text);
        }
    }

    #[test]
    fn files_are_kept_by_number_or_forever() {
        let read = |text: &str| toml::from_str::<Audit>(text).map(|audit| audit.keep);
        assert_eq!(read("keep = \"forever\"").unwrap(), Kept::All(Forever::Forever));
        assert_eq!(read("keep = 12").unwrap(), Kept::Files(12.try_into().unwrap()));
        read("keep = 0").unwrap_err();
        read("keep = \"some\"").unwrap_err();
    }
}
