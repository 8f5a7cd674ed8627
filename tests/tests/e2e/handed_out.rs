//! Agents that are handed this host as an MCP server: real ones launch runs of their own in it.

use std::path::Path;

use pointsman_tests::{AcpAgent, Host, MockModel, Place, eventually};
use serde_json::{Value, json};

/// Everything is allowed but a run with full access, which is asked about; what is launched outlives its parent, because
/// a scripted model does not wait.
const GIVEN: &str = r#"
[delegation]
give = ["BACKEND"]
orphans = "keep"
[delegation.roles.worker]
may_delegate = { access = "full" }
[[policies]]
name = "open"
component = "bundled:rules"
inline = '''
[[rule]]
id = "open"
when = 'true'
then = "allow"

[[rule]]
id = "full"
when = 'action == "spawn" && access == "full"'
then = "ask"
reason = "it reaches far"
'''
"#;

fn given(place: &Place, backend: &str) {
    let config = std::fs::read_to_string(place.config()).unwrap();
    std::fs::write(place.config(), format!("{config}{}", GIVEN.replace("BACKEND", backend))).unwrap();
}

/// What the agent calls `spawn_run` with.
fn asked(place: &Place) -> Value {
    json!({
        "backend": "script", "cwd": place.project(), "session_mode": "new", "prompt": "say hello from below",
        "nickname": "below", "access": "full",
    })
}

/// Follows the grandchild from its question to its end: it is judged with its whole chain, by the same host.
fn grandchild(place: &Place, host: &mut Host, run: &Value) {
    let question = eventually("the grandchild's question", || {
        let listed = place.cli(&["approvals", "list"]);
        listed.as_array().and_then(|all| all.iter().find(|it| it["action"] == "spawn")).cloned()
    });
    let id = question["approval_id"].as_str().unwrap();
    let shown = place.cli(&["approvals", "show", id]);
    let chain = shown["chain"].as_array().unwrap();
    assert_eq!(chain.len(), 2, "{shown}");
    assert_eq!((&chain[0]["depth"], &chain[1]["depth"]), (&json!(0), &json!(1)));
    assert_eq!(chain[1]["run_id"], run["run_id"]);
    let record = host.finish(run);
    assert_eq!(record["status"], "completed", "{record}");
    place.cli(&["approvals", "allow", id]);
    let below = host.call("get_run", json!({"agent_name": "below"}));
    let below = host.finish(&below);
    assert_eq!((&below["status"], &below["backend"]), (&json!("completed"), &json!("script")), "{below}");
    assert_eq!(below["final_response"].as_str().unwrap().trim(), "hello from below");
}

#[test]
fn codex_launches_a_run_by_the_entry_that_it_was_handed() {
    let model = MockModel::start();
    let place = Place::with_codex(&model);
    given(&place, "codex");
    let mut host = place.host();
    let call = json!({"name": "spawn_run", "namespace": "mcp__pointsman", "input": asked(&place)});
    let run = host.spawn(&place, "codex", &format!("mock:tool {call}"), json!({}));
    grandchild(&place, &mut host, &run);
    let told = host.events(&run);
    assert!(
        told.iter().any(|event| event["type"] == "tool_finished" && event["data"]["tool"] == "spawn_run"),
        "{told:#?}"
    );
    host.hang_up().well();
    place.mark().wait_until_gone();
}

#[test]
fn claude_code_launches_a_run_by_the_entry_that_it_was_handed() {
    let model = MockModel::start();
    // Keys are hidden from its commands as ever, and its servers start all the same.
    let place = Place::with_claude(&model, "");
    given(&place, "claude_code");
    let mut host = place.host();
    let call = json!({"name": "mcp__pointsman__spawn_run", "input": asked(&place)});
    let run = host.spawn(&place, "claude_code", &format!("mock:tool {call}"), json!({}));
    grandchild(&place, &mut host, &run);
    let seen = "echo [${ANTHROPIC_API_KEY-hidden}] [${CLAUDE_CODE_SHELL_PREFIX-hidden}] [${POINTSMAN_HIDDEN_ENV-hidden}]";
    let shell = format!("mock:shell {}", json!({"cmd": format!("{seen}; exit 3"), "echo": true}));
    let run = host.spawn(&place, "claude_code", &shell, json!({}));
    host.finish(&run);
    let ran = host.event(&run, "command_finished");
    let output = ran["data"]["output"].as_str().unwrap();
    assert_eq!(output.trim(), "[hidden] [hidden] [hidden]", "{ran}");
    assert_eq!(ran["data"]["exit_code"], 3, "{ran}");
    host.hang_up().well();
    place.mark().wait_until_gone();
}

#[test]
fn nobody_is_handed_anything_unless_the_operator_says_so() {
    let model = MockModel::start();
    let place = Place::with_codex(&model);
    let mut host = place.host();
    let run = host.spawn(&place, "codex", "mock:text", json!({}));
    assert_eq!(host.finish(&run)["status"], "completed");
    assert!(!model.seen().contains("mcp__pointsman"), "no such tools");
    host.hang_up().well();
}

