//! What an agent may have others do, by every route, and what its tree may use.

use pointsman_tests::{Host, Place, eventually, repository};
use serde_json::{Value, json};

use crate::attach::{place, said};
use crate::audit::records;

/// A planner reads and has workers write; a worker has reviewers look on, with `script` alone.
const ROLES: &str = r#"
[delegation.roles.planner]
may = { access = "read-only" }
may_delegate = { access = "workspace-write", backends = ["script", "client"] }
[delegation.roles.worker]
may_delegate = { access = "read-only", backends = ["script"], roles = ["reviewer"], backend_config = [] }
"#;

/// The backend `client` that can do no more than read, so that planners can be run by it.
fn reading(more: &str) -> Place {
    let place = place(more);
    let config = std::fs::read_to_string(place.config()).unwrap();
    let config = config
        .replace(", access = \"workspace-write\" }", ", access = \"read-only\" }")
        .replace("access = \"workspace-write\"\n", "access = \"read-only\"\n");
    std::fs::write(place.config(), config).unwrap();
    place
}

#[test]
fn nobody_gets_more_than_its_parent_may_give_by_any_route() {
    let place = reading(ROLES);
    let roots = format!("roots = [{}]", Value::from(place.project().to_string_lossy()));
    let config = std::fs::read_to_string(place.config()).unwrap();
    let bounded = config.replace("roles = [\"reviewer\"],", &format!("roles = [\"reviewer\"], {roots},"));
    std::fs::write(place.config(), bounded).unwrap();
    let elsewhere = place.root().canonicalize().unwrap().join("elsewhere");
    repository(&elsewhere);
    let mut host = place.host();
    let wide =
        host.spawn(&place, "script", "say hi", json!({"access": "workspace-write", "nickname": "wide"}));
    host.finish(&wide);
    std::fs::create_dir_all(place.project().join("profiles")).unwrap();
    std::fs::write(
        place.project().join("profiles/bold.md"),
        "---\naccess: full\nrole: worker\n---\nBe bold.\n",
    )
    .unwrap();
    let prompt = r#"
import subprocess
line = attach()
def spawn(backend="script", prompt="say hi", **more):
    return line.spawn(backend, prompt, **{"role": "reviewer", "access": "read-only", **more})
def shell(*args, **env):
    command = [os.environ["POINTSMAN_PROGRAM"], *args]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return f"{done.returncode} {done.stderr}"
def own_host():
    return Line([], {}).spawn("script", "say hi", role="reviewer", access="workspace-write")
mine = spawn()
done = line.finish(mine)
os.symlink("%e", "way_out")
message = {"role": "user", "parts": [{"type": "text", "text": "more"}]}
say(
    fits=done["status"],
    access=refused(spawn, access="workspace-write"),
    full=refused(spawn, access="full"),
    role=refused(spawn, role="worker"),
    backend=refused(spawn, backend="client"),
    key=refused(spawn, backend_config={"timeout_ms": 1}),
    profile=refused(spawn, profile="profiles/bold.md", access="full"),
    session=refused(spawn, session_mode="resume", session_id="%s"),
    go_on=refused(line.call, "continue_run", run_id="%s", input_message=message),
    shell=shell("run", "script", "say hi", "--role", "reviewer", "--access", "workspace-write"),
    renamed=shell("run", "script", "say hi", "--access", "full", POINTSMAN_RUN_ID="%s"),
    own_host=refused(own_host),
    keyed=line.call("get_run", run_id=spawn(idempotency_key="key")["run_id"])["run_id"] != "%w",
    outside=refused(spawn, cwd="%e"),
    linked=refused(spawn, cwd=os.path.join(os.getcwd(), "way_out")),
    itself=refused(spawn, session_mode="resume", session_id=line.call("get_run", run_id=os.environ["POINTSMAN_RUN_ID"])["session_id"]),
    mail=refused(line.call, "send_agent_message", to_agent_name="afar", cwd="%e", message=message),
    inbox=refused(line.call, "fetch_agent_messages", agent_name="afar", cwd="%e"),
    cancelled=shell("runs", "cancel", "%a"),
    told=shell("runs", "continue", "%a", "more"),
    least=line.call("get_run", run_id=line.spawn("script", "say hi", role="reviewer")["run_id"])["access"],
)
"#;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let afar = host.spawn(&place, "script", "stay", json!({"cwd": elsewhere, "nickname": "afar"}));
    host.event(&afar, "agent_message");
    let keyed = json!({"role": "reviewer", "access": "read-only", "idempotency_key": "key"});
    let keyed = host.spawn(&place, "script", "say hi", keyed);
    let prompt = prompt.replacen("%s", &text(&wide["session_id"]), 1);
    let prompt = prompt.replace("%s", &text(&wide["run_id"])).replace("%e", elsewhere.to_str().unwrap());
    let prompt = prompt.replace("%w", &text(&keyed["run_id"])).replace("%a", &text(&afar["run_id"]));
    let run = host.spawn(&place, "client", &prompt, json!({"role": "worker"}));
    let told = said(&mut host, &run);
    assert_eq!(told["fits"], "completed", "{told}");
    for (route, key) in [
        ("access", "[delegation.roles.worker.may_delegate] access"),
        ("full", "[delegation.roles.worker.may_delegate] access"),
        ("role", "[delegation.roles.worker.may_delegate] roles"),
        ("backend", "[delegation.roles.worker.may_delegate] backends"),
        ("key", "[delegation.roles.worker.may_delegate] backend_config"),
        ("profile", "[delegation.roles.worker.may_delegate]"),
        ("shell", "[delegation.roles.worker.may_delegate] access"),
        ("renamed", "[delegation.roles.worker.may_delegate]"),
        ("own_host", "[delegation.roles.worker.may_delegate] access"),
        ("session", "none of yours"),
        ("go_on", "none of yours"),
        ("outside", "[delegation.roles.worker.may_delegate] roots"),
        ("linked", "[delegation.roles.worker.may_delegate] roots"),
        ("itself", "is your own"),
        ("mail", "afar"),
        ("inbox", "none of yours"),
        ("cancelled", "agent"),
        ("told", "agent"),
    ] {
        assert!(told[route].as_str().unwrap().contains(key), "{route}: {told:#}");
    }
    assert_eq!(told["keyed"], true, "somebody else's key is not its own: {told:#}");
    assert_eq!(host.record(&afar)["status"], "running", "{told:#}");
    assert_eq!(told["least"], "read-only", "who asks for nothing gets what there is");
    host.hang_up().well();
    // Each try stands in the audit log, under the name of the run that made it.
    let denied = records(&place, &["--kind", "denied", "--run", run["run_id"].as_str().unwrap()]);
    let tries = |action: &str, reason: &str| {
        denied.iter().filter(|it| it["action"] == action && it["reason"] == reason).count()
    };
    assert_eq!(
        (tries("spawn", "beyond_rights"), tries("spawn", "not_yours"), tries("continue", "not_yours")),
        (11, 1, 1),
        "{denied:#?}"
    );
}

