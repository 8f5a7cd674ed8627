//! A receiver of webhooks, and a person who follows links.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver as Lines, channel};

use serde_json::Value;

use crate::{Npm, PATIENCE, node_modules};

/// The secret that the receiver knows.
const SECRET: &str = "whsec_cG9pbnRzbWFuIHRlc3RzLCAzMiBieXRlcyBhdCBsZWFzdA==";

/// `tests/webhook/receiver.mjs`, running; it ends when this is dropped.
#[derive(Debug)]
pub struct WebhookReceiver {
    child: Child,
    port: u16,
    lines: Lines<Value>,
}

impl WebhookReceiver {
    /// Starts one that answers so, on a port of its own.
    #[must_use]
    pub fn answering(statuses: &str) -> Self {
        Self::at(0, statuses)
    }

    /// Starts one that answers so, at a port.
    #[must_use]
    pub fn at(port: u16, statuses: &str) -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("webhook/receiver.mjs");
        let mut child = Command::new("node")
            .arg(&script)
            .args([&port.to_string(), statuses])
            .env("SECRET", SECRET)
            .env("NODE_MODULES", node_modules(Npm::WEBHOOKS))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`node` has to be on the PATH, version 20 or later");
        let mut output = BufReader::new(child.stdout.take().expect("its output was asked for"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the receiver says its port");
        let port = line.trim().parse().unwrap_or_else(|_| {
            panic!("{} said {line:?} instead of its port", script.display());
        });
        let (heard, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if heard.send(message).is_err() {
                    break;
                }
            }
        });
        Self { child, port, lines }
    }

    /// Gives a port that nobody has by now.
    #[must_use]
    pub fn free_port() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        listener.local_addr().expect("it is bound").port()
    }

    /// Gives what a host's configuration says so that it tells this receiver, and more about it.
    #[must_use]
    pub fn table(&self, more: &str) -> String {
        Self::table_at(self.port, more)
    }

    /// Gives the same for a receiver that is not there yet.
    #[must_use]
    pub fn table_at(port: u16, more: &str) -> String {
        format!(
            "[secrets.webhook-key]\nfile = \"webhook.key\"\n\
             [approvals.webhook]\nname = \"phone\"\nurl = \"http://127.0.0.1:{port}/hooks/hunter2\"\n\
             secret = \"webhook-key\"\n{more}\n"
        )
    }

    /// Gives the secret as it stands in a file.
    #[must_use]
    pub fn secret() -> &'static str {
        SECRET
    }

    /// Waits for the next message, and gives it with the status that was answered. It has to be signed.
    pub fn next(&self) -> Value {
        let heard = self.lines.recv_timeout(PATIENCE).expect("a message");
        assert!(heard["message"].is_object(), "the official library does not take it: {heard}");
        assert_eq!((&heard["method"], &heard["path"]), (&"POST".into(), &"/hooks/hunter2".into()));
        heard
    }

    /// Gives whatever came and was not looked at.
    pub fn rest(&self) -> Vec<Value> {
        self.lines.try_iter().collect()
    }
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        // It ends when its input closes.
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}

/// Follows a link as a browser does, or sends its form back; gives the status and the page.
///
/// # Panics
///
/// If no HTTP comes back.
#[must_use]
pub fn follow_link(method: &str, link: &str, form: &str) -> (u16, String) {
    let rest = link.strip_prefix("http://").expect("tests speak plain HTTP");
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut stream = TcpStream::connect(place).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let body = match method {
        "POST" => format!(
            "origin: http://{place}\r\nsec-fetch-site: same-origin\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        ),
        _ => "\r\n".to_owned(),
    };
    let request = format!("{method} {path} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\n{body}");
    stream.write_all(request.as_bytes()).expect("the server takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers");
    let (head, page) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("an answer has a status");
    (status, page.to_owned())
}
