//! Makes scripts of recordings: the adapter itself is asked what it says, so that each answer goes to its own request.

use std::path::{Path, PathBuf};

use pointsman_sdk::backend::{Adapter, Effect, Effects, Request};
use serde_json::Value;

use super::script::{Script, Step};

/// Requests that an adapter made: its id, and what it asked for.
type Open = Vec<(Value, String)>;

/// An adapter, and all that has happened to it.
pub(super) struct Player<A> {
    adapter: A,
    script: Script,
    /// What it asked its agent and was not answered.
    open: Open,
    /// What it asked servers and was not answered.
    pub(super) requests: Vec<Request>,
    /// It has ended its run.
    pub(super) over: bool,
}

impl<A: Adapter> Player<A> {
    /// Starts a run.
    pub(super) fn start(config: &Value) -> Self {
        let mut effects = Effects::new();
        let adapter = A::start(Script::guest_task(config), &mut effects).expect("the task is taken");
        let script = Script { config: config.clone(), steps: Vec::new() };
        let mut player = Self { adapter, script, open: Open::new(), requests: Vec::new(), over: false };
        player.look(effects);
        player
    }

    /// Has something happen, and whatever comes of it: everything that is asked is allowed and answered.
    pub(super) fn step(&mut self, step: Step) {
        if self.over {
            return;
        }
        let mut effects = Effects::new();
        let at = self.script.steps.len() as u64 + 1;
        self.adapter.handle(step.guest(), at, &mut effects).expect("the run goes on");
        self.script.steps.push(step);
        self.look(effects);
    }

    fn look(&mut self, effects: Effects) {
        let mut next = Vec::new();
        for effect in effects.into_vec() {
            match effect {
                Effect::WriteProcess((_, bytes)) => self.open.extend(
                    String::from_utf8_lossy(&bytes)
                        .lines()
                        .filter_map(|line| asked(&serde_json::from_str(line).ok()?)),
                ),
                Effect::SendRequest(request) => self.requests.push(request),
                Effect::AskPermission(permission) => next.push(Step::Allowed(permission.id)),
                Effect::AwaitInput(_) => next.push(Step::Answered),
                Effect::Finish(_) => self.over = true,
                _ => {}
            }
        }
        next.into_iter().for_each(|step| self.step(step));
    }

    /// Gives all that has happened.
    pub(super) fn into_script(self) -> Script {
        self.script
    }
}

/// Reads a request to an agent, of JSON-RPC or of Claude Code's control protocol: its id and what it asks for.
fn asked(message: &Value) -> Option<(Value, String)> {
    if message["type"] == "control_request" {
        return Some((message["request_id"].clone(), message["request"]["subtype"].as_str()?.to_owned()));
    }
    Some((message.get("id")?.clone(), message["method"].as_str()?.to_owned()))
}

/// Gives the id of what a message answers.
fn answered(message: &mut Value) -> Option<&mut Value> {
    if message["type"] == "control_response" {
        return message.pointer_mut("/response/request_id");
    }
    let answers = message.get("method").is_none() && message.get("jsonrpc").is_some();
    let answers = answers || (message.get("type").is_none() && message.get("method").is_none());
    message.get_mut("id").filter(|_| answers)
}

/// Plays a dialogue, in which both sides were recorded, or an output alone.
pub(super) fn dialogue<A: Adapter>(config: &Value, recording: &str) -> Script {
    let mut player = Player::<A>::start(config);
    let mut recorded = Open::new();
    let mut batch = Vec::new();
    for line in recording.lines().filter(|line| !line.trim().is_empty()) {
        let parsed: Value = serde_json::from_str(line).unwrap_or_default();
        if parsed["dir"] == "send" {
            flush(&mut player, &mut batch);
            recorded.extend(asked(&parsed["msg"]));
            continue;
        }
        if parsed["dir"] != "recv" {
            batch.push(line.to_owned());
            continue;
        }
        let mut message = parsed["msg"].clone();
        let mut waits = asked(&message).is_some();
        if let Some(id) = answered(&mut message) {
            waits = true;
            flush(&mut player, &mut batch);
            let was = recorded.iter().find(|(known, _)| known == id).map(|(_, method)| method.clone());
            let own = was.and_then(|was| player.open.iter().position(|(_, method)| *method == was));
            // Nobody asked for it in our run.
            let Some(own) = own else { continue };
            *id = player.open.remove(own).0;
        }
        batch.push(message.as_str().map_or_else(|| message.to_string(), str::to_owned));
        if waits {
            flush(&mut player, &mut batch);
        }
    }
    flush(&mut player, &mut batch);
    player.step(Step::Exited);
    player.into_script()
}

fn flush<A: Adapter>(player: &mut Player<A>, batch: &mut Vec<String>) {
    if !batch.is_empty() {
        player.step(Step::Lines(std::mem::take(batch)));
    }
}

/// Gives the recordings of a folder below a plugin's, those below that included.
pub(super) fn recordings(plugin: &str, folder: &str, ending: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(plugin);
    let mut folders = vec![root.join("tests/transcripts").join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).expect("the recordings are there");
        for path in entries.map(|entry| entry.expect("the folder is read").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|known| known == ending) {
                files.push(path);
            }
        }
    }
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).expect("a recording is read")).collect()
}
