//! What a tool answered.

use pointsman_sdk::Draft;
use serde_json::{Map, Value};

/// A tool's answer: the block that the model sees, and what Claude Code tells its host besides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolResult {
    /// The call that it answers.
    pub(crate) id: String,
    /// What the model sees: a text, or blocks.
    pub(crate) content: Option<Value>,
    pub(crate) is_error: bool,
    /// The same for programs; an object, or a text that begins with `Error:`.
    pub(crate) structured: Option<Value>,
    /// Who allowed or refused it, and whether it ran.
    pub(crate) meta: Option<Value>,
}

impl ToolResult {
    /// Gives what programs are told, if it is an object.
    pub(crate) fn structured(&self) -> Option<&Map<String, Value>> {
        self.structured.as_ref().and_then(Value::as_object)
    }

    /// Says whether the tool did what it was asked.
    pub(crate) fn went_well(&self) -> bool {
        !self.is_error
    }

    fn meta(&self, pointer: &str) -> Option<&str> {
        self.meta.as_ref().and_then(|meta| meta.pointer(pointer)).and_then(Value::as_str)
    }

    /// Gives the content as one text, if it is nothing but text.
    fn text(&self) -> Option<String> {
        match self.content.as_ref()? {
            Value::String(text) => Some(text.clone()),
            Value::Array(blocks) => {
                let texts: Option<Vec<&str>> = blocks
                    .iter()
                    .map(|block| {
                        let is_text = block.get("type").and_then(Value::as_str) == Some("text");
                        block.get("text").and_then(Value::as_str).filter(|_| is_text)
                    })
                    .collect();
                texts.map(|texts| texts.join("\n"))
            }
            _ => None,
        }
    }

    /// Gives what programs are told, if it is a text that does not repeat what the model sees with `Error: ` in front.
    fn note(&self) -> Option<Value> {
        let note = self.structured.as_ref().and_then(Value::as_str)?;
        let said = note.strip_prefix("Error: ").unwrap_or(note).trim();
        let repeats = self.text().is_some_and(|text| text.trim() == said);
        (!repeats).then(|| note.into())
    }

    /// Adds what it says of a command.
    pub(crate) fn of_command(mut self, draft: Draft) -> Draft {
        let mut draft = draft.field("is_error", self.is_error).field("status", status_of(&self));
        let note = self.note();
        let mut rest = match self.structured.take() {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let mut take = |key: &str| match rest.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (stdout, stderr) = (take("stdout"), take("stderr").filter(|text| !text.is_empty()));
        let told = self.text();
        let (exit_code, output) = match (stdout, &stderr) {
            (Some(stdout), None) => (None, stdout),
            (Some(stdout), Some(stderr)) => {
                let both = if stdout.is_empty() { stderr.clone() } else { format!("{stdout}\n{stderr}") };
                draft = draft.field("stdout", stdout).field("stderr", stderr.as_str());
                (None, both)
            }
            (None, _) => exit_and_output(told.as_deref().unwrap_or_default()),
        };
        // One that goes on in the background has not exited.
        let ended = self.meta("/non_execution_kind").is_none() && !rest.contains_key("backgroundTaskId");
        for (from, to) in [
            ("rawOutputPath", "raw_output_path"),
            ("persistedOutputPath", "persisted_output_path"),
            ("persistedOutputSize", "persisted_output_size"),
            ("backgroundTaskId", "background_task_id"),
            ("interrupted", "interrupted"),
        ] {
            if let Some(value) = rest.remove(from) {
                draft = draft.field(to, value);
            }
        }
        let exit_code = exit_code.or((!self.is_error && ended).then_some(0));
        let shown = told.is_some_and(|told| repeats(&told, &output));
        draft = draft.field("output", output).maybe("exit_code", exit_code);
        // What the model was shown differs where the output was too long for it, or is no text.
        if let Some(content) = self.content.take().filter(|_| !shown) {
            draft = draft.field("content", content);
        }
        // Flags that are not set say nothing.
        rest.retain(|_, value| *value != Value::Bool(false));
        let raw = note.or((!rest.is_empty()).then_some(Value::Object(rest)));
        let draft = draft.maybe("raw_tool_use_result", raw);
        draft.maybe("permission", self.meta)
    }

    /// Adds what it says of any other tool.
    pub(crate) fn of_tool(self, draft: Draft) -> Draft {
        let status = status_of(&self);
        let structured = match &self.structured {
            Some(Value::String(_)) => self.note(),
            structured => structured.clone().filter(|structured| !structured.is_null()),
        };
        let draft = draft.field("is_error", self.is_error).field("status", status);
        let draft = match (self.text(), self.content) {
            (Some(text), _) if self.is_error => draft.field("error", text),
            (Some(text), _) => draft.field("output", text),
            (None, content) => draft.maybe("content", content),
        };
        draft.maybe("raw_tool_use_result", structured).maybe("permission", self.meta)
    }

    /// Tells it as it is, for there is no call that it ends.
    pub(crate) fn alone(self) -> Draft {
        let draft = Draft::new("x_claude_code_tool_result").item(self.id.as_str());
        self.of_tool(draft)
    }
}

/// Says how a call went, in the words of every backend.
pub(crate) fn status_of(result: &ToolResult) -> &'static str {
    let decision = result.meta("/permission_decision/decision");
    match result.meta("/non_execution_kind") {
        Some("user-rejected") => "interrupted",
        _ if result.is_error && decision == Some("reject") => "denied",
        _ if result.is_error => "failed",
        _ => "completed",
    }
}

/// Takes `Exit code N` off the front of what a failed command left.
fn exit_and_output(told: &str) -> (Option<i64>, String) {
    let (first, rest) = told.split_once('\n').unwrap_or((told, ""));
    match first.strip_prefix("Exit code ").and_then(|code| code.trim().parse().ok()) {
        Some(code) => (Some(code), rest.to_owned()),
        None => (None, told.to_owned()),
    }
}

/// Says whether what the model was shown repeats an output: it lacks white space at the ends, and says so in brackets if
/// there was none.
fn repeats(told: &str, output: &str) -> bool {
    let (told, output) = (told.trim(), output.trim());
    told == output || told.starts_with("Exit code ") || (output.is_empty() && told.starts_with('('))
}
