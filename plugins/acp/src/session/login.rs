//! Agents that want their user to log in first.

use pointsman_sdk::backend::{Effects, Interruption, InterruptionKind};
use serde_json::json;

use super::{Session, Step};
use crate::wire::Fault;

impl Session {
    /// Says whether an error asks for a login. Its code is one that others use for anything.
    pub(super) fn wants_login(&self, step: &Step, fault: &Fault) -> bool {
        let said = fault.message.to_lowercase();
        let says = ["auth", "log in", "login", "logged", "api key", "credential"]
            .iter()
            .any(|word| said.contains(word));
        matches!(step, Step::Authenticate { .. }) || says || !self.agent.auth_methods.is_empty()
    }

    /// Logs in as the operator said, or waits for the user to do it.
    pub(super) fn lock(&mut self, step: Step, fault: &Fault, effects: &mut Effects) {
        let again = match step {
            Step::Authenticate { then } => *then,
            step => step,
        };
        if self.config.auth_method.is_some() && !self.authenticated {
            self.authenticated = true;
            return self.go(Step::Authenticate { then: Box::new(again) }, effects);
        }
        let methods = &self.agent.auth_methods;
        let names: Vec<&str> =
            methods.iter().filter_map(|method| method["name"].as_str().or(method["id"].as_str())).collect();
        let ways =
            if names.is_empty() { String::new() } else { format!(" It offers: {}.", names.join(", ")) };
        effects.await_input(Interruption {
            kind: InterruptionKind::Auth,
            text: format!(
                "The agent {} wants you to log in: {}.{ways} Log in with it on this machine, or set `auth_method` in \
                 this backend's config; then continue the run.",
                self.config.program,
                fault.message.trim_end_matches('.')
            ),
            detail: Some(json!({ "methods": methods, "error": fault.message }).to_string()),
        });
        self.locked = Some(again);
    }

    /// Takes a message of the user's; says whether it was awaited.
    pub(crate) fn take_message(&mut self, effects: &mut Effects) -> bool {
        let Some(step) = self.locked.take() else { return false };
        self.authenticated = false;
        self.go(step, effects);
        true
    }
}
