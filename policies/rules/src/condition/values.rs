//! The values of a question, as conditions see them.
//!
//! Only what a rule really reads is made, and JSON is parsed only then: most rules look at the action first, and a
//! prompt may be long. Texts are borrowed.

use std::collections::HashMap;
use std::sync::OnceLock;

use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use serde_json::{Value, json};

use super::functions::Pattern;
use super::schema::{self, Type};
use crate::contract::{Access, Question};

/// How a compiled pattern is named in an expression. No source can spell it.
pub(crate) const PATTERN: &str = "@pattern";

/// What has to be parsed or built before values can borrow from it.
#[derive(Debug)]
pub(crate) struct Documents<'q> {
    question: &'q Question,
    facts: OnceLock<Result<Value, String>>,
    request: OnceLock<Result<Value, String>>,
    chain: OnceLock<Value>,
}

impl<'q> Documents<'q> {
    /// Takes the documents of a question.
    pub(crate) fn of(question: &'q Question) -> Self {
        Self { question, facts: OnceLock::new(), request: OnceLock::new(), chain: OnceLock::new() }
    }

    fn facts(&self) -> Result<&Value, String> {
        self.facts.get_or_init(|| parse("facts", &self.question.facts)).as_ref().map_err(Clone::clone)
    }

    fn request(&self) -> Result<&Value, String> {
        self.request.get_or_init(|| parse("request", &self.question.detail)).as_ref().map_err(Clone::clone)
    }

    fn chain(&self) -> &Value {
        self.chain.get_or_init(|| chain(self.question))
    }
}

fn parse(name: &str, text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(format!("`{name}` of the question is no JSON object")),
        Err(error) => Err(format!("`{name}` of the question is no JSON: {error}")),
    }
}

fn chain(question: &Question) -> Value {
    let principals = question.chain.iter().map(|principal| {
        json!({
            "name": principal.name,
            "role": principal.role,
            "run_id": principal.run_id,
            "depth": principal.depth,
        })
    });
    Value::Array(principals.collect())
}

/// A value, or why there is none.
type Made<'d> = Result<Box<dyn Val + 'd>, String>;

/// The values that an expression's names stand for.
#[derive(Debug)]
pub(crate) struct Bindings<'d> {
    documents: &'d Documents<'d>,
    values: Vec<(&'d str, OnceLock<Made<'d>>)>,
    patterns: &'d [Pattern],
}

impl<'d> Bindings<'d> {
    /// Prepares to give a value to each of the named paths.
    pub(crate) fn new(documents: &'d Documents<'d>, paths: &'d [String], patterns: &'d [Pattern]) -> Self {
        let values = paths.iter().map(|path| (path.as_str(), OnceLock::new())).collect();
        Self { documents, values, patterns }
    }

    /// Gives the value of a path.
    pub(super) fn get(&self, path: &str) -> Option<&(dyn Val + 'd)> {
        let (path, made) = self.values.iter().find(|(known, _)| *known == path)?;
        made.get_or_init(|| value(self.documents, path)).as_ref().ok().map(AsRef::as_ref)
    }

    /// Tells why one of these paths, which was asked for, has no value.
    pub(crate) fn broken(&self, uses: &[String]) -> Option<&str> {
        let asked = self.values.iter().filter(|(path, _)| uses.iter().any(|used| used == path));
        asked.filter_map(|(_, made)| made.get()?.as_ref().err()).map(String::as_str).next()
    }
}

impl VariableResolver for Bindings<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(number) = variable.strip_prefix(PATTERN) {
            let pattern = self.patterns.get(number.parse::<usize>().ok()?)?;
            return Some(CowVal::Borrowed(pattern));
        }
        self.get(variable).map(CowVal::Borrowed)
    }
}

fn value<'d>(documents: &'d Documents<'d>, path: &str) -> Made<'d> {
    let question = documents.question;
    let (root, rest) = path.split_once('.').unwrap_or((path, ""));
    Ok(match root {
        "action" => text(Some(&question.action)),
        "backend" => text(question.backend.as_deref()),
        "role" => text(question.role.as_deref()),
        "cwd" => text(question.cwd.as_deref()),
        "access" => text(question.access.map(|access| schema::ACCESS[level(access)])),
        "access_level" => question.access.map_or_else(null, |access| int(level(access))),
        "depth" => int(question.chain.len()),
        "now" => int(question.at),
        "chain" => from_json(documents.chain()),
        "request" => from_json(documents.request()?),
        "facts" => fact(Some(documents.facts()?), Type::Record(schema::FACTS), rest),
        // The check lets no other name through.
        _ => return Err(format!("`{path}` is not known")),
    })
}

/// Gives the place of an access among its words.
fn level(access: Access) -> usize {
    match access {
        Access::ReadOnly => 0,
        Access::WorkspaceWrite => 1,
        Access::Full => 2,
    }
}

/// Walks down to a fact. What the host did not gather is null, at every level of the documented shape.
fn fact<'d>(value: Option<&'d Value>, kind: Type, path: &str) -> Box<dyn Val + 'd> {
    match kind {
        Type::Record(fields) if path.is_empty() => {
            let mut map: HashMap<CelMapKey<'d>, Box<dyn Val + 'd>> = HashMap::with_capacity(fields.len());
            for field in fields {
                let inner = value.and_then(|value| value.get(field.name));
                map.insert(CelMapKey::from(field.name), fact(inner, field.kind, ""));
            }
            Box::new(CelMap::from(map))
        }
        Type::Record(fields) => {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            match schema::find(fields, name) {
                Some(field) => fact(value.and_then(|value| value.get(name)), field.kind, rest),
                None => null(),
            }
        }
        _ => value.map_or_else(null, from_json),
    }
}

fn text(text: Option<&str>) -> Box<dyn Val + '_> {
    text.map_or_else(null, |text| Box::new(CelString::from(text)))
}

fn int<'d>(number: impl TryInto<i64>) -> Box<dyn Val + 'd> {
    Box::new(CelInt::from(number.try_into().unwrap_or(i64::MAX)))
}

fn null<'d>() -> Box<dyn Val + 'd> {
    Box::new(CelNull)
}

/// Shows JSON to conditions. The parser bounds its depth.
fn from_json(value: &Value) -> Box<dyn Val + '_> {
    match value {
        Value::Null => null(),
        Value::Bool(truth) => Box::new(CelBool::from(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => Box::new(CelInt::from(number)),
            (None, Some(number), _) => Box::new(CelUInt::from(number)),
            (None, None, number) => Box::new(CelDouble::from(number.unwrap_or(f64::NAN))),
        },
        Value::String(content) => text(Some(content)),
        Value::Array(elements) => {
            Box::new(CelList::from(elements.iter().map(from_json).collect::<Vec<Box<dyn Val + '_>>>()))
        }
        Value::Object(members) => {
            let members =
                members.iter().map(|(key, value)| (CelMapKey::from(key.as_str()), from_json(value)));
            Box::new(CelMap::from(members.collect::<HashMap<CelMapKey<'_>, Box<dyn Val + '_>>>()))
        }
    }
}
