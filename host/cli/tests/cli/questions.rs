//! What agents ask their user, and what a person edits: on a terminal, from another one, and where there is none.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::program::Home;
use crate::running::{agent, eventually, home_of};
use crate::terminal::Terminal;

/// What stands before the cursor.
const PROMPT: &str = "[q]uit: ";

/// A home with an agent that asks its user, and one that wants to use a tool.
fn home() -> Home {
    let asked = json!({"type": "input_required", "text": "All of it in words.", "detail": {
        "introduction": "Before I begin:",
        "questions": [
            {"id": "color", "header": "Color", "question": "Which color?", "multi_select": false, "free_text": true,
             "options": [{"label": "Red", "description": "Warm"}, {"label": "Blue", "description": "Cold"}]},
            {"id": "days", "question": "Which days?", "multi_select": true, "free_text": false,
             "options": [{"label": "Mo"}, {"label": "Tu"}, {"label": "We"}]},
            {"id": "note", "question": "Anything else?", "options": []},
        ],
    }});
    // It says back what it hears, with other quotes, so that it stays a text.
    let survey = format!(
        r#"echo '{asked}'
IFS= read -r said || exit 1
printf '{{"type":"result","text":"%s"}}\n' "$(printf %s "$said" | sed 's/[\\]//g; s/"/`/g')""#
    );
    let plain = r#"echo '{"type":"input_required","text":"Which branch?"}'
IFS= read -r said || exit 1
printf '{"type":"result","text":"%s"}\n' "$(printf %s "$said" | sed 's/[\\]//g; s/"/`/g')""#;
    let tool = r#"echo '{"type":"permission","id":"p","kind":"command","title":"Clean","editable":true,"detail":{"command":"make clean","input":{"command":"make clean"}}}'
IFS= read -r said || exit 1
printf '{"type":"result","text":"%s"}\n' "$(printf %s "$said" | sed 's/[\\]//g; s/"/`/g')""#;
    let stubborn = "trap '' INT TERM; echo '{\"type\":\"agent_message\",\"data\":{\"text\":\"staying\"}}'; \
                    echo '{\"type\":\"todo_updated\",\"data\":{\"items\":[]}}'; \
                    while :; do sleep 1; done";
    let asks = ", prompt = \"none\", output = \"jsonl\", interactive = true";
    home_of(&[
        agent("survey", &survey, asks),
        agent("plain", plain, asks),
        agent("login", &login(), asks),
        agent("tool", tool, asks),
        agent("stubborn", stubborn, asks),
    ])
}

/// What nobody but the agent may know.
const SECRET: &str = "correct-horse-battery";

/// An agent that asks for a secret, keeps it in a file and says it back.
fn login() -> String {
    let asked = json!({"type": "input_required", "text": "All of it in words.", "detail": {"questions": [
        {"id": "user", "question": "Whose account?", "options": []},
        {"id": "token", "question": "Which token?", "options": [], "secret": true},
    ]}});
    format!(
        r#"echo '{asked}'
IFS= read -r said || exit 1
printf '%s' "$said" > got
printf '{{"type":"result","text":"%s"}}\n' "$(printf %s "$said" | sed 's/[\\]//g; s/"/`/g')""#
    )
}

/// Says where a text stands below a folder.
fn files_with(folder: &std::path::Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).unwrap_or_default().windows(text.len()).any(|it| it == text.as_bytes())
        {
            found.push(path);
        }
    }
    found
}

fn run(home: &Home, agent: &str) -> Terminal {
    Terminal::start(home.command(&["run", agent, "go"]).env("NO_COLOR", "1"))
}

