//! What becomes of everything that codex was recorded to say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_codex::{Codex, PROCESS};
use pointsman_sdk::backend::{Exit, Input, Output, OutputStream, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use serde_json::{Value, json};

/// A recording.
struct Case {
    name: String,
    argv: Vec<String>,
    lines: Vec<String>,
    stderr: Vec<String>,
    exit: Exit,
    signalled: bool,
}

fn transcripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/codex-exec")
}

fn cases() -> Vec<Case> {
    let mut names: Vec<String> = fs::read_dir(transcripts())
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".meta.json")?.to_owned()))
        .collect();
    names.sort();
    assert!(names.len() >= 48, "recordings are missing");
    names.into_iter().map(Case::load).collect()
}

impl Case {
    fn load(name: String) -> Self {
        let meta = fs::read_to_string(transcripts().join(format!("{name}.meta.json"))).unwrap();
        let meta: Value = serde_json::from_str(&meta).unwrap();
        let texts = |key: &str| -> Vec<String> {
            meta[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let code = i32::try_from(meta["exit_code"].as_i64().unwrap()).unwrap();
        let stdout = ["jsonl", "txt"]
            .iter()
            .find_map(|end| fs::read_to_string(transcripts().join(format!("{name}.{end}"))).ok());
        Self {
            argv: texts("argv"),
            lines: stdout.unwrap().lines().map(str::to_owned).collect(),
            stderr: texts("stderr"),
            exit: if code < 0 { Exit::Signal(-code) } else { Exit::Code(code) },
            signalled: !meta["signal_sent"].is_null(),
            name,
        }
    }

    /// The task that would have led to this recording, as far as the adapter treats its lines differently for it.
    fn task(&self) -> Task {
        let behind =
            |flag: &str| self.argv.iter().skip_while(|arg| *arg != flag).find(|arg| arg.starts_with("0000"));
        Task {
            resume: behind("resume").map(|id| json!({ "thread_id": id }).to_string()),
            output_schema: self.argv.iter().any(|arg| arg == "--output-schema").then(|| "{}".to_owned()),
            config: r#"{"protocol":"exec"}"#.to_owned(),
            ..a_task("do it")
        }
    }

    fn begin(&self) -> Rehearsal<Codex> {
        Rehearsal::start(self.task()).unwrap()
    }

    fn finish(&self, run: &mut Rehearsal<Codex>) {
        let (id, stream) = (PROCESS, OutputStream::StandardError);
        run.input(Input::ProcessOutput(Output {
            id,
            stream,
            lines: self.stderr.clone(),
            clipped: Vec::new(),
        }))
        .unwrap();
        if self.signalled {
            run.input(Input::Cancel("a person cancelled it".to_owned())).unwrap();
        }
        run.exited(PROCESS, self.exit, &self.stderr.join("\n")).unwrap();
    }

    fn play(&self) -> Rehearsal<Codex> {
        let mut run = self.begin();
        run.lines(PROCESS, self.lines.clone()).unwrap();
        self.finish(&mut run);
        run
    }
}

/// Makes long texts short enough to be looked at.
fn shortened(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > 1_000 => {
            *text = format!("{}… {} bytes in all", &text[..text.floor_char_boundary(40)], text.len());
        }
        Value::Array(items) => items.iter_mut().for_each(shortened),
        Value::Object(fields) => fields.values_mut().for_each(shortened),
        _ => {}
    }
}

#[test]
fn every_recording_becomes_what_its_snapshot_says() {
    for case in cases() {
        let mut seen = Value::from(case.play().seen());
        shortened(&mut seen);
        insta::with_settings!({ snapshot_suffix => case.name, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_json_snapshot!("codex_exec", seen);
        });
    }
}

#[test]
fn a_batch_and_single_lines_come_to_the_same() {
    for case in cases() {
        let mut run = case.begin();
        for line in &case.lines {
            run.lines(PROCESS, [line.as_str()]).unwrap();
        }
        case.finish(&mut run);
        assert_eq!(run.seen(), case.play().seen(), "{}", case.name);
    }
}

/// Gives all texts and numbers in a value.
fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[test]
fn no_line_is_silently_dropped() {
    for case in cases() {
        let run = case.play();
        let outcome = run.outcome().unwrap();
        let mut told = Vec::new();
        leaves(&Value::from(run.events()), &mut told);
        for line in &case.lines {
            let Ok(parsed) = serde_json::from_str::<Value>(line) else {
                assert!(told.contains(line), "{}: {line}", case.name);
                continue;
            };
            let error = outcome.error.as_deref().unwrap_or_default();
            match parsed["type"].as_str().unwrap() {
                "turn.started" => {}
                // Its figures are those of the conversation; what they make of the run's is tested below.
                "turn.completed" => assert!(outcome.usage.is_some(), "{}", case.name),
                "turn.failed" => assert!(!error.is_empty(), "{}", case.name),
                // Told, or the reason that the run gives for its end.
                "error" => {
                    let said = parsed["message"].as_str().unwrap();
                    assert!(
                        told.iter().any(|told| told == said) || said.contains(error),
                        "{}: {said}",
                        case.name
                    );
                }
                kind => {
                    let mut said = parsed.clone();
                    said["type"] = Value::Null;
                    if kind.starts_with("item.") {
                        said["item"]["type"] = Value::Null;
                    }
                    let mut missing = Vec::new();
                    leaves(&said, &mut missing);
                    missing.retain(|leaf| !told.contains(leaf));
                    assert!(missing.is_empty(), "{}: {missing:?} of {line}", case.name);
                }
            }
        }
    }
}

#[test]
fn commands_and_tools_come_in_pairs() {
    for case in cases() {
        let run = case.play();
        let kinds = run.kinds();
        let count = |kind: &str| kinds.get(kind).copied().unwrap_or_default();
        assert_eq!(count("command_started"), count("command_finished"), "{}", case.name);
        assert_eq!(count("tool_started"), count("tool_finished"), "{}", case.name);
    }
}

#[test]
fn a_resumed_run_is_charged_what_it_used_itself() {
    let case = |name: &str| Case::load(name.to_owned());
    let first = case("resume-1-new").play();
    let remembered = first.remembered().unwrap();
    let second = case("resume-2-by-id");
    let mut run =
        Rehearsal::<Codex>::start(Task { resume: Some(remembered.to_string()), ..second.task() }).unwrap();
    run.lines(PROCESS, second.lines.clone()).unwrap();
    second.finish(&mut run);
    assert_eq!(first.outcome().unwrap().usage.unwrap().input_tokens, 1_000);
    assert_eq!(run.outcome().unwrap().usage.unwrap().input_tokens, 1_000, "2,000 for the whole conversation");
    assert_eq!(run.remembered().unwrap()["usage"]["input_tokens"], 2_000);
}
