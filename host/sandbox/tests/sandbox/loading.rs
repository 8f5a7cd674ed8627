//! What is no plugin is told so, and why.

use pointsman_model::plugin::Feature;
use pointsman_model::{Digest, Leaf};
use pointsman_sandbox::{Cause, LoadError};
use rstest::rstest;

use crate::support::{cause_of, component, describing, is_cause_of, patched, sandbox};

/// The shortest component there is: it imports and exports nothing.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

fn refusal(component: &[u8]) -> LoadError {
    sandbox().load_backend("hostile", component).expect_err("it is no backend")
}

#[test]
fn a_plugin_says_what_it_is() {
    let backend = sandbox().load_backend("hostile", component()).expect("a backend");
    let about = backend.about();
    assert_eq!((about.common.name.as_str(), backend.name()), ("hostile", "hostile"));
    assert_eq!(about.common.requests[0].leaf, Leaf::ProcessSpawn);
    assert_eq!(about.features, [Feature::Resume, Feature::LiveInput].into());
    assert_eq!(backend.digest(), Digest::of(component()));
}

#[test]
fn bytes_that_are_no_component_are_refused() {
    let error = refusal(b"#!/bin/sh");
    assert!(matches!(error, LoadError::NotAComponent { .. }), "{error}");
}

#[test]
fn a_missing_export_is_named_with_what_is_there_and_what_the_host_speaks() {
    assert_eq!(
        refusal(EMPTY).to_string(),
        "plugin hostile: the component does not export `pointsman:plugin/backend@0.1.0`, but nothing; this host \
         speaks pointsman:plugin@0.1.0"
    );
}

#[test]
fn an_unknown_version_of_the_contract_is_named() {
    let error = refusal(&patched("pointsman:plugin/backend@0.1.0", "pointsman:plugin/backend@0.9.0"));
    assert!(matches!(error, LoadError::MissingExport { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("`pointsman:plugin/backend@0.9.0`") && text.contains("0.1.0"), "{text}");
}

#[test]
fn an_unknown_import_is_named() {
    let error = refusal(&patched("wasi:cli/environment@", "evil:cli/environment@"));
    assert!(
        matches!(&error, LoadError::UnknownImport { import, .. } if import.starts_with("evil:cli/environment@"))
    );
    assert!(error.to_string().contains("pointsman:plugin@0.1.0"), "{error}");
}

#[rstest]
fn ruin_in_a_description_is_contained_and_named(
    #[values("trap", "panic", "exit", "stack", "frames", "spin", "memory")] word: &str,
) {
    let component = describing(word);
    let sandbox = sandbox();
    let errors = [
        sandbox.load_backend("hostile", &component).expect_err("it fails"),
        sandbox.load_sanitizer("hostile", &component).expect_err("it fails"),
        sandbox.load_policy("hostile", &component).expect_err("it fails"),
    ];
    for error in errors {
        let LoadError::Guest(failure) = error else { panic!("{error}") };
        let found = cause_of(failure, "describe");
        assert!(is_cause_of(word, &found), "{found:?}");
    }
}

#[rstest]
#[case("unknown_leaf", "unknown capability \"process/spwan@1\"")]
#[case("long_name", "at most 64")]
#[case("path_name", "\"../../etc\"")]
#[case("schema_no_json", "config-schema")]
fn a_description_is_checked(#[case] word: &str, #[case] expected: &str) {
    let error = refusal(&describing(word));
    assert!(matches!(error, LoadError::Description { .. }), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
}

#[rstest]
fn a_description_is_bounded(#[values("schema_deep", "many_requests")] word: &str) {
    let LoadError::Guest(failure) = refusal(&describing(word)) else { panic!("it is not too much") };
    assert!(matches!(cause_of(failure, "describe"), Cause::ReturnedTooMuch { .. }));
}
