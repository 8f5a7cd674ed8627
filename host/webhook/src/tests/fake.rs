//! A host, a clock and a receiver that do what a test says.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use pointsman_capabilities::request::{OriginEntry, Proxies};
use pointsman_engine::{Clock, Error, QuestionNews, Refused};
use pointsman_model::{Answer, Approval, ApprovalId, ApprovalState, Digest, HostId, Standing, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::calls::{Calls, News};
use crate::link::Links;
use crate::post::Post;
use crate::receiver::Receiver;
use crate::secret::Secret;

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(super) fn links() -> Links {
    Links::new(HostId::from_bytes([7; 16]), &Secret::parse(SECRET).unwrap(), &[7; 32])
}

/// A host that knows some questions.
pub(super) struct Fake {
    pub(super) approvals: Mutex<HashMap<ApprovalId, Approval>>,
    pub(super) now: Mutex<Timestamp>,
    pub(super) breaks: Mutex<bool>,
}

impl Fake {
    pub(super) fn knowing(approval: Approval) -> Arc<Self> {
        let now = approval.asked_at.plus_seconds(60);
        let approvals = HashMap::from([(approval.approval_id, approval)]);
        Arc::new(Self { approvals: approvals.into(), now: now.into(), breaks: false.into() })
    }

    /// Gives the question as it stands.
    pub(super) fn question(&self) -> Approval {
        self.approvals.lock().unwrap().values().next().unwrap().clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Approval)) {
        change(self.approvals.lock().unwrap().values_mut().next().unwrap());
    }
}

impl Calls for Fake {
    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, Error> {
        if *self.breaks.lock().unwrap() {
            return Err(Error::Store("the disk is gone".to_owned()));
        }
        Ok(self.approvals.lock().unwrap().get(&id).cloned())
    }

    async fn answer(
        &self,
        id: ApprovalId,
        shown: Digest,
        answer: Answer,
        by: &str,
    ) -> Result<Approval, Error> {
        let now = self.now();
        let mut approvals = self.approvals.lock().unwrap();
        let approval = approvals.get_mut(&id).unwrap();
        if approval.state != ApprovalState::Pending {
            return Err(Error::Answer(Refused::already(approval)));
        }
        assert_eq!(approval.digest, shown);
        match answer {
            Answer::Allow { scope, until } => {
                assert!(scope <= approval.scope);
                approval.state = ApprovalState::Consumed;
                approval.standing = (!scope.is_once()).then_some(Standing { scope, until });
            }
            Answer::AllowEdited { .. } => panic!("nothing is edited here"),
            Answer::Deny { feedback } => {
                approval.state = ApprovalState::Denied;
                approval.feedback = feedback;
            }
        }
        approval.settled_at = Some(now);
        approval.settled_by = Some(by.to_owned());
        Ok(approval.clone())
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn longest_session(&self) -> u64 {
        8 * 3_600
    }
}

/// News that a test brings.
pub(super) struct Wire(pub(super) mpsc::Receiver<QuestionNews>);

impl News for Wire {
    async fn next(&mut self) -> Option<QuestionNews> {
        self.0.recv().await
    }
}

/// A clock on which waiting takes no time.
#[derive(Debug, Default)]
pub(super) struct Quick {
    now: Mutex<u64>,
    /// How long it was waited each time, in milliseconds.
    pub(super) waits: Mutex<Vec<u64>>,
}

impl Clock for Quick {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + *self.now.lock().unwrap())
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let wait = at.as_millis() - self.now().as_millis();
        *self.now.lock().unwrap() += wait;
        self.waits.lock().unwrap().push(wait);
        Box::pin(tokio::task::yield_now())
    }
}

/// What came to a receiver.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) line: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

impl Heard {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Holds the signature against the secret, as a receiver does.
    pub(super) fn must_be_signed(&self) {
        let (id, at) = (&self.headers["webhook-id"], &self.headers["webhook-timestamp"]);
        assert!(id.starts_with("msg_") && !id.contains('.'), "{id}");
        let expected = Secret::parse(SECRET).unwrap().sign(id, at.parse().unwrap(), &self.body);
        assert_eq!(self.headers["webhook-signature"], expected);
    }
}

/// A receiver that answers with one response after the other, the last one for ever.
pub(super) struct Peer {
    pub(super) url: String,
    pub(super) heard: mpsc::UnboundedReceiver<Heard>,
}

impl Peer {
    pub(super) async fn answering(responses: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/hunter2", listener.local_addr().unwrap());
        let (tell, heard) = mpsc::unbounded_channel();
        let responses = responses.to_vec();
        tokio::spawn(async move {
            for count in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut text, mut buffer) = (String::new(), [0; 4096]);
                let whole = loop {
                    let read = stream.read(&mut buffer).await.unwrap();
                    text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let mut lines = head.lines();
                    let line = lines.next().unwrap().to_owned();
                    let headers: HashMap<String, String> = lines
                        .filter_map(|line| line.split_once(": "))
                        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                        .collect();
                    if headers["content-length"].parse::<usize>().unwrap() <= body.len() {
                        break Heard { line, headers, body: body.to_owned() };
                    }
                };
                let response = responses.get(count).or(responses.last()).unwrap();
                if !response.is_empty() {
                    let response = format!("HTTP/1.1 {response}\r\nconnection: close\r\n\r\n");
                    stream.write_all(response.as_bytes()).await.unwrap();
                }
                drop(stream);
                if tell.send(whole).is_err() {
                    return;
                }
            }
        });
        Self { url, heard }
    }

    pub(super) fn post(&self) -> Post {
        let receiver = Receiver::new(&self.url, OriginEntry::default()).unwrap();
        Post::new(receiver, Secret::parse(SECRET).unwrap(), Proxies::default())
    }

    pub(super) async fn next(&mut self) -> Heard {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), self.heard.recv()).await;
        next.expect("a message").expect("the receiver lives")
    }
}