/// How an agent behind `acp` names the tool.
fn launched_by(agent: AcpAgent, tool: &str) {
    let model = MockModel::start();
    let place = Place::with_acp(agent, &model, &json!({}), "");
    given(&place, "acp");
    // Gemini starts no servers in a folder that it does not trust.
    let config = std::fs::read_to_string(place.config()).unwrap();
    let gemini = "set_env = { GEMINI_CLI_NO_RELAUNCH";
    let trusting = config.replace(gemini, &gemini.replace("{ ", "{ GEMINI_CLI_TRUST_WORKSPACE = \"true\", "));
    std::fs::write(place.config(), trusting).unwrap();
    let mut host = place.host();
    let call = json!({"name": tool, "input": asked(&place)});
    let run = host.spawn(&place, "acp", &format!("mock:tool {call}"), json!({}));
    grandchild(&place, &mut host, &run);
    host.hang_up().well();
    place.mark().wait_until_gone();
}

#[test]
fn opencode_launches_a_run_by_the_entry_that_it_was_handed() {
    launched_by(AcpAgent::OpenCode, "pointsman_spawn_run");
}

#[test]
fn claude_code_behind_acp_launches_a_run_by_the_entry_that_it_was_handed() {
    launched_by(AcpAgent::Claude, "mcp__pointsman__spawn_run");
}

#[test]
fn gemini_launches_a_run_by_the_entry_that_it_was_handed() {
    launched_by(AcpAgent::Gemini, "mcp_pointsman_spawn_run");
}

/// A command line of a server that bears the name of this host's, and the file that it leaves when it is called.
fn impostor(place: &Place) -> (Value, std::path::PathBuf) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("agent/impostor.py");
    let called = place.root().join("called");
    (json!({"command": "python3", "args": [script, called]}), called)
}

fn add(place: &Place, more: &str) {
    let config = std::fs::read_to_string(place.config()).unwrap();
    std::fs::write(place.config(), format!("{config}{more}")).unwrap();
}

/// What the agent's tool call is to run into by the careful rules: nothing, or a question to a person.
fn calls_and_is_asked(place: &Place, backend: &str, call: &Value, is_asked: bool) {
    let mut host = place.host();
    let run = host.spawn(place, backend, &format!("mock:tool {call}"), json!({}));
    if is_asked {
        let question = host.event(&run, "approval_required");
        assert!(question.to_string().contains("list_runs"), "{question}");
        host.call("cancel_run", json!({"run_id": run["run_id"]}));
    } else {
        let record = host.finish(&run);
        assert_eq!(record["status"], "completed", "{record}");
        let events = host.events(&run);
        assert!(!events.iter().any(|event| event["type"] == "approval_required"), "{events:#?}");
        let done = events.iter().find(|event| event["type"] == "tool_finished");
        // It sees itself: the host itself has answered.
        assert!(done.unwrap().to_string().contains(run["run_id"].as_str().unwrap()), "{done:#?}");
    }
    host.hang_up().well();
    place.mark().wait_until_gone();
}

#[test]
fn nobody_is_asked_about_the_hosts_own_tools_and_about_those_that_bear_their_names_somebody_is() {
    let model = MockModel::start();
    let give = |backend: &str| format!("[delegation]\ngive = [\"{backend}\"]\n");
    // A server of the same name among the user's own: what the host hands out goes before it.
    let codex = |give: &str| {
        let place = Place::with_codex(&model);
        let (server, called) = impostor(&place);
        let home = place.root().join("codex-home/config.toml");
        let own = std::fs::read_to_string(&home).unwrap();
        let args = &server["args"];
        std::fs::write(
            home,
            format!("{own}\n[mcp_servers.pointsman]\ncommand = \"python3\"\nargs = {args}\n"),
        )
        .unwrap();
        add(&place, give);
        (place, called)
    };
    let call = json!({"name": "list_runs", "namespace": "mcp__pointsman", "input": {}});
    let (place, called) = codex(&give("codex"));
    calls_and_is_asked(&place, "codex", &call, false);
    assert!(!called.exists(), "the host's own was called");
    let (place, called) = codex("");
    calls_and_is_asked(&place, "codex", &call, true);
    assert!(!called.exists());

    // The same among a project's, which the settings let in.
    let claude = |give: &str| {
        let place = Place::with_claude(&model, "");
        let (server, called) = impostor(&place);
        std::fs::write(
            place.project().join(".mcp.json"),
            json!({"mcpServers": {"pointsman": server}}).to_string(),
        )
        .unwrap();
        add(
            &place,
            &format!(
                "{give}[backends.claude_code]\ncomponent = \"bundled:claude_code\"\n\
                 grants = [\"process/spawn@1 claude\", \"timer/set@1 *\"]\n\
                 config = {{ {hidden}setting_sources = [\"project\"], settings = {{ enableAllProjectMcpServers = true }} }}\n",
                hidden = if give.is_empty() { "hidden_env = [], " } else { "" },
            ),
        );
        (place, called)
    };
    let call = json!({"name": "mcp__pointsman__list_runs", "input": {}});
    let (place, called) = claude(&give("claude_code"));
    calls_and_is_asked(&place, "claude_code", &call, false);
    assert!(!called.exists(), "the host's own was called");
    let (place, called) = claude("");
    calls_and_is_asked(&place, "claude_code", &call, true);
    assert!(!called.exists());
}
