//! Standard input and output, as a client sees them that knows nothing but lines.

use std::time::{Duration, Instant};

use pointsman_tests::Place;
use rstest::rstest;
use serde_json::{Value, json};

/// What an answer may take if its caller does not say.
const SMALL: usize = 8_192;

#[rstest]
#[case::legacy(true)]
#[case::modern(false)]
fn a_run_is_launched_followed_and_read_in_both_eras(#[case] handshake: bool) {
    let place = Place::new();
    let mut host = place.silent_host();
    if handshake {
        let welcome = host.initialize("pointsman-tests");
        assert_eq!(welcome["protocolVersion"], "2025-11-25");
        assert!(welcome["instructions"].as_str().unwrap().len() < 2048);
    }
    let listed = host.request("tools/list", json!({}));
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 12);
    let run = host.spawn(&place, "script", "say first\nsay second", json!({"metadata": {"ticket": 7}}));
    assert_eq!((&run["status"], &run["backend"]), (&json!("queued"), &json!("script")));
    let record = host.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(record["final_response"], "first\nsecond");
    assert_eq!(record["metadata"], json!({"ticket": 7}));
    assert_eq!(record["cwd"], json!(place.project()));
    let events = host.events(&run);
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"run_started"), "{kinds:?}");
    assert!(kinds.contains(&"agent_message"), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"run_completed"), "{kinds:?}");
    assert_eq!(events.last().unwrap()["data"]["final_response"], "first\nsecond");
    host.hang_up().well();
}

#[test]
fn nothing_but_messages_reaches_standard_output() {
    let place = Place::new();
    let mut host = place.host();
    let forged = r#"{"jsonrpc":"2.0","id":1,"result":{"forged":true}}"#;
    let run = host.spawn(&place, "script", &format!("say {forged}\ngrumble {forged}\nfail 3"), json!({}));
    let record = host.finish(&run);
    assert_eq!(record["status"], "failed");
    // What it grumbled explains the failure; neither reached the client as a message.
    assert!(record["error"]["message"].as_str().unwrap().contains("forged"), "{record}");
    assert_eq!(host.others(), &[] as &[Value]);
    host.hang_up().well();
}

#[test]
fn what_cannot_be_understood_ends_nothing() {
    let place = Place::new();
    let mut host = place.host();
    assert_eq!(host.request("tools/forget", json!({}))["error"]["code"], -32601);
    for line in ["", "{", "[]", "null", "\"tools/list\"", r#"{"jsonrpc":"2.0"}"#, "\u{7f}\u{0}"] {
        host.write(line);
    }
    host.write(r#"{"jsonrpc":"2.0","method":"notifications/unheard_of","params":{}}"#);
    assert!(host.request("tools/list", json!({}))["result"]["tools"].is_array());
    let refused = host.refusal("spawn_run", json!({"backend": 7}));
    assert!(refused.starts_with("MCP error -32602: "), "{refused}");
    assert!(
        host.refusal("get_run", json!({"run_id": "../../etc/passwd"})).starts_with("Error: Unknown run_id")
    );
    host.hang_up().well();
}

#[test]
fn the_same_key_again_gives_back_the_first_run() {
    let place = Place::new();
    let mut host = place.host();
    let key = json!({"idempotency_key": "once"});
    let first = host.spawn(&place, "script", "say once", key.clone());
    let again = host.spawn(&place, "script", "say once", key.clone());
    assert_eq!((&again["run_id"], &again["existing"]), (&first["run_id"], &json!(true)));
    host.finish(&first);
    let late = host.spawn(&place, "script", "say once", key);
    assert_eq!(late["run_id"], first["run_id"]);
    let other = host.refusal(
        "spawn_run",
        json!({
            "backend": "script", "role": "worker", "cwd": place.project(), "session_mode": "new",
            "prompt": "say something else", "idempotency_key": "once",
        }),
    );
    assert!(other.contains("once"), "{other}");
    assert_eq!(host.call("list_runs", json!({}))["total"], 1);
    host.hang_up().well();
}

#[test]
fn answers_are_small_and_lead_to_the_rest() {
    let place = Place::new();
    let mut host = place.host();
    let big = host.spawn(&place, "script", "big 100000", json!({}));
    let whole = host.finish(&big);
    let record = host.call("get_run", json!({"run_id": big["run_id"]}));
    assert!(record.to_string().len() <= SMALL, "{}", record.to_string().len());
    assert!(record["truncated"].as_array().unwrap().contains(&json!("final_response")), "{record}");
    assert!(whole.to_string().len() > 30_000, "who asks for more gets more");

    // The message that was too large for its event is read through its artifact.
    let messages: Vec<Value> =
        host.events(&big).into_iter().filter(|event| event["type"] == "agent_message").collect();
    let mut said = String::new();
    for message in &messages {
        match message["data"]["artifact_refs"].get("/text") {
            Some(_) => said.push_str(&host.artifact(message, "/text")),
            None => said.push_str(message["data"]["text"].as_str().unwrap()),
        }
    }
    let letters = said.chars().filter(|letter| *letter != '\n').count();
    assert!(letters >= 100_000 * 16 / 17, "{letters} characters of {} messages", messages.len());

    for number in 0..30 {
        host.spawn(&place, "script", &format!("say {number}"), json!({}));
    }
    let (mut seen, mut cursor) = (0, Value::Null);
    loop {
        let page = host.call("list_runs", json!({"cursor": cursor, "limit": 1000}));
        assert!(page.to_string().len() <= SMALL);
        assert_eq!(page["total"], 31);
        seen += page["runs"].as_array().unwrap().len();
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            assert_ne!(page["truncated"], true);
            break;
        }
        assert_eq!(page["truncated"], true);
    }
    assert_eq!(seen, 31);
    let page = host.call("poll_events", json!({"run_id": big["run_id"], "after_seq": 0, "limit": 1000}));
    assert!(page.to_string().len() <= SMALL);
    host.hang_up().well();
}

