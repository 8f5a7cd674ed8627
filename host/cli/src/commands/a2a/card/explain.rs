//! A card in words.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;

use super::fetch::Fetched;
use crate::terminal::{Paint, one_line};

/// A line is so long, in characters.
const LINE: usize = 160;
/// Skills that are listed.
const SKILLS: usize = 30;

/// A way to speak to an agent.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Interface {
    pub(super) binding: String,
    pub(super) version: String,
    pub(super) url: String,
    /// Whether the backend `remote_a2a` speaks it.
    pub(super) spoken: bool,
}

/// Gathers the ways to speak that a card of 1.0, of 0.3, or of both offers, in its order.
pub(super) fn interfaces(card: &Value) -> Vec<Interface> {
    let interface = |binding: &str, version: &str, url: &str| {
        let upper = binding.to_ascii_uppercase();
        let old = version.starts_with("0.3") || version.starts_with("0.2");
        let spoken = (upper == "JSONRPC" && (old || version.starts_with('1')))
            || (upper == "HTTP+JSON" && version.starts_with('1'));
        Interface { binding: binding.to_owned(), version: version.to_owned(), url: url.to_owned(), spoken }
    };
    let mut found: Vec<Interface> = list(&card["supportedInterfaces"])
        .iter()
        .filter_map(|it| {
            let binding = it["protocolBinding"].as_str().or_else(|| it["transport"].as_str())?;
            Some(interface(binding, it["protocolVersion"].as_str().unwrap_or("1.0"), it["url"].as_str()?))
        })
        .collect();
    let version = card["protocolVersion"].as_str().unwrap_or("0.3");
    let main = card["url"]
        .as_str()
        .map(|url| interface(card["preferredTransport"].as_str().unwrap_or("JSONRPC"), version, url));
    let more = list(&card["additionalInterfaces"])
        .iter()
        .filter_map(|it| Some(interface(it["transport"].as_str()?, version, it["url"].as_str()?)));
    for it in main.into_iter().chain(more) {
        if !found.iter().any(|known| known.is_same_as(&it)) {
            found.push(it);
        }
    }
    found
}

impl Interface {
    /// Says whether two are one: a card of both versions tells it in both ways, of `0.3` and of `0.3.0`.
    fn is_same_as(&self, other: &Self) -> bool {
        let short = |version: &str| version.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
        let binding = self.binding.eq_ignore_ascii_case(&other.binding);
        binding && self.url == other.url && short(&self.version) == short(&other.version)
    }
}

/// Explains a card. Everything in it is a stranger's word.
pub(super) fn explain(fetched: &Fetched, paint: Paint) -> Vec<String> {
    let card = &fetched.card;
    let mut lines = vec![format!("{} {}", paint.bold(text(card, "name")), text(card, "version"))];
    let mut field = |name: &str, value: String| {
        if !value.trim().is_empty() {
            lines.push(format!("  {} {value}", paint.dim(format!("{name:<10}"))));
        }
    };
    field("is", text(card, "description"));
    field("card", one_line(&fetched.place, LINE));
    let provider = &card["provider"];
    field("by", format!("{} {}", text(provider, "organization"), text(provider, "url")));
    field("docs", text(card, "documentationUrl"));
    let interfaces = interfaces(card);
    let chosen = interfaces.iter().position(|it| it.spoken);
    for (at, it) in interfaces.iter().enumerate() {
        let words = |text: &str| one_line(text, LINE);
        let note = match (it.spoken, chosen == Some(at)) {
            (_, true) => paint.good("  spoken by remote_a2a"),
            (true, _) => String::new(),
            (false, _) => paint.dim("  not spoken by remote_a2a"),
        };
        field("speaks", format!("{} {} at {}{note}", words(&it.binding), words(&it.version), words(&it.url)));
    }
    if chosen.is_none() {
        field("speaks", paint.bad("nothing that remote_a2a speaks: JSONRPC 1.0 or 0.3, HTTP+JSON 1.0"));
    }
    let capabilities = &card["capabilities"];
    let can: Vec<_> = [
        (capabilities["streaming"] == true, "stream"),
        (capabilities["pushNotifications"] == true, "push notifications"),
        (
            capabilities["extendedAgentCard"] == true || card["supportsAuthenticatedExtendedCard"] == true,
            "show more of itself to those it knows",
        ),
    ]
    .into_iter()
    .filter_map(|(can, what)| can.then_some(what))
    .collect();
    field("can", can.join(", "));
    for it in list(&capabilities["extensions"]) {
        let must = if it["required"] == true { paint.warn(" (required)") } else { String::new() };
        field("extension", format!("{}{must} {}", text(it, "uri"), text(it, "description")));
    }
    field("takes", words(&card["defaultInputModes"]));
    field("gives", words(&card["defaultOutputModes"]));
    let skills = list(&card["skills"]);
    for skill in skills.iter().take(SKILLS) {
        field("skill", format!("{}: {}", text(skill, "id"), text(skill, "description")));
    }
    if skills.len() > SKILLS {
        field("skill", format!("and {} more", skills.len() - SKILLS));
    }
    let schemes = card["securitySchemes"].as_object();
    for (name, scheme) in schemes.into_iter().flatten() {
        field("security", format!("{}: {}", one_line(name, LINE), security(scheme)));
    }
    let wanted =
        card.get("securityRequirements").or_else(|| card.get("security")).map(list).unwrap_or_default();
    for requirement in wanted {
        let schemes = requirement.get("schemes").unwrap_or(requirement).as_object();
        let names: Vec<_> = schemes.into_iter().flatten().map(|(name, _)| one_line(name, LINE)).collect();
        field("wants", names.join(" and "));
    }
    for signature in list(&card["signatures"]) {
        field("signed", signed(signature));
    }
    lines
}

