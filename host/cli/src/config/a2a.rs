//! Backends as A2A agents for others: what the file says, and the face's settings made of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use pointsman_a2a::{Admission, AgentSettings, CardSigner, Settings, Token};
use pointsman_capabilities::secret::Secrets;
use pointsman_model::{Access, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::load::Loaded;
use super::settings::{absolute, senseless};

/// Backends as A2A agents for others, while `pointsman serve` or `pointsman a2a serve` runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct A2a {
    /// Where `pointsman serve` listens, such as `127.0.0.1:7420`. Left out: it publishes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<String>,
    /// What cards say instead of that address, such as the URL of a proxy that adds TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// Names that this host may be called by besides `localhost` and the public URL's; requests to any other name are
    /// refused, because a web page could have made that name mean this host's address.
    pub(crate) hosts: Vec<String>,
    /// Folders that the first message of a context may choose to work in, besides those of `runs.roots` and the
    /// agent's own.
    pub(crate) roots: Vec<PathBuf>,
    /// The secret with the private key that signs cards: P-256, PKCS#8, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_key: Option<String>,
    /// Whether a token is needed. Without, whoever reaches the address is let in; on loopback only.
    pub(crate) auth: bool,
    /// Who is let in: clients by name, each with a token of its own.
    pub(crate) tokens: BTreeMap<String, A2aToken>,
    /// Agents by name, each at `/agents/NAME`.
    pub(crate) agents: BTreeMap<String, A2aAgent>,
}

impl Default for A2a {
    fn default() -> Self {
        Self {
            listen: None,
            public_url: None,
            hosts: Vec::new(),
            roots: Vec::new(),
            signing_key: None,
            auth: true,
            tokens: BTreeMap::new(),
            agents: BTreeMap::new(),
        }
    }
}

/// A client that is let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct A2aToken {
    /// The secret with the token.
    pub(crate) secret: String,
    /// Whether its holder speaks for a person: permissions that a policy wants a person's word on are answered there,
    /// not here.
    #[serde(default)]
    pub(crate) answers_approvals: bool,
}

/// A backend as an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct A2aAgent {
    /// The backend that does the work.
    pub(crate) backend: String,
    /// Where tasks work whose first message names no folder.
    pub(crate) cwd: PathBuf,
    /// Whether the first message of a context may choose a folder inside the roots. If not, what it says of one is passed
    /// over, as suits clients on other machines. Default: true.
    #[serde(default = "yes")]
    pub(crate) follow_cwd: bool,
    /// For people who choose an agent; stands on its card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// What the agent may touch. Default: `workspace-write`.
    #[serde(default)]
    pub(crate) access: Access,
    /// The label of its runs. Default: `worker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<Role>,
    /// The name of a profile that instructs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
}

fn yes() -> bool {
    true
}

/// What is published, and where.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) settings: Settings,
    pub(crate) address: SocketAddr,
}

/// Gives what `pointsman serve` publishes; `None` if that is nothing. Reads tokens and keys.
pub(crate) fn published(loaded: &Loaded, secrets: &Secrets) -> Result<Option<Published>, ConfigError> {
    let a2a = &loaded.config.a2a;
    let Some(listen) = &a2a.listen else { return Ok(None) };
    let address = listen.parse().map_err(|_| {
        let message = format!("{listen:?} is no address and port such as 127.0.0.1:7420");
        senseless(loaded, "a2a.listen", message)
    })?;
    if a2a.agents.is_empty() {
        let message = "there is no agent to publish: add [a2a.agents.NAME] with backend and cwd".to_owned();
        return Err(senseless(loaded, "a2a.listen", message));
    }
    let agent = |(name, agent): (&String, &A2aAgent)| -> Result<AgentSettings, ConfigError> {
        let key = format!("a2a.agents.{name}");
        agent_name(name).map_err(|message| senseless(loaded, &key, message))?;
        let cwd = absolute(loaded, &format!("{key}.cwd"), std::slice::from_ref(&agent.cwd))?;
        Ok(AgentSettings {
            name: name.clone(),
            backend: agent.backend.clone(),
            description: agent.description.clone().unwrap_or_else(|| described(&agent.backend)),
            role: agent.role.unwrap_or(Role::Worker),
            access: agent.access,
            profile: agent.profile.clone(),
            cwd: cwd.into_iter().next().unwrap_or_default(),
            follow_cwd: agent.follow_cwd,
            roots: Vec::new(),
        })
    };
    let agents = a2a.agents.iter().map(agent).collect::<Result<Vec<_>, _>>()?;
    let admission = admission(loaded, secrets)?.ok_or_else(|| {
        let message = "nobody would be let in: add [a2a.tokens.NAME] with secret, or set auth = false to let anybody \
                       in who reaches a loopback address";
        senseless(loaded, "a2a.tokens", message.to_owned())
    })?;
    Ok(Some(Published { settings: publishing(loaded, secrets, agents, admission)?, address }))
}

/// Makes settings for some agents, with what the file says of the rest. Gives each agent the roots.
pub(crate) fn publishing(
    loaded: &Loaded,
    secrets: &Secrets,
    mut agents: Vec<AgentSettings>,
    admission: Admission,
) -> Result<Settings, ConfigError> {
    let a2a = &loaded.config.a2a;
    let mut roots = absolute(loaded, "a2a.roots", &a2a.roots)?;
    roots.extend(absolute(loaded, "runs.roots", &loaded.config.runs.roots)?);
    for agent in &mut agents {
        agent.roots.clone_from(&roots);
    }
    let signer = a2a.signing_key.as_ref().map(|name| {
        let key = secret(loaded, secrets, "a2a.signing_key", name)?;
        CardSigner::from_pem(&key)
            .map_err(|error| senseless(loaded, "a2a.signing_key", format!("secret {name:?}: {error}")))
    });
    Ok(Settings {
        agents,
        admission,
        public_url: a2a.public_url.clone(),
        hosts: a2a.hosts.clone(),
        signer: signer.transpose()?,
    })
}

/// Reads the tokens of the file; `None` if there is none and one is needed.
pub(crate) fn admission(loaded: &Loaded, secrets: &Secrets) -> Result<Option<Admission>, ConfigError> {
    let a2a = &loaded.config.a2a;
    if !a2a.auth {
        return Ok(Some(Admission::Anybody));
    }
    let token = |(name, token): (&String, &A2aToken)| {
        let value = secret(loaded, secrets, &format!("a2a.tokens.{name}.secret"), &token.secret)?;
        Ok(Token::new(name, &value, token.answers_approvals))
    };
    let tokens = a2a.tokens.iter().map(token).collect::<Result<Vec<_>, ConfigError>>()?;
    Ok((!tokens.is_empty()).then_some(Admission::Tokens(tokens)))
}

fn secret(loaded: &Loaded, secrets: &Secrets, key: &str, name: &str) -> Result<String, ConfigError> {
    let value = secrets.read(name).map_err(|error| senseless(loaded, key, error.to_string()))?;
    Ok(value.expose().to_owned())
}

/// Checks what an agent is called: it stands in its address.
pub(crate) fn agent_name(name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(plain) || Path::new(name).file_name().is_none() {
        return Err("an agent's name is made of letters, digits, -, _ and .".to_owned());
    }
    Ok(())
}

/// Describes an agent that nobody described.
pub(crate) fn described(backend: &str) -> String {
    format!(
        "An agent of kind {backend}, behind Pointsman: it works in a folder of its host's, under that host's rules."
    )
}
