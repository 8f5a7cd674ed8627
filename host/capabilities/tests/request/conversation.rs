//! What comes of a request when all goes well, and when the other end leaves.

use pointsman_capabilities::request::ResponseEvent;
use pointsman_model::plugin::{RequestFault, SecretOr, ServerEvent};

use crate::support::{Bench, Server, get, listen, post};

fn event(name: Option<&str>, id: Option<&str>, data: &str) -> ServerEvent {
    ServerEvent { name: name.map(str::to_owned), id: id.map(str::to_owned), data: data.to_owned() }
}

#[tokio::test]
async fn head_body_and_end_come_in_order() {
    let server = Server::start().await;
    let bench = Bench::new(&server.origin());
    let mut request = post(format!("{}/a/../b?q=1#part", server.origin()), "{\"a\":1}");
    request.headers = vec![
        ("A2A-Version".to_owned(), SecretOr::Plain("1.0".to_owned())),
        ("User-Agent".to_owned(), SecretOr::Plain("tester".to_owned())),
    ];
    let mut exchange = bench.sent(&request);
    let mut peer = server.accept().await;
    let asked = peer.request().await;
    assert!(asked.starts_with("POST /b?q=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\n{\"a\":1}"), "{asked}");
    for line in ["a2a-version: 1.0", "user-agent: tester", "accept-encoding: identity"] {
        assert!(asked.to_lowercase().contains(&format!("\r\n{line}\r\n")), "{line} is not in {asked}");
    }
    peer.answer("201 Created\r\nx-kind: b\r\nset-cookie: c=d", "hello").await;
    let (status, headers) = exchange.head().await;
    assert_eq!(status, 201);
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!((value("x-kind"), value("set-cookie")), (Some("b"), None));
    assert_eq!(exchange.rest().await, (vec![ResponseEvent::Ended], b"hello".to_vec()));
}

#[tokio::test]
async fn events_come_as_they_are_sent() {
    let server = Server::start().await;
    let mut exchange = Bench::new(&server.origin()).sent(&listen(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.stream().await;
    assert_eq!(exchange.head().await.0, 200);
    peer.say(": keepalive\n\nid: 1\nevent: up").await;
    peer.say("date\r\ndata: a\r\ndata: b\r\n\r\n").await;
    assert_eq!(exchange.next().await, ResponseEvent::Events(vec![event(Some("update"), Some("1"), "a\nb")]));
    peer.say("data: c\n\ndata: d\n\ndata: half of one").await;
    let both = vec![event(None, Some("1"), "c"), event(None, Some("1"), "d")];
    assert_eq!(exchange.next().await, ResponseEvent::Events(both));
    drop(peer);
    assert_eq!(exchange.rest().await.0, [ResponseEvent::Ended]);
}

#[tokio::test]
async fn what_is_no_event_stream_comes_as_bytes() {
    let server = Server::start().await;
    let mut exchange = Bench::new(&server.origin()).sent(&listen(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.answer("404 Not Found\r\ncontent-type: application/json", "data: {}\n\n").await;
    assert_eq!(exchange.head().await.0, 404);
    assert_eq!(exchange.rest().await, (vec![ResponseEvent::Ended], b"data: {}\n\n".to_vec()));
}

#[tokio::test]
async fn a_connection_that_drops_is_told_from_an_end() {
    for framing in [get as fn(String) -> _, listen] {
        let server = Server::start().await;
        let exchange = Bench::new(&server.origin()).sent(&framing(server.origin()));
        let mut peer = server.accept().await;
        peer.request().await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        peer.say(format!("{head}9\r\ndata: a\n\n\r\n")).await;
        drop(peer);
        let (fault, text) = exchange.failure().await;
        assert_eq!(fault, RequestFault::Broken, "{text}");
        assert!(text.contains(&server.origin()), "{text}");
    }
}

#[tokio::test]
async fn nobody_at_the_port_is_unreachable() {
    let server = Server::start().await;
    let bench = Bench::new(&server.origin());
    let request = get(format!("{}/a?token=hunter2", server.origin()));
    drop(server);
    let (fault, text) = bench.sent(&request).failure().await;
    assert_eq!(fault, RequestFault::Unreachable, "{text}");
    assert!(text.contains("/a: ") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn what_is_no_http_is_malformed() {
    let server = Server::start().await;
    let exchange = Bench::new(&server.origin()).sent(&get(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.say("SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    let (fault, text) = exchange.failure().await;
    assert_eq!(fault, RequestFault::Malformed, "{text}");
}

#[tokio::test]
async fn what_is_compressed_without_being_asked_is_malformed() {
    let server = Server::start().await;
    let exchange = Bench::new(&server.origin()).sent(&get(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.answer("200 OK\r\ncontent-encoding: gzip", "xx").await;
    let (fault, text) = exchange.failure().await;
    assert_eq!(fault, RequestFault::Malformed);
    assert!(text.contains("gzip"), "{text}");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = Server::start().await;
    let bench = Bench::new(&server.origin());
    let mut client = bench.client();
    let first = bench.send_by(&mut client, &get(server.origin())).expect("permitted");
    let mut peer = server.accept().await;
    peer.request().await;
    peer.answer("200 OK", "one").await;
    assert_eq!(first.rest().await.1, b"one");
    let second = bench.send_by(&mut client, &get(server.origin())).expect("permitted");
    peer.request().await;
    peer.answer("200 OK", "two").await;
    assert_eq!(second.rest().await.1, b"two");
}

#[tokio::test]
async fn an_aborted_request_closes_its_connection() {
    let server = Server::start().await;
    let mut exchange = Bench::new(&server.origin()).sent(&listen(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.stream().await;
    exchange.head().await;
    drop(exchange.live);
    peer.closed().await;
    assert_eq!(exchange.events.recv().await, None, "nothing is said of it any more");
}

/// Nobody takes events any more: the run is over.
#[tokio::test]
async fn a_request_that_nobody_listens_to_ends() {
    let server = Server::start().await;
    let exchange = Bench::new(&server.origin()).sent(&listen(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    drop(exchange.events);
    peer.stream().await;
    peer.closed().await;
    drop(exchange.live);
}
