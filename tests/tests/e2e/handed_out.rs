//! Agents that are handed this host as an MCP server: real ones launch runs of their own in it.

use pointsman_tests::{Host, MockModel, Place, eventually};
use serde_json::{Value, json};

/// Everything is allowed but a run with full access, which is asked about; what is launched outlives its parent, because
/// a scripted model does not wait.
const GIVEN: &str = r#"
[delegation]
give = ["codex", "claude_code"]
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

fn given(place: &Place) {
    let config = std::fs::read_to_string(place.config()).unwrap();
    std::fs::write(place.config(), format!("{config}{GIVEN}")).unwrap();
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
    given(&place);
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
    let place = Place::with_claude(
        &model,
        "[backends.claude_code]\ncomponent = \"bundled:claude_code\"\n\
         grants = [\"process/spawn@1 claude\", \"timer/set@1 *\"]\nconfig = { hidden_env = [] }\n",
    );
    given(&place);
    let mut host = place.host();
    let call = json!({"name": "mcp__pointsman__spawn_run", "input": asked(&place)});
    let run = host.spawn(&place, "claude_code", &format!("mock:tool {call}"), json!({}));
    grandchild(&place, &mut host, &run);
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
