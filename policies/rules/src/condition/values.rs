//! The values of a question, as conditions see them.
//!
//! Only what a rule really reads is made, and JSON is parsed only then: most rules look at the action first, and a
//! prompt may be long. Texts are borrowed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelTimestamp, CelUInt,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use chrono::DateTime;

use super::document::Document;
use super::functions::Pattern;
use super::names::{Names, Place};
use super::schema::{self, Type};
use crate::contract::{Access, Question};

/// How a compiled pattern is named in an expression. No source can spell it.
pub(crate) const PATTERN: &str = "@pattern";

/// What has to be parsed or built before values can borrow from it.
#[derive(Debug)]
pub(crate) struct Documents<'q> {
    question: &'q Question,
    facts: OnceLock<Result<Document<'q>, String>>,
    request: OnceLock<Result<Document<'q>, String>>,
    chain: OnceLock<Document<'q>>,
}

impl<'q> Documents<'q> {
    /// Takes the documents of a question.
    pub(crate) fn of(question: &'q Question) -> Self {
        Self { question, facts: OnceLock::new(), request: OnceLock::new(), chain: OnceLock::new() }
    }

    fn facts(&self) -> Result<&Document<'q>, &String> {
        self.facts.get_or_init(|| Document::object("facts", &self.question.facts)).as_ref()
    }

    fn request(&self) -> Result<&Document<'q>, &String> {
        self.request.get_or_init(|| Document::object("request", &self.question.detail)).as_ref()
    }

    fn chain(&self) -> &Document<'q> {
        self.chain.get_or_init(|| chain(self.question))
    }
}

fn chain(question: &Question) -> Document<'_> {
    let text = |text| Document::Text(Cow::Borrowed(text));
    let principals = question.chain.iter().map(|principal| {
        Document::Map(vec![
            (Cow::Borrowed("name"), text(principal.name.as_str())),
            (Cow::Borrowed("role"), text(principal.role.as_str())),
            (Cow::Borrowed("run_id"), principal.run_id.as_deref().map_or(Document::Null, text)),
            (Cow::Borrowed("depth"), Document::Int(i64::from(principal.depth))),
        ])
    });
    Document::List(principals.collect())
}

/// A value, or why there is none.
type Made<'d> = Result<Box<dyn Val + 'd>, String>;

/// A value that is compared without being made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Glance<'d> {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'d str),
}

/// The values that an expression's names stand for.
#[derive(Debug)]
pub(crate) struct Bindings<'d> {
    documents: &'d Documents<'d>,
    names: &'d Names,
    /// As many as there are names.
    values: Vec<OnceLock<Made<'d>>>,
    patterns: &'d [Pattern],
}

impl<'d> Bindings<'d> {
    /// Prepares to give a value to each of the names.
    pub(crate) fn new(documents: &'d Documents<'d>, names: &'d Names, patterns: &'d [Pattern]) -> Self {
        let values = std::iter::repeat_with(OnceLock::new).take(names.len()).collect();
        Self { documents, names, values, patterns }
    }

    fn get(&self, number: usize) -> Option<&(dyn Val + 'd)> {
        let made = self.values.get(number)?;
        let place = self.names.place(number)?;
        made.get_or_init(|| value(self.documents, place)).as_ref().ok().map(AsRef::as_ref)
    }

    /// Looks at a value, or at what lies below it by these names, if it is a simple one that is there.
    pub(super) fn glance(&self, number: usize, below: &[String]) -> Option<Glance<'d>> {
        let question = self.documents.question;
        let text = |text: Option<&'d str>| Some(text.map_or(Glance::Null, Glance::Text));
        let int = |number: i64| Some(Glance::Int(number));
        match self.names.place(number)? {
            Place::Action => text(Some(&question.action)),
            Place::Backend => text(question.backend.as_deref()),
            Place::Role => text(question.role.as_deref()),
            Place::Cwd => text(question.cwd.as_deref()),
            Place::Access => text(question.access.map(|access| schema::ACCESS[level(access)])),
            Place::AccessLevel => {
                question.access.map_or(Some(Glance::Null), |access| int(i64::try_from(level(access)).ok()?))
            }
            Place::Depth => int(i64::try_from(question.chain.len()).ok()?),
            Place::Now | Place::Chain => None,
            Place::Request => glance(self.below(number, below)?),
            Place::Fact(_, Type::Record(_) | Type::List(_)) => None,
            Place::Fact(way, _) => {
                let facts = self.documents.facts().ok()?;
                // What was not gathered is null.
                way.iter().try_fold(facts, |at, name| at.get(name)).map_or(Some(Glance::Null), glance)
            }
        }
    }

    /// Tells whether a map of the request has a member, if it is a map.
    pub(super) fn has(&self, number: usize, below: &[String]) -> Option<bool> {
        let (last, parents) = below.split_last()?;
        match self.below(number, parents)? {
            map @ Document::Map(_) => Some(map.get(last).is_some()),
            _ => None,
        }
    }

    fn below(&self, number: usize, below: &[String]) -> Option<&'d Document<'d>> {
        match self.names.place(number)? {
            Place::Request => {
                let request = self.documents.request().ok()?;
                below.iter().try_fold(request, |at, name| at.get(name))
            }
            _ => None,
        }
    }

    /// Tells why one of these values, which was asked for, is not there.
    pub(crate) fn broken(&self, uses: &[usize]) -> Option<&str> {
        let asked = uses.iter().filter_map(|number| self.values.get(*number));
        asked.filter_map(|made| made.get()?.as_ref().err()).map(String::as_str).next()
    }
}

