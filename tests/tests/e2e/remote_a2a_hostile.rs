//! Agents elsewhere that are slow, or mean no good.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pointsman_tests::{Host, Place};
use serde_json::{Value, json};

/// What is asked: the first line, and the body.
type Asked = (String, Value);

/// A server that does what a test wants, in a thread for each connection. It ends with the test's process.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn start(answer: impl Fn(&Asked, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                std::thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        Self { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn methods(&self) -> Vec<String> {
        self.asked().iter().filter_map(|(_, body)| Some(body["method"].as_str()?.to_owned())).collect()
    }
}

/// Reads one request and answers it; whoever is hung up on has nothing to complain about.
fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(&Asked, &mut TcpStream) -> std::io::Result<()>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0_usize);
    if reader.read_line(&mut first).is_err() {
        return;
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let asked = (first.trim().to_owned(), serde_json::from_slice(&body).unwrap_or_default());
    log.lock().unwrap().push(asked.clone());
    let _hung_up = answer(&asked, &mut stream);
}

fn reply(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn json_reply(stream: &mut TcpStream, body: &Value) -> std::io::Result<()> {
    reply(stream, "200 OK", "content-type: application/json\r\n", &body.to_string())
}

fn stream_head(stream: &mut TcpStream) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
}

fn event(stream: &mut TcpStream, value: &Value) -> std::io::Result<()> {
    write!(stream, "data: {value}\n\n")?;
    stream.flush()
}

/// Gives a card that names no place, so that the agent is where its card is.
fn card(asked: &Asked, stream: &mut TcpStream) -> Option<std::io::Result<()>> {
    asked.0.starts_with("GET ").then(|| {
        json_reply(stream, &json!({"name": "Odd", "url": "/a2a", "capabilities": {"streaming": true}}))
    })
}

fn working() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "result": {"kind": "task", "id": "t", "contextId": "c",
        "status": {"state": "working"}}})
}

/// Runs one prompt at a server, and gives the record and the events.
fn run_at(server: &Server, more: Value) -> (Value, Vec<Value>) {
    let place = Place::with(&format!("[origins.\"{}\"]\n", server.url()));
    let mut host = place.host();
    let run = spawn(&mut host, &place, server, more);
    let record = host.finish(&run);
    let events = host.events(&run);
    host.hang_up().well();
    (record, events)
}

fn spawn(host: &mut Host, place: &Place, server: &Server, more: Value) -> Value {
    let mut config = json!({ "agent_url": server.url() });
    for (key, value) in more.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    host.spawn(place, "remote_a2a", "do it", json!({ "backend_config": config }))
}

#[test]
fn an_event_without_end_ends_the_run() {
    let server = Server::start(|asked, stream| {
        if let Some(card) = card(asked, stream) {
            return card;
        }
        if asked.1["method"] == "tasks/cancel" {
            return json_reply(
                stream,
                &json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32002, "message": "no"}}),
            );
        }
        stream_head(stream)?;
        event(stream, &working())?;
        stream.write_all(b"data: ")?;
        loop {
            stream.write_all(&[b'x'; 65_536])?;
        }
    });
    let (record, _) = run_at(&server, json!({}));
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("failed"), &json!("too_large")),
        "{record}"
    );
    assert!(
        server.methods().contains(&"tasks/cancel".to_owned()),
        "the agent is told: {:?}",
        server.methods()
    );
}

