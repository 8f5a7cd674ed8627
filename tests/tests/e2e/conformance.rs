//! The official conformance runner, as far as it applies.
//!
//! It speaks HTTP alone, and most of its scenarios want a server of fixtures. So a small bridge stands between it and
//! the host, and what runs is whatever asks about the protocol itself: handshake, discovery, lists, errors, and each
//! message against the specification's schema.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use pointsman_tests::{Npm, Place, node_modules, program};
use rstest::rstest;
use serde_json::Value;

/// Checks that fail, and that are meant to.
const EXPECTED: &[(&str, &str)] = &[
    ("sep-2575-http-server-meta-invalid-400", "status codes are the bridge's, and this one it does not know"),
    ("sep-2575-http-server-header-mismatch-400", "headers end at the bridge"),
    (
        "sep-2575-http-server-method-not-found-404-initialize",
        "the bridge takes a handshake for the other era",
    ),
    (
        "sep-2575-server-declares-prompts-in-discover",
        "clients that ask for prompts are told that there are none",
    ),
    ("sep-2575-server-rejects-undeclared-capability", "wants a fixture"),
    ("sep-2575-missing-capability-http-400", "wants a fixture"),
    ("sep-2575-http-server-no-independent-requests-on-stream", "wants a fixture"),
    ("sep-2575-server-no-log-without-loglevel", "wants a fixture"),
];

/// `tests/clients/bridge.mjs`, running; it ends when this is dropped.
struct Bridge {
    child: Child,
    url: String,
}

impl Bridge {
    fn start(place: &Place, path: &OsString) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/bridge.mjs");
        let mut command = place.command("node");
        command.env("PATH", path).arg(script).arg(program()).arg(place.config());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the bridge starts");
        let mut port = String::new();
        let output = child.stdout.take().expect("its output was asked for");
        BufReader::new(output).read_line(&mut port).expect("the bridge says its port");
        Self { child, url: format!("http://127.0.0.1:{}/mcp", port.trim()) }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}

#[rstest]
#[case("2025-11-25", &["server-initialize", "ping", "tools-list", "prompts-list", "resources-list"])]
#[case(
    "2026-07-28",
    &["server-stateless", "tools-list", "caching", "prompts-list", "resources-list",
      "input-required-result-unsupported-methods"],
)]
fn the_protocol_is_spoken_as_specified(#[case] revision: &str, #[case] scenarios: &[&str]) {
    let modules = node_modules(Npm::CONFORMANCE);
    let mut path = modules.join(".bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());

    let place = Place::new();
    let bridge = Bridge::start(&place, &path);
    let mut failed = BTreeSet::new();
    let mut passed = 0;
    for scenario in scenarios {
        let results = place.root().join(scenario);
        let mut runner = place.command(modules.join(".bin/conformance"));
        runner.env("PATH", &path).args(["server", "--url", &bridge.url, "--scenario", scenario]);
        runner.args(["--spec-version", revision, "--output-dir"]).arg(&results);
        // Its status only says whether everything passed; what did not, and why, stands in its results.
        let output = runner.output().unwrap();
        let checks = checks(&results)
            .unwrap_or_else(|| panic!("{scenario}: no results: {}", String::from_utf8_lossy(&output.stdout)));
        for check in &checks {
            match check["status"].as_str() {
                Some("SUCCESS") => passed += 1,
                Some("FAILURE") => {
                    let id = check["id"].as_str().unwrap().to_owned();
                    assert!(EXPECTED.iter().any(|(expected, _)| *expected == id), "{scenario}: {check:#}");
                    failed.insert(id);
                }
                _ => {}
            }
        }
    }
    assert!(passed > 10, "{passed} checks of {scenarios:?}");
    if scenarios.contains(&"server-stateless") {
        for (expected, why) in EXPECTED {
            assert!(
                failed.contains(*expected),
                "{expected} passes now, although {why}: take it off the list"
            );
        }
    }
    drop(bridge);
    place.mark().wait_until_gone();
}

/// Reads the checks of the one scenario that left its results in a folder.
fn checks(results: &Path) -> Option<Vec<Value>> {
    let folder = std::fs::read_dir(results).ok()?.next()?.ok()?;
    serde_json::from_str(&std::fs::read_to_string(folder.path().join("checks.json")).ok()?).ok()
}
