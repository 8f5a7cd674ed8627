//! A conversation with Claude Code, line by line.

mod requests;
mod spending;

use pointsman_sdk::backend::{Answer, Effects};
use pointsman_sdk::types::{Message, Usage};
use pointsman_sdk::{Draft, Line, kind, prompt};
use serde_json::{Map, Value, json};

use crate::content;
use crate::failure::Failure;
use crate::gate::{Gate, Next};
use crate::items::Items;
use crate::launch::Resume;
use crate::question::Questions;
use crate::read::{call_of, request_in, text_of, tool_result};
use crate::system::{self, Tasks, own_kind};
use crate::usage::{Count, Meanwhile};
use crate::wire;
use crate::{BACKGROUND_TIMER, PROCESS};

/// How far the conversation is.
#[derive(Debug, PartialEq)]
enum Phase {
    /// Claude Code has not taken the hook yet, and is told nothing before it has.
    Greeting,
    Talking,
    /// Nothing more is said: standard input is closed.
    Leaving,
}

/// What is known of a conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    phase: Phase,
    /// What is to be said once Claude Code listens.
    unsaid: Vec<Message>,
    run_id: String,
    /// Tells the messages of this process from those of another one of the same run.
    salt: u32,
    said: u32,
    /// Messages that Claude Code has not done with.
    unread: Vec<String>,
    /// Claude Code tells what becomes of messages; old versions do not.
    tells_of_messages: bool,
    /// No turn runs.
    idle: bool,
    background_wait_ms: u32,
    session_id: Option<String>,
    /// What was said of the session last.
    introduced: Option<Value>,
    before: Count,
    pub(crate) used: Option<Count>,
    /// What the turn that runs has used.
    meanwhile: Meanwhile,
    /// What was told of it last.
    told: Option<Usage>,
    pub(crate) result: Option<Map<String, Value>>,
    pub(crate) last_message: Option<String>,
    /// Why the conversation could not be begun.
    pub(crate) fault: Option<Failure>,
    /// Claude Code has said something that is no line of its protocol.
    pub(crate) said_text: bool,
    gate: Gate,
    questions: Questions,
    items: Items,
    tasks: Tasks,
}

impl Conversation {
    pub(crate) fn new(
        run_id: &str,
        prompt: Message,
        gate: Gate,
        resumed: Option<Resume>,
        background_wait_ms: u32,
    ) -> Self {
        let salt = resumed.as_ref().map_or(0, |resumed| salt(&json!([resumed, prompt::flatten(&prompt)])));
        Self {
            salt,
            phase: Phase::Greeting,
            unsaid: vec![prompt],
            run_id: run_id.to_owned(),
            said: 0,
            unread: Vec::new(),
            tells_of_messages: false,
            idle: false,
            background_wait_ms,
            session_id: None,
            introduced: None,
            before: resumed.and_then(|resumed| resumed.used).unwrap_or_default(),
            used: None,
            meanwhile: Meanwhile::default(),
            told: None,
            result: None,
            last_message: None,
            fault: None,
            said_text: false,
            gate,
            questions: Questions::default(),
            items: Items::default(),
            tasks: Tasks::default(),
        }
    }

    /// Takes a line of standard output.
    pub(crate) fn line(&mut self, line: &str, clipped: bool, effects: &mut Effects) {
        match Line::read(line) {
            Line::Blank => {}
            Line::Text(text) => {
                self.said_text = true;
                let draft = Draft::new("x_claude_code_output").field("text", text);
                effects.emit(if clipped { draft.field("clipped", true) } else { draft });
                if clipped && let Some(request) = request_in(text) {
                    // Claude Code would wait for ever, and nobody can judge what nobody can read.
                    wire::line(&wire::refuse(request, "the request is too long to be judged"), effects);
                }
            }
            Line::Json(object) => self.object(object, effects),
        }
    }

    fn object(&mut self, mut object: Map<String, Value>, effects: &mut Effects) {
        let name = match object.remove("type") {
            Some(Value::String(name)) => name,
            other => {
                self.said_text = true;
                if let Some(other) = other {
                    object.insert("type".to_owned(), other);
                }
                return effects.emit(Draft::new("x_claude_code_output").field("line", Value::Object(object)));
            }
        };
        match (name.as_str(), object.get("subtype").and_then(Value::as_str)) {
            ("system", Some("init")) => self.introduced(object, effects),
            ("system", Some(subtype)) => {
                let subtype = subtype.to_owned();
                object.remove("subtype");
                self.notice(&subtype, object, effects);
            }
            ("assistant", _) if object.get("message").is_some_and(Value::is_object) => {
                self.assistant(object, effects);
            }
            ("stream_event", _) => {
                self.meanwhile.piece(&object);
                self.notice(&name, object, effects);
                self.tell_usage(effects);
            }
            ("user", _) if object.get("message").is_some_and(Value::is_object) => self.user(object, effects),
            ("result", _) => self.result(object, effects),
            ("control_response", _) => self.response(&object, effects),
            ("control_request", _) => self.request(object, effects),
            ("control_cancel_request", _) => self.cancelled(object, effects),
            ("command_lifecycle", _) => self.lifecycle(&object, effects),
            _ => self.notice(&name, object, effects),
        }
    }

