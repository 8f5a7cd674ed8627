//! `[delegation]` and `[budgets]`: agents that launch agents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pointsman_engine::{Entry, RoleRights};
use pointsman_model::{Access, Limits, Rights, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::Backend;
use super::error::ConfigError;
use super::load::Loaded;
use super::settings::{absolute, senseless};
use super::text_duration::TextDuration;

/// Agents that launch agents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Delegation {
    /// What becomes of the runs that an agent launched when its own run ends. Those of a run that was cancelled are
    /// cancelled in any case.
    pub(crate) orphans: Orphans,
    /// Backends whose agents are handed this host as an MCP server, `pointsman`, so that they can launch agents.
    pub(crate) give: Vec<String>,
    /// What runs of a role may do and what they may have others do: `planner`, `worker`, `reviewer`, and `client` for
    /// whoever is no agent.
    pub(crate) roles: BTreeMap<String, RoleProfile>,
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

/// What a role is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RoleProfile {
    /// What runs of this role may do, whoever launches them.
    pub(crate) may: Bound,
    /// What they may have others do. What is left out is as in `may`; `access` is the run's own then.
    pub(crate) may_delegate: Bound,
}

/// A bound on runs. What is left out bounds nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bound {
    /// Backends that may drive them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backends: Option<Vec<String>>,
    /// Roles that they may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) roles: Option<Vec<Role>>,
    /// How much they may touch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access: Option<Access>,
    /// Folders in which they may work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) roots: Option<Vec<PathBuf>>,
    /// Keys of `backend_config` that may be set for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backend_config: Option<Vec<String>>,
}

/// What runs may use: a run that a client launches, with everything below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Budgets {
    /// Levels: 1 for a run that launches nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depth: Option<u64>,
    /// Runs that any one run launches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fan_out: Option<u64>,
    /// Runs that are not over at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) live_runs: Option<u64>,
    /// How long the run works. Waiting for a person does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wall_time: Option<TextDuration>,
    /// Tokens read and written, as backends report them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tokens: Option<u64>,
    /// US dollars, as backends report them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_usd: Option<f64>,
    /// From which part of a limit on a run is warned (`budget_warning`).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) soft: f64,
    /// The same for runs of a role, with everything below them: `planner`, `worker`, `reviewer`.
    pub(crate) roles: BTreeMap<String, RoleBudget>,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            depth: None,
            fan_out: None,
            live_runs: None,
            wall_time: None,
            tokens: None,
            cost_usd: None,
            soft: 0.8,
            roles: BTreeMap::new(),
        }
    }
}

/// What a run of a role may use, with everything below it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RoleBudget {
    /// Levels: 1 for a run that launches nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depth: Option<u64>,
    /// Runs that any one run launches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fan_out: Option<u64>,
    /// Runs that are not over at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) live_runs: Option<u64>,
    /// How long the run works. Waiting for a person does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wall_time: Option<TextDuration>,
    /// Tokens read and written, as backends report them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tokens: Option<u64>,
    /// US dollars, as backends report them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_usd: Option<f64>,
}

/// Components that ship and know no way to hand their agents an MCP server. Of others nobody can tell beforehand.
const WITHOUT_SERVERS: [&str; 2] = ["bundled:command", "bundled:remote_a2a"];

/// Makes the entry that agents are handed, if any is.
pub(super) fn entry(
    loaded: &Loaded,
    delegation: &Delegation,
    backends: &BTreeMap<String, Backend>,
) -> Result<Option<Entry>, ConfigError> {
    if delegation.give.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = backends.keys().map(String::as_str).collect();
    known_backends(loaded, "delegation.give", &delegation.give, &names)?;
    let component = |name: &String| backends.get(name).map(|backend| backend.component.as_str());
    let unable = |name: &&String| component(name).is_some_and(|it| WITHOUT_SERVERS.contains(&it));
    if let Some(name) = delegation.give.iter().find(unable) {
        let component = component(name).unwrap_or_default();
        let message = format!(
            "backend {name:?} cannot be handed this host: {component} has no way to tell its agent of MCP servers"
        );
        return Err(senseless(loaded, "delegation.give", message));
    }
    let program = std::env::current_exe().map_err(ConfigError::NoProgram)?;
    let state = loaded.state_dir()?;
    let text = |path: &std::path::Path| {
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| senseless(loaded, "delegation.give", format!("{} is no text", path.display())))
    };
    Ok(Some(Entry {
        command: text(&program)?,
        args: vec!["serve".to_owned(), "--attach".to_owned(), "--state".to_owned(), text(&state)?],
        backends: delegation.give.iter().cloned().collect(),
        tools: pointsman_mcp::tool_names().map(str::to_owned).collect(),
    }))
}

fn known_backends(
    loaded: &Loaded,
    key: &str,
    named: &[String],
    backends: &[&str],
) -> Result<(), ConfigError> {
    match named.iter().find(|backend| !backends.contains(&backend.as_str())) {
        None => Ok(()),
        Some(backend) => {
            let message = format!("no backend is called {backend:?}; there are {}", backends.join(", "));
            Err(senseless(loaded, key, message))
        }
    }
}

