//! A person at a real terminal, and the real agents: what they ask is answered in place.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pointsman_tests::{MockModel, Place, Terminal};
use serde_json::{Value, json};

/// What stands before the cursor.
const PROMPT: &str = "[q]uit: ";

/// A person is asked about commands and edits, and about nothing else.
const RULES: &str = r#"
[[policies]]
name = "house"
component = "bundled:rules"
inline = '''
[[rule]]
id = "all"
when = 'true'
then = "allow"

[[rule]]
id = "commands"
when = 'action == "permission" && request.kind in ["command", "edit"]'
then = "ask"
reason = "a person looks at it"
'''
"#;

/// Has codex ask its user outside of its mode for plans, too.
const QUESTIONS: &str = r#"
[backends.codex]
component = "bundled:codex"
grants = ["process/spawn@1 codex", "timer/set@1 *"]
[backends.codex.config.overrides]
"features.default_mode_request_user_input" = true
"#;

/// A model server, and a place with an agent that knows it.
struct Scene {
    place: Place,
    backend: &'static str,
    // Dropped last: an agent that is ending may still ask it something.
    _model: MockModel,
}

impl Scene {
    fn codex() -> Self {
        let model = MockModel::start();
        let place = Place::with_codex(&model);
        let config = fs::read_to_string(place.config()).unwrap();
        fs::write(place.config(), format!("{config}{RULES}{QUESTIONS}")).unwrap();
        Self { place, backend: "codex", _model: model }
    }

    fn claude() -> Self {
        let model = MockModel::start();
        let place = Place::with_claude(&model, RULES);
        Self { place, backend: "claude_code", _model: model }
    }

    /// Launches a run on a terminal.
    fn run(&self, prompt: &str) -> Terminal {
        self.run_with(prompt, "")
    }

    fn run_with(&self, prompt: &str, editor: &str) -> Terminal {
        let mut command = self.place.pointsman();
        command.args(["run", self.backend, prompt]).current_dir(self.place.project());
        command.env("EDITOR", editor).env("NO_COLOR", "1");
        Terminal::start(&command)
    }

    fn exists(&self, name: &str) -> bool {
        self.place.project().join(name).exists()
    }

    /// Ends the scene: nothing may be left.
    fn end(&self) {
        self.place.mark().wait_until_gone();
        assert_eq!(self.place.cli(&["approvals", "list"]), json!([]));
    }
}

/// Has the model call a tool and say back what it brings.
fn calls(tool: &str, questions: &Value) -> String {
    format!("mock:tool {}", json!({"name": tool, "input": {"questions": questions}, "echo": true}))
}

fn completed(terminal: Terminal) -> String {
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    // Lines break where the terminal ends.
    screen.replace("\r\n", "\n")
}

