//! Whether each backend could be launched now, and if not, what is missing.

use pointsman_capabilities::Asker;
use pointsman_engine::Settings;
use pointsman_model::{Grant, Leaf};
use serde_json::Value;

use super::components::failed;
use super::finding::{Finding, Health};
use super::needs::{self, Need};
use super::programs::{Known, known};
use crate::config::Loaded;
use crate::failure::Failure;
use crate::plugins::{Configured, Inspected};

/// Looks at backends.
pub(super) struct Readiness<'a> {
    loaded: &'a Loaded,
    settings: &'a Settings,
}

/// What is wrong with a backend, and the line that mends it.
struct Fault {
    detail: String,
    mend: String,
}

impl<'a> Readiness<'a> {
    pub(super) fn new(loaded: &'a Loaded, settings: &'a Settings) -> Self {
        Self { loaded, settings }
    }

    /// Says of one backend that it is ready, or everything that keeps it from being.
    pub(super) fn of(&self, backend: &Configured, inspected: Result<Inspected, Failure>) -> Vec<Finding> {
        let subject = format!("backend {}", backend.name);
        // One that is only built in may well miss its program: nobody asked for it.
        let wanted = self.loaded.config.backends.contains_key(&backend.name);
        let health = if wanted { Health::Missing } else { Health::Note };
        let inspected = match inspected {
            Ok(inspected) => inspected,
            Err(mut failure) => {
                failure.message = format!("not ready: {}", failure.message);
                return vec![failed(subject, Health::Missing, failure)];
            }
        };
        let table = format!("backends.{}", backend.name);
        let asker =
            Asker { table: &table, requests: &inspected.description.requests, grants: &backend.grants };
        let needs =
            needs::of(&inspected.description.config_schema, backend.settings().unwrap_or(&Value::Null));
        let mut faults = grants(&asker, &needs);
        faults.extend(self.needs(&asker, &needs));
        faults.extend(self.secrets(&asker));
        let mut parts = vec![format!("{} {}", inspected.description.name, inspected.description.version)];
        let untested = self.programs(backend, &inspected, &mut parts, &mut faults);
        let unbound = self.unbound(&asker);
        let wide = unbound
            .into_iter()
            .map(|Fault { detail, mend }| Finding::new(subject.clone(), Health::Note, detail).mend(mend));
        if faults.is_empty() {
            // It may work as well as ever; whoever has trouble with it wants to know.
            let health = if untested { Health::Note } else { Health::Good };
            let ready = Finding::new(subject.clone(), health, format!("ready: {}", parts.join("; ")));
            return [ready].into_iter().chain(wide).collect();
        }
        let missing = faults.into_iter().map(|Fault { detail, mend }| {
            Finding::new(subject.clone(), health, format!("not ready: {detail}")).mend(mend)
        });
        missing.chain(wide).collect()
    }

    /// Finds the secrets that it may send to any origin of the table.
    fn unbound(&self, asker: &Asker<'_>) -> Vec<Fault> {
        let may = |leaf: Leaf| {
            let asked = asker.requests.iter().any(|request| request.leaf == leaf);
            asker.grants.iter().filter(move |grant| asked && grant.leaf == leaf)
        };
        if !may(Leaf::RequestSend).any(|grant| grant.target == "*") {
            return Vec::new();
        }
        let known = self.loaded.config.secrets.keys();
        let names: Vec<&String> = if may(Leaf::SecretUse).any(|grant| grant.target == "*") {
            known.collect()
        } else {
            known.filter(|name| may(Leaf::SecretUse).any(|grant| grant.target == **name)).collect()
        };
        let unbound = names.into_iter().filter(|name| !self.settings.secrets.is_bound(name));
        let fault = |name: &String| Fault {
            detail: format!("may send secret {name:?} to every origin of the table"),
            mend: format!("[secrets.{name}] origins = [\"https://…\"]"),
        };
        unbound.map(fault).collect()
    }

