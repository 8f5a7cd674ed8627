//! The policies' word on a request: the one place where they are asked.
//!
//! Whatever is to be judged, by whichever way it comes, becomes a [`Question`] with the facts that the host gathers, and
//! goes through [`judge`]. `tests/tests/architecture.rs` fails if anything else asks a policy.

use std::sync::Arc;

use pointsman_model::{Question, Ruling, RunId, Verdict};

use crate::parts::Parts;
use crate::plugins::Plugins;
use crate::policies::Loaded;
use crate::settings::OnFailure;

/// Speaks where no module does.
const HOST: &str = "host";

/// Whether a question is about what is to begin, or about something of a run that lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Access can still be taken away: a ceiling lowers it.
    Launch,
    /// As at a launch, but nothing follows from it: somebody wants to know what a launch would get.
    Foreseen,
    /// The agent has its access already: under a ceiling below it a person is asked, as nothing can be lowered.
    Live,
}

/// Asks every policy module, puts their words together, and records that. `run` is the one that the question is about.
pub(crate) async fn judge(
    parts: &Arc<Parts>,
    run: Option<RunId>,
    question: &Question,
    moment: Moment,
) -> Ruling {
    let plugins = Arc::clone(&parts.plugins);
    let asked = question.clone();
    // Modules compute; that is nothing for the reactor.
    let ruling = tokio::task::spawn_blocking(move || rule(&plugins, &asked)).await;
    let (ruling, chain) = ruling.unwrap_or_else(|error| {
        tracing::error!(%error, "the policies panicked");
        (Ruling::compose([]), None)
    });
    let ruling = if moment == Moment::Live { within(ruling, question) } else { ruling };
    tracing::info!(
        action = question.action,
        verdict = ?ruling.verdict,
        module = ruling.module,
        rule = ruling.rule,
        "policies have spoken"
    );
    if moment == Moment::Foreseen {
        return ruling;
    }
    parts.recorder.decided(run, question, ruling, chain.as_ref()).await
}

/// Blocks. A module that fails never allows: its failure asks a person or denies, as the operator has it. Gives the
/// modules that were asked, too.
fn rule(plugins: &Arc<Plugins>, question: &Question) -> (Ruling, Option<Arc<[Arc<Loaded>]>>) {
    let chain = match plugins.policies() {
        Ok(chain) => chain,
        Err(error) => return (failed("host", &error.to_string(), plugins.on_failure()), None),
    };
    let ruling = Ruling::compose(chain.iter().map(|module| match module.decide(question) {
        Ok(ruling) => ruling,
        Err(error) => {
            tracing::error!(policy = module.name, %error, "a policy module failed");
            failed(&module.name, &error.to_string(), module.on_failure)
        }
    }));
    (hinted(ruling, question), Some(chain))
}

/// Where no module speaks of what the operator has granted already, says what would have it done without asking.
pub(crate) fn hinted(mut ruling: Ruling, question: &Question) -> Ruling {
    let granted = matches!(question.action.as_str(), "process" | "request");
    if granted && ruling.module == HOST && ruling.verdict == Verdict::Ask {
        ruling.reason = format!(
            "{}; it is within the operator's grants: a file of rules with `default = {{ {} = \"allow\" }}` allows it",
            ruling.reason, question.action
        );
    }
    ruling
}

pub(crate) fn failed(module: &str, error: &str, counts: OnFailure) -> Ruling {
    Ruling {
        verdict: match counts {
            OnFailure::Ask => Verdict::Ask,
            OnFailure::Deny => Verdict::Deny,
        },
        module: module.to_owned(),
        rule: None,
        reason: format!("policy {module} could not decide: {error}"),
        ttl_seconds: None,
        ceiling: None,
        scope: None,
    }
}

/// Holds an allowance to its ceiling: what would be done is done with the access that the run has.
fn within(mut ruling: Ruling, question: &Question) -> Ruling {
    if let (Some(ceiling), Some(access)) = (ruling.ceiling, question.access)
        && ceiling < access
        && ruling.verdict < Verdict::Ask
    {
        ruling.verdict = Verdict::Ask;
        ruling.reason = format!(
            "{}; but with {} at most, and the run was launched with {}",
            ruling.reason,
            ceiling.as_str(),
            access.as_str()
        );
    }
    ruling
}

/// Says what a ruling denies with, for whoever is denied.
pub(crate) fn told_of(ruling: &Ruling) -> String {
    match &ruling.rule {
        Some(rule) => format!("{} (rule {rule} of policy {})", ruling.reason, ruling.module),
        None => format!("{} (policy {})", ruling.reason, ruling.module),
    }
}

#[cfg(test)]
mod tests {
    use pointsman_model::{Access, Timestamp};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(Some(Access::ReadOnly), Verdict::Allow, Verdict::Ask)]
    #[case(Some(Access::WorkspaceWrite), Verdict::Allow, Verdict::Allow)]
    #[case(None, Verdict::Allow, Verdict::Allow)]
    #[case(Some(Access::ReadOnly), Verdict::Deny, Verdict::Deny)]
    fn a_ceiling_binds_a_live_run_as_well(
        #[case] ceiling: Option<Access>,
        #[case] said: Verdict,
        #[case] stands: Verdict,
    ) {
        let question = Question {
            action: "permission".to_owned(),
            chain: Vec::new(),
            backend: None,
            role: None,
            cwd: None,
            access: Some(Access::WorkspaceWrite),
            detail: json!({}),
            facts: json!({}),
            at: Timestamp::from_millis(0),
        };
        let ruling = Ruling { verdict: said, ceiling, ..failed("m", "x", OnFailure::Ask) };
        assert_eq!(within(ruling, &question).verdict, stands);
    }
}
