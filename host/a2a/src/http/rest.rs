//! HTTP+JSON, version 1.0.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use pointsman_model::parse_bounded;
use serde_json::{Map, Value, json};

use super::rpc::{BOUNDS, no_extended_card};
use super::{Server, body, is_json, respond, version_of};
use crate::calls::Calls;
use crate::settings::AgentSettings;
use crate::tasks::{Follow, Viewer};
use crate::wire::lenient::{self, Object};
use crate::wire::{Fault, Version, v1};

/// The media type of answers.
const KIND: &str = "application/a2a+json";

enum Given<C> {
    Value(Value),
    Stream(Box<Follow<C>>),
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    Send,
    Stream,
    Get(String),
    List,
    Cancel(String),
    Subscribe(String),
    Push,
    ExtendedCard,
}

pub(super) async fn answer<C: Calls>(
    server: &Arc<Server<C>>,
    agent: &AgentSettings,
    viewer: &Viewer,
    request: Request,
    path: &str,
) -> Response {
    match operate(server, agent, viewer, request, path).await {
        Ok(Given::Value(value)) => respond::typed(StatusCode::OK, &value, KIND),
        Ok(Given::Stream(follow)) => respond::stream(*follow, |item| match item {
            Ok(item) => v1::stream_item(item),
            Err(fault) => fault.to_rest(),
        }),
        Err(Refused::Fault(fault)) => {
            let status = StatusCode::from_u16(fault.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
            respond::json(status, &fault.to_rest())
        }
        Err(Refused::Plainly(response)) => *response,
    }
}

enum Refused {
    Fault(Fault),
    /// What is no matter of the protocol.
    Plainly(Box<Response>),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

async fn operate<C: Calls>(
    server: &Arc<Server<C>>,
    agent: &AgentSettings,
    viewer: &Viewer,
    request: Request,
    path: &str,
) -> Result<Given<C>, Refused> {
    let wish = wish(request.method(), path)?;
    let version = version_of(&request);
    if Version::read(version.as_deref())? != Version::V1 {
        return Err(Fault::VersionNotSupported { version: "0.3".to_owned() }.into());
    }
    let tasks = &server.tasks;
    Ok(match wish {
        Wish::Send => {
            let task = tasks.send(agent, viewer, v1::read_send(&posted(server, request).await?)?).await?;
            Given::Value(json!({"task": v1::task(&task)}))
        }
        Wish::Stream => {
            let send = v1::read_send(&posted(server, request).await?)?;
            Given::Stream(Box::new(tasks.stream(agent, viewer, send).await?))
        }
        Wish::Get(id) => {
            let history = lenient::history_length(&query(&request))?;
            Given::Value(v1::task(&tasks.get(agent, viewer, &id, history).await?))
        }
        Wish::List => {
            Given::Value(v1::page(&tasks.list(agent, viewer, v1::read_list(&query(&request))?).await?))
        }
        Wish::Cancel(id) => Given::Value(v1::task(&tasks.cancel(agent, viewer, &id).await?)),
        Wish::Subscribe(id) => Given::Stream(Box::new(tasks.subscribe(agent, viewer, &id).await?)),
        Wish::Push => return Err(Fault::PushNotSupported.into()),
        Wish::ExtendedCard => return Err(no_extended_card().into()),
    })
}

/// Reads what a path asks for. Specification and definition differ in how one subscribes, so both ways work.
fn wish(method: &Method, path: &str) -> Result<Wish, Fault> {
    let segments: Vec<String> = path.split('/').filter(|it| !it.is_empty()).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (get, post) = (method == Method::GET, method == Method::POST);
    Ok(match segments.as_slice() {
        ["message:send"] if post => Wish::Send,
        ["message:stream"] if post => Wish::Stream,
        ["tasks"] if get => Wish::List,
        ["extendedAgentCard"] if get => Wish::ExtendedCard,
        ["tasks", _, "pushNotificationConfigs", ..] => Wish::Push,
        ["tasks", task] => match task.rsplit_once(':') {
            Some((id, "cancel")) if post => Wish::Cancel(id.to_owned()),
            Some((id, "subscribe")) if get || post => Wish::Subscribe(id.to_owned()),
            None if get => Wish::Get((*task).to_owned()),
            _ => return Err(nothing(method, path)),
        },
        _ => return Err(nothing(method, path)),
    })
}

fn nothing(method: &Method, path: &str) -> Fault {
    Fault::MethodNotFound { method: format!("{method} {}", path.chars().take(80).collect::<String>()) }
}

/// Undoes percent-encoding: clients write the colon either way.
fn decoded(segment: &str) -> String {
    // A pair without a value is read as its key; a plus is a plus in a path.
    let escaped = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map(|(key, _)| key.into_owned())
        .unwrap_or_default()
}

fn query(request: &Request) -> Object {
    let query = request.uri().query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(key, value)| (key.into_owned(), Value::String(value.into_owned())))
        .collect()
}

async fn posted<C: Calls>(server: &Server<C>, request: Request) -> Result<Object, Refused> {
    if !is_json(&request) {
        return Err(Fault::BodyType { expected: "application/a2a+json or application/json" }.into());
    }
    let bytes =
        body(request.into_body(), &server.limits).await.map_err(|it| Refused::Plainly(Box::new(it)))?;
    let parse = |message: String| Fault::Parse { message };
    let text = std::str::from_utf8(&bytes).map_err(|error| parse(error.to_string()))?;
    match parse_bounded(text, BOUNDS).map_err(|error| parse(error.to_string()))? {
        Value::Object(params) => Ok(params),
        Value::Null => Ok(Map::new()),
        _ => Err(Fault::InvalidRequest { message: "the body must be a JSON object".to_owned() }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_the_specification_has_them() {
        let id = || "6f1c".to_owned();
        for (method, path, expected) in [
            (Method::POST, "/message:send", Wish::Send),
            (Method::POST, "/message%3Astream", Wish::Stream),
            (Method::GET, "/tasks", Wish::List),
            (Method::GET, "/tasks/6f1c", Wish::Get(id())),
            (Method::POST, "/tasks/6f1c:cancel", Wish::Cancel(id())),
            (Method::POST, "/tasks/6f1c%3acancel", Wish::Cancel(id())),
            (Method::GET, "/tasks/6f1c:subscribe", Wish::Subscribe(id())),
            (Method::POST, "/tasks/6f1c:subscribe", Wish::Subscribe(id())),
            (Method::DELETE, "/tasks/6f1c/pushNotificationConfigs/1", Wish::Push),
            (Method::GET, "/extendedAgentCard", Wish::ExtendedCard),
        ] {
            assert_eq!(wish(&method, path), Ok(expected), "{method} {path}");
        }
        for (method, path) in [
            (Method::GET, "/message:send"),
            (Method::GET, "/tasks/6f1c:cancel"),
            (Method::GET, "/tasks/6f1c:explode"),
            (Method::POST, "/tasks/6f1c"),
            (Method::GET, "/"),
        ] {
            wish(&method, path).expect_err(path);
        }
    }
}
