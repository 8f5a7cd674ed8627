//! Profiles through the whole host: by name, with what they say of the run, and kept when it goes on.

use std::fs;

use pointsman_tests::Place;
use serde_json::{Value, json};

/// A place with the backend `teller`, which answers with the task that it was given.
fn place() -> Place {
    let agent = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("agent/teller.sh");
    let place = Place::with(&format!(
        "[runs]\nprofiles = \"profiles\"\n\
         [programs.teller]\ncommand = \"/bin/sh\"\nargs = [{}]\n\
         [backends.teller]\ncomponent = \"bundled:command\"\n\
         grants = [\"process/spawn@1 teller\", \"timer/set@1 *\"]\n\
         [backends.teller.config]\nprogram = \"teller\"\nprompt = \"json\"\noutput = \"jsonl\"\naccess = \"read-only\"\n",
        Value::from(agent.to_string_lossy()),
    ));
    let folder = place.root().join("profiles");
    fs::create_dir(&folder).expect("the folder is new");
    let quiet =
        "---\nbackend: teller\nrole: planner\naccess: read-only\nschema: task.json\n---\nSpeak softly.\n";
    fs::write(folder.join("quiet.md"), quiet).expect("the folder is ours");
    fs::write(folder.join("loud.md"), "---\nbackend: teller\naccess: full\n---\nShout.\n")
        .expect("the folder is ours");
    fs::write(folder.join("torn.md"), "---\nbackend: teller\naccess: everything\n---\nTear.\n")
        .expect("the folder is ours");
    fs::write(folder.join("task.json"), r#"{"type": "object", "required": ["prompt"]}"#)
        .expect("the folder is ours");
    place
}

fn spawn(place: &Place, more: Value) -> Value {
    let mut call = json!({"cwd": place.project(), "session_mode": "new", "prompt": "go"});
    for (key, value) in more.as_object().into_iter().flatten() {
        call[key] = value.clone();
    }
    call
}

#[test]
fn a_profile_says_what_the_caller_does_not_and_keeps_saying_it() {
    let place = place();
    let mut host = place.host();
    let run = host.call("spawn_run", spawn(&place, json!({"profile": "quiet"})));
    assert_eq!((&run["backend"], &run["role"]), (&json!("teller"), &json!("planner")));
    let record = host.finish(&run);
    assert_eq!(
        (&record["status"], &record["access"]),
        (&json!("completed"), &json!("read-only")),
        "{record}"
    );
    let task = &record["structured_output"];
    assert_eq!(task["access"], "read-only");
    assert_eq!(task["output_schema"]["required"], json!(["prompt"]));
    let instructions = task["instructions"].as_str().unwrap();
    assert!(instructions.ends_with("\n\nSpeak softly.") && !instructions.contains("---"), "{instructions}");

    // The next run of the session is bound as the first was, even if the profile is gone.
    fs::remove_file(place.root().join("profiles/quiet.md")).unwrap();
    let message = json!({"role": "user", "parts": [{"type": "text", "text": "and now"}]});
    let next = host.call("continue_run", json!({"run_id": run["run_id"], "input_message": message}));
    let record = host.finish(&next);
    let next = &record["structured_output"];
    for key in ["instructions", "access", "output_schema", "role"] {
        assert_eq!(next[key], task[key], "{key}");
    }
    assert_eq!((&next["prompt"], &next["resume"]), (&json!("and now"), &json!({"asked": true})));
    host.hang_up().well();
}

#[test]
fn the_caller_wins_except_that_access_only_tightens() {
    let place = place();
    let mut host = place.host();
    let more =
        json!({"profile": "quiet", "role": "worker", "access": "workspace-write", "output_schema": {}});
    let run = host.call("spawn_run", spawn(&place, more));
    let task = host.finish(&run)["structured_output"].clone();
    assert_eq!((&task["role"], &task["access"]), (&json!("worker"), &json!("read-only")));
    assert_eq!(task["output_schema"], json!({}));
    // What reaches further is asked of a person, as ever.
    let run = host.call("spawn_run", spawn(&place, json!({"profile": "loud"})));
    assert_eq!(run["status"], "approval_required");
    let run = host.call("spawn_run", spawn(&place, json!({"profile": "loud", "access": "read-only"})));
    assert_eq!(host.finish(&run)["access"], "read-only");
    host.hang_up().well();
}

#[test]
fn a_profile_of_the_repository_lifts_nothing() {
    let place = place();
    fs::write(place.project().join("mine.md"), "---\nbackend: teller\naccess: full\n---\nMine.").unwrap();
    let mut host = place.host();
    let run = host.call("spawn_run", spawn(&place, json!({"profile": "mine.md"})));
    assert_eq!(host.finish(&run)["access"], "workspace-write");
    host.hang_up().well();
}

#[test]
fn the_reviewer_ships_and_what_is_wrong_is_said() {
    let place = place();
    let mut host = place.host();
    let run = host.call("spawn_run", spawn(&place, json!({"profile": "reviewer", "backend": "teller"})));
    assert_eq!(run["role"], "reviewer");
    let told = host.finish(&run)["final_response"].as_str().unwrap().to_owned();
    assert!(told.contains("bundled:reviewer") && told.contains("Verdict:"), "{told}");

    let refused = host.refusal("spawn_run", spawn(&place, json!({"profile": "reviewer"})));
    assert!(refused.contains("backend is required: give it, or a profile that does"), "{refused}");
    let refused = host.refusal("spawn_run", spawn(&place, json!({"profile": "torn"})));
    assert!(refused.contains("torn.md: line 3: access is read-only"), "{refused}");
    let refused = host.refusal("spawn_run", spawn(&place, json!({"profile": "../pointsman.toml"})));
    assert!(refused.contains("profile not found") && refused.contains("loud, quiet, reviewer"), "{refused}");
    host.hang_up().well();
}
