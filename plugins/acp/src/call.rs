//! One tool call, as far as it is known: agents tell it in pieces, in any order.

use serde_json::{Map, Value, json};

use crate::diff;

/// A command's output is kept up to this size where an agent sends it in pieces.
const OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// Which events a call makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Command,
    Tool,
}

/// A tool call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    /// The agent's id of it, which is the item of its events.
    pub(crate) id: String,
    /// One line for people.
    pub(crate) title: Option<String>,
    /// The tool's name for programs.
    pub(crate) name: Option<String>,
    /// What sort of tool it is; `other` until it is said.
    pub(crate) kind: Option<String>,
    /// `pending`, `in_progress`, `completed` or `failed`, or what a later version knows.
    pub(crate) status: Option<String>,
    /// What the tool was called with.
    pub(crate) input: Value,
    /// What came of it, as the tool gave it.
    raw_output: Value,
    /// What is shown of it.
    content: Vec<Value>,
    /// Changes that it has shown. Some agents show something else at the end.
    shown: Vec<Value>,
    locations: Vec<Value>,
    /// Output that came in pieces.
    pieces: String,
    /// What the agent adds beyond the protocol.
    meta: Map<String, Value>,
    /// Fields that this version does not know.
    unknown: Map<String, Value>,
    /// Its first event was told: as that of a command, or of another tool. The last has to fit.
    pub(crate) started: Option<Sort>,
    /// It was asked about, and denied.
    pub(crate) denied: bool,
    /// What the last event said of it.
    pub(crate) told: Map<String, Value>,
}

impl Call {
    /// Begins with nothing but an id.
    pub(crate) fn new(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    /// Takes what a message says of the call. What it does not say stays.
    pub(crate) fn merge(&mut self, said: Map<String, Value>) {
        for (key, value) in said {
            match (key.as_str(), value) {
                ("toolCallId" | "sessionUpdate", _) | (_, Value::Null) => {}
                ("title", Value::String(text)) => self.title = Some(text),
                ("name", Value::String(text)) => self.name = Some(text),
                ("kind", Value::String(text)) => self.kind = Some(text),
                ("status", Value::String(text)) => self.status = Some(text),
                ("rawInput", value) => self.input = value,
                ("rawOutput", value) => self.raw_output = value,
                ("content", Value::Array(content)) => self.merge_content(content),
                ("locations", Value::Array(locations)) => self.locations = locations,
                ("_meta", Value::Object(meta)) => self.merge_meta(meta),
                (_, value) => drop(self.unknown.insert(key, value)),
            }
        }
    }

    fn merge_content(&mut self, content: Vec<Value>) {
        let diffs = content
            .iter()
            .filter_map(Value::as_object)
            .filter(|content| content.get("type").is_some_and(|kind| kind == "diff"));
        let shown: Vec<Value> = diffs.filter_map(diff::change).collect();
        if !shown.is_empty() {
            self.shown = shown;
        }
        self.content = content;
    }

    fn merge_meta(&mut self, meta: Map<String, Value>) {
        for (key, value) in meta {
            // Output of a terminal that the agent shows as it comes.
            if key == "terminal_output_delta" || key == "terminal_output" {
                if let Some(data) = value.get("data").and_then(Value::as_str) {
                    let room = OUTPUT_BYTES.saturating_sub(self.pieces.len());
                    self.pieces.push_str(data.get(..data.floor_char_boundary(room)).unwrap_or_default());
                }
                continue;
            }
            match (self.meta.get_mut(&key), value) {
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                (_, value) => drop(self.meta.insert(key, value)),
            }
        }
    }

    /// Says whether it runs a command.
    pub(crate) fn is_command(&self) -> bool {
        match self.started {
            Some(sort) => sort == Sort::Command,
            None => self.kind.as_deref() == Some("execute"),
        }
    }

    /// Says whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.status.as_deref(), Some("completed" | "failed"))
    }

    /// Says whether enough is known to tell it. Some agents announce a call before the model has said what with.
    pub(crate) fn is_telling(&self) -> bool {
        if self.status.as_deref() != Some("pending") {
            return true;
        }
        if self.is_command() {
            self.said_command().is_some()
        } else {
            has_fields(&self.input) || !self.changes().is_empty()
        }
    }

    /// Gives the command as a shell would read it.
    pub(crate) fn command(&self) -> String {
        self.said_command()
            .unwrap_or_else(|| self.title.as_deref().unwrap_or_default().trim_matches('`').to_owned())
    }

    fn said_command(&self) -> Option<String> {
        match self.input.get("command").or_else(|| self.input.get("cmd"))? {
            Value::String(command) => Some(command.clone()),
            Value::Array(words) => {
                let words = words.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
                shlex::try_join(words).ok()
            }
            _ => None,
        }
    }

