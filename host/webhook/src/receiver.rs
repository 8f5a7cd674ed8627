//! Where messages go.

use pointsman_capabilities::request::{AddressClass, InvalidEntry, Origin, OriginEntry, Origins};
use url::{Host, Url};

/// An address that messages are sent to, under the rules that hold for requests of plugins: where its name may lead is
/// tested each time it is connected to, and link-local addresses and metadata services are never reached.
///
/// Shows no more than its origin: of many receivers the path is a secret.
#[derive(Clone)]
pub struct Receiver {
    pub(crate) url: Url,
    pub(crate) origin: Origin,
    pub(crate) origins: Origins,
}

/// An address that nothing is sent to. Does not repeat it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReceiver {
    /// It is no URL.
    #[error("it is no URL: {source}; such as https://hooks.example.com/pointsman")]
    NoUrl {
        /// Why.
        source: url::ParseError,
    },
    /// It is a URL of something else.
    #[error("only http and https are spoken, not {scheme}")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// It holds a user or a password.
    #[error("the URL holds a user or a password, which stands in no header of a webhook; leave it out")]
    Credentials,
    /// Whoever is on the way could read the links, and answer.
    #[error(
        "whoever is on the way to {origin} could read the answer links: give an https URL; http is for this machine \
         alone, by its address or by a name with addresses = [\"loopback\"]"
    )]
    Clear {
        /// Where it would have gone.
        origin: Origin,
    },
    /// No request ever goes there.
    #[error(transparent)]
    Origin(#[from] InvalidEntry),
}

impl Receiver {
    /// Reads an address. `rules` say where its name may lead and whose certificates are trusted besides the system's.
    ///
    /// # Errors
    ///
    /// If nothing can be sent there, or not without being read by others.
    pub fn new(text: &str, rules: OriginEntry) -> Result<Self, InvalidReceiver> {
        let mut url = Url::parse(text).map_err(|source| InvalidReceiver::NoUrl { source })?;
        let origin = Origin::of(&url)
            .ok_or_else(|| InvalidReceiver::Scheme { scheme: url.scheme().chars().take(32).collect() })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidReceiver::Credentials);
        }
        url.set_fragment(None);
        let entry = OriginEntry { methods: Some(vec!["POST".to_owned()]), paths: Vec::new(), ..rules };
        let only_here = entry.addresses.as_deref() == Some(&[AddressClass::Loopback]);
        if url.scheme() == "http" && !is_loopback(&url) && !only_here {
            return Err(InvalidReceiver::Clear { origin });
        }
        let origins = Origins::new([(origin.as_str().to_owned(), entry)])?;
        Ok(Self { url, origin, origins })
    }

    /// Gives scheme, host and port, as people and logs may see them.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Receiver").field(&self.origin.as_str()).finish()
    }
}

/// Says whether a URL's host is an address of this machine. A name is none: somebody decides where it leads.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(addresses: &[AddressClass]) -> OriginEntry {
        let addresses = (!addresses.is_empty()).then(|| addresses.to_vec());
        OriginEntry { addresses, ..OriginEntry::default() }
    }

    #[rstest]
    #[case("https://hooks.example.com/services/hunter2?x=1", &[])]
    #[case("https://hooks.lan/x", &[AddressClass::Private])]
    #[case("http://127.0.0.1:9/x", &[])]
    #[case("http://[::1]:9/x", &[])]
    #[case("http://localhost:9/x", &[AddressClass::Loopback])]
    fn messages_go_where_nobody_reads_along(#[case] url: &str, #[case] addresses: &[AddressClass]) {
        let receiver = Receiver::new(url, at(addresses)).unwrap();
        assert_eq!(receiver.url.as_str(), url);
        assert!(!format!("{receiver:?}").contains("hunter2"));
    }

    #[rstest]
    #[case("hunter2", &[], "it is no URL")]
    #[case("ftp://hooks.example.com/hunter2", &[], "not ftp")]
    #[case("https://me:hunter2@hooks.example.com/", &[], "a user or a password")]
    #[case("http://hooks.example.com/hunter2", &[], "give an https URL")]
    #[case("http://localhost/hunter2", &[], "give an https URL")]
    #[case("http://localhost/hunter2", &[AddressClass::Loopback, AddressClass::Private], "give an https URL")]
    #[case("http://10.0.0.1/hunter2", &[], "give an https URL")]
    #[case("https://169.254.169.254/hunter2", &[], "no request goes to this address")]
    fn and_nowhere_else(#[case] url: &str, #[case] addresses: &[AddressClass], #[case] why: &str) {
        let error = Receiver::new(url, at(addresses)).expect_err(url).to_string();
        assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
    }
}
