//! A recorded dialogue, played to the adapter.

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_codex::{Codex, PROCESS};
use pointsman_sdk::backend::{Answer, Effect, Exit, Input, Output, OutputStream, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{Access, Message, Part, Speaker};
use serde_json::{Value, json};

/// One turn of a recording, with the greeting and the opening in front: a run of ours has one turn.
pub(crate) struct Case {
    pub(crate) name: String,
    lines: Vec<(Side, Value)>,
    stderr: Vec<String>,
}

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Host,
    Codex,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/codex-app-server")
}

/// Gives every turn of every recording.
pub(crate) fn cases() -> Vec<Case> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".jsonl")?.to_owned()))
        .collect();
    names.sort();
    assert!(names.len() >= 40, "recordings are missing");
    names.iter().flat_map(|name| Case::load(name)).collect()
}

/// Gives one turn by its name.
pub(crate) fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap()
}

impl Case {
    fn load(name: &str) -> Vec<Self> {
        let text = fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap();
        let lines: Vec<(Side, Value)> = text
            .lines()
            .map(|line| {
                let mut line: Value = serde_json::from_str(line).unwrap();
                let side = if line["dir"] == "send" { Side::Host } else { Side::Codex };
                (side, line["msg"].take())
            })
            .collect();
        let meta = fs::read_to_string(folder().join(format!("{name}.meta.json"))).unwrap();
        let meta: Value = serde_json::from_str(&meta).unwrap();
        let stderr = meta["stderr"].as_array().into_iter().flatten();
        let stderr: Vec<String> = stderr.map(|line| line.as_str().unwrap().to_owned()).collect();

        let opening = sent(&lines, |method| method == "thread/start" || method == "thread/resume");
        let thread = opening.and_then(|opening| {
            let answers =
                lines.iter().find(|(side, said)| *side == Side::Codex && said["id"] == opening["id"]);
            Some(answers?.1.pointer("/result/thread/id")?.clone())
        });
        let begins: Vec<usize> = (0..lines.len())
            .filter(|at| {
                let (side, said) = &lines[*at];
                *side == Side::Host
                    && said["method"] == "turn/start"
                    && thread.as_ref().is_none_or(|thread| said["params"]["threadId"] == *thread)
            })
            .collect();
        let turns = begins.len().max(1);
        (0..turns)
            .map(|turn| {
                let first = begins.first().copied().unwrap_or(lines.len());
                let from = begins.get(turn).copied().unwrap_or(lines.len());
                let to = begins.get(turn + 1).copied().unwrap_or(lines.len());
                let played = lines[..first].iter().chain(&lines[from..to]).cloned().collect();
                let name = if turn == 0 { name.to_owned() } else { format!("{name}-turn-{}", turn + 1) };
                Self {
                    name,
                    lines: played,
                    stderr: if turn + 1 == turns { stderr.clone() } else { Vec::new() },
                }
            })
            .collect()
    }

    /// Gives the same dialogue with other names in it.
    pub(crate) fn renamed(&self, from: &str, to: &str) -> Self {
        let lines = self
            .lines
            .iter()
            .map(|(side, said)| (*side, serde_json::from_str(&said.to_string().replace(from, to)).unwrap()));
        Self { name: self.name.clone(), lines: lines.collect(), stderr: self.stderr.clone() }
    }

