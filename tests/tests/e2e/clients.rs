//! The official clients, which others wrote, over standard input and output and in both eras.
//!
//! They check more than they show: each holds every answer against the schema that its tool publishes.

use std::path::{Path, PathBuf};
use std::process::Command;

use pointsman_tests::{Npm, Place, node_modules, program, python};
use rstest::rstest;
use serde_json::Value;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// Runs a check and gives what it says at its end.
fn said(place: &Place, mut check: Command) -> Value {
    let output = check.output().expect("the check starts");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{check:?}: {}\n{told}\n{errors}", output.status);
    // A client that has gone leaves nothing behind.
    place.mark().wait_until_gone();
    let last = told.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {told}\n{errors}"))
}

#[rstest]
#[case("legacy", "2025-11-25")]
#[case("auto", "2026-07-28")]
fn the_typescript_client_does_its_work(#[case] mode: &str, #[case] revision: &str) {
    let place = Place::new();
    let mut check = place.command("node");
    check.arg(script("check.mjs")).arg(mode).arg(program()).arg(place.config()).arg(place.project());
    check.env("NODE_MODULES", node_modules(Npm::MCP_CLIENT));
    let said = said(&place, check);
    assert_eq!(said["revision"], revision);
}

#[rstest]
#[case("legacy", "2025-11-25")]
#[case("auto", "2026-07-28")]
fn the_python_client_does_its_work(#[case] mode: &str, #[case] revision: &str) {
    let place = Place::new();
    let mut check = place.command(python());
    check.arg(script("check.py")).arg(mode).arg(program()).arg(place.config()).arg(place.project());
    let said = said(&place, check);
    assert_eq!(said["revision"], revision);
}
