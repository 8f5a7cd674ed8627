//! The agent card: who the agent is, and how to speak to it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::address::{Address, shortened};
use crate::config::Config;
use crate::json;

/// How requests are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Binding {
    #[serde(rename = "JSONRPC")]
    JsonRpc,
    #[serde(rename = "HTTP+JSON")]
    HttpJson,
}

/// The protocol's version, as far as it changes what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Version {
    #[serde(rename = "1.0")]
    V1,
    #[serde(rename = "0.3")]
    V03,
}

impl Version {
    /// Reads a version. 0.2 differs from 0.3 in nothing that a client of tasks needs.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim_start_matches(['v', 'V']);
        match text.split('.').next()? {
            "1" => Some(Self::V1),
            "0" if text.starts_with("0.3") || text.starts_with("0.2") => Some(Self::V03),
            _ => None,
        }
    }

    /// Gives the word of the cards.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V03 => "0.3",
        }
    }
}

impl Binding {
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "JSONRPC" => Some(Self::JsonRpc),
            "HTTP+JSON" => Some(Self::HttpJson),
            _ => None,
        }
    }

    /// Gives the word of the cards.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::JsonRpc => "JSONRPC",
            Self::HttpJson => "HTTP+JSON",
        }
    }
}

/// An agent, and the way to speak to it that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Agent {
    /// What it calls itself.
    pub(crate) name: Option<String>,
    /// Where requests go.
    pub(crate) endpoint: Address,
    /// Which of several behind one endpoint, in 1.0.
    pub(crate) tenant: Option<String>,
    pub(crate) binding: Binding,
    pub(crate) version: Version,
    /// Whether it streams.
    pub(crate) streaming: bool,
}

/// Why a card is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// A word for programs.
    pub(crate) reason: &'static str,
    /// A sentence for people.
    pub(crate) text: String,
}

fn unusable<T>(reason: &'static str, text: String) -> Result<T, Unusable> {
    Err(Unusable { reason, text })
}

/// A way to speak that a card offers.
struct Offer<'a> {
    url: &'a str,
    binding: &'a str,
    version: &'a str,
    tenant: Option<&'a str>,
}

/// Where a card may lie, the likeliest first: it is looked for at the next address if there is none at one.
pub(crate) fn addresses(agent: &Address, path: Option<&str>) -> Result<Vec<String>, String> {
    if let Some(path) = path {
        return Ok(vec![agent.resolve(path)?.url()]);
    }
    // Whoever copies an address from a browser has that of the card itself.
    if agent.path().ends_with(".json") {
        return Ok(vec![agent.url()]);
    }
    let mut addresses = Vec::new();
    let below = agent.below();
    for name in ["agent-card.json", "agent.json"] {
        addresses.push(format!("{below}/.well-known/{name}"));
        if below != agent.origin() {
            addresses.push(format!("{}/.well-known/{name}", agent.origin()));
        }
    }
    addresses.sort_by_key(|address| address.ends_with("/agent.json"));
    Ok(addresses)
}

