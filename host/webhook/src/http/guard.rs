//! Whether a browser that comes was sent by a stranger's page.

use axum::http::{HeaderMap, HeaderName, header};
use url::{Host, Url};

/// What browsers say of whoever caused a request.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Knows by which names this server may be called.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    public: Option<Url>,
}

impl Guard {
    pub(super) fn new(public: Option<Url>) -> Self {
        Self { public }
    }

    /// Says whether a request is to a name of ours. Any other could have been made to mean our address (DNS rebinding),
    /// so that a page which a browser believes to be of that name reads what is answered.
    pub(super) fn is_called_by_name(&self, headers: &HeaderMap) -> bool {
        let Some(called) =
            text(headers, header::HOST).and_then(|it| Url::parse(&format!("http://{it}/")).ok())
        else {
            return false;
        };
        match called.host() {
            // What is an address already cannot be made to mean another one.
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Some(Host::Domain(name)) => name == "localhost" || self.public_name() == Some(name),
            None => false,
        }
    }

    /// Says whether an answer comes from a page of ours, or from no page at all.
    pub(super) fn is_of_our_page(&self, headers: &HeaderMap) -> bool {
        let site = text(headers, FETCH_SITE);
        if site.is_some_and(|site| !["same-origin", "none"].contains(&site)) {
            return false;
        }
        if !headers.contains_key(header::ORIGIN) {
            return true;
        }
        let Some(origin) = text(headers, header::ORIGIN).and_then(|it| Url::parse(it).ok()) else {
            return false;
        };
        if self.public.as_ref().is_some_and(|public| public.origin() == origin.origin()) {
            return true;
        }
        let called = text(headers, header::HOST).and_then(|it| Url::parse(&format!("http://{it}/")).ok());
        called.is_some_and(|called| called.origin() == origin.origin())
    }

    fn public_name(&self) -> Option<&str> {
        self.public.as_ref().and_then(Url::host_str)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    // Of two that differ, one could be meant for somebody before us.
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() { None } else { first.to_str().ok() }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    fn guard() -> Guard {
        Guard::new(Some(Url::parse("https://desk.example/p").unwrap()))
    }

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[rstest]
    #[case("127.0.0.1:80", true)]
    #[case("[::1]:80", true)]
    #[case("LOCALHOST:7431", true)]
    #[case("desk.example", true)]
    #[case("rebound.example", false)]
    #[case("127.0.0.1.rebound.example", false)]
    #[case("desk.example.rebound.example", false)]
    #[case("evil/@localhost", false)]
    #[case("", false)]
    fn only_our_names_are_answered(#[case] called: &str, #[case] ours: bool) {
        assert_eq!(guard().is_called_by_name(&headers(&[("host", called)])), ours);
    }

    #[rstest]
    #[case::no_browser(&[], true)]
    #[case::typed(&[("sec-fetch-site", "none")], true)]
    #[case::ours(&[("origin", "http://127.0.0.1:7431"), ("sec-fetch-site", "same-origin")], true)]
    #[case::behind_a_proxy(&[("origin", "https://desk.example")], true)]
    #[case::another_port(&[("origin", "http://127.0.0.1:7432")], false)]
    #[case::another_scheme(&[("origin", "http://desk.example")], false)]
    #[case::a_stranger(&[("origin", "https://evil.example")], false)]
    #[case::nobody_says(&[("origin", "null")], false)]
    #[case::another_site(&[("sec-fetch-site", "cross-site")], false)]
    #[case::the_same_site(&[("origin", "http://127.0.0.1:7431"), ("sec-fetch-site", "same-site")], false)]
    #[case::two(&[("origin", "http://127.0.0.1:7431"), ("origin", "https://evil.example")], false)]
    fn answers_come_from_our_page_or_from_none(#[case] more: &[(&'static str, &str)], #[case] fine: bool) {
        let mut sent = headers(&[("host", "127.0.0.1:7431")]);
        for (name, value) in more {
            sent.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(guard().is_of_our_page(&sent), fine);
    }
}
