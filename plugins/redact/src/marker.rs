//! What stands where a secret stood.

use sha2::{Digest as _, Sha256};

/// How every marker begins.
pub(crate) const BEGIN: &str = "[redacted:";
/// Bytes of the digest that are shown.
const SHOWN: usize = 3;

/// What makes secrets recognizable without making them guessable.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Random and known to the host alone; without it markers carry no digest.
    salt: Option<Vec<u8>>,
}

impl Marks {
    /// Marks with this salt.
    pub(crate) fn new(salt: Option<Vec<u8>>) -> Self {
        Self { salt }
    }

    /// Makes the marker of a secret.
    pub(crate) fn marker(&self, kind: &str, secret: &[u8]) -> String {
        match &self.salt {
            None => format!("{BEGIN}{kind}]"),
            Some(salt) => {
                let digest = Sha256::new().chain_update(salt).chain_update(secret).finalize();
                with_mark(kind, &hex::encode(digest.get(..SHOWN).unwrap_or_default()))
            }
        }
    }
}

/// Makes the marker of a secret whose digest is known already.
pub(crate) fn with_mark(kind: &str, mark: &str) -> String {
    format!("{BEGIN}{kind}:{mark}]")
}

/// Gives the length of the marker that begins this text, if one does. Only kinds that are known count: else a secret
/// could be hidden in what looks like a marker.
pub(crate) fn length(bytes: &[u8], known: impl Fn(&str) -> bool) -> Option<usize> {
    let rest = bytes.strip_prefix(BEGIN.as_bytes())?;
    let end = rest.iter().take(96).position(|&byte| byte == b']')?;
    let inner = std::str::from_utf8(rest.get(..end)?).ok()?;
    let kind = match inner.split_once(':') {
        None => inner,
        Some((kind, mark)) => {
            let digits = mark.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (mark.len() == 2 * SHOWN && digits).then_some(kind)?
        }
    };
    known(kind).then_some(BEGIN.len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_known_again_and_nothing_else_is() {
        let known = |kind: &str| kind == "jwt";
        let marks = Marks::new(Some(vec![7; 32]));
        let marker = marks.marker("jwt", b"secret");
        assert_eq!(marker, marks.marker("jwt", b"secret"));
        assert_ne!(marker, marks.marker("jwt", b"secreu"));
        assert_ne!(marker, Marks::new(Some(vec![8; 32])).marker("jwt", b"secret"));
        assert_eq!(length(format!("{marker}x").as_bytes(), known), Some(marker.len()));
        assert_eq!(length(Marks::default().marker("jwt", b"s").as_bytes(), known), Some(14));
        for other in
            ["[redacted:other:3f9a1c]", "[redacted:jwt:hunter2]", "[redacted:jwt:3f9a1c", "[redacted]"]
        {
            assert_eq!(length(other.as_bytes(), known), None, "{other}");
        }
    }
}
