//! The official clients, whose person is asked about what waits for one: in both eras, and in every manner of answering.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use pointsman_tests::{Npm, Place, eventually, node_modules, program, python};
use rstest::rstest;
use rustix::process::Signal;
use serde_json::{Value, json};

/// The two clients that speak for a person.
const ASKED: &str = "[approvals.elicitation]\nclients = [\"editor\", \"child\"]\n";

/// Which official client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sdk {
    TypeScript,
    Python,
}
use Sdk::{Python, TypeScript};

/// A program with an official client, as it goes on.
struct Client {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn start(place: &Place, sdk: Sdk, mode: &str, name: &str, manner: &str, args: &[&str]) -> Self {
        let (mut command, script) = match sdk {
            TypeScript => (place.command("node"), "asked.mjs"),
            Python => (place.command(python()), "asked.py"),
        };
        if sdk == TypeScript {
            command.env("NODE_MODULES", node_modules(Npm::MCP_CLIENT));
        }
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script));
        command.args([mode, name, manner]).arg(place.project()).arg(program()).arg("serve").args(args);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn says_any(&mut self) -> Value {
        let line = self.lines.next().expect("it goes on").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Gives the next thing that it says.
    fn says(&mut self, key: &str) -> Value {
        let said = self.says_any();
        assert!(said.get(key).is_some(), "{key} was to come, not {said}");
        said
    }

    /// Waits for its end, and that it says nothing more.
    fn ends(mut self, place: &Place, code: i32) {
        let more: Vec<String> = self.lines.map_while(Result::ok).collect();
        assert_eq!(more, Vec::<String>::new());
        assert_eq!(self.child.wait().unwrap().code(), Some(code));
        place.mark().wait_until_gone();
    }
}

