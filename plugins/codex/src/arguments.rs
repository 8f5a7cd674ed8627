//! Arguments that both of codex's protocols take.

use pointsman_sdk::backend::{Process, Task};
use pointsman_sdk::types::Access;
use serde_json::{Value, json};

use crate::config::Config;

/// Adds codex's own configuration: what this plugin wants, then what the operator wants, then what access says. Of two
/// that say the same, codex takes the last.
pub(crate) fn configure(mut process: Process, config: &Config, task: &Task) -> Result<Process, String> {
    // The provider's key is codex's, not that of the commands it runs. By this, variables whose names say that they
    // hold a key, a secret or a token are kept from them; an operator whose commands need one can turn it off.
    process = process.args(["-c", "shell_environment_policy.ignore_default_excludes=false"]);
    if let Some(effort) = &config.reasoning_effort {
        process = process
            .args(["-c".to_owned(), format!("model_reasoning_effort={}", toml(&effort.as_str().into())?)]);
    }
    for (key, value) in &config.overrides {
        process = process.args(["-c".to_owned(), format!("{key}={}", toml(value)?)]);
    }
    for server in &task.mcp_servers {
        // A call may wait for a run, which takes its time.
        let entry = json!({
            "command": server.command,
            "args": server.args,
            "env_vars": server.pass_env,
            "tool_timeout_sec": 300,
        });
        process = process.args(["-c".to_owned(), format!("mcp_servers.{}={}", server.name, toml(&entry)?)]);
    }
    if task.access != Access::Full {
        // The user's own configuration file may have it on.
        process = process.args(["-c", "sandbox_workspace_write.network_access=false"]);
    }
    Ok(process)
}

/// Gives codex's word for its sandbox.
pub(crate) fn sandbox(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "read-only",
        Access::WorkspaceWrite => "workspace-write",
        Access::Full => "danger-full-access",
    }
}

/// Writes a value as TOML, which is what codex's flag `-c` reads.
fn toml(value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Err("configuration key `overrides`: codex has no null; leave the key out".to_owned()),
        // A JSON string is a TOML string, but for one control character.
        Value::String(_) => Ok(value.to_string().replace('\u{7f}', "\\u007f")),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Array(items) => {
            Ok(format!("[{}]", items.iter().map(toml).collect::<Result<Vec<_>, _>>()?.join(", ")))
        }
        Value::Object(fields) => {
            let fields: Result<Vec<String>, String> = fields
                .iter()
                .map(|(key, value)| Ok(format!("{} = {}", toml(&key.as_str().into())?, toml(value)?)))
                .collect();
            Ok(format!("{{{}}}", fields?.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_the_host_hands_out_gets_its_variables_by_name() {
        let mut task = pointsman_sdk::rehearsal::a_task("x");
        task.mcp_servers = vec![pointsman_sdk::backend::McpServer {
            name: "pointsman".to_owned(),
            command: "/opt/pointsman".to_owned(),
            args: vec!["serve".to_owned()],
            pass_env: vec!["POINTSMAN_RUN_TOKEN".to_owned()],
        }];
        let config = serde_json::from_str(r#"{"program": "codex"}"#).unwrap();
        let process = configure(Process::new(1, "codex"), &config, &task).unwrap();
        let plain = |arg: &pointsman_sdk::backend::Argument| match arg {
            pointsman_sdk::backend::Argument::Plain(text) => text.clone(),
            pointsman_sdk::backend::Argument::File(_) => String::new(),
        };
        let args: Vec<String> = process.args.iter().map(plain).collect();
        let entry = args.iter().find(|arg| arg.starts_with("mcp_servers.pointsman=")).unwrap();
        assert!(entry.contains(r#""env_vars" = ["POINTSMAN_RUN_TOKEN"]"#), "{entry}");
    }

    #[test]
    fn values_are_written_as_toml() {
        let value = serde_json::json!([{ "a b": "x\"y", "n": [1, 2.5, true] }]);
        assert_eq!(toml(&value).unwrap(), r#"[{"a b" = "x\"y", "n" = [1, 2.5, true]}]"#);
        assert!(toml(&Value::Null).is_err());
    }
}
