//! Finding all secrets of a text.

use std::cell::OnceCell;

use regex::Regex;

use crate::config::{self, Config, Pattern};
use crate::handed_out::HandedOut;
use crate::marker::{self, Marks};
use crate::{assigned, kubernetes, names, plausible, shapes, url};

/// The kind of what the host itself handed out.
const HOST_SECRET: &str = "host-secret";

/// A secret in a text. Of two that overlap, the one that is surer gives the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    sureness: Sureness,
    kind: String,
    /// What the marker shows, if it is known already.
    mark: Option<String>,
}

/// How a secret was known, surest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sureness {
    Name,
    Shape,
    Pattern,
    Value,
}

/// All that secrets are known by.
pub(crate) struct Scanner {
    handed_out: HandedOut,
    patterns: Vec<Pattern>,
    compiled: Vec<OnceCell<Regex>>,
    allow: Vec<String>,
    allowed: OnceCell<Vec<Regex>>,
    marks: Marks,
}

impl Scanner {
    /// Makes a scanner from a configuration.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let Config { patterns, allow, host_secrets } = Config::read(text)?;
        let handed_out = HandedOut::new(host_secrets)?;
        let salt = Some(handed_out.salt().to_vec()).filter(|salt| !salt.is_empty());
        let compiled = patterns.iter().map(|_| OnceCell::new()).collect();
        Ok(Self { handed_out, patterns, compiled, allow, allowed: OnceCell::new(), marks: Marks::new(salt) })
    }

    /// Compiles everything that is else compiled when it is needed: what an operator wrote wrong is said then.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (at, pattern) in self.patterns.iter().enumerate() {
            pattern.check(&format!("patterns[{at}]"))?;
        }
        for (at, allow) in self.allow.iter().enumerate() {
            config::check_allow(&format!("allow[{at}]"), allow)?;
        }
        Ok(())
    }

    /// Says whether a text has a trigger of anything that is looked for. Costs less than looking.
    pub(crate) fn may_have(&self, raw: &str) -> bool {
        triggers(raw.as_bytes())
            || self.patterns.iter().any(|pattern| wanted(pattern, raw))
            || self.handed_out.may_show(raw.as_bytes())
    }

    /// Finds the secrets of a text, first to last; none overlaps another.
    pub(crate) fn find(&self, text: &str, name: Option<&str>) -> Result<Vec<Hit>, String> {
        let bytes = text.as_bytes();
        let mut hits = Vec::new();
        let markers = self.walk(bytes, &mut hits);
        if let Some(found) = name.and_then(|name| assigned::whole(name, text)) {
            hits.push(named(&found));
            self.more_cookies(bytes, &found, &mut hits);
        }
        for (start, end) in kubernetes::values(text) {
            hits.push(shape(start, end, kubernetes::KIND));
        }
        self.search(text, &mut hits)?;
        self.drop_allowed(text, &mut hits)?;
        for seen in self.handed_out.seen(bytes) {
            hits.push(Hit {
                start: seen.start,
                end: seen.end,
                sureness: Sureness::Value,
                kind: HOST_SECRET.to_owned(),
                mark: Some(seen.mark.to_owned()),
            });
        }
        // What was redacted stays as it is.
        hits.retain(|hit| markers.iter().all(|&(start, end)| hit.end <= start || end <= hit.start));
        Ok(merged(hits))
    }

    /// Makes the marker of what was found.
    pub(crate) fn marker(&self, hit: &Hit, secret: &str) -> String {
        match &hit.mark {
            Some(mark) => marker::with_mark(&hit.kind, mark),
            None => self.marks.marker(&hit.kind, secret.as_bytes()),
        }
    }

    /// Goes over a text once. Gives the places of markers.
    fn walk(&self, bytes: &[u8], hits: &mut Vec<Hit>) -> Vec<(usize, usize)> {
        let mut markers = Vec::new();
        // Up to here, names have told what they can.
        let mut told = 0;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if byte == b'['
                && let Some(length) =
                    bytes.get(at..).and_then(|rest| marker::length(rest, |kind| self.is_kind(kind)))
            {
                markers.push((at, at + length));
                at += length;
                continue;
            }
            if at >= told {
                let found = match byte {
                    b'=' | b':' | b',' | b'>' => assigned::at(bytes, at),
                    b'-' => assigned::flag(bytes, at).or_else(|| assigned::spoken(bytes, at)),
                    b's' | b'I' | b'i' | b'W' | b'w' | b'_' | b'p' | b'E' | b'A' => {
                        assigned::spoken(bytes, at)
                    }
                    b'a' if next(bytes, at) == b'd' => assigned::spoken(bytes, at),
                    _ => None,
                };
                if let Some(found) = found {
                    told = found.end;
                    hits.push(named(&found));
                    self.more_cookies(bytes, &found, hits);
                }
            }
            if byte == b':'
                && let Some((start, end)) = url::password(bytes, at)
            {
                hits.push(shape(start, end, url::KIND));
            }
            let found = if shapes::may_begin(bytes, at) { shapes::at(bytes, at) } else { None };
            let found =
                found.or_else(|| if shapes::may_mark(byte) { shapes::around(bytes, at) } else { None });
            if let Some(found) = found {
                hits.push(shape(found.start, found.end, found.kind));
                at = found.end.max(at + 1);
                continue;
            }
            at += 1;
        }
        markers
    }

    fn more_cookies(&self, bytes: &[u8], first: &assigned::Assigned, hits: &mut Vec<Hit>) {
        if first.telling != names::Telling::Cookie {
            return;
        }
        let mut end = first.end;
        while let Some(found) = assigned::cookie(bytes, end) {
            end = found.end;
            hits.push(named(&found));
        }
    }

    /// Searches for the operator's patterns.
    fn search(&self, text: &str, hits: &mut Vec<Hit>) -> Result<(), String> {
        for (pattern, compiled) in self.patterns.iter().zip(&self.compiled) {
            if !wanted(pattern, text) {
                continue;
            }
            let regex = match compiled.get() {
                Some(regex) => regex,
                None => {
                    let regex = config::compile("patterns", &pattern.regex)?;
                    compiled.get_or_init(|| regex)
                }
            };
            let found = regex.captures_iter(text).filter_map(|captures| captures.get(pattern.group));
            hits.extend(found.filter(|found| !found.is_empty()).map(|found| Hit {
                start: found.start(),
                end: found.end(),
                sureness: Sureness::Pattern,
                kind: pattern.name.clone(),
                mark: None,
            }));
        }
        Ok(())
    }

    /// Lets pass what the operator allows.
    fn drop_allowed(&self, text: &str, hits: &mut Vec<Hit>) -> Result<(), String> {
        if self.allow.is_empty() || hits.is_empty() {
            return Ok(());
        }
        let allowed = match self.allowed.get() {
            Some(allowed) => allowed,
            None => {
                let compiled: Result<Vec<Regex>, String> = self
                    .allow
                    .iter()
                    .map(|allow| config::compile("allow", &format!("^(?:{allow})$")))
                    .collect();
                let compiled = compiled?;
                self.allowed.get_or_init(|| compiled)
            }
        };
        hits.retain(|hit| {
            let secret = text.get(hit.start..hit.end).unwrap_or_default();
            !allowed.iter().any(|allow| allow.is_match(secret))
        });
        Ok(())
    }

    fn is_kind(&self, kind: &str) -> bool {
        kind == HOST_SECRET
            || kind == url::KIND
            || kind == kubernetes::KIND
            || names::KINDS.contains(&kind)
            || shapes::is_kind(kind)
            || self.patterns.iter().any(|pattern| pattern.name == kind)
    }
}

