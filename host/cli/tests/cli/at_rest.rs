//! `pointsman state`: a state that is encrypted, by whom it is read, and what is told who lacks the key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::client::Client;
use crate::program::{Home, Said};
use crate::running::{agent, home_of};

/// What the agent is told, and says back.
const MARK: &str = "pl41ntext-of-the-prompt";

const FILE: &str = "[state.encryption]\nkey = { file = \"state.key\" }\n";

fn echo() -> String {
    agent("echo", "cat", "")
}

/// A home that has an agent, and has had it speak.
fn spoken() -> Home {
    let home = home_of(&[echo()]);
    let it = home.run(&["run", "echo", MARK]);
    assert_eq!((it.exit, it.out.trim_end()), (Some(0), MARK), "{it:?}");
    home
}

/// Has the home configured with something before its agent.
fn configure(home: &Home, text: &str) {
    home.configure(&format!("{text}{}", echo()));
}

fn state(home: &Home) -> PathBuf {
    home.path().join(".local/state/pointsman")
}

/// Gives the files below a folder that hold a text, without what is shared with other tests.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = path.symlink_metadata().unwrap();
        if about.is_dir() {
            found.extend(files_with(&path, text));
        } else if about.is_file()
            && fs::read(&path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes())
        {
            found.push(path);
        }
    }
    found
}

fn json(it: &Said) -> Value {
    serde_json::from_str(&it.out).unwrap_or_else(|error| panic!("{error}: {it:?}"))
}

#[track_caller]
fn refused(it: &Said, exit: i32, words: &[&str]) {
    assert_eq!((it.exit, it.out.as_str()), (Some(exit), ""), "{it:?}");
    for word in words {
        assert!(it.err.contains(word), "{word}: {it:?}");
    }
}

