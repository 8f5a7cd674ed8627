//! Every word of the command line, kept as a snapshot so that no change slips by.

use std::fmt::Write;

use crate::program::Home;

/// Every command, in the order of the help.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["run"],
    &["runs"],
    &["runs", "list"],
    &["runs", "show"],
    &["runs", "events"],
    &["runs", "result"],
    &["runs", "continue"],
    &["runs", "cancel"],
    &["runs", "reveal"],
    &["runs", "import"],
    &["a2a"],
    &["a2a", "serve"],
    &["a2a", "card"],
    &["approvals"],
    &["approvals", "list"],
    &["approvals", "show"],
    &["approvals", "allow"],
    &["approvals", "deny"],
    &["approvals", "revoke"],
    &["approver"],
    &["approver", "set"],
    &["approver", "status"],
    &["approver", "clear"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "show"],
    &["policy"],
    &["policy", "list"],
    &["policy", "explain"],
    &["policy", "check"],
    &["policy", "test"],
    &["policy", "eval"],
    &["plugin"],
    &["plugin", "list"],
    &["plugin", "inspect"],
    &["profiles"],
    &["profiles", "list"],
    &["profiles", "show"],
    &["state"],
    &["state", "info"],
    &["state", "new-key"],
    &["state", "encrypt"],
    &["state", "decrypt"],
    &["state", "rekey"],
    &["state", "export"],
    &["config"],
    &["config", "example"],
    &["config", "check"],
    &["config", "schema"],
    &["doctor"],
    &["completions"],
];

#[test]
fn reference() {
    let home = Home::new();
    let mut reference = String::new();
    for command in COMMANDS {
        let it = home.run(&[command, &["--help"][..]].concat());
        assert_eq!(it.exit, Some(0), "{command:?}");
        let name = [&["pointsman"], *command].concat().join(" ");
        writeln!(reference, "{name}\n{}\n\n{}", "=".repeat(name.len()), it.out.trim_end()).unwrap();
        reference.push('\n');
    }
    insta::assert_snapshot!(reference);
}

#[test]
fn completions_know_the_commands() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let it = home.run(&["completions", shell]);
        assert_eq!(it.exit, Some(0));
        assert!(it.out.contains("approvals"), "{shell}");
    }
}
