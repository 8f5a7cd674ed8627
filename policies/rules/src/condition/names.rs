//! The documented names that the rules of a file read, each with its place in a question.

use super::schema::{self, Type};

/// Where a value is found.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    Action,
    Backend,
    Role,
    Cwd,
    Access,
    AccessLevel,
    Depth,
    Now,
    Chain,
    Request,
    /// Below `facts`: the names on the way, and what is documented to be there.
    Fact(Vec<&'static str>, Type),
}

/// Every documented path that some rule reads.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<(String, Place)>);

impl Names {
    /// Gives the number of a path, which it has from now on. Nothing is given for a path that is not documented.
    pub(super) fn number(&mut self, path: &str) -> Option<usize> {
        if let Some(known) = self.find(path) {
            return Some(known);
        }
        self.0.push((path.to_owned(), place(path)?));
        Some(self.0.len() - 1)
    }

    /// Gives the number of a path that has one.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == path)
    }

    pub(super) fn place(&self, number: usize) -> Option<&Place> {
        self.0.get(number).map(|(_, place)| place)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn place(path: &str) -> Option<Place> {
    let (root, rest) = path.split_once('.').unwrap_or((path, ""));
    Some(match root {
        "action" => Place::Action,
        "backend" => Place::Backend,
        "role" => Place::Role,
        "cwd" => Place::Cwd,
        "access" => Place::Access,
        "access_level" => Place::AccessLevel,
        "depth" => Place::Depth,
        "now" => Place::Now,
        "chain" => Place::Chain,
        "request" => Place::Request,
        "facts" => {
            let mut kind = Type::Record(schema::FACTS);
            let mut way = Vec::new();
            for name in rest.split('.').filter(|name| !name.is_empty()) {
                let Type::Record(fields) = kind else { return None };
                let field = schema::find(fields, name)?;
                way.push(field.name);
                kind = field.kind;
            }
            Place::Fact(way, kind)
        }
        _ => return None,
    })
}
