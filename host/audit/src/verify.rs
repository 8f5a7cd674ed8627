//! Looking through the whole log for anything that was changed, removed, inserted or moved.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use pointsman_model::Digest;
use serde::Serialize;
use serde_json::Value;

use crate::error::failed;
use crate::files::Folder;
use crate::record::{self, Whole, origin};
use crate::{AuditError, Fact, Head, head, lines};

/// Faults that are told of, at most.
const TOLD: usize = 100;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

/// Something out of the ordinary that is accounted for.
pub type Note = Fault;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Records read.
    pub records: u64,
    /// Files read.
    pub files: u64,
    /// The newest record.
    pub head: Option<Head>,
    /// What is not as it was written; of very many, the first. Empty: the log is whole.
    pub faults: Vec<Fault>,
    /// What is out of the ordinary and accounted for: lines torn by a crash, files removed by rotation.
    pub notes: Vec<Note>,
    /// The runs that records name, if these are all that were ever written; none if some are known to be gone.
    #[serde(skip)]
    pub runs: Option<BTreeSet<String>>,
}

/// Reads the whole log of a state folder. `known` are digests of records that somebody noted elsewhere: each must be
/// there.
///
/// # Errors
///
/// If a file cannot be read.
pub fn verify(state: &Path, known: &[Digest]) -> Result<Report, AuditError> {
    let folder = Folder::of(state);
    let numbers = folder.numbers()?;
    let _steady = if numbers.is_empty() { None } else { folder.lock_to_read()? };
    let numbers = folder.numbers()?;
    let head = head::read(folder.head())?;
    let mut check = Check::new(head, known);
    let mut before = None;
    for number in &numbers {
        let path = folder.file(*number);
        check.number = *number;
        if before.is_some_and(|before: u32| before.checked_add(1) != Some(*number)) {
            check.fault(&path, 0, "the file before it is missing".to_owned());
        }
        before = Some(*number);
        check.file(&path, Some(number) == numbers.last())?;
    }
    Ok(check.finish(&folder, numbers.len() as u64))
}

struct Check<'a> {
    head: Option<Head>,
    known: Vec<&'a Digest>,
    /// The file that is being read.
    number: u32,
    records: u64,
    last: Option<Head>,
    /// The first record, if it is not the first of all.
    late: Option<(PathBuf, Head)>,
    pruned: Vec<Head>,
    /// Digest of the record that the head names, once it was read.
    at_head: Option<Digest>,
    /// The runs that records name.
    runs: BTreeSet<String>,
    /// Whether records were missed.
    missed: bool,
    faults: Vec<Fault>,
    notes: Vec<Note>,
    more: u64,
}

impl<'a> Check<'a> {
    fn new(head: Option<Head>, known: &'a [Digest]) -> Self {
        Self {
            head,
            known: known.iter().collect(),
            number: 0,
            records: 0,
            last: None,
            late: None,
            pruned: Vec::new(),
            at_head: None,
            runs: BTreeSet::new(),
            missed: false,
            faults: Vec::new(),
            notes: Vec::new(),
            more: 0,
        }
    }

    fn fault(&mut self, file: &Path, line: u64, what: String) {
        if self.faults.len() < TOLD {
            self.faults.push(Fault { file: file.to_owned(), line, what });
        } else {
            self.more += 1;
        }
    }

    fn note(&mut self, file: &Path, line: u64, what: String) {
        if self.notes.len() < TOLD {
            self.notes.push(Note { file: file.to_owned(), line, what });
        }
    }

    fn file(&mut self, path: &Path, newest: bool) -> Result<(), AuditError> {
        let unreadable = failed("read", path);
        // Whoever puts something else in its place, a pipe say, keeps nobody waiting.
        if !path.symlink_metadata().map_err(&unreadable)?.is_file() {
            self.fault(path, 0, "replaced: it is no file any more".to_owned());
            return Ok(());
        }
        let mut from = BufReader::new(File::open(path).map_err(&unreadable)?);
        // Lines that are no records, until the next record says what became of them.
        let mut doubtful = Doubtful::default();
        let mut number = 0;
        let mut goes_on = false;
        while let Some(line) = lines::next(&mut from).map_err(&unreadable)? {
            let is_piece = std::mem::replace(&mut goes_on, line.goes_on);
            if is_piece {
                doubtful.go_on(&line);
                continue;
            }
            number += 1;
            match record::read(&line.bytes) {
                _ if line.goes_on => doubtful.add(number, "no record: longer than any".to_owned(), &line),
                Ok(whole) if line.ended || newest => {
                    self.account(path, &mut doubtful, Some(&whole));
                    self.whole(path, number, &whole);
                    if !line.ended {
                        self.note(path, number, "the line lacks its end".to_owned());
                    }
                }
                Ok(_) => doubtful.add(number, "changed: the line lacks its end".to_owned(), &line),
                Err(why) => doubtful.add(number, why, &line),
            }
        }
        if newest && doubtful.bytes.last().is_some_and(|byte| *byte != b'\n') {
            for (line, _) in std::mem::take(&mut doubtful.lines) {
                let what = "torn: it was not written to its end; the next record that is written says so";
                self.note(path, line, what.to_owned());
            }
        }
        self.account(path, &mut doubtful, None);
        Ok(())
    }

