//! Several clients at one host: people's, which share its runs, and its agents', which see their own.

use std::fs;
use std::path::Path;

use pointsman_tests::{Host, Place, eventually, program};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Everything is allowed, as deep as anybody likes; only full access is asked about.
pub(crate) const OPEN: &str = "[[policies]]\nname = \"open\"\ncomponent = \"bundled:rules\"\ninline = '''\n\
    [[rule]]\nid = \"open\"\nwhen = 'true'\nthen = \"allow\"\n\
    [[rule]]\nid = \"full\"\nwhen = 'action == \"spawn\" && access == \"full\"'\nthen = \"ask\"\nreason = \"far\"\n'''\n";

/// A place with the backend `client`: `tests/agent/client.py`, an agent that is a client itself.
pub(crate) fn place(more: &str) -> Place {
    let place = Place::with(&format!("{OPEN}{more}"));
    add_client(&place);
    place
}

/// Adds the backend `client` to a place.
pub(crate) fn add_client(place: &Place) {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("agent/client.py");
    let text = |path: &Path| Value::from(path.to_string_lossy()).to_string();
    let config = fs::read_to_string(place.config()).unwrap();
    let client = format!(
        "[programs.client]\ncommand = \"python3\"\nargs = [{agent}]\n\
         set_env = {{ POINTSMAN_TEST_AGENT = {mark}, POINTSMAN_PROGRAM = {program}, POINTSMAN_CONFIG = {config} }}\n\
         [backends.client]\ncomponent = \"bundled:command\"\n\
         grants = [\"process/spawn@1 client\", \"timer/set@1 *\"]\n\
         config = {{ program = \"client\", access = \"workspace-write\" }}\n",
        agent = text(&agent),
        mark = Value::from(place.root().to_string_lossy()),
        program = text(&program()),
        config = text(&place.config()),
    );
    fs::write(place.config(), format!("{config}{client}")).unwrap();
}

/// What an agent of the backend `client` said at its end.
pub(crate) fn said(host: &mut Host, run: &Value) -> Value {
    let record = host.finish(run);
    assert_eq!(record["status"], "completed", "{record}");
    serde_json::from_str(record["final_response"].as_str().unwrap()).unwrap()
}

#[test]
fn clients_share_one_host_and_leave_it_running() {
    let place = place("");
    let shared = place.serving(&["--socket-only"]);
    let (mut one, mut other) = (place.attached(), place.attached());
    let run = one.spawn(&place, "script", "stay", json!({}));
    other.event(&run, "agent_message");
    // Not only read, as between hosts, but ended: it is the same host.
    assert_eq!(other.call("cancel_run", json!({"run_id": run["run_id"]}))["status"], "cancelled");
    assert_eq!(one.record(&run)["status"], "cancelled");

    let stays = one.spawn(&place, "script", "stay", json!({}));
    one.event(&stays, "agent_message");
    one.hang_up().in_time();
    assert_eq!(other.record(&stays)["status"], "running", "a client that leaves ends nothing");
    // An approval is everybody's, too.
    let asked = other.spawn(&place, "script", "say hi", json!({"access": "full"}));
    let listed = place.cli(&["approvals", "list"]);
    place.cli(&["approvals", "allow", listed[0]["approval_id"].as_str().unwrap()]);
    assert_eq!(other.finish(&asked)["status"], "completed");

    shared.end_by(Signal::TERM).in_time();
    let ended = other.ended();
    assert_eq!(ended.status.code(), Some(1), "its host is gone");
    place.mark().wait_until_gone();
}

#[test]
fn what_is_large_comes_through_both_ways() {
    let place = place("");
    let shared = place.serving(&["--socket-only"]);
    let mut client = place.attached();
    let long = "x".repeat(4 << 20);
    let run = client.spawn(&place, "script", &format!("say {long}"), json!({}));
    let record = client.finish(&run);
    assert_eq!(record["status"], "completed", "{}", record["error"]);
    let events = client.events(&run);
    let mut said = 0;
    for told in events.iter().filter(|event| event["type"] == "agent_message") {
        said += match told["data"]["artifact_refs"].get("/text") {
            Some(_) => client.artifact(told, "/text").trim_end().len(),
            None => told["data"]["text"].as_str().unwrap().trim_end().len(),
        };
    }
    assert_eq!(said, long.len());
    client.hang_up().well();
    shared.end_by(Signal::TERM).well();
}