/// Makes the rights of every role.
pub(super) fn rights(
    loaded: &Loaded,
    delegation: &Delegation,
    backends: &[&str],
) -> Result<BTreeMap<String, RoleRights>, ConfigError> {
    let mut rights = BTreeMap::new();
    for (role, profile) in &delegation.roles {
        let key = format!("delegation.roles.{role}");
        if role != "client" {
            known_role(loaded, &key, role)?;
        }
        let bound = |name: &str, bound: &Bound| made(loaded, &format!("{key}.{name}"), bound, backends);
        rights.insert(
            role.clone(),
            RoleRights {
                may: bound("may", &profile.may)?,
                may_delegate: bound("may_delegate", &profile.may_delegate)?,
            },
        );
    }
    Ok(rights)
}

fn made(loaded: &Loaded, key: &str, bound: &Bound, backends: &[&str]) -> Result<Rights, ConfigError> {
    let named = bound.backends.as_deref().unwrap_or_default();
    known_backends(loaded, &format!("{key}.backends"), named, backends)?;
    let roots = match &bound.roots {
        Some(roots) => {
            let real = absolute(loaded, &format!("{key}.roots"), roots)?;
            Some(real.into_iter().map(|root| root.to_string_lossy().into_owned()).collect())
        }
        None => None,
    };
    let set = |words: &Option<Vec<String>>| words.as_ref().map(|words| words.iter().cloned().collect());
    Ok(Rights {
        backends: set(&bound.backends),
        roles: bound
            .roles
            .as_ref()
            .map(|roles| roles.iter().map(|role| role.as_str().to_owned()).collect::<BTreeSet<_>>()),
        access: bound.access,
        roots,
        backend_config: set(&bound.backend_config),
    })
}

fn known_role(loaded: &Loaded, key: &str, role: &str) -> Result<(), ConfigError> {
    const ROLES: [Role; 3] = [Role::Planner, Role::Worker, Role::Reviewer];
    if ROLES.iter().any(|known| known.as_str() == role) {
        return Ok(());
    }
    let names = ROLES.map(Role::as_str).join(", ");
    Err(senseless(loaded, key, format!("no such role; there are {names}")))
}

/// Makes the budgets.
pub(super) fn budgets(loaded: &Loaded, budgets: &Budgets) -> Result<pointsman_engine::Budgets, ConfigError> {
    if !(0.0..=1.0).contains(&budgets.soft) {
        return Err(senseless(loaded, "budgets.soft", "a part lies between 0 and 1".to_owned()));
    }
    let mut roles = BTreeMap::new();
    for (role, budget) in &budgets.roles {
        let key = format!("budgets.roles.{role}");
        known_role(loaded, &key, role)?;
        roles.insert(role.clone(), limits(loaded, &key, budget)?);
    }
    let tree = RoleBudget {
        depth: budgets.depth,
        fan_out: budgets.fan_out,
        live_runs: budgets.live_runs,
        wall_time: budgets.wall_time,
        tokens: budgets.tokens,
        cost_usd: budgets.cost_usd,
    };
    Ok(pointsman_engine::Budgets { tree: limits(loaded, "budgets", &tree)?, roles, soft: budgets.soft })
}

fn limits(loaded: &Loaded, key: &str, budget: &RoleBudget) -> Result<Limits, ConfigError> {
    let cost_micro_usd = match budget.cost_usd {
        None => None,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it lies between the two bounds"
        )]
        Some(dollars) if (0.0..1e12).contains(&dollars) => Some((dollars * 1e6).round() as u64),
        Some(_) => {
            let message = "an amount of US dollars, such as 5.0, below a trillion".to_owned();
            return Err(senseless(loaded, &format!("{key}.cost_usd"), message));
        }
    };
    // A limit that lets nothing happen would never be met before something has.
    let given = [
        ("depth", budget.depth == Some(0)),
        ("live_runs", budget.live_runs == Some(0)),
        ("wall_time", budget.wall_time.is_some_and(|time| time.get().as_secs() == 0)),
        ("tokens", budget.tokens == Some(0)),
        ("cost_usd", cost_micro_usd == Some(0)),
    ];
    if let Some((limit, _)) = given.iter().find(|(_, nothing)| *nothing) {
        let message = match *limit {
            "wall_time" => "no run could work at all; give at least 1s, or leave it out for no limit",
            _ => "no run could work at all; give more than 0, or leave it out for no limit",
        };
        return Err(senseless(loaded, &format!("{key}.{limit}"), message.to_owned()));
    }
    Ok(Limits {
        depth: budget.depth,
        fan_out: budget.fan_out,
        live_runs: budget.live_runs,
        wall_seconds: budget.wall_time.map(|time| time.get().as_secs()),
        tokens: budget.tokens,
        cost_micro_usd,
    })
}
