//! Grants as they stand in the configuration.

use std::str::FromStr;

use pointsman_capabilities::request::Origin;
use pointsman_model::{Grant, Leaf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A capability and what it is given for: `process/spawn@1 codex`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub(crate) struct TextGrant(Grant);

impl TextGrant {
    pub(crate) fn get(&self) -> &Grant {
        &self.0
    }
}

impl FromStr for TextGrant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let leaf: Leaf = words.next().unwrap_or_default().parse().map_err(|error| format!("{error}"))?;
        let target = match (words.next(), leaf) {
            (Some(target), _) => target,
            // A timer is set for nothing in particular.
            (None, Leaf::TimerSet) => "*",
            (None, _) => {
                return Err(format!(
                    "{leaf} is given for something: write \"{leaf} NAME\", or \"{leaf} *\" for all"
                ));
            }
        };
        if leaf == Leaf::RequestSend && target != "*" {
            // Written otherwise it would never match, and nobody would know why.
            target.parse::<Origin>().map_err(|error| error.to_string())?;
        }
        match words.next() {
            None => Ok(Self(Grant { leaf, target: target.to_owned() })),
            Some(more) => {
                Err(format!("a grant is a capability and one target; {more:?} is too much in {text:?}"))
            }
        }
    }
}

impl TryFrom<String> for TextGrant {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Grant> for TextGrant {
    fn from(grant: Grant) -> Self {
        Self(grant)
    }
}

impl From<TextGrant> for String {
    fn from(grant: TextGrant) -> Self {
        format!("{} {}", grant.0.leaf, grant.0.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_a_capability_and_a_target() {
        let grant: TextGrant = "process/spawn@1 codex".parse().unwrap();
        assert_eq!(grant.get(), &Grant { leaf: Leaf::ProcessSpawn, target: "codex".into() });
        assert_eq!("timer/set@1".parse::<TextGrant>().unwrap().get().target, "*");
        "request/send@1 https://agents.example.com".parse::<TextGrant>().unwrap();
        let error = "request/send@1 https://agents.example.com/".parse::<TextGrant>().unwrap_err();
        assert!(error.contains("write it as https://agents.example.com"), "{error}");
        for wrong in ["", "process/spawn@1", "process/spwan@1 codex", "process/spawn@1 a b"] {
            wrong.parse::<TextGrant>().expect_err(wrong);
        }
    }
}
