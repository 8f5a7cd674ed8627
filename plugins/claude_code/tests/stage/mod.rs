//! A conversation in a rehearsal: what Claude Code says to it, and what it is told.

use pointsman_claude_code::{ClaudeCode, PROCESS};
use pointsman_sdk::backend::{Answer, Effect, Input, Stop, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{Message, Part, Speaker};
use serde_json::{Value, json};

pub(crate) struct Stage {
    pub(crate) run: Rehearsal<ClaudeCode>,
}

impl Stage {
    /// Starts a plain run, up to the prompt.
    pub(crate) fn new() -> Self {
        Self::of(a_task("do it"))
    }

    /// Starts a run, up to the prompt.
    pub(crate) fn of(task: Task) -> Self {
        let mut stage = Self::raw(task);
        stage.greet();
        stage
    }

    /// Starts a run to which Claude Code has said nothing yet.
    pub(crate) fn raw(task: Task) -> Self {
        Self { run: Rehearsal::start(task).unwrap() }
    }

    /// Starts a run, and fails the test if that was not refused.
    pub(crate) fn refusal(task: Task) -> String {
        Rehearsal::<ClaudeCode>::start(task).unwrap_err()
    }

    pub(crate) fn greet(&mut self) {
        self.line(json!({"type": "control_response", "response": {
            "subtype": "success", "request_id": "initialize", "response": {}}}));
    }

    /// Claude Code says a line.
    pub(crate) fn line(&mut self, line: Value) {
        self.run.lines(PROCESS, [line.to_string()]).unwrap();
    }

    pub(crate) fn assistant(&mut self, content: Value, parent: Option<&str>) {
        self.line(
            json!({"type": "assistant", "message": {"content": content}, "parent_tool_use_id": parent}),
        );
    }

    pub(crate) fn hook(&mut self, request: &str, call: &str, tool: &str, input: Value) {
        self.line(json!({"type": "control_request", "request_id": request, "request": {
            "subtype": "hook_callback", "callback_id": "before_tool", "tool_use_id": call,
            "input": {"hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": input, "tool_use_id": call}}}));
    }

    pub(crate) fn can_use(&mut self, request: &str, call: &str, tool: &str, input: Value) {
        self.line(json!({"type": "control_request", "request_id": request, "request": {
            "subtype": "can_use_tool", "tool_name": tool, "input": input, "tool_use_id": call,
            "permission_suggestions": [{"type": "addRules", "destination": "localSettings"}]}}));
    }

    pub(crate) fn lifecycle(&mut self, message: u32, state: &str) {
        let uuid = format!("11111111-1111-4111-8111-{message:012x}");
        self.line(json!({"type": "command_lifecycle", "command_uuid": uuid, "state": state}));
    }

    pub(crate) fn result(&mut self, fields: Value) {
        let mut line = json!({"type": "result", "subtype": "success"});
        for (key, value) in fields.as_object().unwrap() {
            line[key] = value.clone();
        }
        self.line(line);
    }

    /// Answers a permission.
    pub(crate) fn answer(&mut self, id: &str, answer: Answer) {
        self.run.input(Input::Permission((id.to_owned(), answer))).unwrap();
    }

    /// Says something further.
    pub(crate) fn say(&mut self, parts: Vec<Part>) {
        self.run.input(Input::Message(Message { speaker: Speaker::User, parts, metadata: None })).unwrap();
    }

    /// Gives the lines that were written.
    pub(crate) fn written(&self) -> Vec<Value> {
        let written = String::from_utf8(self.run.written(PROCESS)).unwrap();
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Gives the one answer to a request.
    pub(crate) fn response(&self, request: &str) -> Value {
        let mut answers = self.written().into_iter().filter(|line| line["response"]["request_id"] == request);
        let answer = answers.next().unwrap_or_else(|| panic!("{request} was not answered"));
        assert!(answers.next().is_none(), "{request} was answered twice");
        assert_eq!(answer["response"]["subtype"], "success", "{answer}");
        answer["response"]["response"].clone()
    }

    pub(crate) fn unanswered(&self, request: &str) -> bool {
        self.written().iter().all(|line| line["response"]["request_id"] != request)
    }

    /// Gives the ids of permissions that were asked, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.run.effects().iter().filter_map(|effect| match effect {
            Effect::AskPermission(asked) => Some(asked.id.clone()),
            _ => None,
        });
        asked.collect()
    }

    /// Gives the detail of a permission that was asked.
    pub(crate) fn permission(&self, id: &str) -> Value {
        let asked = self.run.effects().iter().find_map(|effect| match effect {
            Effect::AskPermission(asked) if asked.id == id => Some(asked.detail.clone()),
            _ => None,
        });
        serde_json::from_str(&asked.unwrap()).unwrap()
    }

    /// Gives what the user was asked, in order.
    pub(crate) fn awaited(&self) -> Vec<(String, Value)> {
        let awaited = self.run.effects().iter().filter_map(|effect| match effect {
            Effect::AwaitInput(asked) => {
                Some((asked.text.clone(), serde_json::from_str(asked.detail.as_deref().unwrap()).unwrap()))
            }
            _ => None,
        });
        awaited.collect()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.run.effects().contains(&Effect::CloseInput(PROCESS))
    }

    pub(crate) fn stops(&self) -> Vec<Stop> {
        let stops = self.run.effects().iter().filter_map(|effect| match effect {
            Effect::StopProcess((_, how)) => Some(*how),
            _ => None,
        });
        stops.collect()
    }
}
