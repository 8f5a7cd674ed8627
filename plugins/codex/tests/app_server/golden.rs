//! What becomes of every recorded dialogue.

use std::collections::BTreeSet;

use pointsman_sdk::backend::{Effect, Ending};
use serde_json::Value;

use crate::dialogue::{Case, case, cases, written};

/// Notices that the crate's documentation lists as not told.
const NOT_TOLD: &[&str] = &[
    "account/rateLimits/updated",
    "remoteControl/status/changed",
    "thread/readState/changed",
    "thread/started",
    "thread/status/changed",
    "turn/started",
    "serverRequest/resolved",
];

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
        insta::with_settings!({ snapshot_suffix => case.name, omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
            insta::assert_json_snapshot!("app_server", seen);
        });
    }
}

#[test]
fn every_start_has_its_end_and_every_question_its_start() {
    for case in cases() {
        let run = case.play();
        let mut open = BTreeSet::new();
        for effect in run.effects() {
            match effect {
                Effect::Emit(event) if event.kind.ends_with("_started") && event.kind != "run_started" => {
                    let item = event.item.clone().unwrap();
                    assert!(open.insert(item), "{}: {} began twice", case.name, event.kind);
                }
                Effect::Emit(event) if event.kind.ends_with("_finished") => {
                    let item = event.item.clone().unwrap();
                    assert!(open.remove(&item), "{}: {item} ended without a start", case.name);
                }
                Effect::AskPermission(asked) => {
                    let item = asked.item.clone().unwrap();
                    assert!(open.contains(&item), "{}: a question about nothing: {item}", case.name);
                    assert!(!asked.editable);
                }
                _ => {}
            }
        }
        assert!(open.is_empty(), "{}: {open:?}", case.name);
    }
}

#[test]
fn every_run_ends_once_and_by_itself() {
    for case in cases() {
        let run = case.play();
        let finishes = run.effects().iter().filter(|effect| matches!(effect, Effect::Finish(_))).count();
        assert_eq!(finishes, 1, "{}", case.name);
        // A process was stopped by force in none of them: closing its input was enough.
        assert!(
            !run.effects().iter().any(|effect| matches!(effect, Effect::StopProcess(_))),
            "{}",
            case.name
        );
    }
}

#[test]
fn what_is_allowed_is_what_the_recorded_host_allowed() {
    for case in cases() {
        for answer in written(&case.play()).iter().filter(|line| line.get("result").is_some()) {
            let decision = answer.pointer("/result/decision").or(answer.pointer("/result/action"));
            if let Some(decision) = decision.and_then(Value::as_str) {
                assert!(["accept", "decline", "cancel"].contains(&decision), "{}: {answer}", case.name);
            }
        }
    }
}

/// Gives all texts and numbers in a value.
fn leaves(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Number(number) => drop(found.insert(number.to_string())),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Gives what an adapter must tell of a line of codex's.
fn to_be_told(said: &Value) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    let params = &said["params"];
    let item = &params["item"];
    match said["method"].as_str() {
        None => {}
        Some(method) if NOT_TOLD.contains(&method) || method.to_lowercase().ends_with("delta") => {}
        Some("item/reasoning/summaryPartAdded" | "turn/diff/updated" | "turn/completed" | "error") => {}
        Some("thread/tokenUsage/updated") => {}
        Some("item/started" | "item/completed") => {
            let empty = ["agentMessage", "reasoning"].iter().any(|name| item["type"] == **name);
            if item["type"] == "userMessage" || (empty && said["method"] == "item/started") {
                return told;
            }
            for (name, value) in item.as_object().unwrap() {
                if !["type", "startedAtMs", "completedAtMs", "status"].contains(&name.as_str()) {
                    leaves(value, &mut told);
                }
            }
        }
        Some(method) if method.ends_with("/requestApproval") => {
            for name in ["command", "cwd", "reason", "itemId", "commandActions", "permissions", "grantRoot"] {
                leaves(&params[name], &mut told);
            }
        }
        Some("mcpServer/elicitation/request") => {
            leaves(&params["_meta"]["tool_name"], &mut told);
            leaves(&params["_meta"]["tool_params"], &mut told);
            leaves(&params["_meta"]["tool_description"], &mut told);
            leaves(&params["serverName"], &mut told);
            leaves(&params["message"], &mut told);
        }
        Some("item/tool/requestUserInput") => leaves(&params["questions"], &mut told),
        Some(_) => leaves(params, &mut told),
    }
    told
}

