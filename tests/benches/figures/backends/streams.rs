//! Scripts of recorded streams of A2A agents.

use pointsman_remote_a2a::RemoteA2a;
use serde_json::{Value, json};

use super::player::{Player, recordings};
use super::script::{Script, Step};

/// A response: its status, its headers, its body.
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Makes a script of each message that was answered by a stream.
pub(super) fn scripts() -> Vec<Script> {
    let folders = [
        ("v1.0-jsonrpc", "JSONRPC", "1.0"),
        ("v1.0-rest", "HTTP+JSON", "1.0"),
        ("v0.3-jsonrpc", "JSONRPC", "0.3"),
    ];
    let of = |(folder, transport, version): (&str, &str, &str)| {
        let files = recordings("remote_a2a", folder, "http");
        let exchanges: Vec<(String, Response)> = files.iter().flat_map(|file| exchanges(file)).collect();
        let card = exchanges
            .iter()
            .find(|(asked, answer)| asked.contains("/.well-known/agent-card.json") && answer.status == 200);
        let (asked, card) = card.expect("a card was recorded");
        let host = asked.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host was asked");
        let config = json!({"agent_url": format!("http://{host}"), "transport": transport, "protocol_version": version});
        let streams = exchanges.iter().filter(|(asked, answer)| {
            let says = ["SendStreamingMessage", "message/stream", "message:stream"];
            says.iter().any(|word| asked.contains(word)) && answer.streams()
        });
        streams.map(|(_, stream)| script(&config, card, stream)).collect::<Vec<_>>()
    };
    folders.into_iter().flat_map(of).collect()
}

fn script(config: &Value, card: &Response, stream: &Response) -> Script {
    let mut player = Player::<RemoteA2a>::start(config);
    for response in [card, stream] {
        let Some(request) = player.requests.pop() else { break };
        let id = request.id;
        player.step(Step::Head { id, status: response.status, headers: response.headers.clone() });
        if response.streams() {
            // As a stream brings them: one after the other.
            for event in response.body.split("\n\n").filter_map(|block| block.trim().strip_prefix("data: ")) {
                player.step(Step::Events(id, vec![(None, event.to_owned())]));
            }
        } else {
            player.step(Step::Bytes(id, response.body.trim().as_bytes().to_vec()));
        }
        player.step(Step::Ended(id));
    }
    player.into_script()
}

impl Response {
    fn streams(&self) -> bool {
        let stream =
            |(name, value): &(String, String)| name == "content-type" && value.contains("event-stream");
        self.headers.iter().any(stream)
    }
}

/// Reads requests, as they stand, with what they were answered.
fn exchanges(recording: &str) -> Vec<(String, Response)> {
    let line = "#".repeat(72);
    let exchange = |section: &str| {
        let (asked, answer) = section.split_once("\nHTTP/1.1 ")?;
        let (head, body) = answer.split_once("\n\n")?;
        let mut head = head.lines();
        let status = head.next()?.split(' ').next()?.parse().ok()?;
        let headers = head.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some((asked.to_owned(), Response { status, headers, body: body.to_owned() }))
    };
    recording.split(&line).skip(1).filter_map(exchange).collect()
}
