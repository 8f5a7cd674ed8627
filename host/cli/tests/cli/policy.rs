//! `pointsman policy`: looking into how requests are judged.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::client::Client;
use crate::program::{Home, Said};

const RULES: &str = "[[rule]]\nid = \"no-planners\"\nwhen = \"role == 'planner'\"\nthen = \"deny\"\n\
                     reason = \"plans are made by people here\"\nmatch = [{ role = \"planner\" }]\nnot_match = [{}]\n\
                     [[rule]]\nid = \"workers\"\nwhen = \"role == 'worker'\"\nthen = \"allow\"\n";

fn rules(home: &Home, text: &str) -> String {
    let path = home.path().join("house.toml");
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

#[test]
fn rules_are_checked_and_their_examples_counted() {
    let home = Home::new();
    let good = rules(&home, RULES);
    let said = home.run(&["policy", "check", &good]);
    assert_eq!(
        (said.exit, said.out.as_str()),
        (Some(0), "ok: ~/house.toml: 2 rules, and 2 examples that hold\n")
    );
    assert!(!said.err.contains("nothing is said"), "a rule without an action speaks of all: {said:?}");
    let said = home.run(&["policy", "test", &good]);
    assert_eq!((said.exit, said.out.as_str()), (Some(0), "2 of 2 examples hold, of 2 rules\n"));
    assert!(said.err.contains("rule workers has no examples"), "{said:?}");

    let wrong = rules(&home, &RULES.replace("not_match = [{}]", "not_match = [{ role = \"planner\" }]"));
    let said = home.run(&["policy", "test", &wrong]);
    assert_eq!(said.exit, Some(3), "{said:?}");
    assert!(said.out.contains("1 of 2 examples hold"), "{said:?}");
    assert!(said.out.contains("not_match"), "{said:?}");

    // Each finding stands on a line of its own, and each failing example is counted.
    let worse = rules(&home, &RULES.replace("[{}]", "[{ role = \"planner\" }, { rol = \"x\" }, {}]"));
    let said = home.run(&["policy", "test", &worse]);
    assert!(said.out.contains("2 of 4 examples hold"), "{said:?}");
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(
        lines[0].contains("rule no-planners: line 7: the rule matches example 1 of `not_match`"),
        "{said:?}"
    );
    assert!(lines[1].contains("example 2 of `not_match`: unknown key `rol` in an example"), "{said:?}");
    let answer = json(&home.run(&["--json", "policy", "test", &worse]));
    assert_eq!((&answer["failed"], answer["findings"].as_array().unwrap().len()), (&json!(2), 2), "{answer}");

    let unread = rules(&home, &RULES.replace("role ==", "roll =="));
    let said = home.run(&["--json", "policy", "check", &unread]);
    assert_eq!(said.exit, Some(3), "{said:?}");
    let answer = json(&said);
    assert_eq!(answer["ok"], false);
    assert!(answer["findings"].to_string().contains("roll"), "{answer}");
    assert_eq!(home.run(&["policy", "check", "nowhere.toml"]).exit, Some(4));
}

#[test]
fn a_question_from_a_file_is_judged_and_explained() {
    let home = Home::new();
    let path = rules(&home, RULES);
    let question = home.path().join("asked.json");
    std::fs::write(&question, r#"{"role": "planner", "request": {"message": "plan"}}"#).unwrap();
    let asked = question.to_str().unwrap();
    let said = home.run(&["policy", "eval", &path, asked]);
    assert_eq!(
        (said.exit, said.out.as_str()),
        (Some(0), "deny by rule no-planners of house: plans are made by people here\n")
    );

    home.configure(&format!(
        "[[policies]]\nname = \"house\"\ncomponent = \"bundled:rules\"\nrules = {}\n",
        Value::from(path.as_str())
    ));
    let said = home.run(&["--json", "policy", "explain", asked]);
    let answer = json(&said);
    assert_eq!(answer["ruling"]["rule"], "no-planners", "{answer}");
    let module = &answer["modules"][0];
    assert_eq!((&module["decides"], &module["matched"][0]["line"]), (&json!(true), &json!(2)), "{answer}");
    // What was printed is a question again.
    let mut command = home.command(&["--json", "policy", "explain", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(answer["question"].to_string().as_bytes()).unwrap();
    let again = json(&home.said(child.wait_with_output().unwrap()));
    assert_eq!(again["ruling"], answer["ruling"]);
    assert_eq!(again["question"], answer["question"]);

    let said = home.run(&["policy", "explain", asked]);
    assert!(said.out.contains("* deny    no-planners ~/house.toml:2"), "{said:?}");
    let listed = json(&home.run(&["--json", "policy", "list"]));
    assert_eq!((&listed[0]["module"], listed[0].get("stale")), (&json!("house"), None), "{listed}");

    std::fs::write(&question, r#"{"roll": "planner"}"#).unwrap();
    let said = home.run(&["policy", "eval", &path, asked]);
    assert_eq!(said.exit, Some(2), "{said:?}");
    assert!(said.err.contains("unknown field `roll`"), "{said:?}");
}

/// What the operator's grants bound already is asked about each time, if a file is silent on it: it says so.
#[test]
fn a_file_that_is_silent_on_what_is_granted_is_told_so() {
    let home = Home::new();
    let launches = "[[rule]]\nid = \"launches\"\nwhen = \"action == 'spawn'\"\nthen = \"allow\"\n";
    let checked = |text: &str| {
        let said = home.run(&["--json", "policy", "check", &rules(&home, text)]);
        assert_eq!(said.exit, Some(0), "{said:?}");
        let notes = json(&said)["notes"].to_string();
        (notes.contains("nothing is said of `process`"), notes.contains("nothing is said of `request`"))
    };
    assert_eq!(checked(launches), (true, true));
    assert_eq!(checked(&format!("default = {{ process = \"allow\" }}\n{launches}")), (false, true));
    let asks =
        "[[rule]]\nid = \"far\"\nwhen = \"action == 'request' && request.method == 'PUT'\"\nthen = \"ask\"\n";
    assert_eq!(checked(&format!("{launches}{asks}")), (true, false));
    let not = "[[rule]]\nid = \"not\"\nwhen = \"action != 'spawn'\"\nthen = \"allow\"\n";
    assert_eq!(checked(not), (false, false));
    let said = home.run(&["policy", "check", &rules(&home, launches)]);
    assert!(said.err.contains("default = { process = \"allow\" }"), "{said:?}");
}

/// With rules of one's own that say what holds by default, nobody is asked about what plugins were granted.
#[test]
fn what_holds_by_default_and_what_a_running_host_holds() {
    let home = Home::new();
    let rule = |then: &str| {
        format!(
            "[default]\nprocess = \"{then}\"\n\n[[rule]]\nid = \"launches\"\nwhen = \"action == 'spawn'\"\nthen = \"allow\"\n"
        )
    };
    let path = rules(&home, &rule("allow"));
    home.configure(&format!(
        "[[policies]]\nname = \"house\"\ncomponent = \"bundled:rules\"\nrules = {}\n\
         [programs.cat]\ncommand = \"/bin/cat\"\n\
         [backends.echo]\ncomponent = \"bundled:command\"\ngrants = [\"process/spawn@1 cat\", \"timer/set@1 *\"]\n\
         config = {{ program = \"cat\" }}\n",
        Value::from(path.as_str())
    ));
    let work = home.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let mut client = Client::start(&home, "serve");
    let run = |client: &mut Client| {
        let run = client.call(
            "spawn_run",
            json!({
                "backend": "echo", "role": "worker", "cwd": work, "session_mode": "new", "access": "full",
                "prompt": "hello",
            }),
        );
        let id = run["run_id"].as_str().unwrap().to_owned();
        crate::running::eventually("the run's end", || {
            let record = client.call("get_run", json!({ "run_id": id }));
            let status = record["status"].as_str().unwrap().to_owned();
            ["completed", "failed", "approval_required"]
                .contains(&status.as_str())
                .then_some((status, id.clone()))
        })
    };
    let (status, first) = run(&mut client);
    assert_eq!(status, "completed", "nobody is asked about its process");
    let listed = json(&home.run(&["--json", "policy", "list"]));
    let held = &listed[0]["hosts"][0]["held"];
    assert_eq!(held["rules"], listed[0]["rules"], "{listed}");
    assert_eq!((held.get("stale"), held.get("unread")), (None, None), "{listed}");
    let marks = || std::fs::read_dir(home.path().join(".local/state/pointsman/rules-read")).unwrap().count();
    let before = marks();

    // A file that is not taken: first nobody has read it, then it is known to be bad; the rules of before stay.
    rules(&home, "[[rule]]\nid = \"broken\"\n");
    for command in [&["policy", "list"][..], &["doctor"]] {
        let said = home.run(command);
        assert!(
            said.out.contains("~/house.toml was changed; house reads it when the next question comes"),
            "{said:?}"
        );
    }
    assert_eq!(run(&mut client).0, "completed");
    for command in [&["policy", "list"][..], &["doctor"]] {
        let said = home.run(command);
        assert_ne!(said.exit, Some(0), "{said:?}");
        assert!(said.out.contains("house keeps older rules"), "{said:?}");
        assert!(said.out.contains("the rule has no `when`"), "{said:?}");
    }
    let said = home.run(&["--json", "policy", "list"]);
    let stale = json(&said)["hosts"][0]["modules"][0]["stale"].to_string();
    assert!(stale.contains("has no `when`"), "{said:?}");
    assert_eq!(marks(), before);

    // One that is taken: it counts, it is said, and the next start need not read it.
    rules(&home, &rule("ask"));
    let (status, asked) = run(&mut client);
    assert_eq!(status, "approval_required");
    let said = home.run(&["policy", "list"]);
    assert!(said.exit == Some(0) && !said.out.contains("keeps older"), "{said:?}");
    assert_eq!(marks(), before + 1);
    let said = home.run(&["policy", "explain", "--run", &first]);
    assert!(said.out.contains("allow"), "{said:?}");
    let record = client.call("get_run", json!({ "run_id": asked }));
    assert_eq!(record["waiting_for"]["rule"], "default.process", "{record}");
    let approval = record["waiting_for"]["approval_id"].as_str().unwrap();
    let said = home.run(&["policy", "explain", "--run", &asked, "--approval", approval]);
    assert!(said.out.contains("default.process ~/house.toml:2"), "{said:?}");
}
