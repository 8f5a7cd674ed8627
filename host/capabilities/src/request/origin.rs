//! The operator's table of origins.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::{Host, Url};

use super::address::AddressClass;
use super::path::{InvalidPath, PathPrefix};

/// Scheme, host and port of a server, as text that is the same for the same server: `https://agents.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no origin: {why}")]
pub struct InvalidOrigin {
    /// The text.
    pub text: String,
    /// What is wrong, and what would help.
    pub why: String,
}

impl Origin {
    /// Gives a URL's origin; `None` if it is not one of http or https.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        matches!(url.scheme(), "http" | "https").then(|| Self(url.origin().ascii_serialization()))
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    /// Reads an origin. It has to be written as it will be compared.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = |why: String| InvalidOrigin { text: text.to_owned(), why };
        let example = "write it as scheme, host and port, such as https://agents.example.com";
        let url = Url::parse(text).map_err(|error| invalid(format!("{error}; {example}")))?;
        if text.contains('*') {
            return Err(invalid("it is one server, not a pattern; list each".to_owned()));
        }
        let origin = Self::of(&url)
            .ok_or_else(|| invalid(format!("only http and https are spoken, not {}", url.scheme())))?;
        if origin.as_str() != text {
            return Err(invalid(format!("write it as {origin}")));
        }
        Ok(origin)
    }
}

/// One entry of the operator's table, as it is written.
#[derive(Debug, Clone, Default)]
pub struct OriginEntry {
    /// Methods that may be used; `None` for [`OriginEntry::METHODS`].
    pub methods: Option<Vec<String>>,
    /// Prefixes of paths that may be requested; none for all.
    pub paths: Vec<String>,
    /// Where the origin's name may lead; `None` for public addresses. Of an origin that is an address itself, nothing
    /// is asked.
    pub addresses: Option<Vec<AddressClass>>,
    /// A file with certificates in PEM that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl OriginEntry {
    /// The methods of an origin that names none.
    pub const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
}

