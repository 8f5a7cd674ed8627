//! JSON-RPC 2.0, one message per line: what comes and what goes.

use pointsman_sdk::backend::Effects;
use serde_json::{Map, Value, json};

use crate::PROCESS;

/// The receiver does not know the method.
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
/// The request is not wanted any more.
pub(crate) const REQUEST_CANCELLED: i64 = -32800;
/// The agent wants its user to log in first.
pub(crate) const AUTH_REQUIRED: i64 = -32000;

/// A message of the agent.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// Waits for an answer. Ids are numbers or texts, and go back as they came.
    Request { id: Value, method: String, params: Map<String, Value> },
    /// Waits for nothing.
    Notification { method: String, params: Map<String, Value> },
    /// Answers a request of ours.
    Answer { id: Value, result: Result<Value, Fault> },
    /// No message of the protocol.
    Other(Map<String, Value>),
}

/// An error that the agent answered with.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fault {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: Value,
}

impl Incoming {
    /// Reads a message.
    pub(crate) fn read(mut object: Map<String, Value>) -> Self {
        let id = object.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
        let method = object.get("method").and_then(Value::as_str).map(str::to_owned);
        match (method, id) {
            (Some(method), Some(id)) => Self::Request { id, method, params: params(&mut object) },
            (Some(method), None) => Self::Notification { method, params: params(&mut object) },
            (None, Some(id)) => match (object.remove("error"), object.remove("result")) {
                (Some(error), _) if !error.is_null() => Self::Answer { id, result: Err(Fault::read(&error)) },
                (_, result) => Self::Answer { id, result: Ok(result.unwrap_or_default()) },
            },
            (None, None) => Self::Other(object),
        }
    }
}

impl Fault {
    fn read(error: &Value) -> Self {
        Self {
            code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
            message: match error.get("message") {
                Some(Value::String(message)) => message.clone(),
                _ => error.to_string(),
            },
            data: error.get("data").cloned().unwrap_or_default(),
        }
    }
}

/// Takes parameters; those that are no object come as one, so that nothing is lost.
fn params(object: &mut Map<String, Value>) -> Map<String, Value> {
    match object.remove("params") {
        Some(Value::Object(params)) => params,
        None | Some(Value::Null) => Map::new(),
        Some(other) => Map::from_iter([("params".to_owned(), other)]),
    }
}

/// Our end of the line.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    last: u64,
}

impl Wire {
    /// Asks something; gives the id under which the answer will come.
    pub(crate) fn request(&mut self, method: &str, params: &Value, effects: &mut Effects) -> u64 {
        self.last += 1;
        send(&json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params }), effects);
        self.last
    }
}

/// Tells something.
pub(crate) fn notify(method: &str, params: &Value, effects: &mut Effects) {
    send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }), effects);
}

/// Answers a request.
pub(crate) fn answer(id: &Value, result: &Value, effects: &mut Effects) {
    send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }), effects);
}

/// Answers a request with an error.
pub(crate) fn refuse(id: &Value, code: i64, message: &str, effects: &mut Effects) {
    send(&json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }), effects);
}

fn send(message: &Value, effects: &mut Effects) {
    effects.write(PROCESS, format!("{message}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: Value) -> Incoming {
        match message {
            Value::Object(object) => Incoming::read(object),
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn ids_come_back_as_they_are() {
        for id in [json!(0), json!("a-b")] {
            let request = json!({ "jsonrpc": "2.0", "id": id, "method": "m", "params": { "a": 1 } });
            assert!(matches!(read(request), Incoming::Request { id: read, .. } if read == id));
        }
    }

    #[test]
    fn whatever_is_said_is_kept() {
        assert!(
            matches!(read(json!({ "method": "m", "params": [1] })), Incoming::Notification { params, .. } if params["params"] == json!([1]))
        );
        assert!(matches!(read(json!({ "id": 1, "error": null, "result": 7 })),
            Incoming::Answer { result: Ok(result), .. } if result == 7));
        assert!(matches!(read(json!({ "id": 1, "error": "no" })),
            Incoming::Answer { result: Err(fault), .. } if fault.message == "\"no\""));
        assert!(matches!(read(json!({ "id": null, "a": 1 })), Incoming::Other(object) if object["a"] == 1));
    }
}
