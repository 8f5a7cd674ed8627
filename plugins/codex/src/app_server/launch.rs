//! The command line of an app server, and what it is told first.

use pointsman_sdk::backend::{Process, Task};
use pointsman_sdk::prompt::flatten;
use pointsman_sdk::types::{Access, Message};
use serde_json::{Map, Value, json};

use crate::adapter::PROCESS;
use crate::arguments::{configure, sandbox};
use crate::config::Config;
use crate::images::split;
use crate::resume::Resume;

/// The name of the permission profile that a run's commands are kept in.
pub(super) const PROFILE: &str = "pointsman";

/// Notices that only say how a text or an output grows.
pub(super) const DELTAS: &[&str] = &[
    "item/agentMessage/delta",
    "item/plan/delta",
    "item/commandExecution/outputDelta",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/reasoning/summaryTextDelta",
    "item/reasoning/summaryPartAdded",
    "item/reasoning/textDelta",
];

/// Notices that say nothing of a run which others do not say.
pub(super) const NOISE: &[&str] = &[
    "account/rateLimits/updated",
    "remoteControl/status/changed",
    "thread/readState/changed",
    "thread/started",
    "thread/status/changed",
    "turn/started",
    "rawResponse/completed",
    "rawResponseItem/completed",
];

/// How a conversation's commands are confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confinement {
    /// By a permission profile of ours, which even a command that was allowed cannot leave.
    Profile,
    /// By codex's sandbox mode. A command that it stopped is run again without it, once the command was allowed.
    Mode,
}

/// Makes the process.
pub(super) fn process(task: &Task, config: &Config) -> Result<Process, String> {
    let process = Process::new(PROCESS, config.program.as_str()).arg("app-server").error_lines();
    Ok(configure(process, config, task)?.args(&config.app_server_args))
}

/// Says who we are.
pub(super) fn greeting(config: &Config) -> Value {
    // Raw items and the turn's state are needed; all else that is not told is not to be sent either.
    let mut unwanted: Vec<&str> = NOISE
        .iter()
        .copied()
        .filter(|name| !matches!(*name, "rawResponseItem/completed" | "turn/started"))
        .collect();
    if !config.deltas {
        unwanted.extend(DELTAS);
    }
    json!({
        "clientInfo": { "name": "pointsman", "title": "Pointsman", "version": env!("CARGO_PKG_VERSION") },
        "capabilities": { "experimentalApi": true, "optOutNotificationMethods": unwanted },
    })
}

/// Says which conversation is meant, and what it may do. Gives the method's name, too.
pub(super) fn opening(
    task: &Task,
    config: &Config,
    resumed: Option<&Resume>,
    confinement: Confinement,
    codex_home: Option<&str>,
) -> (&'static str, Value) {
    let mut params = Map::new();
    let mut say = |name: &str, value: Value| params.insert(name.to_owned(), value);
    say("cwd", task.cwd.as_str().into());
    say("approvalPolicy", config.approval_policy.as_str().into());
    // The user's own configuration may have another model answer in their place.
    say("approvalsReviewer", "user".into());
    if let Some(model) = &config.model {
        say("model", model.as_str().into());
    }
    if let Some(instructions) = &task.instructions {
        say("developerInstructions", instructions.trim().into());
    }
    match (confinement, codex_home) {
        (Confinement::Profile, Some(home)) => {
            let base = if task.access == Access::ReadOnly { ":read-only" } else { ":workspace" };
            // A file that commands must not read is what makes codex keep them in the sandbox whatever happens: only
            // there can it be kept from them. Codex's own credentials are a good one to name.
            let secrets = format!("{}/auth.json", home.trim_end_matches('/'));
            let profile = json!({ "extends": base, "filesystem": { secrets: "deny" } });
            let key = format!("permissions.{PROFILE}");
            say("config", json!({ key: profile, "default_permissions": PROFILE }));
        }
        _ => {
            say("sandbox", sandbox(task.access).into());
        }
    }
    match resumed {
        Some(resumed) => {
            say("threadId", resumed.thread_id.as_str().into());
            // What was said before is known to whoever asked then.
            say("excludeTurns", true.into());
            ("thread/resume", Value::Object(params))
        }
        None => {
            say("experimentalRawEvents", true.into());
            ("thread/start", Value::Object(params))
        }
    }
}

/// Says which way of confining commands is tried first: nothing confines those of a run with full access.
pub(super) fn confinement(task: &Task, codex_home: Option<&str>) -> Confinement {
    if task.access == Access::Full || codex_home.is_none() { Confinement::Mode } else { Confinement::Profile }
}

/// Gives a message as input of a turn.
pub(super) fn input(message: &Message) -> Vec<Value> {
    let (message, images) = split(message, |_| true);
    let text = flatten(&message);
    let mut input = Vec::new();
    if !text.is_empty() {
        input.push(json!({ "type": "text", "text": text }));
    }
    input.extend(images.iter().map(|image| match (image, image.url()) {
        (crate::images::Image::Path(path), _) => json!({ "type": "localImage", "path": path }),
        (_, url) => json!({ "type": "image", "url": url }),
    }));
    input
}
