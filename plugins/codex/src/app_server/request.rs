//! What codex asks of us, and how it is answered.

use pointsman_sdk::backend::{Answer, Effects, Interruption, InterruptionKind};
use pointsman_sdk::types::Message;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value, json};

use super::approval::{Asked, Request};
use super::launch;
use super::question::Question;
use super::session::Session;
use super::wire::{self, text};
use crate::adapter::PROCESS;
use crate::kinds::own_kind;

impl Session {
    /// Takes a request.
    pub(super) fn requested(
        &mut self,
        id: Value,
        method: &str,
        params: Map<String, Value>,
        effects: &mut Effects,
    ) {
        if self.closed {
            return effects.emit(Draft::new(own_kind(method)).fields(params).field("answered", false));
        }
        match method {
            "item/commandExecution/requestApproval" => {
                self.begin_asked_command(&params, effects);
                let asked = self.request(id, &params).command();
                self.ask(asked, effects);
            }
            "item/fileChange/requestApproval" => {
                let asked = self.request(id, &params).edit();
                self.ask(asked, effects);
            }
            "item/permissions/requestApproval" => {
                self.begin_permissions(&params, effects);
                let asked = self.request(id, &params).permissions();
                self.ask(asked, effects);
            }
            "mcpServer/elicitation/request" => {
                let approval = params.get("_meta").and_then(|meta| meta.get("codex_approval_kind"));
                if approval.is_some_and(|kind| !kind.is_null()) {
                    let asked = self.request(id, &params).tool();
                    self.ask(asked, effects);
                } else {
                    self.put(Question::of_server(id, &params), effects);
                }
            }
            "item/tool/requestUserInput" => self.put(Question::of_codex(id, &params), effects),
            "item/tool/call" => {
                let tool = text(&params, "tool").unwrap_or_default();
                let why = format!("the host of this conversation offers no tool {tool:?}");
                let told =
                    json!({ "contentItems": [{ "type": "inputText", "text": why }], "success": false });
                effects.write(PROCESS, wire::answer(&id, told));
                effects.emit(Draft::new("x_codex_tool_call_refused").fields(params).field("reason", why));
            }
            _ => {
                effects.write(PROCESS, wire::refusal(&id, &format!("this host does not answer {method}")));
                effects.emit(Draft::new(own_kind(method)).fields(params).field("refused", true));
            }
        }
    }

    fn request<'a>(&'a self, id: Value, params: &'a Map<String, Value>) -> Request<'a> {
        Request { id, params, open: &self.open, sandbox: &self.sandbox, cwd: &self.task.cwd }
    }

    /// Tells of a command that codex asks about without having told of it.
    fn begin_asked_command(&mut self, params: &Map<String, Value>, effects: &mut Effects) {
        let Some(item) = text(params, "itemId").filter(|item| !self.open.is_open(item)) else { return };
        let mut data = Map::new();
        data.extend(params.get("command").map(|command| ("command".to_owned(), command.clone())));
        data.extend(params.get("cwd").map(|cwd| ("cwd".to_owned(), cwd.clone())));
        data.insert("status".to_owned(), "in_progress".into());
        self.open.begin(item, kind::COMMAND_FINISHED, &data);
        effects.emit(Draft::new(kind::COMMAND_STARTED).item(item).fields(data));
    }

    /// Tells of a wish for wider permissions as of a tool call: codex has no item for it.
    fn begin_permissions(&mut self, params: &Map<String, Value>, effects: &mut Effects) {
        let Some(item) = text(params, "itemId").filter(|item| !self.open.is_open(item)) else { return };
        let mut data = Map::new();
        data.insert("server".to_owned(), "codex".into());
        data.insert("tool".to_owned(), "request_permissions".into());
        let wanted = params.get("permissions").cloned().unwrap_or_default();
        data.insert("arguments".to_owned(), json!({ "permissions": wanted, "reason": params.get("reason") }));
        self.open.begin(item, kind::TOOL_FINISHED, &data);
        effects.emit(Draft::new(kind::TOOL_STARTED).item(item).fields(data));
    }

    fn ask(
        &mut self,
        (permission, asked): (pointsman_sdk::backend::Permission, Asked),
        effects: &mut Effects,
    ) {
        if self.cancelled {
            self.reply(asked, &Answer::Cancelled, effects);
        } else {
            self.asked.insert(permission.id.clone(), asked);
            effects.ask_permission(permission);
        }
    }

