//! Bodies of more than one part.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::classes::{
    self, ALNUM, ANY_HEX, BASE64, BLANK, DASH, DIGIT, DOT, HEX, PLUS, SLASH, TILDE, UNDERSCORE, UPPER, WORD,
};
use crate::plausible;

/// Bytes of one part at most: what is no token must not be read to its end each time that one seems to begin.
const LONGEST_PART: usize = 8 * 1_024;

/// Takes so many bytes of a class, at least, and all that follow.
pub(super) fn least(bytes: &[u8], at: usize, class: u16, count: usize) -> Option<usize> {
    within(bytes, at, class, count, LONGEST_PART)
}

/// Takes so many bytes of a class, at least, and all that follow; nothing if they are too many.
pub(super) fn within(bytes: &[u8], at: usize, class: u16, count: usize, most: usize) -> Option<usize> {
    let seen = bytes.get(..bytes.len().min(at + most))?;
    let run = classes::run(seen, at, class);
    (run >= count && run < most).then_some(at + run)
}

/// Counts the bytes of a class from the beginning on; none if they are too many.
pub(super) fn bounded(rest: &[u8], class: u16) -> usize {
    within(rest, 0, class, 0, LONGEST_PART).unwrap_or(0)
}

/// Takes exactly this text.
pub(super) fn word(bytes: &[u8], at: usize, text: &str) -> Option<usize> {
    bytes.get(at..)?.starts_with(text.as_bytes()).then_some(at + text.len())
}

/// Bytes of armour at most.
const LONGEST_ARMOUR: usize = 16 * 1_024;

/// A JSON Web Token behind its first three letters: header, payload, signature; five parts if it is encrypted.
pub(super) fn jwt(rest: &[u8]) -> Option<usize> {
    let at = word(rest, within(rest, 0, WORD, 12, super::LONGEST)?, ".")?;
    let payload = rest.get(at..)?.starts_with(b"eyJ");
    let at = least(rest, at, WORD, if payload { 10 } else { 0 })?;
    let at = least(rest, word(rest, at, ".")?, WORD, 10)?;
    if payload {
        return Some(at);
    }
    let at = least(rest, word(rest, at, ".")?, WORD, 10)?;
    least(rest, word(rest, at, ".")?, WORD, 10)
}

/// What a private key in armour is made of: base64, line ends, escaped ones too, headers, and what marks lines as
/// quoted, changed or indented.
const ARMOUR: u16 = BASE64 | BLANK | DASH | classes::COLON | classes::QUOTE | DOT;

/// A private key behind `-----BEGIN `, to the end of its armour or, if that was cut off, of what looks like it.
pub(super) fn private_key(rest: &[u8]) -> Option<usize> {
    let label = rest.iter().take(48).position(|&byte| byte == b'-')?;
    let text = std::str::from_utf8(rest.get(..label)?).ok()?;
    if !(text.ends_with("PRIVATE KEY") || text.ends_with("PRIVATE KEY BLOCK")) {
        return None;
    }
    let body = word(rest, label, "-----")?;
    let mut at = body;
    let mut letters = 0;
    while let Some(&byte) = rest.get(at).filter(|_| at < LONGEST_ARMOUR) {
        if rest.get(at..).is_some_and(|rest| rest.starts_with(b"-----BEGIN ")) {
            break;
        }
        if rest.get(at..).is_some_and(|rest| rest.starts_with(b"-----END ")) {
            let end = rest.get(at + 9..)?.iter().take(48).position(|&byte| byte == b'-');
            let end = end.and_then(|dash| word(rest, at + 9 + dash, "-----")).unwrap_or(at + 9);
            // Armour without a key in it is how documents show it.
            return (letters >= 40).then_some(end);
        }
        if !(classes::is(byte, ARMOUR)
            || matches!(byte, b'\n' | b'\r' | b',' | b'|' | b'>' | b'#' | b'(' | b')'))
        {
            break;
        }
        letters += usize::from(classes::is(byte, ALNUM));
        at += 1;
    }
    if letters < 40 {
        return None;
    }
    // Cut off: what was read may run into prose, so it ends with the last long run of base64.
    let mut end = body;
    let mut from = body;
    while from < at {
        let run = classes::run(rest, from, BASE64);
        if run >= 24 {
            end = from + run;
        }
        from += run.max(1);
    }
    (end > body).then_some(end)
}

/// The private lines of a PuTTY key, behind `Private-Lines: `.
pub(super) fn putty(rest: &[u8]) -> Option<usize> {
    let digits = classes::run(rest, 0, DIGIT);
    let mut at = digits;
    let mut letters = 0;
    while let Some(&byte) = rest.get(at).filter(|_| at < LONGEST_ARMOUR) {
        let armour = classes::is(byte, BASE64) || matches!(byte, b'\n' | b'\r' | b'\\');
        if !armour || rest.get(at..).is_some_and(|rest| rest.starts_with(b"Private-MAC")) {
            break;
        }
        letters += usize::from(classes::is(byte, ALNUM));
        at += 1;
    }
    (digits > 0 && letters >= 40).then_some(at)
}

