//! Questions to a person, and who may answer them.

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::client::Client;
use crate::program::{Home, Said};

/// A home with a backend that says back what it is told, and with one whose agent tries to answer for the person.
fn home() -> Home {
    let home = Home::new();
    let program = env!("CARGO_BIN_EXE_pointsman");
    home.configure(&format!(
        "[programs.cat]\ncommand = \"/bin/cat\"\n\
         [backends.echo]\ncomponent = \"bundled:command\"\ngrants = [\"process/spawn@1 cat\", \"timer/set@1 *\"]\n\
         config = {{ program = \"cat\" }}\n\
         [programs.sly]\ncommand = \"/bin/sh\"\nargs = [\"-c\", '''\n\
         question=$(cat)\n\
         setsid {program} approvals allow $question 2>&1 || true\n\
         ''']\n\
         [backends.sly]\ncomponent = \"bundled:command\"\ngrants = [\"process/spawn@1 sly\", \"timer/set@1 *\"]\n\
         config = {{ program = \"sly\", access = \"workspace-write\" }}\n"
    ));
    std::fs::create_dir_all(home.path().join("work/.git")).unwrap();
    std::fs::write(home.path().join("work/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
    home
}

/// Launches a run with full access, which the careful rules ask about; gives the run and the question.
fn asked(client: &mut Client, home: &Home) -> (String, String) {
    let run = spawn(client, home, "echo", "full", "the answer");
    assert_eq!(run["status"], "approval_required", "{run}");
    let id = run["run_id"].as_str().unwrap().to_owned();
    let record = client.call("get_run", json!({ "run_id": id }));
    (id, record["waiting_for"]["approval_id"].as_str().unwrap().to_owned())
}

fn spawn(client: &mut Client, home: &Home, backend: &str, access: &str, prompt: &str) -> Value {
    client.call(
        "spawn_run",
        json!({
            "backend": backend,
            "role": "worker",
            "cwd": home.path().join("work"),
            "session_mode": "new",
            "access": access,
            "prompt": prompt,
        }),
    )
}

/// Waits for a run's end.
fn ended(client: &mut Client, run: &str) -> Value {
    loop {
        let arguments = json!({ "run_ids": [run], "wait_ms": 10_000 });
        if client.call("wait_for_runs", arguments)["still_running"] == 0 {
            return client.call("get_run", json!({ "run_id": run }));
        }
    }
}

fn state(home: &Home, question: &str) -> Value {
    let it = home.run(&["approvals", "show", question, "--json"]);
    serde_json::from_str(&it.out).unwrap_or_else(|error| panic!("{error}: {it:?}"))
}

#[test]
fn a_person_allows_from_another_terminal_and_the_run_goes_on() {
    let home = home();
    let mut client = Client::start(&home, "serve");
    let (run, question) = asked(&mut client, &home);
    let it = home.run(&["runs", "result", &run]);
    assert_eq!(it.exit, Some(7), "{it:?}");
    let it = home.run(&["approvals", "allow", &question]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    assert_eq!(ended(&mut client, &run)["final_response"], "the answer");
    assert_eq!(state(&home, &question)["state"], "consumed");
    let it = home.run(&["runs", "result", &run]);
    assert_eq!((it.exit, it.out.as_str()), (Some(0), "the answer\n"));
    let Said { exit, err, .. } = home.run(&["approvals", "deny", &question]);
    assert_eq!(exit, Some(1));
    assert!(err.contains("is already consumed"), "{err}");
}

#[test]
fn a_person_denies_and_says_why() {
    let home = home();
    let mut client = Client::start(&home, "serve");
    let (run, question) = asked(&mut client, &home);
    let it = home.run(&["approvals", "deny", &question[..8], "-m", "not today"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    assert_eq!(ended(&mut client, &run)["status"], "rejected");
    assert_eq!(state(&home, &question)["feedback"], "not today");
    assert_eq!(home.run(&["runs", "result", &run]).exit, Some(5));
}

/// Invariant 8: an approval survives a restart.
#[test]
fn what_a_person_said_while_no_host_lived_holds_for_the_next() {
    let home = home();
    let mut client = Client::start(&home, "serve");
    let (run, question) = asked(&mut client, &home);
    kill_process(client.pid(), Signal::KILL).unwrap();
    client.wait();
    assert_eq!(state(&home, &question)["state"], "pending");
    let it = home.run(&["approvals", "allow", &question]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    assert!(it.out.contains("the next host goes by it"), "{it:?}");
    assert_eq!(state(&home, &question)["state"], "approved", "nothing was launched yet");
    let mut client = Client::start(&home, "serve");
    assert_eq!(ended(&mut client, &run)["final_response"], "the answer");
}

/// A person takes back what they allowed: while no host lives, and while one does.
#[test]
fn what_a_person_takes_back_is_asked_anew() {
    let home = home();
    let mut client = Client::start(&home, "serve");
    let (run, question) = asked(&mut client, &home);
    let it = home.run(&["approvals", "revoke", &question]);
    assert_eq!(it.exit, Some(1), "{it:?}");
    assert!(it.err.contains("nobody has allowed it yet; deny it instead"), "{it:?}");
    kill_process(client.pid(), Signal::KILL).unwrap();
    client.wait();
    assert_eq!(home.run(&["approvals", "allow", &question]).exit, Some(0));
    let it = home.run(&["approvals", "list", "--approved"]);
    assert!(it.out.contains(&question[..8]) && it.out.contains("approvals revoke"), "{it:?}");
    let it = home.run(&["approvals", "revoke", &question[..8]]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    assert!(it.out.contains("revoked") && it.out.contains("asked anew"), "{it:?}");
    let revoked = state(&home, &question);
    assert_eq!(revoked["state"], "revoked");
    assert!(revoked["revoked"]["by"].as_str().unwrap().starts_with("cli:"), "{revoked}");
    assert!(home.run(&["approvals", "list", "--approved"]).out.contains("Nothing that was allowed"));

    let mut client = Client::start(&home, "serve");
    let waiting = |client: &mut Client| {
        crate::running::eventually("the question anew", || {
            let record = client.call("get_run", json!({ "run_id": run }));
            Some(record["waiting_for"]["approval_id"].as_str()?.to_owned())
        })
    };
    let anew = waiting(&mut client);
    assert_ne!(anew, question);
    assert_eq!(home.run(&["approvals", "allow", &anew]).exit, Some(0));
    assert_eq!(ended(&mut client, &run)["final_response"], "the answer");
    let it = home.run(&["approvals", "revoke", &anew]);
    assert_eq!(it.exit, Some(1), "{it:?}");
    assert!(it.err.contains("it was used") && it.err.contains("runs cancel"), "{it:?}");
    let log = home.run(&["audit", "show", "--kind", "settled", "--json"]);
    assert!(log.out.contains(r#""state":"revoked""#), "{log:?}");
}

/// Invariant 8: whoever asks cannot answer.
#[cfg(target_os = "linux")]
#[test]
fn an_agent_cannot_answer_even_from_a_session_of_its_own() {
    let home = home();
    let mut client = Client::start(&home, "serve");
    let (_, question) = asked(&mut client, &home);
    let sly = spawn(&mut client, &home, "sly", "workspace-write", &question);
    let sly = ended(&mut client, sly["run_id"].as_str().unwrap());
    let said = sly["final_response"].as_str().unwrap_or_default();
    assert!(said.contains("whoever asks cannot answer"), "{sly}");
    assert_eq!(state(&home, &question)["state"], "pending");
}

#[test]
fn a_run_is_cancelled_from_another_terminal() {
    let home = home();
    let mut client = Client::start(&home, "serve");
    let (run, question) = asked(&mut client, &home);
    let it = home.run(&["runs", "cancel", &run[..8], "--reason", "no longer needed"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    assert_eq!(ended(&mut client, &run)["status"], "cancelled");
    assert_eq!(state(&home, &question)["state"], "withdrawn");
    assert_eq!(home.run(&["runs", "result", &run]).exit, Some(6));
}

/// Spawns the same run twice: what is asked is the same but for the names that they get.
#[test]
fn one_answer_for_all_that_is_alike() {
    let home = home();
    let mut client = Client::start(&home, "serve");
    let (first, question) = asked(&mut client, &home);
    let (second, other) = asked(&mut client, &home);
    let third = spawn(&mut client, &home, "echo", "full", "something else");
    let it = home.run(&["approvals", "list"]);
    assert_eq!(it.out.matches("(x2)").count(), 1, "{it:?}");
    assert!(it.out.contains("--alike"), "{it:?}");
    let it = home.run(&["--json", "approvals", "allow", &question, "--alike"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    let answered: Value = serde_json::from_str(&it.out).unwrap();
    let ids: Vec<_> =
        answered.as_array().unwrap().iter().map(|it| it["approval_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [question.as_str(), other.as_str()]);
    for (run, question) in [(&first, &question), (&second, &other)] {
        assert_eq!(ended(&mut client, run)["final_response"], "the answer");
        let spent = state(&home, question);
        assert_eq!(
            (&spent["state"], &spent["uses"], &spent["run_id"]),
            (&json!("consumed"), &json!(1), &json!(run))
        );
    }
    let record = client.call("get_run", json!({ "run_id": third["run_id"] }));
    assert_eq!(record["status"], "approval_required", "{record}");
    let it = home.run(&[
        "approvals",
        "allow",
        record["waiting_for"]["approval_id"].as_str().unwrap(),
        "--scope",
        "run",
    ]);
    assert_eq!(it.exit, Some(1), "{it:?}");
    assert!(it.err.contains("one use at the widest"), "{it:?}");
}
