//! Secrets reach the server that they are for, and nobody else.

use pointsman_capabilities::request::{AddressClass, OriginEntry};
use pointsman_model::Leaf;
use pointsman_model::plugin::{Request, SecretOr};

use crate::support::{Bench, Server, get, localhost};

fn with_secret(url: &str, header: &str, secret: &str) -> Request {
    Request { headers: vec![(header.to_owned(), SecretOr::Secret(secret.to_owned()))], ..get(url) }
}

#[tokio::test]
async fn a_secret_is_put_in_its_place_on_this_machine() {
    let server = Server::start().await;
    let name = env!("CARGO_PKG_NAME");
    for (header, line) in [
        ("X-Api-Key", format!("x-api-key: {name}\r\n")),
        ("Authorization", format!("authorization: Bearer {name}\r\n")),
    ] {
        let exchange = Bench::new(&server.origin()).sent(&with_secret(&server.origin(), header, "package"));
        let asked = server.accept().await.request().await;
        assert!(asked.contains(&line), "{asked}");
        drop(exchange);
    }
    let (origin, entry) = localhost(&server, Some(vec![AddressClass::Loopback]));
    let exchange = Bench::with(&origin, entry).sent(&with_secret(&origin, "X-Api-Key", "package"));
    assert!(server.accept().await.request().await.contains(name));
    drop(exchange);
}

/// In the clear it goes nowhere else, not even to a name that happens to lead here.
#[test]
fn a_secret_does_not_leave_this_machine_in_the_clear() {
    let everywhere = OriginEntry { addresses: Some(AddressClass::ALL.to_vec()), ..OriginEntry::default() };
    for (origin, entry) in [
        ("http://agents.example.com", OriginEntry::default()),
        ("http://10.0.0.1", OriginEntry::default()),
        ("http://localhost:1", OriginEntry::default()),
        ("http://localhost:1", everywhere),
    ] {
        let reason = Bench::with(origin, entry).refused(&with_secret(origin, "X-Api-Key", "package"));
        assert!(reason.contains("in the clear"), "{reason}");
    }
}

#[test]
fn a_secret_needs_its_grant() {
    let origin = "https://agents.example.com";
    let mut bench = Bench::new(origin);
    bench.given = vec![(Leaf::RequestSend, origin.to_owned())];
    let refusal = bench.send(&with_secret(origin, "X-Api-Key", "package")).err().expect("not granted");
    assert_eq!(refusal.leaf, Leaf::SecretUse);
    assert!(refusal.reason.contains("secret/use@1 package"), "{refusal}");
    bench.given.push((Leaf::SecretUse, "*".to_owned()));
    let reason = bench.refused(&with_secret(origin, "X-Api-Key", "unknown"));
    assert!(reason.contains("[secrets.unknown]"), "{reason}");
}

/// What a caller may choose, an agent's address say, does not decide where a secret goes.
#[test]
fn a_bound_secret_goes_nowhere_else() {
    let origin = "https://agents.example.com";
    let mut bench = Bench::new(origin);
    let bound = |to: &str| [to.parse().unwrap()].into();
    bench.secrets = bench.secrets.bind("package", bound("https://registry.example.com"));
    let refusal = bench.send(&with_secret(origin, "X-Api-Key", "package")).err().expect("bound elsewhere");
    assert_eq!(refusal.leaf, Leaf::SecretUse);
    let line =
        r#"[secrets.package] origins = ["https://registry.example.com", "https://agents.example.com"]"#;
    assert!(refusal.reason.contains(line), "{refusal}");
    assert!(!refusal.reason.contains(env!("CARGO_PKG_NAME")), "{refusal}");
}

#[tokio::test]
async fn a_failure_tells_no_secret() {
    let server = Server::start().await;
    let name = env!("CARGO_PKG_NAME");
    let request = with_secret(&format!("{}/a?key=hunter2", server.origin()), "X-Api-Key", "package");
    let exchange = Bench::new(&server.origin()).sent(&request);
    let mut peer = server.accept().await;
    assert!(peer.request().await.contains(name));
    drop(peer);
    let (_, text) = exchange.failure().await;
    assert!(!text.contains(name) && !text.contains("hunter2"), "{text}");
}
