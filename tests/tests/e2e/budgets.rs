//! Budgets with several hosts, across the death of one, and in the midst of a real agent's turn.

use pointsman_tests::{Host, MockModel, Place, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::attach::{OPEN, add_client, place, said};

/// Programs that say what they use, in JSON lines, and stay: `burner` uses up as many tokens as its prompt says.
const BURNER: &str = "[programs.burner]\ncommand = \"/bin/sh\"\nargs = [\"-c\", '''\
    read -r tokens; echo \"{\\\"type\\\":\\\"usage_updated\\\",\\\"data\\\":{\\\"input_tokens\\\":$tokens,\\\"output_tokens\\\":0}}\"; \
    exec sleep 1000 ''']\n\
    [backends.burner]\ncomponent = \"bundled:command\"\n\
    grants = [\"process/spawn@1 burner\", \"timer/set@1 *\"]\n\
    config = { program = \"burner\", prompt = \"stdin\", output = \"jsonl\", access = \"read-only\" }\n";

#[test]
fn hosts_over_one_state_promise_no_more_than_there_is() {
    let place = place("[budgets]\nlive_runs = 9\n");
    let mut host = place.host();
    // Four processes over one state, and three threads at each, all at once.
    let prompt = r#"
import threading
lines = [attach()] + [Line([], {}) for _ in range(3)]
for line in lines:
    line.call("list_runs")
begin, got, no = threading.Barrier(len(lines)), [], []
def spawn(number, line):
    begin.wait()
    for at in range(6):
        try:
            got.append(line.spawn("script", "stay", nickname=f"{number}-{at}")["run_id"])
        except Refused as why:
            no.append(str(why))
threads = [threading.Thread(target=spawn, args=it) for it in enumerate(lines)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
own = os.environ["POINTSMAN_RUN_ID"]
say(got=len(got), no=len(no), why=sorted({why.replace(own, "OWN") for why in no}))
"#;
    let run = host.spawn(&place, "client", prompt, json!({}));
    let told = said(&mut host, &run);
    assert_eq!((&told["got"], &told["no"]), (&json!(8), &json!(16)), "the agent's own is the ninth: {told}");
    assert_eq!(told["why"].as_array().unwrap().len(), 1, "{told}");
    let why = told["why"][0].as_str().unwrap();
    assert!(why.contains("live_runs is used up (9), by the account of run OWN"), "{why}");
    host.hang_up().well();
    place.mark().wait_until_gone();
}

/// Waits until a run is over, and gives why it failed.
fn failed(host: &mut Host, run: &Value) -> Value {
    let record = host.finish(run);
    assert_eq!(record["status"], "failed", "{record}");
    record["error"].clone()
}

#[test]
fn what_was_used_outlives_the_host_and_what_was_only_reserved_does_not() {
    let place = place(&format!(
        "{BURNER}[delegation]\norphans = \"keep\"\n[delegation.roles.worker]\nmay_delegate = {{ access = \"full\" }}\n\
         [budgets]\ntokens = 100\n[budgets.roles.reviewer]\ntokens = 60\n"
    ));
    let mut host = place.host();
    // What a person is asked about outlives the host; the others die with it.
    let below = r#"
line = attach()
def burn(tokens):
    return line.finish(line.spawn("burner", str(tokens), role="reviewer"))["error"]["message"]
say(first=burn(65), second=burn(10), third=refused(line.spawn, "script", "say hi"))
"#;
    let prompt = format!(
        r#"
line = attach()
line.spawn("burner", "30", role="reviewer", nickname="burner")
line.spawn("client", {below:?}, access="full", nickname="below")
open("grown", "w").close()
import time
time.sleep(1000)
"#
    );
    let top = host.spawn(&place, "client", &prompt, json!({"nickname": "top"}));
    eventually("a tree", || place.project().join("grown").exists().then_some(()));
    let burner = host.call("get_run", json!({"agent_name": "burner"}));
    host.event(&burner, "usage_updated");
    assert_eq!(host.record(&burner)["usage"]["input_tokens"], 30, "known while it works");
    assert!(!host.end_by(Signal::KILL).status.success());
    place.mark().wait_until_gone();

    let mut host = place.host();
    for run in [&top, &burner] {
        assert_eq!(failed(&mut host, run)["reason"], "host_restarted");
    }
    assert_eq!(host.record(&burner)["usage"]["input_tokens"], 30, "what it had used is not lost");
    let question = &place.cli(&["approvals", "list"])[0];
    place.cli(&["approvals", "allow", question["approval_id"].as_str().unwrap()]);
    let below = host.call("get_run", json!({"agent_name": "below"}));
    let record = host.finish(&below);
    // 70 are left, so a reviewer has all of its 60; then 5. A fresh budget, or one of which the dead still held a part,
    // would say something else.
    let runs = host.call("list_runs", json!({}));
    let told: Vec<&str> =
        runs["runs"].as_array().unwrap().iter().filter_map(|run| run["error"]["message"].as_str()).collect();
    let says = |words: &str| assert!(told.iter().any(|told| told.contains(words)), "{words}: {told:?}");
    says("65 tokens of 60 tokens ([budgets.roles.reviewer] tokens)");
    says("10 tokens of 5 tokens");
    // That was the end of the tree, too. Whoever launched it may hear so in the answer to its next launch before it ends.
    let third = record["final_response"].as_str().or(record["error"]["message"].as_str());
    let third = third.unwrap_or_else(|| panic!("{record}"));
    assert!(
        third.contains("tokens is used up (100 tokens)") || third.contains("105 tokens of 100 tokens"),
        "{third}"
    );
    host.hang_up().well();
    place.mark().wait_until_gone();
}

/// A real agent below an agent that waits for it; it has more to do than its tree has tokens for.
fn ends_in_the_midst_of_a_turn(place: &Place, backend: &str) {
    add_client(place);
    let config = std::fs::read_to_string(place.config()).unwrap();
    std::fs::write(place.config(), format!("{config}{OPEN}[budgets]\ntokens = 3500\nsoft = 0.5\n")).unwrap();
    let mut host = place.host();
    let work = json!({"cmds": ["echo 1", "echo 2", "echo 3", "echo 4", "tail -f /dev/null"]});
    let prompt = format!(
        "line = attach()\nline.spawn({backend:?}, {:?}, nickname='real')\nimport time\ntime.sleep(1000)",
        format!("mock:sequence {work}"),
    );
    let top = host.spawn(place, "client", &prompt, json!({}));
    let why = failed(&mut host, &top);
    assert_eq!(why["reason"], "budget_exhausted", "{why}");
    assert!(why["message"].as_str().unwrap().contains("of 3500 tokens ([budgets] tokens)"), "{why}");
    let real = host.call("get_run", json!({"agent_name": "real"}));
    assert_eq!(failed(&mut host, &real)["reason"], "budget_exhausted");
    place.mark().no_agent_left();

    let events = host.events(&real);
    let of_kind = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let told: Vec<u64> = of_kind("usage_updated")
        .iter()
        .map(|event| {
            event["data"]["input_tokens"].as_u64().unwrap() + event["data"]["output_tokens"].as_u64().unwrap()
        })
        .collect();
    assert!(told.is_sorted() && told.len() >= 3, "after each call of the model: {told:?}");
    assert!(
        told.last().is_some_and(|last| (3500..7000).contains(last)),
        "one call too many at most: {told:?}"
    );
    let done = of_kind("command_finished").len() + of_kind("tool_finished").len();
    assert!((2..=5).contains(&done), "in the midst of its turn: {events:#?}");
    let record = host.record(&real);
    let used = record["usage"]["input_tokens"].as_u64().unwrap()
        + record["usage"]["output_tokens"].as_u64().unwrap();
    assert_eq!(Some(&used), told.last(), "what was told is what it used: {record}");
    let warned = host.events(&top);
    assert!(warned.iter().any(|event| event["type"] == "budget_warning"), "{warned:#?}");
    host.hang_up().well();
    place.mark().wait_until_gone();
}

#[test]
fn a_real_codex_is_ended_in_the_midst_of_a_turn_that_costs_too_much() {
    let model = MockModel::start();
    ends_in_the_midst_of_a_turn(&Place::with_codex(&model), "codex");
}

#[test]
fn a_real_claude_code_is_ended_in_the_midst_of_a_turn_that_costs_too_much() {
    let model = MockModel::start();
    ends_in_the_midst_of_a_turn(&Place::with_claude(&model, ""), "claude_code");
}

#[test]
fn money_and_time_warn_first_and_each_role_has_its_own_line() {
    let place = place(&format!(
        "{}[budgets]\nsoft = 0.5\n[budgets.roles.reviewer]\nwall_time = \"2s\"\ncost_usd = 0.5\n",
        BURNER.replace(
            "\\\"input_tokens\\\":$tokens,\\\"output_tokens\\\":0",
            "\\\"cost_micro_usd\\\":$tokens"
        )
    ));
    let mut host = place.host();
    for (tokens, limit, line) in [
        ("500000", "cost", "0.500000 USD of 0.500000 USD ([budgets.roles.reviewer] cost_usd)"),
        ("300000", "wall_time", "2 s of 2 s ([budgets.roles.reviewer] wall_time)"),
    ] {
        let run = host.spawn(&place, "burner", tokens, json!({"role": "reviewer", "access": "read-only"}));
        let why = failed(&mut host, &run);
        assert_eq!(why["reason"], "budget_exhausted", "{why}");
        assert!(why["message"].as_str().unwrap().contains(line), "{limit}: {why}");
        let events = host.events(&run);
        let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
        let warned: Vec<&Value> = events
            .iter()
            .filter(|event| event["type"] == "budget_warning")
            .map(|event| &event["data"]["limit"])
            .collect();
        match limit {
            // All at once leaves nothing to warn of.
            "cost" => assert!(warned.is_empty(), "{kinds:?}"),
            _ => assert_eq!(warned, ["cost", "wall_time"], "{kinds:?}"),
        }
        assert_eq!(kinds.last(), Some(&"run_failed"));
    }
    host.hang_up().well();
    place.mark().wait_until_gone();
}
