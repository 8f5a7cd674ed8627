//! Appending: one chain, whoever writes.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use pointsman_model::Digest;

use crate::error::failed;
use crate::files::Folder;
use crate::record::{self, Draft, Record, origin, written};
use crate::{AuditError, Fact, Head, head};

/// Which of the old files stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All.
    Forever,
    /// So many of the newest, at least one.
    Newest(u32),
}

/// How the log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A file of this size, in bytes, is followed by a new one.
    pub rotate: u64,
    /// Which of the old files stay.
    pub keep: Keep,
}

/// The end of the newest file, as this process last saw it.
#[derive(Debug)]
struct Tail {
    number: u32,
    file: File,
    length: u64,
    end: Head,
    /// What stands behind the last record, if anything: its writer died.
    torn: Vec<u8>,
    /// Whether the last line lacks its end.
    open_line: bool,
}

/// The log, opened for appending. Each append takes the lock, goes on from whatever other processes wrote, and comes
/// back when the records are on disk.
#[derive(Debug)]
pub struct Log {
    folder: Folder,
    options: Options,
    tail: Option<Tail>,
    /// The furthest that this process has seen, whatever the files say later.
    seen: Option<Head>,
    missed: u64,
}

impl Log {
    /// Opens the log of a state folder; makes its folder if it is not there. Writes no record.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made.
    pub fn open(state: &Path, options: Options) -> Result<Self, AuditError> {
        let folder = Folder::of(state);
        folder.make()?;
        Ok(Self { folder, options, tail: None, seen: None, missed: 0 })
    }

    /// Says that records could not be written; the next append records their number.
    pub fn miss(&mut self, records: u64) {
        self.missed = self.missed.saturating_add(records);
    }

    /// Appends records, all of them or none, and flushes them to disk.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or written. Nothing was appended then, unless the process dies in between.
    pub fn append(&mut self, drafts: &[Draft]) -> Result<Option<Head>, AuditError> {
        let Some(first) = drafts.first() else { return Ok(self.seen) };
        let _alone = self.folder.lock_to_write()?;
        let head = head::read(self.folder.head())?;
        let mut tail = match self.tail.take() {
            Some(tail) if self.is_current(&tail) => tail,
            _ => self.find_tail(head)?,
        };
        let mut own = Vec::new();
        if tail.end.seq == 0 {
            own.push(Fact::Began { log: random()? });
        }
        own.extend(gap(head, self.seen, tail.end));
        let mut leaving = Vec::new();
        // Whole lines that are no records are not this log's; they stay, and `verify` names them.
        if tail.open_line && !tail.torn.is_empty() {
            own.push(Fact::Torn { bytes: tail.torn.len() as u64, digest: Digest::of(&tail.torn) });
        } else if tail.length >= self.options.rotate && !tail.open_line {
            tail = self.next_file(&tail)?;
            let (pruned, files) = self.outlived(tail.number)?;
            own.extend(pruned);
            leaving = files;
        }
        if self.missed > 0 {
            own.push(Fact::Missed { records: self.missed });
        }
        let own = own.into_iter().map(|fact| Draft { at: first.at, host: first.host, fact });

        let mut text = String::new();
        if tail.open_line {
            text.push('\n');
        }
        let mut end = tail.end;
        for draft in own.chain(drafts.iter().cloned()) {
            let Draft { at, host, fact } = draft;
            let (hash, line) = written(&Record { seq: end.seq + 1, at, host, fact, prev: end.hash })?;
            end = Head { seq: end.seq + 1, hash };
            text.push_str(&line);
        }
        self.write(&mut tail, &text, end)?;
        self.tail = Some(tail);
        self.seen = Some(end);
        self.missed = 0;
        for number in leaving {
            self.folder.remove(number)?;
        }
        Ok(Some(end))
    }

    /// Writes, flushes, and moves the head; or leaves the file as it was.
    fn write(&self, tail: &mut Tail, text: &str, end: Head) -> Result<(), AuditError> {
        let path = self.folder.file(tail.number);
        let wrote = tail.file.write_all(text.as_bytes()).and_then(|()| tail.file.sync_data());
        let wrote = wrote.map_err(failed("write", &path));
        if let Err(error) = wrote.and_then(|()| head::write(self.folder.head(), end)) {
            // If this fails as well, what stands there is a torn line, which the next append marks.
            let _restored_or_marked = tail.file.set_len(tail.length).and_then(|()| tail.file.sync_data());
            return Err(error);
        }
        tail.length += text.len() as u64;
        tail.end = end;
        tail.torn.clear();
        tail.open_line = false;
        Ok(())
    }

    /// Says whether nobody else has written since.
    fn is_current(&self, tail: &Tail) -> bool {
        let Ok(held) = tail.file.metadata() else { return false };
        let named = fs::metadata(self.folder.file(tail.number));
        let same = named.is_ok_and(|now| (now.dev(), now.ino()) == (held.dev(), held.ino()));
        same && held.len() == tail.length && !self.folder.file(tail.number.saturating_add(1)).exists()
    }

