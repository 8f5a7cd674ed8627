//! What becomes of everything that agents were recorded to say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod http;
mod play;

use std::collections::BTreeMap;

use http::{Exchange, Kind};
use play::Play;
use pointsman_sdk::backend::{Effect, Ending};
use serde_json::{Value, json};

/// Plays every exchange of every recording: each belongs to a run that began with a message, or is taken as the
/// answer to one.
fn plays() -> BTreeMap<String, (Vec<Exchange>, Vec<Play>)> {
    let scenarios = http::scenarios();
    let cards: BTreeMap<&str, Exchange> = scenarios
        .iter()
        .filter(|(name, _)| name.ends_with("_01-card"))
        .map(|(name, exchanges)| (name.split_once('_').unwrap().0, exchanges[0].clone()))
        .collect();
    let mut all = BTreeMap::new();
    for (name, exchanges) in &scenarios {
        let folder = name.split_once('_').unwrap().0;
        let (mut plays, mut used): (Vec<Play>, Vec<usize>) = Default::default();
        // Runs first, so that what belongs to them is theirs.
        let begins = |at: &usize| exchanges[*at].kind() == Kind::Send && exchanges[*at].task().is_none();
        let (runs, others): (Vec<usize>, Vec<usize>) = (0..exchanges.len()).partition(begins);
        for first in runs.into_iter().chain(others) {
            if used.contains(&first) {
                continue;
            }
            let mut play = Play::begin(folder, &cards[folder], &exchanges[first]);
            play.play(exchanges, first);
            used.extend(&play.used);
            plays.push(play);
        }
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), exchanges.len(), "{name}: an exchange was left out");
        all.insert(name.clone(), (exchanges.clone(), plays));
    }
    all
}

#[test]
fn every_recording_becomes_what_its_snapshot_says() {
    for (name, (_, plays)) in plays() {
        // One effect a line: they are read beside the recording, which has one event a line.
        let lines = |play: &Play| play.seen().iter().map(|effect| format!("{effect}\n")).collect::<String>();
        let seen: Vec<String> = plays.iter().map(lines).collect();
        insta::with_settings!({ snapshot_suffix => name, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("a2a", seen.join("\n"));
        });
    }
}

#[test]
fn each_run_ends_at_most_once_and_waits_only_for_its_user() {
    for (name, (_, plays)) in plays() {
        for play in plays {
            let effects = play.run.effects();
            let ends = effects.iter().filter(|effect| matches!(effect, Effect::Finish(_))).count();
            // A run that has not ended waits for something that was not recorded, and says so.
            let waits = effects.iter().rev().any(|effect| {
                matches!(effect, Effect::AwaitInput(_) | Effect::SendRequest(_) | Effect::SetTimer(_))
            });
            assert!(ends == 1 || (ends == 0 && waits), "{name}");
            if let Some(outcome) = play.run.outcome() {
                assert!(
                    outcome.ending == Ending::Completed || outcome.error.is_some(),
                    "{name}: {outcome:?}"
                );
                assert_eq!(outcome.error.is_some(), outcome.reason.is_some(), "{name}: {outcome:?}");
            }
        }
    }
}

#[test]
fn no_message_is_told_twice_and_every_one_of_an_agents_has_its_twin() {
    for (name, (_, plays)) in plays() {
        for play in plays {
            let events = play.run.events();
            let ids = |kind: &str| -> Vec<&str> {
                let events = events.iter().filter(|event| event["kind"] == kind);
                events
                    .filter(|event| event["data"]["role"] != "user")
                    .filter_map(|event| event["item"].as_str())
                    .collect()
            };
            let (added, said) = (ids("message_added"), ids("agent_message"));
            assert_eq!(added, said, "{name}");
            let mut once = added.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), added.len(), "{name}");
        }
    }
}