/// A token of OpenAI's older form, or of somebody who took it over: long, and no words joined by dashes.
pub(super) fn sk(rest: &[u8]) -> Option<usize> {
    let length = bounded(rest, WORD);
    let body = rest.get(..length)?;
    let text = std::str::from_utf8(body).ok()?;
    (length >= 32 && plausible::random(text) && !plausible::made_up(body)).then_some(length)
}

/// What follows `Bearer `.
pub(super) fn bearer(rest: &[u8]) -> Option<usize> {
    let class = WORD | DOT | TILDE | PLUS | SLASH | classes::EQUALS;
    let mut length = bounded(rest, class);
    while matches!(length.checked_sub(1).and_then(|last| rest.get(last)), Some(b'.')) {
        length -= 1;
    }
    let body = rest.get(..length)?;
    let text = std::str::from_utf8(body).ok()?;
    (length >= 16 && plausible::token(text)).then_some(length)
}

/// What follows `Basic `: base64 of a user and a password.
pub(super) fn basic(rest: &[u8]) -> Option<usize> {
    let length = bounded(rest, BASE64);
    let text = std::str::from_utf8(rest.get(..length)?).ok()?;
    let decoded = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    let decoded = std::str::from_utf8(&decoded).ok()?;
    let (_, password) = decoded.split_once(':')?;
    (!decoded.chars().any(char::is_control) && !password.is_empty() && !plausible::placeholder(password))
        .then_some(length)
}

/// Slack's tokens: letters of their kind, then numbers and letters between dashes.
pub(super) fn slack(rest: &[u8]) -> Option<usize> {
    let length = bounded(rest, WORD | DOT | classes::PERCENT);
    let body = rest.get(..length)?;
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    (length >= 20 && digits >= 4 && !plausible::made_up(body)).then_some(length)
}

/// SendGrid: 22 and 43 letters with a point between.
pub(super) fn sendgrid(rest: &[u8]) -> Option<usize> {
    let at = word(rest, within(rest, 0, WORD, 16, 64)?, ".")?;
    least(rest, at, WORD, 32)
}

/// Airtable: 14 letters, a point, 64 hexadecimal digits.
pub(super) fn airtable(rest: &[u8]) -> Option<usize> {
    let at = classes::run(rest, 0, ALNUM);
    (at == 14).then_some(())?;
    least(rest, word(rest, at, ".")?, HEX, 64)
}

/// Grafana's service accounts: 32 letters, an underscore, a checksum.
pub(super) fn grafana(rest: &[u8]) -> Option<usize> {
    let at = classes::run(rest, 0, ALNUM);
    (at == 32).then_some(())?;
    least(rest, word(rest, at, "_")?, ANY_HEX, 8)
}

/// Postman: 24 and 34 hexadecimal digits.
pub(super) fn postman(rest: &[u8]) -> Option<usize> {
    let at = classes::run(rest, 0, HEX);
    (at == 24).then_some(())?;
    least(rest, word(rest, at, "-")?, HEX, 34)
}

/// Dynatrace: 24 and 64 capitals and digits.
pub(super) fn dynatrace(rest: &[u8]) -> Option<usize> {
    let at = classes::run(rest, 0, UPPER | DIGIT);
    (at == 24).then_some(())?;
    least(rest, word(rest, at, ".")?, UPPER | DIGIT, 64)
}

/// Brevo: 64 hexadecimal digits and 16 letters.
pub(super) fn brevo(rest: &[u8]) -> Option<usize> {
    let at = classes::run(rest, 0, HEX);
    (at == 64).then_some(())?;
    least(rest, word(rest, at, "-")?, ALNUM, 16)
}

/// The rest of an address that lets whoever knows it post messages.
pub(super) fn webhook(rest: &[u8]) -> Option<usize> {
    let length = bounded(rest, WORD | SLASH);
    let body = rest.get(..length)?;
    let long = body.split(|&byte| byte == b'/').any(|part| part.len() >= 20 && !plausible::made_up(part));
    (length >= 30 && long).then_some(length)
}

/// Facebook and others begin with capitals that base64 has, too: long, with digits.
pub(super) fn facebook(rest: &[u8]) -> Option<usize> {
    let length = bounded(rest, ALNUM);
    let body = rest.get(..length)?;
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    let framed = rest.get(length).is_none_or(|&next| !classes::is(next, BASE64 | UNDERSCORE));
    (length >= 90 && digits >= 8 && framed).then_some(length)
}

/// AWS's bearer keys: base64 with its padding.
pub(super) fn base64_100(rest: &[u8]) -> Option<usize> {
    least(rest, 0, BASE64, 100)
}