    /// Looks whether what its configuration names was given to it.
    fn needs(&self, asker: &Asker<'_>, needs: &[Need]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for Need { key, leaf, target } in needs {
            let named = |grant: &Grant| grant.leaf == *leaf && grant.target == *target;
            if asker.check(*leaf, target).is_err() {
                let detail =
                    format!("its configuration key `{key}` needs `{leaf} {target}`, which it was not given");
                faults.push(Fault { detail, mend: line(asker, *leaf, target) });
            } else if *leaf == Leaf::RequestSend
                && self.settings.origins.get(target).is_none()
                // One that was given by name is found missing where the origins are looked at.
                && !asker.grants.iter().any(named)
            {
                let detail = format!(
                    "its configuration key `{key}` leads to {target}, which the table of origins does not have"
                );
                faults.push(Fault { detail, mend: format!("[origins.\"{target}\"]") });
            }
        }
        faults
    }

    /// Reads the secrets that it was given, and shows none.
    fn secrets(&self, asker: &Asker<'_>) -> Vec<Fault> {
        let asked = asker.requests.iter().any(|request| request.leaf == Leaf::SecretUse);
        let given = asker.grants.iter().filter(|grant| grant.leaf == Leaf::SecretUse && grant.target != "*");
        given
            .filter(|_| asked)
            .filter_map(|grant| {
                let error = self.settings.secrets.read(&grant.target).err()?;
                let mend = format!("[secrets.{}] env = \"VARIABLE\"    (or file = \"/path\")", grant.target);
                Some(Fault { detail: error.to_string(), mend })
            })
            .collect()
    }

    /// Looks at the programs that it was given; one of them is enough. Says whether none was of a tested version.
    fn programs(
        &self,
        backend: &Configured,
        inspected: &Inspected,
        parts: &mut Vec<String>,
        faults: &mut Vec<Fault>,
    ) -> bool {
        let given =
            backend.grants.iter().filter(|grant| grant.leaf == Leaf::ProcessSpawn && grant.target != "*");
        let (mut found, mut good, mut missing) = (0, 0, Vec::new());
        for grant in given {
            let tested = inspected.tested.iter().find(|tested| tested.program == grant.target);
            match known(self.settings, &grant.target, tested) {
                Known::There { detail, tested } => {
                    found += 1;
                    good += u32::from(tested);
                    parts.push(detail);
                }
                Known::Missing { detail, mend } => missing.push(Fault { detail, mend }),
            }
        }
        if found == 0 {
            faults.extend(missing);
        } else {
            parts.extend(missing.into_iter().map(|fault| fault.detail));
        }
        found > 0 && good == 0
    }
}

/// Holds what the plugin asks for against what it was given. What it needs by kind has to be given in some form: a
/// program to start, or else somebody to send requests to, and timers; what else it asks for depends on its
/// configuration.
fn grants(asker: &Asker<'_>, needs: &[Need]) -> Vec<Fault> {
    let (requests, table) = (asker.requests, asker.table);
    let given = |leaf: Leaf| asker.grants.iter().any(|grant| grant.leaf == leaf);
    let asks = |leaf: Leaf| requests.iter().any(|request| request.leaf == leaf);
    let hand = if asks(Leaf::ProcessSpawn) { Leaf::ProcessSpawn } else { Leaf::RequestSend };
    let mut faults = Vec::new();
    for leaf in [hand, Leaf::TimerSet] {
        // Its configuration may say more precisely what is missing.
        let named = needs.iter().any(|need| need.leaf == leaf);
        let mut asked = requests.iter().filter(|request| request.leaf == leaf);
        if let (Some(request), false) = (asked.next(), named || given(leaf)) {
            let target = match (leaf, request.target.as_str()) {
                (Leaf::ProcessSpawn, "*") => "PROGRAM",
                (Leaf::RequestSend, "*") => "https://agents.example.com",
                (_, target) => target,
            };
            faults.push(Fault {
                detail: format!(
                    "it asks for `{leaf} {}` and was not given it: {}",
                    request.target, request.why
                ),
                mend: line(asker, leaf, target),
            });
        }
    }
    // A grant that nobody asks for gives nothing: most likely it is a mistake.
    for grant in asker.grants.iter().filter(|grant| grant.target != "*") {
        if !requests.iter().any(|request| request.leaf == grant.leaf)
            && let Err(why) = asker.check(grant.leaf, &grant.target)
        {
            let mend = format!("take `{} {}` out of [{table}] grants", grant.leaf, grant.target);
            faults.push(Fault { detail: why, mend });
        }
    }
    faults
}

fn line(asker: &Asker<'_>, leaf: Leaf, target: &str) -> String {
    let given = asker.grants.iter().map(|grant| format!("\"{} {}\"", grant.leaf, grant.target));
    let all: Vec<_> = given.chain([format!("\"{leaf} {target}\"")]).collect();
    format!("[{}] grants = [{}]", asker.table, all.join(", "))
}
