//! Proxies, as the host's environment names them.

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::address::AddressClass;
use super::origin::{OriginHost, OriginRules};
use crate::process::HostEnvironment;

/// The proxies of the host's environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, also in lower case,
/// as curl reads them. It shows itself without their values: they may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    all: Option<String>,
    none_for: String,
}

/// How an origin is reached.
pub(super) enum Route {
    Direct,
    Proxy {
        proxy: Box<reqwest::Proxy>,
        /// Whether the proxy itself is spoken to by https.
        by_tls: bool,
    },
}

impl Proxies {
    /// Reads them.
    #[must_use]
    pub fn of(environment: &HostEnvironment) -> Self {
        let read = |name: &str| {
            [name.to_owned(), name.to_ascii_lowercase()]
                .iter()
                .find_map(|name| environment.get(name)?.to_str().map(str::to_owned))
                .filter(|text| !text.is_empty())
        };
        Self {
            http: read("HTTP_PROXY"),
            https: read("HTTPS_PROXY"),
            all: read("ALL_PROXY"),
            none_for: read("NO_PROXY").unwrap_or_default(),
        }
    }

    /// Says how an origin is reached.
    ///
    /// What stays on this machine never goes to a proxy: its loopback is another. An address of one's own network does
    /// not either, as nobody could say what the proxy finds there.
    pub(super) fn route(&self, rules: &OriginRules) -> Result<Route, String> {
        let origin = rules.origin.as_str();
        let (variable, proxy) = match (origin.starts_with("https:"), &self.https, &self.http, &self.all) {
            (true, Some(proxy), ..) => ("HTTPS_PROXY", proxy),
            (false, _, Some(proxy), _) => ("HTTP_PROXY", proxy),
            (.., Some(proxy)) => ("ALL_PROXY", proxy),
            _ => return Ok(Route::Direct),
        };
        if rules.stays_here() {
            return Ok(Route::Direct);
        }
        let uri: Uri =
            format!("{origin}/").parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
        let exempt = Matcher::builder().all("http://proxy").no(self.none_for.as_str()).build();
        if exempt.intercept(&uri).is_none() {
            return Ok(Route::Direct);
        }
        let intercept = Matcher::builder().all(proxy.as_str()).build().intercept(&uri);
        let Some(intercept) = intercept else {
            return Err(format!("{variable} of the host's environment names no proxy that could be used"));
        };
        let scheme = intercept.uri().scheme_str().unwrap_or_default();
        if !matches!(scheme, "http" | "https") {
            return Err(format!(
                "{variable} of the host's environment names a proxy of scheme {scheme}; http and https are spoken"
            ));
        }
        if let OriginHost::Address(address) = &rules.host
            && AddressClass::of(*address) != Some(AddressClass::Public)
        {
            return Err(format!(
                "{origin} is an address of one's own network, which is not asked of the proxy in {variable}; to reach \
                 it directly, add it to NO_PROXY of the host's environment"
            ));
        }
        let made = reqwest::Proxy::all(intercept.uri().to_string());
        // The error would show the proxy's URL.
        let proxy = made.map_err(|_| format!("{variable} of the host's environment names no proxy"))?;
        let proxy = match intercept.basic_auth() {
            Some(credentials) => proxy.custom_http_auth(credentials.clone()),
            None => proxy,
        };
        Ok(Route::Proxy { proxy: Box::new(proxy), by_tls: scheme == "https" })
    }

    /// Says whether an origin is reached by a proxy.
    ///
    /// # Errors
    /// If it cannot be reached as things are; the text says what would help.
    pub fn applies_to(&self, rules: &OriginRules) -> Result<bool, String> {
        Ok(matches!(self.route(rules)?, Route::Proxy { .. }))
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.as_ref().map(|_| "<set>");
        f.debug_struct("Proxies")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("all", &shown(&self.all))
            .field("none_for", &self.none_for)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::origin::{OriginEntry, Origins};
    use super::*;

    fn route(variables: &[(&str, &str)], origin: &str, addresses: Option<Vec<AddressClass>>) -> String {
        let entry = OriginEntry { addresses, ..OriginEntry::default() };
        let origins = Origins::new([(origin.to_owned(), entry)]).unwrap();
        let proxies = Proxies::of(&variables.iter().copied().collect());
        match proxies.route(origins.get(origin).unwrap()) {
            Ok(Route::Direct) => "direct".to_owned(),
            Ok(Route::Proxy { proxy, .. }) => {
                let shown = format!("{proxy:?}");
                assert!(!shown.contains("hunter2"), "{shown}");
                "proxy".to_owned()
            }
            Err(why) => why,
        }
    }

    #[rstest]
    #[case::none(&[], "https://a.example", "direct")]
    #[case::https(&[("HTTPS_PROXY", "http://proxy:3128")], "https://a.example", "proxy")]
    #[case::lower_case(&[("https_proxy", "http://proxy:3128")], "https://a.example", "proxy")]
    #[case::no_scheme(&[("HTTPS_PROXY", "proxy:3128")], "https://a.example", "proxy")]
    #[case::credentials(&[("HTTPS_PROXY", "http://me:hunter2@proxy:3128")], "https://a.example", "proxy")]
    #[case::other_scheme(&[("HTTPS_PROXY", "http://proxy:3128")], "http://a.example", "direct")]
    #[case::http(&[("HTTP_PROXY", "http://proxy:3128")], "http://a.example", "proxy")]
    #[case::all(&[("ALL_PROXY", "http://proxy:3128")], "http://a.example", "proxy")]
    #[case::exempt(
        &[("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", "b.example, .a.example")],
        "https://agents.a.example",
        "direct"
    )]
    #[case::all_exempt(&[("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", "*")], "https://a.example", "direct")]
    #[case::loopback(&[("ALL_PROXY", "http://proxy:3128")], "http://127.0.0.1:8080", "direct")]
    #[case::exempt_address(
        &[("ALL_PROXY", "http://proxy:3128"), ("NO_PROXY", "10.0.0.0/8")],
        "http://10.1.2.3",
        "direct"
    )]
    #[case::private(&[("ALL_PROXY", "http://proxy:3128")], "http://10.1.2.3", "add it to NO_PROXY")]
    #[case::public_address(&[("ALL_PROXY", "http://proxy:3128")], "http://93.184.215.14", "proxy")]
    #[case::socks(&[("ALL_PROXY", "socks5://proxy:1080")], "http://a.example", "scheme socks5")]
    #[case::nonsense(&[("HTTPS_PROXY", "ht tp:/")], "https://a.example", "names no proxy that could be used")]
    fn proxies_are_taken_from_the_environment(
        #[case] variables: &[(&str, &str)],
        #[case] origin: &str,
        #[case] expected: &str,
    ) {
        let found = route(variables, origin, None);
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn a_name_of_this_machine_is_not_asked_of_a_proxy() {
        let variables = [("ALL_PROXY", "http://proxy:3128")];
        assert_eq!(route(&variables, "http://localhost:1", Some(vec![AddressClass::Loopback])), "direct");
        assert_eq!(route(&variables, "http://localhost:1", None), "proxy");
    }
}
