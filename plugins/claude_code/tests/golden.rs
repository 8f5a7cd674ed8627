//! What becomes of everything that Claude Code was recorded to say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod player;

use std::collections::{BTreeMap, BTreeSet};

use player::{Case, cases};
use pointsman_claude_code::{ClaudeCode, PROCESS};
use pointsman_sdk::backend::{Effect, Ending, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use serde_json::{Value, json};

/// Makes long texts short enough to be looked at.
fn shortened(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > 1_000 => {
            *text = format!("{}… {} bytes in all", &text[..text.floor_char_boundary(40)], text.len());
        }
        Value::Array(items) => items.iter_mut().for_each(shortened),
        Value::Object(fields) => fields.values_mut().for_each(shortened),
        _ => {}
    }
}

#[test]
fn every_recording_becomes_what_its_snapshot_says() {
    for case in cases() {
        let mut seen = Value::from(case.play().seen());
        shortened(&mut seen);
        insta::with_settings!({ snapshot_suffix => case.name, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_json_snapshot!("claude_code", seen);
        });
    }
}

#[test]
fn what_starts_ends_and_nothing_is_asked_about_before_it_is_told() {
    for case in cases() {
        let run = case.play();
        let mut open: BTreeMap<String, &str> = BTreeMap::new();
        let mut begun = BTreeSet::new();
        let mut finishes = 0;
        for effect in run.effects() {
            match effect {
                Effect::Emit(event) => {
                    let item = event.item.clone().unwrap_or_default();
                    match event.kind.as_str() {
                        kind @ ("command_started" | "tool_started") => {
                            let twice = open.insert(item.clone(), kind.trim_end_matches("started")).is_some();
                            assert!(
                                !twice && begun.insert(item.clone()),
                                "{}: {item} begins twice",
                                case.name
                            );
                        }
                        kind @ ("command_finished" | "tool_finished") => {
                            let began = open.remove(&item);
                            assert_eq!(
                                began,
                                Some(kind.trim_end_matches("finished")),
                                "{}: {item}",
                                case.name
                            );
                        }
                        _ => {}
                    }
                }
                Effect::AskPermission(asked) => {
                    let item = asked.item.as_ref().unwrap();
                    assert!(open.contains_key(item), "{}: {item} is asked about, but not open", case.name);
                }
                Effect::Finish(_) => finishes += 1,
                _ => {}
            }
        }
        assert!(open.is_empty(), "{}: {open:?}", case.name);
        assert_eq!(finishes, 1, "{}", case.name);
    }
}