#[test]
fn a_planner_that_may_only_read_has_workers_write() {
    let place = reading(ROLES);
    let mut host = place.host();
    let prompt = r#"
line = attach()
done = line.finish(line.spawn("script", "write made", access="workspace-write"))
say(status=done["status"], access=done["access"], full=refused(line.spawn, "script", "x", access="full"))
"#;
    let run = host.spawn(&place, "client", prompt, json!({"role": "planner", "access": "read-only"}));
    let told = said(&mut host, &run);
    assert_eq!(
        (&told["status"], &told["access"]),
        (&json!("completed"), &json!("workspace-write")),
        "{told}"
    );
    assert!(told["full"].as_str().unwrap().contains("this planner may delegate: workspace-write"), "{told}");
    let refused =
        host.refusal("spawn_run", asked(&place, json!({"role": "planner", "access": "workspace-write"})));
    assert!(refused.contains("[delegation.roles.planner.may] access"), "{refused}");
    host.hang_up().well();
}

fn asked(place: &Place, more: Value) -> Value {
    let mut arguments = json!({
        "backend": "script", "role": "worker", "cwd": place.project(), "session_mode": "new", "prompt": "say hi",
    });
    for (key, value) in more.as_object().unwrap() {
        arguments[key] = value.clone();
    }
    arguments
}

#[test]
fn by_default_an_agent_gives_what_it_has() {
    let place = reading("");
    let mut host = place.host();
    let prompt = "say(wide=refused(attach().spawn, 'script', 'x', access='workspace-write'))";
    let run = host.spawn(&place, "client", prompt, json!({"access": "read-only"}));
    let told = said(&mut host, &run);
    assert!(told["wide"].as_str().unwrap().contains("may delegate: read-only"), "{told}");
    host.hang_up().well();
}

/// Waits until a run is over, and gives why it failed.
fn failed(host: &mut Host, run: &Value) -> Value {
    let record = host.finish(run);
    assert_eq!(record["status"], "failed", "{record}");
    record["error"].clone()
}

#[test]
fn a_tree_stays_within_its_depth_its_width_and_its_number() {
    let place = place("[budgets]\ndepth = 2\nfan_out = 3\nlive_runs = 3\n");
    let mut host = place.host();
    let below = "say(deeper=refused(attach().spawn, 'script', 'say hi'))";
    let prompt = format!(
        r#"
line = attach()
one, two = line.spawn("client", {below:?}), line.spawn("script", "stay")
deeper = json.loads(line.finish(one)["final_response"])
third = line.spawn("script", "stay")
many = refused(line.spawn, "script", "say hi")
foretold = refused(line.call, "explain_policy", backend="script", role="worker", cwd=os.getcwd())
line.call("cancel_run", run_id=third["run_id"])
say(**deeper, many=many, foretold=foretold, wide=refused(line.spawn, "script", "say hi"))
"#
    );
    let run = host.spawn(&place, "client", &prompt, json!({}));
    let told = said(&mut host, &run);
    for (what, line) in
        [("deeper", "[budgets] depth"), ("many", "[budgets] fan_out"), ("wide", "[budgets] fan_out")]
    {
        let refused = told[what].as_str().unwrap();
        assert!(refused.contains("budget_exhausted") && refused.contains(line), "{what}: {told}");
    }
    assert_eq!(told["foretold"], told["many"], "explain_policy says what spawn_run says");
    host.hang_up().well();
}