    /// Gives the folder that a command runs in, if it is said.
    pub(crate) fn cwd(&self) -> Option<String> {
        let said =
            ["cwd", "workdir", "dir_path", "directory"].iter().find_map(|key| self.input.get(*key)?.as_str());
        said.map(str::to_owned).or_else(|| {
            // Gemini puts it into the text beside the command, and nowhere else.
            let text = self.text()?;
            let rest =
                text.strip_prefix("[in ").or_else(|| text.strip_prefix("[current working directory "))?;
            let end = rest.find("] (").or_else(|| rest.find("] [")).or_else(|| rest.rfind(']'))?;
            rest.get(..end).map(str::to_owned)
        })
    }

    /// Gives the tool's name, or what comes nearest.
    pub(crate) fn tool(&self) -> &str {
        self.name.as_deref().or(self.title.as_deref()).or(self.kind.as_deref()).unwrap_or("tool")
    }

    /// Gives the changes of files that it shows; of files that it only names, that they change.
    pub(crate) fn changes(&self) -> Vec<Value> {
        let how = match self.kind.as_deref() {
            Some("edit" | "move") => "update",
            Some("delete") => "delete",
            _ => return self.shown.clone(),
        };
        let paths = self.paths();
        let named = paths.iter().filter(|path| !self.shown.iter().any(|change| change["path"] == **path));
        let named = named.map(|path| json!({ "path": path, "kind": how, "diff": "" }));
        self.shown.iter().cloned().chain(named).collect()
    }

    /// Gives the paths that it names.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.locations.iter().filter_map(|location| location.get("path")?.as_str()).collect()
    }

    /// Gives the text that it shows.
    pub(crate) fn text(&self) -> Option<String> {
        let texts: Vec<&str> = self
            .content
            .iter()
            .filter(|content| content.get("type").is_some_and(|kind| kind == "content"))
            .filter_map(|content| content.get("content")?.get("text")?.as_str())
            .collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// Gives what it shows that is neither text nor a change, nor a terminal that only names itself.
    fn other_content(&self) -> Vec<Value> {
        let plain = |content: &&Value| match content.get("type").and_then(Value::as_str) {
            Some("content") => content.get("content").and_then(|inner| inner.get("text")).is_none(),
            Some("diff") => content.get("path").is_none(),
            Some("terminal") => false,
            _ => true,
        };
        self.content.iter().filter(plain).cloned().collect()
    }

    /// Says what is known while it runs.
    pub(crate) fn about(&self) -> Map<String, Value> {
        let mut about = Map::new();
        let mut say = |key: &str, value: Value| drop(about.insert(key.to_owned(), value));
        let status = self.status.as_deref().unwrap_or("in_progress");
        say("status", status.into());
        if self.is_command() {
            say("command", self.command().into());
            if let Some(cwd) = self.cwd() {
                say("cwd", cwd.into());
            }
            if let Some(name) = &self.name {
                say("tool", name.as_str().into());
            }
            if !self.input.is_null() {
                say("input", self.input.clone());
            }
        } else {
            say("tool", self.tool().into());
            say("tool_kind", self.kind.as_deref().unwrap_or("other").into());
            if !self.input.is_null() {
                say("arguments", self.input.clone());
            }
            let changes = self.changes();
            if !changes.is_empty() {
                say("changes", changes.into());
            }
        }
        if let Some(title) =
            self.title.as_deref().filter(|title| *title != self.command() || !self.is_command())
        {
            say("title", title.into());
        }
        if !self.locations.is_empty() {
            say("locations", self.locations.clone().into());
        }
        if let Some(text) = self.text() {
            // Before a call runs this describes it.
            let what = match (status, self.is_command()) {
                ("pending", _) => "text",
                (_, true) => "output",
                (_, false) => "result",
            };
            say(what, text.into());
        }
        let other = self.other_content();
        if !other.is_empty() {
            say("content", other.into());
        }
        for (key, value) in &self.unknown {
            about.entry(key.clone()).or_insert_with(|| value.clone());
        }
        about
    }

    /// Says what came of it.
    pub(crate) fn result(&self, status: &str) -> Map<String, Value> {
        let mut result = self.about();
        result.insert("status".to_owned(), status.into());
        let shown = result.remove("output").or_else(|| result.remove("result"));
        let shown = shown.as_ref().and_then(Value::as_str).map(unfenced);
        let output = self.output().or(shown);
        if let Some(code) = self.exit_code() {
            result.insert("exit_code".to_owned(), code.into());
        }
        if !self.raw_output.is_null() && self.raw_output.as_str() != output.as_deref() {
            result.insert("raw_output".to_owned(), self.raw_output.clone());
        }
        if !self.meta.is_empty() {
            result.insert("meta".to_owned(), Value::Object(self.meta.clone()));
        }
        if status == "failed" && !self.is_command() {
            result.insert("error".to_owned(), output.as_deref().unwrap_or("the tool failed").into());
        } else if let Some(output) = output {
            let key = if self.is_command() { "output" } else { "result" };
            result.insert(key.to_owned(), output.into());
        }
        result
    }

    /// Finds the plain output among what a tool gave.
    fn output(&self) -> Option<String> {
        if !self.pieces.is_empty() {
            return Some(self.pieces.clone());
        }
        let told = ["aggregated_output", "output", "stdout"]
            .iter()
            .find_map(|key| self.raw_output.get(*key)?.as_str());
        if let Some(told) = told {
            return Some(told.to_owned());
        }
        if self.text().is_some() && self.status.as_deref() != Some("pending") {
            return None;
        }
        self.raw_output.as_str().or_else(|| self.raw_output.get("error")?.as_str()).map(str::to_owned)
    }

    fn exit_code(&self) -> Option<i64> {
        let said = self.meta.get("terminal_exit").and_then(|exit| exit.get("exit_code"));
        let raw = ["exit_code", "exitCode", "exit"].iter().find_map(|key| self.raw_output.get(*key));
        let nested = self.raw_output.get("metadata").and_then(|metadata| metadata.get("exit"));
        [said, raw, nested].into_iter().flatten().find_map(Value::as_i64)
    }
}

