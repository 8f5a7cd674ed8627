//! Addresses, as far as a client has to understand them: the host judges every one again.

/// An absolute `http` or `https` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Scheme, host and port, written in one way only, so that two of them can be compared.
    origin: String,
    /// Begins with a slash, or is empty.
    path: String,
    /// With its question mark, or empty.
    query: String,
}

impl Address {
    /// Reads a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{:?} is no address of an agent: {why}", shortened(text));
        let text = text.trim();
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(wrong("it has white space, control characters or a backslash in it"));
        }
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| wrong("it must begin with https:// or http://"))?;
        let scheme = scheme.to_ascii_lowercase();
        let usual_port = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => return Err(wrong("it must begin with https:// or http://")),
        };
        let (rest, _fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (authority, behind) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(wrong("a user name or password in it would be stored; use auth_token or headers"));
        }
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(usual_port).unwrap_or(&authority);
        if authority.is_empty() || authority.starts_with(':') {
            return Err(wrong("it names no host"));
        }
        let (path, query) = behind.split_at(behind.find('?').unwrap_or(behind.len()));
        Ok(Self { origin: format!("{scheme}://{authority}"), path: path.to_owned(), query: query.to_owned() })
    }

    /// Reads a URL that may be relative to this one's origin or path.
    pub(crate) fn resolve(&self, reference: &str) -> Result<Self, String> {
        if reference.contains("://") {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            let scheme = self.origin.split("//").next().unwrap_or("https:");
            return Self::parse(&format!("{scheme}{reference}"));
        }
        match reference.strip_prefix('/') {
            Some(_) => Self::parse(&format!("{}{reference}", self.origin)),
            None => Self::parse(&format!("{}/{reference}", self.below())),
        }
    }

    /// Gives scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Gives the path, empty or with a slash in front.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Gives it without a slash at its end and without its query, to put a path behind.
    pub(crate) fn below(&self) -> String {
        format!("{}{}", self.origin, self.path.trim_end_matches('/'))
    }

    /// Gives it whole.
    pub(crate) fn url(&self) -> String {
        format!("{}{}{}", self.origin, self.path, self.query)
    }
}

/// Writes a piece of a path so that it stays one piece: ids come from the agent.
pub(crate) fn segment(text: &str) -> String {
    let mut piece = String::with_capacity(text.len());
    for byte in text.bytes() {
        // A name of dots alone would climb.
        let climbs = byte == b'.' && text.bytes().all(|byte| byte == b'.');
        if byte.is_ascii_alphanumeric() || (matches!(byte, b'-' | b'_' | b'~' | b'.') && !climbs) {
            piece.push(char::from(byte));
        } else {
            piece.push_str(&format!("%{byte:02X}"));
        }
    }
    piece
}

/// Cuts a text that somebody else wrote to what a message can hold.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("HTTP://LocalHost:80/a/b?c=d#e", "http://localhost", "http://localhost/a/b?c=d")]
    #[case("https://agent.example:8443", "https://agent.example:8443", "https://agent.example:8443")]
    #[case("http://[::1]:9/x", "http://[::1]:9", "http://[::1]:9/x")]
    fn addresses_are_read(#[case] text: &str, #[case] origin: &str, #[case] url: &str) {
        let address = Address::parse(text).unwrap();
        assert_eq!((address.origin(), address.url().as_str()), (origin, url));
    }

    #[rstest]
    #[case("agent.example")]
    #[case("file:///etc/passwd")]
    #[case("http://")]
    #[case("http://user:secret@agent.example/")]
    #[case("http://agent.example/a b")]
    #[case("http:\\\\agent.example")]
    fn what_is_no_address_is_refused(#[case] text: &str) {
        assert!(Address::parse(text).is_err(), "{text}");
    }

    #[rstest]
    #[case("/a2a", "http://h:1/a2a")]
    #[case("a2a", "http://h:1/base/a2a")]
    #[case("//other/x", "http://other/x")]
    #[case("https://other/x", "https://other/x")]
    fn references_are_resolved(#[case] reference: &str, #[case] url: &str) {
        assert_eq!(Address::parse("http://h:1/base/").unwrap().resolve(reference).unwrap().url(), url);
    }

    #[test]
    fn an_id_stays_one_piece_of_a_path() {
        assert_eq!(segment("a-1_~"), "a-1_~");
        assert_eq!(segment("../x?y"), "..%2Fx%3Fy");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
