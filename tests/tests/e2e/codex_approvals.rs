//! What the real Codex CLI asks before it acts: to policies, to a person, and back.

use std::fs;

use pointsman_tests::eventually;
use serde_json::{Value, json};

use crate::codex_stage::{ASK, NO_TOUCH, Stage, of_kind};

#[test]
fn a_policys_no_is_heard_with_its_reason() {
    let mut stage = Stage::with(NO_TOUCH);
    // The model repeats what it is told last: of the refusal, and of why.
    let (record, events) = stage.run(r#"mock:shell {"cmd":"touch a","echo":true}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    assert!(!stage.place.project().join("a").exists());
    assert_eq!(of_kind(&events, "command_finished")[0]["data"]["status"], "declined");
    let heard = of_kind(&events, "message_added");
    let heard = heard[0]["data"]["text"].as_str().unwrap();
    assert!(heard.contains("touch a") && heard.contains("write with echo"), "{heard}");
    stage.end();
}

#[test]
fn a_person_is_asked_and_answers_after_a_while() {
    let mut stage = Stage::with(ASK);
    let run = stage.spawn(r#"mock:shell {"cmd":"touch a && echo done"}"#, json!({}));
    let question = stage.question(&run);
    assert_eq!(question["detail"]["title"], "touch a && echo done", "{question}");
    assert!(question["detail"]["detail"]["command"].as_str().unwrap().contains("touch a"));
    assert!(!stage.place.project().join("a").exists(), "it waits");
    assert!(!stage.place.mark().agents().is_empty(), "alive");
    stage.answer(&question, &["allow"]);
    let (record, events) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(of_kind(&events, "command_finished")[0]["data"]["output"], "done\n");
    let item = &of_kind(&events, "command_started")[0]["data"]["item_id"];
    assert_eq!(of_kind(&events, "approval_required")[0]["data"]["item_id"], *item);
    stage.end();
}

#[test]
fn a_persons_no_is_heard_with_its_words() {
    let mut stage = Stage::with(ASK);
    let run = stage.spawn("mock:shellwrite", json!({}));
    let question = stage.question(&run);
    // What the person says is what the model answers next: so it was heard.
    stage.answer(&question, &["deny", "--message", r#"not here; mock:text {"text":"I heard you."}"#]);
    let (record, events) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(record["final_response"], "I heard you.");
    assert_eq!(of_kind(&events, "command_finished")[0]["data"]["status"], "declined");
    assert!(!stage.place.project().join("mock.txt").exists());
    stage.end();
}

#[test]
fn an_edit_is_shown_with_its_diff() {
    let mut stage = Stage::with(ASK);
    let run = stage.spawn(r#"mock:write {"path":"new.txt","content":"made by an agent\n"}"#, json!({}));
    let question = stage.question(&run);
    let change = &question["detail"]["detail"]["changes"][0];
    assert_eq!(question["detail"]["kind"], "edit");
    assert_eq!((&change["kind"], &change["diff"]), (&json!("add"), &json!("made by an agent\n")));
    assert!(change["path"].as_str().unwrap().ends_with("/new.txt"));
    stage.answer(&question, &["allow"]);
    let (record, events) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(of_kind(&events, "file_changed").len(), 1);
    assert_eq!(fs::read_to_string(stage.place.project().join("new.txt")).unwrap(), "made by an agent\n");
    stage.end();
}

#[test]
fn parallel_commands_are_asked_about_one_by_one() {
    let mut stage = Stage::with(ASK);
    let run = stage.spawn(r#"mock:parallel {"cmds":["touch one","touch two"]}"#, json!({}));
    let questions = stage.questions(&run, 2);
    for question in &questions {
        let words: &[&str] = if question["detail"]["title"] == "touch one" {
            &["allow"]
        } else {
            &["deny", "--message", "one is enough"]
        };
        stage.answer(question, words);
    }
    let (record, events) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    let exists = |name: &str| stage.place.project().join(name).exists();
    assert_eq!((exists("one"), exists("two")), (true, false));
    assert_eq!(of_kind(&events, "command_finished").len(), 2);
    stage.end();
}

#[test]
fn a_run_that_is_cancelled_while_a_person_is_asked_allows_nothing() {
    let mut stage = Stage::with(ASK);
    let run = stage.spawn(r#"mock:shell {"cmd":"touch a"}"#, json!({}));
    stage.question(&run);
    stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    stage.place.mark().no_agent_left();
    let (record, _) = stage.finish(&run);
    assert_eq!(record["status"], "cancelled", "{record}");
    assert!(!stage.place.project().join("a").exists());
    assert_eq!(stage.place.cli(&["approvals", "list"]), json!([]));
    stage.end();
}

#[test]
fn what_careful_rules_allow_stays_in_the_sandbox() {
    let mut stage = Stage::set();
    let outside = stage.place.root().join("outside");
    let file = outside.to_str().unwrap();
    // Codex runs a command that was allowed and that its sandbox stopped once more without it, if it can. Where the
    // tests' folder is writable in the sandbox there is nothing to see, so a file of codex's own stands in.
    let home = stage.place.root().join("codex-home/config.toml");
    let prompt = format!(
        r#"mock:shell {{"cmd":"echo run >> runs; echo x > {file}; echo x >> {}","echo":true}}"#,
        home.display()
    );
    let before = fs::read_to_string(&home).unwrap();
    let (record, events) = stage.run(&prompt, json!({"access": "read-only"}));
    assert_eq!(record["status"], "completed", "{record}");
    assert!(of_kind(&events, "approval_required").is_empty(), "{events:#?}");
    assert_eq!(fs::read_to_string(&home).unwrap(), before);
    assert!(!outside.exists() && !stage.place.project().join("runs").exists());
    stage.end();
}

#[test]
fn a_command_that_wants_out_of_the_sandbox_is_asked_about_even_if_it_does_not_say_so() {
    let mut stage = Stage::set();
    for prompt in [
        r#"mock:shell {"cmd":"touch /var/tmp/pointsman-escaped","escalate":true}"#,
        r#"mock:tool {"name":"exec_command","input":{"cmd":"touch /var/tmp/pointsman-escaped","sandbox_permissions":"require_escalated"}}"#,
    ] {
        let run = stage.spawn(prompt, json!({}));
        let question = stage.question(&run);
        assert_eq!(question["detail"]["detail"]["sandboxed"], false, "{question}");
        stage.answer(&question, &["deny", "--message", "stay inside"]);
        let (record, _) = stage.finish(&run);
        assert_eq!(record["status"], "completed", "{record}");
    }
    assert!(!std::path::Path::new("/var/tmp/pointsman-escaped").exists());
    stage.end();
}

#[test]
fn commands_do_not_see_the_keys_of_their_agent() {
    let mut stage = Stage::set();
    let (_, events) = stage.run(r#"mock:shell {"cmd":"env"}"#, json!({}));
    let seen = of_kind(&events, "command_finished")[0]["data"]["output"].as_str().unwrap().to_owned();
    assert!(seen.contains("PATH=") && !seen.contains("MOCK_MODEL_KEY"), "{seen}");
    stage.end();
}

#[test]
fn a_question_to_the_user_is_answered_by_the_next_message() {
    let mut stage = Stage::with(
        "[backends.codex]\ncomponent = \"bundled:codex\"\ngrants = [\"process/spawn@1 codex\", \"timer/set@1 *\"]\n\
         [backends.codex.config.overrides]\n\"features.default_mode_request_user_input\" = true\n",
    );
    let questions = json!([{ "id": "color", "header": "Color", "question": "Which color?",
        "options": [{ "label": "Red", "description": "Warm" }, { "label": "Blue", "description": "Cold" }] }]);
    let input = json!({ "name": "request_user_input", "input": { "questions": questions }, "echo": true });
    let run = stage.spawn(&format!("mock:tool {input}"), json!({}));
    let asked = stage.host.event(&run, "input_required");
    assert_eq!(asked["data"]["text"], "Which color?\n- Red: Warm\n- Blue: Cold", "{asked}");
    let continued = stage.say(&run, "Blue");
    assert_eq!(continued["mode"], "live", "{continued}");
    let (record, _) = stage.finish(&run);
    assert!(record["final_response"].as_str().unwrap().contains("Blue"), "{record}");
    stage.end();
}

#[test]
fn a_question_that_outlives_nobody_is_gone_with_its_agent() {
    let mut stage = Stage::with(ASK);
    let run = stage.spawn(r#"mock:shell {"cmd":"touch a"}"#, json!({}));
    stage.question(&run);
    kill(&stage, "app-server");
    let (record, _): (Value, _) = stage.finish(&run);
    assert_eq!((&record["status"], &record["error"]["reason"]), (&json!("failed"), &json!("exit_status")));
    eventually("the question is gone", || {
        (stage.place.cli(&["approvals", "list"]) == json!([])).then_some(())
    });
    stage.end();
}

/// Kills a process of the agent's, as the kernel does that has no memory left.
pub(crate) fn kill(stage: &Stage, word: &str) {
    let agents = stage.place.mark().agents();
    let agent = agents.iter().find(|agent| agent.contains(word) && !agent.contains("supervis")).unwrap();
    let number = agent.trim_start_matches("/proc/").split(':').next().unwrap().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(number).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
