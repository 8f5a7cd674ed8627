//! TLS: who is trusted, and what goes over it.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pointsman_capabilities::request::{AddressClass, OriginEntry, ResponseEvent};
use pointsman_model::plugin::{Request, RequestFault, SecretOr};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::support::{Bench, Server, get, listen, soon};

pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/request/certificates").join(name)
}

pub(crate) fn acceptor(protocol: &str) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("certificate.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
        .expect("a server");
    config.alpn_protocols = vec![protocol.into()];
    TlsAcceptor::from(Arc::new(config))
}

fn entry(ca_file: Option<PathBuf>) -> OriginEntry {
    OriginEntry { addresses: Some(vec![AddressClass::Loopback]), ca_file, ..OriginEntry::default() }
}

#[tokio::test]
async fn an_operators_own_root_is_trusted_for_its_origin() {
    let server = Server::start().await;
    let origin = format!("https://localhost:{}", server.port());
    let headers = vec![("Authorization".to_owned(), SecretOr::Secret("package".to_owned()))];
    let request = Request { headers, ..get(&origin) };
    let exchange = Bench::with(&origin, entry(Some(file("ca.pem")))).sent(&request);
    let mut stream = acceptor("http/1.1").accept(server.accept().await.stream).await.expect("a handshake");
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        asked.push(stream.read_u8().await.expect("a request"));
    }
    let asked = String::from_utf8_lossy(&asked);
    assert!(asked.contains(concat!("Bearer ", env!("CARGO_PKG_NAME"))), "{asked}");
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.expect("room");
    stream.flush().await.expect("room");
    assert_eq!(exchange.rest().await.0.last(), Some(&ResponseEvent::Ended));
}

#[tokio::test]
async fn whom_nobody_vouches_for_is_not_spoken_to() {
    let server = Server::start().await;
    let origin = format!("https://localhost:{}", server.port());
    let exchange = Bench::with(&origin, entry(None)).sent(&get(&origin));
    let (failure, handshake) = tokio::join!(exchange.failure(), async {
        acceptor("http/1.1").accept(server.accept().await.stream).await
    });
    assert_eq!(failure.0, RequestFault::Unreachable);
    assert!(failure.1.contains("certificate") || failure.1.contains("CA"), "{}", failure.1);
    handshake.expect_err("the certificate was not taken");
}

/// A certificate for one name is none for another.
#[tokio::test]
async fn a_certificate_is_for_its_name() {
    let server = Server::start().await;
    let origin = format!("https://127.0.0.1:{}", server.port());
    let entry = OriginEntry { ca_file: Some(file("ca.pem")), ..OriginEntry::default() };
    let exchange = Bench::with(&origin, entry).sent(&get(&origin));
    let (failure, handshake) = tokio::join!(exchange.failure(), async {
        acceptor("http/1.1").accept(server.accept().await.stream).await
    });
    assert_eq!(failure.0, RequestFault::Unreachable);
    assert!(failure.1.contains("not valid for name"), "{}", failure.1);
    handshake.expect_err("the certificate was not taken");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let server = Server::start().await;
    let origin = format!("https://localhost:{}", server.port());
    let mut bench = Bench::with(&origin, entry(Some(file("ca.pem"))));
    bench.limits.connect_timeout = Duration::from_millis(200);
    let exchange = bench.sent(&get(&origin));
    let mut peer = server.accept().await;
    let (fault, text) = exchange.failure().await;
    assert_eq!(fault, RequestFault::Unreachable);
    assert!(text.contains("took too long"), "{text}");
    peer.closed().await;
}

/// Streams of HTTP/2 share a window. Those whose reader is slow must leave some of it to the others.
#[tokio::test]
async fn streams_that_are_not_read_leave_room_for_others() {
    const WINDOW: usize = 256 * 1024;
    const STALLED: usize = 16;
    let server = Server::start().await;
    let origin = format!("https://localhost:{}", server.port());
    let mut bench = Bench::with(&origin, entry(Some(file("ca.pem"))));
    bench.limits.live = STALLED + 1;
    let mut client = bench.client();
    let mut first = bench.send_by(&mut client, &listen(&origin)).expect("permitted");
    let stream = acceptor("h2").accept(server.accept().await.stream).await.expect("a handshake");
    let mut connection = h2::server::handshake(stream).await.expect("a handshake");
    let (full, mut filled) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let head = http::Response::builder().header("content-type", "text/event-stream").body(());
            let mut body = respond.send_response(head.expect("a response"), false).expect("a stream");
            if request.uri().path() == "/quick" {
                body.send_data("data: quick\n\n".into(), true).expect("a stream");
                continue;
            }
            let mut full = Some(full.clone());
            tokio::spawn(async move {
                let mut sent = 0;
                loop {
                    body.reserve_capacity(10_000);
                    let room = poll_fn(|context| body.poll_capacity(context)).await;
                    let Some(Ok(room)) = room else { return };
                    body.send_data(format!("data: {}\n\n", "x".repeat(room.saturating_sub(8))).into(), false)
                        .expect("a stream");
                    sent += room;
                    if sent >= WINDOW
                        && let Some(full) = full.take()
                    {
                        full.send(()).expect("the test goes on");
                    }
                }
            });
        }
    });
    // The connection is known to all once it has served one.
    first.head().await;
    let mut stalled = vec![first];
    while stalled.len() < STALLED {
        stalled.push(bench.send_by(&mut client, &listen(&origin)).expect("permitted"));
    }
    let mut count = 0;
    while count < STALLED {
        soon("a stream that has filled its window", filled.recv()).await;
        count += 1;
    }
    let quick = bench.send_by(&mut client, &listen(format!("{origin}/quick"))).expect("permitted");
    let (events, _) = quick.rest().await;
    assert_eq!(events.last(), Some(&ResponseEvent::Ended));
    assert!(server.is_left_alone().await, "all of it went over one connection");
}