#[test]
fn tokens_are_drawn_from_the_roots_and_a_tree_that_has_used_them_up_ends() {
    // The program says what it used, in the JSON lines of the backend `command`.
    let place = place(
        "[budgets]\ntokens = 100\nsoft = 0.5\n[budgets.roles.reviewer]\ntokens = 60\n\
         [programs.spender]\ncommand = \"/bin/sh\"\nargs = [\"-c\", '''\
         echo '{\"type\":\"result\",\"text\":\"spent\",\"usage\":{\"input_tokens\":50,\"output_tokens\":5}}' ''']\n\
         [backends.spender]\ncomponent = \"bundled:command\"\ngrants = [\"process/spawn@1 spender\"]\n\
         config = { program = \"spender\", prompt = \"none\", output = \"jsonl\", access = \"read-only\" }\n",
    );
    let mut host = place.host();
    let prompt = r#"
import time
line = attach()
first = line.finish(line.spawn("spender", "x"))
open("first", "w").write(json.dumps(first))
while not os.path.exists("go"):
    time.sleep(0.05)
line.spawn("script", "stay", nickname="idle")
line.spawn("spender", "x")
time.sleep(1000)
"#;
    let run = host.spawn(&place, "client", prompt, json!({}));
    let warned = host.event(&run, "budget_warning");
    assert_eq!((&warned["data"]["limit"], &warned["data"]["used"]), (&json!("tokens"), &json!(55)));
    eventually("the first", || place.project().join("first").exists().then_some(()));
    std::fs::write(place.project().join("go"), "").unwrap();
    let why = failed(&mut host, &run);
    assert_eq!(why["reason"], "budget_exhausted", "{why}");
    assert!(why["message"].as_str().unwrap().contains("110 tokens of 100 tokens"), "{why}");
    let idle = host.call("get_run", json!({"agent_name": "idle"}));
    let why = failed(&mut host, &idle);
    assert_eq!(why["reason"], "budget_exhausted", "its tree ends likewise");
    let warnings = host.events(&run).iter().filter(|event| event["type"] == "budget_warning").count();
    assert_eq!(warnings, 1, "told once");
    host.hang_up().well();
    place.mark().wait_until_gone();
}

#[test]
fn what_a_live_run_reports_counts_at_once() {
    let place = place(
        "[budgets]\ncost_usd = 0.5\n\
         [programs.burner]\ncommand = \"/bin/sh\"\nargs = [\"-c\", '''\
         echo '{\"type\":\"usage_updated\",\"data\":{\"input_tokens\":9,\"output_tokens\":1,\"cost_micro_usd\":450000}}'; \
         sleep 1; \
         echo '{\"type\":\"usage_updated\",\"data\":{\"input_tokens\":99,\"output_tokens\":1,\"cost_micro_usd\":600000}}'; \
         sleep 1000 ''']\n\
         [backends.burner]\ncomponent = \"bundled:command\"\ngrants = [\"process/spawn@1 burner\"]\n\
         config = { program = \"burner\", prompt = \"none\", output = \"jsonl\", access = \"read-only\" }\n",
    );
    let mut host = place.host();
    let run = host.spawn(&place, "burner", "x", json!({}));
    let warned = host.event(&run, "budget_warning");
    assert_eq!(warned["data"]["limit"], "cost", "{warned}");
    let why = failed(&mut host, &run);
    assert_eq!(why["reason"], "budget_exhausted", "{why}");
    let message = why["message"].as_str().unwrap();
    assert!(message.contains("0.600000 USD of 0.500000 USD ([budgets] cost_usd)"), "{why}");
    host.hang_up().well();
    place.mark().wait_until_gone();
}

#[test]
fn time_ends_a_run() {
    let place = place("[budgets]\nwall_time = \"1s\"\n");
    let mut host = place.host();
    let stays = host.spawn(&place, "script", "stay", json!({}));
    host.event(&stays, "budget_warning");
    let why = failed(&mut host, &stays);
    assert_eq!(why["reason"], "budget_exhausted", "{why}");
    assert!(why["message"].as_str().unwrap().contains("1 s of 1 s ([budgets] wall_time)"), "{why}");
    host.hang_up().well();
    place.mark().wait_until_gone();
}