fn next(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at + 1).copied().unwrap_or_default()
}

fn named(found: &assigned::Assigned) -> Hit {
    Hit {
        start: found.start,
        end: found.end,
        sureness: Sureness::Name,
        kind: found.telling.kind().to_owned(),
        mark: None,
    }
}

fn shape(start: usize, end: usize, kind: &str) -> Hit {
    Hit { start, end, sureness: Sureness::Shape, kind: kind.to_owned(), mark: None }
}

/// Says whether a pattern is to be tried.
fn wanted(pattern: &Pattern, text: &str) -> bool {
    pattern.keywords.is_empty()
        || pattern
            .keywords
            .iter()
            .any(|word| plausible::contains_ignoring_case(text.as_bytes(), word.as_bytes()))
}

/// Puts together what overlaps.
fn merged(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.start, hit.end));
    let mut merged: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        match merged.last_mut().filter(|last| hit.start < last.end) {
            None => merged.push(hit),
            Some(last) => {
                let same = hit.start == last.start && hit.end == last.end;
                let (start, end) = (last.start, last.end.max(hit.end));
                if hit.sureness > last.sureness {
                    *last = Hit { start, end, ..hit };
                } else {
                    last.end = end;
                }
                // A handed-out secret keeps its mark, whatever else was found around it.
                if !same && last.sureness != Sureness::Value {
                    last.mark = None;
                }
            }
        }
    }
    merged
}