    /// What codex said, as far as it is played.
    pub(crate) fn said(&self) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(|(side, _)| *side == Side::Codex).map(|(_, said)| said)
    }

    /// The task that would have led to this recording.
    pub(crate) fn task(&self) -> Task {
        let opening = sent(&self.lines, |method| method == "thread/start" || method == "thread/resume");
        let opened = |name: &str| opening.map(|opening| opening["params"][name].clone()).unwrap_or_default();
        let turn = sent(&self.lines, |method| method == "turn/start");
        let schema = turn.map(|turn| turn["params"]["outputSchema"].clone()).filter(Value::is_object);
        let mut config = json!({});
        if let Some(policy) = opened("approvalPolicy").as_str() {
            config["approval_policy"] = policy.into();
        }
        Task {
            access: match opened("sandbox").as_str() {
                Some("read-only") => Access::ReadOnly,
                Some("danger-full-access") => Access::Full,
                _ => Access::WorkspaceWrite,
            },
            output_schema: schema.map(|schema| schema.to_string()),
            resume: opened("threadId").as_str().map(|id| json!({ "thread_id": id }).to_string()),
            config: config.to_string(),
            ..a_task("do it")
        }
    }

    /// Plays everything, to the end of the process.
    pub(crate) fn play(&self) -> Rehearsal<Codex> {
        self.play_in(Rehearsal::start(self.task()).unwrap())
    }

    pub(crate) fn play_in(&self, mut run: Rehearsal<Codex>) -> Rehearsal<Codex> {
        for (side, said) in &self.lines {
            match side {
                Side::Host => self.host_said(said, &mut run),
                Side::Codex => {
                    if let Some(line) = self.as_answered_to_us(said, &run) {
                        run.lines(PROCESS, [line.to_string()]).unwrap();
                    }
                }
            }
        }
        let (id, stream) = (PROCESS, OutputStream::StandardError);
        let lines = self.stderr.clone();
        run.input(Input::ProcessOutput(Output { id, stream, lines, clipped: Vec::new() })).unwrap();
        run.exited(PROCESS, Exit::Code(0), &self.stderr.join("\n")).unwrap();
        run
    }

    /// Does what the recorded host did, as far as it is for others than the adapter to do.
    fn host_said(&self, said: &Value, run: &mut Rehearsal<Codex>) {
        let input = match said["method"].as_str() {
            Some("turn/interrupt") => Some(Input::Cancel("a person cancelled it".to_owned())),
            Some("turn/steer") => {
                let text = said.pointer("/params/input/0/text").and_then(Value::as_str).unwrap();
                Some(Input::Message(Message::text(Speaker::User, text)))
            }
            Some(_) => None,
            None => {
                let asked = run.effects().iter().find_map(|effect| match effect {
                    Effect::AskPermission(asked) if asked.id.ends_with(&format!("/{}", said["id"])) => {
                        Some(asked.id.clone())
                    }
                    _ => None,
                });
                match (asked, said.pointer("/result/answers")) {
                    (Some(id), _) => Some(Input::Permission((id, answer(said)))),
                    (None, Some(answers)) => Some(Input::Message(Message {
                        speaker: Speaker::User,
                        parts: vec![Part::Data(json!({ "answers": answers }).to_string())],
                        metadata: None,
                    })),
                    // What the adapter answers by itself.
                    (None, None) => None,
                }
            }
        };
        if let Some(input) = input {
            run.input(input).unwrap();
        }
    }

    /// Gives a line of codex's as it would have come to us: requests of ours have numbers of their own.
    fn as_answered_to_us(&self, said: &Value, run: &Rehearsal<Codex>) -> Option<Value> {
        if said.get("method").is_some() || said.get("id").is_none() {
            return Some(said.clone());
        }
        let question = self.lines.iter().find(|(side, line)| {
            *side == Side::Host && line.get("method").is_some() && line["id"] == said["id"]
        });
        let question = &question?.1;
        // Of a second conversation, say, which a run of ours never opens.
        if question["method"] == "thread/start"
            && sent(&self.lines, |method| method == "thread/start")? != question
        {
            return None;
        }
        let ours = requests(run).into_iter().rev().find(|ours| {
            ours["method"] == question["method"]
                && (question["method"] != "turn/start"
                    || ours["params"]["threadId"] == question["params"]["threadId"])
        })?;
        let mut said = said.clone();
        said["id"] = ours["id"].clone();
        Some(said)
    }
}

/// Gives what the adapter wrote, line by line.
pub(crate) fn written(run: &Rehearsal<Codex>) -> Vec<Value> {
    let text = String::from_utf8(run.written(PROCESS)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Gives the adapter's own requests.
pub(crate) fn requests(run: &Rehearsal<Codex>) -> Vec<Value> {
    written(run).into_iter().filter(|line| line.get("method").is_some() && line.get("id").is_some()).collect()
}

fn sent(lines: &[(Side, Value)], fits: impl Fn(&str) -> bool) -> Option<&Value> {
    let mut sent = lines.iter().filter(|(side, _)| *side == Side::Host).map(|(_, said)| said);
    sent.find(|said| said["method"].as_str().is_some_and(&fits))
}

fn answer(said: &Value) -> Answer {
    let result = &said["result"];
    match result["decision"].as_str().or(result["action"].as_str()) {
        Some("accept" | "acceptForSession") => Answer::Allow,
        Some("cancel") => Answer::Cancelled,
        _ if result["permissions"].as_object().is_some_and(|granted| !granted.is_empty()) => Answer::Allow,
        // A nonsense or an error of the host's is a no, too.
        _ => Answer::Deny(String::new()),
    }
}
