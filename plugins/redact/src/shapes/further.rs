//! More bodies of more than one part, of issuers that are met less often.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::parts::{bounded, least, within, word};
use crate::classes::{
    self, ALNUM, BASE64, DASH, DIGIT, DOT, EQUALS, HEX, LOWER, PERCENT, SLASH, UPPER, WORD,
};
use crate::plausible;

/// Takes exactly so many bytes of a class.
fn exactly(bytes: &[u8], at: usize, class: u16, count: usize) -> Option<usize> {
    (classes::run(bytes, at, class) == count).then_some(at + count)
}

/// Gives how much of a text so many bytes are, if they look drawn at random.
fn drawn(rest: &[u8], length: usize) -> Option<usize> {
    let body = rest.get(..length)?;
    let text = std::str::from_utf8(body).ok()?;
    (plausible::random(text) && !plausible::made_up(body)).then_some(length)
}

/// 1Password's secret keys: six capitals, then groups of five or six.
pub(super) fn onepassword(rest: &[u8]) -> Option<usize> {
    let mut at = exactly(rest, 0, UPPER | DIGIT, 6)?;
    let from = at;
    let mut groups = 0;
    while let Some(next) = word(rest, at, "-").filter(|_| groups < 5) {
        let length = classes::run(rest, next, UPPER | DIGIT);
        if !matches!(length, 5 | 6 | 11) {
            break;
        }
        at = next + length;
        groups += 1;
    }
    (groups >= 4 && at - from >= 26).then_some(at)
}

/// Twitter's bearer tokens: twenty-two times the same letter, then one that looks like base64 in an address.
pub(super) fn twitter(rest: &[u8]) -> Option<usize> {
    let length = bounded(rest, WORD | PERCENT);
    let body = rest.get(..length)?;
    let drawn = body.iter().filter(|byte| **byte != b'A').count();
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    ((40..200).contains(&length) && drawn >= 40 && digits >= 4).then_some(length)
}

/// PayPal's access tokens: who it is, and 32 hexadecimal digits.
pub(super) fn paypal(rest: &[u8]) -> Option<usize> {
    let at = least(rest, 0, LOWER | DIGIT, 10)?;
    least(rest, word(rest, at, "$")?, HEX, 32)
}

/// Keys that begin with `live_`, as those of several issuers of payments and letters do: long, and drawn at random.
pub(super) fn live(rest: &[u8]) -> Option<usize> {
    let length = bounded(rest, WORD | EQUALS);
    (length >= 35).then(|| drawn(rest, length))?
}

/// Harness: 22, 24 and 20 letters.
pub(super) fn harness(rest: &[u8]) -> Option<usize> {
    let at = exactly(rest, 0, WORD, 22)?;
    let at = exactly(rest, word(rest, at, ".")?, ALNUM, 24)?;
    exactly(rest, word(rest, at, ".")?, ALNUM, 20)
}

/// JetBrains: base64 of a login and of a name, then 30 letters or more.
pub(super) fn jetbrains(rest: &[u8]) -> Option<usize> {
    let at = within(rest, 0, WORD | EQUALS, 4, 512)?;
    let at = within(rest, word(rest, at, ".")?, WORD | EQUALS, 4, 512)?;
    least(rest, word(rest, at, ".")?, ALNUM, 25)
}

/// Resend: 8 and 24 letters.
pub(super) fn resend(rest: &[u8]) -> Option<usize> {
    let at = exactly(rest, 0, ALNUM, 8)?;
    let at = exactly(rest, word(rest, at, "_")?, ALNUM, 24)?;
    drawn(rest, at)
}

/// Vault's older tokens: 24 letters that no name has.
pub(super) fn vault_legacy(rest: &[u8]) -> Option<usize> {
    let at = exactly(rest, 0, ALNUM, 24)?;
    let body = rest.get(..at)?;
    let has = |is: fn(&u8) -> bool| body.iter().any(is);
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    // What goes on is a name in code.
    let ends = rest.get(at).is_none_or(|&next| !matches!(next, b'(' | b'.' | b'_' | b'[' | b'-'));
    (mixed && ends).then(|| drawn(rest, at))?
}

/// Mapbox's secret tokens, behind their first letters: a payload and a signature.
pub(super) fn mapbox(rest: &[u8]) -> Option<usize> {
    let at = least(rest, 0, WORD, 40)?;
    least(rest, word(rest, at, ".")?, WORD, 20)
}

/// Dropbox's tokens, which last for hours.
pub(super) fn dropbox(rest: &[u8]) -> Option<usize> {
    let length = bounded(rest, WORD | EQUALS | DOT);
    (length >= 130).then(|| drawn(rest, length))?
}

/// Yandex's tokens: two parts of base64 with a point between.
pub(super) fn yandex(rest: &[u8]) -> Option<usize> {
    let at = least(rest, 0, WORD | EQUALS, 40)?;
    least(rest, word(rest, at, ".")?, WORD | EQUALS, 80)
}

/// The address to which a channel of Teams takes messages.
pub(super) fn teams(rest: &[u8]) -> Option<usize> {
    let at = least(rest, 0, HEX | DASH, 36)?;
    let at = least(rest, word(rest, at, "@")?, HEX | DASH, 36)?;
    let at = word(rest, at, "/IncomingWebhook/")?;
    least(rest, at, WORD | SLASH, 60)
}

/// Discord's tokens, behind their first two letters: base64 of a number, six letters, twenty-seven or more.
pub(super) fn discord(rest: &[u8]) -> Option<usize> {
    let number = within(rest, 0, BASE64, 20, 30)?;
    let at = exactly(rest, word(rest, number, ".")?, WORD, 6)?;
    let at = within(rest, word(rest, at, ".")?, WORD, 27, 64)?;
    // The first group of three letters begins in front of what is seen here.
    let whole = rest.get(2..number)?;
    let decoded = STANDARD_NO_PAD.decode(whole.get(..whole.len() / 4 * 4)?).ok()?;
    decoded.iter().all(u8::is_ascii_digit).then_some(at)
}

/// A private key in armour, once more in base64, behind its first letters: as configurations of clusters hold it. A
/// certificate begins in the same way, and is no secret.
pub(super) fn armour_in_base64(rest: &[u8]) -> Option<usize> {
    let length = classes::run(rest, 0, BASE64);
    // `-----BEGIN ` is four groups of letters less two: what follows is read from the next group on.
    let label = STANDARD_NO_PAD.decode(rest.get(2..58)?).ok()?;
    (length >= 80 && label.windows(10).any(|word| word == b"RIVATE KEY")).then_some(length)
}
