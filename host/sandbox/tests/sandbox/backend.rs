//! Hostile backends.

use std::time::{Duration, Instant};

use pointsman_model::plugin::{Argument, Effect};
use pointsman_model::{Ending, Part};
use pointsman_sandbox::{CallError, Cause};
use rstest::rstest;
use serde_json::json;

use crate::support::{backend, cause, component, is_cause_of, run, sandbox_with, task, task_in, timer};

#[rstest]
fn ruin_is_contained_and_named(
    #[values("trap", "panic", "exit", "stack", "frames", "spin", "memory")] word: &str,
) {
    let backend = backend();
    let cause_in_start = cause(backend.start(&task(word), [0; 32]), "run.start");
    assert!(is_cause_of(word, &cause_in_start), "{cause_in_start:?}");

    let mut run = run(&backend, word);
    let cause_in_handle = cause(run.handle(&[timer(2)]), "run.handle");
    assert!(is_cause_of(word, &cause_in_handle), "{cause_in_handle:?}");

    // The instance is gone, the plugin is not.
    assert_eq!(cause(run.handle(&[timer(3)]), "run.handle"), Cause::Poisoned);
    backend.start(&task("nothing"), [0; 32]).expect("another run of the same plugin");
}

#[rstest]
#[case("huge_return", "bytes", 32 << 20)]
#[case("very_many_effects", "bytes", 32 << 20)]
#[case("many_effects", "effects", 16_384)]
#[case("many_strings", "texts in lists", 16_384)]
#[case("deep_json", "levels of JSON", 64)]
#[case("many_nodes", "values in the JSON of one call", 500_000)]
#[case("many_nodes_in_many_events", "values in the JSON of one call", 500_000)]
#[case("long_json", "bytes of JSON in one text", 8 << 20)]
fn what_is_returned_is_bounded(#[case] word: &str, #[case] what: &'static str, #[case] limit: usize) {
    let sandbox = sandbox_with(|limits| {
        limits.fuel *= 20;
        limits.memory_bytes *= 4;
    });
    let backend = sandbox.load_backend("hostile", component()).expect("a backend");
    let mut run = run(&backend, word);
    assert_eq!(cause(run.handle(&[timer(2)]), "run.handle"), Cause::ReturnedTooMuch { what, limit });
    assert_eq!(cause(run.handle(&[timer(3)]), "run.handle"), Cause::Poisoned);
}

#[rstest]
#[case("no_json", "data of an event")]
#[case("no_object", "data of an event is not a JSON object")]
fn what_is_returned_is_checked(#[case] word: &str, #[case] expected: &str) {
    let found = cause(backend().start(&task(word), [0; 32]), "run.start");
    assert!(matches!(&found, Cause::Malformed { what } if what.contains(expected)), "{found:?}");
}

#[test]
fn a_refusal_is_the_plugins_own_word_and_no_failure() {
    let backend = backend();
    let refused = backend.start(&task("refuse"), [0; 32]).expect_err("it refuses");
    assert_eq!(refused, CallError::Refused("not today".to_owned()));

    let mut run = run(&backend, "refuse");
    for after in 2..4 {
        assert_eq!(run.handle(&[timer(after)]), Err(CallError::Refused("not today".to_owned())));
    }
}

#[test]
fn a_refusal_is_cut_to_what_somebody_reads() {
    let refused = backend().start(&task("refuse_at_length"), [0; 32]).expect_err("it refuses");
    assert!(matches!(refused, CallError::Refused(text) if text.len() <= 8_192 && text.ends_with('ä')));
}

/// One instruction that copies 64 MiB uses hardly any fuel; the deadline catches what the fuel does not.
#[rstest]
fn a_deadline_holds_where_fuel_does_not(#[values("fill", "spin")] word: &str) {
    let limit = Duration::from_millis(200);
    let sandbox = sandbox_with(|limits| {
        limits.fuel = u64::MAX;
        limits.deadline = limit;
    });
    let backend = sandbox.load_backend("hostile", component()).expect("a backend");
    let began = Instant::now();
    assert_eq!(cause(backend.start(&task(word), [0; 32]), "run.start"), Cause::Deadline { limit });
    assert!(began.elapsed() >= limit);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn an_instance_that_does_not_fit_is_named() {
    let sandbox = sandbox_with(|limits| limits.memory_bytes = 64 << 10);
    let error = sandbox.load_backend("hostile", component()).expect_err("there is no room");
    let text = error.to_string();
    assert!(text.contains("`instantiate`") && text.contains("out of memory (65536 bytes)"), "{text}");
}

#[test]
fn every_effect_keeps_its_meaning() {
    let (_run, effects) = backend().start(&task("every_effect"), [0; 32]).expect("effects");
    let names: Vec<&str> = effects.iter().map(Effect::name).collect();
    assert_eq!(
        names,
        [
            "emit",
            "start-process",
            "write-process",
            "close-input",
            "set-timer",
            "clear-timer",
            "remember",
            "extension",
            "finish"
        ]
    );
    let Effect::Emit(event) = &effects[0] else { panic!() };
    assert_eq!((event.kind.as_str(), event.data["text"].as_str()), ("x_hostile_said", Some("ä")));
    let Effect::StartProcess(process) = &effects[1] else { panic!() };
    assert_eq!(process.args[1], Argument::File { name: "schema.json".to_owned(), content: b"{}".to_vec() });
    assert_eq!(effects[4], Effect::SetTimer(2, 500));
    assert_eq!(effects[6], Effect::Remember(json!({"thread": "t"})));
    let Effect::Finish(outcome) = &effects[8] else { panic!() };
    let failure = outcome.failure.as_ref().expect("a cause");
    assert_eq!(outcome.ending, Ending::Failed);
    assert_eq!((failure.reason.as_str(), failure.message.as_str()), ("failed", "it broke"));
    assert_eq!(outcome.structured_output, Some(json!([1])));
}

#[test]
fn a_task_that_cannot_be_carried_is_no_failure_of_the_plugin() {
    let mut task = task_in("start", "nothing");
    task.message.parts.push(Part::File {
        uri: None,
        bytes_base64: Some("not base64".to_owned()),
        mime_type: None,
        name: None,
    });
    let error = backend().start(&task, [0; 32]).expect_err("it cannot be carried");
    assert!(matches!(&error, CallError::Input { what, .. } if what.contains("base64")), "{error}");
}

/// Runs are handed from thread to thread.
#[test]
fn runs_can_be_sent() {
    fn sent<T: Send>() {}
    sent::<pointsman_sandbox::BackendRun>();
    fn shared<T: Send + Sync + Clone>() {}
    shared::<pointsman_sandbox::BackendPlugin>();
    shared::<pointsman_sandbox::SanitizerPlugin>();
    shared::<pointsman_sandbox::PolicyModule>();
    shared::<pointsman_sandbox::Rulebook>();
    shared::<pointsman_sandbox::Sandbox>();
}
