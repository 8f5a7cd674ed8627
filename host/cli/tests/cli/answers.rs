//! Exit statuses, JSON, colours.

use rstest::rstest;

use crate::program::Home;

#[rstest]
#[case::done(&["runs", "list"], 0)]
#[case::help(&["--help"], 0)]
#[case::version(&["--version"], 0)]
#[case::nonsense(&["runs", "lust"], 2)]
#[case::nothing(&[], 2)]
#[case::a_status_that_does_not_exist(&["runs", "list", "--status", "done"], 2)]
#[case::no_such_run(&["runs", "show", "6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10"], 4)]
#[case::no_such_agent(&["runs", "result", "nobody"], 4)]
#[case::no_such_approval(&["approvals", "allow", "6f1c2a34"], 4)]
#[case::no_such_profile(&["profiles", "show", "nobody"], 4)]
#[case::no_such_plugin(&["plugin", "inspect", "nobody"], 4)]
fn the_exit_status_says_how_it_went(#[case] args: &[&str], #[case] exit: i32) {
    let it = Home::new().run(args);
    assert_eq!(it.exit, Some(exit), "{it:?}");
}

#[test]
fn an_error_says_what_failed_and_what_would_help() {
    let it = Home::new().run(&["runs", "show", "nobody"]);
    assert_eq!(it.out, "");
    insta::assert_snapshot!(it.err, @r#"
    error: no run "nobody"
    help: `pointsman runs list` shows what there is
    "#);
}

#[rstest]
#[case(&["runs", "list", "--json"])]
#[case(&["approvals", "list", "--json"])]
#[case(&["plugin", "list", "--json"])]
#[case(&["profiles", "list", "--json"])]
#[case(&["profiles", "show", "reviewer", "--json"])]
#[case(&["config", "check", "--json"])]
#[case(&["doctor", "--json"])]
fn json_is_one_value_on_standard_output(#[case] args: &[&str]) {
    let it = Home::new().run(args);
    serde_json::from_str::<serde_json::Value>(&it.out).unwrap_or_else(|error| panic!("{error}: {it:?}"));
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let home = Home::new();
    assert!(!home.run(&["plugin", "list"]).out.contains('\u{1b}'));
    assert!(home.run(&["plugin", "list", "--color", "always"]).out.contains('\u{1b}'));
    let mut unwanted = home.command(&["plugin", "list"]);
    let it = home.said(unwanted.env("NO_COLOR", "1").output().unwrap());
    assert!(!it.out.contains('\u{1b}'));
}

#[test]
fn whoever_stops_reading_is_no_error() {
    use std::process::Stdio;
    let home = Home::new();
    let mut child =
        home.command(&["config", "schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let it = home.said(child.wait_with_output().unwrap());
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""));
}

#[test]
fn without_a_terminal_no_progress_is_drawn() {
    let it = Home::new().run(&["plugin", "inspect", "codex"]);
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""), "{it:?}");
}
