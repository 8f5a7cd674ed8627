//! Tokens: by its own an agent shows which run it belongs to.
//!
//! One is made for each launch and ends with it. It is in the environment of the run's processes and nowhere else: what
//! is kept here is its digest, and neither is written anywhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pointsman_model::{Digest, RunId};

use crate::clock;

/// The tokens of all live runs of this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    runs: Arc<Mutex<HashMap<Digest, RunId>>>,
}

/// A token that is good while this lives.
pub(crate) struct Token {
    text: String,
    tokens: Tokens,
}

impl Tokens {
    /// Makes a token for a run.
    pub(crate) fn issue(&self, run: RunId) -> Token {
        // Hexadecimal needs no quoting anywhere.
        let random: [u8; 32] = clock::random();
        let text = random.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        self.lock().insert(Digest::of(text.as_bytes()), run);
        Token { text, tokens: self.clone() }
    }

    /// Gives the run that a token was made for, while it lives.
    pub(crate) fn run_of(&self, token: &str) -> Option<RunId> {
        // A table of digests tells nothing about a token by how long a look into it takes.
        self.lock().get(&Digest::of(token.as_bytes())).copied()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, RunId>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Token {
    /// Gives the token itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.tokens.lock().remove(&Digest::of(self.text.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_run_and_dies_with_it() {
        let tokens = Tokens::default();
        let (one, two) = (RunId::from_random([1; 16]), RunId::from_random([2; 16]));
        let (of_one, of_two) = (tokens.issue(one), tokens.issue(two));
        assert_eq!(tokens.run_of(of_one.text()), Some(one));
        assert_eq!(tokens.run_of(of_two.text()), Some(two));
        assert_eq!(of_one.text().len(), 64);
        let dead = of_one.text().to_owned();
        drop(of_one);
        assert_eq!(tokens.run_of(&dead), None);
        assert_eq!(tokens.run_of(""), None);
        assert_eq!(tokens.run_of(of_two.text()), Some(two));
    }
}
