//! Plays recordings: lines are handed over, and what another host answered is answered again.

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_claude_code::{ClaudeCode, PROCESS};
use pointsman_sdk::backend::{Answer, Effect, Exit, Input, Output, OutputStream, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{Message, Part, Speaker};
use serde_json::{Map, Value, json};

/// A recording.
pub(crate) struct Case {
    pub(crate) name: String,
    argv: Vec<String>,
    steps: Vec<Step>,
    stderr: Vec<String>,
    exit: Exit,
    signalled: bool,
}

enum Step {
    /// Claude Code said this.
    Received(String),
    /// Its host said this.
    Sent(Value),
}

fn transcripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// Gives every recording.
pub(crate) fn cases() -> Vec<Case> {
    let mut names = Vec::new();
    for folder in ["print", "stream-json"] {
        for entry in fs::read_dir(transcripts().join(folder)).unwrap() {
            let file = entry.unwrap().file_name();
            if let Some(name) = file.to_str().unwrap().strip_suffix(".meta.json") {
                names.push(format!("{folder}/{name}"));
            }
        }
    }
    names.sort();
    assert!(names.len() >= 83, "recordings are missing: {}", names.len());
    names.iter().map(|name| Case::load(name)).collect()
}

impl Case {
    pub(crate) fn load(name: &str) -> Self {
        let meta = fs::read_to_string(transcripts().join(format!("{name}.meta.json"))).unwrap();
        let meta: Value = serde_json::from_str(&meta).unwrap();
        let texts = |key: &str| -> Vec<String> {
            meta[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let code = i32::try_from(meta["exit_code"].as_i64().unwrap()).unwrap();
        let told = ["jsonl", "txt"]
            .iter()
            .find_map(|end| fs::read_to_string(transcripts().join(format!("{name}.{end}"))).ok())
            .unwrap();
        let dialogue = name.starts_with("stream-json/");
        let steps = told.lines().map(|line| {
            let step: Value = if dialogue { serde_json::from_str(line).unwrap() } else { Value::Null };
            match step["dir"].as_str() {
                None => Step::Received(line.to_owned()),
                Some("recv") => Step::Received(match &step["msg"] {
                    Value::String(text) => text.clone(),
                    message => message.to_string(),
                }),
                Some(_) => Step::Sent(step["msg"].clone()),
            }
        });
        Self {
            name: name.replace('/', "-"),
            argv: texts("argv"),
            steps: steps.collect(),
            stderr: texts("stderr"),
            exit: if code < 0 { Exit::Signal(-code) } else { Exit::Code(code) },
            signalled: !meta["signal_sent"].is_null(),
        }
    }

    pub(crate) fn is_dialogue(&self) -> bool {
        self.name.starts_with("stream-json-")
    }

    /// Gives what Claude Code said, as it would say it to us: the answer to the first request bears our id.
    pub(crate) fn received(&self) -> Vec<String> {
        let first = self.steps.iter().find_map(|step| match step {
            Step::Sent(sent) if sent["request"]["subtype"] == "initialize" => sent["request_id"].as_str(),
            _ => None,
        });
        let ours = |line: &String| match first {
            Some(theirs) if line.contains("control_response") => {
                line.replace(&format!(r#""request_id":"{theirs}""#), r#""request_id":"initialize""#)
            }
            _ => line.clone(),
        };
        let lines = self.steps.iter().filter_map(|step| match step {
            Step::Received(line) => Some(ours(line)),
            Step::Sent(_) => None,
        });
        lines.collect()
    }

    /// Gives what the recorded host answered to questions about tools, by request.
    pub(crate) fn answers(&self) -> Vec<(String, Value)> {
        let mut answers = Vec::new();
        for step in &self.steps {
            let Step::Sent(sent) = step else { continue };
            let request = sent["response"]["request_id"].as_str().unwrap_or_default();
            let Some(asked) = self.asked(request) else { continue };
            let before =
                asked["subtype"] == "can_use_tool" || asked["input"]["hook_event_name"] == "PreToolUse";
            if before {
                answers.push((request.to_owned(), verdict(&sent["response"]["response"])));
            }
        }
        answers
    }

    /// Gives the request of Claude Code's that has this id.
    fn asked(&self, id: &str) -> Option<Value> {
        self.received().iter().find_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["type"] == "control_request" && line["request_id"] == id).then(|| line["request"].clone())
        })
    }

    /// The task that would have led to this recording, as far as the adapter treats its lines differently for it.
    fn task(&self) -> Task {
        let structured = self.argv.iter().any(|arg| arg.starts_with("--json-schema"))
            || self
                .steps
                .iter()
                .any(|step| matches!(step, Step::Sent(sent) if sent["request"].get("jsonSchema").is_some()));
        Task { output_schema: structured.then(|| "{}".to_owned()), ..a_task("do it") }
    }

    pub(crate) fn begin(&self) -> Rehearsal<ClaudeCode> {
        Rehearsal::start(self.task()).unwrap()
    }

    pub(crate) fn finish(&self, run: &mut Rehearsal<ClaudeCode>) {
        let (id, stream) = (PROCESS, OutputStream::StandardError);
        let lines = self.stderr.clone();
        run.input(Input::ProcessOutput(Output { id, stream, lines, clipped: Vec::new() })).unwrap();
        if self.signalled {
            run.input(Input::Cancel("a person cancelled it".to_owned())).unwrap();
        }
        run.exited(PROCESS, self.exit, &self.stderr.join("\n")).unwrap();
    }

    pub(crate) fn play(&self) -> Rehearsal<ClaudeCode> {
        let mut run = self.begin();
        let mut lines = self.received().into_iter();
        let mut prompts = 0;
        for step in &self.steps {
            match step {
                Step::Received(_) => run.lines(PROCESS, lines.next()).unwrap(),
                Step::Sent(sent) => match sent["type"].as_str() {
                    Some("user") => {
                        prompts += 1;
                        if prompts > 1 {
                            let message = Message::text(Speaker::User, "and further");
                            run.input(Input::Message(message)).unwrap();
                        }
                    }
                    Some("control_response") => self.answer(&sent["response"], &mut run),
                    Some("control_request") if sent["request"]["subtype"] == "interrupt" => {
                        run.input(Input::Cancel("a person cancelled it".to_owned())).unwrap();
                    }
                    _ => {}
                },
            }
        }
        self.finish(&mut run);
        run
    }

    /// Gives the answer that was recorded to whoever the adapter asked.
    fn answer(&self, response: &Value, run: &mut Rehearsal<ClaudeCode>) {
        let Some(asked) = self.asked(response["request_id"].as_str().unwrap()) else { return };
        let body = &response["response"];
        let open = run.effects().iter().rev().find_map(|effect| match effect {
            Effect::AskPermission(open) if asked["tool_use_id"] == open.id.as_str() => Some(open.id.clone()),
            _ => None,
        });
        if let Some(id) = open {
            let input = if asked["subtype"] == "can_use_tool" {
                &asked["input"]
            } else {
                &asked["input"]["tool_input"]
            };
            let verdict = verdict(body);
            let answer = match verdict["says"].as_str() {
                Some("allow") => match &verdict["input"] {
                    Value::Null => Answer::Allow,
                    edited if edited == input => Answer::Allow,
                    edited => Answer::AllowEdited(edited.to_string()),
                },
                _ => Answer::Deny(verdict["why"].as_str().unwrap().to_owned()),
            };
            run.input(Input::Permission((id, answer))).unwrap();
        } else if asked["requires_user_interaction"] == true {
            let parts = match (&body["updatedInput"]["answers"], body["message"].as_str()) {
                (Value::Object(answers), _) => vec![Part::Data(Value::Object(answers.clone()).to_string())],
                (_, Some(feedback)) => vec![Part::Text(feedback.to_owned())],
                _ => vec![Part::Text("Yes.".to_owned())],
            };
            run.input(Input::Message(Message { speaker: Speaker::User, parts, metadata: None })).unwrap();
        }
    }
}

/// Stands for a reason that was not recorded.
const NO_REASON: &str = "the recorded host did not say";

/// Gives what an answer says, whichever of the two questions it answers.
pub(crate) fn verdict(body: &Value) -> Value {
    let hook = &body["hookSpecificOutput"];
    let says = body["behavior"].as_str().or_else(|| hook["permissionDecision"].as_str());
    let mut verdict = Map::new();
    match says {
        Some("allow") => {
            verdict.insert("says".to_owned(), "allow".into());
            if body["updatedInput"]["command"] == "echo changed by the host" {
                verdict.insert("input".to_owned(), body["updatedInput"].clone());
            }
        }
        // Anything else denies.
        _ => {
            verdict.insert("says".to_owned(), "deny".into());
            let why = body["message"].as_str().or_else(|| hook["permissionDecisionReason"].as_str());
            verdict.insert("why".to_owned(), why.unwrap_or(NO_REASON).into());
        }
    }
    json!(verdict)
}
