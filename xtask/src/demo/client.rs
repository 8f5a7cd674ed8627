//! A client of MCP over stdio, as small as one can be: a line out, lines in until the answer comes.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::folder::{Folder, shown};
use crate::{Failure, say};

/// A host that this process started, and the line to it.
#[derive(Debug)]
pub(super) struct Client {
    host: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    next: u64,
}

impl Client {
    /// Starts the host the way Claude Code or Codex would, and shakes hands.
    pub(super) fn start(program: &Path, folder: &Folder) -> Result<Self, Failure> {
        say::step(format!(
            "the host, as a client starts it: {} --config {} serve",
            shown(program),
            shown(&folder.config())
        ));
        let begun = Instant::now();
        let mut host = Command::new(program)
            .arg("--config")
            .arg(folder.config())
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.log())?)
            .spawn()?;
        let input = host.stdin.take();
        let stdout = host.stdout.take().ok_or("the host has no standard output")?;
        let mut client = Self { host, input, output: BufReader::new(stdout).lines(), next: 0 };
        let hello = client.request(
            "initialize",
            json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": { "name": "pointsman-demo", "version": env!("CARGO_PKG_VERSION") },
            }),
        )?;
        client.notify("notifications/initialized")?;
        let tools = client.request("tools/list", json!({}))?;
        let names: Vec<_> = tools["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| tool["name"].as_str())
            .collect();
        let took = begun.elapsed().as_millis();
        say::line(format!(
            "  {} {} speaks MCP {}; {} tools, {took} ms after its start",
            say::bold(hello["serverInfo"]["name"].as_str().unwrap_or("the host")),
            hello["serverInfo"]["version"].as_str().unwrap_or_default(),
            hello["protocolVersion"].as_str().unwrap_or("?"),
            names.len()
        ));
        say::line(say::dim(format!("  {}", names.join(" "))));
        Ok(client)
    }

    /// Calls a tool and gives its structured answer.
    pub(super) fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, Failure> {
        let mut answer = self.request("tools/call", json!({ "name": tool, "arguments": arguments }))?;
        if answer["isError"] == true {
            return Err(
                format!("{tool}: {}", answer["content"][0]["text"].as_str().unwrap_or("failed")).into()
            );
        }
        Ok(answer["structuredContent"].take())
    }

    /// Closes the line; the host then ends by itself, with everything that it started.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        drop(self.input.take());
        let status = self.host.wait()?;
        say::line("");
        say::step(format!(
            "the client hangs up: the host ends with {status} after {} ms",
            begun.elapsed().as_millis()
        ));
        if status.success() { Ok(()) } else { Err(format!("the host ended with {status}").into()) }
    }

    fn request(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let line = self.output.next().ok_or("the host has ended; target/demo/host.log may say why")??;
            let mut message: Value =
                serde_json::from_str(&line).map_err(|error| format!("no JSON-RPC ({error}): {line}"))?;
            // Notifications and requests of the host's own pass by.
            if message["id"] != id || message.get("method").is_some() {
                continue;
            }
            return match message.get("error") {
                Some(error) => Err(format!("{method}: {error}").into()),
                None => Ok(message["result"].take()),
            };
        }
    }

    fn notify(&mut self, method: &str) -> Result<(), Failure> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method }))
    }

    fn send(&mut self, message: &Value) -> Result<(), Failure> {
        let input = self.input.as_mut().ok_or("the line to the host is closed")?;
        input
            .write_all(format!("{message}\n").as_bytes())
            .map_err(|error| format!("the host does not listen: {error}"))?;
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // After an error: the host must not stay behind. It ends when its input does.
        drop(self.input.take());
        let _ = self.host.wait();
    }
}
