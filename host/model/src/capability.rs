//! Capabilities: what a plugin asks for, and what its operator gives.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A capability's name and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Leaf {
    /// `process/spawn@1` of a program.
    ProcessSpawn,
    /// `timer/set@1`.
    TimerSet,
    /// `secret/use@1` of a secret.
    SecretUse,
    /// `request/send@1` of an origin.
    RequestSend,
}

/// A name that is no capability's. It is an error wherever it stands, never ignored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown capability {text:?}; there are process/spawn@1, timer/set@1, secret/use@1 and request/send@1"
)]
pub struct UnknownLeaf {
    /// The text, cut to 80 characters.
    pub text: String,
}

impl Leaf {
    /// Every capability.
    pub const ALL: [Self; 4] = [Self::ProcessSpawn, Self::TimerSet, Self::SecretUse, Self::RequestSend];

    /// Gives the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProcessSpawn => "process/spawn@1",
            Self::TimerSet => "timer/set@1",
            Self::SecretUse => "secret/use@1",
            Self::RequestSend => "request/send@1",
        }
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Leaf {
    type Err = UnknownLeaf;

    fn from_str(text: &str) -> Result<Self, UnknownLeaf> {
        Self::ALL
            .into_iter()
            .find(|leaf| leaf.as_str() == text)
            .ok_or_else(|| UnknownLeaf { text: text.chars().take(80).collect() })
    }
}

impl TryFrom<String> for Leaf {
    type Error = UnknownLeaf;

    fn try_from(text: String) -> Result<Self, UnknownLeaf> {
        text.parse()
    }
}

impl From<Leaf> for String {
    fn from(leaf: Leaf) -> Self {
        leaf.as_str().to_owned()
    }
}

/// What a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CapabilityRequest {
    /// The capability.
    pub leaf: Leaf,
    /// What for; `*` for whatever the operator lists.
    pub target: String,
    /// One sentence for the operator.
    pub why: String,
}

/// What an operator gives to a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// The capability.
    pub leaf: Leaf,
    /// What for; `*` for everything that the operator lists elsewhere.
    pub target: String,
}

impl Grant {
    /// Says whether a plugin that asked for `requests` and was given `grants` may use `leaf` on `target`: only what is
    /// both asked for and given.
    #[must_use]
    pub fn allows(requests: &[CapabilityRequest], grants: &[Self], leaf: Leaf, target: &str) -> bool {
        let covers = |of: Leaf, what: &str| of == leaf && (what == "*" || what == target);
        requests.iter().any(|request| covers(request.leaf, &request.target))
            && grants.iter().any(|grant| covers(grant.leaf, &grant.target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invariant 6: what is effective is what is asked for *and* given.
    #[test]
    fn asking_alone_and_giving_alone_give_nothing() {
        let asks = |target: &str| CapabilityRequest {
            leaf: Leaf::ProcessSpawn,
            target: target.into(),
            why: String::new(),
        };
        let gives = |target: &str| Grant { leaf: Leaf::ProcessSpawn, target: target.into() };
        let allows = |r: &[CapabilityRequest], g: &[Grant]| Grant::allows(r, g, Leaf::ProcessSpawn, "codex");
        assert!(allows(&[asks("codex")], &[gives("codex")]));
        assert!(allows(&[asks("*")], &[gives("codex")]));
        assert!(!allows(&[asks("codex")], &[]));
        assert!(!allows(&[], &[gives("codex")]));
        assert!(!allows(&[asks("claude")], &[gives("*")]));
        assert!(!allows(&[asks("*")], &[gives("claude")]));
        "process/spwan@1".parse::<Leaf>().expect_err("unknown names are errors");
    }
}
