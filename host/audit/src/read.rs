//! Reading records, for people and machines that want to see some of them.

use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom};
use std::path::Path;

use pointsman_model::Timestamp;
use serde_json::Value;

use crate::error::failed;
use crate::files::Folder;
use crate::{AuditError, lines};

/// Which records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of the run whose id begins so; also where it stands in the chain of principals.
    pub run: Option<String>,
    /// Those of these kinds; empty for all.
    pub kinds: Vec<String>,
    /// Those of this time or later.
    pub since: Option<Timestamp>,
}

impl Filter {
    /// Says whether a record is meant.
    #[must_use]
    pub fn takes(&self, record: &Value) -> bool {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let kind = text(record, "kind").unwrap_or_default();
        let at = text(record, "at").and_then(|at| at.parse::<Timestamp>().ok());
        let begins = |value: &Value, run: &str| text(value, "run_id").is_some_and(|id| id.starts_with(run));
        let of_run = |run: &String| {
            let chain = record.get("chain").and_then(Value::as_array);
            begins(record, run) || chain.is_some_and(|chain| chain.iter().any(|one| begins(one, run)))
        };
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.since.is_none_or(|since| at.is_some_and(|at| at >= since))
            && self.run.as_ref().is_none_or(of_run)
    }
}

/// Reads records from the first on, and goes on where it stopped when it is asked again.
///
/// Lines that are no records are passed over: [`crate::verify`] tells of them.
#[derive(Debug)]
pub struct Reader {
    folder: Folder,
    /// The file, and how far it was read.
    place: Option<(u32, u64)>,
}

impl Reader {
    /// Begins with the first record of a state folder's log.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self { folder: Folder::of(state), place: None }
    }

    /// Hands on what was written since the last call.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or the receiver fails.
    pub fn read<E: From<AuditError>>(
        &mut self,
        mut take: impl FnMut(Value) -> Result<(), E>,
    ) -> Result<(), E> {
        for number in self.folder.numbers()? {
            let from = match self.place {
                Some((done, _)) if number < done => continue,
                Some((done, upto)) if number == done => upto,
                _ => 0,
            };
            let upto = self.file(number, from, &mut take)?;
            self.place = Some((number, upto));
        }
        Ok(())
    }

    fn file<E: From<AuditError>>(
        &self,
        number: u32,
        from: u64,
        take: &mut impl FnMut(Value) -> Result<(), E>,
    ) -> Result<u64, E> {
        let path = self.folder.file(number);
        let unreadable = failed("read", &path);
        let file = match File::open(&path) {
            // Rotation took it away meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(from),
            other => other.map_err(&unreadable)?,
        };
        let mut file = BufReader::new(file);
        file.seek(SeekFrom::Start(from)).map_err(&unreadable)?;
        let mut upto = from;
        while let Some(line) = lines::next(&mut file).map_err(&unreadable)? {
            if !line.ended {
                // It may still be being written.
                break;
            }
            upto += line.bytes.len() as u64 + 1;
            if let Ok(value @ Value::Object(_)) = serde_json::from_slice(&line.bytes) {
                take(value)?;
            }
        }
        Ok(upto)
    }
}
