//! What is published of the tools.

use serde_json::{Value, json};

use super::client::Line;
use super::fake::Fake;
use crate::tool::{INSTRUCTIONS, Tool};

#[test]
fn definitions_are_as_agreed() {
    insta::with_settings!({sort_maps => true}, {
        insta::assert_json_snapshot!(Tool::definitions());
    });
}

/// Invariant 8: whoever asks cannot answer, so nothing that a client can call takes an answer or names a question.
#[test]
fn no_tool_answers_a_question() {
    for tool in Tool::definitions() {
        let takes = serde_json::to_value(&tool.input_schema).unwrap();
        let keys: Vec<_> =
            takes["properties"].as_object().into_iter().flatten().map(|(key, _)| key).collect();
        for word in ["approv", "permission", "allow", "digest", "scope"] {
            assert!(!tool.name.contains(word), "{}", tool.name);
            assert!(!keys.iter().any(|key| key.contains(word)), "{} takes {keys:?}", tool.name);
        }
    }
}

/// A definition costs every conversation its size, so growth has to be meant: what a model sees is the name, the
/// description and the input schema.
#[test]
fn definitions_are_small() {
    let mut seen_by_models = 0;
    let mut on_the_wire = 0;
    for tool in Tool::definitions() {
        let whole = serde_json::to_string(&tool).unwrap().len();
        let seen = tool.name.len()
            + tool.description.as_ref().unwrap().len()
            + serde_json::to_string(&tool.input_schema).unwrap().len();
        println!("{:22} {seen:5} seen by models, {whole:5} on the wire", tool.name);
        // spawn_run alone needs more: it has fifteen keys, all of them in use.
        assert!(seen < if tool.name == "spawn_run" { 2_304 } else { 1_200 }, "{}: {seen}", tool.name);
        assert!(whole < 4_096, "{}: {whole}", tool.name);
        seen_by_models += seen;
        on_the_wire += whole;
    }
    println!("{seen_by_models} seen by models, {on_the_wire} on the wire");
    assert!(seen_by_models < 10_500, "{seen_by_models}");
    assert!(on_the_wire < 23_500, "{on_the_wire}");
    assert!(INSTRUCTIONS.len() < 2_048);
}

/// Whatever the host answers has the shape that was published; serde and the schema are two different programs.
#[tokio::test]
async fn answers_have_the_published_shape() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    let run_id = super::fake::run_id(1).to_string();
    let message = json!({"role": "user", "parts": [{"type": "text", "text": "hi"}]});
    let calls: [(Tool, Value); 11] = [
        (
            Tool::SpawnRun,
            json!({"backend": "codex", "role": "worker", "cwd": "/", "session_mode": "new", "prompt": "go"}),
        ),
        (Tool::GetRun, json!({"run_id": run_id})),
        (Tool::PollEvents, json!({"run_id": run_id, "after_seq": 0})),
        (Tool::ContinueRun, json!({"run_id": run_id, "input_message": message})),
        (Tool::ListRuns, json!({})),
        (Tool::GetEventArtifact, json!({"run_id": run_id, "seq": 1, "field_path": "/text"})),
        (Tool::ListAgents, json!({})),
        (Tool::SendAgentMessage, json!({"to_agent_name": "agent1", "message": message})),
        (Tool::FetchAgentMessages, json!({"agent_name": "agent1"})),
        (Tool::WaitForRuns, json!({"run_ids": [run_id], "wait_ms": 0})),
        (Tool::ExplainPolicy, json!({"backend": "codex", "cwd": "/", "access": "full"})),
    ];
    for (tool, arguments) in calls {
        let definition = tool.definition();
        let input = Value::Object((*definition.input_schema).clone());
        assert!(jsonschema::is_valid(&input, &arguments), "{} {arguments}", tool.name());
        let answer = line.answer(tool.name(), arguments).await;
        let output = Value::Object((**definition.output_schema.as_ref().unwrap()).clone());
        if let Err(error) = jsonschema::validate(&output, &answer) {
            panic!("{}: {error} in {answer}", tool.name());
        }
    }
}
