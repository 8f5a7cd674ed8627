//! How a run is cancelled.

use super::*;

#[test]
fn a_cancelled_run_tells_the_agent_and_answers_what_is_open() {
    let mut scene = Scene::prompted();
    for id in ["a", "b"] {
        scene.says(&permission(id, json!({ "toolCallId": id, "title": "ls", "kind": "execute" })));
    }
    scene.input(Input::Cancel("enough".to_owned()));
    scene.input(Input::Cancel("enough, I said".to_owned()));
    let sent = scene.sent();
    let said: Vec<&Value> = sent.iter().rev().take(3).rev().collect();
    assert_eq!(said[0]["method"], "session/cancel");
    assert_eq!([said[1], said[2]], [&outcome_cancelled("a"), &outcome_cancelled("b")]);
    scene.says(&permission("c", json!({ "toolCallId": "c", "title": "ls", "kind": "execute" })));
    assert_eq!(scene.last(), outcome_cancelled("c"), "nobody is asked any more");
    scene.ends_turn("cancelled");
    assert!(scene.run.effects().contains(&Effect::CloseInput(PROCESS)));
    let outcome = scene.exits();
    assert_eq!((outcome.ending, outcome.error.as_deref()), (Ending::Cancelled, Some("enough")));
}

#[test]
fn an_agent_that_does_not_end_is_asked_more_and_more_firmly() {
    let mut scene = Scene::prompted();
    scene.input(Input::Cancel("enough".to_owned()));
    assert_eq!(scene.stops(), [], "the protocol's way first");
    scene.input(Input::Timer(PACE_TIMER));
    for _ in 0..3 {
        scene.input(Input::Timer(STOP_TIMER));
    }
    assert_eq!(scene.stops(), [Stop::Interrupt, Stop::Terminate, Stop::Kill]);
    scene.run.exited(PROCESS, Exit::Signal(9), "").unwrap();
    assert_eq!(scene.run.outcome().unwrap().ending, Ending::Cancelled);
}

#[test]
fn an_agent_that_stays_when_its_input_ends_is_stopped_and_its_answer_stands() {
    let mut scene = Scene::prompted();
    scene.update(
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "done" } }),
    );
    scene.ends_turn("end_turn");
    scene.input(Input::Timer(PACE_TIMER));
    assert_eq!(scene.stops(), []);
    scene.input(Input::Timer(PACE_TIMER));
    assert_eq!(scene.stops(), [Stop::Interrupt]);
    scene.run.exited(PROCESS, Exit::Signal(2), "").unwrap();
    let outcome = scene.run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.final_response.as_deref()), (Ending::Completed, Some("done")));
}

#[test]
fn a_run_cancelled_before_its_turn_is_stopped_at_once() {
    let mut scene = Scene::begun(task());
    scene.input(Input::Cancel("enough".to_owned()));
    assert_eq!(scene.stops(), [Stop::Interrupt]);
    assert_eq!(scene.exits().ending, Ending::Cancelled);
}
