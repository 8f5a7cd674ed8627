//! Permissions that the agent asks for.

use pointsman_model::Approval;
use serde_json::{Value, json};

use super::{Stage, says};

async fn working(stage: &Stage, who: &str) -> Value {
    let params = json!({"message": says("go"), "configuration": {"returnImmediately": true}});
    let task = stage.v1_as(who, "SendMessage", params).await["result"]["task"].clone();
    stage.host.tell(stage.host.newest(), "run_started", json!({}));
    task
}

fn answer(task: &Value, parts: Value) -> Value {
    let message = json!({"messageId": "m-2", "role": "ROLE_USER", "taskId": task["id"], "parts": parts});
    json!({"message": message, "configuration": {"returnImmediately": true}})
}

fn reply(approval: &Approval, word: &str) -> Value {
    json!({"approval_id": approval.approval_id, "digest": approval.digest, "answer": word})
}

/// By default a person of this host answers: the client learns that, and nothing of what is asked.
#[tokio::test]
async fn a_client_without_a_person_is_told_to_wait() {
    let stage = Stage::set();
    let task = working(&stage, "ada").await;
    let run = stage.host.newest();
    let approval = stage.host.ask(run, 1, false);
    let waiting = stage.v1("GetTask", json!({"id": task["id"]})).await["result"]["status"].clone();
    assert_eq!(waiting["state"], "TASK_STATE_AUTH_REQUIRED");
    insta::assert_json_snapshot!("asked_elsewhere", waiting["message"]);
    assert!(!waiting.to_string().contains("git push"), "{waiting}");
    let refused = stage.v1("SendMessage", answer(&task, json!([{"data": reply(&approval, "allow")}]))).await;
    assert_eq!(refused["error"]["code"], -32004);
    let listed = stage.v1("ListTasks", json!({"status": "TASK_STATE_AUTH_REQUIRED"})).await;
    assert_eq!(listed["result"]["totalSize"], 1);

    // A stream stays open: the task goes on by itself.
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": {"id": task["id"]}});
    let headers =
        [("authorization", "Bearer ada-token"), ("content-type", "application/json"), ("a2a-version", "1.0")];
    let stream = stage.begin("POST", "/agents/coder/rpc", &headers, &body.to_string()).await;
    stage.host.tell(run, "approval_resolved", json!({"approval_id": approval.approval_id}));
    stage.host.tell(run, "run_completed", json!({"final_response": "done"}));
    let bytes = axum::body::to_bytes(stream.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let states: Vec<&str> = ["TASK_STATE_AUTH_REQUIRED", "TASK_STATE_WORKING", "TASK_STATE_COMPLETED"].into();
    let mut at = 0;
    for state in states {
        at += text[at..].find(state).unwrap_or_else(|| panic!("{state} comes in turn: {text}"));
    }
}

#[tokio::test]
async fn a_client_that_speaks_for_a_person_sees_and_answers() {
    let stage = Stage::set();
    let task = working(&stage, "bob").await;
    let run = stage.host.newest();
    let (first, second) = (stage.host.ask(run, 1, false), stage.host.ask(run, 2, true));
    let status = |answer: Value| answer["result"]["status"].clone();
    let waiting = status(stage.v1_as("bob", "GetTask", json!({"id": task["id"]})).await);
    assert_eq!(waiting["state"], "TASK_STATE_INPUT_REQUIRED");
    insta::assert_json_snapshot!("asked_here", waiting["message"]);

    let wrong = |data: Value| stage.v1_as("bob", "SendMessage", answer(&task, json!([{"data": data}])));
    let mut other = reply(&first, "allow");
    other["digest"] = json!(second.digest);
    assert_eq!(wrong(other).await["error"]["code"], -32602, "another digest");
    assert_eq!(wrong(json!({"answer": "allow"})).await["error"]["code"], -32602, "no question");
    assert_eq!(wrong(reply(&first, "maybe")).await["error"]["code"], -32602, "no answer");
    let mut edited = reply(&first, "allow_edited");
    edited["input"] = json!({});
    assert_eq!(wrong(edited.clone()).await["error"]["code"], -32602, "not editable");
    let text = stage.v1_as("bob", "SendMessage", answer(&task, json!([{"text": "yes, do it"}]))).await;
    assert_eq!(text["error"]["code"], -32602, "a text is no answer");
    let both = json!([{"data": reply(&first, "allow")}, {"data": edited}]);
    let twice = stage.v1_as("bob", "SendMessage", answer(&task, both)).await;
    assert_eq!(twice["error"]["code"], -32602, "one wrong answer undoes all");
    assert!(!stage.host.asked.lock().unwrap().iter().any(|said| said.starts_with("answer")));

    let mut denial = reply(&first, "deny");
    denial["feedback"] = json!("not on Fridays");
    let task_now = stage.v1_as("bob", "SendMessage", answer(&task, json!([{"data": denial}]))).await;
    let waiting = &task_now["result"]["task"]["status"];
    assert_eq!(waiting["state"], "TASK_STATE_INPUT_REQUIRED", "one is still open");
    assert_eq!(waiting["message"]["parts"].as_array().unwrap().len(), 2);
    let mut edited = reply(&second, "allow_edited");
    edited["input"] = json!({"command": "git push --dry-run"});
    let task_now = stage.v1_as("bob", "SendMessage", answer(&task, json!([{"data": edited}]))).await;
    assert_eq!(task_now["result"]["task"]["status"]["state"], "TASK_STATE_WORKING");
    let said = stage.host.asked.lock().unwrap().clone();
    assert_eq!(
        said[said.len() - 2..],
        [
            r#"answer a2a:bob {"answer":"deny","feedback":"not on Fridays"}"#.to_owned(),
            r#"answer a2a:bob {"answer":"allow_edited","input":{"command":"git push --dry-run"}}"#.to_owned(),
        ]
    );
}
