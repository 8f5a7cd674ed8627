//! Questions and what becomes of them, as the receiver hears of it.

use std::sync::Arc;
use std::time::Duration;

use pointsman_engine::QuestionNews;
use pointsman_model::{Answer, ApprovalState};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::fake::{Fake, Peer, Quick, Wire, links};
use crate::Events;
use crate::calls::Calls as _;
use crate::deliver::Courier;
use crate::follow::Teller;
use crate::link::Choice;
use crate::samples::question;

struct Stage {
    host: Arc<Fake>,
    news: mpsc::Sender<QuestionNews>,
    telling: JoinHandle<()>,
    peer: Peer,
}

impl Stage {
    async fn set(events: Events, responses: &[&'static str]) -> Self {
        let (host, peer) = (Fake::knowing(question()), Peer::answering(responses).await);
        let (news, wire) = mpsc::channel(8);
        let teller = Teller {
            calls: Arc::clone(&host),
            courier: Arc::new(Courier::new(peer.post(), Arc::new(Quick::default()))),
            links: links(),
            base: "https://desk.example/p".to_owned(),
            events,
        };
        let telling = tokio::spawn(teller.tell(Wire(wire), CancellationToken::new()));
        Self { host, news, telling, peer }
    }

    async fn asked(&self) {
        self.news.send(QuestionNews::Asked(Box::new(self.host.question()))).await.unwrap();
    }

    async fn settled(&self) {
        let asked = self.host.question();
        let by = "cli:ada";
        self.host.answer(asked.approval_id, asked.digest, Answer::allow_once(), by).await.unwrap();
        let news = QuestionNews::Settled { approval_id: asked.approval_id, state: ApprovalState::Consumed };
        self.news.send(news).await.unwrap();
    }

    async fn end(self) -> Vec<serde_json::Value> {
        drop(self.news);
        self.telling.await.unwrap();
        let mut heard = self.peer.heard;
        let mut left = Vec::new();
        while let Ok(message) = heard.try_recv() {
            left.push(message.json());
        }
        left
    }
}

const BOTH: Events = Events { asked: true, settled: true };

#[tokio::test]
async fn a_question_is_told_with_its_links_and_its_end() {
    let mut stage = Stage::set(BOTH, &["200 OK"]).await;
    stage.asked().await;
    let heard = stage.peer.next().await;
    heard.must_be_signed();
    let mut told = heard.json();
    let approval = question();
    for (name, choice) in [("allow", Choice::Allow), ("deny", Choice::Deny)] {
        let link = told["data"]["links"][name].take();
        let link = link.as_str().unwrap().strip_prefix("https://desk.example/p/answer/").unwrap();
        let read = links().read(link).unwrap();
        assert_eq!(
            (read.choice, read.approval_id, read.digest),
            (choice, approval.approval_id, approval.digest)
        );
        assert_eq!(read.expires_at, approval.expires_at);
    }
    insta::assert_json_snapshot!("asked", told);
    stage.settled().await;
    insta::assert_json_snapshot!("settled", stage.peer.next().await.json());
    assert_eq!(stage.end().await, [json!(null); 0]);
}

#[tokio::test]
async fn what_is_not_wished_for_is_not_told() {
    let mut stage = Stage::set(Events { asked: true, settled: false }, &["200 OK"]).await;
    stage.asked().await;
    assert_eq!(stage.peer.next().await.json()["type"], "approval.asked");
    stage.settled().await;
    assert_eq!(stage.end().await, [json!(null); 0]);

    let mut stage = Stage::set(Events { asked: false, settled: true }, &["200 OK"]).await;
    stage.asked().await;
    stage.settled().await;
    assert_eq!(stage.peer.next().await.json()["type"], "approval.settled");
    assert_eq!(stage.end().await, [json!(null); 0]);
}

/// A receiver that is down hears of the question no more when it is answered, but of its answer.
#[tokio::test]
async fn an_answer_ends_the_telling() {
    let mut stage = Stage::set(BOTH, &["500 Internal Server Error"]).await;
    stage.asked().await;
    for _ in 0..5 {
        assert_eq!(stage.peer.next().await.json()["type"], "approval.asked");
    }
    stage.settled().await;
    // From some message on there are but those of the end, and of these a few.
    let mut ends = 0;
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), stage.peer.heard.recv()).await;
        let message = next.expect("a message").unwrap().json();
        ends += u32::from(message["type"] == "approval.settled");
        assert!(ends == 0 || message["type"] == "approval.settled", "{message}");
        if ends == 6 {
            break;
        }
    }
    assert_eq!(stage.end().await, [json!(null); 0]);
}

/// Nobody is told of the end of a question that nobody told of.
#[tokio::test]
async fn an_end_without_a_beginning_is_not_told() {
    let stage = Stage::set(BOTH, &["200 OK"]).await;
    stage.settled().await;
    assert_eq!(stage.end().await, [json!(null); 0]);
}
