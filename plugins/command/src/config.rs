//! What an operator configures.

use pointsman_sdk::backend::Task;
use pointsman_sdk::types::Access;
use serde::Deserialize;

use crate::template;

/// The configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The program's id in the operator's table.
    pub(crate) program: String,
    /// Its arguments, with placeholders.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// How the prompt reaches it.
    #[serde(default)]
    pub(crate) prompt: PromptMode,
    /// How its standard output is read.
    #[serde(default)]
    pub(crate) output: OutputMode,
    /// Whether standard input stays open behind the prompt, for answers.
    #[serde(default)]
    pub(crate) interactive: bool,
    /// What becomes of its standard error.
    #[serde(default)]
    pub(crate) stderr: ErrorMode,
    /// Exit codes that mean success.
    #[serde(default = "only_zero")]
    pub(crate) success_codes: Vec<i32>,
    /// What the program can do to the machine, whatever it is asked.
    #[serde(default = "unconfined")]
    pub(crate) access: Access,
    /// How long it may take.
    #[serde(default)]
    pub(crate) timeout_ms: Option<u32>,
}

/// How the prompt reaches the program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PromptMode {
    /// As text on standard input.
    #[default]
    Stdin,
    /// In place of `{prompt}` in an argument.
    Argument,
    /// With the rest of the task, as one JSON object on standard input.
    Json,
    /// Not at all.
    None,
}

/// How standard output is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputMode {
    /// It is the answer.
    #[default]
    Text,
    /// Each line is an event.
    Jsonl,
}

/// What becomes of standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ErrorMode {
    /// Its end explains a failure.
    #[default]
    Tail,
    /// It is told as it comes, as well.
    Events,
}

impl Config {
    /// Refuses what this configuration cannot do for a task.
    pub(crate) fn check(&self, task: &Task) -> Result<(), String> {
        let (program, has) = (&self.program, self.access);
        if task.access < has {
            return Err(format!(
                "the program {program} has {} access to this machine whatever it is asked, and this run may have {} \
                 only; ask for more, or, if the program confines itself, have the operator say so by `access` in \
                 this backend's config",
                has.as_str(),
                task.access.as_str(),
            ));
        }
        if self.prompt != PromptMode::Json {
            for (what, asked) in
                [("an output schema", &task.output_schema), ("a session to resume", &task.resume)]
            {
                if asked.is_some() {
                    return Err(format!(
                        "the program {program} is not told of {what}; it would be with `prompt = \"json\"` in this \
                         backend's config"
                    ));
                }
            }
        }
        if self.interactive && (self.output != OutputMode::Jsonl || self.prompt == PromptMode::Stdin) {
            let text = "configuration key `interactive`: a program asks by JSON lines and reads a line for each answer, \
                        so `output` must be \"jsonl\", and `prompt` anything but \"stdin\", whose end is the end of \
                        standard input";
            return Err(text.to_owned());
        }
        match (self.prompt, template::names(&self.args, "prompt")) {
            (PromptMode::Argument, false) => {
                Err("configuration key `args`: `prompt` is \"argument\", but no argument holds {prompt}"
                    .to_owned())
            }
            (PromptMode::Stdin | PromptMode::Json | PromptMode::None, true) => {
                Err("configuration key `prompt`: an argument holds {prompt}, so it must be \"argument\""
                    .to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// What any program can do that nobody holds back.
fn unconfined() -> Access {
    Access::Full
}

fn only_zero() -> Vec<i32> {
    vec![0]
}

/// The schema that the host holds a configuration against.
pub(crate) const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["program"],
    "properties": {
        "program": {
            "description": "The program's id in the operator's table.",
            "type": "string", "minLength": 1, "x-grant": "process/spawn@1"
        },
        "args": {
            "description": "Its arguments. {prompt}, {cwd}, {run_id}, {session_id}, {agent_name}, {role} and {access} are replaced.",
            "type": "array", "items": { "type": "string" }, "default": []
        },
        "prompt": {
            "description": "How the prompt reaches it: as text or with the whole task as JSON on standard input, in an argument, or not at all.",
            "enum": ["stdin", "argument", "json", "none"], "default": "stdin"
        },
        "output": {
            "description": "How its standard output is read: as the answer, or each line as an event.",
            "enum": ["text", "jsonl"], "default": "text"
        },
        "interactive": {
            "description": "Whether standard input stays open behind the prompt, so that it can ask for permissions and input. Needs output jsonl, and another prompt than stdin.",
            "type": "boolean", "default": false
        },
        "stderr": {
            "description": "Whether its standard error is told as it comes, or only explains a failure.",
            "enum": ["tail", "events"], "default": "tail"
        },
        "success_codes": {
            "description": "Exit codes that mean success.",
            "type": "array", "items": { "type": "integer" }, "minItems": 1, "default": [0]
        },
        "access": {
            "description": "What the program can do to the machine, whatever it is asked. Runs that may have less are refused: say less only of a program that confines itself.",
            "enum": ["read-only", "workspace-write", "full"], "default": "full"
        },
        "timeout_ms": {
            "description": "How long it may take.",
            "type": "integer", "minimum": 1, "maximum": 4294967295
        }
    },
    "additionalProperties": false
}"#;
