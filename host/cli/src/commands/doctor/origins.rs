//! The origins of the table, and those that are missing from it.

use pointsman_capabilities::process::HostEnvironment;
use pointsman_capabilities::request::{OriginRules, Proxies};
use pointsman_engine::{BackendSettings, Settings};
use pointsman_model::Leaf;

use super::finding::{Finding, Health};

/// Looks at every origin that is listed, and at every one that a backend was given. Nothing is sent.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let proxies = Proxies::of(&HostEnvironment::of_this_process());
    let listed = settings.origins.iter().map(|rules| listed(settings, &proxies, rules));
    let given = settings.backends.iter().flat_map(|(name, backend)| {
        let grants = backend.grants.iter().filter(|grant| grant.leaf == Leaf::RequestSend);
        grants.map(move |grant| (name, grant.target.as_str()))
    });
    let missing = given.filter(|(_, origin)| *origin != "*" && settings.origins.get(origin).is_none()).map(
        |(name, origin)| {
            let detail = format!("backend {name} was given it, and the table of origins does not have it");
            Finding::new(format!("origin {origin}"), Health::Missing, detail)
                .mend(format!("[origins.\"{origin}\"]"))
        },
    );
    let findings: Vec<_> = listed.chain(missing).collect();
    if !findings.is_empty() {
        return findings;
    }
    let given =
        |backend: &BackendSettings| backend.grants.iter().any(|grant| grant.leaf == Leaf::RequestSend);
    let reaching: Vec<_> = settings.backends.iter().filter(|(_, backend)| given(backend)).collect();
    if reaching.is_empty() {
        return Vec::new();
    }
    let names: Vec<_> = reaching.into_iter().map(|(name, _)| name.as_str()).collect();
    let detail = format!("none is listed, so {} can reach nobody", names.join(", "));
    vec![Finding::new("origins", Health::Note, detail).mend("[origins.\"https://agents.example.com\"]")]
}

fn listed(settings: &Settings, proxies: &Proxies, rules: &OriginRules) -> Finding {
    let origin = rules.origin().as_str();
    let subject = format!("origin {origin}");
    let mut words = vec![rules.methods().join(", ")];
    words.push(match rules.paths() {
        [] => "all paths".to_owned(),
        paths => paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    });
    if let Some(classes) = rules.addresses() {
        let classes: Vec<_> = classes.iter().map(|class| class.as_str()).collect();
        words.push(format!("{} addresses", classes.join(" and ")));
    }
    match proxies.applies_to(rules) {
        Ok(true) => words.push("by a proxy, which looks the name up".to_owned()),
        Ok(false) => {}
        Err(why) => return Finding::new(subject, Health::Missing, why),
    }
    let given = |backend: &BackendSettings| {
        let covers = |target: &str| target == "*" || target == origin;
        backend.grants.iter().any(|grant| grant.leaf == Leaf::RequestSend && covers(&grant.target))
    };
    let users: Vec<_> = settings
        .backends
        .iter()
        .filter(|(_, backend)| given(backend))
        .map(|(name, _)| name.as_str())
        .collect();
    let detail = words.join("; ");
    if users.is_empty() {
        return Finding::new(subject, Health::Note, format!("{detail}; no backend was given it"));
    }
    Finding::new(subject, Health::Good, format!("{detail}; for {}", users.join(", ")))
}
