//! What an operator decides about being an agent for others.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pointsman_model::{Access, Role};
use sha2::{Digest as _, Sha256};

use crate::sign::CardSigner;

/// One published backend.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    /// What it is called in its address: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The backend that does the work.
    pub backend: String,
    /// For people who choose an agent.
    pub description: String,
    /// What kind of work its runs are labelled as.
    pub role: Role,
    /// What it may touch.
    pub access: Access,
    /// A profile that instructs it, by its name.
    pub profile: Option<String>,
    /// Where tasks work whose first message names no directory: absolute, without symbolic links.
    pub cwd: PathBuf,
    /// Whether the first message of a context may choose a folder. If not, what it says of one is passed over: clients on
    /// other machines name folders of theirs.
    pub follow_cwd: bool,
    /// Where tasks may work besides `cwd` and what lies below it: absolute, without symbolic links.
    pub roots: Vec<PathBuf>,
}

/// Who holds a token: a client by name.
#[derive(Clone)]
pub struct Token {
    /// The client's name: what stands at the root of its runs' chains, as `a2a:<name>`.
    pub(crate) name: String,
    /// Whether its holder speaks for a person, and answers permissions.
    pub(crate) answers_approvals: bool,
    /// The value's SHA-256: the value itself is not kept.
    pub(crate) digest: [u8; 32],
}

impl Token {
    /// Takes a token's value, which is not kept.
    #[must_use]
    pub fn new(name: impl Into<String>, value: &str, answers_approvals: bool) -> Self {
        Self { name: name.into(), answers_approvals, digest: Sha256::digest(value.as_bytes()).into() }
    }
}

impl Token {
    /// Makes a token of a random value, and gives the value.
    ///
    /// # Errors
    ///
    /// If the system gives no random bytes.
    pub fn generate(
        name: impl Into<String>,
        answers_approvals: bool,
    ) -> Result<(Self, String), getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let value = URL_SAFE_NO_PAD.encode(bytes);
        Ok((Self::new(name, &value, answers_approvals), value))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .field("answers_approvals", &self.answers_approvals)
            .finish_non_exhaustive()
    }
}

/// Who is let in.
#[derive(Debug, Clone)]
pub enum Admission {
    /// Whoever holds one of these tokens.
    Tokens(Vec<Token>),
    /// Whoever reaches the address. Nobody answers permissions.
    Anybody,
}

/// What an operator decides about being an agent for others.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The agents, each at `/agents/<name>`. The card of the only one lies at the root as well.
    pub agents: Vec<AgentSettings>,
    /// Who is let in.
    pub admission: Admission,
    /// What cards say instead of the address that is listened at, such as that of a proxy. Without a slash at its end.
    pub public_url: Option<String>,
    /// Names by which this server may be called besides `localhost` and its public URL's. Addresses are always fine.
    pub hosts: Vec<String>,
    /// Signs the cards.
    pub signer: Option<CardSigner>,
}
