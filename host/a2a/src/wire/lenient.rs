//! Reading what others wrote: both spellings of a name, both shapes of a part, and a clear word about what is wrong.

use pointsman_model::Timestamp;
use serde_json::{Map, Value};

use super::Fault;
use crate::view::{Content, Message, Part, Role};

/// Parts in one message, at most.
const PARTS: usize = 256;

pub(crate) type Object = Map<String, Value>;

/// Gives a member by its name in JSON, or as the protocol's own definition spells it (`contextId`, `context_id`). Null
/// is absent.
pub(crate) fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    let found = object.get(name).or_else(|| {
        let mut snake = String::with_capacity(name.len() + 2);
        for letter in name.chars() {
            if letter.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        object.get(&snake)
    });
    found.filter(|value| !value.is_null())
}

/// Gives a text; an empty one is absent, as in the protocol's own definition.
pub(crate) fn text(object: &Object, name: &'static str) -> Result<Option<String>, Fault> {
    match member(object, name) {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Fault::invalid(name, format!("{name} must be a string"))),
    }
}

pub(crate) fn needed(object: &Object, name: &'static str) -> Result<String, Fault> {
    text(object, name)?.ok_or_else(|| Fault::invalid(name, format!("{name} is required")))
}

pub(crate) fn flag(object: &Object, name: &'static str) -> Result<Option<bool>, Fault> {
    match member(object, name) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(Value::String(word)) if word == "true" || word == "false" => Ok(Some(word == "true")),
        Some(_) => Err(Fault::invalid(name, format!("{name} must be true or false"))),
    }
}

/// Gives a whole number within bounds. A query says it as text.
pub(crate) fn number(object: &Object, name: &'static str, most: u32) -> Result<Option<u32>, Fault> {
    let wrong = || Fault::invalid(name, format!("{name} must be a whole number from 0 to {most}"));
    let number = match member(object, name) {
        None => return Ok(None),
        Some(Value::String(text)) => text.parse::<u64>().ok(),
        Some(Value::Number(number)) => number.as_u64().or_else(|| {
            // Whoever computes in floating point writes 10.0.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked right here")]
            number.as_f64().filter(|it| it.fract() == 0.0 && (0.0..1e15).contains(it)).map(|it| it as u64)
        }),
        Some(_) => None,
    };
    let number = number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= most);
    number.map(Some).ok_or_else(wrong)
}

pub(crate) fn history_length(object: &Object) -> Result<Option<usize>, Fault> {
    // Larger than any history; the number is the protocol's own type's largest.
    Ok(number(object, "historyLength", i32::MAX.unsigned_abs())?.map(|it| it as usize))
}

pub(crate) fn moment(object: &Object, name: &'static str) -> Result<Option<Timestamp>, Fault> {
    match text(object, name)? {
        None => Ok(None),
        Some(text) => {
            text.parse().map(Some).map_err(|error| Fault::invalid(name, format!("{name}: {error}")))
        }
    }
}

pub(crate) fn object<'a>(params: &'a Object, name: &'static str) -> Result<Option<&'a Object>, Fault> {
    match member(params, name) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Fault::invalid(name, format!("{name} must be an object"))),
    }
}

fn texts(object: &Object, name: &'static str) -> Result<Vec<String>, Fault> {
    let wrong = || Fault::invalid(name, format!("{name} must be a list of strings"));
    let Some(value) = member(object, name) else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(wrong)?;
    list.iter().map(|it| it.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

/// Reads a user's message, with the ids of the task and the context that it belongs to.
pub(crate) fn message(params: &Object) -> Result<(Message, Option<String>, Option<String>), Fault> {
    let Some(message) = object(params, "message")? else {
        return Err(Fault::invalid("message", "message is required"));
    };
    let id = needed(message, "messageId")?;
    match member(message, "role").and_then(Value::as_str) {
        Some("ROLE_USER" | "user") => {}
        _ => return Err(Fault::invalid("message.role", "a message to an agent has the role of the user")),
    }
    let wrong = || Fault::invalid("message.parts", "at least one part is required");
    let list = member(message, "parts").and_then(Value::as_array).ok_or_else(wrong)?;
    if list.is_empty() {
        return Err(wrong());
    }
    if list.len() > PARTS {
        return Err(Fault::invalid("message.parts", format!("more than {PARTS} parts")));
    }
    let mut parts = Vec::with_capacity(list.len());
    for value in list {
        parts.push(part(value).ok_or_else(|| {
            Fault::invalid(
                "message.parts",
                "a part has one of text, data, raw and url (0.3: kind text, data or file)",
            )
        })?);
    }
    let read = Message {
        id,
        role: Role::User,
        parts,
        metadata: object(message, "metadata")?.cloned(),
        extensions: texts(message, "extensions")?,
        reference_task_ids: texts(message, "referenceTaskIds")?,
    };
    Ok((read, text(message, "taskId")?, text(message, "contextId")?))
}

/// Reads a part in the shape of either version.
pub(crate) fn part(value: &Value) -> Option<Part> {
    let object = value.as_object()?;
    let string = |object: &Object, name: &str| {
        member(object, name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let file = member(object, "file").and_then(Value::as_object);
    let content = if let Some(file) = file {
        match (string(file, "bytes"), string(file, "uri")) {
            (Some(bytes), _) => Content::Raw(bytes),
            (None, Some(uri)) => Content::Url(uri),
            (None, None) => return None,
        }
    } else if let Some(text) = member(object, "text") {
        Content::Text(text.as_str()?.to_owned())
    } else if let Some(raw) = member(object, "raw") {
        Content::Raw(raw.as_str()?.to_owned())
    } else if let Some(url) = member(object, "url") {
        Content::Url(url.as_str()?.to_owned())
    } else {
        // Null is a value of data, too.
        Content::Data(object.get("data")?.clone())
    };
    let holder = file.unwrap_or(object);
    Some(Part {
        content,
        media_type: string(holder, "mediaType").or_else(|| string(holder, "mimeType")),
        filename: string(holder, "filename").or_else(|| string(holder, "name")),
        metadata: member(object, "metadata").and_then(Value::as_object).cloned(),
    })
}
