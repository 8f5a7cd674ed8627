//! What reaching an agent takes: lines of configuration, and the call.

use std::collections::BTreeSet;
use std::fmt::Write;

use pointsman_capabilities::request::Origin;
use serde_json::{Value, json};
use url::Url;

use super::explain::interfaces;
use super::fetch::Fetched;
use crate::args::CardArgs;

/// What reaching an agent takes.
pub(super) struct Setup {
    name: String,
    agent_url: String,
    origins: BTreeSet<String>,
    /// The card's origin, if it is a name: where it leads has to be said for networks of one's own.
    is_name: bool,
    token: Option<String>,
    headers: Vec<String>,
    /// Other origins that the token is to go to, as the card says.
    trusted: Vec<String>,
}

impl Setup {
    pub(super) fn of(fetched: &Fetched, args: &CardArgs) -> Self {
        let card_at = fetched.origin.as_str().to_owned();
        let spoken = interfaces(&fetched.card).into_iter().find(|it| it.spoken);
        let base = Url::parse(&fetched.place).ok();
        let endpoint = spoken
            .and_then(|it| base.as_ref()?.join(&it.url).ok())
            .and_then(|url| Origin::of(&url))
            .map(|origin| origin.as_str().to_owned());
        let credentials = args.token_env.is_some() || !args.header.is_empty();
        let trusted = endpoint.iter().filter(|it| credentials && **it != card_at).cloned().collect();
        Self {
            name: name(fetched.card["name"].as_str().unwrap_or_default()),
            agent_url: fetched.place.clone(),
            origins: endpoint.into_iter().chain([card_at]).collect(),
            is_name: fetched.is_name,
            token: args.token_env.clone(),
            headers: args
                .header
                .iter()
                .filter_map(|it| Some(it.split_once('=')?.0.trim().to_owned()))
                .collect(),
            trusted,
        }
    }

    /// Gives the lines for `pointsman.toml`.
    pub(super) fn config(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let mut line = |words: String| {
            let _ = writeln!(text, "{words}");
        };
        for origin in &self.origins {
            line(format!("[origins.{}]", quoted(origin)));
            if self.is_name {
                line("# If the name leads into a network of your own: addresses = [\"private\"]".to_owned());
            }
            line(String::new());
        }
        let mut grants: Vec<_> =
            self.origins.iter().map(|origin| format!("request/send@1 {origin}")).collect();
        grants.push("timer/set@1 *".to_owned());
        let origins: Vec<_> = self.origins.iter().map(|origin| quoted(origin)).collect();
        let bound = format!("origins = [{}]\n", origins.join(", "));
        if let Some(variable) = &self.token {
            line(format!("[secrets.{}-token]", self.name));
            line(format!("env = {}", quoted(variable)));
            line(bound.clone());
            grants.push(format!("secret/use@1 {}-token", self.name));
        }
        for header in &self.headers {
            let secret = format!("{}-{}", self.name, name(header));
            line(format!("[secrets.{secret}]"));
            line("# The file with the header's value.".to_owned());
            line(format!("file = {}", quoted(&format!("~/.config/pointsman/{secret}"))));
            line(bound.clone());
            grants.push(format!("secret/use@1 {secret}"));
        }
        line(format!("[backends.{}]", self.name));
        line("component = \"bundled:remote_a2a\"".to_owned());
        let grants: Vec<_> = grants.iter().map(|grant| format!("    {},", quoted(grant))).collect();
        line(format!("grants = [\n{}\n]\n", grants.join("\n")));
        line(format!("[backends.{}.config]", self.name));
        line(format!("agent_url = {}", quoted(&self.agent_url)));
        if self.token.is_some() {
            line(format!("auth_token_secret = \"{}-token\"", self.name));
        }
        if !self.headers.is_empty() {
            let pair = |header: &String| format!("{} = \"{}-{}\"", quoted(header), self.name, name(header));
            let pairs: Vec<_> = self.headers.iter().map(pair).collect();
            line(format!("secret_headers = {{ {} }}", pairs.join(", ")));
        }
        if !self.trusted.is_empty() {
            line(
                "# The card sends its callers elsewhere. If you trust that place with your credentials:"
                    .to_owned(),
            );
            let trusted: Vec<_> = self.trusted.iter().map(|origin| quoted(origin)).collect();
            line(format!("#trusted_origins = [{}]", trusted.join(", ")));
        }
        text
    }

    /// Gives the arguments of the call.
    pub(super) fn spawn_run(&self) -> Value {
        json!({
            "backend": self.name,
            "role": "worker",
            "cwd": "/absolute/path/to/your/project",
            "session_mode": "new",
            "prompt": "What can you do?",
        })
    }
}

/// Makes a backend's name of what an agent calls itself.
fn name(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '-' })
        .collect();
    let words: Vec<_> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    name.truncate(40);
    if name.is_empty() { "remote".to_owned() } else { name.trim_end_matches('-').to_owned() }
}

/// A string of TOML: JSON's escapes are TOML's, and control characters of a stranger's are escaped.
fn quoted(text: &str) -> String {
    Value::from(crate::terminal::visible(text)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_a_configuration() {
        let url = Url::parse("https://cards.example/a").unwrap();
        let fetched = Fetched {
            origin: Origin::of(&url).unwrap(),
            is_name: true,
            place: "https://cards.example/.well-known/agent-card.json".to_owned(),
            card: json!({
                "name": "My \"Agent\"\n[evil]",
                "supportedInterfaces": [
                    {"url": "https://rpc.example/a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
                ],
            }),
        };
        let args = CardArgs {
            url: String::new(),
            header: vec!["X-Key=secret".to_owned()],
            token_env: Some("TOKEN".to_owned()),
        };
        let setup = Setup::of(&fetched, &args);
        let text = setup.config();
        insta::assert_snapshot!(text);
        assert!(!text.contains("secret\""), "values stay out of it");
        toml::from_str::<crate::config::Config>(&text).unwrap();
        assert_eq!(setup.spawn_run()["backend"], "my-agent-evil");
    }
}
