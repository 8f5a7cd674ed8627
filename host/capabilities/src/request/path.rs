//! Prefixes of paths, compared segment by segment.

use std::fmt;

use url::Url;

/// A path and everything below it: `/a2a` covers `/a2a`, `/a2a/` and `/a2a/v1`, not `/a2ab`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrefix {
    text: String,
}

/// A text that is no path prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no path prefix: {why}")]
pub struct InvalidPath {
    /// The text.
    pub text: String,
    /// What is wrong, and what would help.
    pub why: String,
}

impl PathPrefix {
    /// Reads a prefix. It has to be written as it will be compared: normalised.
    ///
    /// # Errors
    /// If it does not begin with `/`, holds a query or a fragment, is not normalised, or is ambiguous.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let invalid = |why: String| InvalidPath { text: text.to_owned(), why };
        if !text.starts_with('/') {
            return Err(invalid(format!("write it from the root: \"/{text}\"")));
        }
        let url = Url::parse(&format!("http://host{text}")).map_err(|error| invalid(error.to_string()))?;
        if url.path() != text {
            return Err(invalid(format!("as servers see it, it is {:?}; write it so", url.path())));
        }
        if let Some(trick) = ambiguity(text) {
            return Err(invalid(format!("it holds {trick}, which servers read differently")));
        }
        Ok(Self { text: text.trim_end_matches('/').to_owned() })
    }

    /// Says whether a normalised path is this or below this.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.text.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "/" } else { &self.text })
    }
}

/// Finds what a server might read as another path than the one that was compared: `/a/..%2fb` is below `/a` here, and
/// `/b` to a server that decodes first. Gives the name of what was found.
pub(super) fn ambiguity(path: &str) -> Option<&'static str> {
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let code = rest.get(at + 1..at + 3).unwrap_or_default();
        match u8::from_str_radix(code, 16) {
            Ok(b'/' | b'\\') => return Some("an encoded slash"),
            Ok(b'.') => return Some("an encoded dot"),
            Ok(b'%') => return Some("an encoded percent sign"),
            Ok(b';') => return Some("an encoded semicolon"),
            Ok(0..0x20 | 0x7f) => return Some("an encoded control character"),
            Ok(_) => {}
            Err(_) => return Some("a percent sign that encodes nothing"),
        }
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    if path.contains('\\') {
        return Some("a backslash");
    }
    // Some servers cut parameters off each segment before they look for dots: `..;/` climbs there.
    let dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    path.split('/').any(dots).then_some("a segment of dots")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/a2a", "/a2a", true)]
    #[case("/a2a", "/a2a/", true)]
    #[case("/a2a", "/a2a/v1/x", true)]
    #[case("/a2a", "/a2ab", false)]
    #[case("/a2a", "/A2A", false)]
    #[case("/a2a", "/", false)]
    #[case("/a2a", "//a2a", false)]
    #[case("/a2a/", "/a2a", true)]
    #[case("/a2a/", "/a2a/v1", true)]
    #[case("/a2a/", "/a2ab", false)]
    #[case("/", "/anything", true)]
    #[case("/.well-known/agent-card.json", "/.well-known/agent-card.json", true)]
    #[case("/.well-known/agent-card.json", "/.well-known/agent.json", false)]
    fn prefixes_end_at_segments(#[case] prefix: &str, #[case] path: &str, #[case] covers: bool) {
        assert_eq!(PathPrefix::parse(prefix).unwrap().covers(path), covers);
    }

    #[rstest]
    #[case("a2a", "write it from the root: \"/a2a\"")]
    #[case("/a/../b", "as servers see it, it is \"/b\"")]
    #[case("/a?b", "as servers see it, it is \"/a\"")]
    #[case("/a#b", "as servers see it, it is \"/a\"")]
    #[case("/a b", "as servers see it, it is \"/a%20b\"")]
    #[case("/a%2Fb", "an encoded slash")]
    #[case("/a/..;/b", "a segment of dots")]
    fn a_prefix_is_written_as_it_is_compared(#[case] text: &str, #[case] why: &str) {
        let error = PathPrefix::parse(text).expect_err(text).to_string();
        assert!(error.contains(why), "{error}");
    }

    #[rstest]
    #[case("/a/b%20c/d.e/..f/v1:cancel", None)]
    #[case("/a/..%2fb", Some("an encoded slash"))]
    #[case("/a/..%5Cb", Some("an encoded slash"))]
    #[case("/a/%2e%2e%2fb", Some("an encoded dot"))]
    #[case("/a/.%2E", Some("an encoded dot"))]
    #[case("/a/%252e%252e/b", Some("an encoded percent sign"))]
    #[case("/a/..;x=1/b", Some("a segment of dots"))]
    #[case("/a/..%3b/b", Some("an encoded semicolon"))]
    #[case("/a%00.json", Some("an encoded control character"))]
    #[case("/a%0d%0ab", Some("an encoded control character"))]
    #[case("/a%zz", Some("a percent sign that encodes nothing"))]
    #[case("/a%2", Some("a percent sign that encodes nothing"))]
    fn what_servers_read_differently_is_found(#[case] path: &str, #[case] found: Option<&str>) {
        assert_eq!(ambiguity(path), found);
    }
}
