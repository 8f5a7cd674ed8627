//! `pointsman serve` as a client starts it.

use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use rstest::rstest;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::client::Client;
use crate::program::Home;

#[rstest]
#[case("serve")]
#[case("mcp")]
fn ends_well_when_the_client_hangs_up(#[case] name: &str) {
    let home = Home::new();
    let client = Client::start(&home, name);
    let begun = Instant::now();
    let it = home.said(client.hang_up());
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""), "{it:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "took {:?}", begun.elapsed());
}

#[rstest]
#[case(Signal::TERM)]
#[case(Signal::INT)]
fn ends_well_when_it_is_told_to(#[case] signal: Signal) {
    let home = Home::new();
    let client = Client::start(&home, "serve");
    kill_process(client.pid(), signal).unwrap();
    let it = home.said(client.wait());
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""), "{it:?}");
}

#[test]
fn listens_to_its_own_user_alone_and_leaves_no_socket_behind() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let client = Client::start(&home, "serve");
    let hosts = home.path().join(".local/state/pointsman/hosts");
    let sockets = || -> Vec<_> {
        let files = std::fs::read_dir(&hosts).unwrap().flatten().map(|entry| entry.path());
        files.filter(|path| path.extension().is_some_and(|it| it == "sock")).collect()
    };
    let mut found = sockets();
    found.sort_by_key(|path| path.as_os_str().len());
    let [socket, _for_clients] = &found[..] else { panic!("two sockets, not {found:?}") };
    for socket in &found {
        assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let mut line = std::os::unix::net::UnixStream::connect(socket).unwrap();
    writeln!(line, "{}", json!({ "ping": {} })).unwrap();
    let mut answer = String::new();
    BufReader::new(&line).read_line(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["pong"]["pid"], client.pid().as_raw_nonzero().get());
    drop(line);
    assert!(client.hang_up().status.success());
    assert_eq!(sockets(), Vec::<std::path::PathBuf>::new());
}
