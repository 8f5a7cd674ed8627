//! Front matter: what a profile says of the run, between two lines `---` at its very beginning.

use std::str::FromStr as _;

use pointsman_model::{Access, Role};
use serde_json::{Map, Value};

use super::yaml::{self, Entry, Fault};

/// The line before and after front matter.
const FENCE: &str = "---";

/// The keys of front matter.
const KEYS: &str = "`description`, `backend`, `role`, `access`, `output_schema` and `schema`";

/// What front matter said.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Front {
    pub(super) description: Option<String>,
    pub(super) backend: Option<String>,
    pub(super) role: Option<Role>,
    pub(super) access: Option<Access>,
    pub(super) output_schema: Option<Map<String, Value>>,
    /// A file beside the profile, and the line that names it.
    pub(super) schema: Option<(String, usize)>,
}

/// Takes a profile's front matter, if it has some, from its text.
pub(super) fn read(profile: &str) -> Result<(Front, &str), Fault> {
    let profile = profile.strip_prefix('\u{feff}').unwrap_or(profile);
    let mut lines = profile.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == FENCE) else {
        return Ok((Front::default(), profile));
    };
    let mut end = first.len();
    for line in lines {
        if line.trim_end() == FENCE {
            let (front, text) = (profile.get(first.len()..end), profile.get(end + line.len()..));
            return Ok((parse(front.unwrap_or_default())?, text.unwrap_or_default()));
        }
        end += line.len();
    }
    let text = "front matter begins here and never ends: a second line `---` is missing";
    Err(Fault { line: 1, text: text.to_owned() })
}

fn parse(text: &str) -> Result<Front, Fault> {
    let mut front = Front::default();
    for Entry { key, value, line } in yaml::entries(text, 1)? {
        let fault = |text: String| Fault { line, text };
        let word = || match &value {
            Value::String(word) if !word.trim().is_empty() => Ok(word.clone()),
            _ => Err(fault(format!("`{key}` must be a text"))),
        };
        match key.as_str() {
            "description" => front.description = Some(word()?),
            "backend" => front.backend = Some(word()?),
            "role" => front.role = Some(role(&word()?).map_err(fault)?),
            "access" => front.access = Some(Access::from_str(&word()?).map_err(fault)?),
            "output_schema" => match value {
                Value::Object(schema) => front.output_schema = Some(schema),
                _ => {
                    let text = "`output_schema` must be a JSON Schema; a file of one is `schema: FILE`";
                    return Err(fault(text.to_owned()));
                }
            },
            "schema" => front.schema = Some((word()?, line)),
            other => return Err(fault(format!("unknown key `{other}`; known are {KEYS}"))),
        }
        if front.output_schema.is_some() && front.schema.is_some() {
            return Err(fault("`output_schema` and `schema` exclude each other; keep one".to_owned()));
        }
    }
    Ok(front)
}

fn role(word: &str) -> Result<Role, String> {
    [Role::Planner, Role::Worker, Role::Reviewer]
        .into_iter()
        .find(|role| role.as_str() == word)
        .ok_or_else(|| format!("role is planner, worker or reviewer, not {word:?}"))
}
