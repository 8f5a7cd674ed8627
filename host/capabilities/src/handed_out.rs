//! What the host handed to agents, as digests: so that a sanitizer can find it again without ever holding it.
//!
//! A secret may come back in many forms: as it is, in base64, hexadecimal, escaped. Each has a record of its own, and all
//! of one secret carry the same mark. The other side of this is `plugins/redact/src/handed_out.rs`.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// A secret of fewer bytes is not looked for: it would be found everywhere.
const SHORTEST: usize = 6;
/// A variable's value of fewer bytes is none, whatever its name: `true`, `dummy`.
const SHORTEST_VARIABLE: usize = 8;
/// A line of a secret of several lines is looked for by itself if it is this long.
const SHORTEST_LINE: usize = 20;
/// Records at most: a host that hands out more secrets has them in a vault that makes a new one for each run.
const MOST: usize = 4_096;
/// Bytes that a record's window covers.
const WINDOW: usize = 6;
/// A prime below 2³¹, and a base: a polynomial fingerprint.
const MODULUS: u64 = 2_147_483_647;
const BASE: u64 = 1_103_515_245;

/// What was handed out, since the process began. It shows itself without anything in it.
///
/// A record says 16 bits of a secret's beginning, 31 of all of it, and 128 of a salted SHA-256: enough to recognize
/// it, and for a secret that was drawn at random not enough to guess it.
#[derive(Default)]
pub struct HandedOut {
    salt: OnceLock<[u8; 32]>,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    /// Lines of hexadecimal digits.
    known: BTreeSet<String>,
    /// Rises with every new secret.
    version: u64,
}

impl std::fmt::Debug for HandedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandedOut")
    }
}

/// What a sanitizer is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprints {
    /// Changes when there are more.
    pub version: u64,
    /// The salt, in hexadecimal.
    pub salt: String,
    /// All records, one behind the other, in hexadecimal: length (4 bytes), window (2), fingerprint (4), the first half
    /// of a salted SHA-256 (16), mark (3).
    pub forms: String,
}

impl HandedOut {
    /// Takes the salt. Before this, nothing is recorded: a command that only looks at settings needs none. The first
    /// salt stays.
    pub fn salt(&self, salt: [u8; 32]) {
        self.salt.get_or_init(|| salt);
    }

    /// Records a secret.
    pub fn record(&self, secret: &str) {
        let Some(salt) = self.salt.get() else { return };
        // Line ends of a file are no part of it.
        let secret = secret.trim();
        let forms = forms(secret);
        let Some(mark) = forms.first().map(|_| digest(salt, secret.as_bytes())) else { return };
        let mark = hex::encode(mark.get(..3).unwrap_or_default());
        let mut records = self.records();
        for form in forms {
            if records.known.len() >= MOST {
                tracing::warn!("more secrets were handed out than can be looked for in events");
                return;
            }
            let record = record(salt, &form, &mark);
            if records.known.insert(record) {
                records.version += 1;
            }
        }
    }

    /// Records a variable of an agent's environment if its name tells that it is a secret.
    pub fn record_variable(&self, name: &str, value: &str) {
        // A path leads to a secret, and is none.
        if value.len() >= SHORTEST_VARIABLE && !value.starts_with('/') && tells(name) {
            self.record(value);
        }
    }

    /// Gives the version of what is recorded; it changes when there is more.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.records().version
    }

    /// Gives all records; nothing before there is a salt.
    #[must_use]
    pub fn fingerprints(&self) -> Option<Fingerprints> {
        let salt = hex::encode(self.salt.get()?);
        let records = self.records();
        let forms = records.known.iter().map(String::as_str).collect();
        Some(Fingerprints { version: records.version, salt, forms })
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whether a variable's name tells that its value is a secret.
fn tells(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let within =
        ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "APIKEY", "AUTHORIZATION"];
    let at_the_end = ["_KEY", "_PWD", "_PASS", "_PAT", "_AUTH", "_COOKIE"];
    within.iter().any(|word| name.contains(word)) || at_the_end.iter().any(|end| name.ends_with(end))
}

