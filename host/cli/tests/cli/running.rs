//! `pointsman run`, in pipes: what comes out where, and what the exit status says.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::program::{Home, Said};

/// Makes the configuration of an agent that is a script.
pub(crate) fn agent(name: &str, script: &str, config: &str) -> String {
    format!(
        "[programs.{name}]\ncommand = \"/bin/sh\"\nargs = [\"-c\", '''{script}''']\n\
         [backends.{name}]\ncomponent = \"bundled:command\"\n\
         grants = [\"process/spawn@1 {name}\", \"timer/set@1 *\"]\n\
         config = {{ program = \"{name}\", access = \"workspace-write\"{config} }}\n"
    )
}

/// Makes a home that is a repository and has some agents.
pub(crate) fn home_of(agents: &[String]) -> Home {
    let home = Home::new();
    home.configure(&agents.concat());
    std::fs::create_dir_all(home.path().join(".git")).unwrap();
    std::fs::write(home.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    home
}

/// A home with agents: one that says back what it is told, one that fails, one that stays, one that tells events.
pub(crate) fn home() -> Home {
    let events = r#"cat >/dev/null
printf '%s\n' '{"type":"command_started","item_id":"1","data":{"command":"make \u001b[2J"}}'
printf '%s\n' '{"type":"command_finished","item_id":"1","data":{"command":"make \u001b[2J","exit_code":2,"output":"no rule"}}'
printf '%s\n' '{"type":"file_changed","data":{"changes":[{"path":"a.txt","kind":"add"}]}}'
printf '%s\n' '{"type":"agent_message","data":{"text":"\u001b]0;fooled\u0007done"}}'"#;
    let task = r#"printf '{"type":"result","text":"ok","structured_output":%s}\n' "$(cat)""#;
    home_of(&[
        agent("echo", "cat", ""),
        agent("broken", "cat >/dev/null; echo it broke >&2; exit 3", ""),
        agent("stay", "cat >/dev/null; echo staying; exec sleep 1000", ""),
        agent("events", events, ", output = \"jsonl\""),
        agent("json", task, ", prompt = \"json\", output = \"jsonl\""),
        agent(
            "builder",
            include_str!("../../../../plugins/command/examples/ask.sh"),
            ", prompt = \"none\", output = \"jsonl\", interactive = true",
        ),
    ])
}

/// Runs with something on standard input.
fn piped(home: &Home, args: &[&str], input: &str) -> Said {
    let mut command = home.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    home.said(child.wait_with_output().unwrap())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_answer_alone_goes_to_standard_output() {
    let home = home();
    let it = home.run(&["run", "echo", "hello"]);
    assert_eq!((it.exit, it.out.as_str(), it.err.as_str()), (Some(0), "hello\n", ""));
    let it = piped(&home, &["run", "echo", "sum up"], "line one\nline two\n");
    assert_eq!(it.out, "sum up\n\nline one\nline two\n", "what is piped is a second part");
    let it = piped(&home, &["run", "echo"], "all of it");
    assert_eq!(it.out, "all of it\n");
    let it = piped(&home, &["run", "echo", "--input-file", "-"], "dash");
    assert_eq!(it.out, "dash\n");
}

#[test]
fn an_answer_that_is_piped_is_left_as_it_is() {
    let it = home().run(&["run", "events", "x"]);
    assert_eq!((it.exit, it.out.as_str()), (Some(0), "\u{1b}]0;fooled\u{7}done\n"), "{it:?}");
    assert_eq!(it.err, "", "nothing is told where nobody looks");
}

#[test]
fn what_happens_is_told_on_standard_error_when_asked_for() {
    let it = home().run(&["run", "events", "x", "--follow"]);
    assert!(!it.err.contains('\u{1b}') && !it.err.contains('\u{7}'), "{}", it.err);
    let lines: Vec<_> = it.err.lines().skip(1).collect();
    let [begun, ended, output, file] = lines[..] else { panic!("{lines:?}") };
    assert_eq!(begun, "→ $ make \\x1b[2J");
    assert!(ended.starts_with("✗ $ make \\x1b[2J  (exit 2, "), "{ended}");
    assert_eq!((output, file), ("    no rule", "+ a.txt"));
}

#[test]
fn json_is_the_record_and_jsonl_is_every_event_before_it() {
    let home = home();
    let it = home.run(&["run", "echo", "hi", "--output", "json", "--metadata", "ticket=7"]);
    let record = json(&it.out);
    assert_eq!(record["status"], "completed");
    assert_eq!((&record["final_response"], &record["metadata"]), (&json!("hi"), &json!({ "ticket": "7" })));
    assert_eq!(json(&home.run(&["--json", "run", "echo", "hi"]).out)["final_response"], "hi");

    let it = home.run(&["run", "events", "x", "-o", "jsonl"]);
    let lines: Vec<_> = it.out.lines().map(json).collect();
    let (record, events) = lines.split_last().unwrap();
    for (seq, event) in (1..).zip(events) {
        assert_eq!(event["seq"], seq, "none is missing");
    }
    assert_eq!(events.last().unwrap()["type"], "run_completed");
    assert_eq!((&record["status"], &record["last_seq"]), (&json!("completed"), &json!(events.len())));
}

#[rstest]
#[case::failed(&["run", "broken", "x"], 5, "it broke")]
#[case::no_such_backend(&["run", "nobody", "x"], 2, "Unknown backend: nobody")]
#[case::nothing_to_do(&["run", "echo"], 2, "there is nothing to do")]
#[case::no_directory(&["run", "echo", "x", "--cwd", "/nowhere/at/all"], 2, "/nowhere/at/all")]
#[case::no_schema(&["run", "echo", "x", "--schema", "nowhere.json"], 2, "nowhere.json")]
#[case::not_for_callers(&["run", "echo", "x", "--backend-config", "program=sh"], 2, "not for callers")]
#[case::no_such_session(&["run", "echo", "x", "--resume", "nobody"], 4, "nobody")]
#[case::nobody_there(&["run", "echo", "x", "--access", "full", "--unattended"], 7, "nobody was there")]
fn the_exit_status_says_how_it_went(#[case] args: &[&str], #[case] exit: i32, #[case] said: &str) {
    let it = home().run(args);
    assert_eq!((it.exit, it.out.as_str()), (Some(exit), ""), "{it:?}");
    assert!(it.err.contains(said), "{it:?}");
}

#[test]
fn the_whole_request_reaches_the_agent() {
    let home = home();
    std::fs::write(home.path().join("schema.json"), r#"{"type": "object", "required": ["prompt"]}"#).unwrap();
    std::fs::write(home.path().join("strict.md"), "be strict").unwrap();
    let it = home.run(&[
        "run",
        "json",
        "do it",
        "--schema",
        "schema.json",
        "--profile",
        "./strict.md",
        "--role",
        "reviewer",
        "--name",
        "ada",
        "--access",
        "workspace-write",
        "-o",
        "json",
    ]);
    let record = json(&it.out);
    let task = &record["structured_output"];
    assert_eq!((&task["prompt"], &task["agent_name"]), (&json!("do it"), &json!("ada")));
    assert_eq!(task["role"], "reviewer", "{it:?}");
    assert!(task["instructions"].as_str().unwrap().contains("be strict"), "{task}");
    assert_eq!(task["output_schema"]["required"], json!(["prompt"]));
}

/// Without a terminal nobody can be asked here, but somebody may be elsewhere.
#[test]
fn a_question_in_a_pipe_is_answered_from_another_terminal() {
    let home = home();
    let mut command = home.command(&["run", "echo", "go", "--access", "full"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let question = pending(&home);
    assert_eq!(home.run(&["approvals", "allow", &question]).exit, Some(0));
    let it = home.said(child.wait_with_output().unwrap());
    assert_eq!((it.exit, it.out.as_str()), (Some(0), "go\n"), "{it:?}");
    assert!(it.err.contains(&format!("pointsman approvals allow {question}")), "{it:?}");
}

#[test]
fn an_interrupt_ends_the_run_and_whatever_lives_of_it() {
    let home = home();
    let mut command = home.command(&["run", "stay", "x"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let run = eventually("the agent's word", || {
        let runs = json(&home.run(&["--json", "runs", "list"]).out);
        let run = &runs["runs"][0];
        (run["summary"] == "staying").then(|| run["run_id"].as_str().unwrap().to_owned())
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let it = home.said(child.wait_with_output().unwrap());
    assert_eq!((it.exit, it.out.as_str()), (Some(6), ""), "{it:?}");
    assert_eq!(home.run(&["runs", "result", &run]).exit, Some(6));
}

#[test]
fn a_detached_run_has_a_host_of_its_own_for_as_long_as_it_takes() {
    let home = home();
    let it = home.run(&["run", "stay", "x", "--detach"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    let run = it.out.trim();
    assert!(it.err.contains(&format!("pointsman runs result {run}")), "{it:?}");
    let cancelled = home.run(&["runs", "cancel", run]);
    assert_eq!(cancelled.exit, Some(0), "its host is reached like any other: {cancelled:?}");
    assert_eq!(home.run(&["runs", "result", run]).exit, Some(6));
    eventually("the end of its host", || {
        let hosts = std::fs::read_dir(home.path().join(".local/state/pointsman/hosts")).unwrap().flatten();
        let sockets = hosts.filter(|entry| entry.path().extension().is_some_and(|it| it == "sock")).count();
        (sockets == 0).then_some(())
    });

    let it = home.run(&["run", "echo", "later", "--detach", "-o", "json"]);
    let run = json(&it.out)["run_id"].as_str().unwrap().to_owned();
    home.run(&["runs", "events", "--follow", &run]);
    assert_eq!(home.run(&["runs", "result", &run]).out, "later\n");

    let it = home.run(&["run", "nobody", "x", "--detach"]);
    assert_eq!(it.exit, Some(2), "{it:?}");
    assert!(it.err.contains("Unknown backend: nobody"), "{it:?}");
}

/// Waits for a question and gives its id.
pub(crate) fn pending(home: &Home) -> String {
    eventually("a question", || {
        let asked = json(&home.run(&["--json", "approvals", "list"]).out);
        Some(asked[0]["approval_id"].as_str()?.to_owned())
    })
}

pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what} has not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