    fn notice(&mut self, name: &str, mut fields: Map<String, Value>, effects: &mut Effects) {
        let parent = text_of(&fields, "parent_tool_use_id");
        for of_every_line in ["session_id", "uuid", "timestamp", "parent_tool_use_id"] {
            fields.remove(of_every_line);
        }
        if let Some(parent) = parent {
            fields.insert("parent_tool_use_id".to_owned(), parent.into());
        }
        system::notice(name, fields, &mut self.tasks, &self.items, effects);
    }

    /// Takes the session's introduction, which comes before every turn.
    fn introduced(&mut self, init: Map<String, Value>, effects: &mut Effects) {
        self.idle = false;
        self.session_id = text_of(&init, "session_id");
        let mut said = json!({ "backend_session_id": self.session_id });
        for (from, to) in [
            ("model", "model"),
            ("permissionMode", "permission_mode"),
            ("cwd", "cwd"),
            ("apiKeySource", "api_key_source"),
            ("claude_code_version", "version"),
            ("tools", "tools"),
            ("mcp_servers", "mcp_servers"),
        ] {
            if let Some(value) = init.get(from) {
                said[to] = value.clone();
            }
        }
        if self.introduced.as_ref() == Some(&said) {
            return;
        }
        if let Value::Object(fields) = &said {
            effects.emit(Draft::new(kind::STATUS_CHANGED).field("status", "running").fields(fields.clone()));
        }
        self.introduced = Some(said);
        self.remember(effects);
    }

    /// Takes what the agent says, thinks and does.
    fn assistant(&mut self, object: Map<String, Value>, effects: &mut Effects) {
        self.idle = false;
        let parent = text_of(&object, "parent_tool_use_id");
        let error = object.get("error").filter(|error| !error.is_null()).cloned();
        if let Some(message) = object.get("message") {
            self.meanwhile.message(message);
            self.tell_usage(effects);
        }
        let blocks =
            object.get("message").and_then(|message| message.get("content")).and_then(Value::as_array);
        for block in blocks.into_iter().flatten() {
            let text = |key: &str| block.get(key).and_then(Value::as_str);
            let draft = match text("type").unwrap_or_default() {
                "text" => {
                    let said = text("text").unwrap_or_default();
                    if parent.is_none() {
                        self.last_message = Some(said.to_owned());
                    }
                    Draft::new(kind::AGENT_MESSAGE)
                        .field("text", said)
                        .maybe("assistant_error", error.clone())
                }
                "thinking" => Draft::new(kind::REASONING).field("text", text("thinking").unwrap_or_default()),
                "redacted_thinking" => {
                    Draft::new(kind::REASONING).field("text", "(not shown)").field("redacted", true)
                }
                "tool_use" | "server_tool_use" | "mcp_tool_use" => {
                    if let Some(call) = call_of(block, parent.clone()) {
                        self.items.begin(call, effects);
                        continue;
                    }
                    Draft::new("x_claude_code_tool_use").field("block", block.clone())
                }
                other => match tool_result(block, None, None) {
                    Some(result) => {
                        self.items.finish(result, effects);
                        continue;
                    }
                    None => Draft::new(own_kind(other)).field("block", block.clone()),
                },
            };
            effects.emit(draft.maybe("parent_tool_use_id", parent.as_deref()));
        }
    }

    /// Takes what was said to the agent: what its tools answered, mostly.
    fn user(&mut self, mut object: Map<String, Value>, effects: &mut Effects) {
        let parent = text_of(&object, "parent_tool_use_id");
        let flag = |key: &str| object.get(key).and_then(Value::as_bool).unwrap_or_default();
        let (synthetic, replayed) = (flag("isSynthetic"), flag("isReplay"));
        let structured = object.remove("tool_use_result");
        let meta = object.remove("tool_result_meta");
        let content = object.get("message").and_then(|message| message.get("content"));
        let as_text = content.and_then(Value::as_str).map(|text| json!({ "type": "text", "text": text }));
        let blocks: Vec<&Value> = match &as_text {
            Some(block) => vec![block],
            None => content.and_then(Value::as_array).into_iter().flatten().collect(),
        };
        let answers = blocks.iter().filter(|block| block.get("tool_use_id").is_some()).count();
        for block in blocks {
            if let Some(result) =
                tool_result(block, structured.as_ref().filter(|_| answers == 1), meta.as_ref())
            {
                self.gate.forget(&result.id);
                self.items.finish(result, effects);
                continue;
            }
            let said = block.get("text").and_then(Value::as_str);
            let draft = match said {
                // What a command of Claude Code's own has printed.
                Some(said) if replayed => {
                    Draft::new(kind::AGENT_MESSAGE).field("text", said).field("local_command", true)
                }
                Some(said) => Draft::new(kind::MESSAGE_ADDED).field("role", "user").field("text", said),
                None => Draft::new(kind::MESSAGE_ADDED).field("role", "user").field("block", block.clone()),
            };
            let draft = if synthetic { draft.field("synthetic", true) } else { draft };
            effects.emit(draft.maybe("parent_tool_use_id", parent.as_deref()));
        }
    }

