//! Messages as Claude Code takes them: blocks of text and images.

use pointsman_sdk::prompt;
use pointsman_sdk::types::{FilePart, Message, Part};
use serde_json::{Value, json};

/// Images that the model takes.
const IMAGES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Makes the blocks of a message: images by value, all else as text.
pub(crate) fn blocks(message: &Message) -> Vec<Value> {
    let mut blocks = Vec::new();
    let mut texts = Vec::new();
    for part in &message.parts {
        match image(part) {
            Some(image) => {
                flush(&mut texts, message, &mut blocks);
                blocks.push(image);
            }
            None => texts.push(part.clone()),
        }
    }
    flush(&mut texts, message, &mut blocks);
    blocks
}

fn flush(texts: &mut Vec<Part>, message: &Message, blocks: &mut Vec<Value>) {
    if texts.is_empty() {
        return;
    }
    let parts = std::mem::take(texts);
    let text = prompt::flatten(&Message { speaker: message.speaker, parts, metadata: None });
    blocks.push(json!({ "type": "text", "text": text }));
}

fn image(part: &Part) -> Option<Value> {
    let Part::File(FilePart { bytes: Some(bytes), mime_type: Some(mime), .. }) = part else { return None };
    let mime = mime.to_ascii_lowercase();
    IMAGES.contains(&mime.as_str()).then(|| {
        json!({ "type": "image", "source": { "type": "base64", "media_type": mime, "data": base64(bytes) } })
    })
}

/// Writes bytes in base64 (RFC 4648, padded).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use pointsman_sdk::types::Speaker;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"", "")]
    #[case(b"f", "Zg==")]
    #[case(b"fo", "Zm8=")]
    #[case(b"foo", "Zm9v")]
    #[case(b"foobar", "Zm9vYmFy")]
    #[case(&[0xff, 0xfe, 0xfd, 0xfc], "//79/A==")]
    fn bytes_are_written_as_the_standard_says(#[case] bytes: &[u8], #[case] text: &str) {
        assert_eq!(base64(bytes), text);
    }

    #[test]
    fn images_are_handed_over_where_they_stand_and_other_files_are_named() {
        let file = |mime: &str| {
            Part::File(FilePart {
                uri: None,
                bytes: Some(vec![1]),
                mime_type: Some(mime.to_owned()),
                name: Some("a".to_owned()),
            })
        };
        let parts = vec![
            Part::Text("look".into()),
            file("image/PNG"),
            file("application/pdf"),
            Part::Text("well?".into()),
        ];
        let blocks = blocks(&Message { speaker: Speaker::User, parts, metadata: None });
        assert_eq!(blocks[0], json!({"type": "text", "text": "look"}));
        assert_eq!(blocks[1]["source"], json!({"type": "base64", "media_type": "image/png", "data": "AQ=="}));
        let rest = blocks[2]["text"].as_str().unwrap();
        assert!(rest.starts_with("[attached file, a, application/pdf") && rest.ends_with("well?"), "{rest}");
        assert_eq!(blocks.len(), 3);
    }
}