#[test]
fn what_codex_asks_its_user_is_answered_by_number_and_in_words() {
    let scene = Scene::codex();
    let option = |label: &str, description: &str| json!({"label": label, "description": description});
    let questions = json!([
        {"id": "color", "header": "Color", "question": "Which color?",
         "options": [option("Red", "Warm"), option("Blue", "Cold")]},
        {"id": "size", "header": "Size", "question": "How big?", "options": [option("Small", "1"), option("Large", "2")]},
    ]);
    let mut terminal = scene.run(&calls("request_user_input", &questions));
    let shown = terminal.expect(PROMPT);
    for part in ["Color, 1 of 2", "Which color?", "1) Red: Warm", "2) Blue: Cold"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    terminal.line("");
    terminal.expect("An answer is wanted.");
    terminal.line("2");
    terminal.expect("How big?");
    terminal.expect(PROMPT);
    terminal.line("as big as it gets");
    let screen = completed(terminal);
    let (_, heard) = screen.split_once("\"answers\"").expect(&screen);
    for part in [r#""color":{"answers":["Blue"]}"#, r#""size":{"answers":["as big as it gets"]}"#] {
        assert!(heard.contains(part), "{part}: {screen}");
    }
    scene.end();
}

#[test]
fn what_claude_code_asks_its_user_is_answered_by_numbers_and_in_words() {
    let scene = Scene::claude();
    let option = |label: &str| json!({"label": label, "description": format!("the {label}")});
    let question = |text: &str, header: &str, several: bool| {
        json!({"question": text, "header": header, "multiSelect": several,
            "options": [option("first"), option("second"), option("third")]})
    };
    let questions = json!([
        question("One?", "One", false),
        question("Several?", "Several", true),
        question("Why?", "Why", false)
    ]);
    let mut terminal = scene.run(&calls("AskUserQuestion", &questions));
    let shown = terminal.expect(PROMPT);
    assert!(shown.contains("One, 1 of 3") && shown.contains("3) third: the third"), "{shown}");
    terminal.line("2");
    terminal.expect("Several?");
    terminal.expect(PROMPT);
    terminal.line("1, 3");
    terminal.expect("Why?");
    terminal.expect(PROMPT);
    terminal.line("because I say so");
    let screen = completed(terminal);
    for part in [r#""One?"="second""#, r#""Several?"="first, third""#, r#""Why?"="because I say so""#] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    scene.end();
}

#[test]
fn control_c_at_a_question_ends_the_agent_too() {
    for (scene, tool) in [(Scene::codex(), "request_user_input"), (Scene::claude(), "AskUserQuestion")] {
        let options =
            json!([{"label": "Red", "description": "Warm"}, {"label": "Blue", "description": "Cold"}]);
        let question = json!([{"id": "color", "header": "Color", "question": "Which color?", "options": options,
            "multiSelect": false}]);
        let mut terminal = scene.run(&calls(tool, &question));
        terminal.expect(PROMPT);
        terminal.keys(b"\x03");
        let (exit, screen) = terminal.end();
        assert_eq!(exit, Some(6), "{screen}");
        scene.end();
    }
}

#[test]
fn what_the_agents_want_to_do_is_allowed_in_place() {
    for scene in [Scene::codex(), Scene::claude()] {
        let mut terminal = scene.run(r#"mock:shell {"cmd":"touch made; echo went on","echo":true}"#);
        let shown = terminal.expect(PROMPT);
        assert!(shown.contains("touch made; echo went on"), "the exact command: {shown}");
        assert!(!scene.exists("made"), "it waits");
        terminal.line("y");
        let screen = completed(terminal);
        assert!(scene.exists("made"), "{screen}");
        assert!(screen.contains("allowed by cli:"), "{screen}");
        scene.end();
    }
}

#[test]
fn the_agents_hear_why_a_person_says_no() {
    for scene in [Scene::codex(), Scene::claude()] {
        let mut terminal = scene.run(r#"mock:shell {"cmd":"touch made"}"#);
        terminal.expect(PROMPT);
        terminal.line("n");
        terminal.expect("What should the agent know?");
        // What the person says is what the model answers next: so it was heard.
        terminal.line(r#"not here; mock:text {"text":"I heard you."}"#);
        let screen = completed(terminal);
        let (_, after) = screen.rsplit_once("not here").expect(&screen);
        assert!(after.contains("I heard you."), "{screen}");
        assert!(!scene.exists("made"), "{screen}");
        scene.end();
    }
}

#[test]
fn what_a_person_makes_of_a_command_in_their_editor_is_what_claude_code_runs() {
    let scene = Scene::claude();
    let editor = scene.place.root().join("editor");
    fs::write(
        &editor,
        "#!/bin/sh\nsed 's/touch made/touch other/' \"$1\" > \"$1.new\" && mv \"$1.new\" \"$1\"\n",
    )
    .unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).unwrap();
    let mut terminal = scene.run_with(r#"mock:shell {"cmd":"touch made"}"#, editor.to_str().unwrap());
    let shown = terminal.expect(PROMPT);
    assert!(shown.contains("[e]dit"), "{shown}");
    terminal.line("e");
    terminal.expect("touch other");
    terminal.expect(PROMPT);
    terminal.line("y");
    let screen = completed(terminal);
    assert!(scene.exists("other") && !scene.exists("made"), "{screen}");
    scene.end();
}