#[test]
fn who_waits_for_what_is_over_does_not_wait() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "say done", json!({}));
    let last = host.finish(&run)["last_seq"].clone();
    let began = Instant::now();
    let page =
        host.call("poll_events", json!({"run_id": run["run_id"], "after_seq": last, "wait_ms": 30_000}));
    assert_eq!((&page["events"], &page["status"]), (&json!([]), &json!("completed")));
    let waited = host.call("wait_for_runs", json!({"run_ids": [run["run_id"]], "wait_ms": 40_000}));
    assert_eq!((&waited["done"], &waited["still_running"]), (&json!(true), &json!(0)));
    let nobody = host.call("wait_for_runs", json!({"wait_ms": 40_000}));
    assert_eq!(nobody["still_running"], 0);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    host.hang_up().well();
}

#[test]
fn agents_have_names_and_mail() {
    let place = Place::new();
    let mut host = place.host();
    let first = host.spawn(&place, "script", "say one", json!({"nickname": "ada"}));
    let second = host.spawn(&place, "script", "stay", json!({}));
    assert_eq!(first["agent_name"], "ada");
    host.finish(&first);
    host.event(&second, "agent_message");
    let by_name = |name: &str| json!({"agent_name": name, "cwd": place.project()});
    assert_eq!(host.call("get_run", by_name("ada"))["run_id"], first["run_id"]);
    assert_eq!(host.refusal("get_run", json!({"agent_name": "bob"})), "Error: Unknown agent_name: bob");
    let listed = host.call("list_agents", json!({"cwd": place.project()}));
    assert_eq!(listed["agents"].as_array().unwrap().len(), 2);
    let running = host.call("list_runs", json!({"status": "running", "backend": "script"}));
    assert_eq!(running["runs"][0]["run_id"], second["run_id"]);

    let letter = json!({"role": "user", "parts": [{"type": "text", "text": "Hello, Ada."}]});
    let sent = host.call(
        "send_agent_message",
        json!({"to_agent_name": "ada", "from_agent_name": second["agent_name"], "message": letter}),
    );
    let inbox = host.call("fetch_agent_messages", json!({"agent_name": "ada"}));
    assert_eq!(inbox["messages"][0]["message_id"], sent["message_id"]);
    assert_eq!(inbox["messages"][0]["body"], letter);
    let cancelled = host.call("cancel_run", by_name(second["agent_name"].as_str().unwrap()));
    assert_eq!(cancelled["status"], "cancelled");
    place.mark().no_agent_left();
    host.hang_up().well();
}

#[test]
fn what_the_host_keeps_in_a_repository_is_no_change_to_it() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "big 20000", json!({}));
    host.finish(&run);
    host.hang_up().well();
    let kept = place.project().join(".nanobot-orchestrator/runs").join(run["run_id"].as_str().unwrap());
    for file in ["run.json", "events.jsonl", "result.json"] {
        assert!(kept.join(file).is_file(), "{file}");
    }
    let mut status = place.command("git");
    let status = status.args(["status", "--porcelain"]).current_dir(place.project()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&status.stdout), "");
}
