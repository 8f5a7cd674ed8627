//! `[approvals.webhook]`: questions told to a receiver, and answered by links.

use std::path::PathBuf;

use pointsman_capabilities::request::OriginEntry;
use pointsman_capabilities::secret::Secrets;
use pointsman_webhook::{Events, Place, Receiver, Secret, Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::AddressClass;
use super::error::ConfigError;
use super::load::Loaded;
use super::origins::class;
use super::settings::senseless;

/// A receiver that is told of questions, with links by which whoever has them answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    /// By which its answers are recorded, as `webhook:NAME`. Default: `webhook`.
    #[serde(default = "name")]
    pub(crate) name: String,
    /// Where messages are sent: https, or http to this machine.
    pub(crate) url: String,
    /// The secret that messages are signed with: `whsec_` and 24 to 64 random bytes in base64.
    pub(crate) secret: String,
    /// The loopback address at which links are answered. Default: a free port at 127.0.0.1.
    #[serde(default = "listen")]
    pub(crate) listen: String,
    /// What links begin with instead of that address: the https URL of a proxy that leads there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// Where the name in `url` may lead. By default to public addresses only. Not for a URL with an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) addresses: Option<Vec<AddressClass>>,
    /// A file with certificates in PEM that are trusted for `url`, beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Which messages are sent. Default: both.
    #[serde(default = "events")]
    pub(crate) events: Vec<Event>,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Event {
    /// Somebody is asked.
    #[serde(rename = "approval.asked")]
    Asked,
    /// A question waits no more: it was answered, lapsed, or is not asked any more.
    #[serde(rename = "approval.settled")]
    Settled,
}

fn name() -> String {
    "webhook".to_owned()
}

fn listen() -> String {
    "127.0.0.1:0".to_owned()
}

fn events() -> Vec<Event> {
    vec![Event::Asked, Event::Settled]
}

/// Gives the settings of the webhook, if there is one. Reads its secret.
pub(crate) fn webhook(loaded: &Loaded, secrets: &Secrets) -> Result<Option<Settings>, ConfigError> {
    let Some(webhook) = &loaded.config.approvals.webhook else { return Ok(None) };
    let wrong = |key: &str, message: String| senseless(loaded, &format!("approvals.webhook.{key}"), message);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if webhook.name.is_empty() || webhook.name.len() > 64 || !webhook.name.bytes().all(plain) {
        return Err(wrong("name", "a name is made of at most 64 letters, digits, -, _ and .".to_owned()));
    }
    let rules = OriginEntry {
        addresses: webhook.addresses.as_ref().map(|classes| classes.iter().map(class).collect()),
        ca_file: webhook.ca_file.as_ref().map(|file| loaded.path_of(file)),
        ..OriginEntry::default()
    };
    let receiver = Receiver::new(&webhook.url, rules).map_err(|error| wrong("url", error.to_string()))?;
    let value = secrets.read(&webhook.secret).map_err(|error| wrong("secret", error.to_string()))?;
    let secret = Secret::parse(value.expose())
        .map_err(|error| wrong("secret", format!("secret {:?}: {error}", webhook.secret)))?;
    let listen = webhook.listen.parse().map_err(|_| {
        wrong("listen", format!("{:?} is no address and port such as 127.0.0.1:7431", webhook.listen))
    })?;
    let place = Place::new(listen, webhook.public_url.as_deref());
    let place = place.map_err(|error| wrong("listen", error.to_string()))?;
    let told = |event| webhook.events.contains(&event);
    let events = Events { asked: told(Event::Asked), settled: told(Event::Settled) };
    if !events.asked {
        let message =
            "a webhook that is not told when somebody is asked brings no answer; add \"approval.asked\"";
        return Err(wrong("events", message.to_owned()));
    }
    Ok(Some(Settings { name: webhook.name.clone(), receiver, secret, place, events }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::load::load_file;
    use super::super::settings::settings;
    use super::*;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

    /// Reads a configuration with this behind what is always needed; a value that is given again is taken.
    fn read(key: &str, more: &str) -> Result<Option<Settings>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), key).unwrap();
        let mut table = String::from("[secrets.key]\nfile = \"key\"\n[approvals.webhook]\n");
        for line in ["url = \"https://hooks.example.com/hunter2\"", "secret = \"key\""] {
            let name = line.split(' ').next().unwrap();
            if !more.lines().any(|it| it.starts_with(&format!("{name} "))) {
                table.push_str(&format!("{line}\n"));
            }
        }
        let path = folder.path().join("p.toml");
        let state = "[state]\ndir = \"state\"\n";
        std::fs::write(&path, format!("{state}{table}{more}\n")).unwrap();
        let loaded = load_file(&path).map_err(|error| format!("{error} {}", error.help()))?;
        let secrets = settings(&loaded).unwrap().secrets;
        webhook(&loaded, &secrets).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_and_a_secret_are_enough() {
        let found = read(KEY, "").unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.place.listen().port()), ("webhook", 0));
        assert_eq!(found.events, Events { asked: true, settled: true });
        assert!(!format!("{found:?}").contains("hunter2"));
    }

    #[rstest]
    #[case::unknown_key(KEY, "port = 1", "known here: addresses")]
    #[case::name(KEY, "name = \"my phone\"", "`approvals.webhook.name`")]
    #[case::clear(
        KEY,
        "url = \"http://hooks.example.com/hunter2\"",
        "`approvals.webhook.url`: whoever is on the way"
    )]
    #[case::nowhere(KEY, "addresses = []", "`approvals.webhook.url`: origins.\"https://hooks.example.com\"")]
    #[case::no_secret(KEY, "secret = \"other\"", "`approvals.webhook.secret`: no secret is called \"other\"")]
    #[case::a_password(
        "hunter2",
        "",
        "`approvals.webhook.secret`: secret \"key\": it is no secret of a webhook"
    )]
    #[case::everywhere(
        KEY,
        "listen = \"0.0.0.0:7431\"",
        "`approvals.webhook.listen`: 0.0.0.0:7431 is no loopback"
    )]
    #[case::no_address(KEY, "listen = \"7431\"", "`approvals.webhook.listen`: \"7431\" is no address")]
    #[case::no_port(KEY, "public_url = \"https://desk.example.com\"", "so its port must be a fixed one")]
    #[case::event(KEY, "events = [\"approval.answered\"]", "unknown variant `approval.answered`")]
    #[case::deaf(KEY, "events = [\"approval.settled\"]", "add \"approval.asked\"")]
    fn what_cannot_work_is_said_with_its_key(#[case] key: &str, #[case] more: &str, #[case] why: &str) {
        let error = read(key, more).unwrap_err();
        assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
    }
}
