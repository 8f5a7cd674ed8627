//! `pointsman a2a serve`: one backend as an A2A agent.

use pointsman_a2a::{Admission, AgentSettings, Token};
use pointsman_capabilities::secret::Secrets;
use pointsman_engine::Host;
use pointsman_model::Role;
use pointsman_store::Store;
use serde_json::{Value, json};

use super::publish::publish;
use crate::args::ServeArgs;
use crate::attach::Door;
use crate::commands::serve::{ended, entrance, runtime, stop};
use crate::commands::webhook::tell as tell_questions;
use crate::config::{
    Loaded, Published, admission, agent_name, described, elicitation, publishing, settings, state_key,
    webhook,
};
use crate::control::Server;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::lineage::ancestors;
use crate::state::real_path;
use crate::terminal::{Out, say};

/// What the client is called that holds the token which was made for this command.
const GENERATED: &str = "token";

pub(super) fn run(out: Out, loaded: &Loaded, args: &ServeArgs) -> Outcome {
    let mut settings = settings(loaded)?;
    if !settings.backends.contains_key(&args.backend) {
        let known: Vec<_> = settings.backends.keys().map(String::as_str).collect();
        return Err(Failure::not_found(format!("no backend {:?}", args.backend))
            .help(format!("there are {}; one is added as [backends.NAME]", known.join(", "))));
    }
    settings.key = state_key(loaded)?;
    settings.ancestors = ancestors(|| Store::open_with(&settings.state, settings.key.as_ref()))?;
    let published = what(loaded, &settings.secrets, args)?;
    let webhook = webhook(loaded, &settings.secrets)?;
    let elicitation = elicitation(loaded)?;
    let state = settings.state.clone();
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        // Before anything else: a signal that comes during the start ends it as well.
        let signalled = ended()?;
        let host = Host::start(settings).await.map_err(|error| Failure::located(loaded, error))?;
        let control = Server::start(&state, host.clone());
        if let Err(error) = &control {
            tracing::warn!(%error, "no control socket: approvals cannot be answered while this host lives");
        }
        let attached = entrance(&state, &host, Door::Everybody, elicitation);
        let agent = published.settings.agents.first().cloned();
        let publishing = publish(&host, published).await;
        let publishing = match publishing {
            Ok(publishing) => publishing,
            Err(failure) => {
                host.shutdown().await;
                return Err(failure);
            }
        };
        if let (Some(agent), Some(url)) = (agent, publishing.urls().first()) {
            tell(out, &agent, url, args.no_auth)?;
        }
        let telling = tell_questions(&host, webhook);
        signalled.await;
        stop(&host, Some(publishing), telling).await;
        drop((control, attached));
        Ok(())
    });
    served.map(|()| Exit::Ok)
}

/// Puts together what is published. Tells a token that it makes, once.
fn what(loaded: &Loaded, secrets: &Secrets, args: &ServeArgs) -> Result<Published, Failure> {
    let name = args.name.clone().unwrap_or_else(|| args.backend.clone());
    agent_name(&name).map_err(|why| Failure::new(Exit::Usage, format!("--name: {why}")))?;
    let agent = AgentSettings {
        name,
        backend: args.backend.clone(),
        description: described(&args.backend),
        role: Role::Worker,
        access: args.access,
        profile: args.profile.clone(),
        cwd: real_path(&args.cwd)?.into(),
        follow_cwd: !args.fixed_cwd,
        roots: Vec::new(),
    };
    let admission = if args.no_auth {
        Admission::Anybody
    } else if let Some(Admission::Tokens(tokens)) = admission(loaded, secrets)? {
        Admission::Tokens(tokens)
    } else {
        let made = Token::generate(GENERATED, args.answers_approvals);
        let (token, value) = made.map_err(|error| Failure::internal(format!("no random bytes: {error}")))?;
        say(format!("The token of this agent, which is shown once and kept nowhere:\n\n  {value}\n"));
        Admission::Tokens(vec![token])
    };
    let settings = publishing(loaded, secrets, vec![agent], admission)?;
    Ok(Published { settings, address: args.listen })
}

