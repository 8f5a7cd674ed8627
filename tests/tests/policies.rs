//! Every judgement goes one way: what policies say of each subject, in a whole host.

#[path = "../../host/sandbox/tests/languages/toolchain.rs"]
#[expect(dead_code, reason = "the sandbox's own tests build one guest more")]
mod toolchain;

use std::fs;

use pointsman_tests::{Host, Place, eventually};
use rstest::rstest;
use serde_json::{Value, json};

use self::toolchain::{Guest, JS_POLICY, PYTHON_POLICY};

/// Rules of a house beside the careful ones.
fn house(rules: &str) -> String {
    format!(
        "[[policies]]\nname = \"careful\"\ncomponent = \"bundled:rules\"\nrules = \"bundled:careful\"\n\
         [[policies]]\nname = \"house\"\ncomponent = \"bundled:rules\"\ninline = '''\n{rules}\n'''\n"
    )
}

fn rule(when: &str, then: &str) -> String {
    format!(
        "[[rule]]\nid = \"house-rule\"\nwhen = \"{when}\"\nthen = \"{then}\"\nreason = \"the house says so\"\n"
    )
}

/// Gives the id of the question that a run's person is asked.
fn asked(host: &mut Host, run: &Value) -> String {
    let question = host.event(run, "approval_required");
    question["data"]["approval_id"].as_str().expect("a question has an id").to_owned()
}

#[test]
fn a_process_that_policy_denies_is_not_started() {
    let place = Place::with(&house(&rule("action == 'process' && request.program == 'script'", "deny")));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "write it", json!({}));
    let record = host.finish(&run);
    assert_eq!(record["status"], "failed", "{record}");
    let message = record["error"]["message"].as_str().expect("a failure has a message");
    assert!(message.contains("the house says so (rule house-rule of policy house)"), "{message}");
    let events = host.events(&run);
    let denials: Vec<_> = events.iter().filter(|event| event["type"] == "approval_resolved").collect();
    assert_eq!(denials.len(), 1, "{denials:?}");
    let data = &denials[0]["data"];
    assert_eq!((&data["action"], &data["by"]), (&json!("process"), &json!("policy:house")));
    let request = &data["request"];
    assert_eq!((&request["program"], &request["path"]), (&json!("script"), &json!("/bin/sh")));
    assert_eq!(request["cwd"], json!(place.project()));
    let env = request["env"].as_array().expect("names of variables");
    assert!(env.contains(&json!("PATH")), "{env:?}");
    assert!(env.iter().all(|name| !name.to_string().contains('=')), "{env:?}");
    assert!(!place.project().join("it").exists());
    host.hang_up().well();
}

/// What the plugin wrote to the process meanwhile reaches it, in order.
#[test]
fn a_process_that_a_person_must_confirm_waits_and_then_does_its_work() {
    let place = Place::with(&house(&rule("action == 'process'", "ask")));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "say first\nwrite it", json!({}));
    let question = asked(&mut host, &run);
    let record = host.record(&run);
    assert_eq!(record["status"], "approval_required", "{record}");
    assert_eq!(record["waiting_for"]["rule"], "house-rule", "{record}");
    assert!(!place.project().join("it").exists());
    place.cli(&["approvals", "allow", &question]);
    let record = host.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(place.project().join("it").exists());
    assert_eq!(place.cli(&["approvals", "show", &question])["state"], "consumed");
    let run_id = run["run_id"].as_str().expect("a run has an id");
    let explained = place.cli(&["policy", "explain", "--run", run_id, "--approval", &question]);
    assert_eq!(explained["question"]["action"], "process");
    assert_eq!(explained["ruling"]["rule"], "house-rule");
    host.hang_up().well();
}

#[test]
fn a_process_that_a_person_denies_is_not_started() {
    let place = Place::with(&house(&rule("action == 'process'", "ask")));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "write it", json!({}));
    let question = asked(&mut host, &run);
    place.cli(&["approvals", "deny", &question, "-m", "not today"]);
    let record = host.finish(&run);
    assert_eq!(record["status"], "failed", "{record}");
    assert!(record["error"]["message"].as_str().is_some_and(|it| it.contains("not today")), "{record}");
    assert!(!place.project().join("it").exists());
    host.hang_up().well();
}

#[test]
fn a_run_that_is_cancelled_takes_back_what_waits() {
    let place = Place::with(&house(&rule("action == 'process'", "ask")));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "write it", json!({}));
    asked(&mut host, &run);
    host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(host.finish(&run)["status"], "cancelled");
    assert_eq!(place.cli(&["approvals", "list"]), json!([]));
    assert!(!place.project().join("it").exists());
    host.hang_up().well();
}