#[test]
fn answers_are_those_that_were_recorded() {
    let mut compared = 0;
    for case in cases() {
        let run = case.play();
        let written = String::from_utf8(run.written(PROCESS)).unwrap();
        let written: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (request, recorded) in case.answers() {
            let ours = written.iter().find(|line| line["response"]["request_id"] == request);
            let ours =
                &ours.unwrap_or_else(|| panic!("{}: {request} was not answered", case.name))["response"];
            assert_eq!(player::verdict(&ours["response"]), recorded, "{}: {ours}", case.name);
            assert_eq!(ours["response"].get("updatedPermissions"), None, "{}", case.name);
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn no_line_is_silently_dropped() {
    for case in cases() {
        let run = case.play();
        let mut told = Vec::new();
        leaves(&Value::from(run.seen()), &mut told);
        for line in case.received() {
            let Ok(line) = serde_json::from_str::<Value>(&line) else {
                assert!(told.contains(&line), "{}: {line}", case.name);
                continue;
            };
            let mut said = Vec::new();
            leaves(&what_matters(&line), &mut said);
            said.retain(|leaf| !told.iter().any(|told| says(told, leaf)));
            assert!(said.is_empty(), "{}: {said:?} of {line}", case.name);
        }
    }
}

/// Leaves out what is said of every line, and what is known to say nothing about a run.
fn what_matters(line: &Value) -> Value {
    let mut line = line.clone();
    for of_every_line in ["type", "session_id", "uuid", "timestamp", "request_id"] {
        line.as_object_mut().unwrap().remove(of_every_line);
    }
    match line["subtype"].as_str() {
        Some("ui_invalidate") => Value::Null,
        Some("init") => json!([
            line["model"],
            line["cwd"],
            line["tools"],
            line["permissionMode"],
            line["apiKeySource"],
            line["claude_code_version"],
            line["mcp_servers"],
        ]),
        Some(subtype) => {
            let known = ["hook_started", "hook_response", "status", "api_retry"].contains(&subtype);
            if known || subtype.starts_with("success") || subtype.starts_with("error") {
                line["subtype"] = Value::Null;
            }
            line
        }
        _ if line.get("message").is_some() => {
            let mut content = line["message"]["content"].clone();
            for block in content.as_array_mut().into_iter().flatten() {
                block["type"] = Value::Null;
                block["signature"] = Value::Null;
            }
            json!([content, line["tool_use_result"], line["tool_result_meta"], line["parent_tool_use_id"]])
        }
        _ => match line["request"]["subtype"].as_str() {
            Some("can_use_tool") => json!([line["request"]["input"], line["request"]["tool_use_id"]]),
            Some("hook_callback") => {
                json!([line["request"]["input"]["tool_input"], line["request"]["tool_use_id"]])
            }
            Some(_) => line["request"].clone(),
            // What Claude Code answers to us is for the adapter alone.
            None => Value::Null,
        },
    }
}

/// Says whether a text that was told says what a leaf says.
fn says(told: &str, leaf: &str) -> bool {
    const NOTHING: &[&str] = &["(Bash completed with no output)"];
    let leaf = leaf.trim();
    let leaf = leaf.strip_prefix("Error: ").unwrap_or(leaf);
    // Told as a number, and as output.
    let leaf = match leaf.strip_prefix("Exit code ") {
        Some(rest) => rest.split_once('\n').map_or(rest, |(_, output)| output),
        None => leaf,
    };
    told.trim() == leaf || NOTHING.contains(&leaf) || (leaf.len() > 3 && told.contains(leaf))
}

/// Gives all texts and numbers in a value.
fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[test]
fn a_batch_and_single_lines_come_to_the_same() {
    for case in cases().into_iter().filter(|case| !case.is_dialogue()) {
        let mut run = case.begin();
        run.lines(PROCESS, case.received()).unwrap();
        case.finish(&mut run);
        assert_eq!(run.seen(), case.play().seen(), "{}", case.name);
    }
}

#[test]
fn runs_end_as_the_results_say() {
    for (name, ending, reason) in [
        ("print/text", Ending::Completed, None),
        ("print/shell-denied", Ending::Completed, None),
        ("print/http429", Ending::Failed, Some("rate_limited")),
        ("print/http500", Ending::Failed, Some("server_error")),
        ("print/http500-recovered", Ending::Completed, None),
        ("print/overloaded", Ending::Failed, Some("overloaded")),
        ("print/unauthorized", Ending::Failed, Some("unauthorized")),
        ("print/no-key", Ending::Failed, Some("unauthorized")),
        ("print/badrequest", Ending::Failed, Some("bad_request")),
        ("print/context-too-long", Ending::Failed, Some("context_too_long")),
        ("print/stream-cut", Ending::Failed, Some("connection_lost")),
        ("print/connection-refused", Ending::Failed, Some("connection_lost")),
        ("print/max-turns", Ending::Failed, Some("max_turns")),
        ("print/resume-unknown", Ending::Failed, Some("session_not_found")),
        ("print/bad-flag", Ending::Failed, Some("bad_arguments")),
        ("print/bypass-as-root", Ending::Failed, Some("bad_arguments")),
        ("print/hang-sigint", Ending::Cancelled, Some("cancelled")),
        ("stream-json/deny", Ending::Completed, None),
        ("stream-json/bad-input", Ending::Failed, Some("exit_status")),
    ] {
        let run = Case::load(name).play();
        let outcome = run.outcome().unwrap();
        assert_eq!((outcome.ending, outcome.reason.as_deref()), (ending, reason), "{name}: {outcome:?}");
    }
}

#[test]
fn a_schemas_answer_is_the_providers_and_nothing_else_is_taken_for_it() {
    for (name, value) in [
        ("print/json-schema", Some(json!({ "answer": 42 }))),
        ("stream-json/json-schema", Some(json!({ "answer": 42 }))),
        ("print/json-schema-bad", None),
        ("print/json-schema-invalid-value", None),
    ] {
        let run = Case::load(name).play();
        let output = run.outcome().unwrap().structured_output.as_deref();
        let output = output.map(|json| serde_json::from_str::<Value>(json).unwrap());
        assert_eq!(output.is_some(), value.is_some(), "{name}: {output:?}");
    }
}

#[test]
fn a_resumed_run_is_charged_what_it_used_itself() {
    let first = Case::load("print/resume-1-new").play();
    let remembered = first.remembered().unwrap();
    let second = Case::load("print/resume-2-by-id");
    let mut run =
        Rehearsal::<ClaudeCode>::start(Task { resume: Some(remembered.to_string()), ..a_task("go on") })
            .unwrap();
    run.lines(PROCESS, second.received()).unwrap();
    second.finish(&mut run);
    let usage = |run: &Rehearsal<ClaudeCode>| run.outcome().unwrap().usage.unwrap();
    assert_eq!((usage(&first).input_tokens, usage(&first).cost_micro_usd), (1_000, Some(5_000)));
    assert_eq!(
        (usage(&run).input_tokens, usage(&run).cost_micro_usd),
        (1_000, Some(5_000)),
        "not 2,000 of both"
    );
    assert_eq!(run.remembered().unwrap()["used"]["input_tokens"], 2_000);
}

#[test]
fn what_is_told_of_usage_only_grows_and_ends_at_what_the_outcome_says() {
    let mut told = 0;
    for case in cases() {
        told += case.play().told_in_between().unwrap_or_else(|wrong| panic!("{}: {wrong}", case.name));
    }
    assert!(told >= 60, "{told}");
}
