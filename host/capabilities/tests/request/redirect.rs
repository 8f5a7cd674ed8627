//! A server that sends elsewhere.

use pointsman_capabilities::request::{OriginEntry, ResponseEvent};
use pointsman_model::plugin::{Request, RequestFault, SecretOr};
use rstest::rstest;

use crate::support::{Bench, Server, get, post};

#[rstest]
#[case("301 Moved Permanently", "GET /there HTTP/1.1", false)]
#[case("302 Found", "GET /there HTTP/1.1", false)]
#[case("303 See Other", "GET /there HTTP/1.1", false)]
#[case("307 Temporary Redirect", "POST /there HTTP/1.1", true)]
#[case("308 Permanent Redirect", "POST /there HTTP/1.1", true)]
#[tokio::test]
async fn within_its_origin_it_is_followed(#[case] status: &str, #[case] line: &str, #[case] body: bool) {
    let server = Server::start().await;
    let mut request = post(format!("{}/here", server.origin()), "secret plans");
    request.headers = vec![
        ("Content-Type".to_owned(), SecretOr::Plain("text/plain".to_owned())),
        ("A2A-Version".to_owned(), SecretOr::Plain("1.0".to_owned())),
    ];
    let exchange = Bench::new(&server.origin()).sent(&request);
    let mut peer = server.accept().await;
    peer.request().await;
    peer.answer(&format!("{status}\r\nlocation: /there"), "").await;
    let again = peer.request().await;
    assert!(again.starts_with(line) && again.contains("a2a-version: 1.0"), "{again}");
    assert_eq!((again.contains("secret plans"), again.contains("text/plain")), (body, body), "{again}");
    peer.answer("200 OK", "arrived").await;
    assert_eq!(
        exchange.rest().await,
        (
            vec![
                ResponseEvent::Head {
                    status: 200,
                    headers: vec![("content-length".to_owned(), "7".to_owned())]
                },
                ResponseEvent::Ended
            ],
            b"arrived".to_vec(),
        )
    );
}

async fn sent_to(location: &str, entry: OriginEntry) -> (RequestFault, String) {
    let server = Server::start().await;
    let exchange = Bench::with(&server.origin(), entry).sent(&get(format!("{}/ok", server.origin())));
    let mut peer = server.accept().await;
    peer.request().await;
    let location = location.replace("ORIGIN", &server.origin());
    peer.answer(&format!("302 Found\r\nlocation: {location}"), "").await;
    let failure = exchange.failure().await;
    assert!(server.is_left_alone().await);
    failure
}

#[rstest]
#[case::metadata(
    "http://169.254.169.254/latest/meta-data/",
    "sent to http://169.254.169.254/latest/meta-data/"
)]
#[case::loopback_by_name("http://localhost/", "sent to http://localhost/")]
#[case::other_port("http://127.0.0.1:1/x?token=hunter2", "sent to http://127.0.0.1:1/x, another origin")]
#[case::other_scheme("https://127.0.0.1/", "sent to https://127.0.0.1/")]
#[case::no_scheme("//evil.example.com/", "sent to http://evil.example.com/")]
#[case::files("file:///etc/passwd", "sent to a URL of scheme file")]
#[case::user("http://me:hunter2@evil.example.com/", "sent to http://evil.example.com/")]
#[case::nonsense("http://[", "a place that is no URL")]
#[tokio::test]
async fn another_origin_is_named_and_not_followed(#[case] location: &str, #[case] why: &str) {
    let (fault, text) = sent_to(location, OriginEntry::default()).await;
    assert_eq!(fault, RequestFault::Redirected);
    assert!(text.contains(why) && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_listener_beside_it_is_not_reached() {
    let (server, other) = (Server::start().await, Server::start().await);
    let exchange = Bench::new(&server.origin()).sent(&get(server.origin()));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.answer(&format!("307 Temporary Redirect\r\nlocation: {}/", other.origin()), "").await;
    assert_eq!(exchange.failure().await.0, RequestFault::Redirected);
    assert!(other.is_left_alone().await);
}

#[rstest]
#[case::path("/admin", "paths = [\"/ok\", \"/admin\"]")]
#[case::climbing("/ok/../admin", "paths = [\"/ok\", \"/admin\"]")]
#[case::encoded("/ok/..%2fadmin", "servers read differently")]
#[tokio::test]
async fn what_may_not_be_requested_is_not_followed(#[case] location: &str, #[case] why: &str) {
    let entry = OriginEntry { paths: vec!["/ok".to_owned()], ..OriginEntry::default() };
    let (fault, text) = sent_to(location, entry).await;
    assert_eq!(fault, RequestFault::Redirected);
    assert!(text.contains(why), "{text}");
}

#[tokio::test]
async fn a_method_that_may_not_be_used_is_not_turned_to() {
    let server = Server::start().await;
    let entry = OriginEntry { methods: Some(vec!["POST".to_owned()]), ..OriginEntry::default() };
    let exchange = Bench::with(&server.origin(), entry).sent(&post(server.origin(), "x"));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.answer("303 See Other\r\nlocation: /there", "").await;
    let (fault, text) = exchange.failure().await;
    assert_eq!(fault, RequestFault::Redirected);
    assert!(text.contains("method GET is not permitted"), "{text}");
}

#[tokio::test]
async fn round_and_round_is_not_followed_for_ever() {
    let server = Server::start().await;
    let exchange = Bench::new(&server.origin()).sent(&get(server.origin()));
    let mut peer = server.accept().await;
    for _ in 0..6 {
        peer.request().await;
        peer.answer("302 Found\r\nlocation: /again", "").await;
    }
    let (fault, text) = exchange.failure().await;
    assert_eq!(fault, RequestFault::Redirected);
    assert!(text.contains("more than 5 times"), "{text}");
}

/// The host's own requests may have secrets in their paths, and go where they were sent or nowhere.
#[tokio::test]
async fn a_quiet_request_that_follows_nothing_tells_no_path() {
    let server = Server::start().await;
    let mut bench = Bench::new(&server.origin());
    bench.limits.redirects = 0;
    bench.quiet = true;
    let exchange = bench.sent(&post(format!("{}/hunter2", server.origin()), "x"));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.answer("307 Temporary Redirect\r\nlocation: /hunter2/there", "").await;
    let (fault, text) = exchange.failure().await;
    assert_eq!(fault, RequestFault::Redirected);
    assert!(text.contains("more than 0 times") && !text.contains("hunter2"), "{text}");
    assert!(server.is_left_alone().await);
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_an_answer() {
    let server = Server::start().await;
    let request = Request { method: "HEAD".to_owned(), ..get(server.origin()) };
    let mut exchange = Bench::new(&server.origin()).sent(&request);
    let mut peer = server.accept().await;
    peer.request().await;
    peer.say("HTTP/1.1 304 Not Modified\r\nlocation: http://evil.example.com/\r\n\r\n").await;
    assert_eq!(exchange.head().await.0, 304);
    assert_eq!(exchange.next().await, ResponseEvent::Ended);
}