    /// Says what became of the lines before a record: the record may account for them.
    fn account(&mut self, path: &Path, doubtful: &mut Doubtful, by: Option<&Whole>) {
        let Doubtful { lines, bytes } = std::mem::take(doubtful);
        if lines.is_empty() {
            return;
        }
        let accounted = matches!(by.and_then(Whole::fact), Some(Fact::Torn { digest, .. })
            if bytes.strip_suffix(b"\n").is_some_and(|bytes| digest == Digest::of(bytes)));
        for (line, why) in lines {
            if accounted {
                self.note(path, line, "torn: its writer died, and the next record says so".to_owned());
            } else {
                self.fault(path, line, why);
            }
        }
    }

    /// Holds a record against the one before it.
    fn whole(&mut self, path: &Path, line: u64, whole: &Whole) {
        let this = Head { seq: whole.seq, hash: whole.hash };
        match self.last {
            Some(last) if whole.seq != last.seq.saturating_add(1) => {
                let what = format!(
                    "record {} where {} should stand: records were removed, inserted or moved",
                    whole.seq,
                    last.seq.saturating_add(1)
                );
                self.fault(path, line, what);
            }
            Some(last) if whole.prev != last.hash => {
                let what = format!(
                    "record {} does not follow from the record before it: one of the two was replaced",
                    whole.seq
                );
                self.fault(path, line, what);
            }
            Some(_) => {}
            None if whole.seq == 1 && whole.prev == origin() => {
                if self.number != 1 {
                    self.fault(path, 0, "the first file has another name: files were renamed".to_owned());
                }
            }
            None => {
                let before = Head { seq: whole.seq.saturating_sub(1), hash: whole.prev };
                self.late = Some((path.to_owned(), before));
            }
        }
        match whole.fact() {
            Some(Fact::Pruned { through, digest }) => {
                self.pruned.push(Head { seq: through, hash: digest });
                self.note(
                    path,
                    line,
                    format!("files with the records up to {through} were removed by rotation"),
                );
            }
            Some(Fact::Gap { known: 0, .. }) => {
                self.fault(path, line, "the head of the log was missing when this was written".to_owned());
            }
            Some(Fact::Gap { known, found }) => {
                let what = format!(
                    "the log ended with record {found} when this was written, and record {known} had been written \
                     before: its end was cut or replaced"
                );
                self.fault(path, line, what);
            }
            Some(Fact::Missed { records }) => {
                self.missed = true;
                self.note(path, line, format!("{records} records before it could not be written"));
            }
            _ => {}
        }
        if self.head.is_some_and(|head| head.seq == whole.seq) {
            self.at_head = Some(whole.hash);
        }
        if let Some(run) = whole.value.get("run_id").and_then(Value::as_str)
            && !self.runs.contains(run)
        {
            self.runs.insert(run.to_owned());
        }
        self.known.retain(|known| **known != whole.hash);
        self.last = Some(this);
        self.records += 1;
    }

    fn finish(mut self, folder: &Folder, files: u64) -> Report {
        let all = self.late.is_none() && !self.missed;
        if let Some((path, before)) = self.late.take() {
            let named = |pruned: &Head| {
                pruned.seq > before.seq || (pruned.seq == before.seq && pruned.hash == before.hash)
            };
            if !self.pruned.iter().any(named) {
                let what =
                    format!("the log begins behind record {}: what stood before was removed", before.seq);
                self.fault(&path, 1, what);
            }
        }
        let at = folder.head().to_owned();
        let ends = self.last.map_or(0, |last| last.seq);
        match self.head {
            None if self.records > 0 => {
                self.fault(
                    &at,
                    0,
                    "missing or unreadable: whether the end of the log was cut cannot be told".to_owned(),
                );
            }
            Some(head) if head.seq > ends => {
                let what = format!(
                    "it names record {}, and the log ends with record {ends}: its end was cut",
                    head.seq
                );
                self.fault(&at, 0, what);
            }
            Some(head) if head.seq > 0 && self.at_head != Some(head.hash) => {
                let what = format!("record {} is not the one that it names: the log was replaced", head.seq);
                self.fault(&at, 0, what);
            }
            _ => {}
        }
        for known in std::mem::take(&mut self.known) {
            self.fault(&at, 0, format!("no record has the digest {known}, which was noted elsewhere"));
        }
        if self.more > 0 {
            let what = format!("and {} more", self.more);
            self.faults.push(Fault { file: at, line: 0, what });
        }
        Report {
            records: self.records,
            files,
            head: self.last,
            faults: self.faults,
            notes: self.notes,
            runs: all.then_some(self.runs),
        }
    }
}

/// Lines that are no records, one behind the other.
#[derive(Default)]
struct Doubtful {
    lines: Vec<(u64, String)>,
    bytes: Vec<u8>,
}

impl Doubtful {
    fn add(&mut self, number: u64, why: String, line: &lines::Line) {
        self.go_on(line);
        if self.lines.len() < TOLD {
            self.lines.push((number, why));
        }
    }

    /// Takes one more piece of the last line.
    fn go_on(&mut self, line: &lines::Line) {
        // Whoever fills the file with rubbish fills no memory: nothing so long is a torn record.
        if (self.bytes.len() as u64) < 4 * record::LONGEST {
            self.bytes.extend_from_slice(&line.bytes);
            if line.ended {
                self.bytes.push(b'\n');
            }
        }
    }
}