/// Gives what an answer says: the texts, data and files of everything that is the agent's.
fn said(value: &Value, resumed: bool, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let role = fields.get("role").and_then(Value::as_str).unwrap_or_default().to_lowercase();
            if role.ends_with("user") {
                return;
            }
            // What is wrong with a request is said in its message; what was said before a run took the task up was
            // told by the run before.
            let known = |key: &str| key == "error" || (key == "history" && resumed);
            for (key, field) in fields.iter().filter(|(key, _)| !known(key)) {
                match field {
                    Value::String(text) if ["text", "raw", "url", "bytes", "uri"].contains(&key.as_str()) => {
                        found.push(text.clone());
                    }
                    Value::Number(number) if ["answer"].contains(&key.as_str()) => {
                        found.push(number.to_string());
                    }
                    field => said(field, resumed, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| said(item, resumed, found)),
        _ => {}
    }
}

/// Gives every text in a value, and every number as text.
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
fn nothing_that_an_agent_says_is_dropped() {
    for (name, (exchanges, plays)) in plays() {
        for play in &plays {
            let resumed = exchanges[play.used[0]].task().is_some();
            let mut told = Vec::new();
            leaves(&Value::from(play.seen()), &mut told);
            for at in &play.used {
                if exchanges[*at].kind() == Kind::Card || exchanges[*at].kind() == Kind::Other {
                    continue;
                }
                let mut said_here = Vec::new();
                exchanges[*at].answers().iter().for_each(|answer| said(answer, resumed, &mut said_here));
                for text in said_here {
                    assert!(told.iter().any(|told| told.contains(&text)), "{name}: {text:?} was dropped");
                }
            }
        }
    }
}

#[test]
fn a_streamed_artifact_is_whole_and_told_once() {
    let mut checked = 0;
    for (name, (_, plays)) in plays() {
        for play in plays {
            let events = play.run.events();
            let prompt = play.run.effects().iter().find_map(|effect| match effect {
                Effect::SendRequest(request) => {
                    let body: Value = serde_json::from_slice(request.body.as_deref()?).ok()?;
                    let message = body.pointer("/params/message").or_else(|| body.get("message"))?;
                    Some(message["parts"][0]["text"].as_str()?.to_owned())
                }
                _ => None,
            });
            let chunks = prompt
                .and_then(|prompt| prompt.strip_prefix("stream ")?.split(' ').next()?.parse::<u32>().ok());
            let (Some(chunks), Some(Ending::Completed)) =
                (chunks, play.run.outcome().map(|outcome| outcome.ending))
            else {
                continue;
            };
            let logs: Vec<&Value> =
                events.iter().filter(|event| event["data"]["artifact_id"] == "log").collect();
            let whole: String = (1..=chunks).map(|line| format!("line {line}\n")).collect();
            assert_eq!(logs.len(), 1, "{name}: {logs:?}");
            assert_eq!(logs[0]["data"]["text"], whole, "{name}");
            checked += 1;
        }
    }
    // The others were answered before they ended, and not looked up again.
    assert!(checked >= 34, "only {checked} streams were whole");
}

/// What the endings of one scenario are, in every folder that it was recorded in.
fn endings(scenario: &str) -> Vec<(String, Vec<Value>)> {
    // REST of 0.3 answers before its tasks have ended, and is not looked up again.
    let of_scenario =
        plays().into_iter().filter(|(name, _)| name.ends_with(scenario) && !name.starts_with("v0.3-rest"));
    of_scenario
        .map(|(name, (_, plays))| {
            let ends = plays.iter().map(|play| match play.run.outcome() {
                Some(outcome) => {
                    let ending = format!("{:?}", outcome.ending).replace("Ending::", "");
                    json!([ending, outcome.reason, outcome.final_response])
                }
                None => Value::Null,
            });
            (name, ends.collect())
        })
        .collect()
}

#[test]
fn tasks_end_alike_in_every_dialect() {
    for (name, ends) in endings("_12-ends") {
        assert_eq!(ends[0], json!(["Failed", "agent_failed", "disk full"]), "{name}");
        assert_eq!(ends[1], json!(["Rejected", "agent_rejected", "This agent does not do that."]), "{name}");
        // The real 0.3 leaves it submitted for ever: the run then waits for the time that lost tasks are given.
        assert!(ends[2].is_null() || ends[2][0] == "Failed", "{name}: {}", ends[2]);
    }
    for (name, ends) in endings("_02-message") {
        assert_eq!(ends, vec![json!(["Completed", null, "hello"]); 2], "{name}");
    }
    for (name, ends) in endings("_06-input-required") {
        assert_eq!(ends[0], json!(["Completed", null, "Published."]), "{name}");
        assert_eq!(ends[1], json!(["Cancelled", "cancelled", "Not approved."]), "{name}");
    }
}
