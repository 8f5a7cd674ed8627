//! Values next to a telling name, in whatever notation: environments, INI, TOML, YAML, JSON within a text, headers,
//! queries, flags, code, XML.

mod header;
mod spoken;
mod value;

pub(crate) use header::cookie;
pub(crate) use spoken::spoken;

use self::header::authorization;
use self::value::{LONGEST, Value, value_after};
use crate::classes::{self, ALNUM, BASE64, BLANK, DASH, DOT, QUOTE, UNDERSCORE, WORD};
use crate::names::{self, Telling};
use crate::plausible;

/// Blanks between a name and its value at most: tables are aligned.
const BLANKS: usize = 48;
/// Bytes between a name and its type's end, or the name beside a `value`.
const NEAR: usize = 120;

/// A value that a name tells to be a secret.
pub(crate) struct Assigned {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) telling: Telling,
}

/// A name as it stands in a text.
struct Name<'a> {
    start: usize,
    text: &'a str,
    /// Whether quotation marks stand behind it.
    quoted: bool,
}

/// Looks at both sides of a separator.
pub(crate) fn at(bytes: &[u8], at: usize) -> Option<Assigned> {
    let next = bytes.get(at + 1).copied().unwrap_or(b' ');
    match bytes.get(at)? {
        // `:=` is looked at once, at its end; `Secret::Value` and `://` are something else.
        b':' if matches!(next, b'=' | b':' | b'/') || classes::before(bytes, at) == Some(b':') => None,
        b':' | b'=' => assignment(bytes, at),
        // `define('DB_PASSWORD', '…')`
        b',' => {
            let name = name_before(bytes, at).filter(|name| name.quoted)?;
            let telling = names::telling(name.text)?;
            // `"--token",` and its value on the next line, as arrays are printed.
            let flag = classes::before(bytes, name.start) == Some(b'-');
            let lines = bytes.get(at + 1..)?.iter().take(BLANKS);
            let lines = lines.take_while(|&&byte| flag && byte.is_ascii_whitespace()).count();
            let value = value_after(bytes, at + 1 + lines, false).filter(|value| value.quoted)?;
            taken(telling, &value)
        }
        // `<password>…</password>`
        b'>' => {
            let name = name_before(bytes, at)?;
            (classes::before(bytes, name.start) == Some(b'<')).then_some(())?;
            let telling = names::telling(name.text)?;
            let rest = bytes.get(at + 1..)?;
            let length = rest.iter().take(LONGEST).position(|&byte| byte == b'<')?;
            let text = std::str::from_utf8(rest.get(..length)?).ok()?;
            let start = at + 1 + text.len() - text.trim_start().len();
            taken(telling, &Value { start, text: text.trim(), quoted: true })
        }
        _ => None,
    }
}

fn assignment(bytes: &[u8], at: usize) -> Option<Assigned> {
    let name = name_before(bytes, at)?;
    let telling = match names::telling(name.text) {
        Some(telling) => telling,
        None => {
            let other = if name.text.eq_ignore_ascii_case("value") {
                neighbour(bytes, name.start)?
            } else if bytes.get(at) == Some(&b'=') {
                typed(bytes, name.start)?
            } else {
                return None;
            };
            names::telling(other)?
        }
    };
    // A line of an environment runs to its end, whatever signs are in it.
    let line = bytes.get(at) == Some(&b'=') && begins_line(bytes, name.start);
    match telling {
        Telling::Authorization => authorization(bytes, at + 1),
        Telling::Cookie => cookie(bytes, at + 1),
        telling => {
            let mut found = taken(telling, &value_after(bytes, at + 1, line)?)?;
            // Of a long one only the beginning was looked at.
            if found.end - found.start >= LONGEST {
                found.end += classes::run(bytes, found.end, BASE64 | WORD);
            }
            Some(found)
        }
    }
}

/// Looks at a flag: `--token VALUE`. With `=`, it is an assignment.
pub(crate) fn flag(bytes: &[u8], at: usize) -> Option<Assigned> {
    let rest = bytes.get(at..)?.strip_prefix(b"--")?;
    let length = classes::run(rest, 0, ALNUM | DASH | UNDERSCORE);
    let end = at + 2 + length;
    if length < 3 || !bytes.get(end).is_some_and(|&byte| classes::is(byte, BLANK)) {
        return None;
    }
    let name = std::str::from_utf8(bytes.get(at + 2..end)?).ok()?;
    let telling = names::telling(name)?;
    let value = value_after(bytes, end, true)?;
    (!value.text.starts_with('-')).then(|| taken(telling, &value))?
}

/// Says whether a value may be taken that stands by itself under a name: a JSON field, an argument behind its flag.
pub(crate) fn whole(name: &str, value: &str) -> Option<Assigned> {
    let telling = names::telling(name)?;
    match telling {
        Telling::Authorization => authorization(value.as_bytes(), 0),
        Telling::Cookie => cookie(value.as_bytes(), 0),
        telling => {
            let text = value.trim();
            let start = value.len() - value.trim_start().len();
            taken(telling, &Value { start, text, quoted: true })
        }
    }
}

