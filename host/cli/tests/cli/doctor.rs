//! What `pointsman doctor` says of a backend that is not ready: each time the line that would help.

use rstest::rstest;
use serde_json::{Value, json};

use crate::program::Home;

/// A backend behind `command`, whose program is in the table unless said otherwise.
fn command(grants: &str) -> String {
    format!(
        "[programs.tool]\ncommand = \"/bin/true\"\n[backends.mine]\ncomponent = \"bundled:command\"\n\
         grants = [{grants}]\nconfig.program = \"tool\"\n"
    )
}

/// A backend behind `remote_a2a`.
fn remote(grants: &str, more: &str) -> String {
    format!(
        "[backends.mine]\ncomponent = \"bundled:remote_a2a\"\ngrants = [{grants}]\n\
         config.agent_url = \"https://agents.example.com/one\"\n{more}"
    )
}

const ORIGIN: &str = "[origins.\"https://agents.example.com\"]\n";
const REACHING: &str = "\"request/send@1 https://agents.example.com\", \"timer/set@1 *\"";
const SECRET: &str = "config.auth_token_secret = \"door\"\n";

/// What is said of a backend, as (health, detail, line that mends it).
fn of(report: &Value, subject: &str) -> Vec<(String, String, String)> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    let these = findings.filter(|finding| finding["subject"] == subject);
    these.map(|it| (text(it, "health"), text(it, "detail"), text(it, "mend"))).collect()
}

#[rstest]
#[case::a_program_that_was_not_given(
    command("\"timer/set@1 *\""),
    "its configuration key `program` needs `process/spawn@1 tool`, which it was not given",
    "[backends.mine] grants = [\"timer/set@1 *\", \"process/spawn@1 tool\"]"
)]
#[case::another_program_that_was_given(
    command("\"process/spawn@1 sh\", \"timer/set@1 *\"") + "[programs.sh]\n",
    "its configuration key `program` needs `process/spawn@1 tool`, which it was not given",
    "[backends.mine] grants = [\"process/spawn@1 sh\", \"timer/set@1 *\", \"process/spawn@1 tool\"]"
)]
#[case::timers(
    command("\"process/spawn@1 tool\""),
    "it asks for `timer/set@1 *` and was not given it",
    "[backends.mine] grants = [\"process/spawn@1 tool\", \"timer/set@1 *\"]"
)]
#[case::a_grant_that_nobody_asks_for(
    command("\"process/spawn@1 tool\", \"timer/set@1 *\", \"secret/use@1 door\""),
    "does not ask for it",
    "take `secret/use@1 door` out of [backends.mine] grants"
)]
#[case::a_program_that_is_not_there(
    command("\"process/spawn@1 tool\", \"timer/set@1 *\"").replace("/bin/true", "/nowhere/tool"),
    "program tool is not found",
    "[programs.tool] command = \"/path/to/"
)]
#[case::a_program_that_is_not_listed(
    command("\"process/spawn@1 tool\", \"timer/set@1 *\"").replace("[programs.tool]\ncommand = \"/bin/true\"\n", ""),
    "the table of programs has no tool",
    "[programs.tool] command = \"/path/to/tool\""
)]
#[case::an_agent_that_can_be_installed(
    "[programs.gemini]\ncommand = \"/nowhere/gemini\"\n[backends.mine]\ncomponent = \"bundled:acp\"\n\
     grants = [\"process/spawn@1 gemini\", \"timer/set@1 *\"]\nconfig.program = \"gemini\"\n".to_owned(),
    "program gemini is not found",
    "npm install --global @google/gemini-cli"
)]
#[case::nobody_to_reach(
    remote("\"timer/set@1 *\"", "") + ORIGIN,
    "its configuration key `agent_url` needs `request/send@1 https://agents.example.com`, which it was not given",
    "[backends.mine] grants = [\"timer/set@1 *\", \"request/send@1 https://agents.example.com\"]"
)]
#[case::nobody_to_reach_whoever_it_is(
    "[backends.mine]\ncomponent = \"bundled:remote_a2a\"\ngrants = [\"timer/set@1 *\"]\ncaller_may_set = [\"agent_url\"]\n".to_owned(),
    "it asks for `request/send@1 *` and was not given it",
    "[backends.mine] grants = [\"timer/set@1 *\", \"request/send@1 https://agents.example.com\"]"
)]
#[case::an_origin_that_is_not_listed(
    remote("\"request/send@1 *\", \"timer/set@1 *\"", ""),
    "its configuration key `agent_url` leads to https://agents.example.com, which the table of origins does not have",
    "[origins.\"https://agents.example.com\"]"
)]
#[case::a_secret_that_was_not_given(
    remote(REACHING, SECRET) + "[secrets.door]\nenv = \"HOME\"\n" + ORIGIN,
    "its configuration key `auth_token_secret` needs `secret/use@1 door`, which it was not given",
    "[backends.mine] grants = [\"request/send@1 https://agents.example.com\", \"timer/set@1 *\", \"secret/use@1 door\"]"
)]
#[case::a_secret_that_is_not_there(
    remote(&format!("{REACHING}, \"secret/use@1 door\""), SECRET) + ORIGIN,
    "door",
    "[secrets.door] env = \"VARIABLE\"    (or file = \"/path\")"
)]
#[case::a_secret_that_is_empty(
    remote(&format!("{REACHING}, \"secret/use@1 door\""), SECRET) + "[secrets.door]\nenv = \"NOT_SET\"\n" + ORIGIN,
    "NOT_SET",
    "[secrets.door] env = \"VARIABLE\"    (or file = \"/path\")"
)]
fn each_fault_has_the_line_that_mends_it(#[case] text: String, #[case] detail: &str, #[case] mend: &str) {
    let home = Home::new();
    home.configure(&text);
    let it = home.run(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&it.out).unwrap_or_else(|error| panic!("{error}: {it:?}"));
    assert_eq!((it.exit, &report["ok"]), (Some(1), &json!(false)), "{report:#}");
    let found = of(&report, "backend mine");
    assert_eq!(found.len(), 1, "one fault, said once: {found:#?}");
    let (health, said, line) = &found[0];
    assert_eq!(health, "missing");
    assert!(said.starts_with("not ready: ") && said.contains(detail), "{said}");
    assert!(line.starts_with(mend), "{line}");
    // A person reads the same.
    let it = home.run(&["doctor"]);
    assert_eq!(it.exit, Some(1));
    assert!(it.out.contains(&format!("to mend it: {line}")), "{}", it.out);
}

