//! Messages on their way, over real connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pointsman_capabilities::request::{OriginEntry, Proxies};
use pointsman_model::Timestamp;
use rstest::rstest;

use super::fake::{Peer, Quick, SECRET};
use crate::deliver::{Courier, Message};
use crate::post::{Post, Sent};
use crate::receiver::Receiver;
use crate::secret::Secret;

async fn deliver(peer: &Peer, tries: u32) -> (Message, Vec<u64>) {
    let clock = Arc::new(Quick::default());
    let courier = Courier::new(peer.post(), clock.clone());
    let (message, begun) = (Message::new("{\"type\":\"x\"}".to_owned()), AtomicBool::new(false));
    courier.deliver(&message, &begun, tries).await;
    assert!(begun.load(Ordering::Acquire));
    let waits = clock.waits.lock().unwrap().clone();
    (message, waits)
}

#[rstest]
#[case("200 OK\r\ncontent-length: 0")]
#[case("204 No Content")]
#[case("202 Accepted\r\ncontent-length: 2\r\n\r\nok")]
#[tokio::test]
async fn a_message_is_signed_and_sent_once_if_it_is_taken(#[case] response: &'static str) {
    let mut peer = Peer::answering(&[response]).await;
    let (message, waits) = deliver(&peer, u32::MAX).await;
    let heard = peer.next().await;
    assert_eq!(heard.line, "POST /hooks/hunter2 HTTP/1.1");
    assert_eq!((&heard.headers["webhook-id"], &heard.body), (&message.id, &message.body));
    assert_eq!(heard.headers["content-type"], "application/json");
    assert_eq!(heard.headers["webhook-timestamp"], "1800000000");
    heard.must_be_signed();
    assert_eq!(waits, [0_u64; 0]);
    peer.heard.try_recv().unwrap_err();
}

/// The same message under the same id, signed anew at each time.
#[tokio::test]
async fn a_message_is_sent_until_it_is_taken() {
    let failures = ["500 Internal Server Error", "", "429 Too Many Requests\r\nretry-after: 90", "200 OK"];
    let mut peer = Peer::answering(&failures).await;
    let (message, waits) = deliver(&peer, u32::MAX).await;
    let mut times = Vec::new();
    for _ in 0..4 {
        let heard = peer.next().await;
        assert_eq!((&heard.headers["webhook-id"], &heard.body), (&message.id, &message.body));
        heard.must_be_signed();
        times.push(heard.headers["webhook-timestamp"].parse::<u64>().unwrap());
    }
    assert!(times.is_sorted() && times[3] - times[2] >= 90, "{times:?}");
    let [first, second, third] = waits.as_slice() else { panic!("{waits:?}") };
    assert!((500..=1_000).contains(first) && (1_000..=2_000).contains(second), "{waits:?}");
    assert!((90_000..=92_000).contains(third), "{waits:?}");
}

#[tokio::test]
async fn a_date_says_when_to_come_again() {
    // The clock begins on 15 January 2027 at 08:00.
    let later = "503 Service Unavailable\r\nretry-after: Fri, 15 Jan 2027 08:10:00 GMT";
    let peer = Peer::answering(&[later, "200 OK"]).await;
    let (_, waits) = deliver(&peer, u32::MAX).await;
    assert!(matches!(waits.as_slice(), [600_000..=600_500]), "{waits:?}");
}

#[rstest]
#[case::elsewhere("307 Temporary Redirect\r\nlocation: /hooks/other")]
#[case::elsewhere_for_ever("301 Moved Permanently\r\nlocation: https://other.example/")]
#[case::forbidden("403 Forbidden")]
#[case::not_found("404 Not Found")]
#[case::an_endless_head("x")]
#[tokio::test]
async fn whatever_is_no_yes_is_tried_again(#[case] response: &'static str) {
    let mut peer = Peer::answering(&[response]).await;
    let (_, waits) = deliver(&peer, 3).await;
    assert_eq!(waits.len(), 2);
    for _ in 0..3 {
        assert_eq!(peer.next().await.line, "POST /hooks/hunter2 HTTP/1.1");
    }
    peer.heard.try_recv().unwrap_err();
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone() {
    let mut peer = Peer::answering(&["410 Gone"]).await;
    let (_, waits) = deliver(&peer, u32::MAX).await;
    peer.next().await;
    assert_eq!(waits, [0_u64; 0]);
    peer.heard.try_recv().unwrap_err();
}

/// An answer of which nobody would read the end is still an answer.
#[tokio::test]
async fn a_receiver_may_say_much() {
    let long: &'static str = format!("200 OK\r\n\r\n{}", "x".repeat(1 << 20)).leak();
    let peer = Peer::answering(&[long]).await;
    let (_, waits) = deliver(&peer, u32::MAX).await;
    assert_eq!(waits, [0_u64; 0]);
}

/// Where a name leads is tested each time, as for plugins; the help names the table of this channel.
#[tokio::test]
async fn a_name_leads_nowhere_else() {
    let receiver = Receiver::new("https://localhost:1/hooks/hunter2", OriginEntry::default()).unwrap();
    let post = Post::new(receiver, Secret::parse(SECRET).unwrap(), Proxies::default());
    let sent = post.send("msg_1", "{}", Timestamp::from_millis(0)).await;
    let Sent::Failed { why, again: None } = sent else { panic!("{sent:?}") };
    assert!(why.contains("[approvals.webhook] addresses = [\"public\", \"loopback\"]"), "{why}");
    assert!(!why.contains("hunter2"), "{why}");
}
