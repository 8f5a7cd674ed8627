//! The values of a question, as conditions see them.
//!
//! Only what some rule reads is made; JSON is parsed only if a rule reads into it. Texts are borrowed.

use std::collections::HashMap;

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
#[derive(Debug, Default)]
pub(crate) struct Documents {
    facts: Option<Result<Value, String>>,
    request: Option<Result<Value, String>>,
    chain: Option<Value>,
}

impl Documents {
    /// Reads what the named paths need.
    pub(crate) fn read(question: &Question, paths: &[String]) -> Self {
        let wanted = |root: &str| paths.iter().any(|path| path.split('.').next() == Some(root));
        let parse = |name: &str, text: &str| match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err(format!("`{name}` of the question is no JSON object")),
            Err(error) => Err(format!("`{name}` of the question is no JSON: {error}")),
        };
        Self {
            facts: wanted("facts").then(|| parse("facts", &question.facts)),
            request: wanted("request").then(|| parse("request", &question.detail)),
            chain: wanted("chain").then(|| chain(question)),
        }
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

/// The values that an expression's names stand for.
#[derive(Debug)]
pub(crate) struct Bindings<'d> {
    values: Vec<(&'d str, Box<dyn Val + 'd>)>,
    broken: Vec<(&'d str, String)>,
    patterns: &'d [Pattern],
}

impl<'d> Bindings<'d> {
    /// Gives a value to each of the named paths.
    pub(crate) fn new(
        question: &'d Question,
        documents: &'d Documents,
        paths: &'d [String],
        patterns: &'d [Pattern],
    ) -> Self {
        let mut bindings = Self { values: Vec::with_capacity(paths.len()), broken: Vec::new(), patterns };
        for path in paths {
            match value(question, documents, path) {
                Ok(value) => bindings.values.push((path, value)),
                Err(why) => bindings.broken.push((path, why)),
            }
        }
        bindings
    }

    /// Gives the value of a path.
    pub(super) fn get(&self, path: &str) -> Option<&(dyn Val + 'd)> {
        let (_, value) = self.values.iter().find(|(known, _)| *known == path)?;
        Some(value.as_ref())
    }

    /// Tells why one of these paths has no value.
    pub(crate) fn broken(&self, uses: &[String]) -> Option<&str> {
        if self.broken.is_empty() {
            return None;
        }
        let found = self.broken.iter().find(|(path, _)| uses.iter().any(|used| used == path));
        found.map(|(_, why)| why.as_str())
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

fn value<'d>(
    question: &'d Question,
    documents: &'d Documents,
    path: &str,
) -> Result<Box<dyn Val + 'd>, String> {
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
        "chain" => documents.chain.as_ref().map_or_else(null, from_json),
        "request" => from_json(document("request", documents.request.as_ref())?),
        "facts" => {
            let facts = document("facts", documents.facts.as_ref())?;
            fact(Some(facts), Type::Record(schema::FACTS), rest)
        }
        // The check lets no other name through.
        _ => return Err(format!("`{path}` is not known")),
    })
}

fn document<'d>(name: &str, parsed: Option<&'d Result<Value, String>>) -> Result<&'d Value, String> {
    match parsed {
        Some(Ok(value)) => Ok(value),
        Some(Err(why)) => Err(why.clone()),
        None => Err(format!("`{name}` was not read")),
    }
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