/// Starts a run in pipes.
fn piped(home: &Home, args: &[&str]) -> Child {
    let mut command = home.command(&[&["run"], args].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for a run that asks its user, and gives its id.
fn asking(home: &Home) -> String {
    eventually("a question", || {
        let listed = home.run(&["--json", "runs", "list", "--status", "input_required"]);
        let listed: Value = serde_json::from_str(&listed.out).unwrap();
        Some(listed["runs"][0]["run_id"].as_str()?.to_owned())
    })
}

#[test]
fn questions_are_answered_one_by_one_and_the_agent_hears_all_of_it() {
    let home = home();
    let mut terminal = run(&home, "survey");
    let shown = terminal.expect(PROMPT);
    for part in
        ["The agent asks you:", "Before I begin:", "Color, 1 of 3", "Which color?", "1) Red: Warm", "2) Blue"]
    {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
    assert!(!shown.contains("in words."), "the text says the same: {shown}");
    // Nothing is no answer, and neither is what is not there.
    for (typed, told) in [("", "An answer is wanted."), ("3", "There is no 3.")] {
        terminal.line(typed);
        terminal.expect(told);
        terminal.expect(PROMPT);
    }
    terminal.line("Green");
    let shown = terminal.expect(PROMPT);
    assert!(shown.contains("2 of 3") && shown.contains("3) We"), "{shown}");
    terminal.line("never");
    terminal.expect("by its number");
    terminal.expect(PROMPT);
    terminal.line("1,3");
    terminal.expect("Anything else?");
    terminal.expect(PROMPT);
    terminal.line("it's fine");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    for part in ["`color`:`Green`", "`days`:[`Mo`,`We`]", "it's"] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
}

#[test]
fn control_c_at_a_question_ends_the_run() {
    let home = home();
    for keys in [&b"\x03"[..], b"q\r"] {
        let mut terminal = run(&home, "plain");
        let shown = terminal.expect(PROMPT);
        assert!(shown.contains("Which branch?"), "{shown}");
        terminal.keys(keys);
        let (exit, screen) = terminal.end();
        assert_eq!(exit, Some(6), "{screen}");
    }
}

#[test]
fn the_end_of_the_input_leaves_the_question_to_another_terminal() {
    let home = home();
    let mut terminal = run(&home, "plain");
    terminal.expect(PROMPT);
    terminal.keys(b"\x04");
    terminal.expect("pointsman runs continue");
    let it = home.run(&["runs", "continue", &asking(&home), "main"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains("`text`:`main`"), "{screen}");
}

#[test]
fn an_answer_from_another_terminal_takes_the_question_off_the_screen() {
    let home = home();
    let mut terminal = run(&home, "plain");
    terminal.expect(PROMPT);
    let run = asking(&home);
    let result = home.run(&["runs", "result", &run]);
    assert_eq!(result.exit, Some(7), "{result:?}");
    assert!(
        result.err.contains("Which branch?") && result.err.contains("pointsman runs continue"),
        "{result:?}"
    );
    let it = home.run(&["runs", "continue", &run, "main"]);
    assert_eq!(it.exit, Some(0), "{it:?}");
    terminal.expect("settled meanwhile");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    // Whoever comes too late hears so.
    let it = home.run(&["runs", "continue", &run, "develop"]);
    assert_eq!(it.exit, Some(1), "{it:?}");
    assert!(it.err.contains("is over") && it.err.contains("--resume"), "{it:?}");
}

#[test]
fn without_a_terminal_a_question_says_how_it_is_answered() {
    let home = home();
    for form in ["json", "jsonl"] {
        let child = piped(&home, &["survey", "go", "-o", form]);
        let run = asking(&home);
        let answers =
            ["--answer", "color=Blue", "--answer", "days=Mo", "--answer", "days=Tu", "--answer", "note=a=b"];
        let it = home.run(&[&["runs", "continue", &run], &answers[..]].concat());
        assert_eq!(it.exit, Some(0), "{it:?}");
        let it = home.said(child.wait_with_output().unwrap());
        assert_eq!(it.exit, Some(0), "{it:?}");
        let how = format!("pointsman runs continue {run} --answer color=ANSWER --answer days=ANSWER");
        for part in ["Which color?", "Which days?", "Anything else?", &how] {
            assert!(it.err.contains(part), "{part}: {it:?}");
        }
        let lines: Vec<Value> = it.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(form == "json", lines.len() == 1, "{it:?}");
        let heard = lines.last().unwrap()["final_response"].as_str().unwrap();
        assert!(heard.contains("{`color`:`Blue`,`days`:[`Mo`,`Tu`],`note`:`a=b`}"), "{heard}");
    }
}

#[test]
fn unattended_a_question_ends_the_run() {
    let home = home();
    let it = home.run(&["run", "survey", "go", "--unattended", "-o", "json"]);
    assert_eq!(it.exit, Some(7), "{it:?}");
    let record: Value = serde_json::from_str(&it.out).unwrap();
    assert_eq!(record["status"], "cancelled");
    let it = home.run(&["run", "plain", "go", "--unattended"]);
    assert_eq!((it.exit, it.out.as_str()), (Some(7), ""), "{it:?}");
    assert!(it.err.contains("Which branch?"), "it says what was asked: {it:?}");
}

/// Makes an editor that leaves a text.
fn editor(home: &Home, script: &str) -> String {
    let file = home.path().join("my editor");
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
    // As people write it who have blanks in their paths.
    format!("'{}' -w", file.display())
}

#[test]
fn what_a_person_makes_of_an_input_in_their_editor_is_what_runs() {
    let home = home();
    // It refuses once, is left as it was once, and breaks the input once.
    let script = r#"[ "$1" = -w ] || exit 9
turn=$(cat turn 2>/dev/null || echo 0); echo $((turn + 1)) > turn
case $turn in
0) exit 4 ;;
1) exit 0 ;;
2) echo '{"command": ' > "$2" ;;
*) sed 's/make clean/make -n clean/' "$2" > new && cat new > "$2"; ls -l "$2" > mode ;;
esac"#;
    let mut command = home.command(&["run", "tool", "go"]);
    command.env("EDITOR", editor(&home, script)).env("VISUAL", " ");
    let mut terminal = Terminal::start(&command);
    let shown = terminal.expect(PROMPT);
    assert!(shown.contains("[e]dit") && shown.contains("make clean"), "{shown}");
    for told in ["exit status: 4", "Nothing was edited", "That is no input"] {
        terminal.line("e");
        terminal.expect(told);
        terminal.expect(PROMPT);
    }
    terminal.line("e");
    let shown = terminal.expect(PROMPT);
    assert!(
        shown.contains("make -n clean") && shown.contains("as edited"),
        "it is shown before it is allowed: {shown}"
    );
    terminal.line("y");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(
        screen.contains("`answer`:`allow_edited`") && screen.contains("`command`:`make -n clean`"),
        "{screen}"
    );
    let mode = std::fs::read_to_string(home.path().join("mode")).unwrap();
    assert!(mode.starts_with("-rw-------"), "nobody else reads it: {mode}");
    let file = mode.split_whitespace().last().unwrap();
    assert!(!std::path::Path::new(file).exists(), "{file} is gone");
}

