//! A server that says what a test tells it to, and a client that asks it.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::collections::BTreeMap;
use std::time::Duration;

use pointsman_capabilities::request::{
    AddressClass, Client, Limits, LiveRequest, Network, OriginEntry, Origins, Proxies, ResponseEvent,
    authorize,
};
use pointsman_capabilities::secret::{SecretSource, Secrets};
use pointsman_capabilities::{Asker, Refusal};
use pointsman_model::plugin::{Framing, Request, RequestFault};
use pointsman_model::{CapabilityRequest, Grant, Leaf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Long enough for the slowest machine; nothing waits for it unless it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that has to come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// A server on loopback.
pub(crate) struct Server {
    listener: TcpListener,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind(("127.0.0.1", 0)).await.unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// Takes the next connection.
    pub(crate) async fn accept(&self) -> Peer {
        Peer { stream: soon("a connection", self.listener.accept()).await.unwrap().0 }
    }

    /// Says whether nobody knocks.
    pub(crate) async fn is_left_alone(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(50), self.listener.accept()).await.is_err()
    }
}

/// The server's end of a connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
}

impl Peer {
    /// Reads one request: its head, and the body that the head announces.
    pub(crate) async fn request(&mut self) -> String {
        soon("a request", async {
            let mut text = Vec::new();
            let mut expected = usize::MAX;
            while text.len() < expected {
                let mut byte = [0];
                assert_eq!(self.stream.read(&mut byte).await.unwrap(), 1, "the connection was closed");
                text.push(byte[0]);
                if text.ends_with(b"\r\n\r\n") && expected == usize::MAX {
                    let head = String::from_utf8_lossy(&text).to_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    expected = text.len() + length.map_or(0, |length| length.trim().parse().unwrap());
                }
            }
            String::from_utf8(text).unwrap()
        })
        .await
    }

    pub(crate) async fn say(&mut self, text: impl AsRef<[u8]>) {
        soon("room for an answer", self.stream.write_all(text.as_ref())).await.unwrap();
    }

    /// Answers with a whole response.
    pub(crate) async fn answer(&mut self, head: &str, body: &str) {
        self.say(format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    }

    /// Begins a stream of events.
    pub(crate) async fn stream(&mut self) {
        self.say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
    }

    /// Waits until the other end is closed.
    pub(crate) async fn closed(&mut self) {
        let mut buffer = [0; 1024];
        let end = async {
            // A reset is an end, too.
            while let Ok(1..) = self.stream.read(&mut buffer).await {}
        };
        soon("the end of the connection", end).await;
    }
}

/// A client and what its operator permits.
pub(crate) struct Bench {
    pub(crate) origins: Origins,
    pub(crate) limits: Limits,
    pub(crate) proxies: Proxies,
    pub(crate) secrets: Secrets,
    pub(crate) asked: Vec<(Leaf, String)>,
    pub(crate) given: Vec<(Leaf, String)>,
    pub(crate) quiet: bool,
}

impl Bench {
    /// With this origin, and grants for all.
    pub(crate) fn new(origin: &str) -> Self {
        Self::with(origin, OriginEntry::default())
    }

    pub(crate) fn with(origin: &str, entry: OriginEntry) -> Self {
        let all = vec![(Leaf::RequestSend, "*".to_owned()), (Leaf::SecretUse, "*".to_owned())];
        Self {
            origins: Origins::new([(origin.to_owned(), entry)]).unwrap(),
            limits: Limits::standard(),
            proxies: Proxies::default(),
            secrets: Secrets::new(BTreeMap::from([
                ("path".to_owned(), SecretSource::Env("PATH".to_owned())),
                ("package".to_owned(), SecretSource::Env("CARGO_PKG_NAME".to_owned())),
            ])),
            asked: all.clone(),
            given: all,
            quiet: false,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&Network::new(self.proxies.clone(), self.limits.clone()))
    }

    pub(crate) fn send_by(&self, client: &mut Client, request: &Request) -> Result<Exchange, Refusal> {
        let requests: Vec<_> = self
            .asked
            .iter()
            .map(|(leaf, target)| CapabilityRequest {
                leaf: *leaf,
                target: target.clone(),
                why: String::new(),
            })
            .collect();
        let grants: Vec<_> =
            self.given.iter().map(|(leaf, target)| Grant { leaf: *leaf, target: target.clone() }).collect();
        let asker = Asker { table: "backends.x", requests: &requests, grants: &grants };
        let authorized = authorize(request, &asker, &self.origins, &self.secrets)?;
        let authorized = if self.quiet { authorized.quiet() } else { authorized };
        let (live, events) = client.send(authorized)?;
        Ok(Exchange { live, events })
    }

    pub(crate) fn send(&self, request: &Request) -> Result<Exchange, Refusal> {
        self.send_by(&mut self.client(), request)
    }

    /// Sends what has to be permitted.
    pub(crate) fn sent(&self, request: &Request) -> Exchange {
        self.send(request).unwrap()
    }

    /// Sends what has to be refused; gives the reason.
    pub(crate) fn refused(&self, request: &Request) -> String {
        match self.send(request) {
            Ok(_) => panic!("{request:?} was sent"),
            Err(refusal) => refusal.reason,
        }
    }
}

/// A request under way.
pub(crate) struct Exchange {
    pub(crate) live: LiveRequest,
    pub(crate) events: mpsc::Receiver<ResponseEvent>,
}

impl Exchange {
    pub(crate) async fn next(&mut self) -> ResponseEvent {
        soon("an event", self.events.recv()).await.expect("a last event before the end")
    }

    /// Gives the head, which has to come next.
    pub(crate) async fn head(&mut self) -> (u16, Vec<(String, String)>) {
        match self.next().await {
            ResponseEvent::Head { status, headers } => (status, headers),
            event => panic!("{event:?} where a head was expected"),
        }
    }

    /// Gives whatever comes to the end, bytes joined.
    pub(crate) async fn rest(mut self) -> (Vec<ResponseEvent>, Vec<u8>) {
        let (mut events, mut bytes) = (Vec::new(), Vec::new());
        while let Some(event) = soon("an event", self.events.recv()).await {
            match event {
                ResponseEvent::Bytes(piece) => bytes.extend(piece),
                event => events.push(event),
            }
        }
        (events, bytes)
    }

    /// Gives the failure that it has to end with.
    pub(crate) async fn failure(self) -> (RequestFault, String) {
        let (mut events, _) = self.rest().await;
        match events.pop() {
            Some(ResponseEvent::Failed { fault, text }) => (fault, text),
            event => panic!("{event:?} where a failure was expected"),
        }
    }
}

/// Makes a request whose response comes in pieces.
pub(crate) fn get(url: impl Into<String>) -> Request {
    Request {
        id: 1,
        method: "GET".to_owned(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
        framing: Framing::Bytes,
        idle_timeout_ms: None,
        total_timeout_ms: None,
    }
}

/// Makes a request whose response comes in events.
pub(crate) fn listen(url: impl Into<String>) -> Request {
    Request { framing: Framing::Sse, ..get(url) }
}

pub(crate) fn post(url: impl Into<String>, body: &str) -> Request {
    Request { method: "POST".to_owned(), body: Some(body.into()), ..get(url) }
}

/// A name that leads to this machine.
pub(crate) fn localhost(server: &Server, addresses: Option<Vec<AddressClass>>) -> (String, OriginEntry) {
    (format!("http://localhost:{}", server.port()), OriginEntry { addresses, ..OriginEntry::default() })
}