#[test]
fn no_line_is_silently_dropped() {
    for case in cases() {
        let run = case.play();
        let mut told = BTreeSet::new();
        leaves(&Value::from(run.seen()), &mut told);
        for effect in run.effects() {
            if let Effect::AwaitInput(interruption) = effect {
                leaves(&serde_json::from_str(interruption.detail.as_deref().unwrap()).unwrap(), &mut told);
            }
        }
        for said in case.said() {
            let missing: Vec<String> =
                to_be_told(said).into_iter().filter(|leaf| !told.contains(leaf)).collect();
            assert!(missing.is_empty(), "{}: {missing:?} of {said}", case.name);
        }
        let errors = case.said().filter(|said| said["method"] == "error").count();
        let retries = run.events().iter().filter(|event| event["data"]["retry"] == true).count();
        let failed = usize::from(run.outcome().unwrap().ending == Ending::Failed);
        assert!(
            errors == 0 || errors == retries + failed,
            "{}: {errors} errors, {retries} retries",
            case.name
        );
        let used = case.said().any(|said| said["method"] == "thread/tokenUsage/updated");
        assert_eq!(run.outcome().unwrap().usage.is_some(), used, "{}", case.name);
    }
}

#[test]
fn a_batch_and_single_lines_come_to_the_same_however_items_are_called() {
    for case in cases() {
        let renamed =
            case.renamed("00000000-0000-7000-8000-", "ffffffff-aaaa-7000-8000-").renamed("call_", "c-");
        let back = |seen: Vec<Value>| {
            Value::from(seen)
                .to_string()
                .replace("ffffffff-aaaa-7000-8000-", "00000000-0000-7000-8000-")
                .replace("c-", "call_")
        };
        assert_eq!(back(renamed.play().seen()), back(case.play().seen()), "{}", case.name);
    }
}

#[test]
fn a_resumed_run_is_charged_what_it_used_itself() {
    let first = case("resume-1-start").play();
    let second: Case = case("resume-2-resume");
    let remembered = first.remembered().unwrap();
    let task = pointsman_sdk::backend::Task { resume: Some(remembered.to_string()), ..second.task() };
    let run = second.play_in(pointsman_sdk::rehearsal::Rehearsal::start(task).unwrap());
    assert_eq!(first.outcome().unwrap().usage.unwrap().input_tokens, 1_000);
    assert_eq!(run.outcome().unwrap().usage.unwrap().input_tokens, 1_000, "2,000 for the whole conversation");
    assert_eq!(run.remembered().unwrap()["usage"]["input_tokens"], 2_000);
}

#[test]
fn what_is_told_of_usage_only_grows_and_ends_at_what_the_outcome_says() {
    let mut told = 0;
    for case in cases() {
        told += case.play().told_in_between().unwrap_or_else(|wrong| panic!("{}: {wrong}", case.name));
    }
    assert!(told >= 40, "{told}");
}

#[test]
fn what_a_killed_run_used_is_not_charged_to_the_one_that_resumes_its_thread() {
    let second: Case = case("resume-2-resume");
    // It was killed before it could have its use kept.
    let remembered = serde_json::json!({ "thread_id": "00000000-0000-7000-8000-000000000001" });
    let task = pointsman_sdk::backend::Task { resume: Some(remembered.to_string()), ..second.task() };
    let run = second.play_in(pointsman_sdk::rehearsal::Rehearsal::start(task).unwrap());
    assert_eq!(run.outcome().unwrap().usage.unwrap().input_tokens, 1_000, "2,000 for the whole conversation");
}
