//! Values next to a telling name, in whatever notation: environments, INI, TOML, YAML, JSON within a text, headers,
//! queries, flags, code, XML.

use crate::classes::{self, ALNUM, BLANK, DASH, DOT, QUOTE, UNDERSCORE};
use crate::names::{self, Telling};
use crate::plausible;

/// Bytes of a value at most.
const LONGEST: usize = 512;
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

/// A value as it stands in a text.
struct Value<'a> {
    start: usize,
    text: &'a str,
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
            let value = value_after(bytes, at + 1, false).filter(|value| value.quoted)?;
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
        telling => taken(telling, &value_after(bytes, at + 1, line)?),
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

/// Words behind which a password stands without any separator.
const SPOKEN: &[(&str, Telling)] = &[
    ("sshpass -p", Telling::Password),
    ("IDENTIFIED BY ", Telling::Password),
    ("identified by ", Telling::Password),
    ("WITH PASSWORD ", Telling::Password),
    ("with password ", Telling::Password),
    ("_authToken ", Telling::Token),
];

/// Looks at words that are followed by a password: `sshpass -p`, `IDENTIFIED BY`, `.netrc`, `curl -u`.
pub(crate) fn spoken(bytes: &[u8], at: usize) -> Option<Assigned> {
    let rest = bytes.get(at..)?;
    if !classes::begins(bytes, at) {
        return None;
    }
    if let Some((words, telling)) = SPOKEN.iter().find(|(words, _)| rest.starts_with(words.as_bytes())) {
        return taken(*telling, &value_after(bytes, at + words.len(), true)?);
    }
    if rest.starts_with(b"-u ") || rest.starts_with(b"--user ") {
        // Many programs have a `-u`; only one takes a user and a password.
        let line = bytes.get(..at)?.iter().rev().take(2 * NEAR).take_while(|&&byte| byte != b'\n').count();
        let before = bytes.get(at - line..at)?;
        if !before.windows(4).any(|word| word == b"curl" || word == b"http" || word == b"wget") {
            return None;
        }
        let from = at + rest.iter().position(|&byte| byte == b' ')?;
        let value = value_after(bytes, from, true)?;
        let (user, password) = value.text.split_once(':')?;
        let start = value.start + user.len() + 1;
        return taken(Telling::Password, &Value { start, text: password, quoted: true });
    }
    // `machine example.com login me password …`, also over several lines.
    if rest.starts_with(b"password ")
        && bytes.get(at.saturating_sub(NEAR)..at)?.windows(6).any(|word| word == b"login ")
    {
        return taken(Telling::Password, &value_after(bytes, at + 9, true)?);
    }
    // `ENV DB_PASSWORD …` of older Dockerfiles.
    if rest.starts_with(b"ENV ") {
        let length = classes::run(rest, 4, ALNUM | UNDERSCORE);
        let name = std::str::from_utf8(rest.get(4..4 + length)?).ok()?;
        if rest.get(4 + length) == Some(&b' ') {
            return taken(names::telling(name)?, &value_after(bytes, at + 4 + length, true)?);
        }
    }
    None
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

/// Finds the value behind a separator. `line`: without quotation marks it runs to the next blank.
fn value_after(bytes: &[u8], from: usize, line: bool) -> Option<Value<'_>> {
    let mut start = from;
    // `==`, `=>`, `**Password:** …`
    start +=
        bytes.get(start..)?.iter().take(2).take_while(|&&byte| matches!(byte, b'=' | b'>' | b'*')).count();
    start += classes::run(bytes, start, BLANK);
    if start > from + BLANKS {
        return None;
    }
    // `!!str …`, `b"…"`, `r#"…"#`
    for prefix in [
        &b"!!str "[..],
        b"!!binary ",
        b"b\"",
        b"r\"",
        b"u\"",
        b"b'",
        b"r'",
        b"u'",
        b"r#\"",
        b"@\"",
        b"$'",
        b"N'",
    ] {
        if bytes.get(start..)?.starts_with(prefix) {
            start += prefix.len() - usize::from(!prefix.ends_with(b" "));
            break;
        }
    }
    let escapes = bytes.get(start..)?.iter().take(4).take_while(|&&byte| byte == b'\\').count();
    let quote = *bytes.get(start + escapes)?;
    if matches!(quote, b'"' | b'\'' | b'`') {
        let inner = start + escapes + 1;
        let rest = bytes.get(inner..)?;
        let end = end_of_quoted(rest, quote, escapes)?;
        let text = std::str::from_utf8(rest.get(..end)?).ok()?;
        return Some(Value { start: inner, text, quoted: true });
    }
    if escapes > 0 {
        return None;
    }
    let rest = bytes.get(start..)?;
    if rest.starts_with(crate::marker::BEGIN.as_bytes()) {
        return None;
    }
    let mut end = rest
        .iter()
        .take(LONGEST)
        .position(|&byte| {
            byte.is_ascii_whitespace()
                || b"\"'`\\\x1b".contains(&byte)
                || !line && b"<>,;&|)(}]".contains(&byte)
        })
        .unwrap_or_else(|| rest.len().min(LONGEST));
    // What is called or indexed is code.
    if !line && (rest.get(end) == Some(&b'(') || rest.get(end..).is_some_and(|rest| rest.starts_with(b"<'")))
    {
        return None;
    }
    while end > 0 && matches!(rest.get(end - 1), Some(b'.' | b',' | b';' | b':')) {
        end -= 1;
    }
    let text = std::str::from_utf8(rest.get(..end)?).ok()?;
    // `token=foo[1]`, `token = a.b(c)`
    (!text.is_empty() && !text.starts_with(['&', '*', '@', '|'])).then_some(Value {
        start,
        text,
        quoted: false,
    })
}

