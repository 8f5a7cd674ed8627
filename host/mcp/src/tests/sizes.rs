//! Answers stay small, and say what they leave out.

use serde_json::{Map, Value, json};

use super::client::Line;
use super::fake::{self, Fake, numbered_record, run_id};

fn size(value: &Value) -> usize {
    value.to_string().len()
}

#[tokio::test]
async fn events_stop_at_the_size_and_go_on() {
    let events = (1..=100).map(|seq| fake::event(seq, &"ä".repeat(500))).collect();
    let mut line = Line::legacy(Fake { events, ..Fake::default() }, "test").await;
    let mut after = 0;
    let mut pages = 0;
    while after < 100 {
        let page =
            line.answer("poll_events", json!({"run_id": run_id(1).to_string(), "after_seq": after})).await;
        assert!(size(&page) <= 8_192);
        let events = page["events"].as_array().unwrap();
        assert_eq!(events[0]["seq"], after + 1);
        after = page["next_after_seq"].as_u64().unwrap();
        assert_eq!(events.last().unwrap()["seq"], after);
        assert_eq!(page["truncated"], after < 100);
        assert_eq!(page["last_seq"], 100);
        pages += 1;
    }
    assert_eq!(pages, 17);
}

#[tokio::test]
async fn an_event_larger_than_the_answer_comes_alone() {
    let events = vec![fake::event(1, &"x".repeat(16_000)), fake::event(2, "small")];
    let mut line = Line::legacy(Fake { events, ..Fake::default() }, "test").await;
    let run = run_id(1).to_string();
    let page = line.answer("poll_events", json!({"run_id": run, "after_seq": 0})).await;
    assert_eq!((page["events"].as_array().unwrap().len(), &page["truncated"]), (1, &json!(true)));
    let page = line.answer("poll_events", json!({"run_id": run, "after_seq": 0, "max_bytes": 65_536})).await;
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn runs_stop_at_the_size_and_go_on() {
    let mut runs: Vec<_> = (0..100).map(numbered_record).collect();
    runs[40].metadata = Map::from_iter([("large".to_owned(), json!("x".repeat(50_000)))]);
    let mut line = Line::legacy(Fake { runs, ..Fake::default() }, "test").await;
    let mut seen = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page = line.answer("list_runs", json!({"cursor": cursor})).await;
        assert!(size(&page) <= 8_192, "{}", size(&page));
        for run in page["runs"].as_array().unwrap() {
            assert_eq!(run["agent_name"] == "agent40", run.get("truncated").is_some());
            seen.push(run["agent_name"].as_str().unwrap().to_owned());
        }
        assert_eq!(page["truncated"], page.get("next_cursor").is_some());
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen, (0..100).map(|n| format!("agent{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_result_is_shortened_unless_more_is_asked_for() {
    let mut run = fake::record();
    run.final_response = Some("\"quoted\"\n".repeat(2_000));
    let mut line = Line::legacy(Fake { runs: vec![run], ..Fake::default() }, "test").await;
    let run = run_id(1).to_string();
    let short = line.answer("get_run", json!({"run_id": run})).await;
    assert!(size(&short) <= 8_192);
    assert_eq!(short["truncated"], json!(["final_response"]));
    assert!(short["final_response"].as_str().unwrap().ends_with("… [cut: 18000 bytes in all]"));
    let whole = line.answer("get_run", json!({"run_id": run, "max_bytes": 40_000})).await;
    assert_eq!(whole["final_response"].as_str().unwrap().len(), 18_000);
    assert_eq!(whole.get("truncated"), None);
}

#[tokio::test]
async fn artifacts_come_in_small_pages_unless_a_size_is_named() {
    let artifact = "{\"a\": \"ünïcödé\"}\n".repeat(5_000);
    let mut line = Line::legacy(Fake { artifact: artifact.clone(), ..Fake::default() }, "test").await;
    let at = |offset: u64| json!({"run_id": "x", "seq": 1, "field_path": "/output", "offset": offset});
    let mut read = String::new();
    loop {
        let page = line.answer("get_event_artifact", at(read.len() as u64)).await;
        assert!(size(&page) <= 8_192 && size(&page) > 8_000 || page["has_more"] == false);
        let content = page["content"].as_str().unwrap();
        assert_eq!(page["returned_bytes"], content.len());
        read.push_str(content);
        assert_eq!(page["has_more"], read.len() < artifact.len());
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(read, artifact);
    let mut named = at(0);
    named["limit"] = json!(60_000);
    assert!(line.answer("get_event_artifact", named).await["returned_bytes"].as_u64().unwrap() >= 59_999);
}

#[tokio::test]
async fn agents_and_mail_stop_at_the_size() {
    let mail = (1..=50).map(|seq| fake::mail(seq, &"x".repeat(1_000))).collect();
    let mut line = Line::legacy(Fake { agents: 500, mail, ..Fake::default() }, "test").await;
    let agents = line.answer("list_agents", json!({})).await;
    assert!(size(&agents) <= 8_192);
    assert_eq!(agents["truncated"], true);
    let page = line.answer("fetch_agent_messages", json!({"agent_name": "agent1"})).await;
    assert!(size(&page) <= 8_192);
    assert_eq!(page["truncated"], true);
    assert_eq!(page["next_after_seq"], page["messages"].as_array().unwrap().len());
}

#[tokio::test]
async fn a_message_of_any_size_can_be_passed() {
    let mail = vec![fake::mail(1, &"x".repeat(1_000_000)), fake::mail(2, "next")];
    let mut line = Line::legacy(Fake { mail, ..Fake::default() }, "test").await;
    let page = line.answer("fetch_agent_messages", json!({"agent_name": "agent1"})).await;
    assert!(size(&page) <= 40_000);
    assert_eq!(page["next_after_seq"], 1);
    let text = page["messages"][0]["body"]["parts"][0]["text"].as_str().unwrap();
    assert!(text.ends_with("[cut: 1000000 bytes in all]"));
}

#[tokio::test]
async fn changes_lose_their_summaries_before_anything_else() {
    let runs = (0..25).map(|n| {
        let mut run = numbered_record(n);
        run.summary = "s".repeat(120);
        run
    });
    let mut line = Line::legacy(Fake { runs: runs.collect(), ..Fake::default() }, "test").await;
    let outcome = line.answer("wait_for_runs", json!({"wait_ms": 0})).await;
    assert!(size(&outcome) <= 8_192, "{}", size(&outcome));
    assert_eq!(outcome["changes"].as_array().unwrap().len(), 25);
}
