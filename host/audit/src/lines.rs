//! Lines of a file, with a bound on what is read for one of them.

use std::io::{self, BufRead, Read as _};

use crate::record::LONGEST;

/// One line.
pub(crate) struct Line {
    /// Its bytes, without its end.
    pub(crate) bytes: Vec<u8>,
    /// Whether its end is there.
    pub(crate) ended: bool,
    /// Whether there may be more of it: it is longer than any record.
    pub(crate) goes_on: bool,
}

/// Reads the next line; `None` at the end. One that is longer than any record comes in pieces that do not end.
pub(crate) fn next(from: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    from.take(LONGEST + 1).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let ended = bytes.last() == Some(&b'\n');
    let goes_on = !ended && bytes.len() as u64 > LONGEST;
    if ended {
        bytes.pop();
    }
    Ok(Some(Line { bytes, ended, goes_on }))
}
