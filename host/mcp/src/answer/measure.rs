//! Sizes as they are on the wire, and texts cut to them.

use std::io;

use serde::Serialize;
use serde_json::Value;

/// Counts the bytes of a value as compact JSON.
pub(crate) fn json_len(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        // Whoever writes it will meet the same error and tell of it.
        Err(_) => usize::MAX,
    }
}

/// Gives the longest prefix of a text that takes no more than so many bytes between the quotes of a JSON string.
pub(crate) fn prefix(text: &str, room: usize) -> &str {
    let mut used = 0;
    for (place, c) in text.char_indices() {
        used += match c {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            _ => c.len_utf8(),
        };
        if used > room {
            return &text[..place];
        }
    }
    text
}

/// Cuts a text to so many bytes of JSON, with a note of its whole size; leaves it alone if it fits.
pub(crate) fn cut_text(text: &str, room: usize) -> String {
    if json_len(&text) <= room {
        return text.to_owned();
    }
    let note = format!("… [cut: {} bytes in all]", text.len());
    let kept = prefix(text, room.saturating_sub(note.len() + 2));
    format!("{kept}{note}")
}

/// Cuts every text inside a value, the longest first, until the value takes no more than so many bytes of JSON.
/// Gives `false`, and the value as small as it gets, if cutting texts is not enough.
pub(crate) fn cut_texts(value: &mut Value, room: usize) -> bool {
    if json_len(value) <= room {
        return true;
    }
    // Each attempt begins with the whole, so that the notes tell the size of the whole.
    let whole = value.clone();
    let mut longest = room;
    while longest >= 64 {
        longest /= 2;
        value.clone_from(&whole);
        cut_longer(value, longest);
        if json_len(value) <= room {
            return true;
        }
    }
    false
}

fn cut_longer(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) => *text = cut_text(text, longest),
        Value::Array(items) => items.iter_mut().for_each(|item| cut_longer(item, longest)),
        Value::Object(object) => object.values_mut().for_each(|item| cut_longer(item, longest)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("plain text that is long enough to need a cut somewhere in the middle of it all")]
    #[case("ünïcödé ünïcödé ünïcödé ünïcödé ünïcödé ünïcödé ünïcödé ünïcödé ünïcödé ünïcödé")]
    #[case(
        "\u{1}\u{2}\u{3}\"\\\n\t\r\u{8}\u{c}\u{7f}\u{1}\u{2}\u{3}\"\\\n\t\r\u{8}\u{c}\u{7f}\u{1}\u{2}\u{3}\u{1}\u{2}"
    )]
    #[case(
        "🚂🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃🚃"
    )]
    fn a_cut_text_takes_what_it_may(#[case] text: &str) {
        for room in 40..=json_len(&text) {
            let cut = cut_text(text, room);
            assert!(json_len(&cut) <= room, "{room}: {cut}");
            assert!(json_len(&cut) == room || cut == text || json_len(&cut) + 6 > room, "{room}: {cut}");
        }
    }

    #[test]
    fn the_longest_texts_are_cut_first() {
        let mut value = json!({"short": "abc", "long": "x".repeat(10_000), "list": ["y".repeat(5_000)]});
        assert!(cut_texts(&mut value, 3_000));
        assert_eq!(value["short"], "abc");
        assert!(value["long"].as_str().unwrap().contains("[cut: 10000 bytes in all]"));
        assert!(!cut_texts(&mut json!(vec![1; 1000]), 100));
    }
}
