//! The command line of a turn, and what goes to its standard input.

use pointsman_sdk::backend::{Process, Task};
use pointsman_sdk::prompt as text;
use pointsman_sdk::types::Message;

use crate::adapter::PROCESS;
use crate::arguments::{configure, sandbox};
use crate::config::Config;
use crate::images::{Image, split};
use crate::resume::Resume;

/// Makes the process of a turn.
///
/// What the task's access says stands behind what the operator overrides, where codex lets it win. All flags stand in
/// front of `resume`, which takes but few of its own.
pub(crate) fn process(
    task: &Task,
    config: &Config,
    resumed: Option<&Resume>,
    images: &[Image],
) -> Result<Process, String> {
    let mut process = Process::new(PROCESS, config.program.as_str()).args(["exec", "--json"]).error_lines();
    if let Some(model) = &config.model {
        process = process.arg(format!("--model={model}"));
    }
    for (n, image) in images.iter().enumerate() {
        // The flag takes as many as follow it, so another flag has to.
        process = match image {
            Image::Path(path) => process.arg(format!("--image={path}")),
            Image::Bytes(_, bytes) => process.arg("--image").file(&format!("image-{n}"), bytes.as_slice()),
            Image::Url(_) => process,
        };
    }
    // Whatever of this stands behind the operator's arguments wins over them.
    process = configure(process, config, task)?.args(&config.extra_args);
    // Whether a folder without a repository is fit to work in is for policies to say.
    process = process.args(["-s", sandbox(task.access), "-C", task.cwd.as_str(), "--skip-git-repo-check"]);
    if let Some(schema) = &task.output_schema {
        process = process.arg("--output-schema").file("output-schema.json", schema.as_str());
    }
    if let Some(resumed) = resumed {
        process = process.args(["resume", resumed.thread_id.as_str()]);
    }
    Ok(process.arg("-"))
}

/// Gives what is said to codex, and images apart from it. It has no flag for a system prompt, so a profile stands in
/// front.
pub(crate) fn prompt(instructions: Option<&str>, message: &Message) -> (String, Vec<Image>) {
    let (message, images) = split(message, |image| !matches!(image, Image::Url(_)));
    (text::with_instructions(instructions, &text::flatten(&message)), images)
}
