//! Examples: what `match` and `not_match` describe, told by how it differs from one base question.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use crate::condition::schema::{self, Field, Type};
use crate::contract::{Access, Principal, Question};
use crate::suggest;

/// What an example may say, beside the facts.
const KEYS: &[&str] =
    &["action", "backend", "role", "cwd", "access", "depth", "chain", "request", "facts", "now", "without"];

/// Principals that `depth` may stand for.
const DEEPEST: i64 = 64;

/// Gives the question that examples start from: a coding agent asks for a run in a clean project.
///
/// `README.md` shows it to those who write examples.
#[must_use]
pub fn base_question() -> Question {
    Question {
        action: "spawn".to_owned(),
        chain: vec![principal(0)],
        backend: Some("codex".to_owned()),
        role: Some("worker".to_owned()),
        cwd: Some("/repo/project".to_owned()),
        access: Some(Access::WorkspaceWrite),
        detail: json!({ "prompt": "Fix the failing test." }).to_string(),
        facts: json!({
            "git": { "inside": true, "root": "/repo/project", "branch": "main", "worktree": false, "dirty": false },
            "roots": { "inside": true, "configured": false },
            "runs": { "live": 0 },
            "client": { "name": "claude-code", "version": "2.1.0" },
            "host": { "os": "linux", "user": "ada" },
        })
        .to_string(),
        // Monday, 5 January 2026, 10:00 UTC.
        at: 1_767_607_200_000,
    }
}

/// Gives the principal at a depth of the base question's chain.
fn principal(depth: u32) -> Principal {
    match depth {
        0 => Principal { name: "claude-code".to_owned(), role: "client".to_owned(), run_id: None, depth },
        _ => Principal {
            name: format!("worker-{depth}"),
            role: "worker".to_owned(),
            run_id: Some(format!("run-{depth}")),
            depth,
        },
    }
}

/// Makes the question that an example describes.
///
/// # Errors
///
/// What in it is not known or has the wrong type.
pub(crate) fn question(differs: &Map<String, Value>) -> Result<Question, String> {
    let mut question = base_question();
    for (key, value) in differs {
        match key.as_str() {
            "action" => {
                question.action = text(key, value)?;
                // A word that a later host may bring is fine, a slip is not.
                if !schema::ACTIONS.contains(&question.action.as_str())
                    && let Some(near) = suggest::nearest(&question.action, schema::ACTIONS.iter().copied())
                {
                    return Err(format!("there is no action `{}`; did you mean `{near}`?", question.action));
                }
            }
            "backend" => question.backend = Some(text(key, value)?),
            "role" => question.role = Some(text(key, value)?),
            "cwd" => question.cwd = Some(text(key, value)?),
            "access" => question.access = Some(access(value)?),
            "depth" if differs.contains_key("chain") => {
                return Err("`depth` is the length of `chain`: give one of them".to_owned());
            }
            "depth" => {
                let depth = value.as_i64().filter(|depth| (1..=DEEPEST).contains(depth));
                let depth = depth.ok_or_else(|| format!("`depth` is a number from 1 to {DEEPEST}"))?;
                question.chain = (0..).map(principal).take(usize::try_from(depth).unwrap_or(1)).collect();
            }
            "chain" => question.chain = chain(value)?,
            "request" => question.detail = merged("request", &question.detail, value)?,
            "facts" => {
                known(schema::FACTS, "facts", value)?;
                question.facts = merged("facts", &question.facts, value)?;
            }
            "now" => question.at = time(value)?,
            "without" => {}
            "access_level" => return Err("`access_level` follows from `access`: give that".to_owned()),
            other => {
                return Err(format!(
                    "unknown key `{other}` in an example; {}",
                    suggest::help(other, KEYS.iter().copied())
                ));
            }
        }
    }
    if let Some(without) = differs.get("without") {
        remove(&mut question, without)?;
    }
    Ok(question)
}

fn text(key: &str, value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("`{key}` of an example must be a text"))
}

fn time(value: &Value) -> Result<u64, String> {
    let written = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    value
        .as_u64()
        .or_else(|| u64::try_from(written?.timestamp_millis()).ok())
        .ok_or_else(|| "`now` is a time such as 2026-01-05T10:00:00Z, or milliseconds since 1970".to_owned())
}

