//! Plays an agent's part from a recording. Ids and paths of the recording do not matter: its client's requests are
//! matched by their methods, and its answers go to the requests that the backend really made.

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_acp::{Acp, IDLE_TIMER, PACE_TIMER, PROCESS};
use pointsman_sdk::backend::{Access, Answer, Effect, Exit, Input, Output, OutputStream, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use serde_json::{Value, json};

/// A recording.
pub(crate) struct Case {
    /// `agent/case`.
    pub(crate) name: String,
    lines: Vec<(bool, Value)>,
    stderr: Vec<String>,
}

/// A recording that was played.
pub(crate) struct Played {
    pub(crate) run: Rehearsal<Acp>,
    /// What the agent said in it.
    pub(crate) received: Vec<Value>,
    /// The ids of what it asked.
    pub(crate) requests: Vec<Value>,
    /// Lines that were not handed over yet.
    batch: Option<Vec<String>>,
    /// Which message of the backend's is looked at next.
    next: usize,
    /// Requests that no backend makes; their answers go nowhere.
    skipped: Vec<Value>,
    /// The ids of the recording's requests and those of the backend's.
    ids: Vec<(Value, Value)>,
    /// It is to load its session.
    loads: bool,
}

fn transcripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// Gives all recordings.
pub(crate) fn cases() -> Vec<Case> {
    let mut names = Vec::new();
    for agent in ["claude", "codex", "gemini", "opencode"] {
        for entry in fs::read_dir(transcripts().join(agent)).unwrap() {
            let file = entry.unwrap().file_name();
            if let Some(case) = file.to_str().unwrap().strip_suffix(".jsonl") {
                names.push(format!("{agent}/{case}"));
            }
        }
    }
    names.sort();
    assert_eq!(names.len(), 64, "recordings are missing");
    names.iter().map(|name| Case::load(name)).collect()
}

impl Case {
    /// Reads a recording.
    pub(crate) fn load(name: &str) -> Self {
        let text = fs::read_to_string(transcripts().join(format!("{name}.jsonl"))).unwrap();
        let line = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["dir"] == "send", line["msg"].clone())
        };
        let meta = fs::read_to_string(transcripts().join(format!("{name}.meta.json"))).unwrap();
        let meta: Value = serde_json::from_str(&meta).unwrap();
        let stderr = meta["stderr"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
        Self { name: name.to_owned(), lines: text.lines().map(line).collect(), stderr: stderr.collect() }
    }

    fn sends(&self, method: &str) -> Option<&Value> {
        self.lines
            .iter()
            .find(|(sent, message)| *sent && message["method"] == method)
            .map(|(_, message)| message)
    }

    /// The task that leads to this recording.
    fn task(&self) -> Task {
        let taken_up = ["session/resume", "session/load"].iter().find_map(|method| self.sends(method));
        // A recording that prompts a session which does not exist is one that takes up such a session.
        let unknown = self.name.ends_with("/protocol-errors").then(|| json!("nope"));
        let session = taken_up.map(|message| message["params"]["sessionId"].clone()).or(unknown);
        let mode = self.sends("session/set_mode").map(|message| message["params"]["modeId"].clone());
        let mut config =
            json!({ "program": "agent", "args": ["--acp"], "access": "read-only", "idle_timeout_ms": 20 });
        if let Some(mode) = mode {
            config["modes"] = json!({ "workspace-write": mode });
        }
        Task {
            config: config.to_string(),
            access: Access::WorkspaceWrite,
            resume: session.map(|session| json!({ "session_id": session }).to_string()),
            ..a_task("do it")
        }
    }

    /// Plays it, line by line.
    pub(crate) fn play(&self) -> Played {
        self.play_with(self.task(), None)
    }

    /// Plays it, with all that the agent says in a row as one input.
    pub(crate) fn play_at_once(&self) -> Played {
        self.play_with(self.task(), Some(Vec::new()))
    }

    /// Plays it as what follows another run.
    pub(crate) fn play_resuming(&self, remembered: &Value) -> Played {
        self.play_with(Task { resume: Some(remembered.to_string()), ..self.task() }, None)
    }

    fn play_with(&self, task: Task, batch: Option<Vec<String>>) -> Played {
        let mut played = Played {
            run: Rehearsal::start(task).unwrap(),
            received: Vec::new(),
            requests: Vec::new(),
            batch,
            next: 0,
            skipped: Vec::new(),
            ids: Vec::new(),
            loads: self.sends("session/load").is_some(),
        };
        for (sent, message) in &self.lines {
            if *sent {
                played.flush();
                if !played.send(message) {
                    // The rest is another run of the same process.
                    break;
                }
            } else {
                played.receive(message);
            }
        }
        played.flush();
        played.end(&self.stderr.join("\n"));
        played
    }

    /// Says whether a text is shown in other words.
    pub(crate) fn is_shown_otherwise(&self, message: &Value, leaf: &str) -> bool {
        let update = &message["params"]["update"];
        // The kind of a call that runs commands is the kind of its events, and a terminal has the id of its call.
        let call = update.get("toolCallId").is_some() || message["params"].get("toolCall").is_some();
        let sort = call && matches!(leaf, "execute" | "other");
        // A title that only announces, until the command itself is known.
        let announced = call && update["status"] == "pending";
        sort || announced
    }
}

