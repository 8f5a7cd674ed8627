//! What policies are asked and what they answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Access, Timestamp};

/// A policy's word, from mildest to strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No opinion.
    Abstain,
    /// Go ahead.
    Allow,
    /// A person must confirm.
    Ask,
    /// No.
    Deny,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Principal {
    /// The agent's name, or the client's for the root.
    pub name: String,
    /// Its role; `client` for the root.
    pub role: String,
    /// Its run, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// 0 for the client that speaks to the host, 1 for the run it launches, and so on.
    pub depth: u32,
}

/// The thing to be decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// `spawn`, `continue`, `permission`, `process`, `request` or `peer_message`.
    pub action: String,
    /// From the root of the tree to the one that asks now; never empty.
    pub chain: Vec<Principal>,
    /// The backend that would be driven.
    pub backend: Option<String>,
    /// The role of the run.
    pub role: Option<String>,
    /// Absolute, without symbolic links.
    pub cwd: Option<String>,
    /// What the run would be allowed.
    pub access: Option<Access>,
    /// The exact request.
    pub detail: Value,
    /// Facts gathered by the host.
    pub facts: Value,
    /// When it is asked.
    pub at: Timestamp,
}

/// How far a person's word reaches, from narrowest to widest. Always for exactly the request that was asked about.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One use.
    #[default]
    Once,
    /// The same request again, in the same run.
    Run,
    /// The same request again, in any run of the same session, until a time that the person sets.
    Session,
}

impl Scope {
    /// Gives the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Run => "run",
            Self::Session => "session",
        }
    }

    /// Says whether it is the narrowest.
    #[must_use]
    pub fn is_once(&self) -> bool {
        *self == Self::Once
    }
}

/// What one rule says of a question: for people who want to understand a ruling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matched {
    /// The rule.
    pub rule: String,
    /// What it says.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// How long an approval stays valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u32>,
    /// The most that may be granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Access>,
    /// The widest that a person's word may reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Why its condition could not be judged, if it could not: it counts against the request then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
}

/// A policy's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ruling {
    /// The verdict.
    pub verdict: Verdict,
    /// The module that gave it.
    pub module: String,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Shown to whoever must act on it.
    pub reason: String,
    /// How long an approval stays valid.
    pub ttl_seconds: Option<u32>,
    /// The most that may be granted.
    pub ceiling: Option<Access>,
    /// The widest that a person's word may reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

impl Ruling {
    /// Puts the rulings of a chain together: the strictest verdict stands, the lowest ceiling, the
    /// shortest time and the narrowest scope.
    ///
    /// Nobody's word, or only abstentions, ask. Adding a ruling can only make the answer stricter than the same
    /// chain with an allowance in its place.
    #[must_use]
    pub fn compose(rulings: impl IntoIterator<Item = Self>) -> Self {
        let mut strictest: Option<Self> = None;
        let mut ceiling: Option<Access> = None;
        let mut ttl: Option<u32> = None;
        let mut scope: Option<Scope> = None;
        for ruling in rulings {
            ceiling = lower(ceiling, ruling.ceiling);
            ttl = lower(ttl, ruling.ttl_seconds);
            scope = lower(scope, ruling.scope);
            if strictest.as_ref().is_none_or(|known| ruling.verdict > known.verdict) {
                strictest = Some(ruling);
            }
        }
        let mut ruling = match strictest {
            Some(ruling) if ruling.verdict != Verdict::Abstain => ruling,
            _ => Self {
                verdict: Verdict::Ask,
                module: "host".to_owned(),
                rule: None,
                reason: "no policy says that this may happen".to_owned(),
                ttl_seconds: None,
                ceiling: None,
                scope: None,
            },
        };
        ruling.ceiling = ceiling;
        ruling.ttl_seconds = ttl;
        ruling.scope = scope;
        ruling
    }
}

fn lower<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, None) => a,
        (None, b) => b,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ruling() -> impl Strategy<Value = Ruling> {
        let verdict = prop_oneof![
            Just(Verdict::Abstain),
            Just(Verdict::Allow),
            Just(Verdict::Ask),
            Just(Verdict::Deny)
        ];
        let access = prop_oneof![Just(Access::ReadOnly), Just(Access::WorkspaceWrite), Just(Access::Full)];
        let scope = prop_oneof![Just(Scope::Once), Just(Scope::Run), Just(Scope::Session)];
        (verdict, proptest::option::of(access), proptest::option::of(1..100u32), proptest::option::of(scope))
            .prop_map(|(verdict, ceiling, ttl_seconds, scope)| Ruling {
                verdict,
                module: "m".to_owned(),
                rule: None,
                reason: String::new(),
                ttl_seconds,
                ceiling,
                scope,
            })
    }

    proptest! {
        /// Invariant 7: policies only tighten.
        #[test]
        fn one_more_module_never_loosens(chain in proptest::collection::vec(ruling(), 1..6), more in ruling()) {
            let before = Ruling::compose(chain.clone());
            let only_abstained = chain.iter().all(|r| r.verdict == Verdict::Abstain);
            let mut longer = chain;
            longer.push(more.clone());
            let after = Ruling::compose(longer);
            // Silence asks, so the first word that is spoken may allow; every other word may only tighten.
            if !only_abstained {
                prop_assert!(after.verdict >= before.verdict);
            }
            prop_assert!(after.verdict >= more.verdict);
            if let Some(ceiling) = before.ceiling {
                prop_assert!(after.ceiling.unwrap() <= ceiling);
            }
            if let Some(scope) = before.scope {
                prop_assert!(after.scope.unwrap() <= scope);
            }
        }

        #[test]
        fn order_does_not_matter(mut chain in proptest::collection::vec(ruling(), 0..6)) {
            let forward = Ruling::compose(chain.clone());
            chain.reverse();
            let backward = Ruling::compose(chain);
            prop_assert_eq!(forward.verdict, backward.verdict);
            prop_assert_eq!(forward.ceiling, backward.ceiling);
            prop_assert_eq!(forward.ttl_seconds, backward.ttl_seconds);
            prop_assert_eq!(forward.scope, backward.scope);
        }
    }

    #[test]
    fn no_word_at_all_asks() {
        assert_eq!(Ruling::compose([]).verdict, Verdict::Ask);
    }
}
