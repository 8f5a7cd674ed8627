//! Headers: what a plugin may set, and what it gets to see.

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::secret::SecretValue;

/// Headers of one request at most, and their bytes.
const MOST: usize = 128;
const MOST_BYTES: usize = 64 * 1024;

/// Headers that belong to the connection or to the host's own bookkeeping. A plugin that could set them could make two
/// requests of one, reach another virtual host, or speak to a proxy.
const HOSTS_OWN: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-host",
];

/// Reads a header's name.
pub(super) fn name(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = text.parse().map_err(|_| format!("{text:?} is no header name"))?;
    if HOSTS_OWN.contains(&name.as_str()) || name.as_str().starts_with("proxy-") {
        return Err(format!("header {name} is the host's own: leave it out"));
    }
    Ok(name)
}

/// Reads a header's value.
pub(super) fn plain(name: &HeaderName, text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| format!("the value of header {name} holds a control character"))
}

/// Makes a value of a secret. A bare token in `authorization` gets the scheme that bare tokens have (RFC 6750): no
/// value of that header is a single word.
pub(super) fn secret(name: &HeaderName, secret: &SecretValue) -> Result<HeaderValue, String> {
    let token = secret.expose().trim();
    let made = if *name == header::AUTHORIZATION && !token.contains(' ') {
        HeaderValue::from_bytes(format!("Bearer {token}").as_bytes())
    } else {
        HeaderValue::from_bytes(token.as_bytes())
    };
    let mut value =
        made.map_err(|_| format!("the secret for header {name} holds a control character or a line end"))?;
    // Never shown, and never in the compression table of HTTP/2.
    value.set_sensitive(true);
    Ok(value)
}

/// Holds headers against the bounds.
pub(super) fn within_bounds(headers: &HeaderMap) -> Result<(), String> {
    if headers.len() > MOST || size(headers) > MOST_BYTES {
        return Err(format!("a request has at most {MOST} headers and {MOST_BYTES} bytes of them"));
    }
    Ok(())
}

/// Counts the bytes of headers, about as they stand on the wire.
pub(super) fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Gives a response's headers as a plugin sees them: no cookies, as the host keeps none and a plugin must not either.
pub(super) fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "set-cookie2"))
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

/// Says whether a response is a stream of events.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
}

/// Gives the encoding that a response was sent in although none was asked for.
pub(super) fn encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = headers.get(header::CONTENT_ENCODING)?;
    let encoding = String::from_utf8_lossy(encoding.as_bytes()).trim().to_ascii_lowercase();
    (!encoding.is_empty() && encoding != "identity").then_some(encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_hosts_own_cannot_be_set() {
        for text in ["Host", "content-length", "Transfer-Encoding", "Proxy-Authorization", "TE", "Upgrade"] {
            let error = name(text).expect_err(text);
            assert!(error.contains("the host's own"), "{error}");
        }
        for text in ["", "a b", "a:b", ":authority", "a\r\nb", "ä"] {
            assert!(name(text).expect_err(text).contains("is no header name"));
        }
        assert_eq!(name("A2A-Version").unwrap().as_str(), "a2a-version");
    }

    #[test]
    fn a_value_cannot_end_its_line() {
        let name = HeaderName::from_static("x-a");
        for text in ["a\r\nHost: b", "a\nb", "a\0b"] {
            assert!(plain(&name, text).expect_err("a line end").contains("control character"));
            let error = secret(&name, &SecretValue::new(text.to_owned())).expect_err("a line end");
            assert!(!error.contains('a') || !error.contains(text), "{error}");
        }
        assert_eq!(plain(&name, "é\tb").unwrap().as_bytes(), "é\tb".as_bytes());
    }

    #[test]
    fn a_bare_token_becomes_a_bearer_token() {
        let value = |name: HeaderName, text: &str| {
            let value = secret(&name, &SecretValue::new(text.to_owned())).unwrap();
            assert!(value.is_sensitive());
            value.to_str().unwrap().to_owned()
        };
        assert_eq!(value(header::AUTHORIZATION, "abc"), "Bearer abc");
        assert_eq!(value(header::AUTHORIZATION, "Basic YTpi"), "Basic YTpi");
        assert_eq!(value(HeaderName::from_static("x-api-key"), "abc"), "abc");
    }

    #[test]
    fn cookies_are_dropped() {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", HeaderValue::from_static("a=b"));
        headers.insert("x-a", HeaderValue::from_bytes(b"caf\xE9").unwrap());
        assert_eq!(shown(&headers), [("x-a".to_owned(), "caf\u{FFFD}".to_owned())]);
    }

    #[test]
    fn an_event_stream_is_told_by_its_type() {
        for (text, stream) in [
            ("text/event-stream", true),
            ("Text/Event-Stream; charset=utf-8", true),
            ("application/json", false),
            ("text/event-streams", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_str(text).unwrap())]);
            assert_eq!(is_event_stream(&headers), stream, "{text}");
        }
        assert!(!is_event_stream(&HeaderMap::new()));
    }
}