/// Tells where the agent lies, and what the other side writes to reach it.
fn tell(out: Out, agent: &AgentSettings, url: &str, open: bool) -> Result<(), Failure> {
    let config = near_side(agent, url, open);
    let spawn = payload(agent);
    if out.is_json() {
        return out.json(&json!({
            "agent": agent.name,
            "url": url,
            "card": format!("{url}/.well-known/agent-card.json"),
            "config": config,
            "spawn_run": spawn,
        }));
    }
    let paint = out.paint();
    out.line(format!("{} {url}", paint.bold("agent")))?;
    out.line(format!("{} {url}/.well-known/agent-card.json", paint.bold("card ")))?;
    out.line(paint.dim("\nWhat the other side adds to its pointsman.toml:\n"))?;
    out.line(config)?;
    out.line(paint.dim("What it calls spawn_run with:\n"))?;
    out.line(serde_json::to_string_pretty(&spawn).map_err(Failure::internal)?)
}

/// Names what the other side's operator adds: a backend, and the secret that it needs.
fn names(agent: &AgentSettings) -> (String, String) {
    let backend = format!("remote-{}", agent.name.replace('.', "-"));
    (format!("{backend}-token"), backend)
}

/// Writes what the other side's operator adds. Nothing of it is for callers to set: the token would go wherever they say.
fn near_side(agent: &AgentSettings, url: &str, open: bool) -> String {
    let origin = origin(url);
    let (secret, backend) = names(agent);
    let mut grants = vec![format!("request/send@1 {origin}"), "timer/set@1 *".to_owned()];
    let (mut text, mut token) = (String::new(), String::new());
    if !open {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let variable: String = secret.chars().map(plain).collect();
        let origins = json!([origin]);
        text.push_str(&format!("[secrets.{secret}]\nenv = \"{variable}\"\norigins = {origins}\n\n"));
        grants.push(format!("secret/use@1 {secret}"));
        token = format!("auth_token_secret = \"{secret}\"\n");
    }
    text.push_str(&format!(
        "[origins.{}]\n\n[backends.{backend}]\ncomponent = \"bundled:remote_a2a\"\ngrants = {}\n\n\
         [backends.{backend}.config]\nagent_url = {}\n{token}",
        json!(origin),
        json!(grants),
        json!(url),
    ));
    text
}

/// Gives the scheme, host and port of a URL.
fn origin(url: &str) -> String {
    let path = url.find("://").and_then(|at| url[at + 3..].find('/').map(|slash| at + 3 + slash));
    url[..path.unwrap_or(url.len())].to_owned()
}

/// Gives what the other side's client calls `spawn_run` with.
fn payload(agent: &AgentSettings) -> Value {
    json!({
        "backend": names(agent).1,
        "role": "worker",
        "cwd": agent.cwd,
        "session_mode": "new",
        "prompt": "Say what you would like the agent to do.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_side_writes_is_a_configuration() {
        let agent = AgentSettings {
            name: "coder".to_owned(),
            backend: "codex".to_owned(),
            description: String::new(),
            role: Role::Worker,
            access: pointsman_model::Access::ReadOnly,
            profile: None,
            cwd: "/home/ada/project".into(),
            follow_cwd: true,
            roots: Vec::new(),
        };
        let url = "http://127.0.0.1:7420/agents/coder";
        for open in [false, true] {
            let text = near_side(&agent, url, open);
            let table: toml::Table = text.parse().unwrap();
            assert!(table["origins"].get("http://127.0.0.1:7420").is_some(), "{text}");
            assert_eq!(table.contains_key("secrets"), !open, "{text}");
        }
        insta::assert_snapshot!(near_side(&agent, url, false));
        insta::assert_json_snapshot!(payload(&agent));
    }
}