#[test]
fn without_a_host_it_says_what_to_do_or_is_one() {
    let place = place("");
    let alone = place.pointsman().args(["serve", "--attach"]).output().unwrap();
    assert_eq!(alone.status.code(), Some(4));
    let message = String::from_utf8_lossy(&alone.stderr).into_owned();
    assert!(message.contains("no host runs") && message.contains("--socket-only"), "{message}");
    assert!(alone.stdout.is_empty());

    let mut own = place.serving(&["--attach=auto"]);
    own.initialize("first");
    let mut second = place.serving(&["--attach=auto"]);
    second.initialize("second");
    let run = second.spawn(&place, "script", "stay", json!({}));
    own.event(&run, "agent_message");
    assert_eq!(own.call("cancel_run", json!({"run_id": run["run_id"]}))["status"], "cancelled");
    // The first is the host, and ends with its own client.
    own.hang_up().in_time();
    assert_eq!(second.ended().status.code(), Some(1));
}

#[test]
fn a_host_that_is_to_stay_ends_with_its_last_client() {
    let place = place("");
    let mut host = place.serving(&["--stay"]);
    host.initialize("first");
    let mut client = place.attached();
    let run = client.spawn(&place, "script", "stay", json!({}));
    client.event(&run, "agent_message");
    let pid = host.pid();
    host.close();
    assert_eq!(client.record(&run)["status"], "running");
    client.hang_up().well();
    eventually("the end of the host", || {
        (!Path::new(&format!("/proc/{pid}")).exists() || host.gone()).then_some(())
    });
    place.mark().wait_until_gone();
}

#[test]
fn an_agent_launches_agents_of_its_own_in_the_same_host() {
    let place = place("[delegation.roles.worker]\nmay_delegate = { access = \"full\" }\n");
    let mut host = place.host();
    let prompt = r#"
line = attach()
run = line.spawn("script", "say hello from below", nickname="below")
done = line.finish(run)
asked = line.spawn("script", "say hi", access="full")
import time
while not os.path.exists("seen"):
    time.sleep(0.05)
say(status=done["status"], answer=done["final_response"], asked=asked["status"])
"#;
    let run = host.spawn(&place, "client", prompt, json!({"nickname": "above"}));
    host.event(&run, "run_started");
    let question = eventually("the grandchild's question", || {
        place.cli(&["approvals", "list"]).as_array().and_then(|all| all.first()).cloned()
    });
    let shown = place.cli(&["approvals", "show", question["approval_id"].as_str().unwrap()]);
    fs::write(place.project().join("seen"), "").unwrap();
    let chain = &shown["chain"];
    assert_eq!(chain[0]["depth"], 0, "{shown}");
    assert_eq!((&chain[1]["name"], &chain[1]["depth"]), (&json!("above"), &json!(1)));
    assert_eq!(chain[1]["run_id"], run["run_id"]);
    let told = said(&mut host, &run);
    assert_eq!(
        told,
        json!({"status": "completed", "answer": "hello from below", "asked": "approval_required"})
    );
    // Its parent is over, so nobody asks any more.
    eventually("the end of its question", || {
        let settled = place.cli(&["approvals", "show", question["approval_id"].as_str().unwrap()]);
        (settled["state"] == "withdrawn").then_some(())
    });
    host.hang_up().well();
    place.mark().wait_until_gone();
}