/// An entry that can never work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEntry {
    /// The key is no origin.
    #[error("origins: {source}")]
    Origin {
        /// What is wrong with it.
        source: InvalidOrigin,
    },
    /// The host is an address that no request ever reaches.
    #[error(
        "origins.\"{origin}\": no request goes to this address, whatever is configured: it is link-local, a metadata \
         service's, multicast or reserved"
    )]
    Address {
        /// The origin.
        origin: Origin,
    },
    /// `addresses` of an origin that is an address itself.
    #[error(
        "origins.\"{origin}\": the host is an address already, and only that one is reached; remove `addresses`"
    )]
    Literal {
        /// The origin.
        origin: Origin,
    },
    /// `addresses` that lead nowhere.
    #[error(
        "origins.\"{origin}\": `addresses` is empty, so nothing could be reached; name public, private or loopback"
    )]
    NoAddresses {
        /// The origin.
        origin: Origin,
    },
    /// A method that is none, or that nobody may use.
    #[error(
        "origins.\"{origin}\": {method:?} is no method that can be permitted; such as \"GET\" or \"POST\""
    )]
    Method {
        /// The origin.
        origin: Origin,
        /// The method.
        method: String,
    },
    /// A path prefix that is none.
    #[error("origins.\"{origin}\": {source}")]
    Path {
        /// The origin.
        origin: Origin,
        /// What is wrong with it.
        source: InvalidPath,
    },
    /// A file of certificates that gives none.
    #[error("origins.\"{origin}\": {}: {why}; give certificates in PEM", path.display())]
    Certificates {
        /// The origin.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// What may be done at one origin.
#[derive(Debug, Clone)]
pub struct OriginRules {
    pub(super) origin: Origin,
    methods: Vec<String>,
    paths: Vec<PathPrefix>,
    pub(super) host: OriginHost,
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// How an origin's host becomes an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OriginHost {
    /// It is one.
    Address(IpAddr),
    /// By a lookup, whose answers are tested.
    Name(BTreeSet<AddressClass>),
}

impl OriginRules {
    fn new(text: &str, entry: &OriginEntry) -> Result<Self, InvalidEntry> {
        let origin: Origin = text.parse().map_err(|source| InvalidEntry::Origin { source })?;
        let url = Url::parse(text).ok();
        let address = url.as_ref().and_then(Url::host).and_then(|host| match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        });
        let host = match (address, &entry.addresses) {
            (Some(address), None) if AddressClass::of(address).is_some() => OriginHost::Address(address),
            (Some(_), None) => return Err(InvalidEntry::Address { origin }),
            (Some(_), Some(_)) => return Err(InvalidEntry::Literal { origin }),
            (None, None) => OriginHost::Name(BTreeSet::from([AddressClass::Public])),
            (None, Some(classes)) if classes.is_empty() => return Err(InvalidEntry::NoAddresses { origin }),
            (None, Some(classes)) => OriginHost::Name(classes.iter().copied().collect()),
        };
        let methods = match &entry.methods {
            None => OriginEntry::METHODS.map(str::to_owned).to_vec(),
            Some(methods) => methods.clone(),
        };
        if let Some(method) = methods.iter().find(|method| !is_permittable(method)) {
            return Err(InvalidEntry::Method { method: method.clone(), origin });
        }
        let paths: Result<Vec<_>, _> = entry.paths.iter().map(|path| PathPrefix::parse(path)).collect();
        let paths = match paths {
            Ok(paths) => paths,
            Err(source) => return Err(InvalidEntry::Path { origin, source }),
        };
        let certificates = match &entry.ca_file {
            None => Vec::new(),
            Some(path) => match certificates(path) {
                Ok(certificates) => certificates,
                Err(why) => return Err(InvalidEntry::Certificates { origin, path: path.clone(), why }),
            },
        };
        Ok(Self { origin, methods, paths, host, certificates })
    }

    /// Gives the origin.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Gives the methods that may be used.
    #[must_use]
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// Gives the prefixes of paths that may be requested; none for all.
    #[must_use]
    pub fn paths(&self) -> &[PathPrefix] {
        &self.paths
    }

    /// Gives the classes of address that its name may lead to; `None` if its host is an address.
    #[must_use]
    pub fn addresses(&self) -> Option<&BTreeSet<AddressClass>> {
        match &self.host {
            OriginHost::Address(_) => None,
            OriginHost::Name(classes) => Some(classes),
        }
    }

    /// Says whether nothing that is sent there leaves this machine.
    pub(super) fn stays_here(&self) -> bool {
        match &self.host {
            OriginHost::Address(address) => AddressClass::of(*address) == Some(AddressClass::Loopback),
            OriginHost::Name(classes) => classes.iter().all(|class| *class == AddressClass::Loopback),
        }
    }
}

fn is_permittable(method: &str) -> bool {
    // A tunnel is no request, and TRACE gives back the headers, secrets included.
    let forbidden = ["CONNECT", "TRACE"].contains(&method);
    !method.is_empty() && !forbidden && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

fn certificates(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err("it holds no certificate".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(error.to_string()),
    }
}

/// The operator's table of origins.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    table: BTreeMap<String, Arc<OriginRules>>,
}

impl Origins {
    /// Reads the table, and the certificates that it names.
    ///
    /// # Errors
    /// If an entry can never work.
    pub fn new(entries: impl IntoIterator<Item = (String, OriginEntry)>) -> Result<Self, InvalidEntry> {
        let entries = entries.into_iter().map(|(text, entry)| {
            let rules = OriginRules::new(&text, &entry)?;
            Ok((text, Arc::new(rules)))
        });
        Ok(Self { table: entries.collect::<Result<_, _>>()? })
    }

    /// Gives what may be done at an origin.
    #[must_use]
    pub fn get(&self, origin: &str) -> Option<&Arc<OriginRules>> {
        self.table.get(origin)
    }

