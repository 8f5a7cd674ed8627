//! `pointsman a2a serve`, running.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{PATIENCE, Place, eventually};

/// A backend that is published as an A2A agent; killed when this is dropped.
#[derive(Debug)]
pub struct Published {
    child: Child,
    /// What it said at its start: `url`, `card`, `config`, `spawn_run`.
    pub said: Value,
    token: Option<String>,
}

impl Published {
    /// Publishes a backend of a place, working in the place's project.
    #[must_use]
    pub fn start(place: &Place, backend: &str, more: &[&str]) -> Self {
        let log = place.root().join(format!("a2a-{backend}.log"));
        let mut child = place
            .pointsman()
            .args(["--json", "a2a", "serve", "--backend", backend, "--cwd"])
            .arg(place.project())
            .args(more)
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("the folder is ours"))
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output was asked for");
        BufReader::new(output).read_line(&mut line).expect("it says where it is");
        let told = std::fs::read_to_string(&log).expect("the folder is ours");
        let said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}\n{told}"));
        let token = told.lines().find_map(|line| line.strip_prefix("  ")).map(str::to_owned);
        Self { child, said, token }
    }

    /// Gives where the agent lies.
    #[must_use]
    pub fn url(&self) -> String {
        self.said["url"].as_str().expect("it has an address").to_owned()
    }

    /// Gives the token that was made.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("a token was made")
    }

    /// Calls a method of 1.0 and gives its result.
    pub fn call(&self, method: &str, params: &Value) -> Value {
        let mut answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Calls a method of 1.0 and gives what it answers.
    pub fn answer(&self, method: &str, params: &Value) -> Value {
        let headers = [
            ("authorization", format!("Bearer {}", self.token.as_deref().unwrap_or_default())),
            ("a2a-version", "1.0".to_owned()),
        ];
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let (status, text) = http("POST", &format!("{}/rpc", self.url()), &headers, &body.to_string());
        assert_eq!(status, 200, "{method}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method}: {error}: {text}"))
    }

    /// Sends a message without waiting for what becomes of it, and gives the task.
    pub fn send(&self, message: &Value) -> Value {
        let configuration = json!({"returnImmediately": true});
        self.call("SendMessage", &json!({"message": message, "configuration": configuration}))["task"].take()
    }

    /// Waits until a task is in a state, and gives it.
    pub fn until(&self, task: &Value, state: &str) -> Value {
        let looked = eventually(&format!("a task that is {state}"), || {
            let task = self.call("GetTask", &json!({"id": task["id"]}));
            let now = task["status"]["state"].as_str().unwrap_or_default().to_owned();
            let over = ["COMPLETED", "FAILED", "CANCELED", "REJECTED"].iter().any(|end| now.ends_with(end));
            (now == state || over).then_some(task)
        });
        assert_eq!(looked["status"]["state"], state, "{looked}");
        looked
    }

    /// Asks it to end, as a terminal does, and waits.
    pub fn end(mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("it has a number");
        kill_process(pid, Signal::TERM).expect("it is ours");
        let status = eventually("the end of the host", || self.child.try_wait().expect("it is our child"));
        (status, began.elapsed())
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Sends one request over a connection of its own; gives the status and the body.
///
/// # Panics
///
/// If no HTTP comes back.
pub fn http(method: &str, url: &str, headers: &[(&str, String)], body: &str) -> (u16, String) {
    let rest = url.strip_prefix("http://").expect("tests speak plain HTTP");
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut stream = TcpStream::connect(place).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).expect("the server takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("an answer has a status");
    (status, body.to_owned())
}