fn has_fields(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

/// Takes the code fence off that some agents put around output.
fn unfenced(text: &str) -> String {
    let inside = || {
        let (first, rest) = text.strip_prefix("```")?.split_once('\n')?;
        let body = rest.strip_suffix("```")?;
        let body = body.strip_suffix('\n').unwrap_or(body);
        (!first.contains('`') && !body.contains("\n```")).then(|| body.to_owned())
    };
    inside().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn call(said: Value) -> Call {
        let mut call = Call::new("c".to_owned());
        if let Value::Object(said) = said {
            call.merge(said);
        }
        call
    }

    #[rstest]
    #[case::text(json!({ "rawInput": { "command": "ls -l" } }), "ls -l")]
    #[case::words(json!({ "rawInput": { "command": ["bash", "-lc", "ls | wc"] } }), "bash -lc 'ls | wc'")]
    #[case::title(json!({ "title": "`ls`" }), "ls")]
    #[case::nothing(json!({}), "")]
    fn a_command_is_read_where_it_stands(#[case] said: Value, #[case] command: &str) {
        assert_eq!(call(said).command(), command);
    }

    #[rstest]
    #[case::announced(json!({ "kind": "execute", "status": "pending", "rawInput": {}, "title": "Terminal" }), false)]
    #[case::with_its_folder(json!({ "kind": "execute", "status": "pending", "rawInput": { "cwd": "/" } }), false)]
    #[case::with_its_command(json!({ "kind": "execute", "status": "pending", "rawInput": { "command": "ls" } }), true)]
    #[case::at_work(json!({ "kind": "execute", "status": "in_progress" }), true)]
    #[case::another_tool(json!({ "kind": "read", "status": "pending", "rawInput": {} }), false)]
    #[case::a_status_nobody_knows(json!({ "status": "paused" }), true)]
    fn a_call_is_told_when_there_is_something_to_tell(#[case] said: Value, #[case] telling: bool) {
        assert_eq!(call(said).is_telling(), telling);
    }

    #[rstest]
    #[case::pieces(json!({ "_meta": { "terminal_output_delta": { "data": "x\n" } } }), "x\n")]
    #[case::plain(json!({ "rawOutput": "x" }), "x")]
    #[case::named(json!({ "rawOutput": { "output": "x", "metadata": { "exit": 3 } } }), "x")]
    #[case::fenced(json!({ "content": [{ "type": "content", "content": { "type": "text", "text": "```console\nx\n```" } }] }), "x")]
    fn output_is_found_wherever_an_agent_puts_it(#[case] said: Value, #[case] output: &str) {
        let mut call = call(said);
        call.merge(Map::from_iter([
            ("kind".to_owned(), "execute".into()),
            ("status".to_owned(), "completed".into()),
        ]));
        assert_eq!(call.result("completed")["output"], output);
    }

    #[rstest]
    #[case::named(json!({ "rawInput": { "cwd": "/a" } }), Some("/a"))]
    #[case::beside_the_command(json!({ "content": [{ "type": "content", "content": { "text": "[in sub] (why)" } }] }), Some("sub"))]
    #[case::not_said(json!({ "content": [{ "type": "content", "content": { "text": "[x] (why)" } }] }), None)]
    fn a_folder_is_read_where_it_stands(#[case] said: Value, #[case] cwd: Option<&str>) {
        assert_eq!(call(said).cwd().as_deref(), cwd);
    }

    #[test]
    fn a_field_that_nobody_knows_is_kept() {
        assert_eq!(call(json!({ "colour": "red", "title": 7 })).about()["colour"], "red");
        assert_eq!(call(json!({ "title": 7 })).about()["title"], 7);
    }
}
