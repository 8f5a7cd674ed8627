//! Agents elsewhere, each on an official SDK, driven by the whole host.

use pointsman_tests::{A2aPeer, A2aVersion, Host, Place};
use rstest::rstest;
use serde_json::{Value, json};

/// How an agent is spoken to.
#[derive(Debug, Clone, Copy)]
struct Way {
    peer: A2aVersion,
    transport: &'static str,
    version: &'static str,
}

const V1_RPC: Way = Way { peer: A2aVersion::V1, transport: "JSONRPC", version: "1.0" };
const V1_REST: Way = Way { peer: A2aVersion::V1, transport: "HTTP+JSON", version: "1.0" };
const COMPATIBLE: Way = Way { peer: A2aVersion::Both, transport: "JSONRPC", version: "0.3" };
const V03: Way = Way { peer: A2aVersion::V03, transport: "JSONRPC", version: "0.3" };

/// An agent, a place that may reach it, and a host in there.
struct Stage {
    host: Host,
    place: Place,
    peer: A2aPeer,
    way: Way,
}

impl Stage {
    fn set(way: Way, more: &[&str]) -> Self {
        let peer = A2aPeer::start(way.peer, more);
        let place = Place::with(&peer.origin_table());
        Self { host: place.host(), place, peer, way }
    }

    fn config(&self, more: Value) -> Value {
        let mut config = json!({
            "agent_url": self.peer.url(), "transport": self.way.transport, "protocol_version": self.way.version,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        config
    }

    fn spawn(&mut self, prompt: &str, config: Value) -> Value {
        let config = self.config(config);
        self.host.spawn(&self.place, "remote_a2a", prompt, json!({ "backend_config": config }))
    }

    /// Launches a run and waits for its end.
    fn run(&mut self, prompt: &str, config: Value) -> (Value, Vec<Value>) {
        let run = self.spawn(prompt, config);
        self.over(&run)
    }

    fn over(&mut self, run: &Value) -> (Value, Vec<Value>) {
        let record = self.host.finish(run);
        let events = self.host.events(run);
        (record, events)
    }

    fn answer(&mut self, run: &Value, text: &str) -> Value {
        let message = json!({"role": "user", "parts": [{"type": "text", "text": text}]});
        self.host.call("continue_run", json!({"run_id": run["run_id"], "input_message": message}))
    }

    fn end(self) {
        self.host.hang_up().well();
    }
}

fn texts(events: &[Value], kind: &str) -> Vec<String> {
    let found = events.iter().filter(|event| event["type"] == kind);
    found.map(|event| event["data"]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[rstest]
#[case::v1_jsonrpc(V1_RPC)]
#[case::v1_rest(V1_REST)]
#[case::v03_by_the_new_sdk(COMPATIBLE)]
#[case::v03(V03)]
fn everything_that_an_agent_does(#[case] way: Way) {
    let mut stage = Stage::set(way, &[]);

    let (record, events) = stage.run("say this", json!({}));
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("You said: say this")),
        "{record}"
    );
    assert_eq!(texts(&events, "artifact_added"), ["You said: say this"]);
    let reference = &record["remote_ref"];
    assert_eq!(
        (&reference["provider"], &reference["agent_name"]),
        (&json!("remote_a2a"), &json!("Test peer")),
        "{record}"
    );
    assert!(reference["task_id"].is_string() && reference["context_id"].is_string(), "{record}");
    assert_eq!(events.last().unwrap()["type"], "run_completed");

    // The next run goes on in the same context.
    let next = stage.answer(&record, "and this");
    let (next, _) = stage.over(&next);
    assert_eq!(next["final_response"], "You said: and this", "{next}");
    assert_eq!(next["remote_ref"]["context_id"], reference["context_id"]);
    assert_ne!(next["remote_ref"]["task_id"], reference["task_id"], "a task that has ended takes no message");

    let (record, _) = stage.run("message hello", json!({}));
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("hello")),
        "{record}"
    );

    for (prompt, config) in [
        ("stream 5 10", json!({})),
        ("stream 5 10", json!({"streaming": false})),
        ("stream 5 50", json!({"streaming": false, "blocking": false})),
    ] {
        let (record, events) = stage.run(prompt, config.clone());
        assert_eq!(record["final_response"], "All lines sent.", "{config}: {record}");
        let whole: String = (1..=5).map(|line| format!("line {line}\n")).collect();
        assert_eq!(texts(&events, "artifact_added").last(), Some(&whole), "{config}");
        if config == json!({}) {
            let said: Vec<String> = (1..=5).map(|line| format!("{line} of 5")).collect();
            assert_eq!(texts(&events, "agent_message")[1..6], said);
        }
    }

