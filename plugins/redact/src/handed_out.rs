//! Secrets that the host itself handed to agents, known by digests only.
//!
//! For each form in which a secret may show up (as it is, base64, hexadecimal, escaped) the host gives its length, two
//! short fingerprints and a salted SHA-256. A text is looked at once, whatever the number of secrets: the first
//! [`WINDOW`] bytes at each place are looked up, the few places that are left are compared by a fingerprint of the
//! whole length, and the fewer yet by SHA-256.
//!
//! The host's side of this is `host/capabilities/src/handed_out.rs`; the two must agree, and a test holds them together.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Bytes that a secret begins with are looked up at each place; shorter secrets are not looked for.
const WINDOW: usize = 6;
/// A prime below 2³¹: products fit into 64 bits.
const MODULUS: u64 = 2_147_483_647;
const BASE: u64 = 1_103_515_245;

/// What the host fills in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostSecrets {
    /// Random, the same as long as the host's state lives, hexadecimal.
    pub(crate) salt: String,
    /// Every form of every secret that was handed out: records of [`RECORD`] hexadecimal digits.
    #[serde(default)]
    pub(crate) forms: String,
}

/// Hexadecimal digits of a record: length (8), window (4), fingerprint (8), SHA-256's first half (32), mark (6).
const RECORD: usize = 58;

/// One form of a secret.
#[derive(Debug)]
struct Form {
    /// Bytes.
    length: usize,
    /// 16 bits of its first [`WINDOW`] bytes.
    window: u16,
    /// 31 bits of all of it.
    fingerprint: u32,
    /// Half of the SHA-256 of the salt and all of it, hexadecimal.
    sha256: String,
    /// What its marker shows, the same for all forms of a secret.
    mark: String,
}

impl Form {
    fn read(record: &str) -> Option<Self> {
        let number = |from: usize, to: usize| u32::from_str_radix(record.get(from..to)?, 16).ok();
        Some(Self {
            length: usize::try_from(number(0, 8)?).ok()?,
            window: u16::try_from(number(8, 12)?).ok()?,
            fingerprint: number(12, 20)?,
            sha256: record.get(20..52)?.to_owned(),
            mark: record.get(52..RECORD)?.to_owned(),
        })
    }
}

/// A place where a secret stands.
pub(crate) struct Seen<'a> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) mark: &'a str,
}

/// All forms, ready to be looked for.
#[derive(Debug, Default)]
pub(crate) struct HandedOut {
    salt: Vec<u8>,
    forms: Vec<Form>,
    /// One bit for each value of a window.
    windows: Vec<u64>,
}

