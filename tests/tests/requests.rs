//! Requests of a plugin in a whole host: granted, refused, given up, and ended with their run.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use pointsman_tests::{Host, Place};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Gives the path of the hostile guest as TOML has it.
fn hostile() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        let built = pointsman_guest_build::build(&["pointsman-hostile"]).expect("the hostile guest builds");
        Value::from(built[0].display().to_string()).to_string()
    })
}

/// A server that answers each request on a thread of its own, and tells when that is over.
struct Server {
    origin: String,
    over: Receiver<()>,
}

impl Server {
    fn start(answer: impl Fn(&str, &mut TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let origin = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (tell, over) = channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (answer, tell) = (answer.clone(), tell.clone());
                thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().expect("a descriptor is free")).lines();
                    let line = lines.next().and_then(Result::ok).unwrap_or_default();
                    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                    let head =
                        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                    // Whoever asked may have gone.
                    let _ = stream.write_all(head.as_bytes());
                    answer(&line, &mut stream);
                    drop(stream);
                    // The test may be over.
                    let _ = tell.send(());
                });
            }
        });
        Self { origin, over }
    }
}

/// Says the same event until nobody listens.
fn for_ever(stream: &mut TcpStream) {
    while stream.write_all(b"data: one\n\n").is_ok() {}
}

fn place(word: &str, origin: &str, listed: bool, granted: bool) -> Place {
    let table = if listed { format!("[origins.\"{origin}\"]\n") } else { String::new() };
    let grants = if granted { "\"request/send@1 *\"" } else { "" };
    Place::with(&format!(
        "[runs]\nstop_grace = \"100ms\"\n{table}[backends.asker]\ncomponent = {}\ngrants = [{grants}]\n\
         [backends.asker.config]\ndo = \"{word} {origin}/\"\n",
        hostile()
    ))
}

/// Gives what a run heard, from its events.
fn heard(host: &mut Host, run: &Value) -> Vec<Value> {
    let events = host.events(run);
    events
        .iter()
        .filter(|event| event["type"] == "x_hostile_said")
        .map(|event| event["data"].clone())
        .collect()
}

#[test]
fn what_is_granted_is_sent() {
    let server = Server::start(|_, stream| drop(stream.write_all(b"data: one\n\ndata: two\n\n")));
    let place = place("ask", &server.origin, true, true);
    let mut host = place.host();
    let run = host.spawn(&place, "asker", "ask", json!({}));
    assert_eq!(host.finish(&run)["status"], "completed");
    let heard = heard(&mut host, &run);
    assert_eq!(heard.first(), Some(&json!({ "status": 200 })));
    let events: Vec<_> = heard.iter().filter_map(|it| it["events"].as_array()).flatten().collect();
    assert_eq!(events, ["one", "two"]);
    assert_eq!(heard.last(), Some(&json!({ "ended": true })));
    host.hang_up().well();
}

#[test]
fn what_is_not_granted_or_not_listed_is_refused_with_the_line_that_helps() {
    let server = Server::start(|_, _| {});
    for (listed, granted, line) in [
        (true, false, format!("[backends.asker] grants = [\"request/send@1 {}\"]", server.origin)),
        (false, true, format!("[origins.\"{}\"]", server.origin)),
    ] {
        let place = place("ask", &server.origin, listed, granted);
        let mut host = place.host();
        let run = host.spawn(&place, "asker", "ask", json!({}));
        host.finish(&run);
        let heard = heard(&mut host, &run);
        assert_eq!((heard.len(), &heard[0]["leaf"]), (1, &json!("request/send@1")));
        let reason = heard[0]["refused"].as_str().expect("a refusal has a reason");
        assert!(reason.contains(&line), "{reason}");
        host.hang_up().well();
    }
    assert!(server.over.try_recv().is_err(), "something was sent all the same");
}

/// Of a request that was given up nothing is said any more, also if its handle already names another.
#[test]
fn a_request_that_was_given_up_is_not_heard_of_again() {
    let server = Server::start(|line, stream| match line.contains("again") {
        true => drop(stream.write_all(b"data: two\n\n")),
        false => for_ever(stream),
    });
    let place = place("ask_again", &server.origin, true, true);
    let mut host = place.host();
    let run = host.spawn(&place, "asker", "ask", json!({}));
    assert_eq!(host.finish(&run)["status"], "completed");
    let heard = heard(&mut host, &run);
    let behind: Vec<_> = heard.iter().skip_while(|it| it["gave_up"] != true).skip(1).collect();
    assert_eq!(behind, [&json!({"status": 200}), &json!({"events": ["two"]}), &json!({"ended": true})]);
    server.over.recv_timeout(PATIENCE).expect("both connections are closed");
    server.over.recv_timeout(PATIENCE).expect("both connections are closed");
    host.hang_up().well();
}

