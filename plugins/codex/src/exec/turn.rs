//! One turn of codex, line by line, and how it ends.

use pointsman_sdk::backend::{Effects, Exit, Exited, Outcome};
use pointsman_sdk::{Draft, Line, kind};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::item::{self, Phase};
use crate::failure::Failure;
use crate::kinds::own_kind;
use crate::open::OpenItems;
use crate::outcome;
use crate::resume::Resume;
use crate::usage::Tokens;

/// What is known of a turn.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The final answer is to be JSON.
    structured: bool,
    /// What the conversation had used before.
    before: Tokens,
    /// The conversation, once codex has named it.
    thread_id: Option<String>,
    open: OpenItems,
    last_message: Option<String>,
    /// What the conversation has used by now.
    used: Option<Tokens>,
    /// An error whose weight only the next line tells.
    pending_error: Option<String>,
    verdict: Option<Verdict>,
    /// Codex has said something that is no line of its protocol: an old one, or another program.
    said_text: bool,
}

/// What codex says of its turn.
#[derive(Debug)]
enum Verdict {
    Completed,
    Failed(String),
}

impl Turn {
    pub(crate) fn new(structured: bool, resumed: Option<Resume>) -> Self {
        Self {
            structured,
            before: resumed.and_then(|resumed| resumed.usage).unwrap_or_default(),
            thread_id: None,
            open: OpenItems::default(),
            last_message: None,
            used: None,
            pending_error: None,
            verdict: None,
            said_text: false,
        }
    }

    /// Takes a line of standard output.
    pub(crate) fn line(&mut self, line: &str, clipped: bool, effects: &mut Effects) {
        match Line::read(line) {
            Line::Blank => {}
            Line::Text(text) => {
                self.said_text = true;
                let draft = Draft::new("x_codex_output").field("text", text);
                effects.emit(if clipped { draft.field("clipped", true) } else { draft });
            }
            Line::Json(object) => self.object(object, effects),
        }
    }

    fn object(&mut self, mut object: Map<String, Value>, effects: &mut Effects) {
        let name = match object.get("type") {
            Some(Value::String(name)) => name.clone(),
            _ => String::new(),
        };
        if name != "turn.failed" {
            self.got_over(effects);
        }
        if let Some(phase) = Phase::of_line(&name) {
            match object.remove("item") {
                Some(Value::Object(item)) => {
                    if let Some(said) = item::take(&mut self.open, phase, item, effects) {
                        self.last_message = Some(said);
                    }
                    return;
                }
                // Told below as what it is: a line that nobody knows.
                Some(other) => drop(object.insert("item".to_owned(), other)),
                None => {}
            }
        }
        match (name.as_str(), &object) {
            ("thread.started", object) if object.get("thread_id").is_some_and(Value::is_string) => {
                self.thread_id = text_of(object.get("thread_id"));
                effects.emit(
                    Draft::new(kind::STATUS_CHANGED)
                        .field("status", "running")
                        .maybe("thread_id", self.thread_id.as_deref()),
                );
                self.remember(effects);
            }
            ("turn.started", _) => {}
            ("turn.completed", object) => {
                self.verdict = Some(Verdict::Completed);
                self.used = object.get("usage").and_then(|usage| Tokens::deserialize(usage).ok());
                self.remember(effects);
            }
            ("turn.failed", object) => {
                let said = text_of(object.get("error").and_then(|error| error.get("message")));
                let said = said.or_else(|| self.pending_error.take());
                self.pending_error = None;
                self.verdict = Some(Verdict::Failed(
                    said.unwrap_or_else(|| "codex did not say why the turn failed".to_owned()),
                ));
            }
            ("error", object) if object.get("message").is_some_and(Value::is_string) => {
                self.error(text_of(object.get("message")).unwrap_or_default(), effects);
            }
            ("", _) => {
                self.said_text = true;
                effects.emit(Draft::new("x_codex_output").field("line", Value::Object(object)));
            }
            _ => {
                object.remove("type");
                effects.emit(Draft::new(own_kind(&name)).fields(object));
            }
        }
    }

