//! What stands where a secret belongs, and is none.

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
pub(super) const JUDGED: usize = 256;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
