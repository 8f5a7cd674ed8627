//! How a run ends.

use super::*;

#[rstest]
#[case("end_turn", Ending::Completed, None)]
#[case("max_tokens", Ending::Failed, Some("max_tokens"))]
#[case("max_turn_requests", Ending::Failed, Some("max_turn_requests"))]
#[case("refusal", Ending::Failed, Some("refusal"))]
#[case("cancelled", Ending::Failed, Some("interrupted"))]
#[case("bored", Ending::Failed, Some("turn_failed"))]
fn a_reason_to_stop_is_an_outcome(#[case] stop: &str, #[case] ending: Ending, #[case] reason: Option<&str>) {
    let mut scene = Scene::prompted();
    scene.update(
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "so far" } }),
    );
    scene.ends_turn(stop);
    let outcome = scene.exits();
    assert_eq!((outcome.ending, outcome.reason.as_deref()), (ending, reason));
    assert_eq!(outcome.final_response.as_deref(), Some("so far"));
}

#[test]
fn an_agent_that_dies_says_why() {
    let mut scene = Scene::begun(task());
    scene.run.exited(PROCESS, Exit::Code(2), "error: unknown flag --acp\n").unwrap();
    let outcome = scene.run.outcome().unwrap();
    assert_eq!(outcome.reason.as_deref(), Some("exit_status"));
    let error = outcome.error.as_deref().unwrap();
    assert!(
        error.contains("before it had answered the first request") && error.contains("unknown flag"),
        "{error}"
    );
}

#[test]
fn a_silence_is_borne_only_so_long_and_never_while_people_think() {
    let config = config(json!({ "idle_timeout_ms": 5 }));
    let mut scene = Scene::begun(Task { config, ..task() });
    scene.opens();
    scene.says(&permission("q", json!({ "toolCallId": "t", "title": "ls", "kind": "execute" })));
    for _ in 0..20 {
        scene.input(Input::Timer(IDLE_TIMER));
    }
    assert!(!scene.sent().iter().any(|message| message["method"] == "session/cancel"), "a person thinks");
    scene.answers("permission-1", Answer::Allow);
    for _ in 0..6 {
        scene.input(Input::Timer(IDLE_TIMER));
    }
    assert_eq!(scene.last()["method"], "session/cancel");
    scene.input(Input::Timer(PACE_TIMER));
    let outcome = scene.exits();
    assert_eq!(outcome.reason.as_deref(), Some("timeout"));
    assert!(outcome.error.unwrap().contains("idle_timeout_ms"));
}

#[test]
fn without_timers_nothing_waits_for_one() {
    let mut scene = Scene::prompted();
    scene.ends_turn("end_turn");
    for (effect, id) in [
        ("set-timer", IDLE_TIMER),
        ("set-timer", PACE_TIMER),
        ("set-timer", PACE_TIMER),
        ("set-timer", STOP_TIMER),
    ] {
        scene.input(Input::Refused(Refused {
            effect: effect.to_owned(),
            id: Some(id),
            leaf: "timer/set@1".to_owned(),
            reason: "not granted".to_owned(),
        }));
    }
    assert_eq!(scene.stops(), [Stop::Interrupt, Stop::Terminate]);
}

#[rstest]
#[case::cannot_start(Input::ProcessFailed((PROCESS, "no such file".to_owned())), "start_failed")]
#[case::not_granted(
    Input::Refused(Refused {
        effect: "start-process".to_owned(), id: Some(PROCESS), leaf: "process/spawn@1".to_owned(), reason: "grant it".to_owned(),
    }),
    "not_granted"
)]
fn an_agent_that_never_was_is_told(#[case] input: Input, #[case] reason: &str) {
    let mut scene = Scene::begun(task());
    scene.input(input);
    assert_eq!(scene.run.outcome().unwrap().reason.as_deref(), Some(reason));
}
