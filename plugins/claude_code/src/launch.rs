//! The command line of a run.

use pointsman_sdk::backend::{McpServer, Process, Task};
use pointsman_sdk::types::Access;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::PROCESS;
use crate::config::{Config, Mode};
use crate::usage::Count;

/// Tools that write files, which a run with `read-only` access does not get.
pub(crate) const WRITING: &[&str] = &["Edit", "MultiEdit", "NotebookEdit", "Write"];

/// The variable in which Claude Code looks for what is to stand before its commands and servers.
const PREFIX: &str = "CLAUDE_CODE_SHELL_PREFIX";

/// What a run leaves for the one that takes its session up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resume {
    /// Claude Code's id of the conversation.
    pub(crate) session_id: String,
    /// What the conversation had used by then: Claude Code counts on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) used: Option<Count>,
}

impl Resume {
    /// Reads what an earlier run remembered.
    pub(crate) fn read(json: &str) -> Result<Self, String> {
        let resume: Self = serde_json::from_str(json).map_err(|error| {
            format!("what the session remembers is no conversation of Claude Code: {error}")
        })?;
        // It becomes an argument; a title would be looked up, and an id alone is exact.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if resume.session_id.starts_with(|c: char| c.is_ascii_alphanumeric())
            && resume.session_id.chars().all(plain)
        {
            Ok(resume)
        } else {
            Err(format!("{:?} is no id of a conversation of Claude Code", resume.session_id))
        }
    }
}

/// Makes the process of a task.
///
/// Lists are joined by commas and stand behind `=`: Claude Code's flags of lists would swallow what follows.
pub(crate) fn process(task: &Task, config: &Config, resumed: Option<&Resume>) -> Result<Process, String> {
    if config.permission_mode == Mode::BypassPermissions && task.access != Access::Full {
        return Err(format!(
            "configuration key `permission_mode`: bypassPermissions needs full access, and this run has {}",
            task.access.as_str()
        ));
    }
    let mut process = Process::new(PROCESS, config.program.as_str()).error_lines().args([
        "-p",
        "--input-format=stream-json",
        "--output-format=stream-json",
        "--verbose",
        "--permission-prompt-tool=stdio",
    ]);
    process = process.arg(format!("--permission-mode={}", config.permission_mode.as_str()));
    if config.permission_mode == Mode::BypassPermissions {
        process = process.arg("--allow-dangerously-skip-permissions");
    }
    let sources: Vec<&str> = config.setting_sources.iter().map(|source| source.as_str()).collect();
    process = process.arg(format!("--setting-sources={}", sources.join(",")));
    let settings = settings(config, &curtain(config, &task.mcp_servers)?);
    if !settings.is_empty() {
        process = process.arg("--settings").file("settings.json", Value::Object(settings).to_string());
    }
    let mut servers = config.mcp_servers.clone();
    servers.extend(task.mcp_servers.iter().map(|server| (server.name.clone(), handed(server))));
    if !servers.is_empty() {
        let servers = json!({ "mcpServers": servers });
        process = process.arg("--mcp-config").file("mcp.json", servers.to_string());
    }
    if config.strict_mcp_config {
        process = process.arg("--strict-mcp-config");
    }
    let mut say = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            process.args.push(pointsman_sdk::backend::Argument::Plain(format!("--{flag}={value}")));
        }
    };
    say("model", config.model.clone());
    say("fallback-model", config.fallback_model.clone());
    say("effort", config.effort.clone());
    say("max-turns", config.max_turns.map(|turns| turns.to_string()));
    say("max-budget-usd", config.max_budget_usd.map(|dollars| dollars.to_string()));
    for folder in &config.add_dirs {
        say("add-dir", Some(folder.clone()));
    }
    say("allowedTools", joined(config.allowed_tools.iter().map(String::as_str)));
    let withheld = if task.access == Access::ReadOnly { WRITING } else { &[] };
    let disallowed = config.disallowed_tools.iter().map(String::as_str);
    say("disallowedTools", joined(disallowed.chain(withheld.iter().copied())));
    if config.include_partial_messages {
        process = process.arg("--include-partial-messages");
    }
    process = process.args(&config.extra_args);
    if let Some(resumed) = resumed {
        process = process.arg(format!("--resume={}", resumed.session_id));
    }
    Ok(process)
}

/// Writes a server that the host hands out. Claude Code puts the values of its own variables in the place of their names.
fn handed(server: &McpServer) -> Value {
    let variables: Map<String, Value> =
        server.pass_env.iter().map(|name| (name.clone(), format!("${{{name}}}").into())).collect();
    json!({ "command": server.command, "args": server.args, "env": variables })
}

/// Makes the settings that are laid over those of files; the operator's own win.
fn settings(config: &Config, curtain: &Map<String, Value>) -> Map<String, Value> {
    let mut settings = Map::new();
    if !config.settings_hooks {
        settings.insert("disableAllHooks".to_owned(), true.into());
    }
    let mut variables = curtain.clone();
    for (key, value) in &config.settings {
        match (key.as_str(), value) {
            ("env", Value::Object(own)) => variables.extend(own.clone()),
            _ => drop(settings.insert(key.clone(), value.clone())),
        }
    }
    if !variables.is_empty() && !settings.contains_key("env") {
        settings.insert("env".to_owned(), Value::Object(variables));
    }
    settings
}

