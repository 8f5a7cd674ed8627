//! The protocol over a host that does what a test says.

mod fake;
mod input;
mod limits;
mod permission;
mod refusals;
mod shapes;
mod streams;

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use pointsman_model::{Access, Role};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::http::Server;
use crate::settings::{Admission, AgentSettings, Settings, Token};
use fake::Fake;

/// A server over a fake host, without a socket.
struct Stage {
    host: Arc<Fake>,
    server: Arc<Server<Fake>>,
    settings: Settings,
    ending: CancellationToken,
    folder: tempfile::TempDir,
}

/// What came back.
struct Reply {
    status: u16,
    kind: String,
    text: String,
}

impl Stage {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["home", "home/below", "other", "outside"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        let agent = |name: &str| AgentSettings {
            name: name.to_owned(),
            backend: "script".to_owned(),
            description: "Does what a test says.".to_owned(),
            role: Role::Worker,
            access: Access::WorkspaceWrite,
            profile: None,
            cwd: root.join("home"),
            follow_cwd: name == "coder",
            roots: vec![root.join("other")],
        };
        let tokens = vec![Token::new("ada", "ada-token", false), Token::new("bob", "bob-token", true)];
        let settings = Settings {
            agents: vec![agent("coder"), agent("reader")],
            admission: Admission::Tokens(tokens),
            public_url: None,
            hosts: Vec::new(),
            signer: None,
        };
        let (host, ending) = (Arc::new(Fake::default()), CancellationToken::new());
        let base = "http://127.0.0.1:7420".to_owned();
        let server = Arc::new(Server::new(Arc::clone(&host), settings.clone(), base, ending.clone()));
        Self { host, server, settings, ending, folder }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let response = self.begin(method, path, headers, body).await;
        let (status, kind) = (response.status().as_u16(), response.headers().get("content-type"));
        let kind = kind.map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Reply { status, kind, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> axum::response::Response {
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:7420");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.server.answer(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Calls a method of 1.0 as the holder of a token.
    async fn v1_as(&self, who: &str, method: &str, params: Value) -> Value {
        self.rpc(who, Some("1.0"), method, params).await.json()
    }

    async fn v1(&self, method: &str, params: Value) -> Value {
        self.v1_as("ada", method, params).await
    }

    async fn rpc(&self, who: &str, version: Option<&str>, method: &str, params: Value) -> Reply {
        let token = format!("Bearer {who}-token");
        let mut headers = vec![("authorization", token.as_str()), ("content-type", "application/json")];
        headers.extend(version.map(|version| ("a2a-version", version)));
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
        self.request("POST", "/agents/coder/rpc", &headers, &body).await
    }

    async fn rest(&self, method: &str, path: &str, body: &Value) -> Reply {
        let headers = [
            ("authorization", "Bearer ada-token"),
            ("content-type", "application/a2a+json"),
            ("a2a-version", "1.0"),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.request(method, &format!("/agents/coder/rest{path}"), &headers, &body).await
    }
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Gives the events of a stream.
    fn events(&self) -> Vec<Value> {
        assert!(self.kind.starts_with("text/event-stream"), "{}: {}", self.kind, self.text);
        let data = self.text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

/// A message of the user's, as 1.0 writes it.
fn says(text: &str) -> Value {
    json!({"messageId": "m-1", "role": "ROLE_USER", "contextId": "c-1", "parts": [{"text": text}]})
}