#[test]
fn an_agent_sees_and_touches_its_own_runs_alone() {
    let place = place("");
    let mut host = place.host();
    let other = host.spawn(&place, "script", "stay", json!({"nickname": "other"}));
    host.event(&other, "agent_message");
    let prompt = format!(
        r#"
line, other = attach(), "{other}"
mine = line.spawn("script", "stay", nickname="mine")
own = os.environ["POINTSMAN_RUN_ID"]
message = {{"role": "user", "parts": [{{"type": "text", "text": "hi"}}]}}
say(
    seen=sorted(run["run_id"] for run in line.call("list_runs")["runs"]) == sorted([own, mine["run_id"]]),
    get=refused(line.call, "get_run", run_id=other),
    poll=refused(line.call, "poll_events", run_id=other, after_seq=0),
    artifact=refused(line.call, "get_event_artifact", run_id=other, seq=1, field_path="/text"),
    wait=refused(line.call, "wait_for_runs", run_ids=[other]),
    cancel=refused(line.call, "cancel_run", run_id=other),
    go_on=refused(line.call, "continue_run", run_id=other, input_message=message),
    resume=refused(line.spawn, "script", "x", session_mode="resume", session_id="{session}"),
    myself=refused(line.call, "cancel_run", run_id=own),
    answer=refused(line.call, "continue_run", run_id=own, input_message=message),
    agents=sorted(agent["agent_name"] for agent in line.call("list_agents")["agents"]),
    inbox=refused(line.call, "fetch_agent_messages", agent_name="other"),
    forged=refused(line.call, "send_agent_message", to_agent_name="mine", from_agent_name="other", message=message),
    sent=line.call("send_agent_message", to_agent_name="other", message=message)["seq"],
    cancelled=line.call("cancel_run", run_id=mine["run_id"])["status"],
)
"#,
        other = other["run_id"].as_str().unwrap(),
        session = other["session_id"].as_str().unwrap(),
    );
    let run = host.spawn(&place, "client", &prompt, json!({"nickname": "agent"}));
    let told = said(&mut host, &run);
    assert_eq!(told["seen"], true, "{told}");
    for what in ["get", "poll", "artifact", "wait", "cancel", "go_on", "resume"] {
        assert!(told[what].as_str().unwrap().contains("none of yours"), "{what}: {told}");
    }
    for what in ["myself", "answer"] {
        assert!(told[what].as_str().unwrap().contains("is your own"), "{what}: {told}");
    }
    assert!(told["inbox"].as_str().unwrap().contains("inbox of other is none of yours"), "{told}");
    assert!(told["forged"].as_str().unwrap().contains("you are agent"), "{told}");
    assert_eq!(
        told["agents"],
        json!(["agent", "mine", "other"]),
        "those of the same folder are known by name"
    );
    assert_eq!((&told["sent"], &told["cancelled"]), (&json!(1), &json!("cancelled")));
    let mail = host.call("fetch_agent_messages", json!({"agent_name": "other"}));
    assert_eq!(mail["messages"][0]["from_agent_name"], "agent", "{mail}");
    assert_eq!(host.record(&other)["status"], "running");
    host.hang_up().well();
}

