//! `pointsman a2a card` against servers that live: agents of this program's own, and what is no agent at all.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use pointsman_tests::{Place, Published};
use serde_json::Value;

/// How the program ended and what it said.
struct Said {
    exit: Option<i32>,
    out: String,
    err: String,
}

fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { exit: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn card(place: &Place, args: &[&str]) -> Said {
    said(place.pointsman().args(["a2a", "card"]).args(args))
}

/// Writes an address that is another one each time as one that is not.
fn settled(text: &str, url: &str) -> String {
    let origin = url.split("/agents").next().unwrap();
    text.replace(origin, "http://AGENT")
}

#[test]
fn an_agent_that_lets_anybody_in_is_explained() {
    let place = Place::new();
    let agent = Published::start(&place, "script", &["--no-auth"]);
    let it = card(&place, &[&agent.url()]);
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!("open", settled(&it.out, &agent.url()));
    // The address of the card itself leads there, too.
    let direct = card(&place, &[agent.said["card"].as_str().unwrap()]);
    assert_eq!((direct.exit, direct.out), (Some(0), it.out));
}

#[test]
fn what_is_printed_for_an_agent_behind_a_token_reaches_it() {
    let place = Place::new();
    let agent = Published::start(&place, "script", &[]);
    // Its card is for everybody, and says that a token is wanted.
    let it = card(&place, &[&agent.url()]);
    assert_eq!(it.exit, Some(0), "{}", it.err);
    assert!(it.out.contains("bearer") && it.out.contains("wants"), "{}", it.out);

    let mut ask = place.pointsman();
    ask.args(["a2a", "card", &agent.url(), "--token-env", "CARD_TOKEN"]).env("CARD_TOKEN", agent.token());
    let it = said(&mut ask);
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""));
    assert!(!it.out.contains(agent.token()), "the token stays where it is");
    insta::assert_snapshot!("token", settled(&it.out, &agent.url()));

    let it = said(ask.arg("--json"));
    let told: Value = serde_json::from_str(&it.out).unwrap();
    let near = place.root().join("near.toml");
    let state = format!("[state]\ndir = {}\n", Value::from(place.state().to_string_lossy()));
    std::fs::write(&near, format!("{state}{}", told["config"].as_str().unwrap())).unwrap();
    let mut run = place.pointsman();
    run.env("POINTSMAN_CONFIG", &near).env("CARD_TOKEN", agent.token()).arg("run");
    run.args([told["spawn_run"]["backend"].as_str().unwrap(), "say kept", "--cwd"]).arg(place.project());
    let it = said(&mut run);
    assert_eq!((it.exit, it.out.trim()), (Some(0), "kept"), "{}", it.err);
    // And with another token it does not.
    let it = said(run.env("CARD_TOKEN", "another"));
    assert_eq!(it.exit, Some(5), "{}", it.err);
    assert!(it.err.contains("401"), "{}", it.err);
}

#[test]
fn a_signed_card_names_the_key_and_claims_no_more() {
    let place =
        Place::with("[secrets.card-key]\nfile = \"card-key.pem\"\n[a2a]\nsigning_key = \"card-key\"\n");
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/a2a/tests/signing-key.pem");
    std::fs::copy(key, place.root().join("card-key.pem")).unwrap();
    let agent = Published::start(&place, "script", &["--no-auth"]);
    let it = card(&place, &[&agent.url()]);
    assert_eq!(it.exit, Some(0), "{}", it.err);
    let signed = it.out.lines().find(|line| line.trim_start().starts_with("signed")).unwrap();
    let keys = format!("{}/.well-known/jwks.json", agent.url());
    assert!(signed.contains("ES256, key "), "{signed}");
    assert!(signed.ends_with(&format!("keys at {keys}; not verified here")), "{signed}");
}

#[test]
fn a_port_where_nobody_listens_is_an_error_that_names_it() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let it = card(&place, &[&url]);
    assert_eq!((it.exit, it.out.as_str()), (Some(1), ""));
    insta::assert_snapshot!("nobody", settled(&it.err, &url));
}

/// A server that gives the same answer to everybody: `{status line}`, `{body}`. Gives its address.
fn server(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head = BufReader::new(&stream).lines().map_while(Result::ok);
            let _read = head.take_while(|line| !line.is_empty()).count();
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            // Whoever asked may have gone.
            let _written = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn a_page_that_is_no_card_is_told_from_one() {
    let place = Place::new();
    let cases = [
        ("page", "200 OK", "<!doctype html><title>Welcome</title>"),
        ("something", "200 OK", "{\"hello\": \"world\"}"),
        ("list", "200 OK", "[]"),
        ("absent", "404 Not Found", "nothing here"),
        ("broken", "500 Internal Server Error", ""),
    ];
    for (name, status, body) in cases {
        let url = server(status, body);
        let it = card(&place, &[&url]);
        assert_eq!((it.exit, it.out.as_str()), (Some(4), ""), "{name}");
        insta::assert_snapshot!(format!("no_card_{name}"), settled(&it.err, &url));
    }
}

#[test]
fn a_card_behind_a_door_says_how_to_ask() {
    let place = Place::new();
    let url = server("401 Unauthorized", "");
    let it = card(&place, &[&url]);
    assert_eq!((it.exit, it.out.as_str()), (Some(1), ""));
    insta::assert_snapshot!("door", settled(&it.err, &url));
}