/// Gives the one question of a place as it stands.
fn question(place: &Place) -> Value {
    let all = place.cli(&["approvals", "list", "--all"]);
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

/// Answers the one question, as a person does who has a terminal.
fn allow_by_hand(place: &Place) {
    assert_eq!(question(place)["state"], "pending");
    place.cli(&["approvals", "allow", question(place)["approval_id"].as_str().unwrap()]);
}

/// Who answered, as the audit log has it; and the log holds together.
fn recorded(place: &Place) -> Vec<Value> {
    assert!(place.cli_output(&["audit", "verify"]).status.success());
    let output = place.pointsman().args(["audit", "show", "--json", "--kind", "settled"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["by"].clone()).collect()
}

fn revision(mode: &str) -> &'static str {
    if mode == "legacy" { "2025-11-25" } else { "2026-07-28" }
}

#[rstest]
fn what_a_person_answers_is_done(
    #[values(TypeScript, Python)] sdk: Sdk,
    #[values("legacy", "auto")] mode: &str,
    #[values("allow", "deny", "decline")] manner: &str,
) {
    let place = Place::with(ASKED);
    let mut client = Client::start(&place, sdk, mode, "editor", manner, &[]);
    let asked = client.says("asked");
    let shown = asked["asked"].as_str().unwrap();
    assert!(shown.starts_with("Launch: script\n"), "{shown}");
    for part in ["full: whatever your user may do", "│ say hello", "sha256:", "lapses"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(asked["form"]["required"], json!(["answer"]));
    assert_eq!(asked["form"]["properties"]["answer"]["enum"], json!(["deny", "allow"]));
    let end = client.says("status");
    assert_eq!(end["revision"], revision(mode));
    let settled = question(&place);
    assert_eq!(settled["settled_by"], "mcp:editor", "{settled}");
    assert!(shown.contains(settled["digest"].as_str().unwrap()));
    if manner == "allow" {
        assert_eq!((&end["status"], &settled["state"]), (&json!("completed"), &json!("consumed")));
    } else {
        assert_eq!((&end["status"], &settled["state"]), (&json!("rejected"), &json!("denied")));
        let feedback = if manner == "deny" { json!("not today") } else { Value::Null };
        assert_eq!(settled["feedback"], feedback);
        assert_eq!(end["message"].as_str().unwrap().contains("not today"), manner == "deny", "{end}");
    }
    client.ends(&place, 0);
    assert_eq!(recorded(&place), ["mcp:editor"]);
}

/// What is no answer leaves the question to whoever answers elsewhere, and nobody is asked again.
#[rstest]
fn what_a_person_leaves_open_is_answered_elsewhere(
    #[values(TypeScript, Python)] sdk: Sdk,
    #[values("legacy", "auto")] mode: &str,
    #[values("cancel", "error", "misfit")] manner: &str,
) {
    let place = Place::with(ASKED);
    let mut client = Client::start(&place, sdk, mode, "editor", manner, &[]);
    client.says("asked");
    assert_eq!(client.says("left")["left"], "approval_required");
    allow_by_hand(&place);
    assert_eq!(client.says("status")["status"], "completed");
    client.ends(&place, 0);
    assert!(recorded(&place)[0].as_str().unwrap().starts_with("cli:"));
}

/// A client that cannot show a form, and one that the operator did not name.
#[rstest]
#[case::cannot("editor", "none")]
#[case::may_not("another", "cancel")]
fn whoever_is_not_asked_does_its_work_all_the_same(
    #[values(TypeScript, Python)] sdk: Sdk,
    #[values("legacy", "auto")] mode: &str,
    #[case] name: &str,
    #[case] manner: &str,
) {
    let place = Place::with(ASKED);
    let mut client = Client::start(&place, sdk, mode, name, manner, &[]);
    assert_eq!(client.says("left")["left"], "approval_required");
    allow_by_hand(&place);
    assert_eq!(client.says("status")["status"], "completed");
    client.ends(&place, 0);
}

/// The dialog is open, somebody answers at a terminal, and then the dialog says yes.
#[rstest]
fn an_answer_elsewhere_counts_and_a_late_yes_does_not(#[values("legacy", "auto")] mode: &str) {
    let place = Place::with(ASKED);
    let mut client = Client::start(&place, TypeScript, mode, "editor", "late", &[]);
    client.says("asked");
    let asked = question(&place)["approval_id"].as_str().unwrap().to_owned();
    place.cli(&["approvals", "deny", &asked, "--message", "no"]);
    // Which of the two the client hears of first is open.
    let mut said = [client.says_any(), client.says_any()];
    said.sort_by_key(|said| said.get("status").is_some());
    // Only in the legacy era can a question be taken back from a client.
    assert_eq!(said[0]["taken_back"], mode == "legacy");
    assert_eq!(said[1]["status"], "rejected");
    client.ends(&place, 0);
    let settled = question(&place);
    assert_eq!((&settled["state"], &settled["feedback"]), (&json!("denied"), &json!("no")));
}

#[rstest]
fn a_yes_after_the_time_for_it_does_not_count(#[values("legacy", "auto")] mode: &str) {
    let place = Place::with(&format!("{ASKED}timeout = \"1s\"\n"));
    let mut client = Client::start(&place, TypeScript, mode, "editor", "slow", &[]);
    client.says("asked");
    let mut said = [client.says_any(), client.says_any()];
    said.sort_by_key(|said| said.get("left").is_some());
    assert_eq!(said[0]["taken_back"], mode == "legacy");
    assert_eq!(said[1]["left"], "approval_required");
    allow_by_hand(&place);
    assert_eq!(client.says("status")["status"], "completed");
    client.ends(&place, 0);
}

/// The next host has the question, and whoever is there then answers it.
#[rstest]
fn a_client_that_dies_while_it_asks_leaves_the_question_open(#[values("legacy", "auto")] mode: &str) {
    let place = Place::with(ASKED);
    let mut client = Client::start(&place, TypeScript, mode, "editor", "gone", &[]);
    client.says("asked");
    client.ends(&place, 3);
    let asked = question(&place);
    assert_eq!(asked["state"], "pending");
    let mut host = place.host();
    allow_by_hand(&place);
    let run = json!({"run_id": asked["run_id"]});
    assert_eq!(host.finish(&run)["status"], "completed");
    host.hang_up().well();
}

/// A client that attached is asked as well, about whatever runs in the host that it shares.
#[rstest]
fn a_client_that_attached_is_asked(#[values("legacy", "auto")] mode: &str) {
    let place = Place::with(ASKED);
    let shared = place.serving(&["--socket-only"]);
    let mut other = place.attached();
    let mut client = Client::start(&place, TypeScript, mode, "editor", "allow", &["--attach"]);
    client.says("asked");
    assert_eq!(client.says("status")["status"], "completed");
    assert_eq!(question(&place)["settled_by"], "mcp:editor");
    let run = other.spawn(&place, "script", "say hi", json!({"access": "full"}));
    assert_eq!(other.record(&run)["status"], "approval_required");
    other.hang_up().well();
    drop(client);
    shared.end_by(Signal::TERM).in_time();
}

/// An agent that attaches and calls itself by the right name is not asked, in neither era: whoever asks cannot answer.
#[test]
fn an_agent_is_never_asked_whatever_it_calls_itself() {
    let far = "[delegation.roles.worker]\nmay_delegate = { access = \"full\" }\n";
    let place = super::attach::place(&format!("{ASKED}{far}"));
    let mut host = place.host();
    let prompt = r#"
line = attach()
line.capabilities = {"elicitation": {"form": {}}}
run = line.spawn("script", "say hi", access="full")
modern = line.request("tools/call", {"name": "wait_for_runs", "arguments": {"run_ids": [run["run_id"]]}})

old = attach()
def send(message):
    old.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    old.process.stdin.flush()
hello = {"protocolVersion": "2025-06-18", "capabilities": {"elicitation": {}},
         "clientInfo": {"name": "child", "version": "1"}}
send({"id": 1, "method": "initialize", "params": hello})
welcome = json.loads(old.process.stdout.readline())
send({"method": "notifications/initialized"})
heard = []
for number in range(2, 5):
    wait = {"name": "wait_for_runs", "arguments": {"run_ids": [run["run_id"]], "wait_ms": 300, "mode": "all"}}
    send({"id": number, "method": "tools/call", "params": wait})
    heard.append(json.loads(old.process.stdout.readline()))
print(json.dumps({"modern": modern["result"]["resultType"], "run": run,
                  "heard": [[it.get("id"), it.get("method")] for it in heard]}))
"#;
    let run = host.spawn(&place, "client", prompt, json!({}));
    let said = super::attach::said(&mut host, &run);
    assert_eq!(said["modern"], "complete", "{said}");
    assert_eq!(said["heard"], json!([[2, null], [3, null], [4, null]]), "{said}");
    // It goes with the run that wanted the launch, which is over; nobody has answered it.
    let asked = eventually("the question goes with its run", || {
        Some(question(&place)).filter(|asked| asked["state"] == "withdrawn")
    });
    assert_eq!(asked["run_id"], said["run"]["run_id"], "{asked}");
    assert_eq!(asked.get("settled_by"), None, "{asked}");
    host.hang_up().well();
}
