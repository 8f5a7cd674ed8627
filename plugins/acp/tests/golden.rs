//! What becomes of everything that four agents were recorded to say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod player;

use std::collections::{BTreeMap, BTreeSet};

use player::{Case, cases};
use pointsman_sdk::backend::{Effect, Ending};
use serde_json::{Value, json};

/// Makes long texts and long lists short enough to be looked at.
fn shortened(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > 400 => {
            *text = format!("{}… {} bytes in all", &text[..text.floor_char_boundary(40)], text.len());
        }
        Value::Array(items) => {
            let all = items.len();
            items.truncate(3);
            items.iter_mut().for_each(shortened);
            if all > 3 {
                items.push(format!("… {all} in all").into());
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(shortened),
        _ => {}
    }
}

#[test]
fn every_recording_becomes_what_its_snapshot_says() {
    for case in cases() {
        let mut seen = case.play().run.seen();
        seen.iter_mut().for_each(shortened);
        let suffix = case.name.replace('/', "-");
        insta::with_settings!({ snapshot_suffix => suffix, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_json_snapshot!("acp", seen);
        });
    }
}

#[test]
fn what_has_begun_ends_under_the_same_name() {
    for case in cases() {
        let played = case.play();
        let mut open: BTreeMap<String, String> = BTreeMap::new();
        for event in played.run.events() {
            let (kind, item) = (event["kind"].as_str().unwrap(), event["item"].as_str().unwrap_or_default());
            if let Some(sort) = kind.strip_suffix("_started").filter(|sort| *sort != "run") {
                let before = open.insert(item.to_owned(), sort.to_owned());
                assert_eq!(before, None, "{}: {item} began twice", case.name);
            } else if let Some(sort) = kind.strip_suffix("_finished") {
                assert_eq!(open.remove(item).as_deref(), Some(sort), "{}: {item}", case.name);
            }
        }
        assert!(open.is_empty(), "{}: {open:?} never ended", case.name);
    }
}

#[test]
fn no_question_stands_without_its_tool_event() {
    let mut asked = 0;
    for case in cases() {
        let mut begun = BTreeSet::new();
        for effect in case.play().run.effects() {
            match effect {
                Effect::Emit(event) if event.kind.ends_with("_started") => {
                    begun.extend(event.item.clone());
                }
                Effect::AskPermission(permission) => {
                    asked += 1;
                    assert!(begun.contains(permission.item.as_ref().unwrap()), "{}", case.name);
                }
                _ => {}
            }
        }
    }
    assert!(asked >= 20, "{asked} questions: recordings are missing");
}

#[test]
fn every_question_of_the_agent_is_answered_once() {
    for case in cases() {
        let played = case.play();
        let answered: Vec<Value> = played
            .sent()
            .into_iter()
            .filter(|message| message.get("method").is_none())
            .map(|message| message["id"].clone())
            .collect();
        assert_eq!(answered, played.requests, "{}", case.name);
    }
}

#[test]
fn a_file_that_was_written_is_told_once() {
    for agent in ["claude", "codex", "gemini", "opencode"] {
        let played = Case::load(&format!("{agent}/write-allow")).play();
        let events = played.run.events();
        let changed: Vec<&Value> = events.iter().filter(|event| event["kind"] == "file_changed").collect();
        assert_eq!(changed.len(), 1, "{agent}");
        let change = json!({ "path": "/workspace/mock.txt", "kind": "add", "diff": "@@ -0,0 +1 @@\n+written by mock\n" });
        assert_eq!(changed[0]["data"], json!({ "status": "completed", "changes": [change] }), "{agent}");
    }
}

#[test]
fn a_run_ends_once_and_as_its_case_was_meant() {
    for case in cases() {
        let played = case.play();
        let ends = played.run.effects().iter().filter(|effect| matches!(effect, Effect::Finish(_))).count();
        assert_eq!(ends, 1, "{}", case.name);
        let outcome = played.run.outcome().unwrap();
        let (_, what) = case.name.split_once('/').unwrap();
        let expected = match case.name.split_once('/').unwrap() {
            (_, "error-429") => (Ending::Failed, Some("rate_limited")),
            (_, "error-500") => (Ending::Failed, Some("server_error")),
            (_, "protocol-errors") => (Ending::Failed, Some("session_not_found")),
            ("gemini", "resume-2-load") => (Ending::Failed, Some("session_not_found")),
            ("gemini", "resume-3-resume") => (Ending::Failed, Some("session_not_found")),
            (_, "cancel-stream" | "cancel-pending-permission" | "shell-cancelled-outcome") => {
                (Ending::Cancelled, Some("cancelled"))
            }
            _ => (Ending::Completed, None),
        };
        assert_eq!((outcome.ending, outcome.reason.as_deref()), expected, "{}: {outcome:?}", case.name);
        if outcome.ending == Ending::Completed && what != "shell-reject" {
            assert!(outcome.final_response.is_some(), "{}", case.name);
            assert!(outcome.usage.unwrap().input_tokens >= 1_000, "{}", case.name);
        }
    }
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

/// Takes off a message what is the protocol's own and means nothing to a reader of events.
fn told_part(message: &Value) -> Value {
    let mut message = message.clone();
    let object = message.as_object_mut().unwrap();
    for envelope in ["jsonrpc", "id"] {
        object.remove(envelope);
    }
    if let Some(params) = object.get_mut("params").and_then(Value::as_object_mut) {
        params.remove("sessionId");
        if let Some(update) = params.get_mut("update").and_then(Value::as_object_mut) {
            update.remove("sessionUpdate");
        }
        // Chosen by kind, and shown to nobody.
        params.remove("options");
    }
    if matches!(
        object.get("method").and_then(Value::as_str),
        Some("session/update" | "session/request_permission")
    ) {
        object.remove("method");
    }
    message
}

#[test]
fn nothing_that_an_agent_says_is_dropped() {
    for case in cases() {
        let played = case.play();
        let mut told = Vec::new();
        leaves(&Value::from(played.run.seen()), &mut told);
        let all = told.join("\n");
        for message in &played.received {
            let mut said = Vec::new();
            leaves(&told_part(message), &mut said);
            for leaf in said {
                // Pieces of a message are told as one; output without its fence; an error within a sentence.
                let plain = leaf
                    .trim_start_matches("```console\n")
                    .trim_start_matches("```\n")
                    .trim_end_matches("\n```");
                let plain = plain.strip_prefix("Internal error: ").unwrap_or(plain).trim();
                let code = message["error"]["code"].as_i64().is_some_and(|code| leaf.parse() == Ok(code));
                let word = message["error"]["data"].to_string().contains(&leaf);
                // Steps of a call between its first and its last.
                let step = matches!(
                    leaf.as_str(),
                    "pending" | "in_progress" | "diff" | "content" | "text" | "terminal"
                );
                let declined = leaf == "failed" && all.contains("declined");
                let replayed = case.name.ends_with("load") && message.to_string().contains("_chunk");
                assert!(
                    code || word
                        || step
                        || declined
                        || replayed
                        || all.contains(plain)
                        || case.is_shown_otherwise(message, &leaf),
                    "{}: {leaf:?} of {message}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn a_batch_and_single_lines_come_to_the_same() {
    let seen = |played: player::Played| {
        let mut seen = played.run.seen();
        // The clock of a rehearsal goes by inputs.
        for remembered in seen.iter_mut().filter_map(|effect| effect.pointer_mut("/remember/opened_at")) {
            remembered.take();
        }
        seen
    };
    for case in cases() {
        assert!(seen(case.play()) == seen(case.play_at_once()), "{}", case.name);
    }
}

#[test]
fn only_what_is_new_is_told_of_a_session_that_is_loaded() {
    for agent in ["claude", "codex", "opencode"] {
        let played = Case::load(&format!("{agent}/resume-2-load")).play();
        let events = played.run.events();
        let said: Vec<&Value> = events.iter().filter(|event| event["kind"] == "agent_message").collect();
        assert!(said.iter().all(|event| event["data"]["text"] != "first answer"), "{agent}: {said:?}");
        assert!(events.iter().any(|event| event["kind"] == "x_acp_history_skipped"), "{agent}");
        let answer = played.run.outcome().unwrap().final_response.clone().unwrap();
        assert!(answer.contains("first answer") && answer.contains("mock:recall"), "{agent}: {answer}");
    }
}

#[test]
fn a_resumed_run_is_charged_what_it_cost_itself() {
    let first = Case::load("claude/resume-1-new").play();
    assert_eq!(first.run.outcome().unwrap().usage.unwrap().cost_micro_usd, Some(10_000));
    let remembered = first.run.remembered().unwrap();
    let second = Case::load("claude/resume-3-resume").play_resuming(&remembered);
    assert_eq!(second.run.outcome().unwrap().usage.unwrap().cost_micro_usd, Some(15_000));
    assert_eq!(second.run.remembered().unwrap()["cost_micro_usd"], json!(25_000));
}

#[test]
fn what_is_told_of_usage_only_grows_and_ends_at_what_the_outcome_says() {
    let mut told = 0;
    for case in cases() {
        told += case.play().run.told_in_between().unwrap_or_else(|wrong| panic!("{}: {wrong}", case.name));
    }
    assert!(told >= 40, "{told}");
}
