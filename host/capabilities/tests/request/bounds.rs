//! A server that sends too much, too slowly, or nothing.

use std::time::Duration;

use pointsman_capabilities::request::{Limits, ResponseEvent};
use pointsman_model::plugin::{Request, RequestFault};
use tokio::io::AsyncWriteExt as _;

use crate::support::{Bench, Peer, Server, get, listen, soon};

/// Says something again and again until the other end is closed.
async fn for_ever(mut peer: Peer, text: &'static str) {
    while peer.stream.write_all(text.as_bytes()).await.is_ok() {}
}

#[tokio::test]
async fn an_endless_event_is_too_large() {
    for text in ["data: again and again\n", ": a comment without an end", "data: a line without an end"] {
        let server = Server::start().await;
        let mut bench = Bench::new(&server.origin());
        bench.limits.event_bytes = 100_000;
        let exchange = bench.sent(&listen(server.origin()));
        let mut peer = server.accept().await;
        peer.request().await;
        peer.stream().await;
        let (failure, ()) = tokio::join!(exchange.failure(), for_ever(peer, text));
        assert_eq!(failure.0, RequestFault::TooLarge, "{text}: {}", failure.1);
    }
}

/// A stream may go on for as long as it likes.
#[tokio::test]
async fn many_events_are_not_too_large() {
    let server = Server::start().await;
    let mut bench = Bench::new(&server.origin());
    bench.limits = Limits { event_bytes: 1000, body_bytes: 1000, ..bench.limits };
    let exchange = bench.sent(&listen(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.stream().await;
    let speak = async move {
        for _ in 0..1000 {
            peer.say(format!("data: {}\n\n", "x".repeat(900))).await;
        }
    };
    let ((events, _), ()) = tokio::join!(exchange.rest(), speak);
    let count: usize = events
        .iter()
        .map(|event| match event {
            ResponseEvent::Events(events) => events.len(),
            _ => 0,
        })
        .sum();
    assert_eq!((count, events.last()), (1000, Some(&ResponseEvent::Ended)));
}

#[tokio::test]
async fn a_giant_body_is_too_large() {
    let server = Server::start().await;
    let mut bench = Bench::new(&server.origin());
    bench.limits.body_bytes = 1_000_000;
    let exchange = bench.sent(&get(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n").await;
    let ((events, bytes), ()) = tokio::join!(exchange.rest(), for_ever(peer, "0123456789"));
    let Some(ResponseEvent::Failed { fault: RequestFault::TooLarge, .. }) = events.last() else {
        panic!("{events:?}");
    };
    assert!(bytes.len() <= 1_000_000, "{}", bytes.len());
}

#[tokio::test]
async fn a_giant_head_is_too_large() {
    let long: &'static str = Box::leak("x".repeat(4000).into_boxed_str());
    let lines: &'static str = Box::leak(format!("x-a: {long}\r\n").into_boxed_str());
    let few: &'static str = Box::leak(format!("{}\r\n", lines.repeat(20)).into_boxed_str());
    for text in [long, lines, "x-a: b\r\n", few] {
        let server = Server::start().await;
        let exchange = Bench::new(&server.origin()).sent(&get(server.origin()));
        let mut peer = server.accept().await;
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nx-long: ").await;
        let (failure, ()) = tokio::join!(exchange.failure(), for_ever(peer, text));
        let name: String = text.chars().take(8).collect();
        assert_eq!(failure.0, RequestFault::TooLarge, "{name}: {}", failure.1);
    }
}

fn impatient(url: String) -> Request {
    Request { idle_timeout_ms: Some(100), ..listen(url) }
}

#[tokio::test]
async fn silence_is_borne_for_so_long() {
    // Before the head, and behind it.
    for speaks in [false, true] {
        let server = Server::start().await;
        let exchange = Bench::new(&server.origin()).sent(&impatient(server.origin()));
        let mut peer = server.accept().await;
        peer.request().await;
        if speaks {
            peer.stream().await;
            peer.say("data: a\n").await;
        }
        let (fault, text) = exchange.failure().await;
        assert_eq!((fault, text.as_str()), (RequestFault::TimedOut, "nothing came for 100 ms"));
        peer.closed().await;
    }
}

/// A head that comes letter by letter is as good as none.
#[tokio::test]
async fn a_head_that_drips_is_not_waited_for() {
    let server = Server::start().await;
    let exchange = Bench::new(&server.origin()).sent(&impatient(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    let drip = async move {
        peer.say("HTTP/1.1 200 OK\r\nx-a: ").await;
        while peer.stream.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (failure, ()) = tokio::join!(exchange.failure(), drip);
    assert_eq!(failure.0, RequestFault::TimedOut, "{}", failure.1);
}

/// Comments are sent to keep a stream alive.
#[tokio::test]
async fn a_comment_breaks_silence() {
    let server = Server::start().await;
    let request = Request { idle_timeout_ms: Some(2_000), ..listen(server.origin()) };
    let exchange = Bench::new(&server.origin()).sent(&request);
    let mut peer = server.accept().await;
    peer.request().await;
    peer.stream().await;
    let drip = async move {
        for _ in 0..30 {
            peer.say(":\n").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let ((events, _), ()) = tokio::join!(exchange.rest(), drip);
    assert_eq!(events.last(), Some(&ResponseEvent::Ended));
}

#[tokio::test]
async fn the_whole_may_take_so_long() {
    let server = Server::start().await;
    let request = Request { total_timeout_ms: Some(300), ..listen(server.origin()) };
    let exchange = Bench::new(&server.origin()).sent(&request);
    let mut peer = server.accept().await;
    peer.request().await;
    peer.stream().await;
    let drip = async move {
        while peer.stream.write_all(b"data: drop\n\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (failure, ()) = tokio::join!(exchange.failure(), drip);
    assert_eq!((failure.0, failure.1.as_str()), (RequestFault::TimedOut, "not over within 300 ms"));
}

#[tokio::test]
async fn the_hosts_own_bounds_hold_over_the_plugins() {
    let server = Server::start().await;
    let mut bench = Bench::new(&server.origin());
    bench.limits.most_idle_timeout = Duration::from_millis(50);
    let patient = Request { idle_timeout_ms: Some(u32::MAX), ..get(server.origin()) };
    assert_eq!(bench.sent(&patient).failure().await.1, "nothing came for 50 ms");
    bench.limits = Limits { most_total_timeout: Duration::from_millis(60), ..Limits::standard() };
    let patient = Request { total_timeout_ms: Some(u32::MAX), ..get(server.origin()) };
    assert_eq!(bench.sent(&patient).failure().await.1, "not over within 60 ms");
}

/// A plugin that takes nothing holds the server up: the host does not fill its memory for it.
#[tokio::test]
async fn a_slow_plugin_holds_the_server_up() {
    for request in [get as fn(String) -> Request, listen] {
        let server = Server::start().await;
        let mut exchange = Bench::new(&server.origin()).sent(&request(server.origin()));
        let mut peer = server.accept().await;
        peer.request().await;
        peer.stream().await;
        exchange.head().await;
        let event = format!("data: {}\n\n", "x".repeat(10_000));
        // Nothing is taken here, so at some point nothing is taken from the socket.
        let mut sent = 0_usize;
        while tokio::time::timeout(Duration::from_millis(500), peer.stream.write_all(event.as_bytes()))
            .await
            .is_ok()
        {
            sent += event.len();
            assert!(
                sent < 64 << 20,
                "{sent} bytes were taken from the socket for a plugin that takes nothing"
            );
        }
        // And it goes on as soon as the plugin does.
        let taken = async {
            let mut taken = 0;
            while taken < sent {
                match exchange.next().await {
                    ResponseEvent::Events(events) => {
                        taken += events.iter().map(|event| event.data.len() + 8).sum::<usize>();
                    }
                    ResponseEvent::Bytes(bytes) => taken += bytes.len(),
                    event => panic!("{event:?}"),
                }
            }
        };
        soon("what was sent", taken).await;
    }
}

/// While the plugin takes its time, the server is not silent.
#[tokio::test]
async fn silence_does_not_count_while_the_plugin_is_slow() {
    let server = Server::start().await;
    let mut exchange = Bench::new(&server.origin()).sent(&impatient(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.stream().await;
    peer.say("data: a\n\ndata: b\n\n").await;
    // The head waits to be taken for thrice as long as silence is borne; behind it wait the events.
    tokio::time::sleep(Duration::from_millis(300)).await;
    exchange.head().await;
    assert!(matches!(exchange.next().await, ResponseEvent::Events(_)));
}