/// Reads a card that came from an address, and chooses how to speak to its agent.
pub(crate) fn read(card: &Value, from: &Address, config: &Config) -> Result<Agent, Unusable> {
    let Some(card) = card.as_object() else {
        return unusable("protocol_error", "the agent's card is not a JSON object".to_owned());
    };
    let capabilities = json::object(card, "capabilities");
    unknown_extensions(capabilities, config)?;
    let offers = offers(card);
    if offers.is_empty() {
        let text =
            "the agent's card names no address to speak to: it has neither supportedInterfaces nor url";
        return unusable("protocol_error", text.to_owned());
    }
    let chosen = offers.iter().find_map(|offer| {
        let (binding, version) = (Binding::read(offer.binding)?, Version::read(offer.version)?);
        // REST of 0.3 has other names for everything, and whoever offers it offers JSON-RPC, too.
        let spoken = (binding, version) != (Binding::HttpJson, Version::V03);
        let wanted = config.transport.is_none_or(|wanted| wanted == binding)
            && config.protocol_version.is_none_or(|wanted| wanted == version);
        (spoken && wanted).then_some((offer, binding, version))
    });
    let Some((offer, binding, version)) = chosen else {
        return unusable("unsupported_transport", unspoken(&offers, config));
    };
    let endpoint = from.resolve(offer.url).map_err(|text| Unusable {
        reason: "protocol_error",
        text: format!("the agent's card names an address that is none: {text}"),
    })?;
    let trusted =
        |origin: &String| Address::parse(origin).is_ok_and(|trusted| trusted.origin() == endpoint.origin());
    if endpoint.origin() != from.origin()
        && config.has_credentials()
        && !config.trusted_origins.iter().any(trusted)
    {
        return unusable(
            "untrusted_origin",
            format!(
                "the card at {} sends its callers to another origin, {}: tokens and headers are not sent there \
                 unless trusted_origins names it",
                from.origin(),
                endpoint.origin()
            ),
        );
    }
    Ok(Agent {
        name: json::text(card, "name").map(shortened),
        endpoint,
        tenant: offer.tenant.map(str::to_owned).filter(|_| version == Version::V1),
        binding,
        version,
        streaming: capabilities.is_some_and(|capabilities| json::flag(capabilities, "streaming")),
    })
}

/// Gathers what a card offers, in its order of preference. A card may speak 1.0 and 0.3 at once.
fn offers(card: &Map<String, Value>) -> Vec<Offer<'_>> {
    let mut offers: Vec<Offer<'_>> = json::list(card, "supportedInterfaces")
        .iter()
        .filter_map(Value::as_object)
        .filter_map(|offer| {
            Some(Offer {
                url: json::text(offer, "url")?,
                binding: json::text(offer, "protocolBinding").or_else(|| json::text(offer, "transport"))?,
                version: json::text(offer, "protocolVersion").unwrap_or("1.0"),
                tenant: json::text(offer, "tenant"),
            })
        })
        .collect();
    let version = json::text(card, "protocolVersion").unwrap_or("0.3");
    if let Some(url) = json::text(card, "url") {
        let binding = json::text(card, "preferredTransport").unwrap_or("JSONRPC");
        offers.push(Offer { url, binding, version, tenant: None });
    }
    for offer in json::list(card, "additionalInterfaces").iter().filter_map(Value::as_object) {
        if let (Some(url), Some(binding)) = (json::text(offer, "url"), json::text(offer, "transport")) {
            offers.push(Offer { url, binding, version, tenant: None });
        }
    }
    offers
}

/// Refuses an agent that demands what is not known here: it would be misunderstood.
fn unknown_extensions(capabilities: Option<&Map<String, Value>>, config: &Config) -> Result<(), Unusable> {
    let extensions =
        capabilities.map_or(&[] as &[Value], |capabilities| json::list(capabilities, "extensions"));
    let unknown: Vec<String> = extensions
        .iter()
        .filter_map(Value::as_object)
        .filter(|extension| json::flag(extension, "required"))
        .map(|extension| json::text(extension, "uri").unwrap_or("one without a name"))
        .filter(|uri| !config.extensions.iter().any(|known| known == uri))
        .map(shortened)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    unusable(
        "unsupported_extension",
        format!(
            "the agent requires extensions that are not known here: {}; name them in extensions if they are \
             honoured all the same",
            unknown.join(", ")
        ),
    )
}