    let (record, events) = stage.run("parts", json!({}));
    assert_eq!(record["structured_output"]["answer"].as_f64(), Some(42.0), "{record}");
    let artifact = events.iter().find(|event| event["type"] == "artifact_added").unwrap();
    let parts = artifact["data"]["parts"].to_string();
    assert!(parts.contains("dot.png") && parts.contains("https://files.invalid/report.pdf"), "{parts}");

    let (record, events) = stage.run("big 1000000", json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let artifact = events.iter().find(|event| event["type"] == "artifact_added").unwrap();
    let whole = stage.host.artifact(artifact, "/text");
    assert!(whole.len() == 1_000_000 && whole.starts_with("0123456789abcdef"), "{}", whole.len());

    let (record, _) = stage.run("fail disk full", json!({}));
    assert_eq!(
        (&record["status"], &record["error"]["message"]),
        (&json!("failed"), &json!("disk full")),
        "{record}"
    );
    let (record, events) = stage.run("reject", json!({}));
    assert_eq!(record["status"], "rejected", "{record}");
    assert_eq!(record["error"]["message"], "This agent does not do that.");
    assert_eq!(events.last().unwrap()["type"], "rejected");
    stage.end();
}

#[rstest]
#[case::v1_jsonrpc(V1_RPC)]
#[case::v1_rest(V1_REST)]
#[case::v03_by_the_new_sdk(COMPATIBLE)]
#[case::v03(V03)]
fn questions_cancelling_and_crashes(#[case] way: Way) {
    let mut stage = Stage::set(way, &[]);
    for streaming in [true, false] {
        let config = json!({ "streaming": streaming });
        let run = stage.spawn("ask", config.clone());
        let asked = stage.host.event(&run, "input_required");
        assert_eq!(asked["data"]["text"], "Approve the draft? Answer yes or no.");
        assert_eq!(stage.host.record(&run)["status"], "input_required");
        assert_eq!(stage.answer(&run, "perhaps")["mode"], "live");
        let again = |stage: &mut Stage| {
            let events = stage.host.events(&run);
            texts(&events, "input_required").contains(&"Please answer yes or no.".to_owned()).then_some(())
        };
        pointsman_tests::eventually("the second question", || again(&mut stage));
        stage.answer(&run, "yes");
        let (record, events) = stage.over(&run);
        assert_eq!(
            (&record["status"], &record["final_response"]),
            (&json!("completed"), &json!("Published.")),
            "{record}"
        );
        assert_eq!(texts(&events, "artifact_added"), ["A first draft.", "The approved text."]);

        let run = stage.spawn("auth", config);
        stage.host.event(&run, "auth_required");
        assert_eq!(stage.host.record(&run)["status"], "auth_required");
        stage.answer(&run, "done");
        assert_eq!(stage.over(&run).0["final_response"], "Signed in.");
    }
    let run = stage.spawn("ask", json!({}));
    stage.host.event(&run, "input_required");
    stage.answer(&run, "no");
    let (record, _) = stage.over(&run);
    assert_eq!(
        (&record["status"], &record["error"]["message"]),
        (&json!("cancelled"), &json!("Not approved.")),
        "{record}"
    );

    // A task that works, one that waits, and one that is silent.
    for prompt in ["slow 60 100", "ask", "slow 60 60000"] {
        let run = stage.spawn(prompt, json!({}));
        let sign = if prompt == "ask" { "input_required" } else { "agent_message" };
        stage.host.event(&run, sign);
        let cancelled = stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
        assert_eq!(cancelled["status"], "cancelled", "{prompt}");
        let events = stage.host.events(&run);
        let kinds: Vec<&Value> = events.iter().map(|event| &event["type"]).collect();
        assert!(!kinds.contains(&&json!("x_remote_a2a_not_cancelled")), "{prompt}: {kinds:?}");
    }

    let (record, _) = stage.run("crash", json!({}));
    assert_eq!(record["status"], "failed", "{record}");
    let reason = record["error"]["reason"].as_str().unwrap();
    match way.peer {
        // It breaks the connection, and leaves its task submitted for ever.
        A2aVersion::V03 => assert_eq!(reason, "agent_lost", "{record}"),
        _ => assert_eq!(reason, "agent_failed", "{record}"),
    }
    stage.end();
}

#[rstest]
#[case::v1_jsonrpc(V1_RPC)]
#[case::v1_rest(V1_REST)]
#[case::v03_by_the_new_sdk(COMPATIBLE)]
#[case::v03(V03)]
fn a_stream_that_breaks_loses_nothing(#[case] way: Way, #[values("1", "2", "5")] after: &str) {
    let mut stage = Stage::set(way, &["--drop-first-stream-after", after]);
    let (record, events) = stage.run("stream 6 150", json!({}));
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("All lines sent.")),
        "{record}"
    );
    let whole: String = (1..=6).map(|line| format!("line {line}\n")).collect();
    assert_eq!(texts(&events, "artifact_added").last(), Some(&whole));
    let mut said = vec!["Started.".to_owned()];
    said.extend((1..=6).map(|line| format!("{line} of 6")));
    said.push("All lines sent.".to_owned());
    assert_eq!(texts(&events, "agent_message"), said);
    stage.end();
}