/// Gives the length of what stands up to the closing quotation mark.
fn end_of_quoted(rest: &[u8], quote: u8, escapes: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(&byte) = rest.get(at).filter(|_| at < LONGEST) {
        if byte == b'\n' {
            return None;
        }
        if byte == b'\\' {
            let run = rest.get(at..)?.iter().take_while(|&&byte| byte == b'\\').count();
            if escapes > 0 && run == escapes && rest.get(at + run) == Some(&quote) {
                return Some(at);
            }
            // An escaped mark, or an escape of something else.
            at += run + usize::from(run % 2 == 1);
            continue;
        }
        if byte == quote {
            return (escapes == 0).then_some(at);
        }
        at += 1;
    }
    None
}

/// Takes the credentials of an `Authorization` header, behind their scheme.
fn authorization(bytes: &[u8], from: usize) -> Option<Assigned> {
    let mut start = from
        + bytes.get(from..)?.iter().take(8).take_while(|&&byte| classes::is(byte, BLANK | QUOTE)).count();
    let word = classes::run(bytes, start, ALNUM | DASH);
    let scheme = word > 0 && word <= 20 && bytes.get(start + word) == Some(&b' ');
    if scheme {
        start += word + 1;
        start += classes::run(bytes, start, BLANK);
    }
    let rest = bytes.get(start..)?;
    let length = rest
        .iter()
        .take(LONGEST)
        .position(|&byte| byte.is_ascii_whitespace() || b"\"'`\\<>,;)}]".contains(&byte))
        .unwrap_or_else(|| rest.len().min(LONGEST));
    let text = std::str::from_utf8(rest.get(..length)?).ok()?;
    let secret = if scheme {
        text.len() >= 8 && (plausible::token(text) || plausible::uuid(text))
    } else {
        text.len() >= 12 && plausible::token(text)
    };
    secret.then_some(Assigned { start, end: start + length, telling: Telling::Authorization })
}

/// Takes the first cookie from here on whose value looks drawn at random.
pub(crate) fn cookie(bytes: &[u8], from: usize) -> Option<Assigned> {
    let rest = bytes.get(from..)?;
    let length = rest
        .iter()
        .take(LONGEST)
        .position(|&byte| b"\n\"\r".contains(&byte))
        .unwrap_or_else(|| rest.len().min(LONGEST));
    let text = std::str::from_utf8(rest.get(..length)?).ok()?;
    let mut start = from;
    for pair in text.split(';') {
        if let Some((name, value)) = pair.split_once('=') {
            let end = value.find([' ', '\'', '\\']).unwrap_or(value.len());
            let value = value.get(..end)?;
            let harmless = matches!(
                name.trim().to_ascii_lowercase().as_str(),
                "expires" | "path" | "domain" | "max-age" | "samesite"
            );
            if !harmless && value.len() >= 16 && (plausible::token(value) || plausible::uuid(value)) {
                let from = start + name.len() + 1;
                return Some(Assigned { start: from, end: from + value.len(), telling: Telling::Cookie });
            }
        }
        start += pair.len() + 1;
    }
    None
}
