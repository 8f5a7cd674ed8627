//! Messages of the app server: JSON-RPC without its member `jsonrpc`, one message on a line.

use serde_json::{Map, Value, json};

/// The code that JSON-RPC has for a method that does not exist.
pub(super) const NO_SUCH_METHOD: i64 = -32601;

/// What the app server says.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// The answer to a request of ours.
    Answer { id: u64, result: Result<Value, Value> },
    /// A request to us. Its id may be a number or a text.
    Request { id: Value, method: String, params: Map<String, Value> },
    /// Something told.
    Notice { method: String, params: Map<String, Value> },
    /// None of these.
    Unknown(Map<String, Value>),
}

impl Incoming {
    pub(super) fn read(mut message: Map<String, Value>) -> Self {
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        let named = message.contains_key("id");
        let id = message.get("id").filter(|id| id.is_number() || id.is_string()).cloned();
        match (method, id) {
            (Some(method), Some(id)) => Self::Request { id, method, params: params(message) },
            (Some(method), None) if !named => Self::Notice { method, params: params(message) },
            (None, Some(id)) => match (id.as_u64(), message.remove("result"), message.remove("error")) {
                (Some(id), _, Some(error)) => Self::Answer { id, result: Err(error) },
                (Some(id), Some(result), None) => Self::Answer { id, result: Ok(result) },
                (_, result, _) => {
                    message.extend(result.map(|result| ("result".to_owned(), result)));
                    Self::Unknown(message)
                }
            },
            _ => Self::Unknown(message),
        }
    }
}

fn params(mut message: Map<String, Value>) -> Map<String, Value> {
    match message.remove("params") {
        Some(Value::Object(params)) => params,
        Some(Value::Null) | None => Map::new(),
        Some(other) => Map::from_iter([("params".to_owned(), other)]),
    }
}

/// Writes a request.
pub(super) fn request(id: u64, method: &str, params: Value) -> Vec<u8> {
    line(json!({ "id": id, "method": method, "params": params }))
}

/// Writes a notification.
pub(super) fn notice(method: &str) -> Vec<u8> {
    line(json!({ "method": method }))
}

/// Writes the answer to a request.
pub(super) fn answer(id: &Value, result: Value) -> Vec<u8> {
    line(json!({ "id": id, "result": result }))
}

/// Writes that a request is not answered: whatever it was to allow does not happen.
pub(super) fn refusal(id: &Value, message: &str) -> Vec<u8> {
    line(json!({ "id": id, "error": { "code": NO_SUCH_METHOD, "message": message } }))
}

fn line(message: Value) -> Vec<u8> {
    let mut line = message.to_string();
    line.push('\n');
    line.into_bytes()
}

/// Gives a text field.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: Value) -> Incoming {
        match message {
            Value::Object(message) => Incoming::read(message),
            _ => Incoming::Unknown(Map::new()),
        }
    }

    #[test]
    fn messages_are_told_apart() {
        assert!(matches!(read(json!({"id": 1, "result": {}})), Incoming::Answer { id: 1, result: Ok(_) }));
        assert!(matches!(read(json!({"id": 1, "result": null})), Incoming::Answer { id: 1, result: Ok(_) }));
        assert!(matches!(read(json!({"error": {}, "id": 1})), Incoming::Answer { id: 1, result: Err(_) }));
        assert!(matches!(read(json!({"id": "a", "method": "m"})), Incoming::Request { .. }));
        assert!(matches!(read(json!({"method": "m", "params": null})), Incoming::Notice { .. }));
        for unknown in [
            json!({}),
            json!({"id": 1}),
            json!({"id": "a", "result": {}}),
            json!({"id": -1, "result": {}}),
            json!({"id": null, "method": "m"}),
            json!({"id": {}, "method": "m"}),
            json!({"type": "thread.started"}),
        ] {
            assert!(matches!(read(unknown.clone()), Incoming::Unknown(_)), "{unknown}");
        }
    }
}
