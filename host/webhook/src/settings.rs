//! What the operator says of this channel.

use std::net::SocketAddr;

use url::Url;

use crate::receiver::{Receiver, is_loopback};
use crate::secret::Secret;

/// What the operator says of this channel.
#[derive(Debug, Clone)]
pub struct Settings {
    /// By which answers are recorded: `webhook:NAME`.
    pub name: String,
    /// Where messages go.
    pub receiver: Receiver,
    /// By which the receiver knows them to be ours.
    pub secret: Secret,
    /// Where links are answered, and what they begin with.
    pub place: Place,
    /// What is told.
    pub events: Events,
}

/// Which messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events {
    /// That somebody is asked: `approval.asked`.
    pub asked: bool,
    /// That a question waits no more: `approval.settled`.
    pub settled: bool,
}

/// Where links are answered, and what they begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(crate) listen: SocketAddr,
    pub(crate) public: Option<Url>,
}

/// A place at which nobody should answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPlace {
    /// Links would be sent in the clear to this machine.
    #[error(
        "{listen} is no loopback address: whoever is on the way could read the links, and answer; listen at 127.0.0.1, \
         and say by public_url the https URL of the proxy that leads there"
    )]
    Clear {
        /// The address.
        listen: SocketAddr,
    },
    /// Nobody could lead there.
    #[error(
        "with public_url a proxy leads to this address, so its port must be a fixed one; such as 127.0.0.1:7431"
    )]
    NoPort,
    /// The public URL is none, or has parts that a link cannot begin with.
    #[error(
        "public_url is a URL of https (http for a loopback address alone), without user, query and fragment"
    )]
    Public,
}

impl Place {
    /// Takes an address to listen at, and what links begin with if it is not that address.
    ///
    /// # Errors
    ///
    /// If links could be read on their way, or would lead nowhere.
    pub fn new(listen: SocketAddr, public: Option<&str>) -> Result<Self, InvalidPlace> {
        if !listen.ip().is_loopback() {
            return Err(InvalidPlace::Clear { listen });
        }
        let Some(text) = public else { return Ok(Self { listen, public: None }) };
        let url = Url::parse(text).map_err(|_| InvalidPlace::Public)?;
        let clean = url.username().is_empty() && url.password().is_none();
        let clean = clean && url.query().is_none() && url.fragment().is_none();
        if !clean || !(url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url))) {
            return Err(InvalidPlace::Public);
        }
        if listen.port() == 0 {
            return Err(InvalidPlace::NoPort);
        }
        Ok(Self { listen, public: Some(url) })
    }

    /// Gives the address to listen at.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1:0", None, None)]
    #[case("[::1]:7431", None, None)]
    #[case("127.0.0.1:7431", Some("https://desk.example/pointsman"), None)]
    #[case("127.0.0.1:7431", Some("http://127.0.0.1:8080"), None)]
    #[case("0.0.0.0:7431", None, Some("no loopback address"))]
    #[case("192.168.1.2:7431", Some("https://desk.example"), Some("no loopback address"))]
    #[case("127.0.0.1:0", Some("https://desk.example"), Some("fixed one"))]
    #[case("127.0.0.1:7431", Some("http://desk.example"), Some("a URL of https"))]
    #[case("127.0.0.1:7431", Some("http://localhost"), Some("a URL of https"))]
    #[case("127.0.0.1:7431", Some("https://desk.example/?x=1"), Some("a URL of https"))]
    #[case("127.0.0.1:7431", Some("https://me@desk.example/"), Some("a URL of https"))]
    #[case("127.0.0.1:7431", Some("desk.example"), Some("a URL of https"))]
    fn links_are_answered_where_nobody_reads_along(
        #[case] listen: &str,
        #[case] public: Option<&str>,
        #[case] why: Option<&str>,
    ) {
        match (Place::new(listen.parse().unwrap(), public), why) {
            (Ok(_), None) => {}
            (Err(error), Some(why)) => assert!(error.to_string().contains(why), "{error}"),
            (place, _) => panic!("{place:?}"),
        }
    }
}
