//! Getting the card, by the client that plugins' requests go through.

use std::net::IpAddr;

use pointsman_capabilities::Asker;
use pointsman_capabilities::process::HostEnvironment;
use pointsman_capabilities::request::{
    AddressClass, Client, Limits, Network, Origin, OriginEntry, Origins, Proxies, ResponseEvent, authorize,
};
use pointsman_capabilities::secret::Secrets;
use pointsman_model::plugin::{Framing, Request, SecretOr};
use pointsman_model::{CapabilityRequest, Grant, Leaf};
use serde_json::Value;
use url::{Host, Url};

use crate::args::CardArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Progress;

/// A card is so large at most.
const LARGEST: usize = 1024 * 1024;
/// How long a server may take.
const PATIENCE_MS: u32 = 20_000;

/// A card and where it was found.
pub(super) struct Fetched {
    pub(super) origin: Origin,
    /// Whether the origin is a name that leads where only DNS knows.
    pub(super) is_name: bool,
    pub(super) place: String,
    pub(super) card: Value,
}

/// How one address answered.
enum Answer {
    Card(Value),
    /// There is nothing there; another address may have it.
    Nothing(String),
}

/// Fetches the card from the first address that has one.
///
/// A person's own word may go anywhere that the host's client goes at all: never to metadata services.
pub(super) fn fetch(args: &CardArgs) -> Result<Fetched, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let text = if args.url.contains("://") { args.url.clone() } else { format!("https://{}", args.url) };
    let url = Url::parse(&text).map_err(|error| usage(format!("{}: {error}", args.url)))?;
    let origin =
        Origin::of(&url).ok_or_else(|| usage(format!("{}: only http and https are spoken", args.url)))?;
    let headers = headers(args, &url)?;
    let is_name = matches!(url.host(), Some(Host::Domain(_)));
    let entry = OriginEntry {
        methods: Some(vec!["GET".to_owned()]),
        addresses: is_name.then(|| AddressClass::ALL.into_iter().collect()),
        ..OriginEntry::default()
    };
    let origins = Origins::new([(origin.as_str().to_owned(), entry)]).map_err(Failure::error)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("the runtime cannot be started: {error}")))?;
    let _progress = Progress::start(format!("asking {origin}"));
    runtime.block_on(async {
        let network = Network::new(Proxies::of(&HostEnvironment::of_this_process()), Limits::standard());
        let mut tried = Vec::new();
        for place in places(&url) {
            match get(&network, &origins, &place, &headers).await? {
                Answer::Card(card) => return Ok(Fetched { origin, is_name, place: place.into(), card }),
                Answer::Nothing(why) => tried.push(format!("{place}: {why}")),
            }
        }
        Err(Failure::not_found(format!("no agent card: {}", tried.join("; ")))
            .help("give the address of the card itself, if it lies elsewhere"))
    })
}

