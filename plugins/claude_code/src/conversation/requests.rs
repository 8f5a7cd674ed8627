//! Requests: what Claude Code asks of its host, and what it answers.

use pointsman_sdk::Draft;
use pointsman_sdk::backend::Effects;
use serde_json::{Map, Value, json};

use super::{Conversation, Phase};
use crate::failure::Failure;
use crate::gate::{Channel, Why};
use crate::read::{object_in, text_of};
use crate::system::own_kind;
use crate::tool::{Call, Family};
use crate::wire;

impl Conversation {
    /// Takes an answer to a request of ours.
    pub(super) fn response(&mut self, object: &Map<String, Value>, effects: &mut Effects) {
        let response = object.get("response").cloned().unwrap_or_default();
        let text = |key: &str| response.get(key).and_then(Value::as_str);
        let well = text("subtype") == Some("success");
        let request = text("request_id").unwrap_or_default();
        if request == wire::INITIALIZE && self.phase == Phase::Greeting {
            if well {
                self.phase = Phase::Talking;
                for message in std::mem::take(&mut self.unsaid) {
                    self.tell(&message, effects);
                }
            } else {
                // Without its hook nobody would see what the agent does.
                let why = text("error").unwrap_or("it gave no reason");
                let message = format!("claude refused to begin: {why}");
                self.fault = Some(Failure { reason: "initialize_refused", message });
                self.leave(effects);
            }
        } else if !well {
            let draft = Draft::new("x_claude_code_request_refused").field("request", request);
            effects.emit(draft.maybe("error", text("error")));
        }
    }

    /// Takes a request of Claude Code's.
    pub(super) fn request(&mut self, mut object: Map<String, Value>, effects: &mut Effects) {
        let request_id = text_of(&object, "request_id").unwrap_or_default();
        let mut request = match object.remove("request") {
            Some(Value::Object(request)) => request,
            _ => Map::new(),
        };
        let subtype = text_of(&request, "subtype").unwrap_or_default();
        request.remove("subtype");
        match subtype.as_str() {
            "hook_callback" => self.hook(request_id, request, effects),
            "can_use_tool" => self.prompt(request_id, request, effects),
            _ => {
                effects.emit(Draft::new(own_kind(&subtype)).fields(request));
                let why = format!("this host does not answer requests of kind {subtype:?}");
                wire::line(&wire::refuse(&request_id, &why), effects);
            }
        }
    }

    /// Takes a hook's call: before a tool is used.
    fn hook(&mut self, request_id: String, mut request: Map<String, Value>, effects: &mut Effects) {
        let mut input = match request.remove("input") {
            Some(Value::Object(input)) => input,
            _ => Map::new(),
        };
        if text_of(&input, "hook_event_name").as_deref() != Some("PreToolUse") {
            // Not one that was asked for.
            request.remove("callback_id");
            effects.emit(Draft::new("x_claude_code_hook_callback").fields(request).fields(input));
            return wire::line(&wire::answer(&request_id, json!({})), effects);
        }
        let call = input.remove("tool_use_id").or_else(|| request.remove("tool_use_id"));
        let call = Call {
            id: call.as_ref().and_then(Value::as_str).unwrap_or(&request_id).to_owned(),
            name: text_of(&input, "tool_name").unwrap_or_default(),
            input: object_in(&mut input, "tool_input"),
            parent: None,
        };
        let cwd = text_of(&input, "cwd");
        let mut more = Map::new();
        for key in ["agent_id", "agent_type", "permission_mode"] {
            if let Some(value) = input.remove(key) {
                more.insert(key.to_owned(), value);
            }
        }
        let why = Why { cwd: cwd.as_deref(), reason: None, more: &more };
        self.asked((Channel::Hook, request_id), call, &why, effects);
    }

    /// Takes Claude Code's own question whether a tool may be used, or what the user has to say.
    fn prompt(&mut self, request_id: String, mut request: Map<String, Value>, effects: &mut Effects) {
        let call = Call {
            id: text_of(&request, "tool_use_id").unwrap_or_else(|| request_id.clone()),
            name: text_of(&request, "tool_name").unwrap_or_default(),
            input: object_in(&mut request, "input"),
            parent: None,
        };
        let reason = text_of(&request, "decision_reason");
        // Suggestions are for those who write rules into settings, which nobody does from here.
        for known in [
            "tool_use_id",
            "tool_name",
            "display_name",
            "description",
            "decision_reason",
            "permission_suggestions",
        ] {
            request.remove(known);
        }
        if call.family() == Family::Question {
            let call = self.begun(call, &request, effects);
            return self.questions.ask(request_id, call, effects);
        }
        let why = Why { cwd: None, reason: reason.as_deref(), more: &request };
        self.asked((Channel::Prompt, request_id), call, &why, effects);
    }

    fn asked(&mut self, asks: (Channel, String), call: Call, why: &Why<'_>, effects: &mut Effects) {
        let call = self.begun(call, why.more, effects);
        self.gate.ask(asks, call, why, &self.items, effects);
    }

    /// Makes sure that a call was told before it is asked about, and gives it with what is known of it.
    fn begun(&mut self, mut call: Call, more: &Map<String, Value>, effects: &mut Effects) -> Call {
        call.parent = match self.items.get(&call.id) {
            Some(known) => known.parent.clone(),
            None => {
                let helper = text_of(more, "agent_id");
                helper.and_then(|helper| self.tasks.call_of(&helper).map(str::to_owned))
            }
        };
        self.items.begin(call.clone(), effects);
        call
    }

    /// Takes a question back.
    pub(super) fn cancelled(&mut self, object: Map<String, Value>, effects: &mut Effects) {
        let request = text_of(&object, "request_id").unwrap_or_default();
        let known = self.gate.withdraw(&request, effects) || self.questions.withdraw(&request, effects);
        if !known {
            effects.emit(Draft::new("x_claude_code_control_cancel_request").fields(object));
        }
    }
}