fn taken(telling: Telling, value: &Value<'_>) -> Option<Assigned> {
    let text = value.text;
    if text.starts_with(crate::marker::BEGIN) {
        return None;
    }
    let secret = match telling {
        Telling::Password => plausible::password(text, value.quoted) || plausible::token(text),
        Telling::Secret => text.len() >= 8 && plausible::token(text),
        // Identifiers of pages, sessions and requests are called tokens, too.
        Telling::Token => text.len() >= 12 && plausible::token(text) && !plausible::uuid(text),
        Telling::Perhaps | Telling::Authorization | Telling::Cookie => perhaps(text),
    };
    secret.then(|| Assigned { start: value.start, end: value.start + text.len(), telling })
}

/// A value that must look like a secret by itself, because its name says little.
fn perhaps(text: &str) -> bool {
    let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    text.len() >= 20 && text.bytes().any(|byte| byte.is_ascii_digit()) && !hex && plausible::token(text)
}

/// Finds the name in front of a separator.
fn name_before(bytes: &[u8], at: usize) -> Option<Name<'_>> {
    // `password ?= …`, `password :=`, `"password" :`, `["password"] =`, `password=>`, `**Password**:`
    let mut end = at - classes::run_back(bytes, at, BLANK, BLANKS);
    let mut quoted = false;
    for _ in 0..8 {
        match classes::before(bytes, end) {
            Some(byte) if classes::is(byte, QUOTE) => quoted = true,
            Some(b']' | b'?' | b'!' | b'*' | b'+' | b':' | b'=') => {}
            _ => break,
        }
        end -= 1;
    }
    end -= classes::run_back(bytes, end, BLANK, 2);
    let length = classes::run_back(bytes, end, ALNUM | UNDERSCORE | DASH | DOT, names::LONGEST);
    let text = std::str::from_utf8(bytes.get(end - length..end)?).ok()?;
    let mut start = end - length;
    let mut name = text.trim_start_matches(['-', '.', '_']);
    start += text.len() - name.len();
    // JSON within a string has `\n` as two characters.
    if classes::before(bytes, start) == Some(b'\\') && name.len() > 1 && name.starts_with(['n', 't', 'r']) {
        name = name.get(1..)?;
        start += 1;
    }
    (!name.is_empty()).then_some(Name { start, text: name, quoted })
}

/// Finds the name in front of a type: `const API_KEY: &str = "…"`.
fn typed(bytes: &[u8], end: usize) -> Option<&str> {
    let typed =
        bytes.get(..end)?.iter().rev().take(NEAR).take_while(|&&byte| {
            classes::is(byte, ALNUM | UNDERSCORE | BLANK) || b"<>&'|,[]".contains(&byte)
        });
    let colon = end.checked_sub(typed.count() + 1)?;
    (bytes.get(colon) == Some(&b':')).then(|| name_before(bytes, colon))?.map(|name| name.text)
}

/// Finds what a `value` belongs to: `name: DB_PASSWORD` above it, `key="ApiKey"` beside it.
fn neighbour(bytes: &[u8], end: usize) -> Option<&str> {
    let from = end.saturating_sub(NEAR);
    let near = bytes.get(from..end)?;
    let at = near.windows(4).rposition(|word| {
        word.eq_ignore_ascii_case(b"name")
            || word[..3].eq_ignore_ascii_case(b"key") && matches!(word[3], b'=' | b':' | b'"' | b'\'' | b' ')
    })?;
    let word = if near.get(at..at + 4)?.eq_ignore_ascii_case(b"name") { 4 } else { 3 };
    let separators = near
        .get(at + word..)?
        .iter()
        .take_while(|&&byte| classes::is(byte, BLANK | QUOTE) || matches!(byte, b'=' | b':'))
        .count();
    let start = from + at + word + separators;
    let length = classes::run(bytes, start, ALNUM | UNDERSCORE | DASH | DOT);
    (separators > 0 && start + length <= end)
        .then(|| std::str::from_utf8(bytes.get(start..start + length)?).ok())?
}

/// Says whether a name stands at the beginning of a line, or behind what environments and diffs put there.
fn begins_line(bytes: &[u8], start: usize) -> bool {
    let lead = bytes.get(..start).unwrap_or_default();
    let length = lead.iter().rev().take(32).take_while(|&&byte| byte != b'\n').count();
    let lead = lead.get(start - length..).unwrap_or_default();
    let lead = std::str::from_utf8(lead).unwrap_or("?").trim();
    matches!(
        lead.trim_start_matches(['+', '-', '>', '<', ' ']),
        "" | "export" | "set" | "ENV" | "ARG" | "declare -x" | "env" | "setx" | "$env:"
    ) || lead.ends_with("\\n")
}
