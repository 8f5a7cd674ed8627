//! The policies' word on a request.

use std::sync::Arc;

use pointsman_model::{Question, Ruling, Verdict};

use crate::plugins::Plugins;

/// Asks every policy module and puts their words together. Blocks: call it off the reactor.
///
/// A module that fails never allows: its failure counts as a question to a person.
pub(crate) fn rule(plugins: &Arc<Plugins>, question: &Question) -> Ruling {
    let chain = match plugins.policies() {
        Ok(chain) => chain,
        Err(error) => return failed("host", &error.to_string()),
    };
    Ruling::compose(chain.iter().map(|module| match module.decide(question) {
        Ok(ruling) => ruling,
        Err(error) => {
            tracing::error!(policy = module.name, %error, "a policy module failed");
            failed(&module.name, &error.to_string())
        }
    }))
}

fn failed(module: &str, error: &str) -> Ruling {
    Ruling {
        verdict: Verdict::Ask,
        module: module.to_owned(),
        rule: None,
        reason: format!("policy {module} could not decide: {error}"),
        ttl_seconds: None,
        ceiling: None,
        scope: None,
    }
}
