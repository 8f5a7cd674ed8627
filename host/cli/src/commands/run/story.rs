//! What a run does, as lines for a person.

use std::collections::{HashSet, VecDeque};

use pointsman_model::{Event, Timestamp};
use serde_json::Value;

use crate::terminal::{Paint, one_line, visible};

/// A line for a person is so long, in characters.
const LINE: usize = 200;
/// Lines that are shown of what a failed command printed.
const OUTPUT: usize = 6;
/// Changed files that are named.
const FILES: usize = 12;

/// What a run does, told event by event.
///
/// It knows what has begun and not ended, and keeps the agent's last words back until it is clear whether they are the
/// answer, which goes to standard output and need not stand on the screen twice.
#[derive(Debug)]
pub(super) struct Story {
    paint: Paint,
    /// Whether a beginning is a line of its own: there is no spinner that shows what goes on.
    beginnings: bool,
    open: VecDeque<Open>,
    last_words: Option<String>,
    todo: Option<Value>,
    /// Items whose changes of files were told: the tool that made them need not be.
    edits: HashSet<String>,
    state: &'static str,
}

/// Something that has begun.
#[derive(Debug)]
struct Open {
    item: String,
    what: String,
    since: Timestamp,
}

impl Story {
    pub(super) fn new(paint: Paint, beginnings: bool) -> Self {
        Self {
            paint,
            beginnings,
            open: VecDeque::new(),
            last_words: None,
            todo: None,
            edits: HashSet::new(),
            state: "starting",
        }
    }

    /// Says what goes on.
    pub(super) fn doing(&self) -> String {
        match (self.open.len(), self.open.back()) {
            // What it said last is not told yet, so it is shown here.
            (0, _) | (_, None) => match &self.last_words {
                Some(words) => one_line(words, LINE),
                None => self.state.to_owned(),
            },
            (1, Some(open)) => open.what.clone(),
            (many, Some(open)) => format!("{} (and {} more)", open.what, many - 1),
        }
    }

    /// Takes an event; gives the lines that tell it.
    pub(super) fn take(&mut self, event: &Event) -> Vec<String> {
        // A message is told as soon as anything comes after it that is told, too, or that the spinner shows.
        let kind = event.kind.as_str();
        let silent = matches!(kind, "run_completed" | "run_failed" | "rejected" | "status_changed")
            || (kind.starts_with("x_") && self.aside(event).is_none());
        let mut lines = if silent { Vec::new() } else { self.words() };
        match kind {
            "run_started" => self.state = "working",
            "agent_message" => self.last_words = text(event, "text").map(str::to_owned),
            "reasoning" => lines.extend(self.aside(event)),
            "command_started" | "tool_started" => lines.extend(self.begins(event)),
            "command_finished" | "tool_finished" => lines.extend(self.ends(event)),
            "file_changed" => lines.extend(self.files(event)),
            "todo_updated" => lines.extend(self.list(event)),
            "artifact_added" => {
                let name = text(event, "name").or_else(|| text(event, "artifact_id")).unwrap_or("unnamed");
                lines.push(format!("{} artifact {}", self.paint.good("+"), one_line(name, LINE)));
            }
            "approval_required" => self.state = "waiting for a person",
            "input_required" | "auth_required" => self.state = "waiting for its user",
            "approval_resolved" => {
                self.state = "working";
                lines.push(self.resolved(event));
            }
            "status_changed" if text(event, "status") == Some("running") => self.state = "working",
            kind if kind.starts_with("x_") => lines.extend(self.aside(event)),
            _ => {}
        }
        lines
    }

    /// Ends the story: gives the agent's last words, unless they are the answer.
    pub(super) fn end(&mut self, answer: Option<&str>) -> Vec<String> {
        if let (Some(words), Some(answer)) = (&self.last_words, answer)
            && words.trim() == answer.trim()
        {
            self.last_words = None;
        }
        self.words()
    }

