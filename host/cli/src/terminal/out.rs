//! Standard output, and messages on standard error.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::paint::{ColorChoice, Paint};
use crate::failure::Failure;

/// How a command answers: text for people or JSON for machines, on standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    json: bool,
    paint: Paint,
    width: Option<u16>,
}

impl Out {
    /// Looks at the terminal, once.
    pub(crate) fn new(json: bool, color: ColorChoice) -> Self {
        let terminal = io::stdout().is_terminal();
        Self { json, paint: Paint::new(color, terminal), width: terminal.then(terminal_width).flatten() }
    }

    /// Says whether JSON was asked for.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Gives the colours of standard output.
    pub(crate) fn paint(self) -> Paint {
        self.paint
    }

    /// Gives the terminal's width, if there is a terminal.
    pub(crate) fn width(self) -> Option<u16> {
        self.width
    }

    /// Writes a value as one line of JSON.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let mut line = serde_json::to_string(value).map_err(Failure::internal)?;
        line.push('\n');
        self.raw(&line)
    }

    /// Writes a line for people.
    pub(crate) fn line(self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.raw(&format!("{}\n", text.as_ref()))
    }

    /// Writes a text as it is.
    pub(crate) fn raw(self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            // The reader has seen enough, as in `pointsman runs list | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => Err(Failure::error(format!("cannot write to standard output: {error}"))),
        }
    }
}

/// Says something beside the answer, on standard error.
pub(crate) fn say(text: impl AsRef<str>) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(io::stderr(), "{}", text.as_ref());
}

/// Gives the width of the terminal that standard error is, if it is one and says so.
pub(crate) fn error_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

fn terminal_width() -> Option<u16> {
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|&columns| columns >= 40)
}
