//! Programs that ask, through the whole host: the examples of the backend `command`.

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_tests::{Host, Place, eventually};
use serde_json::{Value, json};

/// What the rules say of the program's command.
const ALLOW: &str = "then = \"allow\"";
const DENY: &str = "then = \"deny\"\nreason = \"nothing is built on a Friday\"";
const ASK: &str = "then = \"ask\"\nreason = \"somebody should look at this\"";

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/command/examples").join(name)
}

/// A place with the backends `builder` (sh) and `greeter` (Python), and rules that judge their commands so.
fn place(then: &str) -> Place {
    let place = Place::new();
    let more = format!(
        "[programs.builder]\ncommand = \"/bin/sh\"\nargs = [{sh}]\nset_env = {{ POINTSMAN_TEST_AGENT = {mark} }}\n\
         [programs.greeter]\ncommand = \"python3\"\nargs = [{py}]\nset_env = {{ POINTSMAN_TEST_AGENT = {mark} }}\n\
         [backends.builder]\ncomponent = \"bundled:command\"\n\
         grants = [\"process/spawn@1 builder\", \"timer/set@1 *\"]\n\
         config = {{ program = \"builder\", prompt = \"none\", output = \"jsonl\", interactive = true, access = \"workspace-write\" }}\n\
         [backends.greeter]\ncomponent = \"bundled:command\"\n\
         grants = [\"process/spawn@1 greeter\", \"timer/set@1 *\"]\n\
         config = {{ program = \"greeter\", prompt = \"json\", output = \"jsonl\", interactive = true, access = \"workspace-write\" }}\n\
         [[policies]]\nname = \"house\"\ncomponent = \"bundled:rules\"\ninline = '''\n\
         [[rule]]\nid = \"runs\"\nwhen = 'action != \"permission\"'\nthen = \"allow\"\n\
         [[rule]]\nid = \"commands\"\nwhen = 'action == \"permission\" && request.kind == \"command\"'\n{then}\n'''\n",
        sh = Value::from(example("ask.sh").to_string_lossy()),
        py = Value::from(example("ask.py").to_string_lossy()),
        mark = Value::from(place.root().to_string_lossy()),
    );
    place.configure(&more);
    place
}

fn built(place: &Place) -> bool {
    place.project().join("built").exists()
}

/// Waits until the run waits for a person, and gives the question.
fn question(place: &Place, host: &mut Host, run: &Value) -> Value {
    host.event(run, "approval_required");
    let listed = place.cli(&["approvals", "list"]);
    let of_run = |asked: &&Value| asked["run_id"] == run["run_id"];
    let asked = listed.as_array().and_then(|all| all.iter().find(of_run));
    asked.expect("it is listed").clone()
}

/// Every event that begins something has one that ends it.
fn paired(host: &mut Host, run: &Value) {
    let events = host.events(run);
    let items = |suffix: &str| -> Vec<Value> {
        let of = |event: &&Value| event["type"].as_str().is_some_and(|kind| kind.ends_with(suffix));
        let mut items: Vec<_> = events
            .iter()
            .filter(of)
            .map(|event| event["data"]["item_id"].clone())
            .filter(|id| !id.is_null())
            .collect();
        items.sort_by_key(ToString::to_string);
        items
    };
    assert_eq!(items("_started"), items("_finished"), "{events:#?}");
}

#[test]
fn policy_answers_a_program_at_once() {
    for (then, response, makes) in
        [(ALLOW, "it is built", true), (DENY, "not built: nothing is built on a Friday", false)]
    {
        let place = place(then);
        let mut host = place.host();
        let run = host.spawn(&place, "builder", "build", json!({}));
        let record = host.finish(&run);
        assert_eq!(record["status"], "completed", "{record}");
        assert!(record["final_response"].as_str().unwrap().starts_with(response), "{record}");
        assert_eq!(built(&place), makes);
        paired(&mut host, &run);
        place.mark().no_agent_left();
        host.hang_up().well();
    }
}

#[test]
fn a_person_answers_while_the_program_waits() {
    let place = place(ASK);
    let mut host = place.host();
    let run = host.spawn(&place, "builder", "build", json!({}));
    let asked = question(&place, &mut host, &run);
    assert_eq!(host.record(&run)["status"], "approval_required");
    assert!(!place.mark().agents().is_empty(), "the program lives while it waits");
    let shown = place.cli(&["approvals", "show", asked["approval_id"].as_str().unwrap()]).to_string();
    assert!(shown.contains("touch built"), "{shown}");
    place.cli(&["approvals", "allow", asked["approval_id"].as_str().unwrap()]);
    assert_eq!(host.finish(&run)["final_response"], "it is built");
    assert!(built(&place));
    paired(&mut host, &run);

    fs::remove_file(place.project().join("built")).unwrap();
    let run = host.spawn(&place, "builder", "build", json!({}));
    let asked = question(&place, &mut host, &run);
    let id = asked["approval_id"].as_str().unwrap();
    place.cli(&["approvals", "deny", id, "--message", "use the other one"]);
    let record = host.finish(&run);
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("not built: use the other one"))
    );
    assert!(!built(&place));
    paired(&mut host, &run);
    place.mark().no_agent_left();
    host.hang_up().well();
}

#[test]
fn a_run_that_is_cancelled_while_it_asks_does_nothing_more() {
    let place = place(ASK);
    let mut host = place.host();
    let run = host.spawn(&place, "builder", "build", json!({}));
    let asked = question(&place, &mut host, &run);
    host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(host.record(&run)["status"], "cancelled");
    place.mark().no_agent_left();
    paired(&mut host, &run);
    // Nobody can allow it any more.
    let late = place.cli_output(&["approvals", "allow", asked["approval_id"].as_str().unwrap()]);
    assert!(!late.status.success());
    assert!(!built(&place));
    host.hang_up().well();
}

#[test]
fn a_host_that_ends_takes_the_waiting_program_with_it() {
    let place = place(ASK);
    let mut host = place.host();
    let run = host.spawn(&place, "builder", "build", json!({}));
    question(&place, &mut host, &run);
    host.hang_up().in_time();
    eventually("the end of the program", || place.mark().agents().is_empty().then_some(()));
    assert!(!built(&place));
}

#[test]
fn a_program_asks_its_user_and_then_for_permission() {
    let place = place(ASK);
    let mut host = place.host();
    let run = host.spawn(&place, "greeter", "greet", json!({}));
    let asked = host.event(&run, "input_required");
    assert_eq!(asked["data"]["text"], "Whom shall I greet?");
    assert_eq!(host.record(&run)["status"], "input_required");
    let message = json!({"role": "user", "parts": [{"type": "text", "text": "Ada"}]});
    host.call("continue_run", json!({"run_id": run["run_id"], "input_message": message}));
    let asked = question(&place, &mut host, &run);
    assert!(asked.to_string().contains("echo hello Ada"), "{asked}");
    place.cli(&["approvals", "allow", asked["approval_id"].as_str().unwrap()]);
    let record = host.finish(&run);
    assert_eq!((&record["status"], &record["final_response"]), (&json!("completed"), &json!("hello Ada")));
    let finished = host.event(&run, "command_finished");
    assert_eq!((&finished["data"]["item_id"], &finished["data"]["exit_code"]), (&json!("1"), &json!(0)));
    paired(&mut host, &run);
    place.mark().no_agent_left();
    host.hang_up().well();
}
