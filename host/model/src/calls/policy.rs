//! Asking beforehand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Access, Role, Verdict};

/// Input of `explain_policy`: that of `spawn_run`, as far as policies care.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainPolicy {
    /// As for spawn_run.
    #[serde(default)]
    pub backend: Option<String>,
    /// As for spawn_run.
    #[serde(default)]
    pub role: Option<Role>,
    /// As for spawn_run.
    pub cwd: String,
    /// As for spawn_run.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub prompt: Option<String>,
    /// As for spawn_run.
    #[serde(default)]
    pub profile: Option<String>,
    /// As for spawn_run.
    #[serde(default)]
    pub backend_config: Option<Map<String, Value>>,
    /// As for spawn_run.
    #[serde(default)]
    pub access: Option<Access>,
}

/// Output of `explain_policy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainedPolicy {
    /// `allow`, `ask` or `deny`.
    pub verdict: Verdict,
    /// The policy module that decides.
    pub module: String,
    /// Its rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
    /// What the run would get.
    pub access: Access,
    /// Who would have to act, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