#[test]
fn a_request_ends_with_its_run() {
    let server = Server::start(|_, stream| for_ever(stream));
    let place = place("ask", &server.origin, true, true);
    let mut host = place.host();
    let run = host.spawn(&place, "asker", "ask", json!({}));
    host.event(&run, "x_hostile_said");
    host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(host.finish(&run)["status"], "cancelled");
    server.over.recv_timeout(PATIENCE).expect("the connection is closed");
    host.hang_up().well();
}

/// Makes a place with rules of a house beside the careful ones.
fn judged(origin: &str, when: &str, then: &str) -> Place {
    Place::with(&format!(
        "[runs]\nstop_grace = \"100ms\"\n[origins.\"{origin}\"]\n[backends.asker]\ncomponent = {}\n\
         grants = [\"request/send@1 *\"]\n[backends.asker.config]\ndo = \"ask {origin}/\"\n\
         [[policies]]\nname = \"careful\"\ncomponent = \"bundled:rules\"\nrules = \"bundled:careful\"\n\
         [[policies]]\nname = \"house\"\ncomponent = \"bundled:rules\"\ninline = '''\n[[rule]]\nid = \"house-rule\"\n\
         when = \"{when}\"\nthen = \"{then}\"\nreason = \"the house says so\"\n'''\n",
        hostile()
    ))
}

fn answer(host: &mut Host, place: &Place, run: &Value, answer: &str) {
    let asked = host.event(run, "approval_required");
    let id = asked["data"]["approval_id"].as_str().expect("a question has an id").to_owned();
    place.cli(&["approvals", answer, &id]);
}

#[test]
fn a_request_that_policy_denies_is_not_sent() {
    let server = Server::start(|_, _| {});
    let place = judged(&server.origin, "action == 'request' && request.method == 'GET'", "deny");
    let mut host = place.host();
    let run = host.spawn(&place, "asker", "ask", json!({}));
    host.finish(&run);
    let heard = heard(&mut host, &run);
    assert_eq!((heard.len(), &heard[0]["leaf"]), (1, &json!("request/send@1")));
    let reason = heard[0]["refused"].as_str().expect("a refusal has a reason");
    assert!(reason.contains("policy denies it") && reason.contains("house-rule"), "{reason}");
    assert!(server.over.try_recv().is_err(), "something was sent all the same");
    host.hang_up().well();
}

#[test]
fn a_request_waits_for_a_person_and_is_sent_or_not() {
    let server = Server::start(|_, stream| drop(stream.write_all(b"data: one\n\n")));
    let place = judged(&server.origin, "action == 'request' && request.path == '/'", "ask");
    let mut host = place.host();
    for word in ["allow", "deny"] {
        let run = host.spawn(&place, "asker", "ask", json!({}));
        let question = host.event(&run, "approval_required");
        assert_eq!(question["data"]["action"], "request");
        assert_eq!(question["data"]["request"]["origin"], json!(server.origin));
        assert_eq!(host.record(&run)["status"], "approval_required");
        answer(&mut host, &place, &run, word);
        host.finish(&run);
        let heard = heard(&mut host, &run);
        if word == "allow" {
            assert_eq!(heard.last(), Some(&json!({"ended": true})), "{heard:?}");
        } else {
            assert!(heard[0]["refused"].as_str().is_some_and(|it| it.contains("denied")), "{heard:?}");
        }
    }
    host.hang_up().well();
}

/// A message to a run that lives is judged, too; what a person must confirm is handed over when that one has.
#[test]
fn a_message_to_a_live_run_is_judged() {
    let server = Server::start(|_, stream| for_ever(stream));
    let message = |text: &str| json!({"role": "user", "parts": [{"type": "text", "text": text}]});
    for then in ["deny", "ask"] {
        let place = judged(&server.origin, "action == 'continue' && request.mode == 'live'", then);
        let mut host = place.host();
        let run = host.spawn(&place, "asker", "ask", json!({}));
        host.event(&run, "x_hostile_said");
        let say = json!({"run_id": run["run_id"], "input_message": message("turn left")});
        if then == "deny" {
            let refused = host.refusal("continue_run", say);
            assert!(refused.contains("policy denies it") && refused.contains("house-rule"), "{refused}");
        } else {
            let said = host.call("continue_run", say);
            assert_eq!(said["status"], "approval_required", "{said}");
            let note = said["note"].as_str().expect("a note");
            assert!(note.contains("a person must confirm this message"), "{note}");
            answer(&mut host, &place, &run, "allow");
            assert_eq!(host.event(&run, "message_added")["data"]["text"], "turn left");
        }
        host.call("cancel_run", json!({"run_id": run["run_id"]}));
        host.finish(&run);
        host.hang_up().well();
    }
}
