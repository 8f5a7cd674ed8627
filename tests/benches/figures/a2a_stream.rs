//! Events of a streaming A2A agent: a server on the loopback interface, the host's HTTP client, the backend
//! `remote_a2a`, the sanitizers, the journal.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use pointsman_tests::Place;
use serde_json::{Value, json};

use crate::Effort;
use crate::figure::{Figure, Goal};
use crate::samples::{Samples, timed};

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let updates = effort.of(20_000, 2_000);
    let agent = agent(updates).expect("a server on the loopback interface");
    let place = Place::with(&format!(
        "[origins.\"http://{agent}\"]\n\
         [backends.stream]\ncomponent = \"bundled:remote_a2a\"\n\
         grants = [\"request/send@1 *\", \"timer/set@1 *\"]\n\
         config = {{ agent_url = \"http://{agent}\" }}\n\
         [[policies]]\nname = \"any\"\ncomponent = \"bundled:rules\"\n\
         inline = '''\n[[rule]]\nid = \"any\"\nwhen = 'true'\nthen = \"allow\"\n'''\n"
    ));
    let mut host = place.host();
    let mut told = 0;
    let mut round = || {
        let (took, record) = timed(|| {
            let run = host.spawn(&place, "stream", "go", json!({}));
            host.finish(&run)
        });
        assert_eq!(record["status"], "completed", "{record}");
        told = record["last_seq"].as_u64().unwrap_or_default();
        assert!(told >= updates as u64, "{record}");
        told as f64 / took.as_secs_f64()
    };
    round();
    let samples = Samples::new((0..effort.of(5, 2)).map(|_| round()));
    host.hang_up();
    vec![Figure {
        what: "events ingested from a streaming A2A agent".to_owned(),
        reached: samples.median(),
        unit: "/s",
        goal: Goal::AtLeast(20_000.0),
        how: format!("{}; {told} events of {updates} updates each, launch included", samples.spread("runs")),
    }]
}

/// Serves an agent that answers every message by a stream of so many updates.
fn agent(updates: usize) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // Whoever hangs up in the midst of it has had enough.
            std::thread::spawn(move || drop(serve(&connection, address, updates)));
        }
    });
    Ok(address)
}

fn serve(connection: &TcpStream, address: SocketAddr, updates: usize) -> io::Result<()> {
    let mut input = BufReader::new(connection);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_lowercase());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    input.read_exact(&mut body)?;
    let mut output = BufWriter::with_capacity(64 << 10, connection);
    if head.first().is_some_and(|line| line.starts_with("get ")) {
        let card = card(address).to_string();
        write!(
            output,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{card}",
            card.len()
        )?;
        return output.flush();
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    output.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    let mut say = |result: Value| {
        write!(output, "data: {}\n\n", json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}))
    };
    let status = |state: &str, number: usize| {
        let text = format!("step {number}: looked at another file and found nothing that is worth a change");
        let message =
            json!({"messageId": format!("m{number}"), "role": "ROLE_AGENT", "parts": [{"text": text}]});
        json!({"state": state, "message": message})
    };
    say(json!({"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_SUBMITTED"}}}))?;
    for number in 1..=updates {
        let state = if number == updates { "TASK_STATE_COMPLETED" } else { "TASK_STATE_WORKING" };
        say(json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": status(state, number)}}))?;
    }
    output.flush()
}

fn card(address: SocketAddr) -> Value {
    json!({
        "name": "Stream", "description": "Says much.", "version": "1",
        "supportedInterfaces": [
            {"url": format!("http://{address}/a2a"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        ],
        "capabilities": {"streaming": true}, "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"], "skills": [],
    })
}
