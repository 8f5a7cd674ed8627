//! What is refused, and how.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Stage, says};

const AUTH: (&str, &str) = ("authorization", "Bearer ada-token");
const JSON: (&str, &str) = ("content-type", "application/json");
const V1: (&str, &str) = ("a2a-version", "1.0");

#[rstest]
#[case("GetTask", json!({"id": "no-such-task"}), -32001, "TASK_NOT_FOUND", 404)]
#[case("GetTask", json!({}), -32602, "INVALID_PARAMS", 400)]
#[case("GetTask", json!({"id": 7}), -32602, "INVALID_PARAMS", 400)]
#[case("CancelTask", json!({"id": "6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10"}), -32001, "TASK_NOT_FOUND", 404)]
#[case("SubscribeToTask", json!({"id": "no-such-task"}), -32001, "TASK_NOT_FOUND", 404)]
#[case("SendMessage", json!({}), -32602, "INVALID_PARAMS", 400)]
#[case("SendMessage", json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": []}}), -32602, "INVALID_PARAMS", 400)]
#[case("SendMessage", json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{}]}}), -32602, "INVALID_PARAMS", 400)]
#[case("SendMessage", json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "x"}]}}), -32602, "INVALID_PARAMS", 400)]
#[case("SendMessage", json!({"message": {"role": "ROLE_USER", "parts": [{"text": "x"}]}}), -32602, "INVALID_PARAMS", 400)]
#[case("SendMessage", json!({"message": {"messageId": "m", "role": "ROLE_USER", "taskId": "none", "parts": [{"text": "x"}]}}), -32001, "TASK_NOT_FOUND", 404)]
#[case("SendStreamingMessage", json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"raw": "AA", "mediaType": "video/mp4"}]}}), -32005, "CONTENT_TYPE_NOT_SUPPORTED", 400)]
#[case("SendMessage", json!({"message": says("x"), "configuration": {"taskPushNotificationConfig": {"url": "http://x"}}}), -32003, "PUSH_NOTIFICATION_NOT_SUPPORTED", 400)]
#[case("CreateTaskPushNotificationConfig", json!({"taskId": "t"}), -32003, "PUSH_NOTIFICATION_NOT_SUPPORTED", 400)]
#[case("DeleteTaskPushNotificationConfig", json!({"taskId": "t"}), -32003, "PUSH_NOTIFICATION_NOT_SUPPORTED", 400)]
#[case("GetExtendedAgentCard", json!({}), -32004, "UNSUPPORTED_OPERATION", 400)]
#[tokio::test]
async fn each_fault_has_its_words(
    #[case] method: &str,
    #[case] params: Value,
    #[case] code: i64,
    #[case] reason: &str,
    #[case] status: u16,
) {
    let stage = Stage::set();
    let reply = stage.rpc("ada", Some("1.0"), method, params.clone()).await;
    assert_eq!((reply.status, reply.kind.as_str()), (200, "application/json"));
    let answer = reply.json();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(code)), "{answer}");
    assert_eq!(answer["error"]["data"][0]["reason"], reason);
    let id = params["id"].as_str().unwrap_or("7");
    let (verb, path, body) = match method {
        "GetTask" if params["id"].is_string() => ("GET", format!("/tasks/{id}"), Value::Null),
        "CancelTask" => ("POST", format!("/tasks/{id}:cancel"), json!({})),
        "SubscribeToTask" => ("POST", format!("/tasks/{id}:subscribe"), Value::Null),
        "SendMessage" => ("POST", "/message:send".to_owned(), params),
        "SendStreamingMessage" => ("POST", "/message:stream".to_owned(), params),
        "CreateTaskPushNotificationConfig" => ("POST", "/tasks/t/pushNotificationConfigs".to_owned(), params),
        "DeleteTaskPushNotificationConfig" => {
            ("DELETE", "/tasks/t/pushNotificationConfigs/1".to_owned(), Value::Null)
        }
        "GetExtendedAgentCard" => ("GET", "/extendedAgentCard".to_owned(), Value::Null),
        _ => return,
    };
    let reply = stage.rest(verb, &path, &body).await;
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.json()["error"]["details"][0]["reason"], reason);
    assert_eq!(reply.json()["error"]["code"], status);
}

#[rstest]
#[case(Some("1.0"), "GetTask", -32001)]
#[case(Some("1.0.3"), "GetTask", -32001)]
#[case(Some("0.3"), "tasks/get", -32001)]
#[case(Some("0.3.0"), "tasks/get", -32001)]
#[case(None, "tasks/get", -32001)]
#[case(Some(""), "tasks/get", -32001)]
#[case(Some("9.9"), "GetTask", -32009)]
#[case(Some("1.1"), "GetTask", -32009)]
#[case(None, "GetTask", -32009)]
#[case(Some("1.0"), "tasks/get", -32601)]
#[case(None, "tasks/explode", -32601)]
#[case(Some("1.0"), "Explode", -32601)]
#[tokio::test]
async fn a_version_has_its_methods(#[case] version: Option<&str>, #[case] method: &str, #[case] code: i64) {
    let answer = Stage::set().rpc("ada", version, method, json!({"id": "none"})).await.json();
    assert_eq!(answer["error"]["code"], code, "{answer}");
}

