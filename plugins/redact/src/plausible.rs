//! Whether a value looks like a secret: drawn at random, and not a word, a name or a place to put one.

/// For each letter, the letters that commonly follow it in English and in the names that programs are made of: nine of
/// ten pairs in real words are among them, and three of ten in random letters.
const FOLLOWS: [u32; 26] = [
    0x13e_bd4e, 0x010_4911, 0x01e_4d91, 0x014_4119, 0x0ef_b87d, 0x012_4111, 0x000_0110, 0x018_4111,
    0x2ae_f87f, 0x000_0000, 0x000_0110, 0x11c_4919, 0x010_c911, 0x01c_415d, 0x07e_fc4c, 0x01e_c911,
    0x010_0000, 0x11e_755d, 0x11c_c195, 0x11e_c995, 0x00e_b916, 0x000_0111, 0x000_4191, 0x008_0010,
    0x000_e000, 0x000_0010,
];

/// What stands where a secret belongs.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "xxxx",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "dummy",
    "redacted",
    "your_",
    "your-",
    "yourpass",
    "yourtoken",
    "yoursecret",
    "yourapikey",
    "yourkey",
    "my_token",
    "my-token",
    "insert",
    "todo",
    "fixme",
    "replace",
    "goes_here",
    "goes-here",
    "-here",
    "_here",
    "not_set",
    "not-set",
    "notset",
    "undefined",
    "....",
    "****",
    "____",
    "----",
    "fake",
    "mock",
    "sample",
    "process.env",
    "os.environ",
    "env.",
    "secrets.",
    "getenv",
    "testing",
    "not-a-",
    "not_a_",
    "placehold",
    "unset",
    "invalid",
    "hidden",
    "masked",
    "sanitized",
    "removed",
    "omitted",
];

/// Passwords that everybody has: they are in tutorials and tests, and keep nothing.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "passwd",
    "pass",
    "pass1234",
    "secret",
    "test",
    "testtest",
    "test123",
    "test1234",
    "admin",
    "admin123",
    "root",
    "toor",
    "guest",
    "user",
    "foobar",
    "letmein",
    "qwerty",
    "qwerty123",
    "abc123",
    "string",
    "boolean",
    "number",
    "required",
    "optional",
    "default",
    "none",
    "null",
    "true",
    "false",
    "nil",
    "void",
    "object",
    "postgres",
    "mysql",
    "redis",
    "token",
    "key",
    "value",
    "secret123",
    "password1",
    "password123",
    "mypassword",
    "mysecret",
    "supersecret",
    "s3cr3t",
    "s3cret",
    "12345678",
    "123456789",
    "1234567890",
    "hello",
];

/// Bytes of a token that are looked at: in more than these, any word comes up by chance.
const JUDGED: usize = 256;

/// Says whether a text stands where a secret belongs, and is none.
pub(crate) fn placeholder(value: &str) -> bool {
    // Templates and code: what fills them in is not here.
    let first = value.as_bytes().first().copied().unwrap_or(b' ');
    let last = value.as_bytes().last().copied().unwrap_or(b' ');
    if matches!(
        (first, last),
        (b'<', b'>') | (b'%', b'%') | (b'[', b']') | (b'(', b')') | (b'{', b'}') | (b'_', b'_')
    ) {
        return true;
    }
    if value.contains("${")
        || value.contains("{{")
        || value.contains("$(")
        || value.contains('…')
        || value.contains("<%")
    {
        return true;
    }
    if first == b'$'
        && value
            .bytes()
            .skip(1)
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.'))
    {
        return true;
    }
    if made_up(value.as_bytes()) {
        return true;
    }
    if value.len() > JUDGED {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    COMMON.contains(&lower.as_str())
        || PLACEHOLDERS.iter().any(|word| lower.contains(word))
        // References to where a secret is kept.
        || ["op://", "ref+", "vault:", "env:", "file:", "arn:", "ssm:", "sm://", "projects/", "sha256:", "http://", "https://", "secretref:", "keyvault", "@microsoft."]
            .iter()
            .any(|scheme| lower.starts_with(scheme))
}

/// Says whether a token was typed to stand for one: hardly any different letters, the alphabet, or a word for it.
pub(crate) fn made_up(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..JUDGED).unwrap_or(bytes);
    let mut seen = [false; 256];
    for &byte in bytes {
        seen[usize::from(byte)] = true;
    }
    let distinct = seen.iter().filter(|&&seen| seen).count();
    if bytes.len() >= 6 && distinct <= (bytes.len() / 4).clamp(2, 5) {
        return true;
    }
    // Ten in a row: `0123456789`, `abcdefghij`. Nine, as in `123456789`, is what people type in front of something.
    let in_a_row =
        |from: u8, to: u8| to == from.wrapping_add(1) || (from == b'9' && matches!(to, b'0' | b'a' | b'A'));
    let mut row = 1;
    for pair in bytes.windows(2) {
        row = if in_a_row(pair[0], pair[1]) { row + 1 } else { 1 };
        if row >= 9 {
            return true;
        }
    }
    [
        "example",
        "xxxxx",
        "placeholder",
        "redacted",
        "dummy",
        "changeme",
        "yourtoken",
        "your-",
        "your_",
        "abcabc",
        "123123",
    ]
    .iter()
    .any(|word| contains_ignoring_case(bytes, word.as_bytes()))
}

