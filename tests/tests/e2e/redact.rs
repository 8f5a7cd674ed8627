//! Secrets that an agent prints: nobody reads them, in no answer and in no file.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointsman_tests::{Place, holds};
use serde_json::{Value, json};

/// What the host hands to the agent. Nothing but its digest could find it: it has no shape, and words around it.
const HANDED_OUT: &str = "four quiet herons walk";

/// What an agent prints that looks in its environment, and in the base64 of a header.
const AGENT: &str = "echo \"I may use $ACME_TOKEN here.\"\n\
    printf 'me:%s' \"$ACME_TOKEN\" | base64 -w0\n\
    printf '\\n%s\\n' \"$FOUND\"\n\
    i=0; while [ $i -lt 200 ]; do echo 'a line that is long enough to fill something up'; i=$((i+1)); done\n\
    echo \"$FOUND and $ACME_TOKEN\"\n";

/// Made here, so that no file of this repository holds what a scanner could take for a token.
fn github() -> String {
    format!("ghp{}q7Zk2mVx9TbrLw4HsYc8NdPfGj3KtRa6Xe5U", '_')
}

fn place(sanitizers: &str) -> Place {
    let place = Place::new();
    let script = place.root().join("teller.sh");
    fs::write(&script, AGENT).expect("the folder is ours");
    let more = format!(
        "[programs.teller]\ncommand = \"/bin/sh\"\nargs = [{script}]\n\
         set_env = {{ ACME_TOKEN = \"{HANDED_OUT}\", FOUND = \"{}\", POINTSMAN_TEST_AGENT = {mark} }}\n\
         [backends.teller]\ncomponent = \"bundled:command\"\n\
         grants = [\"process/spawn@1 teller\", \"timer/set@1 *\"]\n\
         config = {{ program = \"teller\", prompt = \"none\", access = \"workspace-write\" }}\n{sanitizers}",
        github(),
        script = Value::from(script.to_string_lossy()),
        mark = Value::from(place.root().to_string_lossy()),
    );
    place.configure(&more);
    place
}

#[test]
fn what_an_agent_prints_of_secrets_is_kept_nowhere() {
    let encoded = STANDARD.encode(format!("me:{HANDED_OUT}"));
    let secrets = [HANDED_OUT.to_owned(), github(), encoded[6..24].to_owned()];
    let place = place("");
    let mut host = place.host();
    let run = host.spawn(&place, "teller", "tell", json!({}));
    let record = host.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    let answers = json!([record, host.events(&run)]).to_string();
    for secret in &secrets {
        assert!(!answers.contains(secret), "{secret} in {answers}");
    }
    for marker in ["[redacted:github-token:", "[redacted:host-secret:"] {
        assert!(answers.contains(marker), "{answers}");
    }
    host.hang_up().well();
    for secret in &secrets {
        for folder in [place.state(), place.project()] {
            assert!(!holds(&folder, secret), "{secret} in a file of {}", folder.display());
        }
    }
    assert!(holds(&place.state(), "[redacted:host-secret:"));
    // The long output was moved into an artifact, and what was moved had been redacted.
    assert!(answers.contains("artifact_refs"), "{answers}");
}

/// Without the sanitizer all of it is there, so the test above sees what it says it sees.
#[test]
fn without_the_sanitizer_it_would_be_there() {
    let place = place("[[sanitizers]]\nname = \"spill\"\ncomponent = \"bundled:spill\"\n");
    let mut host = place.host();
    let run = host.spawn(&place, "teller", "tell", json!({}));
    host.finish(&run);
    host.hang_up().well();
    assert!(holds(&place.state(), HANDED_OUT) && holds(&place.state(), &github()));
}

/// A pattern that does not compile stops the start, and not the first event: whoever wrote it reads where it stands.
#[test]
fn a_pattern_that_is_wrong_stops_the_start() {
    let place = place(
        "[[sanitizers]]\nname = \"redact\"\ncomponent = \"bundled:redact\"\n\
         config = { patterns = [{ name = \"acme\", regex = \"(\" }] }\n",
    );
    let line = fs::read_to_string(place.config()).unwrap().lines().count();
    let wrong = format!(
        "{}:{line}:41: `sanitizers[0].config.patterns[0].regex`: unclosed group (at character 1 of \"(\")",
        place.config().display()
    );
    for args in [&["serve"][..], &["config", "check"], &["run", "teller", "tell"]] {
        let output = place.cli_output(args);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {told}");
        assert!(told.contains(&wrong), "{args:?}: {told}");
    }
    let found = place.cli_output(&["doctor", "--json"]);
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains("`sanitizers[0].config.patterns[0].regex`: unclosed group"), "{found}");
}

/// A sanitizer that cannot be loaded any more withholds what it was to judge: nothing passes it unseen.
#[test]
fn a_sanitizer_that_breaks_later_lets_nothing_pass() {
    let place = place("");
    let component = place.root().join("redact.wasm");
    let bundled = pointsman_bundle::ALL.iter().find(|(name, _)| *name == "redact").expect("it ships").1;
    fs::write(&component, bundled).unwrap();
    let mut config = fs::read_to_string(place.config()).unwrap();
    config.push_str("[[sanitizers]]\nname = \"redact\"\ncomponent = \"redact.wasm\"\n");
    fs::write(place.config(), config).unwrap();
    // Read once, it is known, and the next host starts without loading it.
    place.host().hang_up().well();
    let mut host = place.host();
    fs::write(&component, "no component").unwrap();
    let run = host.spawn(&place, "teller", "tell", json!({}));
    host.finish(&run);
    let events = json!(host.events(&run)).to_string();
    host.hang_up().well();
    assert!(events.contains("withheld"), "{events}");
    assert!(!holds(&place.state(), &github()) && !holds(&place.project(), &github()));
}

/// What ships was read by its own tests: a host without a configuration of its own reads nothing at its start.
#[test]
fn a_start_reads_only_what_is_new() {
    let marks =
        |place: &Place| fs::read_dir(place.state().join("sanitizers-read")).map_or(0, Iterator::count);
    let plain = place("");
    plain.host().hang_up().well();
    assert_eq!(marks(&plain), 0);
    let own = place(
        "[[sanitizers]]\nname = \"redact\"\ncomponent = \"bundled:redact\"\nconfig = { allow = [\"x+\"] }\n",
    );
    own.host().hang_up().well();
    own.host().hang_up().well();
    assert_eq!(marks(&own), 1);
}