fn unspoken(offers: &[Offer<'_>], config: &Config) -> String {
    let offered: Vec<String> = offers
        .iter()
        .take(16)
        .map(|offer| format!("{} {}", shortened(offer.binding), shortened(offer.version)))
        .collect();
    let pinned = match (config.transport, config.protocol_version) {
        (None, None) => String::new(),
        (binding, version) => format!(
            ", of which the configuration allows {} {} alone",
            binding.map_or("any binding", Binding::as_str),
            version.map_or("of any version", Version::as_str)
        ),
    };
    format!(
        "the agent's card offers {}; spoken here are JSONRPC 1.0, HTTP+JSON 1.0 and JSONRPC 0.3{pinned}",
        offered.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn config(more: Value) -> Config {
        let mut config = json!({"agent_url": "http://h:1"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(config).unwrap()
    }

    fn choose(card: Value, more: Value) -> Result<Agent, Unusable> {
        read(&card, &Address::parse("http://h:1/.well-known/agent-card.json").unwrap(), &config(more))
    }

    fn both() -> Value {
        json!({"name": "x", "capabilities": {"streaming": true}, "supportedInterfaces": [
            {"url": "http://h:1/g", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
            {"url": "http://h:1/r", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0", "tenant": "t"},
            {"url": "http://h:1/j", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "http://h:1/o", "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3"},
            {"url": "http://h:1/p", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"}]})
    }

    #[rstest]
    #[case(json!({}), "http://h:1/r")]
    #[case(json!({"transport": "JSONRPC"}), "http://h:1/j")]
    #[case(json!({"protocol_version": "0.3"}), "http://h:1/p")]
    fn the_cards_order_decides_unless_the_operator_does(#[case] more: Value, #[case] url: &str) {
        assert_eq!(choose(both(), more).unwrap().endpoint.url(), url);
    }

    #[test]
    fn a_card_of_0_3_is_read() {
        let card = json!({"url": "/a2a", "preferredTransport": "HTTP+JSON", "protocolVersion": "0.3.0",
            "additionalInterfaces": [{"url": "http://h:1/j", "transport": "JSONRPC"}]});
        let agent = choose(card, json!({})).unwrap();
        assert_eq!(
            (agent.endpoint.url().as_str(), agent.version, agent.streaming),
            ("http://h:1/j", Version::V03, false)
        );
        let bare = choose(json!({"url": "/a2a"}), json!({})).unwrap();
        assert_eq!((bare.endpoint.url().as_str(), bare.binding), ("http://h:1/a2a", Binding::JsonRpc));
    }

    #[rstest]
    #[case(json!([]), json!({}), "protocol_error")]
    #[case(json!({"url": 7, "supportedInterfaces": "none"}), json!({}), "protocol_error")]
    #[case(json!({"url": "http://user@h", "name": 1}), json!({}), "protocol_error")]
    #[case(json!({"url": "http://h:1/", "protocolVersion": "7.0"}), json!({}), "unsupported_transport")]
    #[case(json!({"url": "http://h:1/", "preferredTransport": "GRPC"}), json!({}), "unsupported_transport")]
    #[case(both(), json!({"transport": "HTTP+JSON", "protocol_version": "0.3"}), "unsupported_transport")]
    #[case(json!({"url": "http://h:2/"}), json!({"auth_token": "t"}), "untrusted_origin")]
    #[case(json!({"url": "/", "capabilities": {"extensions": [{"uri": "x:y", "required": true}]}}), json!({}),
        "unsupported_extension")]
    fn what_cannot_be_used_says_why(#[case] card: Value, #[case] more: Value, #[case] reason: &str) {
        assert_eq!(choose(card, more).unwrap_err().reason, reason);
    }

    #[test]
    fn another_origin_is_spoken_to_without_credentials_or_with_trust() {
        let card = || json!({"url": "http://h:2/"});
        assert!(choose(card(), json!({})).is_ok());
        assert!(choose(card(), json!({"auth_token": "t", "trusted_origins": ["http://H:2"]})).is_ok());
    }

    #[rstest]
    #[case("http://h", None, &["http://h/.well-known/agent-card.json", "http://h/.well-known/agent.json"])]
    #[case("http://h/a/", None, &["http://h/a/.well-known/agent-card.json", "http://h/.well-known/agent-card.json",
        "http://h/a/.well-known/agent.json", "http://h/.well-known/agent.json"])]
    #[case("http://h/card.json", None, &["http://h/card.json"])]
    #[case("http://h/a", Some("card"), &["http://h/a/card"])]
    #[case("http://h/a", Some("/card"), &["http://h/card"])]
    fn cards_are_looked_for(#[case] url: &str, #[case] path: Option<&str>, #[case] expected: &[&str]) {
        assert_eq!(addresses(&Address::parse(url).unwrap(), path).unwrap(), expected);
    }
}
