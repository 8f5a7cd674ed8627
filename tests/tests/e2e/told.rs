//! What an agent is told: beforehand what a launch would get, and afterwards who said no, by which rule.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use pointsman_tests::Place;
use serde_json::{Value, json};

/// Rules that read whatever of a launch a rule may read.
const HOUSE: &str = r#"inline = '''
[[rule]]
id = "short"
when = "size(request.message.parts[0].text) > 12"
then = "deny"
reason = "say it shorter"
[[rule]]
id = "planners"
when = "role == 'planner' && request.session_mode == 'new'"
then = "ask"
reason = "plans are looked at"
[[rule]]
id = "last-level"
when = "role == 'reviewer' && facts.budget.depth_left == 1"
then = "ask"
reason = "it may launch one more level"
[[rule]]
id = "lowered"
when = "access == 'workspace-write'"
then = "allow"
ceiling = "read-only"
[[rule]]
id = "rest"
when = "facts.git.inside"
then = "allow"
'''"#;

fn policy(rules: &str) -> String {
    format!("[[policies]]\nname = \"house\"\ncomponent = \"bundled:rules\"\n{rules}\n")
}

/// A repository with changes, a linked work tree of it, and a folder outside of any.
fn folders(place: &Place) -> [String; 3] {
    let (project, linked, outside) =
        (place.project(), place.root().join("linked"), place.root().join("outside"));
    fs::write(project.join("changed"), "x").unwrap();
    fs::create_dir(&outside).unwrap();
    let done = Command::new("git")
        .args(["worktree", "add", "-q"])
        .arg(&linked)
        .current_dir(&project)
        .env("HOME", place.home())
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    [project, linked, outside].map(|path| path.canonicalize().unwrap().to_string_lossy().into_owned())
}

#[test]
fn what_is_foretold_of_a_launch_is_what_it_gets() {
    let sets =
        ["careful", "read-only", "team", "open"].map(|set| policy(&format!("rules = \"bundled:{set}\"")));
    let mut verdicts = BTreeSet::new();
    for rules in sets.iter().chain([&policy(HOUSE)]) {
        let place = Place::with(&format!(
            "{rules}[budgets]\ndepth = 2\n[delegation.roles.reviewer]\nmay = {{ access = \"read-only\" }}\n"
        ));
        let folders = folders(&place);
        let mut host = place.host();
        for (number, access) in (0..36).zip(["read-only", "workspace-write", "full"].iter().cycle()) {
            let role = ["worker", "planner", "reviewer"][number / 3 % 3];
            let prompt = if number % 2 == 0 { "say hi" } else { "say something longer" };
            let mut call = json!({
                "backend": "script", "role": role, "cwd": folders[number / 9 % 3], "prompt": prompt, "access": access,
            });
            let foretold = host.result("explain_policy", call.clone());
            call["session_mode"] = "new".into();
            let got = host.result("spawn_run", call.clone());
            if got["isError"] == true {
                assert_eq!(foretold["content"], got["content"], "{call}");
                continue;
            }
            let (foretold, got) = (&foretold["structuredContent"], &got["structuredContent"]);
            let record = host.record(got);
            let verdict = match got["status"].as_str().unwrap() {
                "approval_required" => {
                    assert_eq!(record["waiting_for"]["reason"], foretold["reason"], "{call}");
                    assert_eq!(record["waiting_for"]["rule"], foretold["rule"], "{call}");
                    assert!(record["waiting_for"]["how"].is_string(), "{record}");
                    "ask"
                }
                "rejected" => {
                    let why = record["error"]["message"].as_str().unwrap();
                    for part in ["reason", "rule"] {
                        assert!(why.contains(foretold[part].as_str().unwrap()), "{why}: {foretold}");
                    }
                    "deny"
                }
                _ => {
                    assert_eq!(record["access"], foretold["access"], "{call}");
                    "allow"
                }
            };
            assert_eq!(foretold["verdict"], verdict, "{call}: {foretold}");
            verdicts.insert(verdict);
        }
    }
    assert_eq!(verdicts.into_iter().collect::<Vec<_>>(), ["allow", "ask", "deny"]);
}

#[test]
fn a_run_that_a_person_denies_tells_who_why_and_which_rule_asked() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "say hi", json!({"access": "full"}));
    let approval = host.record(&run)["waiting_for"]["approval_id"].as_str().unwrap().to_owned();
    place.cli(&["approvals", "deny", &approval, "-m", "not on a Friday"]);
    let record = host.finish(&run);
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("rejected"), &json!("approval_denied"))
    );
    let why = record["error"]["message"].as_str().unwrap();
    assert!(why.starts_with("denied by cli:"), "{why}");
    assert!(why.ends_with(": not on a Friday (asked by rule full-access)"), "{why}");
    let events: Vec<Value> = host.events(&run);
    assert_eq!(events.last().unwrap()["type"], "rejected", "{events:#?}");
    host.hang_up().well();
}
