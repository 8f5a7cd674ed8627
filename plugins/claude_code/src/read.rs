//! Reading what stands in a line.

use serde_json::{Map, Value};

use crate::result::ToolResult;
use crate::tool::Call;

/// Reads a tool call.
pub(crate) fn call_of(block: &Value, parent: Option<String>) -> Option<Call> {
    let text = |key: &str| block.get(key).and_then(Value::as_str).map(str::to_owned);
    let input = block.get("input").and_then(Value::as_object).cloned().unwrap_or_default();
    let name = match (text("name")?, text("server_name")) {
        (name, Some(server)) => format!("mcp__{server}__{name}"),
        (name, None) => name,
    };
    Some(Call { id: text("id")?, name, input, parent })
}

/// Reads a tool's answer.
pub(crate) fn tool_result(
    block: &Value,
    structured: Option<&Value>,
    meta: Option<&Value>,
) -> Option<ToolResult> {
    let id = block.get("tool_use_id").and_then(Value::as_str)?;
    let meta = meta.and_then(Value::as_array).into_iter().flatten();
    let mut meta =
        meta.filter(|meta| meta.get("id").and_then(Value::as_str) == Some(id)).filter_map(Value::as_object);
    let meta = meta.next().map(|meta| {
        let mut meta = meta.clone();
        meta.remove("id");
        Value::Object(meta)
    });
    Some(ToolResult {
        id: id.to_owned(),
        content: block.get("content").cloned(),
        is_error: block.get("is_error").and_then(Value::as_bool).unwrap_or_default(),
        structured: structured.cloned(),
        meta,
    })
}

/// Finds the id of a request in the part of it that could be read.
pub(crate) fn request_in(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix(r#"{"type":"control_request","request_id":""#)?;
    rest.split_once('"').map(|(id, _)| id)
}

/// Gives a field that is a text.
pub(crate) fn text_of(fields: &Map<String, Value>, key: &str) -> Option<String> {
    fields.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// Takes a field that is an object; an empty one if it is not.
pub(crate) fn object_in(fields: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match fields.remove(key) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}
