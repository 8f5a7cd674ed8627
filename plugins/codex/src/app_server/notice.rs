//! What codex tells, as events.

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value, json};

use super::item::{self, Phase};
use super::launch::{DELTAS, NOISE};
use super::session::{Session, Verdict};
use super::wire::text;
use crate::failure::Failure;
use crate::kinds::own_kind;
use crate::usage::Tokens;

impl Session {
    /// Takes a notification.
    pub(super) fn noticed(&mut self, method: &str, params: Map<String, Value>, effects: &mut Effects) {
        let ours = self.is_ours(&params);
        match method {
            "item/started" => self.item(Phase::Started, params, effects),
            "item/completed" => self.item(Phase::Completed, params, effects),
            "turn/started" if ours => {
                if let Some(turn) = params.get("turn").and_then(|turn| turn.get("id")).and_then(Value::as_str)
                {
                    self.begun(turn.to_owned(), effects);
                }
            }
            "turn/completed" => self.turn_ended(ours, params, effects),
            "error" if ours => self.error(params, effects),
            "thread/tokenUsage/updated" if ours => {
                let total = params.get("tokenUsage").and_then(|usage| usage.get("total"));
                match total.and_then(Tokens::of_app_server) {
                    Some(total) => self.counted(total, text(&params, "turnId"), effects),
                    None => effects.emit(Draft::new(own_kind(method)).fields(params)),
                }
            }
            "turn/plan/updated" if ours => plan(params, effects),
            "turn/diff/updated" if ours && !self.config.deltas => self.diff = params.get("diff").cloned(),
            "warning" | "guardianWarning" if text(&params, "message").is_some() => {
                effects.emit(Draft::new(kind::REASONING).maybe("text", text(&params, "message")));
            }
            "rawResponseItem/completed" => {
                if let Some(Value::Object(item)) = params.get("item") {
                    self.sandbox.wrote(item);
                    self.results.told(item, &self.open);
                }
            }
            "serverRequest/resolved" => {
                let request = params.get("requestId").cloned().unwrap_or_default();
                self.withdraw(|asked| asked.request == request, effects);
                self.drop_question(&request, effects);
            }
            _ if NOISE.contains(&method) => {}
            _ if DELTAS.contains(&method) && !self.config.deltas => {}
            _ => effects.emit(Draft::new(own_kind(method)).fields(params)),
        }
    }

    /// Takes what the conversation has used by now: codex says so after each of its calls of the model.
    fn counted(&mut self, total: Tokens, turn: Option<&str>, effects: &mut Effects) {
        let ours = self.turn.as_deref().is_some_and(|current| turn.is_none_or(|turn| turn == current));
        if let Some(resumed) = self.resumed.as_mut().filter(|_| !ours && self.used.is_none()) {
            // What it says of a resumed thread first is another run's, also what that one used at its end and did not keep.
            resumed.usage = Some(total);
            return;
        }
        let before = self.before();
        if self.used.unwrap_or(before) != total {
            effects.emit(Draft::usage(&total.since(before)));
        }
        self.used = Some(total);
    }

    fn item(&mut self, phase: Phase, mut params: Map<String, Value>, effects: &mut Effects) {
        let item = match params.remove("item") {
            Some(Value::Object(item)) => item,
            other => {
                params.extend(other.map(|item| ("item".to_owned(), item)));
                let phase = if phase == Phase::Started { "item_started" } else { "item_completed" };
                return effects.emit(Draft::new(own_kind(phase)).fields(params));
            }
        };
        let ours = self.is_ours(&params);
        if ours && phase == Phase::Completed && text(&item, "type") == Some("userMessage") {
            // Codex repeats what it was asked to begin with; what it heard meanwhile is worth telling.
            if self.prompts > 0 {
                self.prompts -= 1;
            } else {
                let texts = item.get("content").and_then(Value::as_array).into_iter().flatten();
                let texts: Vec<&str> =
                    texts.filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
                effects.emit(
                    Draft::new(kind::MESSAGE_ADDED).field("role", "user").field("text", texts.join("\n\n")),
                );
            }
        }
        let commentary = text(&item, "phase") == Some("commentary");
        let thread = text(&params, "threadId").filter(|_| !ours);
        if let Some(said) = item::take(&mut self.open, phase, item, thread, effects)
            && ours
            && !(commentary && self.last_message.is_some())
        {
            self.last_message = Some(said);
        }
        if ours && phase == Phase::Completed && self.verdict.is_some() {
            // The last one may be what the end waits for.
            self.settle(effects);
        }
    }

    fn turn_ended(&mut self, ours: bool, mut params: Map<String, Value>, effects: &mut Effects) {
        let thread = text(&params, "threadId").map(str::to_owned);
        let ended = params.get("turn").and_then(|turn| turn.get("id")).and_then(Value::as_str);
        let current = self.turn.as_deref().is_none_or(|turn| ended.is_none_or(|ended| ended == turn));
        if !ours || !current || self.verdict.is_some() {
            // A turn of an agent that codex began itself, or one that nobody here asked for.
            if !ours {
                let theirs = thread.clone();
                self.open.close_those(|data| text(data, "thread_id") == theirs.as_deref(), effects);
                self.withdraw(|asked| asked.thread == thread, effects);
            }
            return effects.emit(Draft::new("x_codex_turn_completed").fields(params));
        }
        self.withdraw(|asked| asked.thread == thread, effects);
        if let Some(diff) = self.diff.take() {
            effects.emit(Draft::new("x_codex_turn_diff").field("diff", diff));
        }
        let mut turn = params.remove("turn").unwrap_or_default();
        let error = turn.get_mut("error").map(Value::take).filter(|error| error.is_object());
        self.verdict = Some(match turn.get("status").and_then(Value::as_str) {
            Some("completed") => Verdict::Completed,
            Some("interrupted") => Verdict::Interrupted,
            Some("failed") => Verdict::Failed(match (error, self.trouble.take()) {
                (Some(error), _) => Failure::of_error(&error),
                (None, Some(trouble)) => trouble,
                (None, None) => Failure::of_turn("codex did not say why the turn failed"),
            }),
            other => Verdict::Failed(Failure {
                reason: "no_outcome",
                message: format!("codex's turn ended as {:?}, which is unknown", other.unwrap_or_default()),
            }),
        });
        self.trouble = None;
        self.settle(effects);
    }

    /// Takes an error: a retry, or the end that the turn is about to come to.
    fn error(&mut self, mut params: Map<String, Value>, effects: &mut Effects) {
        let error = params.remove("error").unwrap_or_default();
        let failure = Failure::of_error(&error);
        if params.get("willRetry") == Some(&Value::Bool(true)) {
            effects.emit(
                Draft::new(kind::REASONING)
                    .field("text", failure.message)
                    .field("retry", true)
                    .field("reason", failure.reason),
            );
        } else {
            self.trouble = Some(failure);
        }
    }
}

/// Tells codex's plan.
fn plan(mut params: Map<String, Value>, effects: &mut Effects) {
    let steps = match params.remove("plan") {
        Some(Value::Array(steps)) => steps,
        _ => Vec::new(),
    };
    let items: Vec<Value> = steps
        .iter()
        .map(|step| {
            let status = step.get("status").and_then(Value::as_str).unwrap_or_default();
            json!({ "text": step.get("step"), "completed": status == "completed", "status": crate::kinds::snake(status) })
        })
        .collect();
    effects.emit(
        Draft::new(kind::TODO_UPDATED)
            .field("items", items)
            .maybe("explanation", params.remove("explanation").filter(|why| !why.is_null())),
    );
}
