//! A run and the agent's part in it, spoken line by line.

use pointsman_acp::{Acp, PACE_TIMER, PROCESS};
use pointsman_sdk::backend::{Answer, Effect, Exit, Input, Interruption, Outcome, Permission, Stop, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use serde_json::{Value, json};

/// A run and its agent.
pub(crate) struct Scene {
    pub(crate) run: Rehearsal<Acp>,
}

/// Makes a configuration.
pub(crate) fn config(more: Value) -> String {
    let mut config = json!({ "program": "agent", "access": "workspace-write" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config.to_string()
}

/// Makes a task.
pub(crate) fn task() -> Task {
    Task { config: config(json!({})), ..a_task("do it") }
}

/// Makes a question of the agent's, with an option for once and one against.
pub(crate) fn permission(id: &str, call: Value) -> Value {
    let options = json!([
        { "optionId": "ever", "kind": "allow_always", "name": "Always" },
        { "optionId": "yes", "kind": "allow_once", "name": "Yes" },
        { "optionId": "no", "kind": "reject_once", "name": "No" },
    ]);
    let params = json!({ "sessionId": "s", "toolCall": call, "options": options });
    json!({ "jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": params })
}

impl Scene {
    /// Starts a run, or says why not.
    pub(crate) fn start(task: Task) -> Result<Self, String> {
        Ok(Self { run: Rehearsal::start(task)? })
    }

    /// Starts a run.
    pub(crate) fn begun(task: Task) -> Self {
        Self::start(task).unwrap()
    }

    /// Starts a run and goes on to its prompt.
    pub(crate) fn prompted() -> Self {
        let mut scene = Self::begun(task());
        scene.opens();
        scene
    }

    /// Has the agent open its session.
    pub(crate) fn opens(&mut self) {
        self.answer(json!({ "protocolVersion": 1 }));
        self.answer(json!({ "sessionId": "s" }));
        assert_eq!(self.last()["method"], "session/prompt");
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.run.input(input).unwrap();
    }

    /// Has the agent say a line.
    pub(crate) fn says(&mut self, message: &Value) {
        self.run.lines(PROCESS, [message.to_string()]).unwrap();
    }

    /// Has the agent tell news of its session.
    pub(crate) fn update(&mut self, update: Value) {
        let params = json!({ "sessionId": "s", "update": update });
        self.says(&json!({ "jsonrpc": "2.0", "method": "session/update", "params": params }));
    }

    /// Has the agent answer what it was asked last.
    pub(crate) fn answer(&mut self, result: Value) {
        let id = self.request()["id"].clone();
        self.says(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
    }

    /// Has the agent answer it with an error.
    pub(crate) fn fails(&mut self, code: i64, message: &str, data: Value) {
        let id = self.request()["id"].clone();
        let error = json!({ "code": code, "message": message, "data": data });
        self.says(&json!({ "jsonrpc": "2.0", "id": id, "error": error }));
    }

    /// Has the agent end its turn.
    pub(crate) fn ends_turn(&mut self, stop: &str) {
        self.answer(json!({ "stopReason": stop }));
    }

    /// Has the host answer a question.
    pub(crate) fn answers(&mut self, id: &str, answer: Answer) {
        self.input(Input::Permission((id.to_owned(), answer)));
    }

    /// Lets the agent leave when its input ends, and gives the outcome.
    pub(crate) fn exits(&mut self) -> Outcome {
        if !self.run.effects().contains(&Effect::CloseInput(PROCESS)) {
            self.input(Input::Timer(PACE_TIMER));
        }
        assert!(self.run.effects().contains(&Effect::CloseInput(PROCESS)), "its input never ended");
        self.run.exited(PROCESS, Exit::Code(0), "").unwrap();
        self.run.outcome().unwrap().clone()
    }

    /// Gives all that was said to the agent.
    pub(crate) fn sent(&self) -> Vec<Value> {
        let written = String::from_utf8(self.run.written(PROCESS)).unwrap();
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Gives what was said to it last.
    pub(crate) fn last(&self) -> Value {
        self.sent().pop().unwrap()
    }

    fn request(&self) -> Value {
        let asks = |message: &&Value| message["method"].is_string() && message.get("id").is_some();
        self.sent().iter().rfind(asks).unwrap().clone()
    }

    /// Gives the events of a kind.
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        self.run.events().into_iter().filter(|event| event["kind"] == kind).collect()
    }

    /// Gives how the process was asked to end.
    pub(crate) fn stops(&self) -> Vec<Stop> {
        let stops = self.run.effects().iter().filter_map(|effect| match effect {
            Effect::StopProcess((_, how)) => Some(*how),
            _ => None,
        });
        stops.collect()
    }

    /// Gives the last question.
    pub(crate) fn asked(&self) -> Permission {
        let asked = self.run.effects().iter().rev().find_map(|effect| match effect {
            Effect::AskPermission(permission) => Some(permission.clone()),
            _ => None,
        });
        asked.unwrap()
    }

    /// Gives what the run waits for.
    pub(crate) fn awaited(&self) -> Interruption {
        let awaited = self.run.effects().iter().rev().find_map(|effect| match effect {
            Effect::AwaitInput(interruption) => Some(interruption.clone()),
            _ => None,
        });
        awaited.unwrap()
    }
}