/// Where a card may lie, the likeliest first.
fn places(url: &Url) -> Vec<Url> {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    if url.path().ends_with(".json") {
        return vec![url];
    }
    let below = url.path().trim_end_matches('/').to_owned();
    let mut places: Vec<Url> = Vec::new();
    for name in ["agent-card.json", "agent.json"] {
        for folder in [below.as_str(), ""] {
            let mut place = url.clone();
            place.set_path(&format!("{folder}/.well-known/{name}"));
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

fn headers(args: &CardArgs, url: &Url) -> Result<Vec<(String, SecretOr)>, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let mut headers = vec![("accept".to_owned(), SecretOr::Plain("application/json".to_owned()))];
    for text in &args.header {
        let (name, value) =
            text.split_once('=').ok_or_else(|| usage(format!("--header {text:?}: NAME=VALUE is wanted")))?;
        headers.push((name.trim().to_owned(), SecretOr::Plain(value.trim().to_owned())));
    }
    if let Some(variable) = &args.token_env {
        let token = std::env::var(variable).unwrap_or_default();
        if token.trim().is_empty() {
            return Err(usage(format!("--token-env {variable}: the variable is empty or not set")));
        }
        if !is_private_way(url) {
            return Err(usage("a token is sent over https, or to this machine, and nowhere else".to_owned()));
        }
        headers.push(("authorization".to_owned(), SecretOr::Plain(format!("Bearer {}", token.trim()))));
    }
    Ok(headers)
}

/// Says whether nobody on the way can read what is sent.
fn is_private_way(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || loopback
}

async fn get(
    network: &Network,
    origins: &Origins,
    place: &Url,
    headers: &[(String, SecretOr)],
) -> Result<Answer, Failure> {
    let why = "A person asked for it.".to_owned();
    let asked = [CapabilityRequest { leaf: Leaf::RequestSend, target: "*".to_owned(), why }];
    let given = [Grant { leaf: Leaf::RequestSend, target: "*".to_owned() }];
    let asker = Asker { table: "the command line", requests: &asked, grants: &given };
    let request = Request {
        id: 1,
        method: "GET".to_owned(),
        url: place.to_string(),
        headers: headers.to_vec(),
        body: None,
        framing: Framing::Bytes,
        idle_timeout_ms: Some(PATIENCE_MS),
        total_timeout_ms: Some(PATIENCE_MS),
    };
    let request = authorize(&request, &asker, origins, &Secrets::default())
        .map_err(|refusal| Failure::error(refusal.reason))?;
    let (_live, mut events) =
        Client::new(network).send(request).map_err(|refusal| Failure::error(refusal.reason))?;
    let (mut status, mut body) = (0, Vec::new());
    loop {
        match events.recv().await {
            Some(ResponseEvent::Head { status: said, .. }) => status = said,
            Some(ResponseEvent::Bytes(bytes)) => body.extend(bytes),
            Some(ResponseEvent::Events(_)) => {}
            Some(ResponseEvent::Ended) | None => break,
            Some(ResponseEvent::Failed { text, .. }) => {
                // The text may name the address itself.
                let text = crate::terminal::visible(&text);
                let text = if text.contains(place.as_str()) {
                    text.into_owned()
                } else {
                    format!("{place}: {text}")
                };
                return Err(Failure::error(text).help("is the agent running, and is this its address?"));
            }
        }
        if body.len() > LARGEST {
            return Err(Failure::error(format!("{place}: larger than {LARGEST} bytes, which no card is")));
        }
    }
    match status {
        200 => {}
        401 | 403 => {
            return Err(Failure::error(format!(
                "{place}: the server wants to know who asks (status {status})"
            ))
            .help("give a token with --token-env VARIABLE, or a header with --header NAME=VALUE"));
        }
        status => return Ok(Answer::Nothing(format!("status {status}"))),
    }
    match serde_json::from_slice(&body) {
        Ok(card) if card["name"].is_string() => Ok(Answer::Card(card)),
        Ok(Value::Object(_)) => Ok(Answer::Nothing("no card: it has no name".to_owned())),
        Ok(_) => Ok(Answer::Nothing("not a JSON object".to_owned())),
        Err(error) => Ok(Answer::Nothing(format!("not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_looked_for_below_its_agent_and_at_the_origin() {
        let places = |text: &str| -> Vec<String> {
            places(&Url::parse(text).unwrap()).into_iter().map(String::from).collect()
        };
        assert_eq!(places("https://a.example/x/card.json?q#f"), ["https://a.example/x/card.json"]);
        assert_eq!(
            places("https://a.example/agents/one/"),
            [
                "https://a.example/agents/one/.well-known/agent-card.json",
                "https://a.example/.well-known/agent-card.json",
                "https://a.example/agents/one/.well-known/agent.json",
                "https://a.example/.well-known/agent.json",
            ]
        );
        assert_eq!(places("https://a.example").len(), 2);
    }

    #[test]
    fn tokens_go_where_nobody_listens() {
        let way = |text: &str| is_private_way(&Url::parse(text).unwrap());
        assert!(way("https://a.example") && way("http://127.0.0.1:1") && way("http://[::1]/"));
        assert!(!way("http://a.example") && !way("http://10.0.0.1") && !way("http://localhost.evil.example"));
    }
}
