//! The world `policy-module`.

use pointsman_model::plugin::{Description, Finding};
use pointsman_model::{Matched, Principal, Question, Ruling, Scope, Verdict, canonical_json};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre, ResourceAny};

use super::bindings::policy::PolicyModuleIndices;
use super::bindings::policy::exports::pointsman::plugin::policy as wit;
use super::types::description;
use crate::Limits;
use crate::guest::Guest;
use crate::intake::{Fault, Intake};

/// What such a component exports.
pub(crate) const EXPORT: &str = "pointsman:plugin/policy@0.1.0";

/// Where a component's exports are: looked up once, used by every instance.
pub(crate) struct Exports(PolicyModuleIndices);

/// A configuration in an instance.
pub(crate) struct Rulebook {
    export: wit::Guest,
    rulebook: ResourceAny,
}

impl Exports {
    pub(crate) fn find(pre: &InstancePre<Guest>) -> wasmtime::Result<Self> {
        PolicyModuleIndices::new(pre).map(Self)
    }

    pub(crate) fn describe(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        limits: &Limits,
    ) -> Result<Description, Fault> {
        let plugin = self.0.load(&mut *store, instance)?;
        let said = plugin.pointsman_plugin_policy().call_describe(store)?;
        description(said, &mut Intake::new(limits))
    }

    /// Reads a configuration; the inner error is what the policy finds wrong with it.
    pub(crate) fn load(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        config: &str,
        limits: &Limits,
    ) -> Result<Result<Rulebook, Vec<Finding>>, Fault> {
        let plugin = self.0.load(&mut *store, instance)?;
        let export = plugin.pointsman_plugin_policy().clone();
        let findings = match export.rulebook().call_load(store, config)? {
            Ok(rulebook) => return Ok(Ok(Rulebook { export, rulebook })),
            Err(findings) => findings,
        };
        Intake::new(limits).strings(findings.len())?;
        let findings = findings.into_iter().map(|finding| Finding { rule: finding.rule, text: finding.text });
        Ok(Err(findings.collect()))
    }
}

impl Rulebook {
    pub(crate) fn decide(
        &self,
        store: &mut Store<Guest>,
        asked: &Question,
        module: &str,
    ) -> Result<Ruling, Fault> {
        let asked = question(asked)?;
        let ruling =
            self.export.rulebook().call_decide(store, self.rulebook, &asked)?.map_err(Intake::refusal)?;
        Ok(Ruling {
            verdict: verdict(ruling.verdict),
            module: module.to_owned(),
            rule: ruling.rule,
            reason: ruling.reason,
            ttl_seconds: ruling.ttl_seconds,
            ceiling: ruling.ceiling.map(Into::into),
            scope: ruling.scope.map(scope),
        })
    }

    pub(crate) fn explain(
        &self,
        store: &mut Store<Guest>,
        asked: &Question,
        limits: &Limits,
    ) -> Result<Vec<Matched>, Fault> {
        let asked = question(asked)?;
        let matched =
            self.export.rulebook().call_explain(store, self.rulebook, &asked)?.map_err(Intake::refusal)?;
        Intake::new(limits).strings(matched.len())?;
        let matched = matched.into_iter().map(|matched| Matched {
            rule: matched.rule,
            verdict: verdict(matched.verdict),
            reason: matched.reason,
            ttl_seconds: matched.ttl_seconds,
            ceiling: matched.ceiling.map(Into::into),
            scope: matched.scope.map(scope),
            undecided: matched.undecided,
        });
        Ok(matched.collect())
    }
}

fn verdict(verdict: wit::Verdict) -> Verdict {
    match verdict {
        wit::Verdict::Abstain => Verdict::Abstain,
        wit::Verdict::Allow => Verdict::Allow,
        wit::Verdict::Ask => Verdict::Ask,
        wit::Verdict::Deny => Verdict::Deny,
    }
}

fn scope(scope: wit::Scope) -> Scope {
    match scope {
        wit::Scope::Once => Scope::Once,
        wit::Scope::Run => Scope::Run,
        wit::Scope::Session => Scope::Session,
    }
}

fn question(question: &Question) -> Result<wit::Question, Fault> {
    Ok(wit::Question {
        action: question.action.clone(),
        chain: question.chain.iter().map(principal).collect(),
        backend: question.backend.clone(),
        role: question.role.clone(),
        cwd: question.cwd.clone(),
        access: question.access.map(Into::into),
        detail: canonical_json(&question.detail).map_err(|error| Fault::Input(format!("detail: {error}")))?,
        // Nothing is bound to the facts, so their plain form will do: its keys are in order, too.
        facts: question.facts.to_string(),
        at: question.at.as_millis(),
    })
}

fn principal(principal: &Principal) -> wit::Principal {
    wit::Principal {
        name: principal.name.clone(),
        role: principal.role.clone(),
        run_id: principal.run_id.clone(),
        depth: principal.depth,
    }
}