/// Gives every form in which a secret is looked for, as it is first.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    if secret.len() < SHORTEST {
        return Vec::new();
    }
    let bytes = secret.as_bytes();
    let mut forms = vec![bytes.to_vec()];
    // Within a string of JSON, without the quotation marks.
    let escaped = serde_json::Value::from(secret).to_string();
    forms.push(escaped.as_bytes().get(1..escaped.len() - 1).unwrap_or_default().to_vec());
    forms.push(percent(bytes).into_bytes());
    forms.push(hex::encode(bytes).into_bytes());
    forms.push(hex::encode_upper(bytes).into_bytes());
    // In base64 of something longer, such as `user:password`, a secret begins at any of three places. What its
    // neighbours have a share in is left out.
    for lead in 0..3 {
        let padded = [&[0, 0][..lead], bytes].concat();
        let (skip, end) = ((lead * 8).div_ceil(6), padded.len() * 8 / 6);
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            forms.push(text.as_bytes().get(skip..end).unwrap_or_default().to_vec());
        }
    }
    let lines = secret
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----"));
    forms.extend(lines.take(256).map(|line| line.as_bytes().to_vec()));
    let mut seen = BTreeSet::new();
    forms.retain(|form| form.len() >= SHORTEST && seen.insert(form.clone()));
    forms
}

fn percent(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn digest(salt: &[u8; 32], form: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(form).finalize().into()
}

fn record(salt: &[u8; 32], form: &[u8], mark: &str) -> String {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(form.iter().take(WINDOW)) {
        *to = *from;
    }
    // The same window as in the plugin: the high bits of a product are well mixed.
    let window = u64::from_le_bytes(first).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    let polynomial = form.iter().fold(0, |value, &byte| (value * BASE + u64::from(byte) + 1) % MODULUS);
    let sha256 = hex::encode(digest(salt, form).get(..16).unwrap_or_default());
    format!("{:08x}{window:04x}{polynomial:08x}{sha256}{mark}", form.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plugin reads records of exactly this form: see the test of the same numbers there.
    #[test]
    fn a_record_is_what_the_plugin_reads() {
        let line = record(&[7; 32], b"hunter2!", "3f9a1c");
        assert_eq!(line.len(), 58);
        assert_eq!(&line[..20], "00000008603144811550");
    }

    #[test]
    fn nothing_is_recorded_without_a_salt_and_nothing_twice() {
        let handed_out = HandedOut::default();
        handed_out.record("hunter2!");
        assert_eq!(handed_out.fingerprints(), None);
        handed_out.salt([7; 32]);
        handed_out.record("hunter2!");
        let first = handed_out.fingerprints().expect("salted");
        handed_out.record("hunter2!\n");
        assert_eq!(handed_out.fingerprints(), Some(first.clone()));
        handed_out.record("short");
        handed_out.record_variable("LANG", "en_US.UTF-8");
        handed_out.record_variable("GOOGLE_APPLICATION_CREDENTIALS", "/home/me/key.json");
        assert_eq!(handed_out.version(), first.version);
        handed_out.record_variable("MY_API_KEY", "q7Zk2mVx9Tbr");
        assert!(handed_out.version() > first.version);
        assert!(!first.forms.contains("hunter2") && !first.forms.contains(&hex::encode("hunter2!")));
    }

    #[test]
    fn a_secret_is_looked_for_in_all_its_forms() {
        let forms: Vec<String> =
            forms("p\"ss w/rd?").into_iter().map(|form| String::from_utf8(form).unwrap()).collect();
        for expected in [
            "p\"ss w/rd?",
            "p\\\"ss w/rd?",
            "p%22ss%20w%2Frd%3F",
            "702273732077 2f72643f".replace(' ', "").as_str(),
        ] {
            assert!(forms.iter().any(|form| form == expected), "{expected} in {forms:?}");
        }
        // `user:p"ss w/rd?`, as in a header.
        let basic = STANDARD_NO_PAD.encode("user:p\"ss w/rd?");
        assert!(forms.iter().any(|form| form.len() > 8 && basic.contains(form)), "{basic} in {forms:?}");
    }
}
