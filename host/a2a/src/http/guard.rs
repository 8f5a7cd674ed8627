//! Who is let in.

use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use crate::settings::{Admission, Settings, Token};
use crate::tasks::Viewer;

/// What a client is called that needed no token.
const ANYBODY: &str = "anonymous";

pub(super) struct Guard {
    admission: Admission,
    /// Names that this server may be called by.
    names: Vec<String>,
}

impl Guard {
    pub(super) fn new(settings: &Settings) -> Self {
        let public = settings.public_url.as_deref().and_then(|text| Url::parse(text).ok());
        let public = public.and_then(|url| url.host_str().map(str::to_owned));
        let names = settings.hosts.iter().cloned().chain(public).chain(["localhost".to_owned()]);
        Self {
            admission: settings.admission.clone(),
            names: names.map(|name| name.to_ascii_lowercase()).collect(),
        }
    }

    /// Refuses requests that a web page could have been tricked into: to a name that is not ours and was made to mean
    /// our address (DNS rebinding), or from a page of another place.
    pub(super) fn stranger(&self, headers: &HeaderMap) -> Result<(), String> {
        let text = |name| headers.get(name).map(|it| it.to_str().unwrap_or("\u{fffd}"));
        let called = text(header::HOST).unwrap_or_default();
        let shown = |text: &str| text.chars().take(80).collect::<String>();
        if !self.is_ours(&format!("http://{called}/")) {
            return Err(format!(
                "this server is not called {:?}: an operator names it with [a2a] hosts",
                shown(called)
            ));
        }
        match text(header::ORIGIN) {
            Some(origin) if !self.is_ours(origin) => {
                Err(format!("pages of {:?} may not talk to this server", shown(origin)))
            }
            _ => Ok(()),
        }
    }

    fn is_ours(&self, url: &str) -> bool {
        match Url::parse(url).ok().as_ref().and_then(Url::host) {
            // What is an address already cannot be made to mean another one.
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Some(Host::Domain(name)) => self.names.iter().any(|known| known == &name.to_ascii_lowercase()),
            None => false,
        }
    }

    /// Says who sends a request; `None` if nobody who is let in.
    pub(super) fn viewer(&self, headers: &HeaderMap) -> Option<Viewer> {
        let tokens = match &self.admission {
            Admission::Anybody => return Some(Viewer { name: ANYBODY.to_owned(), answers: false }),
            Admission::Tokens(tokens) => tokens,
        };
        let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, value) = given.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(value.trim().as_bytes()).into();
        // Every token is compared, and all of it: how long it takes tells nothing.
        let mut found: Option<&Token> = None;
        for token in tokens {
            if same(&token.digest, &digest) {
                found = Some(token);
            }
        }
        found.map(|token| Viewer { name: token.name.clone(), answers: token.answers_approvals })
    }
}

fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    fn guard() -> Guard {
        let tokens = vec![Token::new("ada", "one", false), Token::new("bob", "two", true)];
        Guard::new(&Settings {
            agents: Vec::new(),
            admission: Admission::Tokens(tokens),
            public_url: Some("https://agents.example/a".to_owned()),
            hosts: vec!["Box.lan".to_owned()],
            signer: None,
        })
    }

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("127.0.0.1:1"))]);
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[rstest]
    #[case(header::HOST, "127.0.0.1:80", true)]
    #[case(header::HOST, "[::1]:80", true)]
    #[case(header::HOST, "localhost:80", true)]
    #[case(header::HOST, "LOCALHOST", true)]
    #[case(header::HOST, "box.lan:1", true)]
    #[case(header::HOST, "agents.example", true)]
    #[case(header::HOST, "rebound.example:80", false)]
    #[case(header::HOST, "127.0.0.1.rebound.example", false)]
    #[case(header::HOST, "evil/@localhost", false)]
    #[case(header::HOST, "", false)]
    #[case(header::ORIGIN, "http://localhost:3000", true)]
    #[case(header::ORIGIN, "https://evil.example", false)]
    #[case(header::ORIGIN, "null", false)]
    fn only_our_names_are_answered(
        #[case] name: header::HeaderName,
        #[case] value: &str,
        #[case] fine: bool,
    ) {
        assert_eq!(guard().stranger(&headers(name, value)).is_ok(), fine, "{value}");
    }

    #[rstest]
    #[case("Bearer one", Some(("ada", false)))]
    #[case("bearer two", Some(("bob", true)))]
    #[case("Bearer three", None)]
    #[case("Bearer ", None)]
    #[case("Bearer", None)]
    #[case("Basic one", None)]
    #[case("one", None)]
    fn a_token_says_who_comes(#[case] value: &str, #[case] who: Option<(&str, bool)>) {
        let viewer = guard().viewer(&headers(header::AUTHORIZATION, value));
        assert_eq!(viewer.as_ref().map(|it| (it.name.as_str(), it.answers)), who);
    }
}