#[test]
fn mail_is_judged_and_waits_for_a_person_where_a_run_can_ask() {
    let rules = rule("action == 'peer_message' && request.text.contains('secret')", "deny")
        + &rule("action == 'peer_message' && request.text.contains('perhaps')", "ask")
            .replace("house-rule", "perhaps");
    let place = Place::with(&house(&rules));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "stay", json!({"nickname": "ada"}));
    host.event(&run, "agent_message");
    let message = |text: &str| json!({"role": "user", "parts": [{"type": "text", "text": text}]});
    let mail = |text: &str| json!({"to_agent_name": "ada", "cwd": place.project(), "message": message(text)});
    let inbox = json!({"agent_name": "ada", "cwd": place.project()});

    let refused = host.refusal("send_agent_message", mail("a secret"));
    assert!(refused.contains("policy denies it") && refused.contains("house-rule"), "{refused}");
    assert_eq!(host.call("send_agent_message", mail("hello"))["seq"], 1);
    let parked = host.call("send_agent_message", mail("perhaps"));
    assert_eq!(parked.get("seq"), None, "{parked}");
    assert!(parked["note"].as_str().is_some_and(|it| it.contains("pointsman approvals allow")), "{parked}");
    let count = |host: &mut Host| {
        host.call("fetch_agent_messages", inbox.clone())["messages"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count(&mut host), 1);
    let question = asked(&mut host, &run);
    place.cli(&["approvals", "allow", &question]);
    eventually("the mail that was allowed", || (count(&mut host) == 2).then_some(()));

    host.call("cancel_run", json!({"run_id": run["run_id"]}));
    host.finish(&run);
    let refused = host.refusal("send_agent_message", mail("perhaps"));
    assert!(refused.contains("a person must confirm this message"), "{refused}");
    host.hang_up().well();
}

#[test]
fn a_denied_run_ends_rejected_with_the_reason_and_the_rule() {
    let place = Place::with(&house(&rule("role == 'planner'", "deny")));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "write it", json!({"role": "planner"}));
    assert_eq!(run["status"], "rejected", "{run}");
    let note = run["note"].as_str().expect("whoever launched it is told");
    assert_eq!(note, "the house says so (rule house-rule of policy house)");
    let error = &host.record(&run)["error"];
    assert_eq!((&error["reason"], &error["message"]), (&json!("policy_denied"), &json!(note)));
    let run_id = run["run_id"].as_str().expect("a run has an id");
    let explained = place.cli(&["policy", "explain", "--run", run_id]);
    assert_eq!(explained["ruling"], explained["then"], "{explained}");
    let house = &explained["modules"][1];
    assert_eq!((&house["module"], &house["decides"]), (&json!("house"), &json!(true)), "{explained}");
    let matched = &house["matched"][0];
    assert_eq!((&matched["rule"], &matched["line"]), (&json!("house-rule"), &json!(2)), "{explained}");
    host.hang_up().well();
}

#[test]
fn whoever_asks_beforehand_hears_what_a_launch_would_get_and_launches_nothing() {
    let place = Place::with(&house(
        "[[rule]]\nid = \"reviewers-read\"\nwhen = \"role == 'reviewer'\"\nthen = \"allow\"\nceiling = \"read-only\"\n",
    ));
    let mut host = place.host();
    let ask = |more: Value| {
        let mut call = json!({"backend": "script", "cwd": place.project(), "prompt": "write it"});
        for (key, value) in more.as_object().into_iter().flatten() {
            call[key] = value.clone();
        }
        call
    };
    let allowed = host.call("explain_policy", ask(json!({})));
    assert_eq!((&allowed["verdict"], &allowed["access"]), (&json!("allow"), &json!("workspace-write")));
    let lowered = host.call("explain_policy", ask(json!({"role": "reviewer"})));
    assert_eq!(
        (&lowered["verdict"], &lowered["access"]),
        (&json!("allow"), &json!("read-only")),
        "{lowered}"
    );
    let asked = host.call("explain_policy", ask(json!({"access": "full"})));
    assert_eq!((&asked["verdict"], &asked["rule"]), (&json!("ask"), &json!("full-access")));
    assert!(asked["note"].as_str().is_some_and(|it| it.contains("pointsman approvals allow")), "{asked}");
    let refused = host.refusal("explain_policy", ask(json!({"backend": "nobody"})));
    assert!(refused.contains("Unknown backend"), "{refused}");
    assert_eq!(host.call("list_runs", json!({}))["total"], 0);
    assert_eq!(place.cli(&["approvals", "list"]), json!([]));
    host.hang_up().well();
}

