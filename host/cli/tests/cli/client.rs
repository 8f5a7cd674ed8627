//! A host as its client sees it: a line out, lines in until the answer comes.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Output, Stdio};

use serde_json::{Value, json};

use crate::program::Home;

pub(crate) struct Client {
    host: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    next: u64,
}

impl Client {
    /// Starts a host and has it answer once, so that it is past its start.
    pub(crate) fn start(home: &Home, command: &str) -> Self {
        let mut host = home
            .command(&[command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (host.stdin.take(), BufReader::new(host.stdout.take().unwrap()).lines());
        let mut client = Self { host, input, output, next: 0 };
        let hello = client.request(
            "initialize",
            json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" },
            }),
        );
        assert_eq!(hello["serverInfo"]["name"], "pointsman");
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.host)
    }

    /// Calls a tool that must succeed.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut answer = self.request("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert_ne!(answer["isError"], true, "{tool}: {answer}");
        answer["structuredContent"].take()
    }

    /// Hangs up and waits for the host's end.
    pub(crate) fn hang_up(mut self) -> Output {
        drop(self.input.take());
        self.host.wait_with_output().unwrap()
    }

    /// Waits for the host's end without hanging up.
    pub(crate) fn wait(self) -> Output {
        let Self { host, input, .. } = self;
        let output = host.wait_with_output().unwrap();
        drop(input);
        output
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let line = self.output.next().expect("the host has ended").unwrap();
            let mut message: Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
            if message["id"] == id && message.get("method").is_none() {
                assert_eq!(message.get("error"), None, "{method}");
                return message["result"].take();
            }
        }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }
}