    fn words(&mut self) -> Vec<String> {
        let Some(words) = self.last_words.take() else { return Vec::new() };
        // What an agent says never begins at the margin, where this program speaks.
        let mark = |at: usize| if at == 0 { self.paint.bold("•") } else { " ".to_owned() };
        let lines: Vec<_> = visible(words.trim()).lines().map(str::to_owned).collect();
        lines.iter().enumerate().map(|(at, line)| format!("{} {line}", mark(at))).collect()
    }

    /// Tells something by the way.
    fn aside(&self, event: &Event) -> Option<String> {
        let said = one_line(text(event, "text")?, LINE);
        (!said.is_empty()).then(|| self.paint.dim(format!("  {said}")))
    }

    fn begins(&mut self, event: &Event) -> Option<String> {
        let (item, what) = (text(event, "item_id").unwrap_or_default().to_owned(), what(event));
        let line = self.beginnings.then(|| format!("{} {what}", self.paint.dim("→")));
        if !self.open.iter().any(|open| open.item == item) {
            self.open.push_back(Open { item, what, since: event.ts });
        }
        line
    }

    fn ends(&mut self, event: &Event) -> Vec<String> {
        let item = text(event, "item_id").unwrap_or_default();
        let begun = self.open.iter().position(|open| open.item == item).and_then(|at| self.open.remove(at));
        let mut notes = Vec::new();
        let code = event.data.get("exit_code").and_then(Value::as_i64);
        let status =
            text(event, "status").filter(|status| !matches!(*status, "completed" | "success" | "ok"));
        let error = event.data.get("error").is_some_and(|error| !error.is_null())
            || event.data.get("is_error") == Some(&Value::Bool(true));
        let well = code.unwrap_or(0) == 0 && status.is_none() && !error;
        if well && self.edits.contains(item) {
            return Vec::new();
        }
        match (code, status) {
            (Some(code), _) if code != 0 => notes.push(format!("exit {code}")),
            (_, Some(status)) => notes.push(one_line(status, 40)),
            _ if !well => notes.push("failed".to_owned()),
            _ => {}
        }
        if let Some(begun) = &begun {
            notes.push(span(event.ts.as_millis().saturating_sub(begun.since.as_millis())));
        }
        // The end may say less than the beginning did.
        let what = match what(event) {
            said if said == NAMELESS => begun.map_or(said, |begun| begun.what),
            said => said,
        };
        let mark = if well { self.paint.good("✓") } else { self.paint.bad("✗") };
        let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join(", ")) };
        let mut lines = vec![format!("{mark} {what}{}", self.paint.dim(notes))];
        if !well {
            lines.extend(self.output(event));
        }
        lines
    }

    /// Gives the last lines of what something printed before it failed.
    fn output(&self, event: &Event) -> Vec<String> {
        let printed = ["output", "stderr", "error"].into_iter().find_map(|key| text(event, key));
        let lines: Vec<_> = printed.unwrap_or_default().trim_end().lines().collect();
        let last = lines.len().saturating_sub(OUTPUT);
        lines
            .get(last..)
            .unwrap_or_default()
            .iter()
            .map(|line| self.paint.dim(format!("    {}", one_line(line, LINE))))
            .collect()
    }

    fn files(&mut self, event: &Event) -> Vec<String> {
        let item = text(event, "item_id").unwrap_or_default();
        self.open.retain(|open| open.item != item);
        if !item.is_empty() {
            self.edits.insert(item.to_owned());
        }
        let changes =
            event.data.get("changes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let failed = text(event, "status").is_some_and(|status| matches!(status, "failed" | "declined"));
        let mut lines: Vec<_> = changes
            .iter()
            .take(FILES)
            .map(|change| {
                let path = one_line(change["path"].as_str().unwrap_or("?"), LINE);
                match change["kind"].as_str() {
                    _ if failed => format!("{} {path} was not changed", self.paint.bad("✗")),
                    Some("add") => format!("{} {path}", self.paint.good("+")),
                    Some("delete") => format!("{} {path}", self.paint.bad("-")),
                    _ => format!("{} {path}", self.paint.warn("±")),
                }
            })
            .collect();
        if changes.len() > FILES {
            lines.push(self.paint.dim(format!("  and {} more files", changes.len() - FILES)));
        }
        lines
    }

    fn list(&mut self, event: &Event) -> Vec<String> {
        let items = event.data.get("items");
        if self.todo.as_ref() == items {
            return Vec::new();
        }
        self.todo = items.cloned();
        let items = items.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .map(|item| {
                let words = ["text", "content", "step"].into_iter().find_map(|key| item[key].as_str());
                let words = one_line(words.unwrap_or_default(), LINE);
                let status = item["status"].as_str().unwrap_or_default();
                if item["completed"] == true || status == "completed" {
                    self.paint.dim(format!("  [x] {words}"))
                } else if matches!(status, "in_progress" | "inProgress") {
                    format!("  [>] {words}")
                } else {
                    format!("  [ ] {words}")
                }
            })
            .collect()
    }

    fn resolved(&self, event: &Event) -> String {
        let by = text(event, "by").map(|by| format!(" by {}", one_line(by, 80))).unwrap_or_default();
        let said =
            text(event, "feedback").map(|said| format!(": {}", one_line(said, LINE))).unwrap_or_default();
        let stands = event.data.get("standing") == Some(&Value::Bool(true));
        match text(event, "resolution").unwrap_or_default() {
            "approved" | "consumed" => {
                let reach = match text(event, "scope") {
                    Some("run") => " for this run",
                    Some("session") => " for the session",
                    _ => "",
                };
                let before = if stands { ", as answered before" } else { "" };
                format!("{} allowed{by}{reach}{before}", self.paint.good("✓"))
            }
            "denied" => format!("{} denied{by}{said}", self.paint.bad("✗")),
            "expired" if stands => self.paint.dim("  the time of an answer is over"),
            "expired" => format!("{} nobody answered in time", self.paint.bad("✗")),
            other => self.paint.dim(format!("  the question is {other}")),
        }
    }
}