#[rstest]
#[case(command("\"process/spawn@1 tool\", \"timer/set@1 *\""))]
#[case(command("\"process/spawn@1 *\", \"timer/set@1 *\""))]
#[case(remote(&format!("{REACHING}, \"secret/use@1 door\""), SECRET) + "[secrets.door]\nenv = \"HOME\"\n" + ORIGIN)]
fn a_backend_that_has_what_it_needs_is_ready(#[case] text: String) {
    let home = Home::new();
    home.configure(&text);
    let it = home.run(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&it.out).unwrap_or_else(|error| panic!("{error}: {it:?}"));
    let found = of(&report, "backend mine");
    assert!(
        matches!(found.as_slice(), [(health, said, _)] if health == "good" && said.starts_with("ready: ")),
        "{found:#?}"
    );
}

#[test]
fn a_webhook_is_looked_at_and_sent_nothing() {
    let home = Home::new();
    let table = "[approvals.webhook]\nurl = \"https://hooks.example.com/hunter2\"\nsecret = \"hook\"\n";
    let key = |value: &str| {
        let file = home.path().join("hook.key");
        std::fs::write(&file, value).unwrap();
        format!("[secrets.hook]\nfile = {}\n", json!(file))
    };
    let found = |text: &str| {
        home.configure(text);
        let it = home.run(&["doctor", "--json"]);
        assert!(!it.out.contains("hunter2"), "{}", it.out);
        of(&serde_json::from_str(&it.out).unwrap(), "webhook")
    };
    assert_eq!(found(""), []);
    let good = found(&format!("{table}{}", key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")));
    let said = "tells https://hooks.example.com; links are answered at 127.0.0.1:0".to_owned();
    assert_eq!(good, [("good".to_owned(), said, String::new())]);
    for (text, why) in [
        (table.to_owned(), "no secret is called"),
        (format!("{table}{}", key("hunter2")), "whsec_ and 24 to 64 random bytes"),
    ] {
        let missing = found(&text);
        assert!(
            matches!(missing.as_slice(), [(health, said, _)] if health == "missing" && said.contains(why)),
            "{missing:?}"
        );
    }
}
