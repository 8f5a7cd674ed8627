//! A turn: the questions in it, its end, and what its end means.

use pointsman_sdk::Draft;
use pointsman_sdk::backend::{Answer, Effects, Outcome};
use pointsman_sdk::types::Usage;
use serde_json::{Map, Value, json};

use super::{Session, Step};
use crate::adapter::End;
use crate::failure::Failure;
use crate::transcript::own_kind;
use crate::{prompt, wire};

/// How often an agent is told why something was denied. One that asks for the same for ever is not listened to for ever.
const DENIALS: u32 = 20;

impl Session {
    /// Takes the end of a turn: the run's, unless the agent has to hear why something was denied.
    pub(super) fn turned(&mut self, result: &Value, effects: &mut Effects) -> Result<(), End> {
        self.transcript.flush(effects);
        // Nobody waits for their answers any more.
        self.questions.withdraw_all(effects);
        self.charge.add(result);
        self.tell_usage(effects);
        self.remember(effects);
        let stop = result["stopReason"].as_str().unwrap_or("unknown").to_owned();
        effects.emit(told("turn_ended", result.clone()));
        let denials = std::mem::take(&mut self.denials);
        let listens = matches!(stop.as_str(), "end_turn" | "cancelled") && !self.transcript.is_broken();
        if !denials.is_empty() && listens && self.told < DENIALS {
            self.told += 1;
            self.transcript.close(effects);
            self.blocks = prompt::of_denials(&denials, self.task.output_schema.as_deref());
            self.go(Step::Prompt, effects);
            return Ok(());
        }
        Err(End::Stopped(stop))
    }

    /// Gives what the run used.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.charge.total()
    }

    /// Tells what the run has used, if that is news.
    pub(super) fn tell_usage(&mut self, effects: &mut Effects) {
        if let Some(used) = self.charge.news() {
            effects.emit(Draft::usage(&used));
        }
    }

    /// Puts a question of the agent's to the host.
    pub(crate) fn ask(&mut self, rpc: Value, params: Map<String, Value>, effects: &mut Effects) {
        self.transcript.flush(effects);
        self.questions.ask(rpc, params, &self.task.cwd, &mut self.transcript.tools, effects);
    }

    /// Hands the host's answer to the agent; says whether the turn is to end.
    pub(crate) fn permission(&mut self, id: &str, answer: Answer, effects: &mut Effects) -> bool {
        let answered = self.questions.answer(id, answer, &mut self.transcript.tools, effects);
        self.denials.extend(answered.denial);
        answered.ends
    }

    /// Tells that the agent tries again.
    pub(crate) fn tell_retry(&mut self, draft: Draft, effects: &mut Effects) {
        self.transcript.tell_retry(draft, effects);
    }

    /// Asks the agent to end its turn; says whether there is one.
    pub(crate) fn interrupt(&mut self, effects: &mut Effects) -> bool {
        if !matches!(self.pending, Some((_, Step::Prompt))) {
            return false;
        }
        self.denials.clear();
        wire::notify("session/cancel", &json!({ "sessionId": self.id }), effects);
        self.questions.cancel_all(&mut self.transcript.tools, effects);
        true
    }

    /// Makes an outcome of the reason for which the agent stopped.
    pub(crate) fn judged(&self, stop: &str, answer: Option<&str>) -> Outcome {
        let failed = |reason: &str, error: &str| Outcome::failed(reason, error);
        match stop {
            "end_turn" if self.transcript.is_broken() => {
                let failure =
                    Failure::of_text(answer.unwrap_or("the agent's turn broke, and it did not say why"));
                Outcome::failed(failure.reason, failure.message)
            }
            "end_turn" => Outcome::completed(None),
            "max_tokens" => failed(
                "max_tokens",
                "the agent reached the most tokens that it may write; its answer is cut off",
            ),
            "max_turn_requests" => {
                failed("max_turn_requests", "the agent reached the most requests that one turn may take")
            }
            "refusal" => failed("refusal", "the agent refused to go on"),
            "cancelled" => {
                failed("interrupted", "the agent ended its turn as cancelled, though nobody cancelled it")
            }
            other => Outcome::failed(
                "turn_failed",
                format!("the agent stopped for a reason that this version does not know: {other}"),
            ),
        }
    }
}

/// Makes an event of an answer, whatever stands in it.
pub(super) fn told(name: &str, answer: Value) -> Draft {
    let draft = Draft::new(own_kind(name));
    match answer {
        Value::Object(fields) => draft.fields(fields),
        Value::Null => draft,
        other => draft.field("result", other),
    }
}