    /// Gives every origin's rules, in order.
    pub fn iter(&self) -> impl Iterator<Item = &OriginRules> {
        self.table.values().map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://agents.example.com")]
    #[case("http://127.0.0.1:8080")]
    #[case("https://[::1]:8443")]
    #[case("https://xn--bcher-kva.example")]
    fn an_origin_is_read(#[case] text: &str) {
        assert_eq!(text.parse::<Origin>().unwrap().as_str(), text);
    }

    #[rstest]
    #[case("agents.example.com", "write it as scheme, host and port")]
    #[case("ftp://example.com", "only http and https")]
    #[case("file:///etc/passwd", "only http and https")]
    #[case("https://example.com/", "write it as https://example.com")]
    #[case("https://example.com/a2a", "write it as https://example.com")]
    #[case("https://example.com:443", "write it as https://example.com")]
    #[case("https://Example.com", "write it as https://example.com")]
    #[case("https://me:pw@example.com", "write it as https://example.com")]
    #[case("http://0x7f.1:80", "write it as http://127.0.0.1")]
    #[case("http://2130706433", "write it as http://127.0.0.1")]
    #[case("https://bücher.example", "write it as https://xn--bcher-kva.example")]
    #[case("https://*.example.com", "not a pattern")]
    fn another_spelling_is_an_error_that_gives_the_right_one(#[case] text: &str, #[case] why: &str) {
        let error = text.parse::<Origin>().expect_err(text).to_string();
        assert!(error.contains(why), "{error}");
    }

    fn one(text: &str, entry: OriginEntry) -> Result<Origins, InvalidEntry> {
        Origins::new([(text.to_owned(), entry)])
    }

    #[rstest]
    #[case::metadata("http://169.254.169.254", OriginEntry::default(), "whatever is configured")]
    #[case::metadata_mapped("http://[::ffff:a9fe:a9fe]", OriginEntry::default(), "whatever is configured")]
    #[case::unspecified("http://0.0.0.0:80", OriginEntry::default(), "is no origin")]
    #[case::literal(
        "http://127.0.0.1:1",
        OriginEntry { addresses: Some(vec![AddressClass::Loopback]), ..OriginEntry::default() },
        "remove `addresses`"
    )]
    #[case::nowhere(
        "http://a.example",
        OriginEntry { addresses: Some(Vec::new()), ..OriginEntry::default() },
        "nothing could be reached"
    )]
    #[case::tunnel(
        "http://a.example",
        OriginEntry { methods: Some(vec!["CONNECT".to_owned()]), ..OriginEntry::default() },
        "\"CONNECT\" is no method"
    )]
    #[case::lower_case(
        "http://a.example",
        OriginEntry { methods: Some(vec!["get".to_owned()]), ..OriginEntry::default() },
        "\"get\" is no method"
    )]
    #[case::path(
        "http://a.example",
        OriginEntry { paths: vec!["a2a".to_owned()], ..OriginEntry::default() },
        "write it from the root"
    )]
    #[case::no_file(
        "https://a.example",
        OriginEntry { ca_file: Some("/nowhere/ca.pem".into()), ..OriginEntry::default() },
        "/nowhere/ca.pem"
    )]
    #[case::no_certificate(
        "https://a.example",
        OriginEntry { ca_file: Some("Cargo.toml".into()), ..OriginEntry::default() },
        "it holds no certificate"
    )]
    fn entries_that_can_never_work_are_errors(
        #[case] text: &str,
        #[case] entry: OriginEntry,
        #[case] why: &str,
    ) {
        let error = one(text, entry).expect_err(text).to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn what_stays_on_this_machine_is_known() {
        let stays = |text: &str, addresses: Option<Vec<AddressClass>>| {
            let origins = one(text, OriginEntry { addresses, ..OriginEntry::default() }).unwrap();
            origins.get(text).unwrap().stays_here()
        };
        assert!(stays("http://127.0.0.1:1", None));
        assert!(stays("http://[::1]:1", None));
        assert!(stays("http://localhost:1", Some(vec![AddressClass::Loopback])));
        assert!(!stays("http://localhost:1", None));
        assert!(!stays("http://10.0.0.1", None));
        assert!(!stays("http://a.example", Some(AddressClass::ALL.to_vec())));
    }
}