    /// Looks for the last record. Makes the first file if there is none.
    fn find_tail(&self, head: Option<Head>) -> Result<Tail, AuditError> {
        let numbers = self.folder.numbers()?;
        let nothing = Head { seq: 0, hash: origin() };
        let Some(newest) = numbers.last().copied() else {
            if head.is_none() {
                // Before the first file: a log without a head is one whose head was taken away.
                head::write(self.folder.head(), nothing)?;
            }
            let file = self.folder.create(1)?;
            return Ok(Tail { number: 1, file, length: 0, end: nothing, torn: Vec::new(), open_line: false });
        };
        let file = self.folder.open(newest)?;
        let mut found = end_of(&file).map_err(failed("read", &self.folder.file(newest)))?;
        let mut end = found.end;
        for number in numbers.iter().rev().skip(1) {
            if end.is_some() {
                break;
            }
            let path = self.folder.file(*number);
            end = File::open(&path).and_then(|file| end_of(&file)).map_err(failed("read", &path))?.end;
        }
        let mut end = end.unwrap_or(nothing);
        // A line that lacks nothing but its end was written, as far as anybody can tell.
        if let Ok(whole) = record::read(&found.rest)
            && (whole.seq, whole.prev) == (end.seq + 1, end.hash)
        {
            end = Head { seq: whole.seq, hash: whole.hash };
            found.rest.clear();
        }
        Ok(Tail {
            number: newest,
            file,
            length: found.length,
            end,
            torn: found.rest,
            open_line: found.open_line,
        })
    }

    fn next_file(&self, full: &Tail) -> Result<Tail, AuditError> {
        let number = full.number.saturating_add(1);
        let file = self.folder.create(number)?;
        Ok(Tail { number, file, length: 0, end: full.end, torn: Vec::new(), open_line: false })
    }

    /// Gives what must be said before old files are removed, and which.
    fn outlived(&self, newest: u32) -> Result<(Option<Fact>, Vec<u32>), AuditError> {
        let Keep::Newest(kept) = self.options.keep else { return Ok((None, Vec::new())) };
        let numbers = self.folder.numbers()?;
        let leaving = numbers.len().saturating_sub(kept.max(1) as usize);
        let leaving: Vec<u32> = numbers.into_iter().filter(|number| *number < newest).take(leaving).collect();
        let mut last = None;
        for number in &leaving {
            let path = self.folder.file(*number);
            let end = File::open(&path).and_then(|file| end_of(&file)).map_err(failed("read", &path))?.end;
            last = end.or(last);
        }
        Ok((last.map(|end: Head| Fact::Pruned { through: end.seq, digest: end.hash }), leaving))
    }
}

/// Says whether the log ends before what is known to have been written.
fn gap(head: Option<Head>, seen: Option<Head>, end: Head) -> Option<Fact> {
    let known = match (head, seen) {
        (Some(head), Some(seen)) if seen.seq > head.seq => seen,
        (Some(head), _) => head,
        (None, Some(seen)) => return Some(Fact::Gap { known: seen.seq, found: end.seq }),
        (None, None) if end.seq == 0 => return None,
        (None, None) => Head { seq: 0, hash: origin() },
    };
    let whole = head.is_some() && (known.seq < end.seq || known == end);
    (!whole).then_some(Fact::Gap { known: known.seq, found: end.seq })
}

/// What a file ends with.
struct FileEnd {
    length: u64,
    /// Its last record, if it has any.
    end: Option<Head>,
    /// What stands behind it.
    rest: Vec<u8>,
    /// Whether the last line lacks its end.
    open_line: bool,
}

/// Reads a file from its end, as far as its last record.
fn end_of(file: &File) -> io::Result<FileEnd> {
    let length = file.metadata()?.len();
    let mut window: u64 = 64 * 1024;
    loop {
        let start = length.saturating_sub(window);
        let size = usize::try_from(length - start).map_err(io::Error::other)?;
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, start)?;
        let open_line = bytes.last().is_some_and(|byte| *byte != b'\n');
        let mut upto = bytes.len();
        while let Some(stop) = bytes.get(..upto).and_then(|head| head.iter().rposition(|byte| *byte == b'\n'))
        {
            let before = bytes.get(..stop).unwrap_or_default();
            let from = before.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
            let from = match from {
                Some(from) => from,
                None if start == 0 => 0,
                None => break,
            };
            if let Some(whole) = before.get(from..).and_then(|line| record::read(line).ok()) {
                let end = Some(Head { seq: whole.seq, hash: whole.hash });
                return Ok(FileEnd { length, end, rest: bytes.split_off(stop + 1), open_line });
            }
            upto = stop;
        }
        if start == 0 {
            return Ok(FileEnd { length, end: None, rest: bytes, open_line });
        }
        window = window.saturating_mul(4);
    }
}

fn random() -> Result<String, AuditError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| AuditError::Unwritable { why: error.to_string() })?;
    Ok(hex::encode(bytes))
}