/// Makes the variables by which Claude Code keeps others from its commands: a prefix before each of them.
///
/// Before commands a prefix may be a line, before servers it is the path of a program (Claude Code 2.1). So a server that
/// the host hands out starts only behind a program, and there is one: the host's own, which stands before commands where
/// `POINTSMAN_HIDDEN_ENV` is set.
fn curtain(config: &Config, handed: &[McpServer]) -> Result<Map<String, Value>, String> {
    let mut variables = Map::new();
    if config.hidden_env.is_empty() {
        return Ok(variables);
    }
    let prefix = match handed.first() {
        None => shell_without(&config.hidden_env),
        // At such a place Claude Code would take the path apart.
        Some(server) if server.command.contains(" -") => {
            return Err(format!(
                "the host hands out an MCP server ([delegation] give), and Claude Code cannot stand its program before \
                 commands: {} has a blank with a dash behind it. Install pointsman elsewhere, or set hidden_env = [] in \
                 the configuration of this backend",
                server.command
            ));
        }
        Some(server) => {
            let names: Vec<&str> =
                std::iter::once(PREFIX).chain(config.hidden_env.iter().map(String::as_str)).collect();
            variables.insert("POINTSMAN_HIDDEN_ENV".to_owned(), names.join(",").into());
            server.command.clone()
        }
    };
    variables.insert(PREFIX.to_owned(), prefix.into());
    Ok(variables)
}

/// Makes a prefix for commands alone: a shell that forgets some variables and becomes the shell that Claude Code meant to
/// start.
///
/// Claude Code splits a prefix at its last blank with a dash behind it and hands the command over as one more
/// argument, so behind `-c` there are tabs instead of blanks.
fn shell_without(variables: &[String]) -> String {
    format!("sh -c 'unset\t{PREFIX}\t{};exec\t\"${{SHELL:-sh}}\"\t-c\t\"$0\"'", variables.join("\t"))
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let words: Vec<&str> = words.collect();
    (!words.is_empty()).then(|| words.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_conversation_is_refused() {
        assert!(Resume::read(r#"{"session_id":"0199-a"}"#).is_ok());
        for wrong in [
            r#"{"session_id":"--last"}"#,
            r#"{"session_id":""}"#,
            r#"{"session_id":"a b"}"#,
            r#"{"thread_id":"0199-a"}"#,
            "7",
        ] {
            assert!(Resume::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_operators_settings_win_key_by_key_in_the_environment() {
        let config = Config {
            settings: json!({ "disableAllHooks": false, "env": { "A": "1" }, "x": [1] })
                .as_object()
                .unwrap()
                .clone(),
            ..Config::default()
        };
        let made = Value::Object(settings(&config, &curtain(&config, &[]).unwrap()));
        assert_eq!(
            (&made["disableAllHooks"], &made["env"]["A"], &made["x"]),
            (&json!(false), &json!("1"), &json!([1]))
        );
        assert!(made["env"]["CLAUDE_CODE_SHELL_PREFIX"].as_str().unwrap().contains("\tANTHROPIC_API_KEY\t"));
        let bare = Config { hidden_env: Vec::new(), settings_hooks: true, ..Config::default() };
        assert!(settings(&bare, &curtain(&bare, &[]).unwrap()).is_empty());
    }

    #[test]
    fn a_server_that_the_host_hands_out_stands_beside_the_operators() {
        let server = McpServer {
            name: "pointsman".to_owned(),
            command: "/opt/pointsman".to_owned(),
            args: vec!["serve".to_owned()],
            pass_env: vec!["POINTSMAN_RUN_TOKEN".to_owned()],
        };
        assert_eq!(
            handed(&server),
            json!({
                "command": "/opt/pointsman", "args": ["serve"],
                "env": { "POINTSMAN_RUN_TOKEN": "${POINTSMAN_RUN_TOKEN}" },
            })
        );
    }

    #[test]
    fn a_server_that_the_host_hands_out_starts_behind_the_hosts_program() {
        let server = |command: &str| McpServer {
            name: "pointsman".to_owned(),
            command: command.to_owned(),
            args: Vec::new(),
            pass_env: Vec::new(),
        };
        let config = Config { hidden_env: vec!["A".to_owned(), "B".to_owned()], ..Config::default() };
        let made = curtain(&config, &[server("/opt/my tools/pointsman")]).unwrap();
        assert_eq!(made[PREFIX], "/opt/my tools/pointsman");
        assert_eq!(made["POINTSMAN_HIDDEN_ENV"], "CLAUDE_CODE_SHELL_PREFIX,A,B");
        assert!(
            curtain(&config, &[server("/opt/my -tools/pointsman")]).unwrap_err().contains("hidden_env = []")
        );
        let open = Config { hidden_env: Vec::new(), ..Config::default() };
        assert!(curtain(&open, &[server("/opt/my -tools/pointsman")]).unwrap().is_empty());
    }

    #[test]
    fn the_prefix_has_one_blank_with_a_dash_behind_it() {
        assert_eq!(shell_without(&["A".to_owned()]).matches(" -").count(), 1);
    }
}
