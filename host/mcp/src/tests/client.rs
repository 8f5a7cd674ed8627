//! A client that knows nothing but lines.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::task::JoinHandle;

use super::fake::Fake;
use crate::ServeError;
use crate::serve::{ServeOptions, serve_calls};

pub(super) struct Line {
    pub(super) host: Arc<Fake>,
    input: Option<DuplexStream>,
    output: Lines<BufReader<DuplexStream>>,
    pub(super) server: JoinHandle<Result<(), ServeError>>,
    last_id: u64,
}

impl Line {
    /// Connects without saying a word.
    pub(super) fn to(host: Fake) -> Self {
        Self::with(host, ServeOptions::default())
    }

    pub(super) fn with(host: Fake, options: ServeOptions) -> Self {
        let (input, reader) = tokio::io::duplex(1 << 20);
        let (writer, output) = tokio::io::duplex(1 << 20);
        let host = Arc::new(host);
        let server = tokio::spawn(serve_calls(host.clone(), reader, writer, options));
        Self { host, input: Some(input), output: BufReader::new(output).lines(), server, last_id: 0 }
    }

    /// Connects as a client of the legacy era that calls itself so.
    pub(super) async fn legacy(host: Fake, name: &str) -> Self {
        let mut line = Self::to(host);
        let welcome = line.initialize(name).await;
        assert_eq!(welcome["result"]["serverInfo"]["name"], "pointsman", "{welcome}");
        line
    }

    pub(super) async fn initialize(&mut self, name: &str) -> Value {
        let welcome = self
            .request(
                "initialize",
                json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": name, "version": "1.2.3"}}),
            )
            .await;
        self.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        welcome
    }

    pub(super) async fn write(&mut self, text: &str) {
        self.input.as_mut().unwrap().write_all(text.as_bytes()).await.unwrap();
    }

    pub(super) async fn send(&mut self, message: Value) {
        self.write(&format!("{message}\n")).await;
    }

    pub(super) async fn receive(&mut self) -> Value {
        let text = self.output.next_line().await.unwrap().expect("the server closed its output");
        serde_json::from_str(&text).unwrap()
    }

    /// Gives the next answer, or `None` if the server ends instead.
    pub(super) async fn receive_or_end(&mut self) -> Option<Value> {
        let text = self.output.next_line().await.unwrap()?;
        Some(serde_json::from_str(&text).unwrap())
    }

    /// Sends a request and gives its id.
    pub(super) async fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        self.send(json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params})).await;
        self.last_id
    }

    pub(super) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params).await;
        let answer = self.receive().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Calls a tool in the legacy era and gives the result.
    pub(super) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.request("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert_eq!(answer.get("error"), None, "{answer}");
        answer["result"].clone()
    }

    /// Calls a tool that answers, and gives the answer; both copies are the same.
    pub(super) async fn answer(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_ne!(result["isError"], true, "{result}");
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"]);
        text
    }

    /// Calls a tool that fails, and gives the text.
    pub(super) async fn failure(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        assert_eq!(result.get("structuredContent"), None);
        assert_eq!(result["content"].as_array().unwrap().len(), 1);
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    pub(super) fn close_input(&mut self) {
        self.input = None;
    }
}
