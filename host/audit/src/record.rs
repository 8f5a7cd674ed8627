//! One record and its written form.

use pointsman_model::{Digest, HostId, Timestamp, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AuditError, Fact};

/// A record without its number, or a fact with its time and host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When it happened.
    pub at: Timestamp,
    /// The host that tells of it.
    pub host: HostId,
    /// What happened.
    pub fact: Fact,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number: from 1, without holes.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The host that tells of it.
    pub host: HostId,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
    /// Digest of the record before.
    pub prev: Digest,
}

/// A record may be so long, in bytes: names and grants are bounded far below.
pub(crate) const LONGEST: u64 = 256 * 1024;

/// What stands in place of the digest before the first record.
pub(crate) fn origin() -> Digest {
    Digest::of(b"pointsman audit log 1")
}

/// Gives a record's digest, and its line with that digest in it.
///
/// The digest is of the canonical JSON of everything else.
pub(crate) fn written(record: &Record) -> Result<(Digest, String), AuditError> {
    let unwritable = |why: String| AuditError::Unwritable { why };
    let mut value = serde_json::to_value(record).map_err(|error| unwritable(error.to_string()))?;
    let digest = digest_of(&value).map_err(unwritable)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("hash".to_owned(), Value::String(digest.to_string()));
    }
    let mut line = canonical_json(&value).map_err(|error| unwritable(error.to_string()))?;
    line.push('\n');
    if line.len() as u64 > LONGEST {
        return Err(unwritable(format!("it has {} bytes, and {LONGEST} is the most", line.len())));
    }
    Ok((digest, line))
}

fn digest_of(value: &Value) -> Result<Digest, String> {
    pointsman_model::digest_of(value).map_err(|error| error.to_string())
}

/// A line that says what its digest says.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    pub(crate) seq: u64,
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
    pub(crate) value: Value,
}

impl Whole {
    /// Gives what happened, if this program knows its kind.
    pub(crate) fn fact(&self) -> Option<Fact> {
        serde_json::from_value(self.value.clone()).ok()
    }
}

/// Reads a line without its end. Only what was written by [`written`] is taken: another spelling of the same JSON is a
/// change as well.
pub(crate) fn read(line: &[u8]) -> Result<Whole, String> {
    let no_record = |what: &str| format!("no record: {what}");
    if line.is_empty() {
        return Err(no_record("an empty line"));
    }
    let text = std::str::from_utf8(line).map_err(|_| no_record("not UTF-8"))?;
    let mut value: Value = serde_json::from_str(text).map_err(|_| no_record("not JSON"))?;
    let canonical = canonical_json(&value).map_err(|error| no_record(&error.to_string()))?;
    let fields = value.as_object_mut().ok_or_else(|| no_record("not an object"))?;
    let hash = fields.remove("hash");
    let digest =
        |value: Option<&Value>| value.and_then(Value::as_str).and_then(|text| text.parse::<Digest>().ok());
    let hash = digest(hash.as_ref()).ok_or_else(|| no_record("it has no hash"))?;
    let prev = digest(fields.get("prev")).ok_or_else(|| no_record("it has no prev"))?;
    let seq = fields.get("seq").and_then(Value::as_u64).ok_or_else(|| no_record("it has no seq"))?;
    if digest_of(&value)? != hash || canonical != text {
        return Err("changed: its content is not what its hash says".to_owned());
    }
    if let Some(fields) = value.as_object_mut() {
        fields.insert("hash".to_owned(), Value::String(hash.to_string()));
    }
    Ok(Whole { seq, prev, hash, value })
}