impl Played {
    /// Gives what the backend said to the agent.
    pub(crate) fn sent(&self) -> Vec<Value> {
        let written = String::from_utf8(self.run.written(PROCESS)).unwrap();
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Takes what the recording's client said; says whether the backend goes along.
    fn send(&mut self, message: &Value) -> bool {
        let ended = self.run.outcome().is_some();
        match (message["method"].as_str(), message.get("id")) {
            (Some("session/cancel"), _) => self.input(Input::Cancel("a person cancelled it".to_owned())),
            // Only a person who looks around sends these.
            (Some("session/list" | "no/such/method"), Some(id)) => self.skipped.push(id.clone()),
            (Some(method), Some(id)) => {
                if self.loads && method == "session/prompt" {
                    // It waited whether more of the history would come.
                    self.input(Input::Timer(PACE_TIMER));
                }
                let said = self.sent();
                let Some(own) = said
                    .get(self.next..)
                    .unwrap()
                    .iter()
                    .find(|own| own["method"].is_string() && own.get("id").is_some())
                else {
                    return false;
                };
                let asked = own["method"].as_str().unwrap();
                // One that takes up a session is answered with what the recording's client was told of it.
                let taken_up = matches!(asked, "session/load" | "session/resume");
                let fits = asked == method || (taken_up && method == "session/prompt");
                if method == "session/resume" && asked == "session/load" {
                    // The agent had never said that it could resume.
                    self.skipped.push(id.clone());
                    return true;
                }
                if ended || !fits {
                    return false;
                }
                self.ids.push((id.clone(), own["id"].clone()));
                self.next = said.iter().position(|message| message == own).unwrap() + 1;
            }
            (None, Some(id)) => self.answer(id, message),
            _ => {}
        }
        true
    }

    /// Has the host answer a question as the recording's client did.
    fn answer(&mut self, rpc: &Value, message: &Value) {
        if message.get("error").is_some() || message["result"].get("outcome").is_none() {
            // It had files of its own; the backend has declined by itself.
            return;
        }
        let asked = self.run.effects().iter().rev().find_map(|effect| match effect {
            Effect::AskPermission(permission) => Some(permission.id.clone()),
            _ => None,
        });
        let request = self
            .received
            .iter()
            .rev()
            .find(|request| request["method"] == "session/request_permission" && request["id"] == *rpc);
        let options = request.unwrap()["params"]["options"].as_array().unwrap();
        let outcome = &message["result"]["outcome"];
        let chosen = options.iter().find(|option| option["optionId"] == outcome["optionId"]);
        let answer = match chosen.and_then(|option| option["kind"].as_str()) {
            Some("allow_once") => Answer::Allow,
            Some("reject_once") => Answer::Deny("not today".to_owned()),
            None => Answer::Cancelled,
            Some(other) => panic!("a client chose {other}"),
        };
        let answers = |played: &Self| {
            played
                .sent()
                .into_iter()
                .filter(|sent| sent["id"] == *rpc && sent.get("result").is_some())
                .collect::<Vec<_>>()
        };
        // A cancelled run has answered what was open.
        if answers(self).is_empty() {
            self.input(Input::Permission((asked.unwrap(), answer)));
        }
        assert_eq!(answers(self), [json!({ "jsonrpc": "2.0", "id": rpc, "result": message["result"] })]);
    }

    /// Has the agent say something.
    fn receive(&mut self, message: &Value) {
        let mut message = message.clone();
        if message.get("method").is_none() {
            if self.skipped.contains(&message["id"]) {
                return;
            }
            let Some((_, own)) = self.ids.iter().find(|(id, _)| *id == message["id"]) else { return };
            message["id"] = own.clone();
        } else if let Some(id) = message.get("id") {
            self.requests.push(id.clone());
        }
        if self.loads
            && let Some(resume) = message.pointer_mut("/result/agentCapabilities/sessionCapabilities/resume")
        {
            // What would come of it if the agent could only load: else it would be asked to resume.
            resume.take();
        }
        let line = message.to_string();
        self.received.push(message);
        match &mut self.batch {
            Some(batch) => batch.push(line),
            None => self.run.lines(PROCESS, [line]).unwrap(),
        }
    }

    fn flush(&mut self) {
        if let Some(batch) = &mut self.batch
            && !batch.is_empty()
        {
            let lines = std::mem::take(batch);
            self.run.lines(PROCESS, lines).unwrap();
        }
    }

    /// Brings the run to its end, as a host and an agent would.
    fn end(&mut self, stderr: &str) {
        // It was told why something was denied, and has nothing more to say.
        let said = self.sent();
        let open =
            said.get(self.next..).unwrap().iter().find(|message| message["method"] == "session/prompt");
        if let Some(prompt) = open {
            let answer =
                json!({ "jsonrpc": "2.0", "id": prompt["id"], "result": { "stopReason": "end_turn" } });
            self.run.lines(PROCESS, [answer.to_string()]).unwrap();
        }
        self.input(Input::Timer(PACE_TIMER));
        if !self.is_leaving() {
            // The agent is silent: the client of the recording had lost its patience.
            self.silence();
        }
        let lines = stderr.lines().map(str::to_owned).collect();
        let stream = OutputStream::StandardError;
        self.input(Input::ProcessOutput(Output { id: PROCESS, stream, lines, clipped: Vec::new() }));
        self.run.exited(PROCESS, Exit::Code(0), stderr).unwrap();
    }

    /// Lets the time pass that an agent may be silent.
    fn silence(&mut self) {
        // A rehearsal's clock goes by one with each input; the adapter waits for the rest of its patience meanwhile.
        for _ in 0..60 {
            if self.run.effects().iter().any(|effect| matches!(effect, Effect::WriteProcess((_, bytes)) if bytes.windows(14).any(|window| window == b"session/cancel"))) {
                break;
            }
            self.input(Input::Timer(IDLE_TIMER));
        }
        self.input(Input::Timer(PACE_TIMER));
    }

    fn is_leaving(&self) -> bool {
        self.run.effects().iter().any(|effect| matches!(effect, Effect::CloseInput(_)))
    }

    fn input(&mut self, input: Input) {
        self.run.input(input).unwrap();
    }
}
