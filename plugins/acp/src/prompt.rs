//! What is said to an agent: a message as content blocks of the protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointsman_sdk::backend::Task;
use pointsman_sdk::prompt as text;
use pointsman_sdk::types::{FilePart, Message, Part};
use serde_json::{Value, json};

use crate::agent::Agent;

/// Gives the blocks of a task's prompt.
pub(crate) fn of_task(task: &Task, agent: &Agent) -> Vec<Value> {
    let mut blocks = Vec::new();
    if let Some(instructions) = &task.instructions {
        // The protocol has no system prompt; the profile stands in front, in a block of its own.
        blocks.push(said(text::with_instructions(Some(instructions), "").trim_end()));
    }
    blocks.extend(task.message.parts.iter().map(|part| block(part, &task.message, agent)));
    if let Some(schema) = &task.output_schema {
        blocks.push(said(&answer_as(schema)));
    }
    blocks
}

/// Gives the blocks that tell an agent why it was not allowed to do something: its protocol has no words for that.
pub(crate) fn of_denials(denials: &[(String, String)], schema: Option<&str>) -> Vec<Value> {
    let mut words = "What you asked for was denied, and this was said about it:\n".to_owned();
    for (what, why) in denials {
        words.push_str(&format!("\n- {}: {}", one_line(what), why.trim()));
    }
    words.push_str("\n\nGo on with the task in the light of this, without what was denied.");
    let mut blocks = vec![said(&words)];
    blocks.extend(schema.map(|schema| said(&answer_as(schema))));
    blocks
}

/// Reads a final answer as JSON; agents like to put it into a code fence, or words around it.
pub(crate) fn parsed(answer: &str) -> Option<Value> {
    let answer = answer.trim();
    if let Ok(value) = serde_json::from_str(answer) {
        return Some(value);
    }
    let (before, _) = answer.rsplit_once("\n```")?;
    let (_, fenced) = before.rsplit_once("```")?;
    // The fence's first line names a language, or nothing.
    let (_, fenced) = fenced.split_once('\n')?;
    serde_json::from_str(fenced.trim()).ok()
}

fn answer_as(schema: &str) -> String {
    format!(
        "Your final answer must be one JSON value that satisfies the JSON Schema below, and nothing else: no words \
         around it and no code fence.\n\n{schema}"
    )
}

fn said(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn block(part: &Part, message: &Message, agent: &Agent) -> Value {
    let note = || {
        let alone = Message { speaker: message.speaker, parts: vec![part.clone()], metadata: None };
        said(&text::flatten(&alone))
    };
    match part {
        Part::Text(text) => said(text),
        Part::Data(json) => said(json),
        Part::File(file) => of_file(file, agent).unwrap_or_else(note),
    }
}

/// Hands a file over in the best way that an agent takes, if there is one.
fn of_file(file: &FilePart, agent: &Agent) -> Option<Value> {
    let mime = file.mime_type.as_deref();
    if let Some(bytes) = &file.bytes {
        let is = |family: &str| mime.is_some_and(|mime| mime.starts_with(family));
        for (family, kind, taken) in [("image/", "image", agent.images), ("audio/", "audio", agent.audio)] {
            if is(family) && taken {
                return Some(json!({ "type": kind, "mimeType": mime, "data": STANDARD.encode(bytes) }));
            }
        }
        if agent.files {
            let name = file.name.as_deref().unwrap_or("attachment");
            let uri = file.uri.clone().unwrap_or_else(|| format!("attachment:{name}"));
            let mut resource = match std::str::from_utf8(bytes) {
                Ok(text) => json!({ "uri": uri, "text": text }),
                Err(_) => json!({ "uri": uri, "blob": STANDARD.encode(bytes) }),
            };
            if let Some(mime) = mime {
                resource["mimeType"] = mime.into();
            }
            return Some(json!({ "type": "resource", "resource": resource }));
        }
    }
    let uri = file.uri.as_deref()?;
    let name = file.name.as_deref().unwrap_or_else(|| uri.rsplit('/').next().unwrap_or(uri));
    let mut link = json!({ "type": "resource_link", "uri": uri, "name": name });
    if let Some(mime) = mime {
        link["mimeType"] = mime.into();
    }
    Some(link)
}

fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn file(uri: Option<&str>, bytes: Option<&[u8]>, mime: &str) -> FilePart {
        FilePart {
            uri: uri.map(str::to_owned),
            bytes: bytes.map(<[u8]>::to_vec),
            mime_type: Some(mime.to_owned()),
            name: None,
        }
    }

    #[test]
    fn files_go_as_the_agent_takes_them() {
        let all = Agent { images: true, files: true, ..Agent::default() };
        let none = Agent::default();
        let picture = file(None, Some(b"\x89P"), "image/png");
        assert_eq!(
            of_file(&picture, &all).unwrap(),
            json!({ "type": "image", "mimeType": "image/png", "data": "iVA=" })
        );
        assert_eq!(of_file(&picture, &none), None, "told in words");
        let note = file(None, Some(b"hello"), "text/plain");
        assert_eq!(of_file(&note, &all).unwrap()["resource"]["text"], "hello");
        let link = file(Some("file:///a/b.md"), None, "text/markdown");
        assert_eq!(
            of_file(&link, &none).unwrap(),
            json!({ "type": "resource_link", "uri": "file:///a/b.md", "name": "b.md", "mimeType": "text/markdown" })
        );
    }

    #[rstest]
    #[case::plain(" {\"a\": 1}\n", Some(json!({ "a": 1 })))]
    #[case::fenced("```json\n{\"a\": 1}\n```", Some(json!({ "a": 1 })))]
    #[case::fenced_with_words("Here it is:\n```\n[1]\n```\nDone.", Some(json!([1])))]
    #[case::the_last_fence("```sh\nls\n```\nthen\n```json\n2\n```", Some(json!(2)))]
    #[case::words("it is 7", None)]
    #[case::half_a_fence("```json\n{\"a\": 1}", None)]
    fn answers_are_read(#[case] answer: &str, #[case] value: Option<Value>) {
        assert_eq!(parsed(answer), value);
    }
}