/// What names that tell begin with, and words that a password follows: every one of [`names`] has one of these in it.
const STEMS: &[&str] = &[
    "pas", "psw", "sec", "tok", "key", "aut", "cre", "coo", "bea", "dsn", "sas", "sig", "web", "lic", "ide",
];

/// One bit for each three letters that are a stem.
const STEM_BITS: [u64; 512] = {
    let mut bits = [0; 512];
    let mut at = 0;
    while at < STEMS.len() {
        let stem = STEMS[at].as_bytes();
        let letters = (stem[0] as usize & 31) << 10 | (stem[1] as usize & 31) << 5 | (stem[2] as usize & 31);
        bits[letters >> 6] |= 1 << (letters & 63);
        at += 1;
    }
    bits
};

/// Says whether there is anything in this JSON that a secret could begin with, or be told by.
///
/// Letters, digits and signs stand in JSON as they are, so a trigger of a text is a trigger of the JSON that holds it;
/// only what is written as `\u…` must be read.
fn triggers(raw: &[u8]) -> bool {
    // The last three bytes, five bits of each: letters of either case, and some signs that do no harm.
    let mut letters = 0;
    raw.iter().enumerate().any(|(at, &byte)| {
        letters = (letters << 5 | usize::from(byte & 31)) & 0x7fff;
        let next = |offset: usize| raw.get(at + offset).copied().unwrap_or(0);
        if STEM_BITS.get(letters >> 6).is_some_and(|word| word >> (letters & 63) & 1 == 1) {
            return true;
        }
        match byte {
            b'p' | b'P' if next(1) | 0x20 == b'w' => true,
            b'p' | b'P' if next(1) | 0x20 == b'a' && next(2) | 0x20 == b't' => {
                !next(3).is_ascii_alphanumeric() || shapes_at(raw, at)
            }
            b':' if next(1) == b'/' && next(2) == b'/' => true,
            b'-' if matches!(next(1), b'u' | b'p') || next(1) == b'-' && next(2) == b'u' => true,
            b'\\' => next(1) == b'u' && next(2) == b'0' && next(3) == b'0' && next(4) >= b'2',
            _ => shapes_at(raw, at),
        }
    })
}

fn shapes_at(raw: &[u8], at: usize) -> bool {
    let Some(&byte) = raw.get(at) else { return false };
    (shapes::may_begin(raw, at) && shapes::prefixed(raw, at))
        || (shapes::may_mark(byte) && shapes::around(raw, at).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not triggered is not looked at: so everything that is found must be triggered.
    #[test]
    fn every_name_that_tells_is_a_trigger() {
        let scanner = Scanner::new("{}").unwrap();
        for name in [
            "password",
            "PGPASSWORD",
            "pwd",
            "bindpw",
            "psw",
            "passphrase",
            "client_secret",
            "apiKey",
            "ACME_KEY",
            "GITHUB_PAT",
            "authorization",
            "Cookie",
            "auth",
            "credentials",
            "sas",
            "dsn",
            "webhook",
            "sig",
            "license",
            "bearer",
            "token",
        ] {
            assert!(names::telling(name).is_some(), "{name}");
            assert!(scanner.may_have(&format!("{{\"{name}\":1}}")), "{name}");
        }
        for text in ["curl -u me:it", "curl --user me:it", "IDENTIFIED BY x", "a://b", "\\u0041"] {
            assert!(scanner.may_have(text), "{text}");
        }
        assert!(!scanner.may_have(r#"{"exit_code":0,"output":"all is well\n\u001b[0m"}"#));
    }
}
