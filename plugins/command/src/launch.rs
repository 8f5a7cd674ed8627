//! The command line of a run, and what goes to its standard input.

use pointsman_sdk::backend::{Process, Task};
use pointsman_sdk::prompt;
use serde_json::{Value, json};

use crate::PROCESS;
use crate::config::{Config, ErrorMode, PromptMode};
use crate::template;

/// Makes the process of a task.
pub(crate) fn process(config: &Config, task: &Task) -> Result<Process, String> {
    let prompt = text(task);
    let mut values = vec![
        ("cwd", task.cwd.as_str()),
        ("run_id", task.run_id.as_str()),
        ("session_id", task.session_id.as_str()),
        ("agent_name", task.agent_name.as_str()),
        ("role", task.role.as_str()),
        ("access", task.access.as_str()),
    ];
    if config.prompt == PromptMode::Argument {
        values.insert(0, ("prompt", prompt.as_str()));
    }
    let args = config.args.iter().map(|arg| template::fill(arg, &values)).collect::<Result<Vec<_>, _>>()?;
    let process = Process::new(PROCESS, config.program.as_str()).args(args);
    Ok(match config.stderr {
        ErrorMode::Tail => process,
        ErrorMode::Events => process.error_lines(),
    })
}

/// Gives what is written to standard input.
pub(crate) fn input(config: &Config, task: &Task) -> Result<Option<Vec<u8>>, String> {
    match config.prompt {
        PromptMode::Stdin => Ok(Some(text(task).into_bytes())),
        PromptMode::Json => {
            let mut line = whole(task)?.to_string();
            line.push('\n');
            Ok(Some(line.into_bytes()))
        }
        PromptMode::Argument | PromptMode::None => Ok(None),
    }
}

/// Gives the prompt as text, the profile in front.
fn text(task: &Task) -> String {
    prompt::with_instructions(task.instructions.as_deref(), &prompt::flatten(&task.message))
}

/// Gives the whole task, the profile apart.
fn whole(task: &Task) -> Result<Value, String> {
    let parsed = |json: &Option<String>| -> Result<Value, String> {
        match json {
            Some(json) => {
                serde_json::from_str(json).map_err(|error| format!("the task holds no JSON: {error}"))
            }
            None => Ok(Value::Null),
        }
    };
    Ok(json!({
        "run_id": task.run_id,
        "session_id": task.session_id,
        "agent_name": task.agent_name,
        "role": task.role,
        "cwd": task.cwd,
        "access": task.access.as_str(),
        "prompt": prompt::flatten(&task.message),
        "instructions": task.instructions,
        "output_schema": parsed(&task.output_schema)?,
        "resume": parsed(&task.resume)?,
    }))
}
