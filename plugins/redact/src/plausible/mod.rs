//! Whether a value looks like a secret: drawn at random, and not a word, a name or a place to put one.

mod password;
mod placeholder;
mod words;

pub(crate) use password::password;
pub(crate) use placeholder::{contains_ignoring_case, made_up, placeholder};
pub(crate) use words::reads;

use words::Made;

/// Says whether a value is a UUID.
pub(crate) fn uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Says whether a value looks drawn at random.
pub(crate) fn random(value: &str) -> bool {
    let made = Made::of(value);
    let length = value.len();
    if made.hex {
        return length >= 16 && made.digits > 0 && made.letters() > 0 && made.entropy >= 2.7;
    }
    if made.signs + made.joints > length / 3 || made.letters() == 0 {
        return false;
    }
    if length < 16 {
        // A word with a number behind it is a name.
        let stem = value.trim_end_matches(|last: char| last.is_ascii_digit() || last == '-' || last == '_');
        return made.digits > 0 && made.entropy >= 2.75 && !(reads(stem) || stem.len() < 3);
    }
    made.entropy >= 3.0
        && !reads(value)
        && (made.digits > 0 || (made.lower > 0 && made.upper > 0) || length >= 24)
        && !dated(value)
}

/// Says whether a value is mostly a date or a version: digits and joints around few letters.
fn dated(value: &str) -> bool {
    let made = Made::of(value);
    made.letters() * 6 < value.len() && made.joints >= 2
}

/// Says whether a text can be a secret that a machine made: an opaque token, not a name, a place or a placeholder.
pub(crate) fn token(value: &str) -> bool {
    opaque(value) && random(value) && !place(value) && !placeholder(value)
}

/// Says whether a text is one token: no signs that part things, no `name=value` within. Stops at the first that says no,
/// because every other word of a hostile text may be followed by something like a token.
fn opaque(value: &str) -> bool {
    let mut colons = 0;
    let mut padded = false;
    value.bytes().all(|byte| {
        colons += usize::from(byte == b':');
        let parted = padded && byte != b'=' && byte != b'%';
        padded |= byte == b'=';
        byte.is_ascii_graphic() && !parted && colons < 3 && !b"<>{}()[]|;,\"'`\\*#?".contains(&byte)
    })
}

/// Says whether a text names a file, or something in code.
fn place(value: &str) -> bool {
    if value.starts_with("./") || value.starts_with("../") || value.starts_with("~/") || value.contains("::")
    {
        return true;
    }
    // base64 may begin with a stroke, but its parts are no words.
    let parts: Vec<&str> = value.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() >= 2
        && parts.iter().filter(|part| part.len() >= 3 && reads(part)).count() * 2 >= parts.len()
    {
        return true;
    }
    // `config.auth.token2`
    let dotted: Vec<&str> = value.split('.').collect();
    dotted.len() >= 2
        && dotted
            .iter()
            .all(|part| part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
        && dotted.iter().filter(|part| reads(part)).count() * 2 >= dotted.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_and_random_letters_do_not() {
        for words in [
            "getAccessTokenFromRequest",
            "reset-your-account-now",
            "snake_case_name",
            "authentication",
            "refreshTokenExpiry2",
        ] {
            assert!(reads(words), "{words}");
            assert!(!random(words), "{words}");
        }
        for random_letters in
            ["kTq9xZr2VbW7mPdLsYc4", "q7Zk2mVx9Tbr", "hXkWqZpVbNrTgYdJ", "3f9a1c77e0b2d84856aa01fe"]
        {
            assert!(random(random_letters), "{random_letters}");
        }
    }
}
