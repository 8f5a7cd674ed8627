//! What a client may take of the server, over real connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pointsman_listen::Limits;
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{Stage, says};

/// How long anything may take that has to happen.
const LONG: Duration = Duration::from_secs(20);
/// A limit that a test waits for.
const SOON: Duration = Duration::from_millis(300);

/// Limits that nothing here reaches.
fn wide() -> Limits {
    Limits { connections: 16, head: LONG * 3, idle: LONG * 3, body: 100_000, body_time: LONG * 3 }
}

impl Stage {
    /// Listens at an address; ends with the stage's runtime.
    async fn listen(&self, limits: Limits) -> SocketAddr {
        let bound = crate::bind(&self.settings, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let bound = bound.with_limits(limits);
        let address = bound.address();
        let (host, settings) = (Arc::clone(&self.host), self.settings.clone());
        tokio::spawn(bound.serve_calls(host, settings, self.ending.clone()));
        address
    }
}

struct Client(TcpStream);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Says something; a connection that is closed by now is seen when it is read.
    async fn say(&mut self, text: &str) {
        drop(self.0.write_all(text.as_bytes()).await);
    }

    /// Reads one answer, with a body as long as its head says.
    async fn answer(&mut self) -> String {
        let (mut text, mut buffer) = (String::new(), [0; 4096]);
        loop {
            let read = timeout(LONG, self.0.read(&mut buffer)).await.expect("an answer").unwrap();
            assert_ne!(read, 0, "the connection ended within an answer: {text}");
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.map_or(0, |length| length.parse::<usize>().unwrap()) <= body.len() {
                return text;
            }
        }
    }

    /// Reads until the connection ends, and gives what came.
    async fn rest(&mut self) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match timeout(LONG, self.0.read(&mut buffer)).await.expect("the end of the connection") {
                Ok(0) | Err(_) => return all,
                Ok(read) => all.extend_from_slice(&buffer[..read]),
            }
        }
    }
}

