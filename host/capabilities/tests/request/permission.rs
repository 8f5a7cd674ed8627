//! What may be requested: grants, the operator's table, and where names lead.

use pointsman_capabilities::request::{AddressClass, OriginEntry, ResponseEvent};
use pointsman_model::Leaf;
use pointsman_model::plugin::{Framing, Request, RequestFault, SecretOr};
use rstest::rstest;

use crate::support::{Bench, Server, get, localhost, post};

const AGENTS: &str = "https://agents.example.com";

/// Invariant 6: what is effective is what is asked for *and* given, and a refusal carries the line that would help.
#[test]
fn a_request_needs_its_grant() {
    let mut bench = Bench::new(AGENTS);
    let request = get(format!("{AGENTS}/a?b"));
    bench.given = vec![(Leaf::TimerSet, "*".to_owned())];
    let reason = bench.refused(&request);
    let line = format!("[backends.x] grants = [\"timer/set@1 *\", \"request/send@1 {AGENTS}\"]");
    assert!(reason.contains(&line), "{reason}");
    bench.given = vec![(Leaf::RequestSend, "https://other.example.com".to_owned())];
    assert!(bench.refused(&request).contains("is not granted"));
    bench.given = vec![(Leaf::RequestSend, AGENTS.to_owned())];
    bench.asked = vec![(Leaf::RequestSend, "https://other.example.com".to_owned())];
    assert!(bench.refused(&request).contains("does not ask for it"));
}

#[rstest]
#[case::host("https://other.example.com/", "https://other.example.com")]
#[case::scheme("http://agents.example.com/", "http://agents.example.com")]
#[case::port("https://agents.example.com:8443/", "https://agents.example.com:8443")]
#[case::root_dot("https://agents.example.com./", "https://agents.example.com.")]
#[case::a_backslash_is_a_slash(
    "https://agents.example.com\\@evil.example.com/",
    "https://agents.example.com"
)]
#[case::short_address("http://127.1/", "http://127.0.0.1")]
#[case::mapped_address("http://[::ffff:169.254.169.254]/latest", "http://[::ffff:a9fe:a9fe]")]
fn an_origin_has_to_be_in_the_table(#[case] url: &str, #[case] origin: &str) {
    let reason = Bench::new("https://another.example.com").refused(&get(url));
    assert!(reason.contains(&format!("to add it: [origins.\"{origin}\"]")), "{reason}");
}

#[rstest]
#[case::nonsense("nonsense", "the URL is none")]
#[case::relative("/a", "the URL is none")]
#[case::files("file:///etc/passwd", "not file")]
#[case::unix("unix:///run/docker.sock", "not unix")]
#[case::user("https://me@agents.example.com/", "holds a user or a password")]
#[case::password("https://:hunter2@agents.example.com/", "holds a user or a password")]
fn a_url_has_to_be_a_plain_one(#[case] url: &str, #[case] why: &str) {
    let reason = Bench::new(AGENTS).refused(&get(url));
    assert!(reason.contains(why) && !reason.contains("hunter2"), "{reason}");
}

fn header(name: &str, value: &str) -> Request {
    let headers = vec![(name.to_owned(), SecretOr::Plain(value.to_owned()))];
    Request { headers, ..get(AGENTS) }
}

#[rstest]
#[case::length(get(format!("{AGENTS}/{}", "a".repeat(20_000))), "at most 16384 bytes")]
#[case::method(Request { method: "GE T".to_owned(), ..get(AGENTS) }, "is no method")]
#[case::lines(Request { framing: Framing::Lines, ..get(AGENTS) }, "framing `lines` is for processes")]
#[case::host(header("Host", "evil.example.com"), "header host is the host's own")]
#[case::length_of_body(header("Content-Length", "0"), "the host's own")]
#[case::smuggled(header("X-A", "a\r\nHost: b"), "control character")]
#[case::many(Request { headers: vec![("a".to_owned(), SecretOr::Plain(String::new())); 200], ..get(AGENTS) }, "at most 128 headers")]
#[case::long(header("X-A", &"a".repeat(100_000)), "at most 128 headers and 65536 bytes")]
fn a_request_has_to_be_well_formed(#[case] request: Request, #[case] why: &str) {
    let reason = Bench::new(AGENTS).refused(&request);
    assert!(reason.contains(why), "{reason}");
}

#[test]
fn methods_and_paths_are_the_operators() {
    let entry = OriginEntry {
        methods: Some(vec!["GET".to_owned()]),
        paths: vec!["/a2a".to_owned()],
        ..OriginEntry::default()
    };
    let bench = Bench::with(AGENTS, entry);
    let reason = bench.refused(&post(format!("{AGENTS}/a2a"), ""));
    assert!(reason.contains(&format!("[origins.\"{AGENTS}\"] methods = [\"GET\", \"POST\"]")), "{reason}");
    for path in ["/", "/a2ab", "/admin", "/a2a/../admin", "/a2a/%2e%2e/admin", "/A2A"] {
        let reason = bench.refused(&get(format!("{AGENTS}{path}")));
        assert!(reason.contains(&format!("[origins.\"{AGENTS}\"] paths = [\"/a2a\", ")), "{reason}");
    }
    for path in ["/a2a/..%2fadmin", "/a2a/%252e%252e/admin", "/a2a/..;/admin", "/a2a/%5c..%5cadmin"] {
        let reason = bench.refused(&get(format!("{AGENTS}{path}")));
        assert!(reason.contains("servers read differently"), "{reason}");
    }
}

#[tokio::test]
async fn a_run_has_so_many_requests_at_once() {
    let server = Server::start().await;
    let mut bench = Bench::new(&server.origin());
    bench.limits.live = 2;
    let mut client = bench.client();
    let mut send = || bench.send_by(&mut client, &get(server.origin()));
    let (first, _second) = (send().expect("room"), send().expect("room"));
    let refusal = send().err().expect("no room");
    assert!(refusal.reason.contains("2 requests at once; abort one first"), "{refusal}");
    drop(first);
    send().expect("room");
}

/// Whoever owns a name decides where it leads, and may change that after it was looked at: so what counts is the
/// address that is connected to.
#[tokio::test]
async fn a_public_name_that_leads_to_this_machine_is_not_followed() {
    let server = Server::start().await;
    let (origin, entry) = localhost(&server, None);
    let (fault, text) = Bench::with(&origin, entry).sent(&get(&origin)).failure().await;
    assert_eq!(fault, RequestFault::Unreachable);
    let line = format!("[origins.\"{origin}\"] addresses = [\"public\", \"loopback\"]");
    assert!(text.starts_with("localhost leads to ") && text.contains(&line), "{text}");
    let (origin, entry) = localhost(&server, Some(vec![AddressClass::Private]));
    let (fault, _) = Bench::with(&origin, entry).sent(&get(&origin)).failure().await;
    assert_eq!(fault, RequestFault::Unreachable);
    assert!(server.is_left_alone().await);
}

#[tokio::test]
async fn a_name_of_this_machine_is_reached_where_the_operator_says_so() {
    let server = Server::start().await;
    let (origin, entry) = localhost(&server, Some(vec![AddressClass::Loopback]));
    let exchange = Bench::with(&origin, entry).sent(&get(&origin));
    let mut peer = server.accept().await;
    peer.request().await;
    peer.answer("200 OK", "here").await;
    assert_eq!(exchange.rest().await.0.last(), Some(&ResponseEvent::Ended));
}
