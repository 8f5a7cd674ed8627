//! The table of origins: what is wrong with it, and what a plugin reaches by it.

use rstest::rstest;
use serde_json::{Value, json};

use crate::program::Home;

const AGENTS: &str = "https://agents.example.com";

#[rstest]
#[case::spelt_otherwise(
    "[origins.\"https://Agents.example.com/\"]\n",
    "origins: \"https://Agents.example.com/\" is no origin: write it as https://agents.example.com"
)]
#[case::metadata(
    "[origins.\"http://169.254.169.254\"]\n",
    "no request goes to this address, whatever is configured"
)]
#[case::no_certificates(
    "[origins.\"https://agents.example.com\"]\nca_file = \"nowhere.pem\"\n",
    "origins.\"https://agents.example.com\": ~/.config/pointsman/nowhere.pem: "
)]
#[case::no_class(
    "[origins.\"https://agents.example.com\"]\naddresses = [\"intranet\"]\n",
    "unknown variant `intranet`, expected one of `public`, `private`, `loopback`"
)]
#[case::a_grant_that_could_never_match(
    "[backends.far]\ncomponent = \"bundled:command\"\ngrants = [\"request/send@1 https://agents.example.com/a2a\"]\n",
    "is no origin: write it as https://agents.example.com"
)]
#[case::a_secret_bound_to_none(
    "[secrets.token]\nenv = \"T\"\norigins = [\"https://agents.example.com/a2a\"]\n",
    "`secrets.token.origins`: \"https://agents.example.com/a2a\" is no origin: write it as https://agents.example.com"
)]
fn faults_are_named(#[case] text: &str, #[case] said: &str) {
    let home = Home::new();
    home.configure(text);
    let it = home.run(&["config", "check"]);
    assert_eq!(it.exit, Some(3), "{it:?}");
    assert!(it.err.contains(said), "{}", it.err);
}

fn origin<'a>(report: &'a Value, name: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .find(|finding| finding["subject"] == name)
        .unwrap_or_else(|| panic!("no {name}: {report}"))
}

#[test]
fn doctor_lists_origins_and_names_those_that_are_missing() {
    let home = Home::new();
    let backend = "[backends.remote_a2a]\ncomponent = \"bundled:remote_a2a\"\nconfig.agent_url = \"https://agents.example.com\"\n";
    home.configure(&format!(
        "[origins.\"http://127.0.0.1:9999\"]\npaths = [\"/a2a\"]\n{backend}grants = [\"request/send@1 {AGENTS}\"]\n"
    ));
    let it = home.run(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&it.out).unwrap();
    assert_eq!((it.exit, &report["ok"]), (Some(1), &json!(false)));
    let finding =
        |name: &str, health: &str, detail: &str| json!({"subject": name, "health": health, "detail": detail});
    let listed = origin(&report, "origin http://127.0.0.1:9999");
    let detail = "GET, HEAD, POST, PUT, PATCH, DELETE; /a2a; no backend was given it";
    assert_eq!(*listed, finding("origin http://127.0.0.1:9999", "note", detail));
    let name = format!("origin {AGENTS}");
    let mut missing = finding(
        &name,
        "missing",
        "backend remote_a2a was given it, and the table of origins does not have it",
    );
    missing["mend"] = json!(format!("[origins.\"{AGENTS}\"]"));
    assert_eq!(*origin(&report, &name), missing);

    home.configure(&format!(
        "[origins.\"{AGENTS}\"]\nmethods = [\"GET\"]\n{backend}grants = [\"request/send@1 *\"]\n"
    ));
    let mut behind_a_proxy = home.command(&["doctor", "--json"]);
    let it = home.said(behind_a_proxy.env("HTTPS_PROXY", "http://proxy:3128").output().unwrap());
    let report: Value = serde_json::from_str(&it.out).unwrap();
    let listed = origin(&report, &name);
    assert_eq!(listed["health"], "good");
    let detail = listed["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("GET; all paths; public addresses; by a proxy, which looks the name up; for "),
        "{detail}"
    );
}

#[test]
fn inspect_tells_what_a_plugin_reaches() {
    let home = Home::new();
    let backend = |target: &str| {
        format!(
            "[backends.remote_a2a]\ncomponent = \"bundled:remote_a2a\"\nconfig.agent_url = \"{AGENTS}\"\ngrants = [\"request/send@1 {target}\"]\n"
        )
    };
    home.configure(&backend("*"));
    let it = home.run(&["plugin", "inspect", "remote_a2a"]);
    assert!(it.out.contains("reaches   nothing: none of it is in the table"), "{it:?}");
    home.configure(&format!("[origins.\"{AGENTS}\"]\n[origins.\"http://127.0.0.1:1\"]\n{}", backend(AGENTS)));
    let it = home.run(&["plugin", "inspect", "remote_a2a"]);
    assert!(it.out.contains(&format!("reaches   {AGENTS}\n")), "{it:?}");
    let it = home.run(&["plugin", "inspect", "remote_a2a", "--json"]);
    let inspected: Value = serde_json::from_str(&it.out).unwrap();
    assert_eq!(inspected["origins"], json!([AGENTS]));
}

/// With both in hand a plugin could send the one to any of the others.
#[test]
fn doctor_names_secrets_that_could_go_to_any_origin() {
    let home = Home::new();
    let secrets = "[secrets.loose]\nenv = \"PATH\"\n[secrets.bound]\nenv = \"PATH\"\n\
                   origins = [\"https://agents.example.com\"]\n";
    let notes = |sends: &str| {
        home.configure(&format!(
            "[origins.\"{AGENTS}\"]\n{secrets}[backends.far]\ncomponent = \"bundled:remote_a2a\"\ngrants = \
             [\"request/send@1 {sends}\", \"timer/set@1 *\", \"secret/use@1 *\"]\nconfig.agent_url = \"{AGENTS}\"\n"
        ));
        let report: Value = serde_json::from_str(&home.run(&["doctor", "--json"]).out).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let of_far = findings.filter(|finding| finding["subject"] == "backend far");
        of_far.cloned().collect::<Vec<_>>()
    };
    let wide = notes("*");
    assert_eq!(wide.len(), 2, "{wide:?}");
    assert_eq!((&wide[0]["health"], &wide[1]["health"]), (&json!("good"), &json!("note")));
    assert_eq!(wide[1]["detail"], "may send secret \"loose\" to every origin of the table");
    assert_eq!(wide[1]["mend"], "[secrets.loose] origins = [\"https://…\"]");
    let narrow = notes(AGENTS);
    assert_eq!(narrow.len(), 1, "{narrow:?}");
}