    /// Takes the end of a turn.
    fn result(&mut self, result: Map<String, Value>, effects: &mut Effects) {
        self.idle = true;
        if let Some(used) = Count::of_result(&result, self.before, self.used) {
            self.used = Some(used);
            self.meanwhile.clear();
            self.tell_usage(effects);
        }
        let mut told = result.clone();
        for told_elsewhere in ["result", "structured_output", "session_id", "uuid"] {
            told.remove(told_elsewhere);
        }
        effects.emit(Draft::new("x_claude_code_turn_finished").fields(told));
        self.result = Some(result);
        self.remember(effects);
        self.leave_if_done(effects);
    }

    /// Asks the host to keep what a later run needs to go on from here.
    fn remember(&self, effects: &mut Effects) {
        let Some(session_id) = self.session_id.clone() else { return };
        effects.remember(&json!(Resume { session_id, used: Some(self.used.unwrap_or(self.before)) }));
    }

    /// Ends the conversation when nothing more is to come: Claude Code keeps it, and exits.
    fn leave_if_done(&mut self, effects: &mut Effects) {
        if self.phase != Phase::Talking || !self.idle || self.result.is_none() {
            return;
        }
        if self.tells_of_messages && !self.unread.is_empty() {
            return;
        }
        if self.tasks.in_background() && self.background_wait_ms > 0 {
            // When it ends, Claude Code tells its agent, which may want to use tools again.
            effects.set_timer(BACKGROUND_TIMER, self.background_wait_ms);
            return;
        }
        self.leave(effects);
    }

    /// Says that nothing more will be said.
    pub(crate) fn leave(&mut self, effects: &mut Effects) {
        if self.phase != Phase::Leaving {
            self.phase = Phase::Leaving;
            effects.close_input(PROCESS);
        }
    }

    /// Says whether work goes on in the background while nothing else does.
    pub(crate) fn only_background_is_left(&self) -> bool {
        self.idle && self.tasks.in_background()
    }

    /// Takes what became of a message.
    fn lifecycle(&mut self, object: &Map<String, Value>, effects: &mut Effects) {
        self.tells_of_messages = true;
        let state = text_of(object, "state").unwrap_or_default();
        if !matches!(state.as_str(), "queued" | "started") {
            let message = text_of(object, "command_uuid");
            self.unread.retain(|unread| Some(unread) != message.as_ref());
            self.leave_if_done(effects);
        }
    }

    /// Hands a person's or a policy's answer to the agent.
    pub(crate) fn settle(&mut self, id: &str, answer: Answer, effects: &mut Effects) -> Next {
        self.gate.settle(id, answer, &mut self.items, effects)
    }

    /// Denies whatever is asked: the host cannot ask.
    pub(crate) fn deny_all(&mut self, why: &str, effects: &mut Effects) {
        self.gate.close(why, effects);
    }

    /// Takes a further message: the answer to a question, or something for the agent.
    pub(crate) fn message(&mut self, message: Message, effects: &mut Effects) {
        if self.questions.is_open() {
            return self.questions.answer(&message, effects);
        }
        match self.phase {
            Phase::Greeting => self.unsaid.push(message),
            // The host has told the world of it.
            Phase::Talking => self.tell(&message, effects),
            Phase::Leaving => effects.emit(
                Draft::new("x_claude_code_undelivered")
                    .field("text", prompt::flatten(&message))
                    .field("reason", "the agent had ended when it came; continue the run with it"),
            ),
        }
    }

    fn tell(&mut self, message: &Message, effects: &mut Effects) {
        let uuid = self.uuid();
        wire::line(&wire::user(content::blocks(message), &uuid), effects);
        self.unread.push(uuid);
    }

    /// Makes an id that no other message of this session has, for Claude Code takes each but once: the run's own, with
    /// the salt and a number in its last group.
    fn uuid(&mut self) -> String {
        self.said += 1;
        let front = self.run_id.rsplit_once('-').map_or("00000000-0000-4000-8000", |(front, _)| front);
        format!("{front}-{:06x}{:06x}", self.salt & 0xff_ffff, self.said & 0xff_ffff)
    }

    /// Asks the agent to stop, and answers all that it asks with no; says whether it can still hear that.
    pub(crate) fn interrupt(&mut self, why: &str, effects: &mut Effects) -> bool {
        if self.phase == Phase::Leaving {
            return false;
        }
        let why = format!("the run was cancelled: {why}");
        self.gate.close(&why, effects);
        self.questions.close(&why, effects);
        wire::line(&wire::interrupt(), effects);
        self.leave(effects);
        true
    }

    /// Ends what was left open.
    pub(crate) fn close(&mut self, effects: &mut Effects) {
        self.items.close(effects);
        self.tasks.close(effects);
    }
}

/// Hashes what a process takes up (FNV-1a): a run that is corrected starts a second one, and knows no other difference.
fn salt(of: &Value) -> u32 {
    of.to_string().bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
