//! How payload is put into the database and taken out of it.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pointsman_model::{Digest, RunId, RunSpec};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Column;
use super::cipher::{DataKey, Unopened};
use crate::StoreError;
use crate::write::json_text;

/// How a state's payload is put into the database: as text, or sealed. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Codec {
    key: Option<Arc<DataKey>>,
    /// What everybody is told who reads or writes payload of a state that was opened without its key.
    locked: Option<Arc<StoreError>>,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (&self.key, &self.locked) {
            (_, Some(_)) => "locked",
            (None, None) => "plain",
            (Some(_), None) => "encrypted",
        })
    }
}

/// A value as it lies in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stored<'a> {
    /// As it is.
    Text(Cow<'a, str>),
    /// Sealed.
    Sealed(Vec<u8>),
}

impl Stored<'_> {
    /// Gives how many bytes it takes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Sealed(bytes) => bytes.len(),
        }
    }
}

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Sealed(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Where a run's spec says through which face it was asked for: what `specs_published` indexes.
const FACE: [&str; 3] = ["agent", "client", "context_id"];

impl Codec {
    /// Seals with a data key.
    pub(super) fn sealed(key: DataKey) -> Self {
        Self { key: Some(Arc::new(key)), locked: None }
    }

    /// Gives no payload out and takes none, for a reason.
    pub(crate) fn locked(why: StoreError) -> Self {
        Self { key: None, locked: Some(Arc::new(why)) }
    }

    /// Gives the key, if payload is encrypted.
    fn key(&self) -> Result<Option<&DataKey>, StoreError> {
        match &self.locked {
            Some(why) => Err(StoreError::clone(why)),
            None => Ok(self.key.as_deref()),
        }
    }

    /// Makes of a text what is stored in a column and a row.
    pub(crate) fn put<'a>(
        &self,
        column: Column,
        row: impl Display,
        text: impl Into<Cow<'a, str>>,
    ) -> Result<Stored<'a>, StoreError> {
        let text = text.into();
        match self.key()? {
            None => Ok(Stored::Text(text)),
            Some(key) => Ok(Stored::Sealed(key.close(column.name(), &row, text.as_bytes())?)),
        }
    }

    /// Makes of a value what is stored as JSON in a column and a row.
    pub(crate) fn put_json(
        &self,
        column: Column,
        row: impl Display,
        value: &impl serde::Serialize,
    ) -> Result<Stored<'static>, StoreError> {
        self.put(column, row, json_text(value))
    }

    /// Reads a text out of a column and a row.
    pub(crate) fn text<'a>(
        &self,
        column: Column,
        row: impl Display,
        stored: ValueRef<'a>,
    ) -> Result<Cow<'a, str>, StoreError> {
        match (self.key()?, stored) {
            (None, ValueRef::Text(text)) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(_) => Err(damaged(column, &row, "is not UTF-8")),
            },
            (Some(key), ValueRef::Blob(sealed)) => {
                let plain =
                    key.open(column.name(), &row, sealed).map_err(|why| unopened(column, &row, key, why))?;
                let text = String::from_utf8(plain).map_err(|_| damaged(column, &row, "is not UTF-8"))?;
                Ok(Cow::Owned(text))
            }
            (None, _) => Err(damaged(column, &row, "is no text, though this state is not encrypted")),
            (Some(_), _) => Err(damaged(column, &row, "is not encrypted, though this state is")),
        }
    }

    /// Seals bytes for a column and a row; nothing where payload is stored as it is.
    pub(crate) fn put_bytes(
        &self,
        column: Column,
        row: impl Display,
        plain: &[u8],
    ) -> Option<Result<Vec<u8>, StoreError>> {
        let key = self.key().transpose()?;
        Some(key.and_then(|key| key.close(column.name(), &row, plain)))
    }

    /// Opens what [`Codec::put_bytes`] made.
    pub(crate) fn bytes(
        &self,
        column: Column,
        row: impl Display,
        sealed: &[u8],
    ) -> Option<Result<Vec<u8>, StoreError>> {
        let open = |key: &DataKey| {
            key.open(column.name(), &row, sealed).map_err(|why| unopened(column, &row, key, why))
        };
        let key = self.key().transpose()?;
        Some(key.and_then(open))
    }

    /// Reads JSON out of a column and a row.
    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        column: Column,
        row: impl Display + Copy,
        stored: ValueRef<'_>,
    ) -> Result<T, StoreError> {
        let text = self.text(column, row, stored)?;
        serde_json::from_str(&text)
            .map_err(|error| damaged(column, &row, &format!("cannot be read: {error}")))
    }

    /// Makes what is stored of a run's spec. Sealed, it is still JSON: the indexed words are where they are without
    /// encryption, but keyed.
    pub(crate) fn put_spec(&self, run: RunId, spec: &RunSpec) -> Result<String, StoreError> {
        self.put_spec_text(run, json_text(spec), &spec.metadata)
    }

    pub(super) fn put_spec_text(
        &self,
        run: RunId,
        text: String,
        metadata: &Map<String, Value>,
    ) -> Result<String, StoreError> {
        let Some(key) = self.key()? else { return Ok(text) };
        let asked = metadata.get("a2a").and_then(Value::as_object);
        let mut face = Map::new();
        for word in FACE {
            if let Some(text) = asked.and_then(|asked| asked.get(word)).and_then(Value::as_str) {
                face.insert(word.to_owned(), self.face(word, text).into());
            }
        }
        let sealed = key.close(Column::Spec.name(), &run, text.as_bytes())?;
        let mut stored = json!({ "sealed": BASE64_STANDARD.encode(sealed) });
        if !face.is_empty() {
            stored["metadata"] = json!({ "a2a": face });
        }
        Ok(stored.to_string())
    }

    /// Reads a run's spec.
    pub(crate) fn spec(&self, run: RunId, stored: &str) -> Result<RunSpec, StoreError> {
        let text = self.spec_text(run, stored)?;
        serde_json::from_str(&text)
            .map_err(|error| damaged(Column::Spec, &run, &format!("cannot be read: {error}")))
    }

    /// Reads a run's spec as JSON.
    pub(crate) fn spec_text<'a>(&self, run: RunId, stored: &'a str) -> Result<Cow<'a, str>, StoreError> {
        let Some(key) = self.key()? else { return self.text(Column::Spec, run, stored.into()) };
        let sealed = serde_json::from_str::<Map<String, Value>>(stored).ok();
        let sealed = sealed.as_ref().and_then(|it| it.get("sealed")).and_then(Value::as_str);
        let Some(sealed) = sealed else {
            return Err(damaged(Column::Spec, &run, "is not encrypted, though this state is"));
        };
        let sealed = BASE64_STANDARD
            .decode(sealed)
            .map_err(|_| unopened(Column::Spec, &run, key, Unopened::Formless))?;
        Ok(Cow::Owned(self.text(Column::Spec, run, ValueRef::Blob(&sealed))?.into_owned()))
    }

    /// Gives the form in which a word of [`FACE`] is indexed.
    pub(crate) fn face<'a>(&self, word: &str, text: &'a str) -> Cow<'a, str> {
        match &self.key {
            None => Cow::Borrowed(text),
            Some(key) => Cow::Owned(key.keyed(word, text)),
        }
    }

    /// Gives the form in which the digest of a content is indexed.
    pub(crate) fn content(&self, digest: Digest) -> String {
        match &self.key {
            None => digest.to_string(),
            Some(key) => key.keyed("contents.digest", &digest.to_string()),
        }
    }
}

fn damaged(column: Column, row: &dyn Display, why: &str) -> StoreError {
    StoreError::Damaged { what: format!("{} of {row} {why}", column.name()) }
}

fn unopened(column: Column, row: &dyn Display, key: &DataKey, why: Unopened) -> StoreError {
    let why = match why {
        Unopened::Formless => "is no encrypted value".to_owned(),
        Unopened::OtherKey(found) => {
            format!("is encrypted with data key {found}, and this state has data key {}", key.number())
        }
        Unopened::Changed => "does not decrypt: it was changed, or belongs to another row".to_owned(),
    };
    damaged(column, row, &why)
}