/// What has no name of its own.
const NAMELESS: &str = "a tool";

/// Says what a command or a tool is.
fn what(event: &Event) -> String {
    if let Some(command) = text(event, "command") {
        return format!("$ {}", one_line(unwrapped(command), LINE));
    }
    let Some(tool) = text(event, "tool") else { return NAMELESS.to_owned() };
    let server = text(event, "server").map(|server| format!("{}/", one_line(server, 40))).unwrap_or_default();
    let given = event.data.get("arguments").or_else(|| event.data.get("input"));
    let given = given.filter(|given| given.as_object().is_some_and(|given| !given.is_empty()));
    let given = given.map(|given| format!(" {}", one_line(&given.to_string(), LINE / 2))).unwrap_or_default();
    format!("{server}{}{given}", one_line(tool, 80))
}

/// Takes off the shell that an agent has its command run by, where that changes nothing.
fn unwrapped(command: &str) -> &str {
    let rest = command.strip_prefix("/bin/").or_else(|| command.strip_prefix("/usr/bin/")).unwrap_or(command);
    let quoted = ["bash", "zsh", "sh"].into_iter().find_map(|shell| {
        let rest = rest.strip_prefix(shell)?;
        rest.strip_prefix(" -lc '").or_else(|| rest.strip_prefix(" -c '"))?.strip_suffix('\'')
    });
    quoted.filter(|script| !script.contains('\'')).unwrap_or(command)
}

fn text<'a>(event: &'a Event, key: &str) -> Option<&'a str> {
    event.data.get(key).and_then(Value::as_str)
}

/// Says how long something took.
fn span(millis: u64) -> String {
    match millis {
        0..=9_999 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        10_000..=119_999 => format!("{} s", millis / 1000),
        _ => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

#[cfg(test)]
mod tests;