impl VariableResolver for Bindings<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(number) = variable.strip_prefix(PATTERN) {
            let pattern = self.patterns.get(number.parse::<usize>().ok()?)?;
            return Some(CowVal::Borrowed(pattern));
        }
        self.get(self.names.find(variable)?).map(CowVal::Borrowed)
    }
}

fn glance<'d>(value: &'d Document<'d>) -> Option<Glance<'d>> {
    match value {
        Document::Null => Some(Glance::Null),
        Document::Bool(truth) => Some(Glance::Bool(*truth)),
        Document::Int(number) => Some(Glance::Int(*number)),
        Document::Text(text) => Some(Glance::Text(text)),
        Document::Large(_) | Document::Double(_) | Document::List(_) | Document::Map(_) => None,
    }
}

fn value<'d>(documents: &'d Documents<'d>, place: &Place) -> Made<'d> {
    let question = documents.question;
    Ok(match place {
        Place::Action => text(Some(&question.action)),
        Place::Backend => text(question.backend.as_deref()),
        Place::Role => text(question.role.as_deref()),
        Place::Cwd => text(question.cwd.as_deref()),
        Place::Access => text(question.access.map(|access| schema::ACCESS[level(access)])),
        Place::AccessLevel => question.access.map_or_else(null, |access| int(level(access))),
        Place::Depth => int(question.chain.len()),
        Place::Now => {
            let millis = i64::try_from(question.at).ok();
            let now = millis.and_then(DateTime::from_timestamp_millis);
            let now = now.ok_or("`now` of the question is no time")?;
            Box::new(CelTimestamp::from(now.fixed_offset()))
        }
        Place::Chain => shown(documents.chain()),
        Place::Request => shown(documents.request()?),
        Place::Fact(way, kind) => {
            let facts = documents.facts()?;
            fact(way.iter().try_fold(facts, |at, name| at.get(name)), *kind)
        }
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

/// Shows a fact. What the host did not gather is null, at every level of the documented shape.
fn fact<'d>(value: Option<&'d Document<'d>>, kind: Type) -> Box<dyn Val + 'd> {
    let Type::Record(fields) = kind else { return value.map_or_else(null, shown) };
    let mut map: HashMap<CelMapKey<'d>, Box<dyn Val + 'd>> = HashMap::with_capacity(fields.len());
    for field in fields {
        let inner = value.and_then(|value| value.get(field.name));
        map.insert(CelMapKey::from(field.name), fact(inner, field.kind));
    }
    Box::new(CelMap::from(map))
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
fn shown<'d>(value: &'d Document<'d>) -> Box<dyn Val + 'd> {
    match value {
        Document::Null => null(),
        Document::Bool(truth) => Box::new(CelBool::from(*truth)),
        Document::Int(number) => Box::new(CelInt::from(*number)),
        Document::Large(number) => Box::new(CelUInt::from(*number)),
        Document::Double(number) => Box::new(CelDouble::from(*number)),
        Document::Text(content) => text(Some(content)),
        Document::List(elements) => {
            Box::new(CelList::from(elements.iter().map(shown).collect::<Vec<Box<dyn Val + 'd>>>()))
        }
        Document::Map(members) => {
            let members = members.iter().map(|(key, value)| (CelMapKey::from(key.as_ref()), shown(value)));
            Box::new(CelMap::from(members.collect::<HashMap<CelMapKey<'d>, Box<dyn Val + 'd>>>()))
        }
    }
}
