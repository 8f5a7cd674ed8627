//! Nothing stands behind the imports.

use pointsman_model::Timestamp;
use pointsman_model::plugin::Sanitized;
use pointsman_sandbox::EventRef;
use rstest::rstest;
use serde_json::Map;

use crate::policy::question;
use crate::support::{NOW, backend, component, found, sandbox, sanitizer, task};

#[rstest]
fn files_sockets_and_input_are_out_of_reach(
    #[values("open_file", "write_file", "list_folder", "open_socket", "listen", "udp", "look_up")] word: &str,
) {
    let (_run, effects) = backend().start(&task(word), [0; 32]).expect("effects");
    let found = found(&effects);
    assert!(found.starts_with("denied: "), "{word} {found}");
}

#[rstest]
#[case("env", "0 variables")]
#[case("args", "0 arguments")]
#[case("stdin", "reached: 0")]
fn there_is_nothing_to_read(#[case] word: &str, #[case] expected: &str) {
    let (_run, effects) = backend().start(&task(word), [0; 32]).expect("effects");
    assert_eq!(found(&effects), expected);
}

#[test]
fn it_is_the_same_for_sanitizers_and_policies() {
    let data = Map::new();
    let event = EventRef { kind: "agent_message", item: None, data: &data };
    let at = Timestamp::from_millis(NOW);
    let outcomes = sanitizer().sanitize(r#"{"do":"open_file"}"#, &[event], at).expect("outcomes");
    let [Sanitized::Rewrite { data, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(data["found"].as_str().is_some_and(|found| found.starts_with("denied: ")), "{data:?}");

    let policy = sandbox().load_policy("hostile", component()).expect("a policy");
    let ruling = policy.load("{}").expect("a rule book").decide(&question("open_file")).expect("a ruling");
    assert!(ruling.reason.starts_with("denied: "), "{}", ruling.reason);
}
