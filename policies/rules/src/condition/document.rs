//! JSON of a question, read once and borrowed: nothing in it is copied that has no escapes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Debug, PartialEq)]
pub(super) enum Document<'q> {
    Null,
    Bool(bool),
    Int(i64),
    /// A number above all of `Int`.
    Large(u64),
    Double(f64),
    Text(Cow<'q, str>),
    List(Vec<Self>),
    Map(Vec<(Cow<'q, str>, Self)>),
}

impl<'q> Document<'q> {
    /// Reads an object.
    ///
    /// # Errors
    ///
    /// If it is none; `name` says whose it is.
    pub(super) fn object(name: &str, text: &'q str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(map @ Self::Map(_)) => Ok(map),
            Ok(_) => Err(format!("`{name}` of the question is no JSON object")),
            Err(error) => Err(format!("`{name}` of the question is no JSON: {error}")),
        }
    }

    /// Gives a member of an object; the last stands if several have the name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Document<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Document<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Document::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Document::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Document::Large(number), Document::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Document::Double(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Document::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Document::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Document::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = members.next_entry()? {
            match key {
                Document::Text(key) => map.push((key, value)),
                _ => return Err(A::Error::custom("a key that is no text")),
            }
        }
        Ok(Document::Map(map))
    }
}
