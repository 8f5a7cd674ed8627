//! Ids: random UUIDs (version 4), in lower case with hyphens.
//!
//! An id that came from outside is parsed into one of these before it is used for anything, so an id can never be a
//! path component or a piece of a query.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be a UUID such as 6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10, not {text:?}")]
pub struct InvalidId {
    /// Which id was expected: `run_id`, `session_id`, …
    pub what: &'static str,
    /// The text, cut to 80 characters.
    pub text: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// Makes an id of sixteen random bytes.
            #[must_use]
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// Takes the sixteen bytes of an id, as they are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// Gives its sixteen bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == 36 => Ok(Self(id)),
                    _ => Err(InvalidId { what: $what, text: text.chars().take(80).collect() }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// Names one run: one task given to one agent.
    RunId,
    "run_id"
);
id!(
    /// Names a session: the conversation that consecutive runs share.
    SessionId,
    "session_id"
);
id!(
    /// Names a question to a person.
    ApprovalId,
    "approval_id"
);
id!(
    /// Names a message from one agent to another.
    MessageId,
    "message_id"
);
id!(
    /// Names one host process.
    HostId,
    "host_id"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_a_path() {
        for text in [
            "",
            "..",
            "../../etc/passwd",
            "6f1c2a340f5e4c6b9a512f0f7c1d9e10",
            "{6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10}",
        ] {
            text.parse::<RunId>().expect_err(text);
        }
        let id: RunId = "6F1C2A34-0f5e-4c6b-9a51-2f0f7c1d9e10".parse().unwrap();
        assert_eq!(id.to_string(), "6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10");
    }
}