fn access(value: &Value) -> Result<Access, String> {
    match value.as_str() {
        Some("read-only") => Ok(Access::ReadOnly),
        Some("workspace-write") => Ok(Access::WorkspaceWrite),
        Some("full") => Ok(Access::Full),
        other => {
            let help = suggest::help(other.unwrap_or_default(), schema::ACCESS.iter().copied());
            Err(format!("`access` of an example is no access; {help}"))
        }
    }
}

fn chain(value: &Value) -> Result<Vec<Principal>, String> {
    let wrong =
        || "`chain` is a list of tables with `name` and `role`, and `run_id` if it is a run".to_owned();
    let principals = value.as_array().filter(|chain| !chain.is_empty()).ok_or_else(wrong)?;
    principals
        .iter()
        .zip(0..)
        .map(|(written, depth)| {
            let members = written.as_object().ok_or_else(wrong)?;
            if let Some(other) =
                members.keys().find(|key| !matches!(key.as_str(), "name" | "role" | "run_id"))
            {
                let help = suggest::help(other, ["name", "role", "run_id"]);
                return Err(format!("unknown key `{other}` in `chain`; {help}"));
            }
            let get = |key: &str| members.get(key).and_then(Value::as_str).map(str::to_owned);
            Ok(Principal {
                name: get("name").ok_or_else(wrong)?,
                role: get("role").ok_or_else(wrong)?,
                run_id: get("run_id"),
                depth,
            })
        })
        .collect()
}

/// Checks that an example speaks of facts that exist.
fn known(fields: &'static [Field], path: &str, value: &Value) -> Result<(), String> {
    let members = value.as_object().ok_or_else(|| format!("`{path}` of an example must be a table"))?;
    for (name, value) in members {
        let Some(field) = schema::find(fields, name) else {
            let help = suggest::help(name, schema::names(fields));
            return Err(format!("unknown field `{name}` in `{path}`; {help}"));
        };
        let fits = match field.kind {
            Type::Record(inner) => {
                known(inner, &format!("{path}.{name}"), value)?;
                continue;
            }
            Type::Bool => value.is_boolean(),
            Type::Int => value.is_i64(),
            Type::Number => value.is_number(),
            Type::Text(_) => value.is_string(),
            Type::List(_) => value.is_array(),
            _ => true,
        };
        if !fits {
            return Err(format!("`{path}.{name}` of an example must be {}", field.kind.name()));
        }
    }
    Ok(())
}

/// Lays what an example says over the base question's JSON.
fn merged(key: &str, base: &str, over: &Value) -> Result<String, String> {
    if !over.is_object() {
        return Err(format!("`{key}` of an example must be a table"));
    }
    let mut base: Value = serde_json::from_str(base).map_err(|error| error.to_string())?;
    merge(&mut base, over);
    Ok(base.to_string())
}

fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Takes away what `without` names.
fn remove(question: &mut Question, without: &Value) -> Result<(), String> {
    let wrong = || "`without` is a list of names: [\"cwd\", \"facts.git\"]".to_owned();
    for name in without.as_array().ok_or_else(wrong)? {
        let name = name.as_str().ok_or_else(wrong)?;
        match name.split_once('.') {
            None if name == "backend" => question.backend = None,
            None if name == "role" => question.role = None,
            None if name == "cwd" => question.cwd = None,
            None if name == "access" => question.access = None,
            Some(("facts", path)) => question.facts = removed(&question.facts, path)?,
            Some(("request", path)) => question.detail = removed(&question.detail, path)?,
            _ => {
                let may = ["backend", "role", "cwd", "access", "facts.…", "request.…"];
                return Err(format!("`{name}` cannot be left out; {}", suggest::help(name, may)));
            }
        }
    }
    Ok(())
}

fn removed(json: &str, path: &str) -> Result<String, String> {
    let mut document: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut place = Some(&mut document);
    for name in parents.split('.').filter(|name| !name.is_empty()) {
        place = place.and_then(|place| place.get_mut(name));
    }
    let taken = place.and_then(Value::as_object_mut).and_then(|members| members.remove(last));
    match taken {
        Some(_) => Ok(document.to_string()),
        None => Err(format!("`without` names `{path}`, which is not there anyway")),
    }
}