/// 16 bits of the first bytes of a text.
fn window(bytes: &[u8]) -> Option<u16> {
    let [a, b, c, d, e, f] = *bytes.first_chunk::<WINDOW>()?;
    let value = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    // Fibonacci hashing: the high bits of the product are well mixed.
    Some((value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u16)
}

/// A polynomial of a text's bytes, for each of its beginnings.
fn polynomials(bytes: &[u8]) -> Vec<u32> {
    let mut value = 0;
    let mut all = Vec::with_capacity(bytes.len() + 1);
    all.push(0);
    for &byte in bytes {
        value = (value * BASE + u64::from(byte) + 1) % MODULUS;
        all.push(value as u32);
    }
    all
}

/// The polynomial of a part, from those of the beginnings.
fn part(polynomials: &[u32], start: usize, length: usize, power: u64) -> Option<u32> {
    let (from, to) = (u64::from(*polynomials.get(start)?), u64::from(*polynomials.get(start + length)?));
    Some(((to + MODULUS - from * power % MODULUS) % MODULUS) as u32)
}

fn power(length: usize) -> u64 {
    let (mut result, mut base, mut left) = (1, BASE, length);
    while left > 0 {
        if left & 1 == 1 {
            result = result * base % MODULUS;
        }
        base = base * base % MODULUS;
        left >>= 1;
    }
    result
}

impl HandedOut {
    /// Takes what the host filled in.
    pub(crate) fn new(secrets: HostSecrets) -> Result<Self, String> {
        let salt = hex::decode(&secrets.salt)
            .map_err(|error| format!("configuration key `host_secrets.salt`: {error}"))?;
        let records = secrets
            .forms
            .as_bytes()
            .chunks(RECORD)
            .map(|record| std::str::from_utf8(record).ok().and_then(Form::read));
        let forms: Option<Vec<Form>> = records.collect();
        let mut forms = forms.ok_or("configuration key `host_secrets.forms`: a record is cut off")?;
        // Of two that begin at the same place, the longer one is meant.
        forms.sort_by_key(|form| std::cmp::Reverse(form.length));
        let mut windows = if forms.is_empty() { Vec::new() } else { vec![0u64; 1 << 10] };
        for form in &forms {
            if let Some(word) = windows.get_mut(usize::from(form.window >> 6)) {
                *word |= 1 << (form.window & 63);
            }
        }
        Ok(Self { salt, forms, windows })
    }

    /// Gives the salt of markers.
    pub(crate) fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Says whether any form may begin in this text.
    pub(crate) fn may_show(&self, text: &[u8]) -> bool {
        !self.forms.is_empty() && (0..text.len()).any(|at| self.may_begin(text, at))
    }

    fn may_begin(&self, text: &[u8], at: usize) -> bool {
        let Some(window) = text.get(at..).and_then(window) else { return false };
        self.windows.get(usize::from(window >> 6)).is_some_and(|word| word >> (window & 63) & 1 == 1)
    }

    /// Finds every place where a secret stands, first to last; none overlaps another.
    pub(crate) fn seen(&self, text: &[u8]) -> Vec<Seen<'_>> {
        let mut seen = Vec::new();
        if self.forms.is_empty() {
            return seen;
        }
        let mut beginnings = None;
        let mut at = 0;
        while at + WINDOW <= text.len() {
            if self.may_begin(text, at) {
                let beginnings = beginnings.get_or_insert_with(|| polynomials(text));
                if let Some(form) = self.form_at(text, at, beginnings) {
                    seen.push(Seen { start: at, end: at + form.length, mark: &form.mark });
                    at += form.length;
                    continue;
                }
            }
            at += 1;
        }
        seen
    }

    fn form_at(&self, text: &[u8], at: usize, beginnings: &[u32]) -> Option<&Form> {
        let window = window(text.get(at..)?)?;
        self.forms.iter().filter(|form| form.window == window && form.length >= WINDOW).find(|form| {
            let Some(secret) = text.get(at..at + form.length) else { return false };
            part(beginnings, at, form.length, power(form.length)) == Some(form.fingerprint)
                && hex::encode(Sha256::new().chain_update(&self.salt).chain_update(secret).finalize())
                    .starts_with(&form.sha256)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the host writes for `hunter2!` with a salt of sevens: its own test has the same numbers.
    #[test]
    fn a_record_of_the_host_finds_its_secret() {
        let salt = [7; 32];
        let sha256 = hex::encode(Sha256::new().chain_update(salt).chain_update("hunter2!").finalize());
        let forms = format!("00000008603144811550{}3f9a1c", &sha256[..32]);
        let handed_out = HandedOut::new(HostSecrets { salt: hex::encode(salt), forms }).unwrap();
        let text = b"say hunter2! or hunter2 or hunter2!!";
        assert!(handed_out.may_show(text));
        let seen: Vec<_> =
            handed_out.seen(text).iter().map(|seen| (seen.start, seen.end, seen.mark.to_owned())).collect();
        assert_eq!(seen, [(4, 12, "3f9a1c".to_owned()), (27, 35, "3f9a1c".to_owned())]);
        assert!(!handed_out.may_show(b"hunte"));
        assert!(HandedOut::new(HostSecrets { salt: String::new(), forms: "00".to_owned() }).is_err());
    }
}
