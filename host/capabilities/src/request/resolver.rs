//! Looking names up, and testing what comes of it.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::AddressClass;
use super::origin::{Origin, OriginHost, OriginRules};

/// A name whose every address is out of bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} leads to {address}, {}", self.why())]
pub(super) struct OutOfBounds {
    origin: Origin,
    name: String,
    address: std::net::IpAddr,
    permitted: BTreeSet<AddressClass>,
}

impl OutOfBounds {
    fn why(&self) -> String {
        let Some(class) = AddressClass::of(self.address) else {
            return "where no request goes, whatever is configured: it is link-local, a metadata service's, multicast \
                    or reserved"
                .to_owned();
        };
        let classes = self.permitted.iter().chain([&class]).map(|class| format!("\"{class}\""));
        format!(
            "a {class} address; to allow it: [origins.\"{}\"] addresses = [{}]",
            self.origin,
            classes.collect::<Vec<_>>().join(", ")
        )
    }
}

/// Looks up the name of one origin. Each new connection asks again, so a name that is moved after it was tested leads
/// nowhere else.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    origin: Origin,
    /// `None` where a proxy connects: the only name that is looked up then is the proxy's, which the operator chose.
    permitted: Option<BTreeSet<AddressClass>>,
}

impl Resolver {
    pub(super) fn direct(rules: &OriginRules) -> Self {
        let permitted = match &rules.host {
            OriginHost::Name(permitted) => permitted.clone(),
            // An address is not looked up.
            OriginHost::Address(_) => BTreeSet::new(),
        };
        Self { origin: rules.origin.clone(), permitted: Some(permitted) }
    }

    pub(super) fn of_proxy(rules: &OriginRules) -> Self {
        Self { origin: rules.origin.clone(), permitted: None }
    }

    /// Leaves the addresses that may be connected to.
    fn filter(&self, name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, OutOfBounds> {
        let Some(permitted) = &self.permitted else { return Ok(found) };
        let first = found.first().map(SocketAddr::ip);
        let within = |address: &SocketAddr| {
            AddressClass::of(address.ip()).is_some_and(|class| permitted.contains(&class))
        };
        let left: Vec<_> = found.into_iter().filter(within).collect();
        match (left.is_empty(), first) {
            (true, Some(address)) => Err(OutOfBounds {
                origin: self.origin.clone(),
                name: name.to_owned(),
                address,
                permitted: permitted.clone(),
            }),
            _ => Ok(left),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            let addresses: Addrs = Box::new(this.filter(name.as_str(), found)?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn filter(permitted: &[AddressClass], found: &[&str]) -> Result<Vec<String>, String> {
        let resolver = Resolver {
            origin: "https://a.example".parse().unwrap(),
            permitted: Some(permitted.iter().copied().collect()),
        };
        let found = found.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect();
        let left = resolver.filter("a.example", found).map_err(|error| error.to_string())?;
        Ok(left.iter().map(|address| address.ip().to_string()).collect())
    }

    #[rstest]
    #[case::all_public(&["93.184.215.14", "2606:2800:21f:cb07::1"], &["93.184.215.14", "2606:2800:21f:cb07::1"])]
    #[case::one_of_them(&["127.0.0.1", "10.0.0.1", "93.184.215.14", "169.254.169.254"], &["93.184.215.14"])]
    fn only_what_is_permitted_is_left(#[case] found: &[&str], #[case] left: &[&str]) {
        assert_eq!(filter(&[AddressClass::Public], found).unwrap(), left);
    }

    #[rstest]
    #[case("127.0.0.1", "[origins.\"https://a.example\"] addresses = [\"public\", \"loopback\"]")]
    #[case("::ffff:10.0.0.1", "[origins.\"https://a.example\"] addresses = [\"public\", \"private\"]")]
    #[case("169.254.169.254", "whatever is configured")]
    #[case("fd00:ec2::254", "whatever is configured")]
    fn a_name_that_leads_elsewhere_says_what_would_help(#[case] found: &str, #[case] help: &str) {
        let error = filter(&[AddressClass::Public], &[found]).expect_err(found);
        assert!(error.contains(help) && error.starts_with("a.example leads to "), "{error}");
        // Metadata services stay out of reach with everything permitted.
        let all = filter(&AddressClass::ALL, &[found]);
        assert_eq!(all.is_err(), help == "whatever is configured", "{all:?}");
    }
}
