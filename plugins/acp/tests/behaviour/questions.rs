//! What an agent asks before it acts.

use super::*;

#[test]
fn a_question_with_a_text_for_an_id_that_nobody_announced_gets_its_tool_event_first() {
    let mut scene = Scene::prompted();
    scene.says(&permission("7f3c-text", json!({ "toolCallId": "t", "title": "rm -r /", "kind": "execute" })));
    let kinds: Vec<&str> = scene.run.effects().iter().rev().take(2).map(name).collect();
    assert_eq!(kinds, ["ask-permission", "emit"]);
    let begun = scene.events("command_started").pop().unwrap();
    assert_eq!((&begun["item"], &begun["data"]["command"]), (&json!("t"), &json!("rm -r /")));
    scene.answers("permission-1", Answer::Allow);
    assert_eq!(scene.last(), selected("7f3c-text", "yes"));
}

fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Emit(_) => "emit",
        Effect::AskPermission(_) => "ask-permission",
        _ => "other",
    }
}

fn selected(id: &str, option: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "outcome": { "outcome": "selected", "optionId": option } } })
}

#[test]
fn a_question_about_nothing_known_is_asked_as_such() {
    let mut scene = Scene::prompted();
    scene.says(&json!({ "id": "q", "method": "session/request_permission", "params": { "options": [] } }));
    let asked = scene.asked();
    assert_eq!((asked.kind.as_str(), asked.item.as_deref()), ("tool", Some("permission-1")));
    scene.answers("permission-1", Answer::Deny("no".to_owned()));
    assert_eq!(scene.last(), outcome_cancelled("q"), "there is no option to reject by");
}

#[test]
fn a_yes_for_once_never_becomes_one_for_ever() {
    let mut scene = Scene::prompted();
    let mut question = permission("q", json!({ "toolCallId": "t", "title": "ls", "kind": "execute" }));
    question["params"]["options"] = json!([
        { "optionId": "always", "kind": "allow_always", "name": "Always" },
        { "optionId": "never", "kind": "reject_always", "name": "Never" },
    ]);
    scene.says(&question);
    scene.answers("permission-1", Answer::Allow);
    assert_eq!(scene.last(), selected("q", "never"));
    assert_eq!(scene.events("x_acp_permission_unanswerable").len(), 1);
}

#[test]
fn what_was_said_about_a_denial_reaches_the_agent_when_its_turn_is_over() {
    let mut scene = Scene::prompted();
    scene.says(&permission(
        "a",
        json!({ "toolCallId": "t", "title": "git push\nand more", "kind": "execute" }),
    ));
    scene.answers("permission-1", Answer::Deny("main is protected".to_owned()));
    assert_eq!(scene.last(), selected("a", "no"));
    scene.ends_turn("cancelled");
    let prompt = scene.last();
    let words = prompt["params"]["prompt"][0]["text"].as_str().unwrap();
    assert!(words.contains("- git push: main is protected"), "{words}");
    assert_eq!(scene.events("command_finished")[0]["data"]["status"], "declined");
    scene.update(json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "I leave it." } }));
    scene.ends_turn("end_turn");
    let outcome = scene.exits();
    assert_eq!((outcome.ending, outcome.final_response.as_deref()), (Ending::Completed, Some("I leave it.")));
}

#[test]
fn an_agent_with_nothing_to_add_to_a_denial_keeps_its_answer() {
    let mut scene = Scene::prompted();
    scene.says(&permission("a", json!({ "toolCallId": "t", "title": "git push", "kind": "execute" })));
    scene.answers("permission-1", Answer::Deny("main is protected".to_owned()));
    scene.update(json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "Not pushed." } }));
    scene.ends_turn("end_turn");
    scene.ends_turn("end_turn");
    assert_eq!(scene.exits().final_response.as_deref(), Some("Not pushed."));
}

#[test]
fn an_agent_that_asks_for_the_same_for_ever_is_not_listened_to_for_ever() {
    let mut scene = Scene::prompted();
    for turn in 1..=21 {
        scene.says(&permission(
            "q",
            json!({ "toolCallId": format!("t{turn}"), "title": "ls", "kind": "execute" }),
        ));
        scene.answers(&format!("permission-{turn}"), Answer::Deny("no".to_owned()));
        scene.ends_turn("end_turn");
    }
    assert_eq!(scene.exits().ending, Ending::Completed);
}

#[test]
fn a_question_that_the_agent_takes_back_is_withdrawn() {
    let mut scene = Scene::prompted();
    scene.says(&permission("q", json!({ "toolCallId": "t", "title": "ls", "kind": "execute" })));
    scene.says(&json!({ "method": "$/cancel_request", "params": { "requestId": "q" } }));
    assert!(scene.run.effects().contains(&Effect::WithdrawPermission("permission-1".to_owned())));
    assert_eq!((&scene.last()["id"], &scene.last()["error"]["code"]), (&json!("q"), &json!(-32800)));
    let before = scene.sent().len();
    scene.answers("permission-1", Answer::Allow);
    assert_eq!(scene.sent().len(), before, "an answer that crossed it goes nowhere");
}

#[test]
fn a_question_that_outlives_its_turn_is_withdrawn() {
    let mut scene = Scene::prompted();
    scene.says(&permission("q", json!({ "toolCallId": "t", "title": "ls", "kind": "execute" })));
    scene.ends_turn("end_turn");
    assert!(scene.run.effects().contains(&Effect::WithdrawPermission("permission-1".to_owned())));
    assert!(scene.sent().contains(&outcome_cancelled("q")));
}
