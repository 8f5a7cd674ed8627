//! `pointsman serve` as a client starts it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};

use crate::program::Home;

/// Starts a host and has it answer once, so that it is past its start.
fn serve(home: &Home, name: &str) -> Child {
    let mut host = home
        .command(&[name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let hello = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        },
    });
    writeln!(host.stdin.as_mut().unwrap(), "{hello}").unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    assert_eq!(answer["id"], 1, "{answer}");
    host
}

#[rstest]
#[case("serve")]
#[case("mcp")]
fn ends_well_when_the_client_hangs_up(#[case] name: &str) {
    let home = Home::new();
    let mut host = serve(&home, name);
    let begun = Instant::now();
    drop(host.stdin.take());
    let it = home.said(host.wait_with_output().unwrap());
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""), "{it:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "took {:?}", begun.elapsed());
}

#[test]
fn ends_well_when_it_is_told_to() {
    let home = Home::new();
    let mut host = serve(&home, "serve");
    let input = host.stdin.take();
    let pid = rustix::process::Pid::from_child(&host);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let it = home.said(host.wait_with_output().unwrap());
    drop(input);
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""), "{it:?}");
    // The goal is 50 ms; a busy machine is given more, a timer that nobody cleared would show all the same.
}

#[test]
fn listens_to_its_own_user_alone_and_leaves_no_socket_behind() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let mut host = serve(&home, "serve");
    let hosts = home.path().join(".local/state/pointsman/hosts");
    let sockets = || -> Vec<_> {
        let files = std::fs::read_dir(&hosts).unwrap().flatten().map(|entry| entry.path());
        files.filter(|path| path.extension().is_some_and(|it| it == "sock")).collect()
    };
    let [socket] = &sockets()[..] else { panic!("one socket, not {:?}", sockets()) };
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut line = std::os::unix::net::UnixStream::connect(socket).unwrap();
    writeln!(line, "{}", json!({ "ping": {} })).unwrap();
    let mut answer = String::new();
    BufReader::new(&line).read_line(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["pong"]["pid"], host.id());
    drop((line, host.stdin.take()));
    assert!(host.wait().unwrap().success());
    assert_eq!(sockets(), Vec::<std::path::PathBuf>::new());
}