#[rstest]
#[case::v1_rest(V1_REST)]
#[case::v03(V03)]
fn a_token_is_sent_with_everything_the_card_included(#[case] way: Way) {
    let peer = A2aPeer::start(way.peer, &["--bearer", "s3cret-t0ken", "--bearer-card"]);
    let origin = peer.origin_table();
    let url = peer.url().to_owned();
    let place = Place::with(&format!(
        "{origin}[secrets.peer-token]\nfile = \"token\"\n\
         [backends.peer]\ncomponent = \"bundled:remote_a2a\"\n\
         grants = [\"request/send@1 {url}\", \"timer/set@1 *\", \"secret/use@1 peer-token\"]\n\
         [backends.peer.config]\nagent_url = \"{url}\"\nauth_token_secret = \"peer-token\"\n"
    ));
    std::fs::write(place.root().join("token"), "s3cret-t0ken\n").unwrap();
    let host = place.host();
    let mut stage = Stage { host, place, peer, way };

    let run = stage.host.spawn(&stage.place, "peer", "stream 2 10", json!({}));
    let (record, events) = stage.over(&run);
    assert_eq!(record["final_response"], "All lines sent.", "{record}");
    assert!(!json!([record, events]).to_string().contains("s3cret"), "the secret is nobody's to see");

    // As older clients hand it over; and without it.
    let (record, _) = stage.run("hello", json!({"auth_token": "s3cret-t0ken"}));
    assert_eq!(record["status"], "completed", "{record}");
    let (record, _) = stage.run("hello", json!({}));
    assert_eq!(record["error"]["reason"], "unauthorized", "{record}");
    let message = record["error"]["message"].as_str().unwrap();
    assert!(message.contains("HTTP 401") && message.contains("auth_token_secret"), "{message}");

    // A secret is not for callers to name.
    let arguments = json!({"backend": "remote_a2a", "role": "worker", "cwd": stage.place.project(), "session_mode": "new",
        "prompt": "x", "backend_config": {"agent_url": url, "auth_token_secret": "peer-token"}});
    let refused = stage.host.refusal("spawn_run", arguments);
    assert!(refused.contains("auth_token_secret is not for callers to set"), "{refused}");
    stage.end();
}

#[test]
fn the_answer_to_a_schema_is_held_against_it() {
    let mut stage = Stage::set(V1_RPC, &[]);
    let config = stage.config(json!({}));
    let schema = |kind: &str| json!({"type": "object", "required": ["answer"], "properties": {"answer": {"type": kind}}});
    let good = json!({"backend_config": config, "output_schema": schema("number")});
    let run = stage.host.spawn(&stage.place, "remote_a2a", "parts", good);
    let (record, _) = stage.over(&run);
    assert_eq!(record["status"], "completed", "{record}");
    let bad = json!({"backend_config": config, "output_schema": schema("string")});
    let run = stage.host.spawn(&stage.place, "remote_a2a", "parts", bad);
    let (record, _) = stage.over(&run);
    assert_eq!(record["error"]["reason"], "output_schema_mismatch", "{record}");
    stage.end();
}

#[test]
fn an_agent_that_nobody_may_reach_is_not_reached() {
    let place = Place::new();
    let mut host = place.host();
    let spawn = |host: &mut Host, config: Value| {
        let run = host.spawn(&place, "remote_a2a", "x", json!({ "backend_config": config }));
        host.finish(&run)
    };
    let record = spawn(&mut host, json!({"agent_url": "http://127.0.0.1:9"}));
    assert_eq!(record["error"]["reason"], "not_granted", "{record}");
    assert!(
        record["error"]["message"].as_str().unwrap().contains("[origins.\"http://127.0.0.1:9\"]"),
        "{record}"
    );
    let refused = host.refusal(
        "spawn_run",
        json!({"backend": "remote_a2a", "role": "worker", "cwd": place.project(), "session_mode": "new", "prompt": "x"}),
    );
    assert!(refused.contains("agent_url"), "{refused}");
    host.hang_up().well();
}
