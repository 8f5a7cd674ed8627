//! Headers of HTTP that hold credentials.

use super::Assigned;
use super::value::LONGEST;
use crate::classes::{self, ALNUM, BLANK, DASH, QUOTE};
use crate::names::Telling;
use crate::plausible;

/// Takes the credentials of an `Authorization` header, behind their scheme.
pub(super) fn authorization(bytes: &[u8], from: usize) -> Option<Assigned> {
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
