//! What is written, in both versions and over both bindings.

use serde_json::{Value, json};

use super::{Stage, says};

/// A run that says something, makes something, and ends well.
fn story() -> String {
    json!([
        ["run_started", {}],
        ["agent_message", {"text": "Looking."}],
        ["artifact_added", {"artifact_id": "log", "name": "Log", "parts": [
            {"kind": "text", "text": "line"},
            {"kind": "file", "file": {"uri": "https://files.example/a.png", "mimeType": "image/png", "name": "a.png"}},
            {"data": {"n": 1.5}, "mediaType": "application/json"},
            {"raw": "AAAA", "filename": "b", "mediaType": "application/octet-stream"},
        ]}],
        ["agent_message", {"text": "Found it."}],
        ["run_completed", {"final_response": "It is on line 7.", "structured_output": {"line": 7}}],
    ])
    .to_string()
}

#[tokio::test]
async fn a_task_looks_as_the_official_servers_write_it() {
    let stage = Stage::set();
    let answer = stage.v1("SendMessage", json!({"message": says(&story())})).await;
    insta::assert_json_snapshot!("v1_send", answer);
    let id = answer["result"]["task"]["id"].clone();
    let got = stage.v1("GetTask", json!({"id": id})).await;
    assert_eq!(got["result"], answer["result"]["task"]);
    let reply = stage.rest("GET", &format!("/tasks/{}", id.as_str().unwrap()), &Value::Null).await;
    assert_eq!((reply.status, reply.kind.as_str()), (200, "application/a2a+json"));
    assert_eq!(reply.json(), got["result"]);
    let old = stage.rpc("ada", None, "tasks/get", json!({"id": id})).await.json();
    insta::assert_json_snapshot!("v03_get", old);
}

#[tokio::test]
async fn a_stream_looks_as_the_official_servers_write_it() {
    let stage = Stage::set();
    let params = json!({"message": says(&story())});
    let events = stage.rpc("ada", Some("1.0"), "SendStreamingMessage", params.clone()).await.events();
    insta::assert_json_snapshot!("v1_stream", events);
    let rest = stage.rest("POST", "/message:stream", &params).await.events();
    // The same, with the ids of another task, and without the envelope.
    assert_eq!(rest.len(), events.len());
    assert_eq!(rest.last().unwrap()["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    let params = json!({"message": {
        "kind": "message", "messageId": "m", "role": "user", "contextId": "c-2",
        "parts": [{"kind": "text", "text": story()}],
    }});
    let events = stage.rpc("ada", None, "message/stream", params).await.events();
    insta::assert_json_snapshot!("v03_stream", events);
}

#[tokio::test]
async fn every_kind_of_part_comes_in_and_goes_out() {
    let stage = Stage::set();
    let parts = json!([
        {"text": "look", "metadata": {"k": 1}},
        {"data": {"n": 1}, "mediaType": "application/json"},
        {"data": [1, 2]},
        {"url": "https://files.example/a.txt", "filename": "a.txt", "mediaType": "text/plain"},
        {"raw": "AAAA", "filename": "b.txt", "mediaType": "text/plain"},
    ]);
    let message = json!({"messageId": "m", "role": "ROLE_USER", "parts": parts, "metadata": {"mine": true},
        "extensions": ["urn:x"], "referenceTaskIds": ["t"]});
    let configuration = json!({"returnImmediately": true});
    let params = json!({"message": message, "configuration": configuration});
    let answer = stage.v1("SendMessage", params).await;
    let told = &answer["result"]["task"]["history"][0];
    for key in ["messageId", "role", "metadata", "extensions", "referenceTaskIds"] {
        assert_eq!(told[key], message[key], "{key}");
    }
    // Data that is no object is wrapped in one: no agent of this host takes it bare.
    assert_eq!(told["parts"][2]["data"], json!({"value": [1, 2]}));
    assert_eq!(told["parts"][3], parts[3]);
    assert_eq!(told["parts"][4], parts[4]);
    let old = stage.rpc("ada", None, "tasks/get", json!({"id": answer["result"]["task"]["id"]})).await.json();
    let parts = &old["result"]["history"][0]["parts"];
    assert_eq!(parts[0]["kind"], "text");
    assert_eq!(parts[3]["file"]["uri"], "https://files.example/a.txt");
    assert_eq!(parts[4]["file"], json!({"bytes": "AAAA", "name": "b.txt", "mimeType": "text/plain"}));
}

#[tokio::test]
async fn history_is_as_long_as_asked() {
    let stage = Stage::set();
    let answer = stage.v1("SendMessage", json!({"message": says(&story())})).await;
    let task = &answer["result"]["task"];
    assert_eq!(task["history"].as_array().unwrap().len(), 3);
    let get = |length: Value| json!({"id": task["id"], "historyLength": length});
    let last = stage.v1("GetTask", get(json!(1))).await;
    assert_eq!(last["result"]["history"][0]["parts"][0]["text"], "Found it.");
    assert_eq!(stage.v1("GetTask", get(json!(0))).await["result"].get("history"), None);
    assert_eq!(stage.v1("GetTask", get(json!(-1))).await["error"]["code"], -32602);
    let path = format!("/tasks/{}?historyLength=2", task["id"].as_str().unwrap());
    let reply = stage.rest("GET", &path, &Value::Null).await.json();
    assert_eq!(reply["history"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn tasks_are_listed_page_by_page() {
    let stage = Stage::set();
    for context in ["c-1", "c-2", "c-1"] {
        let mut message = says(&story());
        message["contextId"] = json!(context);
        stage.v1("SendMessage", json!({"message": message})).await;
    }
    let page = stage.v1("ListTasks", json!({"pageSize": 2})).await["result"].clone();
    let ids = |page: &Value| -> Vec<Value> {
        page["tasks"].as_array().unwrap().iter().map(|task| task["id"].clone()).collect()
    };
    assert_eq!((ids(&page).len(), &page["totalSize"], &page["pageSize"]), (2, &json!(3), &json!(2)));
    assert_eq!(page["tasks"][0].get("artifacts"), None, "artifacts are for those who ask for them");
    let rest = stage.v1("ListTasks", json!({"pageSize": 2, "pageToken": page["nextPageToken"]})).await;
    assert_eq!((ids(&rest["result"]).len(), &rest["result"]["nextPageToken"]), (1, &json!("")));
    let narrow = stage
        .rest("GET", "/tasks?contextId=c-1&status=TASK_STATE_COMPLETED&includeArtifacts=true", &Value::Null)
        .await
        .json();
    assert_eq!(narrow["totalSize"], 2);
    assert_eq!(narrow["tasks"][0]["artifacts"][1]["artifactId"], "final-response");
    for wrong in [
        json!({"pageSize": 0}),
        json!({"pageSize": 101}),
        json!({"pageToken": "nonsense"}),
        json!({"status": "TASK_STATE_HAPPY"}),
        json!({"statusTimestampAfter": "yesterday"}),
    ] {
        assert_eq!(stage.v1("ListTasks", wrong.clone()).await["error"]["code"], -32602, "{wrong}");
    }
}

#[tokio::test]
async fn a_card_is_read_by_clients_of_both_versions() {
    let stage = Stage::set();
    let reply = stage.request("GET", "/agents/coder/.well-known/agent-card.json", &[], "").await;
    insta::assert_json_snapshot!("card", reply.json());
    // With two agents, neither is the one of the whole server.
    assert_eq!(stage.request("GET", "/.well-known/agent-card.json", &[], "").await.status, 404);
}
