//! JSON-RPC, both versions.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use pointsman_model::{Bounds, parse_bounded};
use serde_json::{Map, Value, json};

use super::{Asked, Server, body, is_json, respond, version_of};
use crate::calls::Calls;
use crate::settings::AgentSettings;
use crate::tasks::{Follow, Viewer};
use crate::view::StreamItem;
use crate::wire::lenient::{self, Object};
use crate::wire::{Fault, Version, v1, v03};

/// How much JSON is taken; how long it may be is said where bodies are read.
pub(super) const BOUNDS: Bounds = Bounds { bytes: usize::MAX, depth: 64, nodes: 200_000 };

/// What a method gives.
enum Given<C> {
    Value(Value),
    Stream(Box<Follow<C>>),
}

pub(super) async fn answer<C: Calls>(
    server: &Arc<Server<C>>,
    agent: &AgentSettings,
    viewer: &Viewer,
    request: Request,
) -> Response {
    if !is_json(&request) {
        let fault = Fault::BodyType { expected: "application/json" };
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return respond::json(status, &failed(&Value::Null, &fault, Version::V1));
    }
    let version = version_of(&request);
    let bytes = match body(request.into_body(), &server.limits).await {
        Ok(bytes) => bytes,
        Err(refused) => return refused,
    };
    let (id, called) = match read(&bytes) {
        Ok(read) => read,
        Err((id, fault)) => return respond::json(StatusCode::OK, &failed(&id, &fault, Version::V1)),
    };
    let version = match Version::read(version.as_deref()) {
        Ok(version) => version,
        Err(fault) => return respond::json(StatusCode::OK, &failed(&id, &fault, Version::V1)),
    };
    let asked = Asked { agent, viewer };
    let streams = matches!(called.method.as_str(), "message/stream" | "tasks/resubscribe");
    let given = match version {
        Version::V1 => call_v1(server, asked, &called).await,
        Version::V03 => call_v03(server, asked, &called).await,
    };
    match given {
        Ok(Given::Value(result)) => {
            respond::json(StatusCode::OK, &json!({"jsonrpc": "2.0", "id": id, "result": result}))
        }
        Ok(Given::Stream(follow)) => respond::stream(*follow, move |item| match item {
            Ok(item) => json!({"jsonrpc": "2.0", "id": id, "result": write(item, version)}),
            Err(fault) => failed(&id, fault, version),
        }),
        // Clients of 0.3 look for events, whatever comes.
        Err(fault) if streams && version == Version::V03 => respond::one_event(&failed(&id, &fault, version)),
        Err(fault) => respond::json(StatusCode::OK, &failed(&id, &fault, version)),
    }
}

fn write(item: &StreamItem, version: Version) -> Value {
    match version {
        Version::V1 => v1::stream_item(item),
        Version::V03 => v03::stream_item(item),
    }
}

fn failed(id: &Value, fault: &Fault, version: Version) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": fault.to_rpc(version == Version::V1)})
}

struct Called {
    method: String,
    params: Object,
}

/// Reads a request; where it is none, gives the id as far as there is one.
fn read(bytes: &[u8]) -> Result<(Value, Called), (Value, Fault)> {
    let parse = |message: String| (Value::Null, Fault::Parse { message });
    let text = std::str::from_utf8(bytes).map_err(|error| parse(error.to_string()))?;
    let request = parse_bounded(text, BOUNDS).map_err(|error| parse(error.to_string()))?;
    let invalid =
        |id: &Value, message: &str| (id.clone(), Fault::InvalidRequest { message: message.to_owned() });
    let Value::Object(mut request) = request else {
        return Err(invalid(&Value::Null, "a request is one JSON object; batches are not taken"));
    };
    let id = request.remove("id").unwrap_or_default();
    if !matches!(id, Value::Null | Value::String(_) | Value::Number(_)) {
        return Err(invalid(&Value::Null, "id must be a string or a number"));
    }
    if request.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid(&id, "jsonrpc must be \"2.0\""));
    }
    let Some(Value::String(method)) = request.remove("method") else {
        return Err(invalid(&id, "method must be a string"));
    };
    let params = match request.remove("params") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err((id, Fault::invalid("params", "params must be an object"))),
    };
    Ok((id, Called { method, params }))
}

