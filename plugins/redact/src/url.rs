//! Credentials in addresses: `scheme://user:password@host`.

use crate::classes::{self, ALNUM, DASH, DOT, PLUS};
use crate::plausible;

/// The kind that a marker shows.
pub(crate) const KIND: &str = "url-password";
/// Bytes between `://` and `@` at most.
const LONGEST: usize = 512;

/// Gives the place of the password of an address whose `://` begins here.
pub(crate) fn password(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = at + 3;
    let rest = bytes.get(at..)?.strip_prefix(b"://")?;
    if classes::run_back(bytes, at, ALNUM | PLUS | DASH | DOT, 32) == 0 {
        return None;
    }
    // The last `@` counts: a password may hold one. None of the others may stand in a user's part.
    let part = rest
        .iter()
        .take(LONGEST)
        .position(|&byte| byte.is_ascii_whitespace() || b"\"'`<>\\/?#,;()|".contains(&byte));
    let part = rest.get(..part.unwrap_or_else(|| rest.len().min(LONGEST)))?;
    let user = part.iter().rposition(|&byte| byte == b'@')?;
    let part = part.get(..user)?;
    let text = std::str::from_utf8(part).ok()?;
    match text.split_once(':') {
        Some((_, password)) => {
            let from = start + text.len() - password.len();
            // A template, or a marker of an earlier look.
            let none = password.len() < 3
                || plausible::placeholder(password)
                || password.starts_with(['[', '{', '$']);
            (!none && !password.eq_ignore_ascii_case("pw")).then_some((from, start + text.len()))
        }
        None => (text.len() >= 16 && plausible::token(text)).then_some((start, start + text.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::password;

    fn found(text: &str) -> Option<&str> {
        let at = text.find("://").unwrap();
        let (from, to) = password(text.as_bytes(), at)?;
        text.get(from..to)
    }

    #[test]
    fn only_the_password_of_an_address_is_taken() {
        assert_eq!(found("postgres://app:s3cr3t-9@db:5432/app"), Some("s3cr3t-9"));
        assert_eq!(found("redis://:q7Zk2mVx@cache"), Some("q7Zk2mVx"));
        assert_eq!(found("amqp://u:a@b@host/vhost"), Some("a@b"));
        assert_eq!(found("https://q7Zk2mVx9TbrLw4H@example.com/x.git"), Some("q7Zk2mVx9TbrLw4H"));
        for none in [
            "https://example.com/@user",
            "https://user@example.com",
            "postgres://user:password@localhost",
            "postgres://user:${DB_PASSWORD}@localhost",
            "mailto://a",
            "postgres://app:[redacted:url-password:3f9a1c]@db",
            "http://localhost:8080/a:b@c",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
