//! Proxies of the host's environment.

use pointsman_capabilities::request::{OriginEntry, Proxies, ResponseEvent};
use pointsman_model::plugin::RequestFault;

use tokio::io::AsyncReadExt as _;

use crate::support::{Bench, Server, get, soon};
use crate::tls::{acceptor, file};

fn behind(bench: &mut Bench, variables: &[(&str, &str)]) {
    bench.proxies = Proxies::of(&variables.iter().copied().collect());
}

#[tokio::test]
async fn plain_http_is_asked_of_the_proxy() {
    let proxy = Server::start().await;
    let origin = "http://agents.example.com";
    let mut bench = Bench::new(origin);
    let url = format!("http://me:hunter2@127.0.0.1:{}", proxy.port());
    behind(&mut bench, &[("HTTP_PROXY", &url)]);
    let exchange = bench.sent(&get(format!("{origin}/a")));
    let mut peer = proxy.accept().await;
    let asked = peer.request().await;
    assert!(asked.starts_with("GET http://agents.example.com/a HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: Basic bWU6aHVudGVyMg==\r\n"), "{asked}");
    peer.answer("200 OK", "by the proxy").await;
    assert_eq!(exchange.rest().await.0.last(), Some(&ResponseEvent::Ended));
}

#[tokio::test]
async fn https_is_tunnelled() {
    let proxy = Server::start().await;
    let origin = "https://agents.example.com";
    let mut bench = Bench::new(origin);
    behind(&mut bench, &[("https_proxy", &format!("http://localhost:{}", proxy.port()))]);
    let exchange = bench.sent(&get(format!("{origin}/a")));
    let mut peer = proxy.accept().await;
    let asked = peer.request().await;
    assert!(asked.starts_with("CONNECT agents.example.com:443 HTTP/1.1\r\n"), "{asked}");
    peer.answer("407 Proxy Authentication Required", "").await;
    let (fault, text) = exchange.failure().await;
    assert_eq!(fault, RequestFault::Unreachable, "{text}");
}

/// The proxy itself may be spoken to by https: its certificate is tested, though the origin's own scheme is http.
#[tokio::test]
async fn a_proxy_that_nobody_vouches_for_is_not_spoken_to() {
    let proxy = Server::start().await;
    let origin = "http://agents.example.com";
    let trusted = OriginEntry { ca_file: Some(file("ca.pem")), ..OriginEntry::default() };
    let variables = [("HTTP_PROXY", format!("https://localhost:{}", proxy.port()))];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    for (entry, speaks) in [(OriginEntry::default(), false), (trusted, true)] {
        let mut bench = Bench::with(origin, entry);
        behind(&mut bench, &variables);
        let exchange = bench.sent(&get(origin));
        let stream = proxy.accept().await.stream;
        if speaks {
            let mut stream = acceptor("http/1.1").accept(stream).await.expect("a handshake");
            let mut line = [0; 34];
            soon("a request", stream.read_exact(&mut line)).await.expect("a request");
            assert_eq!(&line, b"GET http://agents.example.com/ HTT");
        } else {
            let (failure, handshake) = tokio::join!(exchange.failure(), acceptor("http/1.1").accept(stream));
            assert_eq!(failure.0, RequestFault::Unreachable);
            handshake.expect_err("the certificate was not taken");
        }
    }
}

#[tokio::test]
async fn this_machine_is_not_asked_of_the_proxy() {
    let (proxy, server) = (Server::start().await, Server::start().await);
    let mut bench = Bench::new(&server.origin());
    behind(&mut bench, &[("ALL_PROXY", &proxy.origin())]);
    let exchange = bench.sent(&get(server.origin()));
    let mut peer = server.accept().await;
    assert!(peer.request().await.starts_with("GET / HTTP/1.1\r\n"));
    peer.answer("200 OK", "").await;
    exchange.rest().await;
    assert!(proxy.is_left_alone().await);
}

#[tokio::test]
async fn a_private_address_is_not_asked_of_the_proxy() {
    let proxy = Server::start().await;
    let mut bench = Bench::new("http://10.0.0.1");
    behind(&mut bench, &[("HTTP_PROXY", &proxy.origin())]);
    let (fault, text) = bench.sent(&get("http://10.0.0.1/")).failure().await;
    assert_eq!(fault, RequestFault::Unreachable);
    assert!(text.contains("NO_PROXY"), "{text}");
    assert!(proxy.is_left_alone().await);
}
