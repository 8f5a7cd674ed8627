//! Facts that the host gathers for policies: what they may rely on because no caller said it.

mod changes;
mod git;
mod index;
mod paths;
mod user;

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use crate::Client;
use crate::parts::Parts;

/// What facts are gathered from.
pub(crate) struct Surroundings {
    /// Where it is asked.
    pub(crate) cwd: PathBuf,
    /// Folders in which runs may work.
    pub(crate) roots: Vec<PathBuf>,
    /// Runs that live.
    pub(crate) live: usize,
    /// Who calls.
    pub(crate) client: Client,
    /// The run that it is asked of, if it lives.
    pub(crate) run: Option<LiveRun>,
    /// What is left.
    pub(crate) budget: BudgetLeft,
    /// What an agent asks for, of a permission.
    pub(crate) permission: Option<Value>,
    /// Whether it is a tool of this host's own server, of a permission.
    pub(crate) own_tool: Option<bool>,
    /// Whether to look for changes in the work tree.
    pub(crate) changes: bool,
}

/// How far a live run has come.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct LiveRun {
    /// Since it was accepted.
    pub(crate) elapsed_seconds: u64,
    /// Questions to people so far.
    pub(crate) questions: usize,
}

/// What is left of the budgets that a request draws from. What has no bound is not known.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "these are the names that policies read")]
pub(crate) struct BudgetLeft {
    pub(crate) runs_left: Option<u64>,
    pub(crate) fan_out_left: Option<u64>,
    pub(crate) depth_left: Option<u64>,
    pub(crate) seconds_left: Option<u64>,
    pub(crate) tokens_left: Option<u64>,
    pub(crate) cost_usd_left: Option<f64>,
}

impl Surroundings {
    /// Gives what is known of this host and a folder.
    pub(crate) fn of(parts: &Parts, cwd: String) -> Self {
        Self {
            cwd: cwd.into(),
            roots: parts.settings.roots.clone(),
            live: parts.driven.count(),
            client: Client { name: String::new(), version: None },
            run: None,
            budget: BudgetLeft::default(),
            permission: None,
            own_tool: None,
            changes: true,
        }
    }
}

/// Gathers what `policies/rules/README.md` documents as `facts`.
pub(crate) async fn gather(around: Surroundings) -> Value {
    // It looks at files.
    let gathered = tokio::task::spawn_blocking(move || gathered(&around)).await;
    gathered.unwrap_or_else(|error| {
        tracing::error!(%error, "facts cannot be gathered");
        json!({})
    })
}

fn gathered(around: &Surroundings) -> Value {
    let cwd = around.cwd.as_path();
    let inside = around.roots.is_empty() || around.roots.iter().any(|root| cwd.starts_with(root));
    let run = |value: fn(&LiveRun) -> Value| around.run.as_ref().map_or(Value::Null, value);
    json!({
        "git": git::facts(cwd, around.changes),
        "roots": {"configured": !around.roots.is_empty(), "inside": inside},
        "paths": around.permission.as_ref().and_then(|detail| paths::paths(cwd, detail)),
        "own_tool": around.own_tool,
        "runs": {"live": around.live},
        "run": {
            "elapsed_seconds": run(|run| run.elapsed_seconds.into()),
            "questions": run(|run| run.questions.into()),
        },
        "budget": around.budget,
        "client": {"name": around.client.name, "version": around.client.version},
        "host": {"os": std::env::consts::OS, "user": user::name()},
    })
}