/// Says what a scheme is: 1.0 wraps it by its kind, 0.3 names its kind.
fn security(scheme: &Value) -> String {
    let wrapped = scheme.as_object().filter(|it| it.len() == 1).and_then(|it| it.iter().next());
    let (kind, scheme) = match wrapped {
        Some((kind, inner)) if inner.is_object() => (one_line(kind, LINE), inner),
        _ => (text(scheme, "type"), scheme),
    };
    let more = ["scheme", "bearerFormat", "in", "location", "name", "openIdConnectUrl", "description"];
    let more: Vec<_> = more.iter().map(|key| text(scheme, key)).filter(|it| !it.is_empty()).collect();
    format!("{kind} {}", more.join(", "))
}

/// Says who signed a card. Whose key it is, the card itself cannot prove.
fn signed(signature: &Value) -> String {
    let header = signature["protected"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let header: Value = header.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let part = |name: &str, key: &str| match text(&header, key) {
        value if value.is_empty() => String::new(),
        value => format!(", {name} {value}"),
    };
    let algorithm = match text(&header, "alg") {
        none if none.is_empty() => "an unreadable header".to_owned(),
        algorithm => algorithm,
    };
    format!("{algorithm}{}{}; not verified here", part("key", "kid"), part("keys at", "jku"))
}

fn text(value: &Value, key: &str) -> String {
    one_line(value[key].as_str().unwrap_or_default(), LINE)
}

fn words(value: &Value) -> String {
    list(value).iter().filter_map(Value::as_str).map(|it| one_line(it, LINE)).collect::<Vec<_>>().join(", ")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use pointsman_capabilities::request::Origin;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_card_of_both_versions_is_explained() {
        let protected = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"k1"}"#);
        let card = json!({
            "name": "Peer \u{1b}[2J", "version": "1.0.0", "description": "Does things.",
            "supportedInterfaces": [
                {"url": "http://127.0.0.1:1/grpc", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
                {"url": "http://127.0.0.1:1/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            ],
            "url": "http://127.0.0.1:1/old", "preferredTransport": "JSONRPC", "protocolVersion": "0.3.0",
            "additionalInterfaces": [
                {"url": "http://127.0.0.1:1/old", "transport": "JSONRPC"},
                {"url": "http://127.0.0.1:1/rest", "transport": "HTTP+JSON"},
            ],
            "capabilities": {"streaming": true, "extensions": [{"uri": "urn:x", "required": true}]},
            "defaultInputModes": ["text/plain"], "skills": [{"id": "s", "description": "a skill"}],
            "securitySchemes": {
                "new": {"httpAuthSecurityScheme": {"scheme": "bearer"}},
                "old": {"type": "apiKey", "in": "header", "name": "X-Key"},
            },
            "securityRequirements": [{"schemes": {"new": {"list": []}}}],
            "signatures": [{"protected": protected, "signature": "x"}],
        });
        let url = url::Url::parse("http://127.0.0.1:1/").unwrap();
        let place = "http://127.0.0.1:1/.well-known/agent-card.json".to_owned();
        let fetched = Fetched { origin: Origin::of(&url).unwrap(), is_name: false, place, card };
        insta::assert_snapshot!(explain(&fetched, Paint::plain()).join("\n"));
    }

    #[test]
    fn a_card_of_nonsense_is_explained_as_far_as_it_goes() {
        let url = url::Url::parse("http://127.0.0.1:1/").unwrap();
        let card = json!({"name": 3, "capabilities": [], "skills": "x", "supportedInterfaces": [1, {}], "signatures": [2]});
        let fetched =
            Fetched { origin: Origin::of(&url).unwrap(), is_name: false, place: "p".to_owned(), card };
        assert!(explain(&fetched, Paint::plain()).join("\n").contains("nothing that remote_a2a speaks"));
    }
}
