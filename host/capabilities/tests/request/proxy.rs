//! Proxies of the host's environment.

use pointsman_capabilities::request::{Proxies, ResponseEvent};
use pointsman_model::plugin::RequestFault;

use crate::support::{Bench, Server, get};

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
