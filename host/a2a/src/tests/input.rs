//! Contexts, folders, and tasks that wait for their user.

use serde_json::{Value, json};

use super::{Stage, says};

fn in_folder(text: &str, context: &str, cwd: &std::path::Path) -> Value {
    let mut message = says(text);
    message["contextId"] = json!(context);
    message["metadata"] = json!({"nanobot_orchestrator": {"cwd": cwd, "run_id": "r"}});
    json!({"message": message, "configuration": {"returnImmediately": true}})
}

const ASKS: &str =
    r#"[["run_started", {}], ["input_required", {"text": "Which one?", "detail": {"of": ["a", "b"]}}]]"#;

#[tokio::test]
async fn a_question_is_answered_in_the_same_task() {
    let stage = Stage::set();
    let task = stage.v1("SendMessage", json!({"message": says(ASKS)})).await["result"]["task"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
    assert_eq!(task["status"]["message"]["parts"][0]["text"], "Which one?");
    assert_eq!(task["status"]["message"]["parts"][1]["data"], json!({"of": ["a", "b"]}));
    let mut answer = says("a");
    answer["messageId"] = json!("m-2");
    answer["taskId"] = task["id"].clone();
    let params = json!({"message": answer, "configuration": {"returnImmediately": true}});
    let task = stage.v1("SendMessage", params).await["result"]["task"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_WORKING");
    let texts: Vec<&Value> =
        task["history"].as_array().unwrap().iter().map(|it| &it["parts"][0]["text"]).collect();
    assert_eq!(texts, [&json!(ASKS), &json!("Which one?"), &json!("a")]);
    assert_eq!(task["history"][2]["messageId"], "m-2");
    assert_eq!(stage.host.asked.lock().unwrap().last().unwrap(), "continue a2a:ada a");
    // While it works it takes no message, and a message of another context is none of its.
    let mut more = says("b");
    more["taskId"] = task["id"].clone();
    assert_eq!(stage.v1("SendMessage", json!({"message": more})).await["error"]["code"], -32004);
    more["contextId"] = json!("c-9");
    assert_eq!(stage.v1("SendMessage", json!({"message": more})).await["error"]["code"], -32602);
}

#[tokio::test]
async fn a_stream_ends_where_the_agent_waits_for_its_user() {
    for (method, version, last) in [
        ("SendStreamingMessage", Some("1.0"), "/result/statusUpdate/status/state"),
        ("message/stream", None, "/result/final"),
    ] {
        let stage = Stage::set();
        let mut message = says(&ASKS.replace("input_required", "auth_required"));
        message["role"] = json!("user");
        let events = stage.rpc("ada", version, method, json!({"message": message})).await.events();
        let ended = events.last().unwrap().pointer(last).unwrap();
        assert!(*ended == "TASK_STATE_AUTH_REQUIRED" || *ended == true, "{events:?}");
    }
}

#[tokio::test]
async fn a_context_goes_on_with_its_session_where_it_began() {
    let stage = Stage::set();
    let below = stage.folder("home/below");
    let first = stage.v1("SendMessage", in_folder("go", "c-1", &below)).await["result"]["task"].clone();
    // Without a folder, and with the same one: both go on.
    let message = json!({"message": says("more"), "configuration": {"returnImmediately": true}});
    let second = stage.v1("SendMessage", message).await["result"]["task"].clone();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(first["contextId"], second["contextId"]);
    stage.v1("SendMessage", in_folder("more", "c-1", &below)).await;
    let elsewhere = stage.v1("SendMessage", in_folder("go", "c-1", &stage.folder("other"))).await;
    assert_eq!(elsewhere["error"]["code"], -32602);
    stage.v1("SendMessage", in_folder("go", "c-2", &stage.folder("other"))).await;
    let bob = stage.v1_as("bob", "SendMessage", in_folder("go", "c-1", &stage.folder("home"))).await;
    assert_eq!(bob["result"]["task"]["contextId"], "c-1", "each client has contexts of its own");
    let said = stage.host.asked.lock().unwrap().clone();
    let (below, other, home) = (below.display(), stage.folder("other"), stage.folder("home"));
    assert_eq!(
        said,
        [
            format!("spawn a2a:ada New {below}"),
            format!("spawn a2a:ada Resume {below}"),
            format!("spawn a2a:ada Resume {below}"),
            format!("spawn a2a:ada New {}", other.display()),
            format!("spawn a2a:bob New {}", home.display()),
        ]
    );
}

#[tokio::test]
async fn an_agent_that_cannot_resume_begins_anew() {
    let stage = Stage::set();
    stage.host.features.lock().unwrap().clear();
    for _ in 0..2 {
        stage.v1("SendMessage", in_folder("go", "c-1", &stage.folder("home"))).await;
    }
    assert!(stage.host.asked.lock().unwrap().iter().all(|said| said.contains(" New ")));
}

#[tokio::test]
async fn work_stays_inside_the_roots() {
    let stage = Stage::set();
    let link = stage.folder("home/link");
    std::os::unix::fs::symlink(stage.folder("outside"), &link).unwrap();
    let dots = stage.folder("home").join("../outside");
    for outside in
        [stage.folder("outside"), link, dots, stage.folder("home/none"), "/".into(), "below".into()]
    {
        let answer = stage.v1("SendMessage", in_folder("go", "c-1", &outside)).await;
        assert_eq!(answer["error"]["code"], -32602, "{}: {answer}", outside.display());
    }
    assert_eq!(*stage.host.asked.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_context_one_is_made() {
    let stage = Stage::set();
    let mut message = says("go");
    message.as_object_mut().unwrap().remove("contextId");
    let send = json!({"message": message, "configuration": {"returnImmediately": true}});
    let first = stage.v1("SendMessage", send.clone()).await["result"]["task"]["contextId"].clone();
    let second = stage.v1("SendMessage", send).await["result"]["task"]["contextId"].clone();
    assert!(first.is_string() && first != second);
}
