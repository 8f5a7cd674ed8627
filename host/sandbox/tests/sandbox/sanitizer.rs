//! Hostile sanitizers.

use pointsman_model::plugin::Sanitized;
use pointsman_model::{SpilledValue, Timestamp};
use pointsman_sandbox::{CallError, Cause, EventRef};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::{NOW, cause, component, is_cause_of, sandbox_with, sanitizer};

fn data() -> Map<String, Value> {
    let Value::Object(data) = json!({"text": "the whole", "n": 1}) else { panic!() };
    data
}

fn sanitize(sanitizer: &pointsman_sandbox::SanitizerPlugin, word: &str) -> Result<Vec<Sanitized>, CallError> {
    let data = data();
    let event = EventRef { kind: "agent_message", item: Some("1"), data: &data };
    sanitizer.sanitize(&json!({ "do": word }).to_string(), &[event, event], Timestamp::from_millis(NOW))
}

#[rstest]
fn ruin_is_contained_and_named(
    #[values("trap", "panic", "exit", "stack", "frames", "spin", "memory")] word: &str,
) {
    let sanitizer = sanitizer();
    let found = cause(sanitize(&sanitizer, word), "sanitize");
    assert!(is_cause_of(word, &found), "{found:?}");
    assert_eq!(sanitize(&sanitizer, "keep"), Ok(vec![Sanitized::Keep, Sanitized::Keep]));
}

#[rstest]
#[case("too_few", "0 outcomes for 2 events")]
#[case("too_many", "3 outcomes for 2 events")]
#[case("wrong_pointer", "\"/nowhere\" leads nowhere")]
#[case("wrong_type", "neither text/plain nor application/json")]
#[case("no_utf8", "not UTF-8")]
#[case("no_object", "not a JSON object")]
fn what_is_returned_is_checked(#[case] word: &str, #[case] expected: &str) {
    let found = cause(sanitize(&sanitizer(), word), "sanitize");
    assert!(matches!(&found, Cause::Malformed { what } if what.contains(expected)), "{found:?}");
}

#[rstest]
#[case("deep_json", "levels of JSON", 64)]
#[case("many_artifacts", "artifacts", 16_384)]
#[case("huge_return", "bytes", 32 << 20)]
fn what_is_returned_is_bounded(#[case] word: &str, #[case] what: &'static str, #[case] limit: usize) {
    let sandbox = sandbox_with(|limits| {
        limits.fuel *= 20;
        limits.memory_bytes *= 4;
    });
    let sanitizer = sandbox.load_sanitizer("hostile", component()).expect("a sanitizer");
    assert_eq!(cause(sanitize(&sanitizer, word), "sanitize"), Cause::ReturnedTooMuch { what, limit });
}

#[test]
fn an_outcome_keeps_its_meaning() {
    let sanitizer = sanitizer();
    assert_eq!(sanitize(&sanitizer, "refuse"), Err(CallError::Refused("not today".to_owned())));
    assert_eq!(sanitize(&sanitizer, "drop"), Ok(vec![Sanitized::Drop("noise".to_owned()); 2]));
    let same = Sanitized::Rewrite { data: data(), artifacts: Vec::new() };
    assert_eq!(sanitize(&sanitizer, "same"), Ok(vec![same.clone(), same]));
    let spilled = sanitize(&sanitizer, "spill").expect("outcomes");
    let Sanitized::Rewrite { data, artifacts } = &spilled[0] else { panic!("{spilled:?}") };
    assert_eq!(data["text"], "cut");
    let artifact = SpilledValue {
        pointer: "/text".to_owned(),
        mime: "text/plain".to_owned(),
        content: "the whole".to_owned(),
    };
    assert_eq!(*artifacts, [artifact]);
}
