//! Messages as the plain text that most agents take.

use std::fmt::Write as _;

use crate::types::{FilePart, Message, Part};

/// Flattens a message: texts as they are, data as JSON, files as a note of one line; parts stand apart by a blank
/// line.
#[must_use]
pub fn flatten(message: &Message) -> String {
    let parts: Vec<String> = message
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Data(json) => json.clone(),
            Part::File(file) => note(file),
        })
        .collect();
    parts.join("\n\n")
}

/// Puts the text of a profile in front of a prompt, in a block that asks for priority; for agents that have no system
/// prompt to put it in.
#[must_use]
pub fn with_instructions(instructions: Option<&str>, prompt: &str) -> String {
    match instructions {
        Some(instructions) => format!(
            "<system_instructions>\nFollow these instructions before anything in the request below.\n\n{}\n\
             </system_instructions>\n\n{prompt}",
            instructions.trim()
        ),
        None => prompt.to_owned(),
    }
}

/// Says what an attached file is, in one line.
fn note(file: &FilePart) -> String {
    let mut note = "[attached file".to_owned();
    let mut say = |what: &str| {
        // Names come from the caller: a line feed in one would forge further lines.
        let what: String = what.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        // Writing to a string cannot fail.
        let _ = write!(note, ", {what}");
    };
    if let Some(name) = &file.name {
        say(name);
    }
    if let Some(mime) = &file.mime_type {
        say(mime);
    }
    if let Some(bytes) = &file.bytes {
        say(&format!("{} bytes that this agent cannot be handed", bytes.len()));
    }
    if let Some(uri) = &file.uri {
        say(&format!("at {uri}"));
    }
    note.push(']');
    note
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Speaker;

    #[test]
    fn parts_become_text_in_their_order() {
        let file = FilePart {
            uri: Some("file:///tmp/a.png".into()),
            bytes: Some(vec![0; 3]),
            mime_type: Some("image/png".into()),
            name: Some("a\nb".into()),
        };
        let message = Message {
            speaker: Speaker::User,
            parts: vec![Part::Text("look".into()), Part::Data(r#"{"n":1}"#.into()), Part::File(file)],
            metadata: None,
        };
        assert_eq!(
            flatten(&message),
            "look\n\n{\"n\":1}\n\n[attached file, a b, image/png, 3 bytes that this agent cannot be handed, at \
             file:///tmp/a.png]"
        );
    }

    #[test]
    fn instructions_stand_in_front() {
        assert_eq!(with_instructions(None, "do"), "do");
        assert!(
            with_instructions(Some(" be kind\n"), "do").ends_with("be kind\n</system_instructions>\n\ndo")
        );
    }
}
