//! Sizes of JSON without writing it.

use std::io;

use serde::Serialize;

/// Counts what is written to it.
struct Scale(usize);

impl io::Write for Scale {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives the bytes that a value takes as compact JSON.
pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> usize {
    let mut scale = Scale(0);
    match serde_json::to_writer(&mut scale, value) {
        Ok(()) => scale.0,
        // JSON values and texts can always be written; if not, the value is too heavy to stay.
        Err(_) => usize::MAX / 2,
    }
}