    /// Takes an error: a retry that is announced, or maybe the end.
    fn error(&mut self, said: String, effects: &mut Effects) {
        if said.starts_with("Reconnecting...") {
            effects.emit(Draft::new(kind::REASONING).field("text", said));
        } else {
            self.pending_error = Some(said);
        }
    }

    /// Tells an error that codex went on from.
    fn got_over(&mut self, effects: &mut Effects) {
        if let Some(said) = self.pending_error.take() {
            effects.emit(Draft::new(kind::REASONING).field("text", said));
        }
    }

    /// Asks the host to keep what a later run needs to go on from here.
    fn remember(&self, effects: &mut Effects) {
        let Some(thread_id) = &self.thread_id else { return };
        let usage = self.used.unwrap_or(self.before);
        effects.remember(&json!(Resume { thread_id: thread_id.clone(), usage: Some(usage) }));
    }

    /// Begins another turn of the conversation after one that was completed; nothing if there is none to go on from.
    pub(crate) fn next(&mut self, exited: &Exited) -> Option<Resume> {
        let completed = matches!(self.verdict, Some(Verdict::Completed)) && exited.exit == Exit::Code(0);
        let thread_id = self.thread_id.clone().filter(|_| completed)?;
        self.verdict = None;
        Some(Resume { thread_id, usage: self.used })
    }

    /// Ends the run with its process: the only place where a run that began ends.
    pub(crate) fn end(&mut self, exited: &Exited, cancelled: Option<String>, effects: &mut Effects) {
        self.open.close(effects);
        let outcome = match (cancelled, self.verdict.take()) {
            (Some(why), _) => {
                self.got_over(effects);
                Outcome::cancelled(why)
            }
            (None, Some(Verdict::Failed(said))) => outcome::failed(Failure::of_turn(&said)),
            (None, Some(Verdict::Completed)) => match exited.exit {
                Exit::Code(0) => outcome::completed(self.last_message.as_deref(), self.structured),
                exit => Outcome::failed(
                    "exit_status",
                    format!("codex completed its turn, but {} instead of 0", exit.in_words()),
                ),
            },
            (None, None) => outcome::failed(self.without_verdict(exited)),
        };
        let usage = self.used.map(|used| used.since(self.before));
        effects.finish(outcome.with_usage(usage).with_final_response(self.last_message.take()));
    }

    /// Finds words for a process that ended without saying how its turn did.
    fn without_verdict(&mut self, exited: &Exited) -> Failure {
        if let Some(said) = self.pending_error.take() {
            return Failure::of_turn(&said);
        }
        match exited.exit {
            Exit::Code(0) if self.said_text => Failure {
                reason: "no_outcome",
                message: "codex exited with status 0, but what it printed is not the output of `codex exec --json`; \
                          is the program another one, or too old?"
                    .to_owned(),
            },
            Exit::Code(0) => Failure {
                reason: "no_outcome",
                message: "codex exited with status 0 without saying that its turn was completed".to_owned(),
            },
            exit => Failure::of_process(&exit.in_words(), &exited.stderr_tail),
        }
    }
}

/// Takes a line of standard error. Actions that codex refuses leave no item; some leave a line here.
pub(crate) fn error_line(line: &str, effects: &mut Effects) {
    let line = without_colours(line);
    if let Some((_, said)) = line.split_once(" ERROR codex_core::tools")
        && let Some((_, said)) = said.split_once("error=")
    {
        effects.emit(Draft::new("x_codex_action_refused").field("text", said));
    }
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

/// Takes out what makes a terminal show colours.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, code)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = code
            .find(|c: char| c.is_ascii_alphabetic())
            .and_then(|end| code.get(end + 1..))
            .unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out() {
        let line = "\u{1b}[2m2026\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m \u{1b}[2mcodex_core\u{1b}[0m: x";
        assert_eq!(without_colours(line), "2026 ERROR codex_core: x");
        assert_eq!(without_colours("a\u{1b}[2"), "a");
    }
}