#[test]
fn no_variable_and_no_token_makes_an_agent_more_than_it_is() {
    let place = place("");
    let mut host = place.host();
    let other = host.spawn(
        &place,
        "client",
        "open('token', 'w').write(os.environ['POINTSMAN_RUN_TOKEN'])\nopen('ready', 'w').close()\nsys.stdout.flush()\nimport time\ntime.sleep(1000)",
        json!({}),
    );
    eventually("the other's token", || place.project().join("ready").exists().then_some(()));
    let token = fs::read_to_string(place.project().join("token")).unwrap();
    assert_eq!(token.len(), 64);
    let prompt = format!(
        r#"
def seen(**env):
    line = attach(env=env)
    return sorted(run["run_id"] for run in line.call("list_runs")["runs"])
own, other = os.environ["POINTSMAN_RUN_ID"], "{other}"
say(
    plain=seen() == [own],
    nameless=seen(POINTSMAN_RUN_ID=None, POINTSMAN_RUN_TOKEN=None) == [own],
    renamed=seen(POINTSMAN_RUN_ID=other, POINTSMAN_RUN_TOKEN=None) == [own],
    stolen=refused(seen, POINTSMAN_RUN_TOKEN=open("token").read()),
    invented=refused(seen, POINTSMAN_RUN_TOKEN="{invented}"),
)
"#,
        other = other["run_id"].as_str().unwrap(),
        invented = "a".repeat(64),
    );
    let run = host.spawn(&place, "client", &prompt, json!({}));
    let told = said(&mut host, &run);
    for what in ["plain", "nameless", "renamed"] {
        assert_eq!(told[what], true, "{what}: {told}");
    }
    assert!(told["stolen"].as_str().unwrap().contains("the process belongs to run"), "{told}");
    assert!(told["invented"].as_str().unwrap().contains("no live run"), "{told}");

    // With the token alone, as where no process can be looked at, a client is that run's agent; dead tokens are nobody's.
    let with_token = |token: &str| place.serving_with(&["--attach"], &[("POINTSMAN_RUN_TOKEN", token)]);
    let mut agent = with_token(&token);
    agent.initialize("elsewhere");
    assert_eq!(agent.call("list_runs", json!({}))["total"], 1);
    host.call("cancel_run", json!({"run_id": other["run_id"]}));
    assert!(!agent.ended().status.success(), "it ends with its run");
    assert_eq!(with_token(&token).ended().status.code(), Some(1));

    // Nor is it anywhere but in the environment.
    let log = fs::read(place.root().join("host.log")).unwrap_or_default();
    assert!(!contains(&log, &token), "in the log");
    for entry in fs::read_dir(place.state()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        assert!(!contains(&fs::read(entry.path()).unwrap(), &token), "in {:?}", entry.path());
    }
    host.hang_up().well();
}

#[test]
fn a_tree_ends_with_its_top() {
    for (orphans, outlives) in [("cancel", false), ("keep", true)] {
        let place = place(&format!("[delegation]\norphans = \"{orphans}\"\n"));
        let mut host = place.host();
        let below = r#"
attach().spawn("script", "linger", nickname="leaf")
open('grown', 'w').close()
import time
time.sleep(1000)
"#;
        let prompt =
            format!("attach().spawn('client', {below:?}, nickname='middle')\nimport time\ntime.sleep(1000)");
        let top = host.spawn(&place, "client", &prompt, json!({"nickname": "top"}));
        eventually("a tree", || place.project().join("grown").exists().then_some(()));
        let leaf = host.call("get_run", json!({"agent_name": "leaf"}));
        host.event(&leaf, "agent_message");
        host.call("cancel_run", json!({"run_id": top["run_id"]}));
        // Not eventually: the answer says that all of them are gone.
        place.mark().no_agent_left();
        for name in ["top", "middle", "leaf"] {
            let record = host.call("get_run", json!({"agent_name": name}));
            assert_eq!(record["status"], "cancelled", "{record}");
        }

        let left = host.spawn(
            &place,
            "client",
            "run = attach().spawn('script', 'stay', nickname='left')\nsay(run=run['run_id'])",
            json!({}),
        );
        let left = json!({"run_id": said(&mut host, &left)["run"]});
        if outlives {
            host.event(&left, "agent_message");
            assert_eq!(host.record(&left)["status"], "running");
        } else {
            let record = host.finish(&left);
            assert_eq!(record["status"], "cancelled");
            assert!(record["error"]["message"].as_str().unwrap().contains("launched it is over"), "{record}");
        }
        host.hang_up().in_time();
        place.mark().wait_until_gone();
    }
}

#[test]
fn a_run_in_the_foreground_lets_in_its_own_agent_alone() {
    let place = place("");
    let prompt = r#"
line = attach()
done = line.finish(line.spawn("script", "say hello"))
say(answer=done["final_response"])
"#;
    let output =
        place.pointsman().args(["run", "client", prompt, "--cwd"]).arg(place.project()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("hello"));

    let stays = place.cli(&["run", "script", "stay", "--detach", "--cwd", place.project().to_str().unwrap()]);
    let refused = place.pointsman().args(["serve", "--attach"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(4), "that host is there for one run");
    place.cli(&["runs", "cancel", stays["run_id"].as_str().unwrap()]);
    place.mark().wait_until_gone();
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}