#[test]
fn a_state_is_encrypted_read_rekeyed_exported_and_decrypted() {
    let home = spoken();
    let state = state(&home);
    assert!(!files_with(&state, MARK).is_empty(), "the search finds what lies in clear");

    // No key, then a key for a state in clear: each error names what helps.
    refused(&home.run(&["state", "encrypt"]), 3, &["no key is configured", "[state.encryption]"]);
    configure(&home, FILE);
    refused(&home.run(&["runs", "list"]), 3, &["state.encryption.key", "pointsman state new-key"]);
    let it = home.run(&["state", "new-key"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    let key = home.path().join(".config/pointsman/state.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    refused(&home.run(&["state", "new-key"]), 3, &["File exists"]);
    refused(&home.run(&["runs", "list"]), 1, &["is not encrypted", "pointsman state encrypt"]);
    let it = home.run(&["--json", "state", "info"]);
    assert_eq!((it.exit, json(&it)["payload"].as_str()), (Some(1), Some("plain")), "{it:?}");

    // Encrypted: nothing of it lies in clear, and it is read as before.
    let it = home.run(&["state", "encrypt"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    assert!(it.out.contains("~/.nanobot-orchestrator"), "the run folder of before is told: {it:?}");
    fs::remove_dir_all(home.path().join(".nanobot-orchestrator")).unwrap();
    assert_eq!(files_with(&state, MARK), [] as [PathBuf; 0]);
    let it = home.run(&["--json", "runs", "list"]);
    assert!(it.out.contains(MARK), "{it:?}");
    let it = home.run(&["run", "echo", &format!("{MARK} again")]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    assert_eq!(files_with(home.path(), MARK), [] as [PathBuf; 0], "neither state nor run folder");
    let it = home.run(&["--json", "state", "info"]);
    assert_eq!((it.exit, json(&it)["payload"].as_str()), (Some(0), Some("encrypted")), "{it:?}");
    let report = json(&home.run(&["--json", "doctor"]));
    let finding = report["findings"].as_array().unwrap().iter().find(|it| it["subject"] == "encryption");
    assert_eq!(finding.unwrap()["health"], "good", "{report}");

    // The key is gone from the configuration.
    configure(&home, "");
    let words = ["no key is configured", "[state.encryption] key = { file = \"PATH\" }"];
    refused(&home.run(&["runs", "list"]), 1, &words);
    refused(&home.run(&["run", "echo", "x"]), 1, &["no key is configured"]);
    refused(&home.run(&["state", "export"]), 1, &["no key is configured"]);

    // Another key, from a command; then the change to it.
    let other = "[state.encryption]\nkey = { command = [\"cat\", \"other.key\"] }\n";
    fs::write(home.path().join("other.key"), format!("{:0>64}\n", "8f3a")).unwrap();
    configure(&home, other);
    refused(&home.run(&["runs", "list"]), 1, &["is encrypted with the key", "state rekey"]);
    configure(&home, &format!("{other}previous_key = {{ file = \"state.key\" }}\n"));
    let it = home.run(&["state", "rekey"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    configure(&home, other);
    fs::remove_file(&key).unwrap();
    let it = home.run(&["state", "rekey", "--data-key"]);
    assert_eq!(it.exit, Some(0), "{it:?}");

    // Exported: to standard output, or to a file that nobody else reads.
    let all = home.run(&["state", "export"]);
    assert_eq!(all.exit, Some(0), "{all:?}");
    let kinds: Vec<String> = all
        .out
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap().as_object().unwrap().keys().next().unwrap().clone()
        })
        .collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "run").count(), 2);
    assert!(kinds.iter().any(|kind| kind == "event") && all.out.contains(&format!("{MARK} again")));
    let it = home.run(&["state", "export", "--run", "agent1", "--output", "one.jsonl"]);
    assert_eq!((it.exit, it.out.as_str()), (Some(0), ""), "{it:?}");
    let file = home.path().join("one.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let one = fs::read_to_string(file).unwrap();
    assert!(one.contains(MARK) && !one.contains(&format!("{MARK} again")), "{one}");

    // And back.
    let it = home.run(&["state", "decrypt"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    configure(&home, "");
    assert!(home.run(&["--json", "runs", "list"]).out.contains(&format!("{MARK} again")));
}

#[test]
fn a_state_that_is_new_is_encrypted_from_the_beginning() {
    let home = home_of(&[FILE.to_owned() + &echo()]);
    assert_eq!(home.run(&["state", "new-key"]).exit, Some(0));
    let it = home.run(&["run", "echo", MARK]);
    assert_eq!((it.exit, it.out.trim_end()), (Some(0), MARK), "{it:?}");
    assert_eq!(files_with(home.path(), MARK), [] as [PathBuf; 0]);
    assert!(home.run(&["--json", "runs", "list"]).out.contains(MARK));
}

/// While a host lives, others read with the key, and nobody rewrites its state.
#[test]
fn a_living_host_is_named_and_left_alone() {
    let home = spoken();
    configure(&home, FILE);
    assert_eq!(home.run(&["state", "new-key"]).exit, Some(0));
    configure(&home, "");
    let host = Client::start(&home, "serve");
    configure(&home, FILE);
    let pid = host.pid().as_raw_nonzero().to_string();
    let words: &[&str] =
        if cfg!(target_os = "linux") { &["in use by process", &pid] } else { &["in use by"] };
    refused(&home.run(&["state", "encrypt"]), 1, words);
    assert!(host.hang_up().status.success());
    assert_eq!(home.run(&["state", "encrypt"]).exit, Some(0));

    let mut host = Client::start(&home, "serve");
    refused(&home.run(&["state", "decrypt"]), 1, &["in use by"]);
    let spawned = host.call(
        "spawn_run",
        serde_json::json!({
            "backend": "echo", "prompt": format!("{MARK} over MCP"), "cwd": home.path(), "session_mode": "new",
        }),
    );
    let run = spawned["run_id"].as_str().unwrap();
    let it = home.run(&["--json", "runs", "show", run]);
    assert_eq!((it.exit, json(&it)["run_id"].as_str()), (Some(0), Some(run)), "{it:?}");
    assert!(host.hang_up().status.success());
    assert!(files_with(&state(&home), MARK).is_empty());
}

#[test]
fn run_folders_and_encryption_exclude_each_other() {
    let home = home_of(&[format!("[state]\nrun_folders = true\n{FILE}{}", echo())]);
    refused(&home.run(&["config", "check"]), 3, &["`state.run_folders`", "hold in clear"]);
}

#[test]
fn a_source_that_gives_another_key_each_time_encrypts_nothing() {
    let home = spoken();
    configure(
        &home,
        "[state.encryption]\nkey = { command = [\"head\", \"-c\", \"32\", \"/dev/urandom\"] }\n",
    );
    refused(&home.run(&["state", "encrypt"]), 1, &["another key each time"]);
    configure(&home, "");
    assert!(home.run(&["--json", "runs", "list"]).out.contains(MARK));
}

/// A key that others can read is none, and no message shows any of it.
#[test]
fn a_key_that_is_no_secret_is_refused() {
    let home = home_of(&[FILE.to_owned() + &echo()]);
    let key = home.path().join(".config/pointsman/state.key");
    fs::write(&key, "correct horse battery staple").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&home.run(&["runs", "list"]), 3, &["chmod 600"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let it = home.run(&["runs", "list"]);
    refused(&it, 3, &["32 random bytes"]);
    assert!(!it.err.contains("horse"), "{it:?}");
}

/// A stand-in for the program that speaks to the Secret Service, with its arguments and exit statuses: it keeps entries
/// in files beside itself.
const SECRET_TOOL: &str = r#"#!/bin/sh
entries="${0%/*}"
case "$1" in
    lookup) [ "$2 $4" = "service username" ] && cat "$entries/$3,$5" 2>/dev/null || exit 1 ;;
    store)
        case "$2" in --label=*) ;; *) exit 2 ;; esac
        [ "$3 $5" = "service username" ] && cat >"$entries/$4,$6" ;;
    *) exit 2 ;;
esac
"#;

#[cfg(target_os = "linux")]
#[test]
fn a_key_lies_in_the_keyring() {
    let home =
        home_of(&["[state.encryption]\nkey = { keyring = \"pointsman/state\" }\n".to_owned() + &echo()]);
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let run = |args: &[&str]| {
        let path = format!("{}:/usr/bin:/bin", bin.display());
        home.said(home.command(args).env("PATH", path).output().unwrap())
    };
    refused(&run(&["runs", "list"]), 3, &["keyring entry pointsman/state", "libsecret-tools"]);
    let tool = bin.join("secret-tool");
    fs::write(&tool, SECRET_TOOL).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    refused(&run(&["runs", "list"]), 3, &["no such entry", "pointsman state new-key"]);
    let it = run(&["--json", "state", "new-key"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    refused(&run(&["state", "new-key"]), 3, &["there is an entry already"]);
    let it = run(&["run", "echo", MARK]);
    assert_eq!((it.exit, it.out.trim_end()), (Some(0), MARK), "{it:?}");
    assert_eq!(files_with(home.path(), MARK), [] as [PathBuf; 0]);
    assert!(run(&["--json", "runs", "list"]).out.contains(MARK));
}
