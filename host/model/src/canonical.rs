//! Canonical JSON (RFC 8785) and its digest.

use serde::Serialize;

use crate::Digest;

/// Writes a value as canonical JSON: sorted keys, shortest numbers, no spaces.
///
/// # Errors
///
/// If the value is no JSON value, such as a map whose keys are no strings.
pub fn canonical_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json_canonicalizer::to_string(value)
}

/// Gives the SHA-256 of a value's canonical JSON.
///
/// # Errors
///
/// As [`canonical_json`].
pub fn digest_of(value: &impl Serialize) -> Result<Digest, serde_json::Error> {
    canonical_json(value).map(|text| Digest::of(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_requests_have_equal_digests_however_they_are_written() {
        let a: serde_json::Value = serde_json::from_str(r#"{"b":1.0,"a":"\u00e4"}"#).unwrap();
        assert_eq!(canonical_json(&a).unwrap(), r#"{"a":"ä","b":1}"#);
        assert_eq!(digest_of(&a).unwrap(), digest_of(&json!({"a":"ä","b":1})).unwrap());
        assert_ne!(digest_of(&a).unwrap(), digest_of(&json!({"a":"ä","b":2})).unwrap());
    }
}
