//! The command line of a run, and what goes to its standard input.

use pointsman_sdk::backend::{Process, Task};
use pointsman_sdk::prompt as text;
use pointsman_sdk::types::Access;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::PROCESS;
use crate::config::Config;
use crate::usage::Tokens;

/// What a run leaves for the one that takes its session up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resume {
    /// Codex's id of the conversation.
    pub(crate) thread_id: String,
    /// What the conversation had used by then: codex counts on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Tokens>,
}

impl Resume {
    /// Reads what an earlier run remembered.
    pub(crate) fn read(json: &str) -> Result<Self, String> {
        let resume: Self = serde_json::from_str(json)
            .map_err(|error| format!("what the session remembers is no codex conversation: {error}"))?;
        // It becomes an argument, and must not be taken for a flag.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if resume.thread_id.starts_with(|c: char| c.is_ascii_alphanumeric())
            && resume.thread_id.chars().all(plain)
        {
            Ok(resume)
        } else {
            Err(format!("{:?} is no id of a codex conversation", resume.thread_id))
        }
    }
}

/// Makes the process of a task.
///
/// What the task's access says stands behind what the operator overrides, where codex lets it win. All flags stand in
/// front of `resume`, which takes but few of its own.
pub(crate) fn process(task: &Task, config: &Config, resumed: Option<&Resume>) -> Result<Process, String> {
    let mut process = Process::new(PROCESS, config.program.as_str()).args(["exec", "--json"]).error_lines();
    if let Some(model) = &config.model {
        process = process.arg(format!("--model={model}"));
    }
    if let Some(effort) = &config.reasoning_effort {
        process = process
            .args(["-c".to_owned(), format!("model_reasoning_effort={}", toml(&effort.as_str().into())?)]);
    }
    for (key, value) in &config.overrides {
        process = process.args(["-c".to_owned(), format!("{key}={}", toml(value)?)]);
    }
    process = process.args(&config.extra_args);

    let sandbox = match task.access {
        Access::ReadOnly => "read-only",
        Access::WorkspaceWrite => "workspace-write",
        Access::Full => "danger-full-access",
    };
    if task.access != Access::Full {
        // The user's own configuration file may have it on.
        process = process.args(["-c", "sandbox_workspace_write.network_access=false"]);
    }
    // Whether a folder without a repository is fit to work in is for policies to say.
    process = process.args(["-s", sandbox, "-C", task.cwd.as_str(), "--skip-git-repo-check"]);
    if let Some(schema) = &task.output_schema {
        process = process.arg("--output-schema").file("output-schema.json", schema.as_str());
    }
    if let Some(resumed) = resumed {
        process = process.args(["resume", resumed.thread_id.as_str()]);
    }
    Ok(process.arg("-"))
}

/// Gives what is said to codex. It has no flag for a system prompt, so a profile stands in front.
pub(crate) fn prompt(task: &Task) -> String {
    text::with_instructions(task.instructions.as_deref(), &text::flatten(&task.message))
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
    fn values_are_written_as_toml() {
        let value = serde_json::json!([{ "a b": "x\"y", "n": [1, 2.5, true] }]);
        assert_eq!(toml(&value).unwrap(), r#"[{"a b" = "x\"y", "n" = [1, 2.5, true]}]"#);
        assert!(toml(&Value::Null).is_err());
    }

    #[test]
    fn what_is_no_conversation_is_refused() {
        assert!(Resume::read(r#"{"thread_id":"0199-a"}"#).is_ok());
        for wrong in [r#"{"thread_id":"--last"}"#, r#"{"thread_id":""}"#, r#"{"thread_id":"a b"}"#, "{}", "7"]
        {
            assert!(Resume::read(wrong).is_err(), "{wrong}");
        }
    }
}
