//! A backend published over A2A, spoken to by the official clients and by hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use pointsman_tests::{
    A2aPython, MockModel, Npm, Place, Published, a2a_python, eventually, http, node_modules,
};
use rstest::rstest;
use rustix::process::Signal;
use serde_json::{Value, json};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// Runs a check and gives what it says at its end.
fn said(mut check: Command) -> Value {
    let output = check.output().expect("the check starts");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{check:?}: {}\n{told}\n{errors}", output.status);
    let last = told.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {told}\n{errors}"))
}

fn says(text: &str) -> Value {
    json!({"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": text}]})
}

fn answers(task: &Value, data: Value) -> Value {
    json!({"messageId": "m-2", "role": "ROLE_USER", "taskId": task["id"], "parts": [{"data": data}]})
}

/// Every launch is put to a person; what runs do once they are allowed is nobody's question here.
const CAREFUL: &str = r#"
[[policies]]
name = "house"
component = "bundled:rules"
inline = '''
[[rule]]
id = "launches"
when = "action in ['spawn', 'continue']"
then = "ask"
reason = "everything is confirmed"

[[rule]]
id = "the-rest"
when = "!(action in ['spawn', 'continue'])"
then = "allow"
'''
"#;

#[rstest]
#[case("JSONRPC", "1.0")]
#[case("HTTP+JSON", "1.0")]
#[case("JSONRPC", "0.3")]
fn the_python_client_does_its_work(#[case] binding: &str, #[case] version: &str) {
    let place = Place::new();
    let agent = Published::start(&place, "script", &[]);
    let mut check = place.command(a2a_python(A2aPython::V1));
    check.arg(script("a2a_v1.py")).args([binding, version, &agent.url(), agent.token()]);
    let said = said(check);
    assert!(said["stranger"].as_str().unwrap().contains("401"), "{said}");
    let (status, _) = agent.end();
    assert!(status.success(), "{status}");
    place.mark().wait_until_gone();
}

#[test]
fn the_old_python_client_does_its_work() {
    let place = Place::new();
    let agent = Published::start(&place, "script", &[]);
    let mut check = place.command(a2a_python(A2aPython::V03));
    check.arg(script("a2a_v03.py")).args([&agent.url(), agent.token()]);
    let said = said(check);
    assert!(said["over"].as_str().unwrap().contains("has ended"), "{said}");
    assert!(said["streamed"].as_str().unwrap().contains("has ended"), "{said}");
}

#[rstest]
#[case("JSONRPC")]
#[case("HTTP+JSON")]
fn the_javascript_client_does_its_work(#[case] binding: &str) {
    let place = Place::new();
    let agent = Published::start(&place, "script", &[]);
    let mut check = place.command("node");
    check.arg(script("a2a.mjs")).args([binding, &agent.url(), agent.token()]);
    check.env("NODE_MODULES", node_modules(Npm::A2A_CLIENT));
    let said = said(check);
    assert!(said["over"].as_str().unwrap().contains("has ended"), "{said}");
}

#[test]
fn the_card_is_signed_as_the_official_library_checks_it() {
    let place =
        Place::with("[secrets.card-key]\nfile = \"card-key.pem\"\n[a2a]\nsigning_key = \"card-key\"\n");
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/a2a/tests/signing-key.pem");
    std::fs::copy(key, place.root().join("card-key.pem")).unwrap();
    let agent = Published::start(&place, "script", &[]);
    let mut check = place.command(a2a_python(A2aPython::V1));
    check.arg(script("a2a_card.py")).arg(agent.url());
    let said = said(check);
    assert_eq!(said["keys"], format!("{}/.well-known/jwks.json", agent.url()));
}