const CARD: &str = "GET /agents/coder/.well-known/agent-card.json HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn post(length: usize, body: &str) -> String {
    format!(
        "POST /agents/coder/rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         a2a-version: 1.0\r\nauthorization: Bearer ada-token\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[rstest]
#[case::nothing("")]
#[case::half_a_head("POST /agents/coder/rpc HTTP/1.1\r\nhost: localhost\r\n")]
#[case::a_word("G")]
#[tokio::test]
async fn who_never_asks_anything_is_let_go(#[case] said: &str) {
    let stage = Stage::set();
    let address = stage.listen(Limits { head: SOON, ..wide() }).await;
    let mut client = Client::connect(address).await;
    client.say(said).await;
    assert_eq!(client.rest().await, b"");
}

/// Bytes that keep coming are no request: what counts is when it is whole.
#[tokio::test]
async fn who_sends_a_head_byte_by_byte_is_let_go() {
    let stage = Stage::set();
    let address = stage.listen(Limits { head: SOON, ..wide() }).await;
    // The first request of a connection, and one behind another.
    for first in [None, Some(CARD)] {
        let mut client = Client::connect(address).await;
        if let Some(first) = first {
            client.say(first).await;
            assert!(client.answer().await.starts_with("HTTP/1.1 200"));
        }
        client.say("GET /agents/coder/.well-known/agent-card.json HTTP/1.1\r\nx: ").await;
        let begun = Instant::now();
        let mut buffer = [0; 64];
        loop {
            client.say("y").await;
            match timeout(Duration::from_millis(20), client.0.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(_)) => panic!("half a request was answered"),
                Err(_) => assert!(begun.elapsed() < LONG, "it is never let go"),
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_has_served_is_kept_for_a_while_and_then_let_go() {
    let stage = Stage::set();
    let address = stage.listen(Limits { idle: SOON, ..wide() }).await;
    let mut client = Client::connect(address).await;
    for _ in 0..2 {
        client.say(CARD).await;
        assert!(client.answer().await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(client.rest().await, b"");
}

/// A call that waits for its task is no idle connection, nor is a stream with nothing to tell.
#[tokio::test]
async fn a_request_that_takes_its_time_is_not_idle() {
    let stage = Stage::set();
    let address = stage.listen(Limits { idle: SOON, head: SOON, ..wide() }).await;
    let call = |method: &str| {
        let params = json!({"message": says("go")});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        post(body.len(), &body)
    };
    let (mut waits, mut follows) = (Client::connect(address).await, Client::connect(address).await);
    waits.say(&call("SendMessage")).await;
    let first = stage.host.next_run(None).await;
    follows.say(&call("SendStreamingMessage")).await;
    let second = stage.host.next_run(Some(first)).await;
    // Somebody else is let go meanwhile, so the limit has passed for these two as well.
    assert_eq!(Client::connect(address).await.rest().await, b"");
    for run in [first, second] {
        stage.host.tell(run, "run_started", json!({}));
        stage.host.tell(run, "run_completed", json!({"final_response": "at last"}));
    }
    assert!(waits.answer().await.contains("at last"));
    let told = String::from_utf8(follows.rest().await).unwrap();
    assert!(told.contains("at last") && told.contains("TASK_STATE_COMPLETED"), "{told}");
}

/// Whoever follows a task and reads nothing would hold the connection, and what is told, for ever.
#[tokio::test]
async fn who_takes_nothing_in_is_let_go() {
    let stage = Stage::set();
    let address = stage.listen(Limits { idle: SOON, connections: 1, ..wide() }).await;
    let mut client = Client::connect(address).await;
    let params = json!({"message": says("go")});
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": params}).to_string();
    client.say(&post(body.len(), &body)).await;
    let run = stage.host.next_run(None).await;
    let long = "x".repeat(1024 * 1024);
    for _ in 0..32 {
        stage.host.tell(run, "agent_message", json!({"text": long}));
    }
    // There is room for one: that the next is served says that the first was let go.
    let mut next = Client::connect(address).await;
    next.say(CARD).await;
    assert!(next.answer().await.starts_with("HTTP/1.1 200"));
    drop(client);
}

#[tokio::test]
async fn the_rest_wait_until_there_is_room() {
    let stage = Stage::set();
    let address = stage.listen(Limits { connections: 2, ..wide() }).await;
    let (mut first, mut second) = (Client::connect(address).await, Client::connect(address).await);
    for client in [&mut first, &mut second] {
        client.say(CARD).await;
        assert!(client.answer().await.starts_with("HTTP/1.1 200"));
    }
    let mut third = Client::connect(address).await;
    third.say(CARD).await;
    // While it waits, those who are in are served.
    first.say(CARD).await;
    assert!(first.answer().await.starts_with("HTTP/1.1 200"));
    let unanswered = timeout(Duration::from_millis(50), third.0.readable()).await;
    unanswered.expect_err("it was served beyond the limit");
    drop(second);
    assert!(third.answer().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_has_to_come_in_time() {
    let stage = Stage::set();
    let address = stage.listen(Limits { body_time: SOON, ..wide() }).await;
    let mut client = Client::connect(address).await;
    client.say(&post(100, "{\"jsonrpc\":")).await;
    let answer = String::from_utf8(client.rest().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("DEADLINE_EXCEEDED"), "{answer}");
}

#[rstest]
#[case::said(post(100_001, ""), "HTTP/1.1 413")]
#[case::sent(
    format!(
        "POST /agents/coder/rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         a2a-version: 1.0\r\nauthorization: Bearer ada-token\r\ntransfer-encoding: chunked\r\n\r\n\
         186A1\r\n{}\r\n", "x".repeat(100_001)
    ),
    "HTTP/1.1 413"
)]
#[case::a_head_of_many_fields(format!("{}{}\r\n\r\n", CARD.trim_end(), "\r\nx: y".repeat(200)), "HTTP/1.1 431")]
#[case::a_long_head(format!("{}\r\nx: {}", CARD.trim_end(), "y".repeat(1_000_000)), "HTTP/1.1 431")]
#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_there(#[case] said: String, #[case] status: &str) {
    let stage = Stage::set();
    let address = stage.listen(wide()).await;
    let (mut reads, mut writes) = Client::connect(address).await.0.into_split();
    // It may be refused, and the connection closed, while more is being written.
    tokio::spawn(async move {
        drop(writes.write_all(said.as_bytes()).await);
        std::future::pending::<()>().await;
    });
    let mut start = vec![0; status.len()];
    timeout(LONG, reads.read_exact(&mut start)).await.expect("an answer").unwrap();
    assert_eq!(String::from_utf8(start).unwrap(), status);
    assert!(stage.host.asked.lock().unwrap().is_empty());
}
