//! Agents that want their user to log in.

use super::*;

#[test]
fn an_agent_that_wants_a_login_waits_for_its_user() {
    let mut scene = Scene::begun(task());
    scene.answer(
        json!({ "protocolVersion": 1, "authMethods": [{ "id": "web", "name": "Log in by browser" }] }),
    );
    scene.fails(-32000, "Authentication required", Value::Null);
    let waiting = scene.awaited();
    assert_eq!(waiting.kind, InterruptionKind::Auth);
    assert!(waiting.text.contains("Log in by browser"), "{}", waiting.text);
    let detail: Value = serde_json::from_str(&waiting.detail.unwrap()).unwrap();
    assert_eq!(detail["methods"][0]["id"], "web");
    scene.input(Input::Message(Message::text(Speaker::User, "done")));
    assert_eq!(scene.last()["method"], "session/new");
    scene.answer(json!({ "sessionId": "s" }));
    assert_eq!(scene.last()["params"]["prompt"][0]["text"], "do it");
}

#[test]
fn a_login_that_the_operator_configured_is_tried_once_by_itself() {
    let mut scene = Scene::begun(Task { config: config(json!({ "auth_method": "key" })), ..task() });
    scene.opens();
    scene.fails(-32000, "Please log in", Value::Null);
    assert_eq!(
        (&scene.last()["method"], &scene.last()["params"]["methodId"]),
        (&json!("authenticate"), &json!("key"))
    );
    scene.answer(json!({}));
    assert_eq!(scene.last()["method"], "session/prompt");
    scene.fails(-32000, "Please log in", Value::Null);
    assert_eq!(scene.awaited().kind, InterruptionKind::Auth);
}

#[test]
fn another_use_of_the_logins_code_is_a_failure() {
    let mut scene = Scene::prompted();
    scene.fails(-32000, "the moon is full", Value::Null);
    assert_eq!(scene.exits().reason.as_deref(), Some("turn_failed"));
}