    /// Takes the answer to a permission.
    pub(crate) fn permitted(&mut self, id: &str, answer: &Answer, effects: &mut Effects) {
        let Some(asked) = self.asked.remove(id) else { return };
        let why = match answer {
            Answer::Deny(why) => why.trim(),
            Answer::AllowEdited(_) => "what was allowed instead cannot be put in its place",
            Answer::Allow | Answer::Cancelled => "",
        };
        if !why.is_empty() {
            // Codex's no carries no words. They are said first, so that the model reads them with the refusal.
            let said = format!("The user denied this: {}\nThe user says: {why}", asked.title);
            self.say(vec![json!({ "type": "text", "text": said })], true, effects);
        }
        self.reply(asked, answer, effects);
    }

    fn reply(&mut self, asked: Asked, answer: &Answer, effects: &mut Effects) {
        effects.write(PROCESS, wire::answer(&asked.request, asked.answer(answer)));
        let status = if matches!(answer, Answer::Allow) { "completed" } else { "declined" };
        self.end_made(&asked, status, effects);
    }

    fn end_made(&mut self, asked: &Asked, status: &str, effects: &mut Effects) {
        let Some(item) = &asked.made else { return };
        let data = self.open.get(item).cloned();
        if let (Some(data), true) = (data, self.open.end(item)) {
            effects.emit(
                Draft::new(kind::TOOL_FINISHED).item(item.clone()).fields(data).field("status", status),
            );
        }
    }

    /// Takes back what codex no longer asks: one request, or all of a conversation whose turn has ended.
    pub(super) fn withdraw(&mut self, gone: impl Fn(&Asked) -> bool, effects: &mut Effects) {
        let ids: Vec<String> =
            self.asked.iter().filter(|(_, asked)| gone(asked)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            if let Some(asked) = self.asked.remove(&id) {
                self.end_made(&asked, "withdrawn", effects);
                effects.withdraw_permission(id);
            }
        }
    }

    /// Puts a question to the user, after those that wait already.
    fn put(&mut self, question: Question, effects: &mut Effects) {
        if self.cancelled {
            return self.leave(&question, effects);
        }
        self.questions.push_back(question);
        if self.questions.len() == 1 {
            self.put_first(None, effects);
        }
    }

    fn put_first(&self, again: Option<String>, effects: &mut Effects) {
        if let Some(question) = self.questions.front() {
            let (mut text, mut detail) = (question.text.clone(), question.detail.clone());
            if let Some(again) = again {
                text = format!("{text}\n{again}");
                let before = detail["introduction"].as_str().unwrap_or_default();
                detail["introduction"] = format!("{before}\n{again}").trim_start().into();
            }
            effects.await_input(Interruption {
                kind: InterruptionKind::Input,
                text,
                detail: Some(detail.to_string()),
            });
        }
    }

    /// Takes a message: the answer to a question, or something new to say.
    pub(crate) fn message(&mut self, message: &Message, effects: &mut Effects) {
        if !self.greeted {
            return self.early.push(message.clone());
        }
        let Some(question) = self.questions.front() else {
            return self.say(launch::input(message), false, effects);
        };
        match question.answer(message) {
            Ok(answer) => {
                effects.write(PROCESS, wire::answer(&question.request, answer));
                self.questions.pop_front();
                self.put_first(None, effects);
            }
            Err(again) => self.put_first(Some(again), effects),
        }
    }

    /// Takes back a question that codex no longer asks.
    pub(super) fn drop_question(&mut self, request: &Value, effects: &mut Effects) {
        let Some(at) = self.questions.iter().position(|question| question.request == *request) else {
            return;
        };
        self.questions.remove(at);
        if at == 0 {
            if self.questions.is_empty() {
                effects.emit(Draft::new(kind::STATUS_CHANGED).field("status", "running"));
            }
            self.put_first(None, effects);
        }
    }

    /// Answers everything that is asked with a no: the run is to end.
    pub(super) fn answer_all_cancelled(&mut self, effects: &mut Effects) {
        for (_, asked) in std::mem::take(&mut self.asked) {
            self.reply(asked, &Answer::Cancelled, effects);
        }
        for question in std::mem::take(&mut self.questions) {
            self.leave(&question, effects);
        }
    }

    fn leave(&self, question: &Question, effects: &mut Effects) {
        effects.write(
            PROCESS,
            match question.cancelled() {
                Some(answer) => wire::answer(&question.request, answer),
                None => wire::refusal(&question.request, "nobody will answer: the run ends"),
            },
        );
    }
}
