//! `pointsman policy`: looking into how requests are judged.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

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
