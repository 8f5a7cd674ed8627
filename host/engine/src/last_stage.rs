//! The last sanitizer: built in, cannot be configured away, and bounds every event whatever plugins do.

use pointsman_model::SpilledValue;
use serde_json::{Map, Value, json};

/// Bytes of an event's data, as JSON, at most.
pub(crate) const LARGEST: usize = 64 * 1024;
/// Keys that stay, at most.
const KEYS: usize = 64;
/// Bytes of a value that stays beside others that had to go.
const SMALL: usize = 512;

/// Bounds an event's data; gives what had to be taken out.
///
/// What is small stays where it is, everything else is moved out under its own pointer. Data with too many keys to
/// say so is moved out as a whole.
pub(crate) fn bound(data: &mut Map<String, Value>) -> Vec<SpilledValue> {
    if written(data) <= LARGEST {
        return Vec::new();
    }
    if data.len() > KEYS || data.keys().map(written).sum::<usize>() > LARGEST / 4 {
        let whole = std::mem::take(data);
        data.insert("withheld".to_owned(), json!({"original_type": "object", "key_count": whole.len()}));
        return vec![SpilledValue {
            pointer: String::new(),
            mime: "application/json".to_owned(),
            content: Value::Object(whole).to_string(),
        }];
    }
    let mut spilled = Vec::new();
    for (key, value) in data.iter_mut() {
        if written(value) <= SMALL {
            continue;
        }
        let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        let (mime, content, left) = match value.take() {
            Value::String(text) => {
                // Some characters take six bytes each as JSON.
                let mut end = text.floor_char_boundary(SMALL);
                while written(&text[..end]) > SMALL {
                    end = text.floor_char_boundary(end / 2);
                }
                let mut left = text[..end].to_owned();
                left.push_str("\n… truncated, see artifact_refs");
                ("text/plain", text, Value::String(left))
            }
            other => {
                let summary = match &other {
                    Value::Array(items) => json!({"original_type": "array", "item_count": items.len()}),
                    Value::Object(fields) => json!({"original_type": "object", "key_count": fields.len()}),
                    _ => Value::Null,
                };
                ("application/json", other.to_string(), json!({"artifact_summary": summary}))
            }
        };
        *value = left;
        spilled.push(SpilledValue { pointer, mime: mime.to_owned(), content });
    }
    spilled
}

/// Counts the bytes of a value as JSON without keeping them.
pub(crate) fn written(value: &(impl serde::Serialize + ?Sized)) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Neither a map of strings nor a counter can fail.
    drop(serde_json::to_writer(&mut count, value));
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(mut data: Map<String, Value>) {
        let before = data.clone();
        let spilled = bound(&mut data);
        assert!(written(&data) <= LARGEST, "{} bytes are left", written(&data));
        for value in &spilled {
            let original = Value::Object(before.clone());
            let found = original.pointer(&value.pointer).expect("the pointer leads into the original");
            match found {
                Value::String(text) => assert_eq!(text, &value.content),
                other => assert_eq!(&other.to_string(), &value.content),
            }
        }
    }

    #[test]
    fn whatever_comes_is_bounded_and_nothing_is_lost() {
        let object = |value: Value| value.as_object().unwrap().clone();
        bounded(object(json!({"text": "x"})));
        bounded(object(json!({"command": "ä".repeat(100_000), "b/~": vec![1; 50_000]})));
        bounded((0..100_000).map(|n| (format!("key{n}"), Value::Null)).collect());
        bounded((0..60).map(|n| (format!("{n}{}", "k".repeat(2_000)), json!("v".repeat(5_000)))).collect());
        bounded((0..64).map(|n| (format!("k{n}"), json!("\u{1}".repeat(5_000)))).collect());
        bounded((0..64).map(|n| (format!("{n}{}", "\u{1}".repeat(250)), json!("v".repeat(5_000)))).collect());
    }
}
