//! Following tasks.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::{Reply, Stage, says};

/// Reads a stream to its end, from a response that goes on.
async fn rest_of(response: axum::response::Response) -> Vec<Value> {
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Reply { status: 200, kind, text: String::from_utf8(bytes.to_vec()).unwrap() }.events()
}

async fn subscribe(stage: &Stage, id: &Value) -> axum::response::Response {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": {"id": id}});
    let headers =
        [("authorization", "Bearer ada-token"), ("content-type", "application/json"), ("a2a-version", "1.0")];
    stage.begin("POST", "/agents/coder/rpc", &headers, &body.to_string()).await
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_hears_nothing_twice() {
    let stage = Stage::set();
    let params = json!({"message": says("go"), "configuration": {"returnImmediately": true}});
    let task = stage.v1("SendMessage", params).await["result"]["task"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_SUBMITTED");
    let run = stage.host.newest();
    stage.host.tell(run, "run_started", json!({}));
    stage.host.tell(run, "agent_message", json!({"text": "one"}));
    let (first, second) = (subscribe(&stage, &task["id"]).await, subscribe(&stage, &task["id"]).await);
    stage.host.tell(run, "agent_message", json!({"text": "two"}));
    stage.host.tell(run, "run_completed", json!({"final_response": "three"}));
    let events = rest_of(first).await;
    assert_eq!(events, rest_of(second).await, "every stream tells the same");
    let snapshot = &events[0]["result"]["task"];
    assert_eq!(snapshot["status"]["message"]["parts"][0]["text"], "one");
    assert_eq!(events[1]["result"]["statusUpdate"]["status"]["message"]["parts"][0]["text"], "two");
    assert_eq!(events[2]["result"]["artifactUpdate"]["artifact"]["parts"][0]["text"], "three");
    assert_eq!(events[3]["result"]["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(events.len(), 4);
    let late = stage.v1("SubscribeToTask", json!({"id": task["id"]})).await;
    assert_eq!(late["error"]["code"], -32004);
}

#[tokio::test]
async fn a_cancelled_task_ends_its_streams() {
    let stage = Stage::set();
    let params = json!({"message": says("go"), "configuration": {"returnImmediately": true}});
    let task = stage.v1("SendMessage", params).await["result"]["task"].clone();
    let stream = subscribe(&stage, &task["id"]).await;
    let answer = stage.v1("CancelTask", json!({"id": task["id"]})).await;
    assert_eq!(answer["result"]["status"]["state"], "TASK_STATE_CANCELED");
    let last = rest_of(stream).await.pop().unwrap();
    assert_eq!(last["result"]["statusUpdate"]["status"]["state"], "TASK_STATE_CANCELED");
    assert_eq!(stage.v1("CancelTask", json!({"id": task["id"]})).await["error"]["code"], -32002);
    assert_eq!(stage.host.asked.lock().unwrap().last().unwrap(), "cancelled by a2a:ada");
}

#[tokio::test]
async fn the_end_of_the_server_ends_streams_and_waits() {
    let stage = Stage::set();
    let params = json!({"message": says("go"), "configuration": {"returnImmediately": true}});
    let task = stage.v1("SendMessage", params).await["result"]["task"].clone();
    let mut stream = subscribe(&stage, &task["id"]).await.into_body().into_data_stream();
    assert!(stream.next().await.is_some(), "the snapshot");
    stage.ending.cancel();
    assert!(stream.next().await.is_none(), "the end");
    let waiting = stage.v1("SendMessage", json!({"message": says("go on")})).await;
    assert_eq!(waiting["error"]["code"], -32603);
}

/// What was too long for an event is told whole.
#[tokio::test]
async fn long_texts_are_whole() {
    let stage = Stage::set();
    let params = json!({"message": says("go"), "configuration": {"returnImmediately": true}});
    let task = stage.v1("SendMessage", params).await["result"]["task"].clone();
    let run = stage.host.newest();
    stage.host.move_out(run, "/text", "the whole text");
    let refs = json!({"/text": {"mime": "text/plain"}});
    stage.host.tell(run, "agent_message", json!({"text": "the who…", "artifact_refs": refs}));
    stage.host.move_out(run, "/structured_output", "{\"n\":[1]}");
    let refs = json!({"/structured_output": {"mime": "application/json"}});
    stage.host.tell(
        run,
        "run_completed",
        json!({
            "final_response": "done", "structured_output": "[moved out]", "artifact_refs": refs,
        }),
    );
    let task = stage.v1("GetTask", json!({"id": task["id"]})).await["result"].clone();
    assert_eq!(task["history"][1]["parts"][0]["text"], "the whole text");
    assert_eq!(task["artifacts"][0]["parts"][1]["data"], json!({"n": [1]}));
}