#[test]
fn control_c_in_the_editor_does_not_end_the_run() {
    let home = home();
    let mut command = home.command(&["run", "tool", "go"]);
    command.env("EDITOR", editor(&home, "trap '' INT; kill -INT 0"));
    let mut terminal = Terminal::start(&command);
    terminal.expect(PROMPT);
    terminal.line("e");
    terminal.expect(PROMPT);
    terminal.line("y");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains("`answer`:`allow`"), "{screen}");
}

#[test]
fn without_an_editor_the_input_is_typed() {
    let home = home();
    let mut terminal = run(&home, "tool");
    terminal.expect(PROMPT);
    terminal.line("e");
    terminal.expect("No editor is set");
    terminal.line(r#"{"command": "true"}"#);
    terminal.expect("as edited");
    terminal.expect(PROMPT);
    terminal.line("y");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains("`command`:`true`"), "{screen}");
}

#[test]
fn a_second_control_c_does_not_wait_for_an_agent_that_will_not_end() {
    let home = home();
    let mut terminal = run(&home, "stubborn");
    terminal.expect("staying");
    terminal.keys(b"\x03");
    terminal.expect("Ctrl-C again");
    terminal.keys(b"\x03");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(6), "{screen}");
    let left = std::fs::read_dir("/proc").unwrap().flatten().filter(|process| {
        let folder = std::fs::read_link(process.path().join("cwd")).unwrap_or_default();
        folder == home.path().canonicalize().unwrap()
    });
    assert_eq!(left.count(), 0, "nothing of it lives: {screen}");
    let listed = home.run(&["--json", "runs", "list"]);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(listed["runs"][0]["status"], "cancelled", "the record says so: {listed}");
}

#[test]
fn a_secret_reaches_the_agent_and_is_shown_and_kept_nowhere() {
    let home = home();
    let mut terminal = run(&home, "login");
    let shown = terminal.expect(PROMPT);
    assert!(!shown.contains("not shown"), "{shown}");
    terminal.line("ada");
    let shown = terminal.expect(PROMPT);
    assert!(
        shown.contains("ada") && shown.contains("Which token?") && shown.contains("not shown"),
        "{shown}"
    );
    terminal.line(SECRET);
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(!screen.contains(SECRET), "{screen}");
    // It said it back, and the sanitizers knew it.
    assert!(screen.contains("`user`:`ada`") && screen.contains("[redacted:"), "{screen}");
    let got = home.path().join("got");
    assert!(std::fs::read_to_string(&got).unwrap().contains(SECRET), "the agent has it");
    assert_eq!(files_with(home.path(), SECRET), std::slice::from_ref(&got));

    // From another terminal: typed there, in no argument.
    std::fs::remove_file(&got).unwrap();
    let child = piped(&home, &["login", "go", "-o", "json"]);
    let run = asking(&home);
    let mut command =
        home.command(&["runs", "continue", &run, "--answer", "user=ada", "--secret-answer", "token"]);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(&command);
    terminal.expect("The answer to token: ");
    terminal.line(SECRET);
    let (exit, screen) = terminal.end();
    assert_eq!((exit, screen.contains(SECRET)), (Some(0), false), "{screen}");
    let it = home.said(child.wait_with_output().unwrap());
    assert!(
        it.err.contains(&format!("runs continue {run} --answer user=ANSWER --secret-answer token")),
        "{it:?}"
    );
    assert!(std::fs::read_to_string(&got).unwrap().contains(SECRET), "the agent has it");
    assert_eq!(files_with(home.path(), SECRET), [got]);
    let events = home.run(&["--json", "runs", "events", &run]);
    assert!(events.out.contains("[redacted:secret-answer]") && events.out.contains("ada"), "{events:?}");
}