/// The rules in force are those that stand in the file, or the last that were whole.
#[test]
fn changed_rules_count_for_the_next_question() {
    let place = Place::with(
        "[[policies]]\nname = \"house\"\ncomponent = \"bundled:rules\"\nrules = \"house.toml\"\n",
    );
    let path = place.root().join("house.toml");
    let write = |text: &str| fs::write(&path, text).expect("a file");
    let allow = rule("true", "allow");
    write(&allow);
    let mut host = place.host();
    let status = |host: &mut Host| {
        let run = host.spawn(&place, "script", "say hello", json!({}));
        run["status"].as_str().expect("a run has a status").to_owned()
    };
    assert_eq!(status(&mut host), "queued");
    write(&rule("action == 'spawn'", "deny"));
    assert_eq!(status(&mut host), "rejected");
    write("[[rule]]\nid = \"half");
    assert_eq!(status(&mut host), "rejected", "what is no set of rules changes nothing");
    fs::remove_file(&path).expect("it was there");
    assert_eq!(status(&mut host), "rejected", "nor does a file that is gone");
    write(&allow);
    assert_eq!(status(&mut host), "queued");
    host.hang_up().well();
}

/// A module in Rust, one in Python and one in JavaScript: each may deny, and none may allow what another does not.
#[test]
fn modules_in_three_languages_judge_in_one_chain() {
    let place = Place::new();
    let component = |guest: Guest| {
        let path = place.root().join(format!("{}.wasm", guest.name));
        guest.once(|bytes| fs::write(&path, bytes)).expect("a file");
        Value::from(path.to_string_lossy()).to_string()
    };
    let mut config = fs::read_to_string(place.config()).expect("it was just written");
    config.push_str(
        "[[policies]]\nname = \"careful\"\ncomponent = \"bundled:rules\"\nrules = \"bundled:careful\"\n",
    );
    for (guest, word) in [(PYTHON_POLICY, "python-word"), (JS_POLICY, "js-word")] {
        config.push_str(&format!(
            "[[policies]]\nname = \"{}\"\ncomponent = {}\ninline = '{{\"word\":\"{word}\"}}'\n",
            guest.name,
            component(guest)
        ));
    }
    fs::write(place.config(), config).expect("the folder is ours");
    // Compiling them takes its time, of which a client that opens gives a host less.
    let listed = place.cli(&["policy", "list"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(3), "{listed}");
    let mut host = place.host();
    let plain = host.spawn(&place, "script", "say hello", json!({}));
    assert_eq!(host.finish(&plain)["status"], "completed");
    for (word, module) in [("python-word", PYTHON_POLICY.name), ("js-word", JS_POLICY.name)] {
        let run = host.spawn(&place, "script", &format!("say {word}"), json!({}));
        assert_eq!(run["status"], "rejected", "{run}");
        let note = run["note"].as_str().expect("whoever launched it is told");
        assert!(note.contains(&format!("policy {module}")), "{note}");
    }
    let full = host.spawn(&place, "script", "say hello", json!({"access": "full"}));
    assert_eq!(full["status"], "approval_required", "{full}");
    host.hang_up().well();
}

#[rstest]
#[case::of_all("", "[policy]\non_failure = \"deny\"\n", "rejected")]
#[case::of_one("on_failure = \"deny\"\n", "", "rejected")]
#[case::of_another("on_failure = \"ask\"\n", "[policy]\non_failure = \"deny\"\n", "approval_required")]
fn what_a_failure_counts_as_is_the_operators_word(
    #[case] of_one: &str,
    #[case] of_all: &str,
    #[case] status: &str,
) {
    let built = pointsman_guest_build::build(&["pointsman-hostile"]).expect("the hostile guest builds");
    let place = Place::with(&format!(
        "{of_all}[[policies]]\nname = \"careful\"\ncomponent = \"bundled:rules\"\nrules = \"bundled:careful\"\n\
         [[policies]]\nname = \"hostile\"\ncomponent = {}\ninline = '{{\"decide\":\"trap\"}}'\n{of_one}",
        Value::from(built[0].display().to_string())
    ));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "write it", json!({}));
    assert_eq!(run["status"], status, "{run}");
    let note = run["note"].as_str().expect("whoever launched it is told");
    assert!(note.contains("policy hostile could not decide"), "{note}");
    assert!(!place.project().join("it").exists());
    host.hang_up().well();
}