#[rstest]
#[case("{\"jsonrpc\": \"2.0\", \"id\": 1, ", -32700)]
#[case("[]", -32600)]
#[case("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\"}]", -32600)]
#[case("{\"id\":1,\"method\":\"GetTask\"}", -32600)]
#[case("{\"jsonrpc\":\"2.0\",\"id\":1}", -32600)]
#[case("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"GetTask\"}", -32600)]
#[case("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\",\"params\":[]}", -32602)]
#[tokio::test]
async fn what_is_no_request_is_told_so(#[case] body: &str, #[case] code: i64) {
    let reply = Stage::set().request("POST", "/agents/coder/rpc", &[AUTH, JSON, V1], body).await;
    assert_eq!(reply.json()["error"]["code"], code, "{}", reply.text);
}

#[rstest]
#[case(&[JSON, V1], "/agents/coder/rpc", 401)]
#[case(&[("authorization", "Bearer wrong"), JSON, V1], "/agents/coder/rpc", 401)]
#[case(&[("authorization", "Bearer wrong"), JSON, V1], "/agents/coder/rest/message:send", 401)]
#[case(&[AUTH, V1, ("content-type", "text/plain")], "/agents/coder/rpc", 415)]
#[case(&[AUTH, V1], "/agents/coder/rest/message:send", 415)]
#[case(&[AUTH, JSON, V1, ("origin", "https://evil.example")], "/agents/coder/rpc", 403)]
#[case(&[AUTH, JSON, V1], "/agents/nobody/rpc", 404)]
#[case(&[AUTH, JSON, V1], "/agents/coder/elsewhere", 404)]
#[case(&[AUTH, JSON, V1], "/", 404)]
#[tokio::test]
async fn who_is_let_in(#[case] headers: &[(&str, &str)], #[case] path: &str, #[case] status: u16) {
    let reply = Stage::set().request("POST", path, headers, "{}").await;
    assert_eq!(reply.status, status, "{}", reply.text);
    let error = reply.json()["error"].take();
    assert!(error["code"].is_i64() && error["message"].is_string(), "{error}");
}

/// A page may send text without being asked whether it may, so it is no body; the words are the protocol's all the same.
#[tokio::test]
async fn a_body_of_another_type_is_refused_in_the_words_of_its_binding() {
    let stage = Stage::set();
    let headers = [AUTH, V1, ("content-type", "text/plain")];
    let reply = stage.request("POST", "/agents/coder/rpc", &headers, "{}").await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (415, &json!(-32005)));
    assert_eq!(reply.json()["error"]["data"][0]["reason"], "CONTENT_TYPE_NOT_SUPPORTED");
    let reply = stage.request("POST", "/agents/coder/rest/message:send", &headers, "{}").await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (415, &json!(415)));
    assert_eq!(reply.json()["error"]["details"][0]["reason"], "CONTENT_TYPE_NOT_SUPPORTED");
}

#[tokio::test]
async fn one_client_does_not_see_the_tasks_of_another() {
    let stage = Stage::set();
    let params = json!({"message": says("go"), "configuration": {"returnImmediately": true}});
    let id = stage.v1("SendMessage", params).await["result"]["task"]["id"].clone();
    assert_eq!(stage.v1("GetTask", json!({"id": id})).await["result"]["id"], id);
    for method in ["GetTask", "CancelTask"] {
        assert_eq!(stage.v1_as("bob", method, json!({"id": id})).await["error"]["code"], -32001);
    }
    assert_eq!(stage.v1_as("bob", "ListTasks", json!({})).await["result"]["totalSize"], 0);
    let path = "/agents/reader/rpc";
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": id}}).to_string();
    let other = stage.request("POST", path, &[AUTH, JSON, V1], &body).await;
    assert_eq!(other.json()["error"]["code"], -32001, "nor does another agent");
}

#[tokio::test]
async fn a_body_is_bounded() {
    let stage = Stage::set();
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(9 * 1024 * 1024));
    let reply = stage.request("POST", "/agents/coder/rpc", &[AUTH, JSON, V1], &huge).await;
    assert_eq!(reply.status, 413);
    let deep = "[".repeat(100_000);
    let reply = stage.request("POST", "/agents/coder/rpc", &[AUTH, JSON, V1], &deep).await;
    assert_eq!(reply.json()["error"]["code"], -32700);
}

#[tokio::test]
async fn an_ended_task_takes_no_message() {
    let stage = Stage::set();
    let done = r#"[["run_started", {}], ["run_failed", {"message": "the disk is full", "reason": "disk"}]]"#;
    let task = stage.v1("SendMessage", json!({"message": says(done)})).await["result"]["task"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_FAILED");
    assert_eq!(task["status"]["message"]["parts"][0]["text"], "the disk is full");
    let mut more = says("more");
    more["taskId"] = task["id"].clone();
    for method in ["SendMessage", "SendStreamingMessage"] {
        assert_eq!(stage.v1(method, json!({"message": more})).await["error"]["code"], -32004);
    }
    more["role"] = json!("user");
    let old = stage.rpc("ada", None, "message/stream", json!({"message": more})).await;
    assert_eq!(old.events()[0]["error"]["code"], -32004, "clients of 0.3 look for an event");
}
