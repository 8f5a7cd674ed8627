//! The value behind a name, however it is quoted.

use super::BLANKS;
use crate::classes::{self, BLANK};

/// Bytes of a value that are looked at, at most, where nothing says where it ends.
pub(super) const LONGEST: usize = 512;
/// Bytes of a value in quotation marks, at most: keys in base64 are long.
const LONGEST_QUOTED: usize = 8 * 1_024;

/// A value as it stands in a text.
pub(super) struct Value<'a> {
    pub(super) start: usize,
    pub(super) text: &'a str,
    pub(super) quoted: bool,
}

/// Finds the value behind a separator. `line`: without quotation marks it runs to the next blank.
pub(super) fn value_after(bytes: &[u8], from: usize, line: bool) -> Option<Value<'_>> {
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
    // An environment has no blanks there, and a password may have brackets.
    let apart = start
        .checked_sub(1)
        .and_then(|before| bytes.get(before))
        .is_some_and(|&byte| classes::is(byte, BLANK));
    if apart && indexed(text) {
        return None;
    }
    // `token=foo[1]`, `token = a.b(c)`
    (!text.is_empty() && !text.starts_with(['&', '*', '@', '|'])).then_some(Value {
        start,
        text,
        quoted: false,
    })
}

/// Says whether a text is something of which a part is taken, as in code: `config['password']`, `auth[1]`, `pw[:-1]`. It
/// may end with the quotation mark, or the bracket, behind it.
fn indexed(text: &str) -> bool {
    text.split_once('[').is_some_and(|(whole, part)| {
        let name = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.');
        let index = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-]".contains(&byte);
        !whole.is_empty() && whole.bytes().all(name) && part.bytes().all(index)
    })
}

/// Gives the length of what stands up to the closing quotation mark.
fn end_of_quoted(rest: &[u8], quote: u8, escapes: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(&byte) = rest.get(at).filter(|_| at < LONGEST_QUOTED) {
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