#[test]
fn a_body_without_end_ends_the_run() {
    let server = Server::start(|asked, stream| {
        if let Some(card) = card(asked, stream) {
            return card;
        }
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{{\"result\":\""
        )?;
        loop {
            stream.write_all(&[b'x'; 65_536])?;
        }
    });
    let (record, _) = run_at(&server, json!({"streaming": false}));
    assert_eq!(record["error"]["reason"], "too_large", "{record}");
    let server = Server::start(|_, stream| {
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{{\"name\":\""
        )?;
        loop {
            stream.write_all(&[b'x'; 65_536])?;
        }
    });
    let (record, _) = run_at(&server, json!({}));
    assert_eq!(record["error"]["reason"], "too_large", "{record}");
}

#[test]
fn nobody_is_led_astray() {
    let victim = Server::start(|_, stream| json_reply(stream, &json!({"name": "victim", "url": "/"})));
    let places = [
        victim.url(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
    ];
    for place in &places {
        // By a redirect of the card, by a redirect of a message, and by the card itself.
        for step in ["card", "message", "address"] {
            let target = place.clone();
            let server = Server::start(move |asked, stream| {
                let elsewhere = format!("location: {target}\r\n");
                match step {
                    "card" => reply(stream, "307 Temporary Redirect", &elsewhere, ""),
                    "address" => json_reply(stream, &json!({"name": "Odd", "url": target})),
                    _ => card(asked, stream)
                        .unwrap_or_else(|| reply(stream, "308 Permanent Redirect", &elsewhere, "")),
                }
            });
            let (record, _) = run_at(&server, json!({}));
            let reason = if step == "address" { "not_granted" } else { "redirected" };
            assert_eq!(record["error"]["reason"], reason, "{step} {place}: {record}");
        }
    }
    assert_eq!(victim.asked(), [], "nobody was sent there");

    // With a token, not even to an origin that is granted.
    let server_victim = victim.url();
    let server =
        Server::start(move |_, stream| json_reply(stream, &json!({"name": "Odd", "url": server_victim})));
    let place = Place::with(&format!("[origins.\"{}\"]\n[origins.\"{}\"]\n", server.url(), victim.url()));
    let mut host = place.host();
    let run = spawn(&mut host, &place, &server, json!({"auth_token": "t0ken"}));
    let record = host.finish(&run);
    assert_eq!(record["error"]["reason"], "untrusted_origin", "{record}");
    assert_eq!(victim.asked(), []);
    host.hang_up().well();
}

#[test]
fn wrong_types_are_borne_and_kept() {
    let odd = [
        json!(null),
        json!(7),
        json!([[]]),
        json!({"result": 5}),
        json!({"result": {"kind": "status-update", "status": {"state": 5}}}),
        json!({"result": {"kind": "artifact-update", "artifact": {"artifactId": [], "parts": {}}}}),
        json!({"result": {"kind": "status-update", "taskId": "t", "status": {"state": "levitating"}}}),
        json!({"result": {"kind": "artifact-update", "taskId": "t", "append": "yes", "lastChunk": 1,
            "artifact": {"artifactId": 9, "name": {}, "parts": [null, 7, {"text": 5}, {"text": "kept"}]}}}),
        json!({"result": {"kind": "status-update", "taskId": "t", "status": {"state": "completed", "message": "odd"}}}),
    ];
    let server = Server::start(move |asked, stream| {
        if let Some(card) = card(asked, stream) {
            return card;
        }
        stream_head(stream)?;
        event(stream, &working())?;
        odd.iter().try_for_each(|value| event(stream, value))
    });
    let (record, events) = run_at(&server, json!({}));
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("kept")),
        "{record}"
    );
    let kept = events.iter().filter(|event| event["type"] == "x_remote_a2a_event").count();
    assert_eq!(kept, 6, "{events:?}");
    assert!(events.iter().any(|event| event["data"]["state"] == "levitating"), "{events:?}");
}

#[test]
fn a_slow_agent_is_waited_for() {
    let server = Server::start(|asked, stream| {
        if let Some(card) = card(asked, stream) {
            return card;
        }
        if asked.1["method"] == "tasks/get" {
            return json_reply(stream, &working());
        }
        // Letter by letter, and silent for longer than it is looked after.
        stream_head(stream)?;
        let end = json!({"result": {"kind": "status-update", "taskId": "t", "status": {"state": "completed",
            "message": {"messageId": "m", "role": "agent", "parts": [{"kind": "text", "text": "at last"}]}}}});
        for value in [working(), end] {
            for letter in format!("data: {value}\n\n").bytes() {
                stream.write_all(&[letter])?;
                stream.flush()?;
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        Ok(())
    });
    let (record, _) = run_at(&server, json!({}));
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("at last")),
        "{record}"
    );
}

#[test]
fn an_agent_that_ignores_a_cancel_does_not_hold_the_run() {
    let server = Server::start(|asked, stream| {
        if let Some(card) = card(asked, stream) {
            return card;
        }
        if asked.1["method"] == "tasks/cancel" {
            std::thread::sleep(Duration::from_secs(60));
            return Ok(());
        }
        stream_head(stream)?;
        event(stream, &working())?;
        std::thread::sleep(Duration::from_secs(60));
        Ok(())
    });
    let place = Place::with(&format!("[origins.\"{}\"]\n", server.url()));
    let mut host = place.host();
    let run = spawn(&mut host, &place, &server, json!({}));
    pointsman_tests::eventually("its task", || {
        host.record(&run)["remote_ref"]["task_id"].as_str().map(str::to_owned)
    });
    let began = std::time::Instant::now();
    assert_eq!(host.call("cancel_run", json!({"run_id": run["run_id"]}))["status"], "cancelled");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let events = host.events(&run);
    assert!(events.iter().any(|event| event["type"] == "x_remote_a2a_not_cancelled"), "{events:?}");
    host.hang_up().well();
}
