//! A host as a client has it: a process that takes lines of JSON and gives lines of JSON.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{PATIENCE, Place, eventually};

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// With a handshake, revision 2025-11-25.
    Legacy,
    /// Every request for itself, revision 2026-07-28.
    Modern,
}

/// How a host ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// From what made it end to its end.
    pub took: Duration,
}

impl Ended {
    /// Ends the test if the host did not end well.
    pub fn well(&self) {
        assert!(self.status.success(), "the host ended with {}", self.status);
    }

    /// Ends the test if the host did not end well and within a second: clients kill one that lingers.
    pub fn in_time(&self) {
        self.well();
        assert!(self.took <= Duration::from_secs(1), "the host took {:?} to end", self.took);
    }
}

/// `pointsman serve` and the line to it.
///
/// Whatever the host writes to standard output has to be a message of JSON-RPC: anything else ends the test.
#[derive(Debug)]
pub struct Host {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    era: Era,
    last_id: u64,
    answers: HashMap<u64, Value>,
    others: Vec<Value>,
}

impl Host {
    /// Starts a host in a place, or attaches to one, as `args` behind `serve` and these variables say.
    pub(crate) fn start(place: &Place, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(place.log()).expect("the log opens");
        let mut child = place
            .pointsman()
            .arg("serve")
            .args(args)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let output = child.stdout.take().expect("its output was asked for");
        let (heard, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { break };
                if heard.send(line).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        Self {
            child,
            input,
            lines,
            era: Era::Modern,
            last_id: 0,
            answers: HashMap::new(),
            others: Vec::new(),
        }
    }

    /// Shakes hands as clients of the legacy era do, and gives the host's answer.
    pub fn initialize(&mut self, name: &str) -> Value {
        self.era = Era::Legacy;
        let hello = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": name, "version": "1"},
        });
        let welcome = self.request("initialize", hello);
        self.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        welcome["result"].clone()
    }

    /// Gives the process's number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes one line, whatever it says.
    pub fn write(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the line to the host is open");
        writeln!(input, "{line}").expect("the host listens");
    }

    /// Sends a request and gives its id.
    pub fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.last_id += 1;
        if self.era == Era::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "pointsman-tests", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        let id = self.last_id;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string());
        id
    }

    /// Waits for the answer to a request.
    pub fn answer(&mut self, id: u64) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return answer;
            }
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.hear(&line),
                Err(RecvTimeoutError::Timeout) => panic!("no answer to request {id} within {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the host ended before it answered request {id}")
                }
            }
        }
    }

    /// Asks and waits for the answer.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(id)
    }

    /// Calls a tool and gives its result as it stands.
    pub fn result(&mut self, tool: &str, arguments: Value) -> Value {
        let mut answer = self.request("tools/call", json!({"name": tool, "arguments": arguments}));
        assert!(answer.get("error").is_none(), "{tool}: {answer}");
        answer["result"].take()
    }

    /// Calls a tool that answers. The text and the structured content of every answer have to say the same.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut result = self.result(tool, arguments);
        assert_ne!(result["isError"], true, "{tool}: {result}");
        let text = result["content"][0]["text"].as_str().expect("an answer is text, too");
        let text: Value = serde_json::from_str(text).expect("the text is JSON");
        assert_eq!(text, result["structuredContent"], "{tool}");
        result["structuredContent"].take()
    }

    /// Calls a tool that refuses, and gives what it says.
    pub fn refusal(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.result(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        result["content"][0]["text"].as_str().expect("a refusal is text").to_owned()
    }

    /// Launches a worker in the place's project; `more` is laid over the arguments.
    pub fn spawn(&mut self, place: &Place, backend: &str, prompt: &str, more: Value) -> Value {
        let mut arguments = json!({
            "backend": backend, "role": "worker", "cwd": place.project(), "session_mode": "new", "prompt": prompt,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            arguments[key] = value.clone();
        }
        self.call("spawn_run", arguments)
    }

    /// Waits until a run is over, and gives what is known of it, whole.
    pub fn finish(&mut self, run: &Value) -> Value {
        const OVER: [&str; 4] = ["completed", "failed", "cancelled", "rejected"];
        let until = Instant::now() + PATIENCE;
        let mut cursor = Value::Null;
        loop {
            let waited = self.call(
                "wait_for_runs",
                json!({"run_ids": [run["run_id"]], "mode": "all", "cursor": cursor, "wait_ms": 10_000}),
            );
            let over =
                |change: &Value| change["status"].as_str().is_some_and(|status| OVER.contains(&status));
            if waited["changes"].as_array().is_some_and(|changes| changes.iter().any(over)) {
                return self.record(run);
            }
            assert!(Instant::now() < until, "the run is not over within {PATIENCE:?}: {}", self.record(run));
            cursor = waited["next_cursor"].clone();
        }
    }

    /// Gives what is known of a run, whole.
    pub fn record(&mut self, run: &Value) -> Value {
        self.call("get_run", json!({"run_id": run["run_id"], "max_bytes": 40_000}))
    }

    /// Gives every event that a run has by now, page by page. None may be missing.
    pub fn events(&mut self, run: &Value) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let page = self.call(
                "poll_events",
                json!({"run_id": run["run_id"], "after_seq": events.len(), "limit": 1000, "wait_ms": 0}),
            );
            events.extend(page["events"].as_array().expect("a page has events").iter().cloned());
            for (seq, event) in (1_u64..).zip(&events) {
                assert_eq!(event["seq"], seq, "events are numbered without a gap");
            }
            if page["truncated"] != true {
                assert_eq!(page["last_seq"], events.len());
                return events;
            }
        }
    }

    /// Waits until a run tells an event of a kind, and gives it.
    pub fn event(&mut self, run: &Value, kind: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        let mut after = json!(0);
        loop {
            let page = self
                .call("poll_events", json!({"run_id": run["run_id"], "after_seq": after, "wait_ms": 10_000}));
            let events = page["events"].as_array().expect("a page has events");
            if let Some(event) = events.iter().find(|event| event["type"] == kind) {
                return event.clone();
            }
            assert!(Instant::now() < until, "no {kind} within {PATIENCE:?}; the newest page: {page}");
            after = page["next_after_seq"].clone();
        }
    }

    /// Reads a value that was moved out of an event, page by page, as a client does that wants small answers.
    pub fn artifact(&mut self, event: &Value, pointer: &str) -> String {
        let mut value = String::new();
        loop {
            let page = self.call(
                "get_event_artifact",
                json!({
                    "run_id": event["run_id"], "seq": event["seq"], "field_path": pointer, "offset": value.len(),
                }),
            );
            value.push_str(page["content"].as_str().expect("a page has content"));
            if page["has_more"] != true {
                assert_eq!(page["total_bytes"], value.len(), "the pages together are the whole");
                return value;
            }
            assert_ne!(page["returned_bytes"], 0, "a page that is not the last brings something");
        }
    }

    /// Gives messages that were no answers: notifications, and refusals of what could not be read.
    pub fn others(&self) -> &[Value] {
        &self.others
    }

    /// Closes the line and waits for the end.
    pub fn hang_up(mut self) -> Ended {
        let began = Instant::now();
        drop(self.input.take());
        self.wait(began)
    }

    /// Closes the line and waits for nothing.
    pub fn close(&mut self) {
        drop(self.input.take());
    }

    /// Says whether the process has ended.
    pub fn gone(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// Waits for the end, which something else brings about.
    pub fn ended(mut self) -> Ended {
        self.wait(Instant::now())
    }

    /// Sends a signal and waits for the end. The line stays open.
    pub fn end_by(mut self, signal: Signal) -> Ended {
        let began = Instant::now();
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process has a number");
        kill_process(pid, signal).expect("the host is ours");
        self.wait(began)
    }

    fn wait(&mut self, began: Instant) -> Ended {
        let status = eventually("the end of the host", || self.child.try_wait().expect("it is our child"));
        let took = began.elapsed();
        // What it said at the last has to be clean, too.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.hear(&line);
        }
        Ended { status, took }
    }

    fn hear(&mut self, line: &str) {
        let message: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("standard output carries messages alone, not {line:?}: {error}"));
        assert_eq!(message["jsonrpc"], "2.0", "standard output carries messages alone: {line}");
        match message["id"].as_u64() {
            Some(id) if message.get("method").is_none() => {
                let twice = self.answers.insert(id, message);
                assert!(twice.is_none(), "request {id} was answered twice");
            }
            _ => self.others.push(message),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A test that ended too early leaves no host behind.
        drop(self.input.take());
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