#[test]
fn tasks_survive_a_restart() {
    let place = Place::with("[secrets.ada]\nfile = \"token\"\n[a2a.tokens.ada]\nsecret = \"ada\"\n");
    std::fs::write(place.root().join("token"), "ada-token\n").unwrap();
    let call = |agent: &Published, method: &str, params: Value| -> Value {
        let headers = [("authorization", "Bearer ada-token".to_owned()), ("a2a-version", "1.0".to_owned())];
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let (status, text) = http("POST", &format!("{}/rpc", agent.url()), &headers, &body);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["result"].take()
    };
    let agent = Published::start(&place, "script", &[]);
    let done = call(&agent, "SendMessage", json!({"message": says("say kept")}))["task"].take();
    let mut open = says("stay");
    open["contextId"] = done["contextId"].clone();
    let open = json!({"message": open, "configuration": {"returnImmediately": true}});
    let open = call(&agent, "SendMessage", open)["task"].take();
    eventually("the agent at work", || (!place.mark().agents().is_empty()).then_some(()));
    let (status, took) = agent.end();
    assert!(status.success() && took.as_secs() < 2, "{status} after {took:?}");
    place.mark().wait_until_gone();

    let agent = Published::start(&place, "script", &[]);
    let again = call(&agent, "GetTask", json!({"id": done["id"]}));
    assert_eq!(again, done);
    let listed = call(&agent, "ListTasks", json!({"contextId": done["contextId"]}));
    assert_eq!(listed["totalSize"], 2);
    let ended = call(&agent, "GetTask", json!({"id": open["id"]}));
    assert_eq!(ended["status"]["state"], "TASK_STATE_CANCELED", "{ended}");
}

#[test]
fn a_person_of_the_host_confirms_and_the_task_goes_on() {
    let place = Place::with(CAREFUL);
    let agent = Published::start(&place, "script", &[]);
    let task = agent.send(&says("say allowed"));
    let waiting = agent.until(&task, "TASK_STATE_AUTH_REQUIRED");
    let asked = &waiting["status"]["message"]["parts"][1]["data"];
    assert_eq!((&asked["answerable"], asked.get("detail")), (&json!(false), None), "{waiting}");
    let by_itself = answers(
        &task,
        json!({
            "approval_id": asked["approval_id"], "digest": asked["digest"], "answer": "allow",
        }),
    );
    assert_eq!(agent.answer("SendMessage", &json!({"message": by_itself}))["error"]["code"], -32004);
    let settled = place.cli(&["approvals", "allow", asked["approval_id"].as_str().unwrap()]);
    assert_eq!(settled["state"], "approved");
    let done = agent.until(&task, "TASK_STATE_COMPLETED");
    assert_eq!(done["artifacts"][0]["parts"][0]["text"], "allowed");
}

