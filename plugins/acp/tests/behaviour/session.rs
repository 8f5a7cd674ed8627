//! How a session begins, and is taken up again.

use super::*;

#[test]
fn another_version_of_the_protocol_is_a_clear_failure() {
    let mut scene = Scene::begun(task());
    scene.answer(json!({ "protocolVersion": 2 }));
    let outcome = scene.exits();
    assert_eq!(outcome.reason.as_deref(), Some("unsupported_protocol"));
    assert!(outcome.error.unwrap().contains("version 2"));
}

#[rstest]
#[case::can_resume(json!({ "loadSession": true, "sessionCapabilities": { "resume": {} } }), Some("session/resume"))]
#[case::can_load(json!({ "loadSession": true }), Some("session/load"))]
#[case::can_neither(json!({}), None)]
fn a_session_is_taken_up_as_the_agent_can(#[case] can: Value, #[case] method: Option<&str>) {
    let mut scene = Scene::begun(Task { resume: Some(json!({ "session_id": "s" }).to_string()), ..task() });
    scene.answer(json!({ "protocolVersion": 1, "agentCapabilities": can }));
    match method {
        Some(method) => {
            assert_eq!(
                (&scene.last()["method"], &scene.last()["params"]["sessionId"]),
                (&json!(method), &json!("s"))
            );
            scene.answer(Value::Null);
            if method == "session/load" {
                scene.input(Input::Timer(PACE_TIMER));
            }
            assert_eq!(scene.last()["method"], "session/prompt");
            assert_eq!(scene.run.remembered().unwrap()["session_id"], "s");
        }
        None => assert_eq!(scene.exits().reason.as_deref(), Some("resume_unsupported")),
    }
}

#[test]
fn an_agent_that_cannot_resume_after_all_loads() {
    let mut scene = Scene::begun(Task { resume: Some(json!({ "session_id": "s" }).to_string()), ..task() });
    let can = json!({ "loadSession": true, "sessionCapabilities": { "resume": {} } });
    scene.answer(json!({ "protocolVersion": 1, "agentCapabilities": can }));
    scene.fails(-32601, "Method not found", Value::Null);
    assert_eq!(scene.last()["method"], "session/load");
}

#[rstest]
#[case::the_same_minute(json!({ "session_id": "s", "opened_at": 1 }), true)]
#[case::another(json!({ "session_id": "s", "opened_at": 60_001 }), false)]
fn gemini_is_given_time_for_its_files(#[case] remembered: Value, #[case] waits: bool) {
    let mut scene = Scene::begun(Task { resume: Some(remembered.to_string()), ..task() });
    scene.answer(json!({
        "protocolVersion": 1, "agentInfo": { "name": "gemini-cli" }, "agentCapabilities": { "loadSession": true },
    }));
    assert_eq!(scene.last()["method"], if waits { "initialize" } else { "session/load" });
    if waits {
        assert!(scene.run.effects().contains(&Effect::SetTimer((PACE_TIMER, 60_999))));
        scene.input(Input::Timer(PACE_TIMER));
        assert_eq!(scene.last()["method"], "session/load");
    }
}

#[test]
fn a_history_that_comes_behind_its_answer_is_no_news() {
    let mut scene = Scene::begun(Task { resume: Some(json!({ "session_id": "s" }).to_string()), ..task() });
    scene.answer(json!({ "protocolVersion": 1, "agentCapabilities": { "loadSession": true } }));
    let old = json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "old" } });
    scene.update(old.clone());
    scene.answer(json!({}));
    scene.update(old);
    assert_eq!(scene.last()["method"], "session/load", "more may come");
    scene.input(Input::Timer(PACE_TIMER));
    scene.update(
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "new" } }),
    );
    scene.ends_turn("end_turn");
    assert_eq!(scene.exits().final_response.as_deref(), Some("new"));
    assert_eq!(scene.events("agent_message").len(), 1);
    assert_eq!(scene.events("x_acp_history_skipped")[0]["data"]["updates"], 2);
}

#[test]
fn modes_models_and_options_are_set_before_the_prompt() {
    let config = config(json!({
        "modes": { "workspace-write": "careful" }, "model": "large", "options": { "loud": true },
    }));
    let mut scene = Scene::begun(Task { config, ..task() });
    scene.answer(json!({ "protocolVersion": 1 }));
    scene.answer(json!({
        "sessionId": "s",
        "modes": { "currentModeId": "wild", "availableModes": [{ "id": "wild" }, { "id": "careful" }] },
        "models": { "currentModelId": "small", "availableModels": [{ "modelId": "large" }] },
    }));
    let mut said = Vec::new();
    for _ in 0..3 {
        said.push(json!([scene.last()["method"], scene.last()["params"]]));
        scene.answer(json!({}));
    }
    assert_eq!(
        said,
        [
            json!(["session/set_mode", { "modeId": "careful", "sessionId": "s" }]),
            json!(["session/set_model", { "modelId": "large", "sessionId": "s" }]),
            json!(["session/set_config_option", { "configId": "loud", "sessionId": "s", "type": "boolean", "value": true }]),
        ]
    );
    assert_eq!(scene.last()["method"], "session/prompt");
}

#[test]
fn a_setting_that_the_agent_refuses_fails_the_run_by_its_name() {
    let mut scene = Scene::begun(Task { config: config(json!({ "options": { "loud": "very" } })), ..task() });
    scene.answer(json!({ "protocolVersion": 1 }));
    scene.answer(json!({ "sessionId": "s" }));
    scene.fails(-32602, "no such value", Value::Null);
    let outcome = scene.exits();
    assert_eq!(outcome.reason.as_deref(), Some("bad_configuration"));
    assert!(outcome.error.unwrap().contains("option loud to \"very\": no such value"));
}

#[test]
fn a_profile_stands_in_front_and_a_schema_behind() {
    let schema = r#"{"type":"integer"}"#;
    let mut scene = Scene::begun(Task {
        instructions: Some("Be brief.".to_owned()),
        output_schema: Some(schema.to_owned()),
        ..task()
    });
    scene.opens();
    let blocks = scene.last()["params"]["prompt"].as_array().unwrap().clone();
    let texts: Vec<&str> = blocks.iter().map(|block| block["text"].as_str().unwrap()).collect();
    assert!(texts[0].contains("Be brief.") && texts[0].ends_with("</system_instructions>"), "{texts:?}");
    assert_eq!(texts[1], "do it");
    assert!(texts[2].ends_with(schema), "{texts:?}");
    scene.update(json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "```json\n7\n```" } }));
    scene.ends_turn("end_turn");
    assert_eq!(scene.exits().structured_output.as_deref(), Some("7"));
}

#[rstest]
#[case(Access::ReadOnly, "workspace-write", false)]
#[case(Access::WorkspaceWrite, "workspace-write", true)]
#[case(Access::WorkspaceWrite, "full", false)]
#[case(Access::ReadOnly, "read-only", true)]
fn a_task_that_wants_the_agent_held_closer_than_it_is_is_refused(
    #[case] access: Access,
    #[case] declared: &str,
    #[case] taken: bool,
) {
    let task = Task { access, config: config(json!({ "access": declared })), ..a_task("x") };
    let started = Scene::start(task);
    assert_eq!(started.is_ok(), taken);
    if let Err(why) = started {
        assert!(why.contains("without asking") && why.contains(access.as_str()), "{why}");
    }
}