async fn call_v1<C: Calls>(
    server: &Arc<Server<C>>,
    Asked { agent, viewer }: Asked<'_>,
    called: &Called,
) -> Result<Given<C>, Fault> {
    let (tasks, params) = (&server.tasks, &called.params);
    Ok(match called.method.as_str() {
        "SendMessage" => {
            let task = tasks.send(agent, viewer, v1::read_send(params)?).await?;
            Given::Value(json!({"task": v1::task(&task)}))
        }
        "SendStreamingMessage" => {
            Given::Stream(Box::new(tasks.stream(agent, viewer, v1::read_send(params)?).await?))
        }
        "GetTask" => {
            let (id, history) = (lenient::needed(params, "id")?, lenient::history_length(params)?);
            Given::Value(v1::task(&tasks.get(agent, viewer, &id, history).await?))
        }
        "ListTasks" => Given::Value(v1::page(&tasks.list(agent, viewer, v1::read_list(params)?).await?)),
        "CancelTask" => {
            let id = lenient::needed(params, "id")?;
            Given::Value(v1::task(&tasks.cancel(agent, viewer, &id).await?))
        }
        "SubscribeToTask" => {
            let id = lenient::needed(params, "id")?;
            Given::Stream(Box::new(tasks.subscribe(agent, viewer, &id).await?))
        }
        "CreateTaskPushNotificationConfig"
        | "GetTaskPushNotificationConfig"
        | "ListTaskPushNotificationConfigs"
        | "DeleteTaskPushNotificationConfig" => return Err(Fault::PushNotSupported),
        "GetExtendedAgentCard" => return Err(no_extended_card()),
        other => return Err(Fault::MethodNotFound { method: other.chars().take(80).collect() }),
    })
}

async fn call_v03<C: Calls>(
    server: &Arc<Server<C>>,
    Asked { agent, viewer }: Asked<'_>,
    called: &Called,
) -> Result<Given<C>, Fault> {
    let (tasks, params) = (&server.tasks, &called.params);
    Ok(match called.method.as_str() {
        "message/send" => Given::Value(v03::task(&tasks.send(agent, viewer, v03::read_send(params)?).await?)),
        "message/stream" => {
            Given::Stream(Box::new(tasks.stream(agent, viewer, v03::read_send(params)?).await?))
        }
        "tasks/get" => {
            let (id, history) = (lenient::needed(params, "id")?, lenient::history_length(params)?);
            Given::Value(v03::task(&tasks.get(agent, viewer, &id, history).await?))
        }
        "tasks/cancel" => {
            let id = lenient::needed(params, "id")?;
            Given::Value(v03::task(&tasks.cancel(agent, viewer, &id).await?))
        }
        "tasks/resubscribe" => {
            let id = lenient::needed(params, "id")?;
            Given::Stream(Box::new(tasks.subscribe(agent, viewer, &id).await?))
        }
        "tasks/pushNotificationConfig/set"
        | "tasks/pushNotificationConfig/get"
        | "tasks/pushNotificationConfig/list"
        | "tasks/pushNotificationConfig/delete" => return Err(Fault::PushNotSupported),
        "agent/getAuthenticatedExtendedCard" => return Err(no_extended_card()),
        // A client of 1.0 that forgot its header is told so, instead of that there is no such method.
        other if other.starts_with(|letter: char| letter.is_ascii_uppercase()) => {
            return Err(Fault::VersionNotSupported { version: format!("0.3 for {}", short(other)) });
        }
        other => return Err(Fault::MethodNotFound { method: short(other) }),
    })
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

pub(super) fn no_extended_card() -> Fault {
    Fault::Unsupported { message: "there is no extended card: the public one says all there is".to_owned() }
}