#[test]
fn a_client_that_speaks_for_a_person_confirms_by_itself() {
    let place = Place::with(CAREFUL);
    let agent = Published::start(&place, "script", &["--answers-approvals"]);
    let ask = |text: &str| {
        let task = agent.send(&says(text));
        let waiting = agent.until(&task, "TASK_STATE_INPUT_REQUIRED");
        let asked = waiting["status"]["message"]["parts"][1]["data"].clone();
        assert_eq!((&asked["kind"], &asked["detail"]["backend"]), (&json!("spawn"), &json!("script")));
        (task, asked)
    };
    let (task, asked) = ask("say allowed");
    let answer =
        |word: &str| json!({"approval_id": asked["approval_id"], "digest": asked["digest"], "answer": word});
    let done = agent.call("SendMessage", &json!({"message": answers(&task, answer("allow"))}));
    assert_eq!(done["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{done}");
    let (task, asked) = ask("say denied");
    let denial = json!({
        "approval_id": asked["approval_id"], "digest": asked["digest"], "answer": "deny", "feedback": "not today",
    });
    let denied = agent.call("SendMessage", &json!({"message": answers(&task, denial)}))["task"].take();
    assert_eq!(denied["status"]["state"], "TASK_STATE_REJECTED", "{denied}");
    assert!(denied["status"].to_string().contains("not today"), "{denied}");
    let all = place.cli(&["approvals", "list", "--all"]);
    assert!(all.as_array().unwrap().iter().all(|it| it["settled_by"] == "a2a:token"), "{all}");
}

#[test]
fn a_context_goes_on_with_the_session_of_a_real_agent() {
    let model = MockModel::start();
    let place = Place::with_codex(&model);
    let agent = Published::start(&place, "codex", &[]);
    let first = agent.call("SendMessage", &json!({"message": says(r#"mock:text {"text":"One."}"#)}));
    let first = &first["task"];
    assert_eq!(first["status"]["state"], "TASK_STATE_COMPLETED", "{first}");
    let mut more = says(r#"mock:text {"text":"Two."}"#);
    more["contextId"] = first["contextId"].clone();
    more["metadata"] = json!({"nanobot_orchestrator": {"cwd": place.project()}});
    let second = agent.call("SendMessage", &json!({"message": more}))["task"].take();
    assert_eq!(second["artifacts"][0]["parts"][0]["text"], "Two.", "{second}");
    more["metadata"]["nanobot_orchestrator"]["cwd"] = json!(place.home());
    let elsewhere = agent.answer("SendMessage", &json!({"message": more}));
    assert_eq!(elsewhere["error"]["code"], -32602, "{elsewhere}");
    let runs = place.cli(&["runs", "list"]);
    let sessions: Vec<&Value> = runs["runs"]
        .as_array()
        .unwrap_or_else(|| runs.as_array().unwrap())
        .iter()
        .map(|run| &run["session_id"])
        .collect();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0], sessions[1], "both tasks are one conversation");
    let task = agent.send(&says("mock:hang {}"));
    agent.until(&task, "TASK_STATE_WORKING");
    let cancelled = agent.call("CancelTask", &json!({"id": task["id"]}));
    assert_eq!(cancelled["status"]["state"], "TASK_STATE_CANCELED");
    place.mark().no_agent_left();
    let (status, _) = agent.end();
    assert!(status.success(), "{status}");
    place.mark().wait_until_gone();
}

/// What `pointsman serve` publishes beside its own client.
#[test]
fn a_host_publishes_what_its_configuration_says() {
    let place = Place::with(
        "[secrets.ada]\nfile = \"token\"\n[a2a]\nlisten = \"127.0.0.1:0\"\n[a2a.tokens.ada]\nsecret = \"ada\"\n\
         [a2a.agents.first]\nbackend = \"script\"\ncwd = \"project\"\n\
         [a2a.agents.second]\nbackend = \"script\"\ncwd = \"project\"\naccess = \"read-only\"\n\
         [log]\nlevel = \"info\"\n",
    );
    std::fs::write(place.root().join("token"), "ada-token\n").unwrap();
    let mut host = place.host();
    let url = eventually("the agent's address", || {
        let log = std::fs::read_to_string(place.root().join("host.log")).ok()?;
        let at = log.find("http://127.0.0.1:")?;
        let rest = &log[at..];
        Some(rest[..rest.find("/agents/")?].to_owned())
    });
    let (status, card) = http("GET", &format!("{url}/agents/second/.well-known/agent-card.json"), &[], "");
    assert_eq!(status, 200, "{card}");
    let headers = [("authorization", "Bearer ada-token".to_owned()), ("a2a-version", "1.0".to_owned())];
    let body = json!({"message": says("say hello")}).to_string();
    let (status, text) = http("POST", &format!("{url}/agents/first/rest/message:send"), &headers, &body);
    assert_eq!(status, 200, "{text}");
    let task: Value = serde_json::from_str(&text).unwrap();
    // The host's own client sees the run as any other.
    let record = host.record(&json!({"run_id": task["task"]["id"]}));
    assert_eq!(
        (&record["status"], &record["metadata"]["a2a"]["client"]),
        (&json!("completed"), &json!("ada"))
    );
    assert_eq!(http("GET", &format!("{url}/agents/first/rest/tasks"), &[], "").0, 401);
    host.end_by(Signal::TERM).in_time();
}
