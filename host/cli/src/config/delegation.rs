//! `[delegation]`: agents that launch agents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Agents that launch agents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Delegation {
    /// What becomes of the runs that an agent launched when its own run ends. Those of a run that was cancelled are
    /// cancelled in any case.
    pub(crate) orphans: Orphans,
}

/// What becomes of runs whose parent is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Orphans {
    /// They are cancelled.
    #[default]
    Cancel,
    /// They go on.
    Keep,
}