/// Says whether a word of ASCII is in a text, whatever its case.
pub(crate) fn contains_ignoring_case(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Counts of what a value is made of.
#[derive(Default)]
struct Made {
    lower: usize,
    upper: usize,
    digits: usize,
    /// `-`, `_`, `.`: what names are joined with.
    joints: usize,
    /// Any other character that can be seen.
    signs: usize,
    hex: bool,
    entropy: f64,
}

impl Made {
    fn of(value: &str) -> Self {
        let mut made = Self { hex: true, ..Self::default() };
        let mut counts = [0u32; 256];
        for byte in value.bytes() {
            counts[usize::from(byte)] += 1;
            match byte {
                b'a'..=b'z' => made.lower += 1,
                b'A'..=b'Z' => made.upper += 1,
                b'0'..=b'9' => made.digits += 1,
                b'-' | b'_' | b'.' => made.joints += 1,
                _ => made.signs += 1,
            }
            made.hex &= byte.is_ascii_hexdigit();
        }
        let total = value.len().max(1) as f64;
        made.entropy = counts
            .iter()
            .filter(|&&count| count > 0)
            .map(|&count| {
                let share = f64::from(count) / total;
                -share * share.log2()
            })
            .sum();
        made
    }

    fn letters(&self) -> usize {
        self.lower + self.upper
    }
}

/// Gives how many pairs of neighbouring letters there are, and how many of them words have.
fn pairs(value: &str) -> (usize, usize) {
    let letter = |byte: u8| byte.is_ascii_alphabetic().then(|| usize::from(byte.to_ascii_lowercase() - b'a'));
    let (mut all, mut common) = (0, 0);
    for pair in value.as_bytes().windows(2) {
        let (Some(first), Some(second)) = (letter(pair[0]), letter(pair[1])) else { continue };
        all += 1;
        common += usize::from(FOLLOWS.get(first).is_some_and(|follows| follows >> second & 1 == 1));
    }
    (all, common)
}

/// Says whether a value reads like words, joined however.
pub(crate) fn reads(value: &str) -> bool {
    let (all, common) = pairs(value);
    let made = Made::of(value);
    // Letters that come one by one between digits, or change their case all the time, are no words.
    let worded = all * 10 >= made.letters() * 6 && segments(value) * 3 <= made.letters() + 2;
    let few_digits = made.digits * 4 <= value.len();
    worded && few_digits && common * 100 >= all * if all < 12 { 75 } else { 62 }
}

/// Counts the words that a name is made of, as far as their letters' case and what is between them shows.
fn segments(value: &str) -> usize {
    let mut segments = 0;
    let mut last = 0;
    for byte in value.bytes() {
        let now = match byte {
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 2,
            _ => 3,
        };
        // A capital begins a word, and goes with the small letters behind it.
        if now != last && !(last == 2 && now == 1) && now != 3 {
            segments += 1;
        }
        last = now;
    }
    segments
}

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

/// Says whether a text can be a password that a person made.
///
/// Passwords are short, and may be words: so anything goes that is not plainly something else. `quoted` says that the
/// value stood in quotation marks or under a key of its own, so that it is no code.
pub(crate) fn password(value: &str, quoted: bool) -> bool {
    if !(6..=200).contains(&value.len()) || placeholder(value) || place(value) {
        return false;
    }
    if value
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control() || "{}<>()\"`".contains(letter))
    {
        return false;
    }
    let made = Made::of(value);
    if made.signs > 0 && made.letters() + made.digits > made.signs {
        // `required,min=8`, `a|b`, `path/to`: lists and places have one sign between words.
        let listing = value.split([',', '|', '/', '=', ';', ':', '&']).filter(|part| !part.is_empty());
        let worded = listing.clone().filter(|part| reads(part) || part.len() < 3).count();
        let separated = listing.clone().count() > 1 && worded == listing.count();
        let exclaimed = made.digits == 0 && value.ends_with(['!', '?', '*', ':', '.', ',']) && reads(value);
        return !separated && !exclaimed;
    }
    if made.digits > 0 && made.letters() > 0 {
        // `DB_PASSWORD_2`, `user.password1`, `db_password1`: names.
        let lower = value.to_ascii_lowercase();
        let named = ["pass", "pwd", "secret", "token", "key", "cred"].iter().any(|word| lower.contains(word));
        return !(named && reads(value.trim_end_matches(|last: char| last.is_ascii_digit())));
    }
    // Only letters, or only digits.
    if made.digits == 0 && made.letters() > 0 {
        return value.len() >= 12 && !reads(value)
            || quoted && made.joints == 0 && made.upper == 0 && value.len() >= 16;
    }
    quoted && value.len() >= 8 && made.letters() == 0 && made.joints == 0
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

    #[test]
    fn what_stands_for_a_secret_is_none() {
        for none in [
            "${TOKEN}",
            "$TOKEN",
            "<your token>",
            "xxxxxxxxxxxx",
            "{{ token }}",
            "YOUR_API_KEY",
            "changeme",
            "0123456789abcdef",
            "AKIAIOSFODNN7EXAMPLE",
            "op://vault/item/field",
            "%TOKEN%",
            "process.env.TOKEN2",
        ] {
            assert!(placeholder(none), "{none}");
        }
        for some in ["hunter2", "q7Zk2mVx9Tbr", "$6Tq!x", "Tr0ub4dor&3"] {
            assert!(!placeholder(some), "{some}");
        }
    }

    #[test]
    fn a_password_is_no_code() {
        for some in ["hunter2", "Tr0ub4dor&3", "s3rv1ce!", "correcthorsebatterystaple", "qHzKwPbXmVtR"] {
            assert!(password(some, true), "{some}");
        }
        for none in [
            "String",
            "getPassword()",
            "user.password",
            "DB_PASSWORD",
            "db_password1",
            "required,min=8",
            "/run/secrets/db",
            "hashed",
        ] {
            assert!(!password(none, true), "{none}");
        }
    }
}
