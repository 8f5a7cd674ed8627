//! What becomes of a run when a real agent's model, or the agent itself, is in trouble.

use pointsman_tests::{AcpAgent, eventually};
use rstest::rstest;
use serde_json::{Value, json};

use crate::acp_stage::{Stage, cancel, of_kind};

/// Sets the stage. Gemini otherwise asks a model which model to ask, and all trouble would be that one's.
fn stage(agent: AcpAgent, mut config: Value) -> Stage {
    if agent == AcpAgent::Gemini {
        config["args"] = json!(["--acp", "--model", "gemini-3.8-flash"]);
    }
    Stage::with(agent, config)
}

/// What the provider does, the reason for which the run fails, and a word that its message has by every agent.
const TROUBLE: [(&str, &str, &str); 4] = [
    // First, because opencode tries for a minute to get over it.
    ("mock:cut", "connection_lost", "onnect"),
    (r#"mock:http429 {"retryAfter":0}"#, "rate_limited", ""),
    (r#"mock:http500 {"retryAfter":0}"#, "server_error", ""),
    (r#"mock:overloaded {"retryAfter":0}"#, "overloaded", "Overloaded (mock)"),
];

/// Says whether an agent tells that it tries again: each does, and two say so.
fn tells_retry(agent: AcpAgent, reason: &str) -> bool {
    match agent {
        AcpAgent::Codex => true,
        // It gives up on a stream that breaks at once.
        AcpAgent::Gemini => reason != "connection_lost",
        _ => false,
    }
}

fn retries(events: &[Value]) -> Vec<&Value> {
    of_kind(events, "reasoning").into_iter().filter(|event| event["data"]["retry"] == true).collect()
}

#[rstest]
fn trouble_at_the_provider_fails_the_run_once(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = stage(agent, json!({}));
    let mut runs = Vec::new();
    for (prompt, ..) in TROUBLE {
        let run = stage.spawn(prompt);
        if agent == AcpAgent::OpenCode {
            // It makes a database when it first starts, and two at once fall over each other.
            eventually("the agent's session", || {
                let record = stage.host.record(&run);
                record["remote_ref"].is_object().then_some(())
            });
        } else {
            stage.host.finish(&run);
        }
        runs.push(run);
    }
    for ((_, reason, word), run) in TROUBLE.iter().zip(&runs) {
        let record = stage.finish_slowly(run);
        assert_eq!(
            (&record["status"], &record["error"]["reason"]),
            (&json!("failed"), &json!(reason)),
            "{record}"
        );
        assert!(record["error"]["message"].as_str().unwrap().contains(word), "{record}");
        let events = stage.host.events(run);
        assert_eq!(of_kind(&events, "run_failed").len(), 1);
        let retries = retries(&events);
        assert_eq!(!retries.is_empty(), tells_retry(agent, reason), "{reason}: {retries:#?}");
        assert!(retries.iter().all(|event| event["data"]["reason"] == *reason), "{retries:#?}");
    }
    stage.end();
}

#[rstest]
fn trouble_that_passes_is_got_over(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = stage(agent, json!({}));
    let (record, events) = stage.run(r#"mock:overloaded {"times":1,"retryAfter":0}"#);
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("Recovered after an error.")),
        "{record}"
    );
    // Codex tells only of what it has given up once already.
    assert_eq!(!retries(&events).is_empty(), agent == AcpAgent::Gemini, "{events:#?}");
    stage.end();
}

#[rstest]
fn a_silent_model_is_waited_for_as_long_as_is_configured(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = stage(agent, json!({ "idle_timeout_ms": 3_000 }));
    let (record, _) = stage.run("mock:hang");
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("failed"), &json!("timeout")),
        "{record}"
    );
    assert!(record["error"]["message"].as_str().unwrap().contains("`idle_timeout_ms`"), "{record}");
    stage.end();
}

#[rstest]
fn a_cancelled_run_leaves_nothing_behind(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = stage(agent, json!({}));
    // In the midst of a command, while a person is asked, and while the model is silent.
    let run = stage.spawn(&stage.command("touch fine; sleep 1000 & sleep 1000"));
    let project = stage.place.project();
    eventually("the command's file", || project.join("fine").exists().then_some(()));
    cancel(&mut stage, &run);

    let run = stage.spawn(&stage.command("touch asked"));
    stage.question(&run);
    cancel(&mut stage, &run);
    assert!(!stage.has("asked"));

    let run = stage.spawn("mock:hang");
    eventually("the model's silence", || stage.model.seen().contains("mock:hang").then_some(()));
    assert!(!stage.place.mark().agents().is_empty(), "the agent waits for its model");
    cancel(&mut stage, &run);
    stage.end();
}

#[rstest]
fn an_agent_that_is_killed_fails_its_run(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = stage(agent, json!({}));
    let run = stage.spawn("mock:hang");
    eventually("the model's silence", || stage.model.seen().contains("mock:hang").then_some(()));
    for agent in stage.place.mark().agents() {
        let pid = agent.trim_start_matches("/proc/").split(':').next().unwrap();
        // One may have ended with another that was its parent.
        let _killed = std::process::Command::new("kill").args(["-KILL", pid]).output().unwrap();
    }
    let record = stage.host.finish(&run);
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("failed"), &json!("exit_status")),
        "{record}"
    );
    stage.end();
}
